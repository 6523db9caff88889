"""The command line: one verb is one call of the API."""
