"""Imports a plugin in a process of its own, which may exit, crash or hang without harm.

Exceptions are caught when a plugin is loaded; only what ends or blocks the whole process needs this.
`python -m clfw.plugins.probing NONCE MODULE [FILE]` is that process.
"""

import os
import signal
import subprocess
import sys

from clfw.io.child_process import import_environment, python_command
from clfw.plugins.plugin import Plugin

DONE = "clfw probe done"


def probe(plugin: Plugin, seconds: float) -> str:
    """Why the plugin must not be imported; empty if importing it and asking what it offers finished."""
    nonce = os.urandom(8).hex()  # so that no print of the plugin can fake the end
    command = python_command("-m", "clfw.plugins.probing", nonce, plugin.module, plugin.file)
    try:
        done = subprocess.run(
            command,
            env=import_environment(),
            capture_output=True,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return f"importing it did not finish within {seconds:g} s"
    if f"{DONE} {nonce}".encode() in done.stdout:
        return ""
    if done.returncode < 0:
        return f"importing it crashes ({signal.Signals(-done.returncode).name})"
    return f"importing it ends the process (exit code {done.returncode})"


def main(nonce: str, module: str, file: str = "") -> None:
    """Load one plugin as the manager does; exceptions are the manager's business."""
    from clfw.plugins.manager import load_plugin, new_host

    load_plugin(new_host(), Plugin(name="probed", module=module, package="", version="", file=file))
    print(f"{DONE} {nonce}", flush=True)
    os._exit(0)  # skips whatever the plugin registered with atexit


if __name__ == "__main__":
    main(*sys.argv[1:])
