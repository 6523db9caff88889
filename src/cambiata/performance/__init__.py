"""Scores played with a recorded sound."""
