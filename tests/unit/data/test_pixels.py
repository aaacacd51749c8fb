"""The cache of decoded pictures: made once, whole or not at all, in the order of the rows."""

import json
import os
import shutil
import threading
import time
import warnings
from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clfw.api.preprocess import Preprocess
from clfw.api.source import Table
from clfw.data import channel_stats, parallel_decode
from clfw.data import pixels as module
from clfw.data.channel_stats import STATS, measure, stats_of
from clfw.data.decoding import decode
from clfw.data.parallel_decode import CHUNK, decode_rows
from clfw.data.pixels import PixelStore, open_pixels
from clfw.errors import DataError, OutputError, StorageError
from clfw.io import storage
from encoded import noise, turned_jpeg

SEEN_PAGE = "is a web page, not a picture"
GREY = Preprocess(channels=1, height=6, width=5)


@dataclass
class Drawn:
    """Row n is noise of seed n; remembers which rows were read."""

    count: int
    side: int = 6
    bad: dict[int, Any] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def identity(self) -> str:
        return "drawn"

    def table(self) -> Table:
        numbers = range(self.count)
        return Table(
            keys=[f"k{n}" for n in numbers],
            labels=["ab"[n % 2] for n in numbers],
            splits=["train"] * self.count,
            versions=[f"s{n}" for n in numbers],
            locations=[f"list.csv:{n + 2}" for n in numbers],
        )

    def read(self, row: int) -> Any:
        self.asked.append(row)
        found = self.bad.get(row)
        if isinstance(found, Exception):
            raise found
        return self.picture(row) if found is None else found

    def picture(self, row: int) -> NDArray[np.uint8]:
        """(side, side) uint8."""
        return noise(self.side, self.side, 1, seed=row)


def opened(
    source: Drawn,
    rows: Sequence[int] | None = None,
    preprocess: Preprocess = GREY,
    table: Table | None = None,
    *,
    skip_bad: bool = False,
) -> PixelStore:
    """The store of some rows, or of all."""
    numbers = np.array(range(source.count) if rows is None else rows, dtype=np.int64)
    return open_pixels(
        source, table or source.table(), numbers, preprocess, lambda count: None, skip_bad=skip_bad
    )


def stores(tmp_path: Path) -> list[Path]:
    """What lies in the cache, half-made things too."""
    return list((tmp_path / "cache" / "pixels").iterdir())


def test_pictures_are_decoded_in_the_order_of_the_rows() -> None:
    source = Drawn(3 * CHUNK + 7)
    rows = [5, 2, *range(10, 3 * CHUNK)]
    store = opened(source, rows)
    assert store.images.shape == (len(rows), 6, 5, 1)
    assert store.images.dtype == np.uint8
    assert not store.cached
    for position, row in enumerate(rows):
        assert (store.images[position] == decode(source.picture(row), GREY)).all()


def test_a_second_opening_decodes_nothing_and_gives_the_same() -> None:
    source = Drawn(100)
    first, second = opened(source), opened(source)
    assert sorted(source.asked) == list(range(100))
    assert (first.cached, second.cached) == (False, True)
    assert first.digest == second.digest
    assert (first.images == second.images).all()


def test_editing_labels_keys_and_splits_decodes_nothing() -> None:
    source = Drawn(20)
    opened(source)
    table = source.table()
    edited = Table(
        keys=[f"other-{n}" for n in range(20)],
        labels=["c"] * 20,
        splits=["test"] * 20,
        versions=table.versions,
        locations=[""] * 20,
    )
    assert opened(source, table=edited).cached


@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess(channels=3, height=6, width=5),
        Preprocess(channels=1, height=5, width=6),
        Preprocess(channels=1, height=6, width=5, fit="pad"),
        Preprocess(channels=1, height=6, width=5, decoder="another"),
    ],
)
def test_whatever_changes_the_pixels_makes_another_store(preprocess: Preprocess) -> None:
    source = Drawn(4)
    opened(source)
    assert not opened(source, preprocess=preprocess).cached


def test_normalisation_does_not_make_another_store() -> None:
    source = Drawn(4)
    opened(source)
    normalized = Preprocess(channels=1, height=6, width=5, mean=(0.5,), std=(0.5,))
    assert opened(source, preprocess=normalized).cached


def test_other_rows_another_order_or_a_changed_stamp_make_another_store() -> None:
    source = Drawn(4)
    opened(source)
    changed = source.table()
    stamps = [*changed.versions[:3], "changed"]
    table = Table(
        keys=changed.keys,
        labels=changed.labels,
        splits=changed.splits,
        versions=stamps,
        locations=changed.locations,
    )
    assert not opened(source, table=table).cached
    assert not opened(source, [0, 1, 2]).cached
    turned = opened(source, [3, 2, 1, 0])
    assert not turned.cached
    assert (turned.images[::-1] == opened(source).images).all()


