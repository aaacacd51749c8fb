"""Collects an entry's files in a staging folder: from their mirrors, or from a local copy."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from clfw.catalog.registry import Entry
from clfw.errors import DataError
from clfw.fetch.download import download
from clfw.fetch.http import Network
from clfw.fetch.local_copy import copy_file, size_of, take_dataset, take_published
from clfw.fetch.remote import Remote, form_of
from clfw.io.progress import Progress, no_progress
from clfw.io.storage import require_free_space
from clfw.plugins.manager import Catalog
from clfw.text import plural


def _silence(line: str) -> None:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Console:
    """Where messages and progress go; nowhere by default."""

    say: Callable[[str], None] = _silence
    bytes_bar: Progress = no_progress
    pictures_bar: Progress = no_progress


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchJob:
    """One entry to be fetched: its files, where they go, where they come from."""

    entry: Entry
    catalog: Catalog
    remotes: tuple[Remote, ...]
    folder: Path
    source: Path | None = None
    network: Network = field(default_factory=Network)
    console: Console = field(default_factory=Console)

    @property
    def name(self) -> str:
        """The entry's name."""
        return self.entry.name

    def at(self, key: str) -> str:
        """A place in the registry, for messages."""
        return f"registry ({self.entry.origin}): {self.entry.section}.{self.name}.{key}"


def missing_files(job: FetchJob) -> list[Remote]:
    """The files that are not in place yet. One that is must be as published, else `DataError`."""
    absent = []
    for remote in job.remotes:
        path = job.folder / remote.file
        if not path.exists():
            absent.append(remote)
            continue
        with path.open("rb") as stream:
            form, seen = form_of(stream, remote)
        if form in ("published", "repacked"):
            continue
        differs = f"{path}: sha256 {seen}, expected {remote.sha256}"
        if not remote.is_archive:
            raise DataError(differs, hint=f"move it away, then run clfw fetch {job.name} again")
        job.console.say(f"warning: {differs}: packed differently; it is checked by opening it")
    return absent


def collect(job: FetchJob, files: Path, parts: Path) -> dict[str, str]:
    """All of the job's files in `files`; where each came from. {} if --from has none of them."""
    for folder in (files, parts):
        folder.mkdir(parents=True, exist_ok=True)
    wanted = {files / remote.file for remote in job.remotes}
    for path in [path for path in files.rglob("*") if path.is_file()]:
        if path not in wanted:  # of another version of the entry
            path.unlink()
    if job.source is not None:
        return _published_at(job.source, job, files)
    origins, absent = {}, []
    for remote in job.remotes:
        if _is_published(files / remote.file, remote):
            origins[remote.file] = "an earlier try"
        elif _is_published(job.folder / remote.file, remote):
            copy_file(job.folder / remote.file, files / remote.file)
            origins[remote.file] = str(job.folder / remote.file)
        else:
            absent.append(remote)
    total = sum(remote.bytes or 0 for remote in absent)
    partial = sum(path.stat().st_size for path in parts.glob("*.part"))
    _require_space(job, total - partial)
    size = f", {total / 1e6:,.1f} MB" if total else ""
    job.console.say(
        f"fetching {job.name}: {len(absent)} of {plural(len(job.remotes), 'file')}{size}"
    )
    bar = job.console.bytes_bar(job.name, total)
    try:
        for remote in absent:
            part = parts / f"{remote.sha256}.part"
            origin = download(remote, part, job.network, bar.advance, job.console.say)
            (files / remote.file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, files / remote.file)
            origins[remote.file] = origin
    finally:
        bar.close()
    return origins


def _published_at(source: Path, job: FetchJob, files: Path) -> dict[str, str]:
    """Copy the published files found in a local copy; {} if it is to be copied as a whole."""
    if not job.remotes:
        return {}
    try:
        return take_published(source, job.remotes, files)
    except DataError as error:
        if source.is_dir() or not job.remotes[0].is_archive:
            raise
        job.console.say(f"warning: {error.message}: packed differently")
        return {}


def _is_published(path: Path, remote: Remote) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as stream:
        return form_of(stream, remote)[0] in ("published", "repacked")


def _require_space(job: FetchJob, needed: int) -> None:
    """Raise before anything is fetched that does not fit on the disk."""
    hint = "free some space, or choose another folder with --data-dir"
    require_free_space(job.folder, needed, f"the files of {job.name}", hint=hint)


def copy_whole(job: FetchJob, folder: Path, stem: str) -> Path:
    """A copy of the whole dataset that `--from` names; checked later by opening it."""
    assert job.source is not None
    shutil.rmtree(folder, ignore_errors=True)
    total = size_of(job.source)
    _require_space(job, total)
    bar = job.console.bytes_bar("copying", total)
    try:
        take_dataset(job.source, folder, stem, bar.advance)
    finally:
        bar.close()
    return folder
