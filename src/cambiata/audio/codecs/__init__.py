"""Sound files decoded and encoded, whatever their headers say."""
