"""Weights files and run folders on disk: written, locked, verified, read back."""
