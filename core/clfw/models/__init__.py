"""Networks on a device: built, restored, fed with batches."""
