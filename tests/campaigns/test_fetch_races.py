"""Fetching when processes die or meet: nothing half made is seen, and the result is right."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import filelock
import pytest

from clfw.fetch import entry, staging
from clfw.fetch.staging import staged
from mirrors import files_under, served
from places import SUPPORT
from published_sets import DIGITS, PACKED, Heard, NoLock, Shop, open_shop, write_files


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with served() as mirror:
        yield open_shop(mirror, tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


DYING = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from published_sets import Shop
from clfw.fetch import download, entry, staging
place, name, shop = sys.argv[2], sys.argv[3], Path(sys.argv[4])
module, _, function = place.partition(":")
module = {"download": download, "entry": entry, "staging": staging}[module]
owner, _, method = function.rpartition(".")
holder = getattr(module, owner) if owner else module
def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(holder, method, die)
Shop(None, shop).fetch(name)
"""


def killed_at(place: str, name: str, shop: Shop) -> None:
    """Fetch in a process that kills itself when it comes to `place`."""
    command = [sys.executable, "-c", DYING, str(SUPPORT), place, name]
    done = subprocess.run([*command, str(shop.registry)], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.parametrize(
    ("name", "place", "asked_again"),
    [
        ("tiny", "download:Transfer._write", 4),
        ("tiny", "download:Transfer.check", 3),
        ("tiny", "entry:_row_counts", 0),
        ("tiny", "staging:flush", 0),
        ("listed", "entry:_publish_all", 0),
    ],
)
def test_a_killed_fetch_leaves_nothing_to_be_seen_and_the_next_goes_on(
    shop: Shop, data: Path, name: str, place: str, asked_again: int
):
    killed_at(place, name, shop)
    assert visible(data) == []
    assert len(list(data.iterdir())) == 1
    shop.mirror.asked.clear()
    fetched = shop.fetch(name)
    assert len(shop.mirror.asked) == asked_again
    assert [path.name for path in data.iterdir()] == [fetched.path.name]
    if name == "tiny":
        assert files_under(data) == DIGITS
    assert fetched.rows == {"train": 12, "test": 6}


def test_a_fetch_killed_after_its_last_step_left_a_whole_set(shop: Shop, data: Path):
    killed_at("staging:shutil.rmtree", "tiny", shop)
    assert visible(data) == ["tiny"]
    assert {f"tiny/{n}": d for n, d in files_under(data / "tiny").items()} == DIGITS
    assert len(names(data)) == 2
    shop.mirror.asked.clear()
    shop.fetch("tiny")
    assert shop.mirror.asked == []
    assert names(data) == ["tiny"]


def test_ctrl_c_keeps_what_has_come(shop: Shop, data: Path, monkeypatch: pytest.MonkeyPatch):
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(entry, "_row_counts", stop)
        with pytest.raises(KeyboardInterrupt):
            shop.fetch("tiny")
    assert visible(data) == []
    shop.mirror.asked.clear()
    shop.fetch("tiny")
    assert shop.mirror.asked == []
    assert files_under(data) == DIGITS


def eight_at_once(shop: Shop, name: str) -> list[object]:
    """What eight fetches at the same time came to."""
    results: list[object] = []
    barrier = threading.Barrier(8)

    def one() -> None:
        barrier.wait()
        try:
            results.append(shop.fetch(name).rows)
        except BaseException as error:
            results.append(error)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("name", ["tiny", "listed"])
def test_eight_at_once_load_it_once(shop: Shop, data: Path, name: str):
    assert eight_at_once(shop, name) == [{"train": 12, "test": 6}] * 8
    assert len(list(data.iterdir())) == 1
    paths = [path for path, _ in shop.mirror.asked]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("name", ["tiny", "listed"])
def test_eight_at_once_are_right_without_locks(
    shop: Shop, data: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setattr(entry, "FileLock", NoLock)
    assert eight_at_once(shop, name) == [{"train": 12, "test": 6}] * 8
    assert len(list(data.iterdir())) == 1
    if name == "tiny":
        assert files_under(data) == DIGITS


@pytest.mark.slow
def test_eight_processes_at_once_are_right_with_and_without_locks(shop: Shop, data: Path):
    code = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from published_sets import Shop
from published_sets import NoLock
from clfw.fetch import entry
if sys.argv[3] == "without":
    entry.FileLock = NoLock
print(Shop(None, Path(sys.argv[2])).fetch("tiny").rows)
"""
    for locks in ("with", "without"):
        command = [
            sys.executable,
            "-c",
            code,
            str(SUPPORT),
            str(shop.registry),
            locks,
        ]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
        outputs = [process.communicate()[0] for process in running]
        assert outputs == ["{'train': 12, 'test': 6}\n"] * 8
        assert files_under(data) == DIGITS
        for path in (data / "tiny").iterdir():
            path.unlink()
        (data / "tiny").rmdir()


def test_a_lock_that_somebody_left_behind_holds_nobody_up_for_ever(
    shop: Shop, data: Path, monkeypatch: pytest.MonkeyPatch
):
    class Held(NoLock):
        def acquire(self, timeout: float) -> None:
            raise filelock.Timeout("held")

    monkeypatch.setattr(entry, "FileLock", Held)
    monkeypatch.setattr(entry, "GRACE", 0.0)
    heard = Heard()
    shop.fetch("tiny", console=heard.report)
    assert files_under(data) == DIGITS
    assert heard.lines[0] == "another process is fetching tiny; waiting for it"


def test_a_second_fetch_waits_for_one_at_work(
    shop: Shop, data: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(entry, "GRACE", 0.0)
    asked = threading.Event()
    waited = threading.Event()

    def say(line: str) -> None:
        if "waiting" in line:
            waited.set()

    def first_answer(handler) -> None:
        asked.set()
        assert waited.wait(20)
        shop.mirror.answers["/tiny/train-images-idx3-ubyte.gz"][-1](handler)

    path = "/tiny/train-images-idx3-ubyte.gz"
    shop.mirror.put(path, first_answer, *shop.mirror.answers[path])
    first = threading.Thread(target=shop.fetch, args=("tiny",))
    first.start()
    assert asked.wait(20)
    heard = Heard()
    report = type(heard.report)(say=lambda line: (heard.lines.append(line), say(line))[0])
    fetched = shop.fetch("tiny", console=report)
    first.join()
    assert fetched.origins == {}
    assert heard.lines[-1] == f"tiny is already there: {data / 'tiny'}"
    assert len(shop.mirror.asked) == len(PACKED)


# --- folders of work


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def dead_process() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def stage_of(folder: Path, owner: str) -> Path:
    """A folder of work with something in it."""
    return write_files(folder / f".it.{owner}.part", {"parts/x": b"kept"})


def test_a_folder_of_work_is_hidden_and_gone_afterwards(tmp_path: Path):
    folder = tmp_path / "data"
    with staged(folder, "it") as stage:
        (stage / "file").write_bytes(b"x")
        assert visible(folder) == []
    assert names(folder) == []


def test_a_failed_one_is_left_for_the_next(tmp_path: Path):
    folder = tmp_path / "data"
    with pytest.raises(ValueError), staged(folder, "it") as stage:
        (stage / "file").write_bytes(b"x")
        raise ValueError
    with staged(folder, "it") as stage:
        assert files_under(stage) == {"file": b"x"}
        assert len(names(folder)) == 1
    assert names(folder) == []


def test_a_failed_one_without_content_leaves_nothing(tmp_path: Path):
    with suppress(ValueError), staged(tmp_path / "data", "it"):
        raise ValueError
    assert names(tmp_path / "data") == []


def test_what_a_dead_process_left_is_taken_over(tmp_path: Path):
    folder = tmp_path / "data"
    stage_of(folder, f"{staging._host()}-{dead_process()}-0123abcd")
    with staged(folder, "it") as stage:
        assert files_under(stage) == {"parts/x": b"kept"}
    assert names(folder) == []


@pytest.mark.parametrize("owner", ["own", "another machine"])
def test_what_a_living_process_has_is_left_alone(tmp_path: Path, owner: str):
    folder = tmp_path / "data"
    host = staging._host() if owner == "own" else "elsewhere"
    other = stage_of(folder, f"{host}-{os.getpid()}-0123abcd")
    with staged(folder, "it") as stage:
        assert files_under(stage) == {}
    assert names(folder) == [other.name]


def test_what_another_machine_has_not_touched_for_long_is_taken_over(tmp_path: Path):
    folder = tmp_path / "data"
    other = stage_of(folder, "elsewhere-1-0123abcd")
    old = time.time() - staging.STALE - 60
    for path in (other, *other.rglob("*")):
        os.utime(path, (old, old))
    with staged(folder, "it") as stage:
        assert files_under(stage) == {"parts/x": b"kept"}


def test_the_fullest_leftover_is_taken_and_the_rest_swept(tmp_path: Path):
    folder = tmp_path / "data"
    stage_of(folder, "free-1")
    write_files(stage_of(folder, "free-2"), {"parts/y": b"more"})
    with staged(folder, "it") as stage:
        assert len(files_under(stage)) == 2
    assert names(folder) == []


def test_a_file_that_appeared_meanwhile_stays(tmp_path: Path):
    new = write_files(tmp_path / "new", {"set/a": b"new", "set/deep/b": b"new"})
    there = write_files(tmp_path / "data", {"set/a": b"old"})
    staging.publish(new / "set", there / "set")
    assert files_under(there) == {"set/a": b"old", "set/deep/b": b"new"}


def test_a_disk_without_links_gets_its_files_by_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    new = write_files(tmp_path / "new", {"a": b"new", "b": b"new"})
    there = write_files(tmp_path / "data", {"a": b"old"})
    for name in ("a", "b"):
        staging.publish(new / name, there / name)
    assert files_under(there) == {"a": b"old", "b": b"new"}


def test_a_data_folder_that_cannot_be_made_is_named(shop: Shop, tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(entry.ClfwError) as caught:
        shop.fetch("tiny", folder=tmp_path / "file" / "data")
    assert caught.value.exit_code == 73
    assert "--data-dir" in caught.value.hint
