"""Drum grooves part of the way to another groove, or to a drummer."""
