"""Plugins and registries: found, kept apart, looked up."""