def test_writing_into_the_pictures_does_not_reach_the_cache() -> None:
    source = Drawn(4)
    images = opened(source).images
    before = images.copy()
    images[:] = 0
    assert (opened(source).images == before).all()


def test_all_bad_pictures_are_named_with_their_rows_and_nothing_is_kept(tmp_path: Path) -> None:
    bad = {
        3: b"",
        CHUNK: b"<html>",
        CHUNK + 1: StorageError("k65.png: cannot be read: Input/output error"),
        CHUNK + 2: RuntimeError("a reader's fault\nof two lines"),
        CHUNK + 3: FileNotFoundError(2, "No such file or directory"),
        2 * CHUNK: np.zeros((2, 2, 7), np.uint8),
    }
    source = Drawn(2 * CHUNK + 5, bad=bad)
    with pytest.raises(DataError) as caught:
        opened(source)
    title, *lines = caught.value.message.splitlines()
    assert title == "6 unreadable pictures:"
    assert lines == [
        "  list.csv:5: k3: the file is empty",
        "  list.csv:66: k64: is a web page, not a picture",
        "  list.csv:67: k65: k65.png: cannot be read: Input/output error",
        r"  list.csv:68: k66: RuntimeError: a reader's fault\nof two lines",
        "  list.csv:69: k67: FileNotFoundError: [Errno 2] No such file or directory",
        "  list.csv:130: k128: 7 channels, expected 1 or 3",
    ]
    assert sorted(source.asked) == list(range(2 * CHUNK + 5))
    assert stores(tmp_path) == []


def test_after_a_repair_only_the_decoding_is_done_again() -> None:
    source = Drawn(4, bad={2: b""})
    with pytest.raises(DataError):
        opened(source)
    source.bad.clear()
    assert not opened(source).cached
    assert opened(source).cached


def test_a_store_remembers_what_does_not_decode_and_tries_only_that_again() -> None:
    source = Drawn(9, bad={2: b"", 5: b"<html>"})
    first = opened(source, skip_bad=True)
    source.asked.clear()
    second = opened(source, skip_bad=True)
    assert (first.cached, second.cached) == (False, True)
    assert second.faults == first.faults == {2: "the file is empty", 5: SEEN_PAGE}
    assert sorted(source.asked) == [2, 5]
    assert not second.images[2].any()
    assert (second.images[3] == decode(source.picture(3), GREY)).all()
    with pytest.raises(DataError, match="2 unreadable pictures"):
        opened(source)
    assert opened(source, [2, 3, 5], skip_bad=True).faults.keys() == {0, 2}


def test_a_picture_that_has_become_readable_makes_the_store_again() -> None:
    source = Drawn(9, bad={2: FileNotFoundError(2, "No such file"), 5: b""})
    opened(source, skip_bad=True)
    source.bad.pop(2)
    store = opened(source, skip_bad=True)
    assert (store.cached, store.faults) == (False, {5: "the file is empty"})
    assert (store.images[2] == decode(source.picture(2), GREY)).all()
    assert opened(source, skip_bad=True).cached


def test_a_store_that_is_cleared_away_stays_readable_for_who_has_it(tmp_path: Path) -> None:
    source = Drawn(9)
    store = opened(source)
    (folder,) = stores(tmp_path)
    storage.discard(folder)
    assert stores(tmp_path) == []
    store.pixels.forget()
    assert (store.images[7] == decode(source.picture(7), GREY)).all()


def test_what_a_killed_process_left_half_decoded_is_swept_by_the_next(tmp_path: Path) -> None:
    opened(Drawn(2))
    left = tmp_path / "cache" / "pixels" / f".abc.tmp-{storage.host_name()}-999999999-0abc"
    left.mkdir()
    opened(Drawn(3))
    assert not left.exists()
    assert len(stores(tmp_path)) == 2


def test_more_than_twenty_bad_pictures_are_counted() -> None:
    with pytest.raises(DataError) as caught:
        opened(Drawn(50, bad=dict.fromkeys(range(50), b"")))
    assert caught.value.message.splitlines()[-1] == "  and 30 more"


def test_escape_codes_in_a_key_are_shown_escaped() -> None:
    source = Drawn(1, bad={0: b""})
    table = source.table()
    named = Table(
        keys=["\x1b[31m.png"],
        labels=table.labels,
        splits=table.splits,
        versions=table.versions,
        locations=table.locations,
    )
    with pytest.raises(DataError, match=r"\\x1b\[31m\.png: the file is empty"):
        opened(source, table=named)


