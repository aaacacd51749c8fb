"""Data given as a path: installed readers are asked which of them can read it.

Also the way back: the data that a finished run was given as a path, as the run recorded it.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clfw.api import run_files
from clfw.api.components import Dataset, load
from clfw.api.source import Detected
from clfw.catalog.registry import Entry, Registry
from clfw.errors import ClfwError, DataError, InputMissing, UsageError
from clfw.io import text_files
from clfw.io.file_tree import (
    FileTree,
    SingleFileTree,
    is_picture,
    is_stray,
    open_tree,
    unsupported_images,
    unsupported_images_line,
    wrapping_folder,
)
from clfw.io.json_text import canonical_json
from clfw.io.storage import cache_folder, write_atomically
from clfw.plugins.manager import NAME, Catalog, first_line, warn
from clfw.text import did_you_mean, escape, plural

Answer = Detected | DataError  # a reader's answer, or what the user has to decide first


def find_data(
    text: str,
    given: Mapping[str, Any],
    catalog: Catalog,
    registry: Registry,
    run: Path | None = None,
) -> Entry:
    """The data entry that `text` names; if it is a path, an entry made for what is there.

    Args:
        given: values of the data group that the user has set, by key.
        run: a run folder or weights file, whose own data is read as that run read it.

    Raises:
        UsageError, PluginError: no such name.
        InputMissing: no such path.
        DataError: no reader recognizes it, several do, or one needs more information.
    """
    if is_known(text, catalog, registry) or not looks_like_path(text):
        return registry.find("data", text, catalog)
    path = Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100  (keeps symbolic links)
    if not os.path.exists(path):  # noqa: PTH110  (accepts names that no disk can hold)
        raise InputMissing(
            f"no file or folder '{escape(text)}', and no data entry of that name",
            hint=did_you_mean(text, registry.names("data")),
        )
    if any("\udc80" <= character <= "\udcff" for character in str(path)):
        raise UsageError(f"'{escape(text)}': the name is not valid UTF-8", hint="rename it")
    if "path" in given:
        raise UsageError(
            f"--set data.path: --data already names the path, '{escape(text)}'",
            hint="omit one of the two",
        )
    own = recorded_data(run) if run is not None else None
    if own is not None and own.path == str(path):
        return own
    return detect(path, text, given, catalog)


def is_known(text: str, catalog: Catalog, registry: Registry) -> bool:
    """Whether an entry or an installed dataset has this name."""
    return ("data", text) in registry.entries or ("dataset", text) in catalog.offers


def looks_like_path(text: str) -> bool:
    """Whether a text that is no known name looks like a path."""
    separators = {os.sep, os.altsep or os.sep, "."}
    return (
        not separators.isdisjoint(text) or text.startswith("~") or os.path.exists(text)  # noqa: PTH110
    )


def detect(path: Path, text: str, given: Mapping[str, Any], catalog: Catalog) -> Entry:
    """An entry for the data at `path`, which the user wrote as `text`."""
    tree = tree_at(path)
    cache = None if isinstance(tree, SingleFileTree) else cache_file(tree, given, catalog)
    found = read_cached(cache) if cache is not None else None
    if found is None:
        found = detect_reader(path, tree, text, given, catalog)
        if cache is not None:
            write_atomically(cache, json.dumps({"data": entry_name(path), **found}).encode())
    return Entry(
        name=entry_name(path),
        section="data",
        origin=f"detected at {path}",
        fields={
            "component": found["component"],
            "summary": found["seen"],
            "values": {**found["values"], "path": str(path)},
        },
        seen=found["seen"],
    )


def cache_file(tree: FileTree, given: Mapping[str, Any], catalog: Catalog) -> Path:
    """Where the readers' answer is cached, next to the tables, so that a second start opens no zip.

    Not for a list by itself: its answer depends on pictures elsewhere.
    """
    asked = [catalog.offers["dataset", reader.name][0].plugin for reader in readers(catalog)]
    key = [tree.identity(), repr(sorted(given.items())), [plugin.identity for plugin in asked]]
    digest = hashlib.sha256(canonical_json(key).encode())
    return cache_folder("tables") / f"{digest.hexdigest()[:32]}.json"


def read_cached(path: Path) -> dict[str, Any] | None:
    """A cached answer; None if there is none, or it is damaged."""
    try:
        found = json.loads(path.read_bytes())
        return {
            "component": str(found["component"]),
            "seen": str(found["seen"]),
            "values": dict(found["values"]),
        }
    except (OSError, ValueError, TypeError, KeyError):
        return None


def detect_reader(
    path: Path, tree: FileTree, text: str, given: Mapping[str, Any], catalog: Catalog
) -> dict[str, Any]:
    """The component, values and description from the one reader that recognizes `path`."""
    answers = {
        reader.name: answer
        for reader in readers(catalog)
        if (answer := ask_reader(reader, path, tree, given)) is not None
    }
    if not answers:
        raise no_reader_error(text, tree, catalog)
    if len(answers) > 1:
        kinds = [f"{name}: {answer_line(answer)}" for name, answer in answers.items()]
        raise DataError(
            "\n  ".join([f"'{escape(text)}': {len(answers)} readers recognize it:", *kinds]),
            hint="choose one: " + " or ".join(f"--data {name}" for name in answers)
            + f" with --set data.path={escape(text)}",
        )  # fmt: skip
    ((name, answer),) = answers.items()
    if isinstance(answer, DataError):
        raise answer
    return {"component": name, "values": dict(answer.values), "seen": answer.seen}


def tree_at(path: Path) -> FileTree:
    """The files of a folder or zip, or a single file; names unchanged, nothing left out."""
    try:
        return open_tree(path, look_through=False)
    except DataError:
        if not path.is_file() or path.suffix.lower() == ".zip":
            raise
        return SingleFileTree(path)


def readers(catalog: Catalog) -> list[Dataset]:
    """The installed readers that can detect their data."""
    offers = [catalog.offers["dataset", name][0] for name in catalog.names("dataset")]
    components = [offer.component for offer in offers]
    return [c for c in components if isinstance(c, Dataset) and c.detect]


def ask_reader(
    reader: Dataset, path: Path, tree: FileTree, given: Mapping[str, Any]
) -> Answer | None:
    """A reader's answer; a reader that fails unexpectedly is skipped with a warning."""
    try:
        answer = load(reader.detect)(path, tree, given)
    except DataError as error:
        return error
    except ClfwError:
        raise
    except Exception as error:
        warn(f"dataset '{reader.name}': failed to check whether it reads this: {first_line(error)}")
        return None
    if answer is not None and not isinstance(answer, Detected):
        warn(f"dataset '{reader.name}': detect returned {type(answer).__name__}, not Detected")
        return None
    return answer


