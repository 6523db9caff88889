"""Knobs: the main directions of a set of sounds, and named ones, to play with."""
