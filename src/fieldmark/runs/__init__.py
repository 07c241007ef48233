"""Runs: a folder per training run, and what is in it."""
