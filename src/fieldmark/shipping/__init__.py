"""The classifier folder: what you ship, and what reads it back without running anything in it."""
