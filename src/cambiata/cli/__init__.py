"""The command line: one subcommand is one call of the API; no defaults and no sound of its own."""