def test_a_store_that_another_process_has_finished_meanwhile_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, other = Drawn(4), Drawn(4)

    def race(*arguments: Any) -> dict[int, str]:
        faults = decode_rows(*arguments)
        if not other.asked:  # the other one starts and ends while this one decodes
            opened(other)
        return faults

    monkeypatch.setattr(module, "decode_rows", race)
    store = opened(source)
    assert not store.cached
    assert (store.images[1] == decode(source.picture(1), GREY)).all()
    (folder,) = stores(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["meta.json", "pixels.u8"]
    assert opened(source).cached


@pytest.mark.parametrize("damage", ["no meta", "no json", "empty meta", "other meta", "short"])
def test_a_damaged_store_is_made_again(damage: str, tmp_path: Path) -> None:
    source = Drawn(4)
    whole = opened(source)
    (folder,) = stores(tmp_path)
    meta = folder / "meta.json"
    if damage == "no meta":
        meta.unlink()
    elif damage == "short":
        os.truncate(folder / "pixels.u8", 10)
    else:
        meta.write_text({"no json": "{", "empty meta": "", "other meta": "[]"}[damage])
    again = opened(source)
    assert not again.cached
    assert again.digest == whole.digest
    assert opened(source).cached


def test_the_store_says_how_it_was_made(tmp_path: Path) -> None:
    opened(Drawn(4))
    (folder,) = stores(tmp_path)
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["shape"] == [4, 6, 5, 1]
    assert meta["decode"] == GREY.decode_part()


def test_a_disk_without_room_is_named_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 20_000_000))
    source = Drawn(4)
    large = Preprocess(channels=3, height=1000, width=1000)
    with pytest.raises(OutputError) as caught:
        opened(source, preprocess=large)
    assert "the decoded pictures need up to 28.8 MB, and 20.0 MB are free" in caught.value.message
    assert "CLFW_CACHE_DIR" in caught.value.hint
    assert source.asked == []
    assert stores(tmp_path) == []
    opened(source)


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CLFW_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="cannot be created") as caught:
        opened(Drawn(4))
    assert "CLFW_CACHE_DIR" in caught.value.hint


