"""Sounds and scores side by side: as one picture, and as one web page that needs nothing else."""
