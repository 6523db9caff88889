"""Written music: MIDI, notation, piano rolls, previews and pictures."""
