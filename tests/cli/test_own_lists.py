"""Lists of a person's own pictures: what is told where one is not as it should be, or not used whole."""

from pathlib import Path

import pytest

from commandline import clfw, succeed
from tiny_sets import bar, png

ROWS = [f"{n}.png,{'top' if n % 2 else 'bottom'}" for n in range(6)]


def write(name: str, *lines: str) -> None:
    """A list, and the pictures 0.png to 5.png beside it."""
    Path(name).write_text("\n".join([*lines, ""]))
    for n in range(6):
        Path(f"{n}.png").write_bytes(png(bar(n % 2, n)))


@pytest.mark.parametrize(
    ("lines", "said", "hint"),
    [
        (ROWS, "list.csv:1 (column 1): the first line is itself a row", "add a line of columns"),
        (
            ["path,label", *ROWS[:3], f'"{ROWS[3]}', *ROWS[4:]],
            "list.csv:5 (column 1): an unclosed quote",
            "quote the value",
        ),
        (
            [",path,label", *(f"{n},{row}" for n, row in enumerate(ROWS))],
            "list.csv:1: column 1 has no name",
            "to_csv(index=False)",
        ),
    ],
    ids=["no header", "a quote left open", "a column without a name"],
)
def test_a_list_whose_lines_are_no_rows_is_refused_and_json_tells_it_too(
    lines: list[str], said: str, hint: str
) -> None:
    write("list.csv", *lines)
    checked = clfw("data", "check", "list.csv", "--json")
    assert checked.code == 65
    assert said in checked.err
    assert hint in checked.err
    (finding,) = checked.json["findings"]
    assert not checked.json["sound"]
    assert (finding["summary"], finding["level"]) == (said, "error")


def test_a_folder_with_a_list_without_columns_is_refused_too() -> None:
    Path("set").mkdir()
    Path("set/train.csv").write_text("\n".join(ROWS))
    for n in range(6):
        Path(f"set/{n}.png").write_bytes(png(bar(n % 2, n)))
    checked = clfw("data", "check", "set", "--json")
    assert checked.code == 65
    assert "train.csv:1 (column 1): the first line is itself a row" in checked.err


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("photos/nope.png", "no picture 'photos/nope.png'"),
        ("https://example.org/a.png", "'https://example.org/a.png' is an address"),
        ("more", "'more' is a folder"),
    ],
)
def test_a_value_that_names_no_picture_is_shown_as_it_is_written(value: str, said: str) -> None:
    write("list.csv", "path,label", *ROWS, f"{value},top")
    Path("more").mkdir()
    checked = clfw("data", "check", "list.csv")
    assert checked.code == 65
    assert f"list.csv:8 (column path): {said}" in checked.out


@pytest.mark.parametrize("absolute", [True, False])
def test_a_picture_that_is_listed_in_two_ways_is_refused(absolute: bool) -> None:
    again = str(Path("0.png").absolute()) if absolute else f"../{Path.cwd().name}/0.png"
    write("list.csv", "path,label", *ROWS, f"{again},bottom")
    checked = clfw("data", "check", "list.csv", "--json")
    assert checked.code == 65
    (finding,) = checked.json["findings"]
    assert "is the picture of '0.png'" in finding["summary"]
    assert finding["remedy"] == "keep one row for each picture"


def test_columns_that_are_not_used_are_named_and_one_of_patients_says_how_to_use_it() -> None:
    write("list.csv", "path,kind,label,patient id", *(f"{row},x,s{row[0]}" for row in ROWS))
    shown = clfw("data", "check", "list.csv", "--set", "data.label=kind").err
    assert "not used: 'label', 'patient id'" in shown
    assert "--set data.group='patient id' keeps each together" in shown
    given = ("--set", "data.label=kind", "--set", "data.group=patient id")
    used = clfw("data", "check", "list.csv", *given).err
    assert "not used: 'label')" in used


def test_labels_with_blanks_around_are_read_without_and_counted() -> None:
    write("list.csv", "path,label", *ROWS[:4], f"{ROWS[4]} ", f"{ROWS[5]} ")
    said = (
        "2 labels with blanks around, the first at list.csv:6, are read as without: 'bottom', 'top'"
    )
    assert said in succeed("data", "check", "list.csv").out
    model = ("--model", "fashion_mlp", "--steps", "1")
    assert f"warning: {said}" in succeed("run", *model, "--data", "list.csv").err


def test_blanks_after_every_comma_are_no_matter() -> None:
    write("list.csv", "path, label", *(row.replace(",", ", ") for row in ROWS))
    assert "blanks" not in succeed("data", "check", "list.csv").out


@pytest.mark.parametrize(
    ("setting", "said", "hint"),
    [
        (
            "--fold=6/5",
            'data.fold: must be K/N, from 1/N to N/N with N at least 2, is "6/5"',
            "2/5",
        ),
        ("--set=train.class_weights={top=-1}", "train.class_weights.top: must be >= 0, is -1", ""),
        ("--set=train.class_weights={big top=1}", "train.class_weights: must be", '"big dog"=0.5'),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_the_way_to_write_it(
    setting: str, said: str, hint: str
) -> None:
    write("list.csv", "path,label", *ROWS)
    refused = clfw("run", "--model", "fashion_mlp", "--data", "list.csv", setting)
    assert refused.code == 2
    assert said in refused.err
    assert hint in refused.err.partition("hint: ")[2]


def test_a_registry_that_is_no_toml_is_named_with_its_line() -> None:
    Path("registry.toml").write_text("[data.a]\nsummary = \n")
    refused = clfw("list")
    assert refused.code == 2
    assert "registry.toml:2: not valid TOML" in refused.err
    assert "hint: fix the file" in refused.err