@pytest.mark.parametrize("slow", [False, True])
def test_pictures_that_take_long_are_shared_among_threads_and_quick_ones_are_not(
    slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, threads = 8 + 3 * CHUNK, set()
    meeting = threading.Barrier(3)

    class Watched(Drawn):
        def read(self, row: int) -> Any:
            if row > 7 and row % CHUNK == 8:
                threads.add(threading.get_ident())
                if slow:
                    meeting.wait(5)  # three threads are at work at one time
            return super().read(row)

    monkeypatch.setattr(parallel_decode.os, "cpu_count", lambda: 3)
    monkeypatch.setattr(parallel_decode, "QUICK", 0.0 if slow else 1.0)
    taken: list[NDArray[np.uint8]] = []
    source = Watched(count)
    assert decode_rows(source, np.arange(count), GREY, taken.append) == {}
    assert len(threads) == (3 if slow else 1)
    images = np.concatenate(taken)
    assert all(np.array_equal(images[n], decode(source.picture(n), GREY)) for n in range(count))


def test_what_is_decoded_is_never_far_ahead_of_what_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A set of any size takes little memory, however slow the disk is that it is written to."""
    monkeypatch.setattr(parallel_decode, "CHUNK_BYTES", 2 * 6 * 5)  # two pictures
    monkeypatch.setattr(parallel_decode.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(parallel_decode, "QUICK", 0.0)
    source, ahead, done = Drawn(100), [], 0

    def take(images: NDArray[np.uint8]) -> None:
        nonlocal done
        time.sleep(0.02)  # what is under way comes to its end
        done += len(images)
        ahead.append(len(source.asked) - done)

    decode_rows(source, np.arange(100), GREY, take)
    assert done == 100
    assert 4 <= max(ahead) <= 2 * 2 * 2


def test_nothing_more_is_decoded_once_a_piece_cannot_be_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parallel_decode, "CHUNK", 1)
    source = Drawn(1000)

    def take(images: NDArray[np.uint8]) -> None:
        if len(source.asked) > 20:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        decode_rows(source, np.arange(1000), GREY, take)
    assert len(source.asked) < 40


def test_a_picture_larger_than_a_piece_is_a_piece_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parallel_decode, "CHUNK_BYTES", 1)
    sizes: list[int] = []
    decode_rows(Drawn(11), np.arange(11), GREY, lambda images: sizes.append(len(images)))
    assert sizes == [1, 7, 1, 1, 1]


def test_progress_counts_every_picture() -> None:
    counts: list[int] = []
    source = Drawn(CHUNK * 2 + 3)
    rows = np.arange(source.count)
    open_pixels(source, source.table(), rows, GREY, counts.append)
    assert sum(counts) == source.count


def test_the_references_warnings_are_kept_away_and_the_filters_left_as_they_were() -> None:
    data = bytearray(turned_jpeg(noise(8, 8), 1))
    entries = data.index(b"Exif\0\0") + 14
    data[entries : entries + 2] = b"\x09\x09"  # Exif that promises more than there is
    with pytest.warns(UserWarning, match="Corrupt EXIF data"):
        decode(bytes(data), GREY)
    before = list(warnings.filters)
    store = opened(Drawn(4 * CHUNK, bad=dict.fromkeys(range(4 * CHUNK), bytes(data))))
    assert len(store.images) == 4 * CHUNK
    assert list(warnings.filters) == before


@given(
    shape=st.tuples(
        st.integers(1, 40), st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3])
    ),
    seed=st.integers(0, 99),
)
def test_the_measured_normalisation_is_numpys(shape: tuple[int, ...], seed: int) -> None:
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, shape, dtype=np.uint8)
    positions = generator.permutation(len(images))[: generator.integers(1, len(images) + 1)]
    mean, std = measure(images, positions)
    chosen = images[positions] / 255
    assert np.allclose(mean, chosen.mean((0, 1, 2)), atol=1e-6)
    assert np.allclose(std, np.maximum(chosen.std((0, 1, 2)), 1 / 255), atol=1e-6)


def test_the_normalisation_is_measured_over_more_pictures_than_one_piece() -> None:
    images = noise(3000, 4, 3)[:, :, None, :].copy()
    mean, std = measure(images, np.arange(3000))
    assert np.allclose(mean, (images / 255).mean((0, 1, 2)), atol=1e-6)
    assert np.allclose(std, (images / 255).std((0, 1, 2)), atol=1e-6)


def test_blank_pictures_have_a_normalisation_that_divides_by_more_than_nothing() -> None:
    for level in (0, 7, 255):
        mean, std = measure(np.full((3, 2, 2, 1), level, np.uint8), np.arange(3))
        assert mean == (round(level / 255, 6),)
        assert std == (round(1 / 255, 6),)


@pytest.fixture
def measurements(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each measurement was of; the smallest store is large enough to keep it."""
    counts: list[int] = []
    monkeypatch.setattr(channel_stats, "SMALL", 0)
    monkeypatch.setattr(
        channel_stats,
        "measure",
        lambda images, some, seen: counts.append(len(some)) or measure(images, some),
    )
    return counts


def test_the_normalisation_is_measured_once_for_a_choice_of_rows(measurements: list[int]) -> None:
    source, half = Drawn(20), np.arange(10)
    first = stats_of(opened(source), half)
    assert first == stats_of(opened(source), half) == measure(opened(source).images, half)
    assert stats_of(opened(source), half + 3) == measure(opened(source).images, half + 3) != first
    assert measurements == [10, 10]
    source.bad = {0: noise(6, 6, 1, seed=99)}
    table = replace(source.table(), versions=["other", *source.table().versions[1:]])
    stats_of(opened(source, table=table), half)
    assert measurements == [10, 10, 10]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: "[1]",
        lambda text: '{"levels": 3}',
        lambda text: text.replace("[[0.5", "[[0.6"),
        lambda text: text.replace("[[0.", "[[NaN, 0."),
        lambda text: text[:-9],
    ],
)
def test_a_kept_normalisation_that_is_damaged_is_measured_again(
    damage: Any, measurements: list[int]
) -> None:
    store, some = opened(Drawn(20)), np.arange(20)
    right = stats_of(store, some)
    kept = (store.folder / STATS).read_text()
    assert damage(kept) != kept
    (store.folder / STATS).write_text(damage(kept))
    assert stats_of(store, some) == right
    assert (store.folder / STATS).read_text() == kept
    assert measurements == [20, 20]


def test_a_store_that_is_cleared_away_meanwhile_is_measured_all_the_same(
    measurements: list[int],
) -> None:
    store = opened(Drawn(20))
    storage.discard(store.folder)
    assert stats_of(store, np.arange(20)) == measure(store.images, np.arange(20))
    assert not store.folder.exists()


def test_the_normalisation_of_a_small_store_is_not_kept() -> None:
    store = opened(Drawn(20))
    stats_of(store, np.arange(20))
    assert not (store.folder / STATS).exists()
