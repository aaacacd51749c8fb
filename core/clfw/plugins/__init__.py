"""Plugins: found, loaded, isolated from each other, called."""
