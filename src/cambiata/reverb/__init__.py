"""Reverb of real and simulated rooms: measured, applied, estimated, matched, simulated, removed."""
