"""Synthesisers that render single notes, for training data; each is a tool beside the package."""
