"""Where full datasets and pretrained weights are looked for, and the errors if they are absent."""

import os
from pathlib import Path

from clfw.api.params import Resolved
from clfw.catalog.registry import Entry
from clfw.config.data_params import DataParams
from clfw.errors import InputMissing
from clfw.io.storage import user_folder
from clfw.plugins.manager import warn
from clfw.text import escape

VARIABLE = "CLFW_DATA_DIR"


def data_folder() -> Path:
    """Where full datasets are looked for: `CLFW_DATA_DIR`, else the platform's data folder."""
    override = os.environ.get(VARIABLE)
    if override:
        return Path(override)
    return user_folder("data") / "data"


def weights_folder(folder: Path) -> Path:
    """Where fetched pretrained weights are: next to the datasets."""
    return folder / "weights"


def require_named_folder(folder: Path | None) -> None:
    """Raise if the folder of `--data-dir` does not exist; only warn for `CLFW_DATA_DIR`.

    A typo must not silently end in the sample; the variable may name a folder that `clfw fetch` has
    yet to create.
    """
    if folder is not None and not folder.is_dir():
        raise InputMissing(
            f"--data-dir: no folder '{escape(str(folder))}'",
            hint="check the path, or omit it",
        )
    named = os.environ.get(VARIABLE)
    if folder is None and named and not Path(named).is_dir():
        warn(f"{VARIABLE}: no folder '{escape(named)}'")


def locate(values: Resolved[DataParams], entry: Entry, folder: Path) -> Path | None:
    """The data's folder or file; None if it is absent.

    A path from the user or their registry is tried from the working folder first; packaged entries
    look only in the data folder, so that a stray `./mnist` does not become the data.
    """
    name = values.params.path or entry.name
    packaged = entry.origin == "clfw" and values.origins["path"] != "--set"
    candidates = [folder / name, folder / f"{name}.zip"]
    if not packaged:
        candidates.insert(0, Path(name).expanduser())
    # Unlike `Path.exists`, this also answers for names too long for the file system.
    return next((path for path in candidates if os.path.exists(path)), None)  # noqa: PTH110


def missing(
    values: Resolved[DataParams], entry: Entry, folder: Path, require_full: bool
) -> InputMissing:
    """The error for data that `locate` does not find."""
    path = values.params.path
    ways = [f"put it into {folder} or name another folder with --data-dir"]
    if entry.fields.get("fetch"):
        ways.insert(0, f"clfw fetch {entry.name}")
    elif not path:
        ways.insert(0, "name the data itself, as in --set data.path=my_pictures")
    what = "the full set" if require_full else "the data"
    return InputMissing(
        f"data '{entry.name}': {what} '{escape(path or entry.name)}' is not in {folder}"
        + (", nor in the working folder" if values.origins["path"] == "--set" else ""),
        hint=", or ".join(ways),
    )
