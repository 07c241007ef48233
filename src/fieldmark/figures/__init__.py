"""Figures, as matplotlib objects: how training went, what is confused with what, and the pictures."""
