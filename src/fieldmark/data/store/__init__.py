"""Decoded pictures, kept on disk: made once, opened at once afterwards."""
