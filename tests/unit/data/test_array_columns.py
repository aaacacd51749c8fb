"""A table whose columns are NumPy arrays is the same data as one whose columns are lists."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clfw.api.source import Table
from clfw.config.data_params import DataParams
from clfw.data.rows import Rows, check_rows, fingerprint, plain_columns, read_table
from clfw.data.split_file import split_csv
from clfw.errors import DataError
from commandline import clfw
from fake_plugins import install

SPOTS = """
import numpy as np
from clfw import Dataset, Table, hookimpl

@hookimpl
def clfw_datasets():
    return [Dataset(name="spots", summary="a spot a class", open="spots_module:open_spots",
                    needs_path=False)]

class Spots:
    def __init__(self):
        self.targets = np.arange(60) % 3

    def identity(self):
        return "spots"

    def table(self):
        keys = [f"k{{n}}" for n in range(60)]
        labels = [("top", "middle", "bottom")[k] for k in self.targets]
        labels[59] = None
        splits = ["train"] * 48 + ["test"] * 12
        column = {column}
        return Table(
            keys=column(keys), labels={labels}, splits=column(splits), versions=column(keys),
            locations=column([f"spots:{{n}}" for n in range(60)]), groups={groups},
        )

    def read(self, row):
        picture = np.full((9, 9), row, np.uint8)
        picture[3 * self.targets[row]:][:3] = 255
        return picture

def open_spots(params, path):
    return Spots()
"""
KINDS = {
    "lists": "list",
    "texts of a fixed width": "np.array",
    "objects": "lambda texts: np.array(texts, object)",
}
RUN = ("run", "--model", "fashion_mlp", "--data", "spots", "--steps", "2")


def outcome(kind: str, groups: bool, folder: Path, patch: pytest.MonkeyPatch) -> Any:
    """What a training, an evaluation, a prediction and a check of such a table come to."""
    source = SPOTS.format(
        column=KINDS[kind],
        labels="labels" if kind == "lists" else "np.array(labels, object)",
        groups="column([f'g{n // 4}' for n in range(60)])" if groups else "()",
    )
    folder.mkdir()
    install("spots", source, folder, patch)
    patch.setenv("CLFW_CACHE_DIR", str(folder / "cache"))

    def command(*arguments: object) -> Any:
        result = clfw(*arguments, "--json").json
        shutil.rmtree(folder / "cache" / "tables")  # so that the next reads the source's own
        return result

    run = folder / "run"
    result = command(*RUN, "--out", run)["validation"]
    figures, answers = command("eval", run), command("predict", run, "--data", "spots")
    checked = command("data", "check", "spots")
    files = [run / "split.csv", run / "validation.csv", run / "evaluation.json"]
    texts = [path.read_text() for path in files]
    return (run / "model.safetensors").read_bytes(), texts, result, figures, answers, checked


@pytest.mark.parametrize(("kind", "groups"), [("texts of a fixed width", True), ("objects", False)])
def test_arrays_are_trained_on_evaluated_predicted_and_checked_as_lists(
    kind: str, groups: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        lists = outcome("lists", groups, tmp_path / "lists", patch)
    with monkeypatch.context() as patch:
        arrays = outcome(kind, groups, tmp_path / "arrays", patch)
    assert arrays == lists


def small(**columns: Any) -> Table:
    """Five rows in lists, with other columns where they are given."""
    lists: dict[str, Any] = {
        "keys": ["a", "b", "c", "d", "e"],
        "labels": ["x", "y", "x", "y", None],
        "splits": ["train", "train", "train", "train", "test"],
        "versions": ["1", "2", "3", "4", "5"],
        "locations": ["l:1", "l:2", "l:3", "l:4", "l:5"],
    }
    return Table(**(lists | columns))


def in_arrays(table: Table, kind: type) -> Table:
    """`table` with arrays for columns; the labels, of which one is None, are objects."""
    names = ("keys", "splits", "versions", "locations", "groups")
    columns = {name: np.array(getattr(table, name), kind) for name in names}
    return replace(table, **columns, labels=np.array(table.labels, object))


def fault(table: Table, values: DataParams) -> str:
    """What the error of checking a table says."""
    with pytest.raises(DataError) as caught:
        check_rows(table, values)
    return caught.value.message


@pytest.mark.parametrize("kind", [str, object])
def test_checked_rows_of_arrays_are_those_of_lists(kind: type) -> None:
    lists, arrays = small(), in_arrays(small(), kind)
    for values in (DataParams(validation=0.5), DataParams(validation=0.5, stratify=True)):
        one, other = check_rows(lists, values), check_rows(arrays, values)
        assert facts(one) == facts(other)
        assert all(type(name) is str for name in other.classes)


def facts(rows: Rows) -> tuple[object, ...]:
    """What a run records of rows."""
    return (
        rows.classes, rows.targets.tolist(), rows.split.tolist(), fingerprint(rows, "pixels"),
        split_csv(rows),
    )  # fmt: skip


@pytest.mark.parametrize("kind", [str, object])
def test_faults_in_arrays_are_told_as_in_lists(kind: type) -> None:
    values = DataParams(validation=0.0)
    twice = small(keys=["a", "a", "c", "d", "e"])
    strange = small(class_names=("x", "z"))
    parted = small(groups=["g", "h", "h", "i", "g"])
    for table in (twice, strange, parted):
        assert fault(in_arrays(table, kind), values) == fault(table, values)


def test_a_table_of_arrays_is_kept_as_lists() -> None:
    class Source:
        def identity(self) -> str:
            return "arrays"

        def table(self) -> Table:
            return in_arrays(small(groups=["g", "h", "h", "i", "j"]), str)

        def read(self, row: int) -> bytes:
            raise AssertionError("a table needs no picture")

    first, second = (read_table(Source(), {"component": "arrays"}) for _ in range(2))
    assert isinstance(first.keys, np.ndarray)
    assert isinstance(second.keys, list)
    kept = plain_columns(second)
    assert {**kept, "groups": list(kept["groups"])} == plain_columns(first)
