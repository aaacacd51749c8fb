"""What probes found out about plugins, kept in the cache folder per version of their package."""

from clfw.io.storage import cache_folder, cache_root, write_atomically

FOLDER, FILE = "plugins", "verdicts.json"


def read_probe_results() -> dict[str, str]:
    """By a plugin's identity, why its probe failed; empty for one that passed."""
    path = cache_root() / FOLDER / FILE
    try:
        text = path.read_bytes()
    except OSError:  # nothing was probed yet
        return {}
    import json

    try:
        verdicts = json.loads(text)
        return {str(key): str(reason) for key, reason in verdicts.items()}
    except (ValueError, AttributeError):  # a cache may be lost
        return {}


def save_probe_results(found: dict[str, str]) -> None:
    """Add to what is kept."""
    import json

    verdicts = read_probe_results() | found
    text = json.dumps(verdicts, indent=2, sort_keys=True)
    write_atomically(cache_folder(FOLDER) / FILE, f"{text}\n".encode())
