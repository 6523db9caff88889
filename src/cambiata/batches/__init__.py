"""Batches: a verb of the command line over many inputs, on any engine, recorded in a manifest."""
