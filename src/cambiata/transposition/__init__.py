"""Recordings at another pitch, or at another speed."""
