"""Files, archives, JSON, CSV, storage: how bytes get in and out. Knows nothing about images."""
