"""The data engine and what is trained on it; it imports the core, and the core never imports it."""
