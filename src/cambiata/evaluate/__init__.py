"""The evaluation: test sets, metrics, runs and reports; it imports the core, never the reverse."""
