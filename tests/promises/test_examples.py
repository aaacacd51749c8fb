"""The scripts in `examples/` run as their first lines say, and are short."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from own_photographs import write_photographs
from places import TOP

EXAMPLES = TOP / "examples"


def run_example(name: str, *arguments: object) -> str:
    """What the script prints; it must end well."""
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short_and_says_how_it_is_run(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 40
    assert f"python examples/{path.name} " in text


def test_photographs_are_trained_on_and_labelled() -> None:
    write_photographs()
    Path("new_photos/broken.jpg").write_bytes(b"no picture")
    trained = run_example("train_photos.py", "photos", "--epochs", 3)
    assert "of the held-out photographs are right" in trained
    run = Path("runs/animals_cnn-photos-001")
    labelled = run_example("label_folder.py", run, "new_photos", "labels.csv")
    assert labelled == "9 pictures, 1 unreadable: labels.csv\n"
    with Path("labels.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["picture"]: row for row in csv.DictReader(file)}
    assert len(rows) == 9
    broken = rows.pop("new_photos/broken.jpg")
    assert broken["error"]
    assert (broken["label"], broken["probability"]) == ("", "")
    assert all(row["label"] in ("cat", "dog") and not row["error"] for row in rows.values())
    assert all({row["label"], row["second label"]} == {"cat", "dog"} for row in rows.values())


def test_two_models_are_compared_on_the_same_held_out_pictures() -> None:
    options = ("--data", "fashion_csv", "--epochs", 1, "--seeds", 1)
    compared = run_example("compare_models.py", "fashion_mlp", "fashion_cnn", *options)
    assert compared.count(" on held-out pictures") == 2
    assert compared.splitlines()[-1].startswith("better on these pictures: fashion_")


def test_a_mistake_is_told_without_a_traceback() -> None:
    command = [sys.executable, str(EXAMPLES / "train_photos.py"), "no_such_folder/"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert "no_such_folder" in finished.stderr
    assert "Traceback" not in finished.stderr
