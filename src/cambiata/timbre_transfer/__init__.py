"""One recording's notes and timing with another recording's sound."""
