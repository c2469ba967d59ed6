"""Training and exporting of the built-in tower."""
