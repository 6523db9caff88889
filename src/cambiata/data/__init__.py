"""What networks learn from and what systems are judged on; no torch."""
