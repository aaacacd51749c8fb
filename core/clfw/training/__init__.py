"""Networks at work: device, batches, the loop, its state, evaluation."""
