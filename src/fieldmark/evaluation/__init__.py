"""Predict once, measure many: one pass over a set, and pure functions of what it gave."""
