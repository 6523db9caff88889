"""Species counterpoint: worksheets solved and checked; the rules are in `docs/counterpoint.md`."""
