"""Recordings of solo instruments that ship, to be used as styles by their names."""
