"""MusicXML: files, packed or not, as they are played, and sheets as they are written."""
