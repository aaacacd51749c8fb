"""The names that people type: registries, listing, and readers that detect data by its path."""
