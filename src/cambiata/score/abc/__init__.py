"""ABC notation: text, fields, music code, and tunes as they are played."""
