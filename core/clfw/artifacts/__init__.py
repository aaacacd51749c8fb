"""A run on disk: its folder, its owner, its checkpoints, the way back."""
