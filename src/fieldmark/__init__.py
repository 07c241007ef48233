"""fieldmark: train, understand, trust and ship image classifiers."""
__version__ = "0.1.0"
