"""The note model: a recording's notes, their partials and noise, and sound from them."""
