"""Finished weights and the images they are asked about. No torch."""
