"""Brings full datasets and pretrained weights to where runs look for them.

From mirrors or a local copy, into a hidden folder first; seen when whole and checked, not before.
Archives are never unpacked: readers open a zip in place (`clfw.io.file_tree`), so there is no
extraction here, and none of its faults.
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
from clfw.fetch.staging import others_at_work, publish, staged, sweep
from clfw.io.storage import cache_folder
from clfw.plugins.manager import Catalog
from clfw.plugins.plugin_calls import call_plugin
from clfw.text import did_you_mean, escape

WEIGHTS_SUFFIX = ".safetensors"
SETTLING = 5.0  # seconds that a lock's holder has to begin before the lock counts as left behind


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What is there now.

    Attributes:
        origins: for each file, the address or path that it came from; {} where all was there.
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
    report: Console | None = None,
) -> Fetched:
    """Bring the files of the data entry or model entry `name`, unless they are there.

    Args:
        folder: the data folder; weights go to the weights folder in it.
        source: a local file or folder to take instead of the network.

    Raises:
        ClfwError: nothing has appeared then; what has come is kept for another try.
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
        report=report or Console(),
    )
    if source is not None:
        require_source(source)
    run = _fetch_data if entry.section == "data" else _fetch_weights
    with _one_at_a_time(job):
        try:
            return run(job)
        except OSError as error:
            where_ = escape(str(error.filename or job.folder), 300)
            raise StorageError(f"{where_}: {error.strerror or error}") from None


def _entry(name: str, catalog: Catalog, registry: Registry) -> Entry:
    """The data entry of that name, else the model entry."""
    if ("data", name) in registry.entries or ("dataset", name) in catalog.offers:
        return registry.find("data", name, catalog)
    if ("models", name) in registry.entries:
        return registry.find("models", name, catalog)
    known = [key for section, key in registry.entries if section != "recipes"]
    raise UsageError(
        f"no data or model entry named '{escape(name)}'",
        hint=did_you_mean(name, known, "see what there is: clfw list"),
    )


@contextmanager
def _one_at_a_time(job: FetchJob) -> Iterator[None]:
    """Let a second process wait for the first instead of loading the same files.

    A courtesy that nothing relies on: every process works in a folder of its own, so that without
    locks, or with one left behind, each does all the work and the result is the same.
    """
    digest = hashlib.sha256(f"{job.folder}|{job.name}".encode(errors="surrogateescape")).hexdigest()
    lock = FileLock(cache_folder("locks") / f"fetch-{digest[:16]}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        job.report.say(f"another process fetches {job.name}; waiting for it")
        began = time.monotonic()
        while others_at_work(job.folder, job.name) or time.monotonic() - began < SETTLING:
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
                f"{job.at('fetch')}: '{remote.file}' is no {WEIGHTS_SUFFIX} file",
                hint="weights are fetched as safetensors alone, never as pickles",
            )
    path = job.folder / job.remotes[0].file if len(job.remotes) == 1 else job.folder
    origins: dict[str, str] = {}
    if not missing_files(job):
        _is_there(job, path)
    else:
        with staged(job.folder, job.name) as stage:
            origins = collect(job, stage / "files", stage / "parts")
            if not origins:
                names = ", ".join(remote.name for remote in job.remotes)
                raise InputMissing(
                    f"--from: '{escape(str(job.source))}' is or holds no {names}",
                    hint="give that file, or a folder or zip that holds it",
                )
            _publish_all(job, stage / "files")
    return Fetched(name=job.name, kind="weights", path=path, origins=origins, rows={})


def _fetch_data(job: FetchJob) -> Fetched:
    dataset = _dataset(job)
    converted = "convert" in job.entry.fields
    lacking = list(job.remotes) if converted else missing_files(job)
    there = _located(job, job.folder)
    if there is not None and (not lacking or len(lacking) == len(job.remotes)):
        rows = _row_counts(job, there, f"move {there} away, then clfw fetch {job.name} again")
        _is_there(job, there)
        return Fetched(name=job.name, kind="data", path=there, origins={}, rows=rows)
    with staged(job.folder, job.name) as stage, _thrown_away(stage / "whole", stage / "made"):
        origins = collect(job, stage / "files", stage / "parts")
        inside = stage / ("made" if converted else "files")
        if not origins:
            inside = copy_whole(job, stage / "whole", _data_path(job))
            origins = {job.name: str(job.source)}
        elif converted:
            _convert(job, dataset, stage / "files", inside)
        found = _located(job, inside)
        if found is None:
            raise UsageError(f"{job.at('fetch')}: gives nothing at data.path")
        rows = _row_counts(job, found)
        _publish_all(job, inside)
    path = _located(job, job.folder)
    assert path is not None
    return Fetched(name=job.name, kind="data", path=path, origins=origins, rows=rows)


@contextmanager
def _thrown_away(*folders: Path) -> Iterator[None]:
    """Folders that no later try can go on from, gone however the body ends."""
    try:
        yield
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _dataset(job: FetchJob) -> Dataset:
    """The component of a data entry that files can be fetched for."""
    component = job.catalog.find("dataset", job.entry.component).component
    assert isinstance(component, Dataset)
    if not component.needs_path:
        raise UsageError(f"data '{job.name}' is made by clfw itself and needs no files")
    if not job.remotes and job.source is None:
        raise UsageError(
            f"data '{job.name}' names no files to fetch", hint="give a local copy with --from PATH"
        )
    made = job.entry.fields.get("convert")
    if made is not None and not component.convert:
        raise UsageError(f"{job.at('convert')}: '{component.name}' converts nothing")
    if made is not None and not re.fullmatch(r"[A-Za-z0-9_]+(\.[a-z]+)?", made):
        raise UsageError(f"{job.at('convert')}: '{escape(made)}' is no plain file name")
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
    """The dataset in `folder`, under the names that a run looks for."""
    stem = _data_path(job)
    candidates = (folder / stem, folder / f"{stem}.zip")
    return next((path for path in candidates if path.exists()), None)


def _is_there(job: FetchJob, path: Path) -> None:
    """Say so, and drop what earlier tries have left."""
    sweep(job.folder, job.name)
    unused = "; --from was not used" if job.source else ""
    job.report.say(f"{job.name} is there already{unused}: {path}")


def _convert(job: FetchJob, dataset: Dataset, files: Path, folder: Path) -> None:
    """Let the reader's component turn the published files into what the reader opens."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    choice = _choice(job, files)
    sources = [files / remote.file for remote in job.remotes]
    target = folder / str(job.entry.fields["convert"])
    call_plugin(
        choice.plugin, dataset.convert, sources, target, choice.params, job.report.pictures_bar
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
    """Make everything appear; what another process put there meanwhile is checked, not replaced."""
    for path in sorted(inside.iterdir()):
        publish(path, job.folder / path.name)
    if inside.name == "files":
        missing_files(job)
