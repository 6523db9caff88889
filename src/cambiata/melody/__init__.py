"""Melodies turned towards another style."""

from cambiata.melody.restyling import MelodyReport, restyle, restyle_file, shown_by

__all__ = ["MelodyReport", "restyle", "restyle_file", "shown_by"]
