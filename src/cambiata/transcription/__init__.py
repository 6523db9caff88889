"""Recordings written down as notes."""
