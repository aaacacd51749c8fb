"""Brings full datasets and pretrained weights to where runs look for them.

From mirrors or a local copy, into a hidden folder first; visible only once complete and verified.
Archives are never unpacked: readers open a zip in place (`clfw.io.file_tree`).
"""

import hashlib
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from filelock import FileLock, Timeout

from clfw.api.components import Dataset
from clfw.api.params import Layer
from clfw.api.source import Source
from clfw.catalog.registry import Entry, Registry
from clfw.config.data_choice import DataChoice, Request, resolve_data
from clfw.config.data_folders import data_folder, weights_folder
from clfw.data.rows import check_rows
from clfw.errors import ClfwError, DataError, InputMissing, StorageError, UsageError
from clfw.fetch.collect import Console, FetchJob, collect, copy_whole, missing_files
from clfw.fetch.http import Network
from clfw.fetch.local_copy import require_source
from clfw.fetch.remote import remotes_of
from clfw.fetch.staging import others_working, publish, staged, sweep
from clfw.io.storage import cache_folder
from clfw.plugins.manager import Catalog
from clfw.plugins.plugin_calls import call_plugin
from clfw.text import did_you_mean, escape

WEIGHTS_SUFFIX = ".safetensors"
GRACE = 5.0  # seconds that a lock's holder has to start before the lock counts as abandoned


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What was fetched, or was there already.

    Attributes:
        origins: for each file, the URL or path that it came from; {} if all were there.
        rows: number of rows by split; {} for weights.
    """

    name: str
    kind: Literal["data", "weights"]
    path: Path
    origins: dict[str, str]
    rows: dict[str, int]


def fetch(
    name: str,
    catalog: Catalog,
    registry: Registry,
    *,
    folder: Path | None = None,
    source: Path | None = None,
    network: Network | None = None,
    console: Console | None = None,
) -> Fetched:
    """Fetch the files of the data entry or model entry `name`, unless they are there.

    Args:
        folder: the data folder; weights go to the weights folder in it.
        source: a local file or folder to use instead of the network.

    Raises:
        ClfwError: nothing is published then; a partial download is kept for the next try.
    """
    network = network or Network()
    entry = _entry(name, catalog, registry)
    where = (folder or data_folder()).absolute()
    job = FetchJob(
        entry=entry,
        catalog=catalog,
        remotes=remotes_of(entry, network.schemes),
        folder=where if entry.section == "data" else weights_folder(where),
        source=source,
        network=network,
        console=console or Console(),
    )
    if source is not None:
        require_source(source)
    run = _fetch_data if entry.section == "data" else _fetch_weights
    with _one_at_a_time(job):
        try:
            return run(job)
        except OSError as error:
            file = escape(str(error.filename or job.folder), 300)
            raise StorageError(f"{file}: {error.strerror or error}") from None


def _entry(name: str, catalog: Catalog, registry: Registry) -> Entry:
    """The data entry of that name, else the model entry."""
    if ("data", name) in registry.entries or ("dataset", name) in catalog.offers:
        return registry.find("data", name, catalog)
    if ("models", name) in registry.entries:
        return registry.find("models", name, catalog)
    known = [key for section, key in registry.entries if section != "recipes"]
    raise UsageError(
        f"no data or model entry named '{escape(name)}'",
        hint=did_you_mean(name, known, "list them all: clfw list"),
    )


@contextmanager
def _one_at_a_time(job: FetchJob) -> Iterator[None]:
    """Let a second process wait for the first instead of downloading the same files.

    Only a courtesy: every process works in a folder of its own, so without locks, or with an
    abandoned one, each does all the work and the result is the same.
    """
    digest = hashlib.sha256(f"{job.folder}|{job.name}".encode(errors="surrogateescape")).hexdigest()
    lock = FileLock(cache_folder("locks") / f"fetch-{digest[:16]}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        job.console.say(f"another process is fetching {job.name}; waiting for it")
        start = time.monotonic()
        while others_working(job.folder, job.name) or time.monotonic() - start < GRACE:
            try:
                lock.acquire(timeout=1)
                break
            except Timeout:
                continue
    except (OSError, NotImplementedError):  # a file system without locks
        pass
    try:
        yield
    finally:
        lock.release()


def _fetch_weights(job: FetchJob) -> Fetched:
    if not job.remotes:
        raise UsageError(f"model '{job.name}' has no weights to fetch")
    for remote in job.remotes:
        if not remote.file.endswith(WEIGHTS_SUFFIX):
            raise UsageError(
                f"{job.at('fetch')}: '{remote.file}' is not a {WEIGHTS_SUFFIX} file",
                hint="only safetensors weights are fetched, never pickles",
            )
    path = job.folder / job.remotes[0].file if len(job.remotes) == 1 else job.folder
    origins: dict[str, str] = {}
    if not missing_files(job):
        _already_complete(job, path)
    else:
        with staged(job.folder, job.name) as stage:
            origins = collect(job, stage / "files", stage / "parts")
            if not origins:
                names = ", ".join(remote.name for remote in job.remotes)
                raise InputMissing(
                    f"--from: '{escape(str(job.source))}' neither is nor contains {names}",
                    hint="give that file, or a folder or zip that contains it",
                )
            _publish_all(job, stage / "files")
    return Fetched(name=job.name, kind="weights", path=path, origins=origins, rows={})


def _fetch_data(job: FetchJob) -> Fetched:
    dataset = _dataset(job)
    converted = "convert" in job.entry.fields
    missing = list(job.remotes) if converted else missing_files(job)
    existing = _located(job, job.folder)
    if existing is not None and (not missing or len(missing) == len(job.remotes)):
        rows = _row_counts(
            job, existing, f"move {existing} away, then run clfw fetch {job.name} again"
        )
        _already_complete(job, existing)
        return Fetched(name=job.name, kind="data", path=existing, origins={}, rows=rows)
    with staged(job.folder, job.name) as stage, _discarded(stage / "whole", stage / "made"):
        origins = collect(job, stage / "files", stage / "parts")
        inside = stage / ("made" if converted else "files")
        if not origins:
            inside = copy_whole(job, stage / "whole", _data_path(job))
            origins = {job.name: str(job.source)}
        elif converted:
            _convert(job, dataset, stage / "files", inside)
        found = _located(job, inside)
        if found is None:
            raise UsageError(f"{job.at('fetch')}: has nothing at data.path")
        rows = _row_counts(job, found)
        _publish_all(job, inside)
    path = _located(job, job.folder)
    assert path is not None
    return Fetched(name=job.name, kind="data", path=path, origins=origins, rows=rows)


@contextmanager
def _discarded(*folders: Path) -> Iterator[None]:
    """Folders that no later try can continue from, removed however the body ends."""
    try:
        yield
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _dataset(job: FetchJob) -> Dataset:
    """The reader of a data entry, once it is clear that its files can be fetched."""
    component = job.catalog.find("dataset", job.entry.component).component
    assert isinstance(component, Dataset)
    if not component.needs_path:
        raise UsageError(f"data '{job.name}' is generated by clfw and needs no files")
    if not job.remotes and job.source is None:
        raise UsageError(
            f"data '{job.name}' has no files to fetch", hint="give a local copy with --from PATH"
        )
    made = job.entry.fields.get("convert")
    if made is not None and not component.convert:
        raise UsageError(f"{job.at('convert')}: '{component.name}' cannot convert")
    if made is not None and not re.fullmatch(r"[A-Za-z0-9_]+(\.[a-z]+)?", made):
        raise UsageError(f"{job.at('convert')}: '{escape(made)}' is not a plain file name")
    inside = PurePosixPath(_data_path(job))
    if inside.is_absolute() or ".." in inside.parts or Path(inside).drive:
        raise UsageError(
            f"data '{job.name}': data.path '{escape(str(inside))}' is not in the data folder",
            hint="put the files there yourself",
        )
    return component


def _data_path(job: FetchJob) -> str:
    return str(job.entry.table("values").get("path") or job.name)


def _located(job: FetchJob, folder: Path) -> Path | None:
    """The dataset in `folder`, under the names that a run looks for; None if absent."""
    stem = _data_path(job)
    candidates = (folder / stem, folder / f"{stem}.zip")
    return next((path for path in candidates if path.exists()), None)


def _already_complete(job: FetchJob, path: Path) -> None:
    """Say that it is there, and remove what earlier tries left."""
    sweep(job.folder, job.name)
    unused = "; --from was not used" if job.source else ""
    job.console.say(f"{job.name} is already there{unused}: {path}")


def _convert(job: FetchJob, dataset: Dataset, files: Path, folder: Path) -> None:
    """Have the reader's component convert the published files into what it opens."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    choice = _choice(job, files)
    sources = [files / remote.file for remote in job.remotes]
    target = folder / str(job.entry.fields["convert"])
    call_plugin(
        choice.plugin, dataset.convert, sources, target, choice.params, job.console.pictures_bar
    )


def _choice(job: FetchJob, path: Path) -> DataChoice:
    layer = Layer("clfw fetch", {"path": str(path)})
    return resolve_data(job.entry, job.catalog, [layer], Request(require_full=True))


def _row_counts(job: FetchJob, path: Path, hint: str = "") -> dict[str, int]:
    """Open the dataset at `path`, check every row, count them by split."""
    try:
        choice = _choice(job, path)
        source: Source = call_plugin(choice.plugin, choice.component.open, choice.params, path)
        table = source.table()
        check_rows(table, choice.common)
        if not len(table.keys):
            raise DataError("no rows")
    except ClfwError as error:
        blamed = f"--from: '{escape(str(job.source))}'" if job.source and not hint else str(path)
        message = f"{blamed} is not the data '{job.name}': {error.message}"
        raise type(error)(message, hint=hint or error.hint) from None
    return dict(Counter(table.splits))


def _publish_all(job: FetchJob, inside: Path) -> None:
    """Publish everything; what another process published meanwhile is checked, not replaced."""
    for path in sorted(inside.iterdir()):
        publish(path, job.folder / path.name)
    if inside.name == "files":
        missing_files(job)
