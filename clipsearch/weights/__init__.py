"""The shipped pair of towers; see MODEL_CARD.md in this folder."""
