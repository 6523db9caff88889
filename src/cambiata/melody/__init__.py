"""Melodies turned towards another style."""
