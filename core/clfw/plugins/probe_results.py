"""The results of probing plugins, kept in the cache folder by package version."""

from clfw.io.storage import cache_folder, cache_root, write_atomically

FOLDER, FILE = "plugins", "verdicts.json"


def read_probe_results() -> dict[str, str]:
    """Why each plugin's probe failed, by its identity; an empty reason for one that passed."""
    path = cache_root() / FOLDER / FILE
    try:
        text = path.read_bytes()
    except OSError:  # nothing probed yet
        return {}
    import json

    try:
        results = json.loads(text)
        return {str(key): str(reason) for key, reason in results.items()}
    except (ValueError, AttributeError):  # a cache may be lost
        return {}


def save_probe_results(found: dict[str, str]) -> None:
    """Add results to those kept."""
    import json

    results = read_probe_results() | found
    text = json.dumps(results, indent=2, sort_keys=True)
    write_atomically(cache_folder(FOLDER) / FILE, f"{text}\n".encode())
