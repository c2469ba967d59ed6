"""Measures towers on captioned pictures."""
