"""Mutated CSV files: each means the same table, or is refused with file, line and column.

The whole campaign: pytest -m slow tests/test_csv_campaign.py -s
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from clfw.data import rows
from clfw.io import csv_file
from clfw_plugins.pixel_csv import parsing
from commandline import assert_refused, clfw
from csv_campaign import OPERATORS, RANDOM, Outcomes, campaign
from sheets import CLASSES, FILE, copied, drawn_sheet, lay_out_pictures

IN_THE_SUITE = 2 * len(OPERATORS)


def assert_clean(outcomes: Outcomes, count: int) -> None:
    """Every operator was tried, and nothing came to anything but what it may."""
    print(f"\n{outcomes.summary()}")
    assert outcomes.faults == []
    assert outcomes.never_hit() == set()
    assert outcomes.tried == count
    kinds = {kind for _, kind in outcomes.counts}
    assert kinds <= {"same", "named", "shorter", "shorter and said"}


def test_mutated_files_mean_the_same_table_or_are_refused_with_their_place(tmp_path: Path) -> None:
    assert_clean(campaign(IN_THE_SUITE, 0, tmp_path), IN_THE_SUITE)


@pytest.mark.slow  # 25 seconds
def test_ten_thousand_mutated_files_mean_the_same_table_or_are_refused(tmp_path: Path) -> None:
    assert_clean(campaign(10_000, 1, tmp_path), 10_000)


def test_a_run_on_a_mutated_file_ends_with_one_error_and_makes_nothing() -> None:
    lay_out_pictures(Path("set"))
    refused = 0
    for number, (name, pixels, operator) in enumerate(OPERATORS[::4]):
        draw = Random(number)
        sheet = drawn_sheet(draw, pixels, plain=name in RANDOM)
        if name.startswith("id ") and sheet.id is None:
            continue
        mutation = operator(copied(sheet), draw)
        if mutation.wants != "named":
            continue
        Path("set", FILE).write_bytes(mutation.data)
        texts = {"class_names": list(CLASSES), "class_values": list(sheet.labels)}
        texts |= {"path": "set"} | ({} if pixels and sheet.id is None else {key(pixels): "id"})
        settings = [f"data.{name}={json.dumps(value)}" for name, value in texts.items()]
        options = [part for text in settings for part in ("--set", text)]
        reader = "pixel_csv" if pixels else "csv_images"
        finished = clfw("run", "--model", "fashion_mlp", "--data", reader, *options)
        assert_refused(finished, 65, f"{FILE}:")
        refused += 1
    assert refused > 10


def key(pixels: bool) -> str:
    """The parameter that names the column of ids."""
    return "id" if pixels else "image"


def dropping_a_row(patch: pytest.MonkeyPatch) -> None:
    """A reader that loses the fourth row of a file."""
    whole = csv_file.records

    def records(*arguments: Any) -> Iterator[tuple[int, list[str]]]:
        return (row for number, row in enumerate(whole(*arguments)) if number != 4)

    patch.setattr(csv_file, "records", records)


def dropping_rows_of_another_length(patch: pytest.MonkeyPatch) -> None:
    """A reader that passes over the rows it cannot use."""
    whole = csv_file.records

    def records(*arguments: Any) -> Iterator[tuple[int, list[str]]]:
        found = list(whole(*arguments))
        return (row for row in found if len(row[1]) == len(found[0][1]))

    patch.setattr(csv_file, "records", records)


def swallowing_errors(patch: pytest.MonkeyPatch) -> None:
    """A parser of pixels that writes 0 for what is no number."""
    whole = parsing.row_values

    def row_values(fields: list[str], layout: Any) -> tuple[str, bytes]:
        fault, pixels = whole(fields, layout)
        return ("", bytes(len(layout.pixels))) if "whole number" in fault else (fault, pixels)

    patch.setattr(parsing, "row_values", row_values)


def rows_swallowed_by_quotes(patch: pytest.MonkeyPatch) -> None:
    """What the standard library's reader makes of two stray quotes."""
    patch.setattr(csv_file, "rows_swallowed", lambda *_: False)


def classes_by_position(patch: pytest.MonkeyPatch) -> None:
    """Labels numbered as they come, whatever they say."""
    whole = rows.class_indices

    def class_indices(table: Any, names: Any, values: Any) -> Any:
        seen = list(dict.fromkeys(table.labels))
        return whole(table, names, seen) if len(seen) == len(names) else whole(table, names, values)

    patch.setattr(rows, "class_indices", class_indices)


def places_one_line_off(patch: pytest.MonkeyPatch) -> None:
    """Lines counted from 0."""
    whole = csv_file.records

    def records(*arguments: Any) -> Iterator[tuple[int, list[str]]]:
        return ((line - 1, values) for line, values in whole(*arguments))

    patch.setattr(csv_file, "records", records)


@pytest.mark.parametrize(
    ("sabotage", "only"),
    [
        (dropping_a_row, "other line ends"),
        (dropping_rows_of_another_length, "short row"),
        (swallowing_errors, "pixel out of range"),
        (rows_swallowed_by_quotes, "two quotes"),
        (classes_by_position, "columns moved"),
        (places_one_line_off, "label missing"),
    ],
)
def test_the_campaign_catches_a_reader_that_is_wrong(
    sabotage: Callable[[pytest.MonkeyPatch], None],
    only: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert campaign(20, 0, tmp_path, only).faults == []
    sabotage(monkeypatch)
    assert campaign(20, 0, tmp_path, only).faults
