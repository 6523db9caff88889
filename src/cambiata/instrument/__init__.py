"""Playable instruments for samplers, of a captured timbre or of recordings of single notes."""
