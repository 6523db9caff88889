"""Recordings translated to a learnt domain."""
