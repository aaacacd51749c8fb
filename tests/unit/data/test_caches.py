"""`clfw cache`: what is kept is listed with its data and size, cleared on request, and nothing else."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from clfw.catalog.registry import read_registry
from clfw.config.data_choice import Request
from clfw.config.plan import resolve_plan
from clfw.data.caches import KINDS, cache_entries, clear, unknown_entries
from clfw.data.negotiation import natural_preprocess
from clfw.data.opening import decode_splits, open_data
from clfw.data.pixel_map import PixelMap
from clfw.io import storage
from clfw.io.progress import no_progress
from clfw.plugins.manager import installed_catalog
from commandline import assert_refused, clfw, succeed
from tiny_sets import register, write_bars

ROW = {"pixels": "0" * 32, "features": f"{'1' * 32}.safetensors", "tables": f"{'2' * 32}.json",
       "examined": f"{'3' * 32}.npy", "duplicates": f"{'4' * 32}-1.json"}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A cache folder with one entry of each kind, one used a day longer ago than the next."""
    root = tmp_path / "cache"
    for days, (kind, name) in enumerate(ROW.items()):
        path = root / kind / name
        path.parent.mkdir()
        if kind == "pixels":
            path.mkdir()
            (path / "pixels.u8").write_bytes(bytes(1000))
            (path / "meta.json").write_text('{"data": "bars"}')
            (path / "levels.json").write_text("{}")
            (path / ".levels.json.tmp-elsewhere-1-00ff00ff").touch()  # by somebody who was killed
        else:
            path.write_bytes(b"[]")
        used = time.time() - days * 86400 - 60
        for file in [*path.iterdir()] if path.is_dir() else [path]:
            os.utime(file, (used, used))
    return root


