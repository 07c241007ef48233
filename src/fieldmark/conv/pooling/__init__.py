"""Pooling: one number for every window, its largest or its mean."""
