"""A run before it starts: every value resolved and validated. No torch, no data read."""
