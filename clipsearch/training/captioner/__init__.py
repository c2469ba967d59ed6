"""Trains the captioner: a Transformer decoder that looks at what the image tower sees."""
