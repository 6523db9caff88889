"""Sound: files, regions, chunks, loudness, spectra, phases."""
