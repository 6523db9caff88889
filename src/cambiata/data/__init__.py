"""Data that networks are trained on and systems are judged by; no torch."""
