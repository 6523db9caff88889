"""Choirs and ensembles: one voice or instrument in, a section of them out."""