def names(folder: Path) -> set[str]:
    """What a folder holds, below."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_entries_are_listed_the_last_used_first(root: Path) -> None:
    assert [entry.kind.name for entry in cache_entries(root)] == list(ROW)
    finished = succeed("cache")
    lines = finished.out.splitlines()
    assert lines[0] == "bars: 1 entry, 1.0 kB"
    assert lines[1].split() == ["pixels", "decoded", "pictures", "1.0", "kB", "today"]
    assert lines[2] == "data not named: 4 entries, 0.0 kB"
    assert "2 days ago" in lines[4]
    assert lines[-1] == f"{root}: 5 entries, 1.0 kB"
    listed = succeed("cache", "--json").json
    assert listed["size"] == 1000 + 16 + 2 + 4 * 2
    assert [entry["kind"] for entry in listed["entries"]] == list(ROW)
    assert listed["entries"][0]["used"].endswith("+00:00")


def test_an_empty_or_absent_cache_folder_lists_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLFW_CACHE_DIR", "nowhere")
    assert succeed("cache").out == "nowhere: 0 entries, 0.0 kB\n"
    assert succeed("cache", "clear").out == "nowhere: 0 entries removed, 0.0 kB\n"
    assert not Path("nowhere").exists()


def open_bars(registry: Path) -> None:
    """What a run does before it trains."""
    request = Request(model="fashion_mlp", data="bars")
    plan = resolve_plan(request, installed_catalog(), read_registry(registry))
    data = open_data(plan.data)
    preprocess = natural_preprocess(data, plan.data.common)
    decode_splits(data, preprocess, ("train", "validation"), no_progress)


def test_what_a_run_keeps_says_for_which_data_it_is_and_when_it_was_used() -> None:
    registry = register(Path("bars.toml"), "bars", write_bars(Path("bars")).absolute())
    open_bars(registry)
    entries = succeed("cache", "--json").json["entries"]
    assert {(e["kind"], e["data"]) for e in entries} == {("pixels", "bars"), ("tables", "bars")}
    for path in (Path(entry["path"]) for entry in entries):
        for file in [*path.iterdir()] if path.is_dir() else [path]:
            os.utime(file, (0, 0))
    assert all(" days ago" in line for line in succeed("cache").out.splitlines()[1:-1])
    open_bars(registry)
    assert all("today" in line for line in succeed("cache").out.splitlines()[1:-1])


def test_what_a_look_at_the_data_keeps_says_for_which_data_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("clfw.audit.quick_check.SMALL", 0)
    registry = register(Path("bars.toml"), "bars", write_bars(Path("bars")).absolute())
    clfw("data", "check", "bars", "--registry", registry)
    succeed(
        "run", "--registry", registry, "--model", "fashion_cnn", "--data", "bars", "--epochs", "1"
    )
    entries = succeed("cache", "--json").json["entries"]
    kinds = ("duplicates", "examined", "pixels", "tables")
    assert sorted((e["kind"], e["data"]) for e in entries) == [(kind, "bars") for kind in kinds]


def test_clearing_takes_all_one_kind_or_what_was_long_unused(root: Path) -> None:
    assert "1 entry removed" in succeed("cache", "clear", "examined").out
    assert not (root / "examined" / ROW["examined"]).exists()
    removed = succeed("cache", "clear", "--older-than", "1.5", "--json").json["removed"]
    assert [entry["kind"] for entry in removed] == ["tables", "duplicates"]
    assert "2 entries removed, 1.0 kB" in succeed("cache", "clear").out
    assert names(root) == set(ROW)  # the folders


def test_a_kind_that_is_none_is_refused(root: Path) -> None:
    before = names(root)
    assert_refused(clfw("cache", "clear", "pixel"), 2, "no kind of cache named 'pixel'", "'pixels'")
    assert_refused(clfw("cache", "--json", "clear"), 2, "--json: stands behind clear")
    assert_refused(clfw("cache", "clear", "--older-than", "-1"), 2, "-1")
    assert names(root) == before


@pytest.mark.parametrize(
    "name",
    [
        "photo.jpg",
        "notes",
        f"{'0' * 31}G",
        f"{'5' * 32}.json.bak",
        f"{'a' * 32}/inside/more",
        ".git",
    ],
)
@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_what_is_not_of_our_making_is_named_and_left_alone(
    root: Path, kind: str, name: str
) -> None:
    path = root / kind / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    other = root / "thesis.tex"
    other.write_text("mine")
    finished = succeed("cache")
    stranger = root / kind / Path(name).parts[0]
    assert f"warning: not of clfw's making, and left alone: {stranger}" in finished.err
    assert "5 entries removed" in succeed("cache", "clear").out
    assert path.read_text() == other.read_text() == "mine"


def test_a_link_in_the_cache_is_not_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "pixels.u8").write_text("mine")
    link = root / "pixels" / ("6" * 32)
    link.symlink_to(outside)
    assert unknown_entries(root) == [link]
    clear(root, KINDS, None)
    assert (outside / "pixels.u8").exists()


def test_what_a_running_process_is_about_to_finish_stays_and_what_an_ended_one_left_goes(
    root: Path,
) -> None:
    running = root / "pixels" / storage.unique_name("7" * 32)
    ended = root / "tables" / f".x.json.tmp-{storage.host_name()}-999999999-0abc"
    running.mkdir()
    ended.write_text("half")
    assert unknown_entries(root) == []
    clear(root, KINDS, None)
    assert running.exists()
    assert not ended.exists()


def test_a_store_that_is_cleared_away_serves_who_has_it_mapped(root: Path) -> None:
    path = root / "pixels" / ROW["pixels"] / "pixels.u8"
    path.write_bytes(bytes(range(250)) * 4)
    pixels = PixelMap.of(path, (10, 10, 10, 1))
    clear(root, KINDS, None)
    assert not path.exists()
    pixels.forget()
    assert (pixels.images.reshape(4, 250) == np.arange(250)).all()


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"data": 3}', b"\xff" * 5000, b'{"data":"a\x1b"}']
)
def test_a_damaged_entry_is_listed_without_its_data_and_can_be_cleared(
    root: Path, content: bytes
) -> None:
    (root / "pixels" / ROW["pixels"] / "meta.json").write_bytes(content)
    for kind in ("features", "tables"):
        (root / kind / ROW[kind]).write_bytes(content)
    assert "\x1b" not in succeed("cache").out
    assert "5 entries removed" in succeed("cache", "clear").out


def test_listing_imports_nothing_heavy() -> None:
    code = "import sys; from clfw.cli import outcome; outcome(['cache']); print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "numpy", "pydantic"} & set(found)


def test_features_say_for_which_data_they_are(root: Path) -> None:
    import torch

    from clfw.models.safetensors_io import encode

    path = root / "features" / ROW["features"]
    path.write_bytes(encode({"features": torch.zeros(2, 3)}, {"data": "bars"}))
    entries = {entry.kind.name: entry.data for entry in cache_entries(root)}
    assert entries["features"] == "bars"
    assert json.loads(succeed("cache", "--json").out)["entries"][0]["kind"] == "features"
