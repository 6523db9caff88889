"""Pure functions from sound to numbers: nothing here keeps state or decides on phase."""
