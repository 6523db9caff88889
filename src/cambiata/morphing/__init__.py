"""Sounds between two others: partials, noise and time are interpolated, also while they play."""
