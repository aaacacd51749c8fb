"""What may be wrong with a dataset."""
