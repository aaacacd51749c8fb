"""Weights files, read strictly and written whole."""
