"""Files of a registry entry brought from elsewhere, bounded and checked."""