def answer_line(answer: Answer) -> str:
    """An answer on one line."""
    return answer.seen if isinstance(answer, Detected) else answer.message.splitlines()[0]


def no_reader_error(text: str, tree: FileTree, catalog: Catalog) -> DataError:
    """The error for a path that no reader recognizes, listing what each reads."""
    names = tree.names()
    pictures = [name for name in names if is_picture(name) and not is_stray(name)]
    if not pictures and (others := unsupported_images(names)):
        return DataError(
            f"'{escape(text)}': {unsupported_images_line(others)}", hint="convert the pictures"
        )
    root = wrapping_folder(names)
    if pictures and not any("/" in name.removeprefix(root) for name in pictures):
        return DataError(
            f"'{escape(text)}': {plural(len(pictures), 'picture')} but no class folders",
            hint="put the pictures of each class in a folder of its own, or list them in a CSV file",
        )
    first = f", the first is '{escape(names[0], 60)}'" if names else ""
    count = f"{len(names):,} {'file' if len(names) == 1 else 'files'}{first}"
    kinds = [f"{reader.name}: {reader.summary}" for reader in readers(catalog)]
    return DataError(
        "\n  ".join([f"'{escape(text)}': no reader recognizes it ({count}); they read:", *kinds]),
        hint="arrange it like one of these, or name the reader: --data READER "
        f"--set data.path={escape(text)}",
    )


def entry_name(path: Path) -> str:
    """A valid entry name made from the path's last part."""
    name = path.stem if path.is_file() else path.name
    legal = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not NAME.match(legal):
        legal = f"data_{legal}".rstrip("_")
    return legal[:64]


def recorded_data(run: Path) -> Entry | None:
    """The data of a run as an entry, if the run was given it as a path; else None.

    Args:
        run: the run folder, or the weights file inside.
    """
    plan = (run if run.is_dir() else run.parent) / run_files.PLAN
    if not plan.exists():
        return None
    try:
        data = text_files.read_json(plan)["data"]
        if not data["seen"]:
            return None
        cells = data["values"].items()
        values = {key: cell["value"] for key, cell in cells if cell["origin"] != "default"}
        return Entry(
            name=str(data["entry"]),
            section="data",
            origin=f"recorded in {plan}",
            fields={
                "component": str(data["component"]),
                "values": {**values, "path": str(data["found"])},
            },
            seen=str(data["seen"]),
        )
    except (DataError, KeyError, TypeError, AttributeError):  # an entry's, or not our plan
        return None
