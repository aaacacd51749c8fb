"""`clfw run` from names to a finished run folder: on the bundled sample and on tiny CSV sets."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from commandline import Finished, clfw, keep_to, succeed
from tiny_sets import BARS, pack, read_list, register, write_bars

FASHION = ("run", "--model", "fashion_cnn", "--data", "fashion_csv")
FILES = {
    ".lock",
    "checkpoints",
    "claims",
    "confusion.png",
    "curves.png",
    "data.json",
    "environment.json",
    "evaluation.json",
    "filters.png",
    "metrics.jsonl",
    "mistakes.png",
    "model.safetensors",
    "plan.json",
    "predictions.png",
    "samples.png",
    "split.csv",
    "steps.csv",
    "steps.png",
    "summary.json",
    "test.csv",
    "validation.csv",
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Finished, Path]]:
    """Two short epochs on the bundled sample, and the run folder."""
    root = tmp_path_factory.mktemp("sample")
    with pytest.MonkeyPatch.context() as patch:
        keep_to(root, patch)
        finished = succeed(*FASHION, "--steps", "7", "--batch-size", "512", "--json")
    yield finished, root / "work" / finished.json["run"]


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The command that trains on a tiny set in the working folder, and draws nothing."""
    monkeypatch.setattr("clfw.runs.end.draw_pictures", lambda *_: None)
    registry = register(Path("bars.toml"), "bars", write_bars(Path("bars")).absolute())
    return ("run", "--registry", str(registry), "--data", "bars", "--model", "fashion_cnn",
            "--epochs", "1")  # fmt: skip


def test_the_json_result_names_run_figures_and_speed(sample: tuple[Finished, Path]):
    result = sample[0].json
    assert result["run"] == "runs/fashion_cnn-fashion_csv-001"
    assert (result["model"], result["data"]) == ("fashion_cnn", "fashion_csv")
    assert result["source"] == "sample"
    assert (result["epochs"], result["steps"]) == (2, 7)
    for split in ("train", "validation", "test"):
        assert 0 <= result[split]["accuracy"] <= 1
        assert result[split]["loss"] > 0
    assert result["seconds"] > 0
    assert result["images_per_second"] > 0


def test_the_result_is_all_of_stdout_and_the_talk_is_on_stderr(sample: tuple[Finished, Path]):
    finished, _ = sample
    assert finished.json["run"] in finished.err
    assert [line.split()[0] for line in finished.err.splitlines()] == [
        "model", "data", "train", "device", "run", "epoch", "epoch",
    ]  # fmt: skip


def test_the_header_says_that_the_sample_stands_in(sample: tuple[Finished, Path]):
    data = next(line for line in sample[0].err.splitlines() if line.startswith("data"))
    assert "bundled sample, not the full set" in data
    assert "10 classes; 28x28 grey" in data
    assert "(10% of the rows held out, chosen by a hash of their names)" in data


def test_the_header_says_how_the_model_is_trained(sample: tuple[Finished, Path]):
    train = next(line for line in sample[0].err.splitlines() if line.startswith("train"))
    assert train == (
        "train   7 updates; batches of 512; adam, lr 0.02, one_cycle schedule; augmentation: none"
    )


def test_a_run_ends_with_what_to_do_next() -> None:
    finished = succeed(*FASHION, "--steps", "2", "--out", "a run")
    assert "clfw predict 'a run' PICTURE" in finished.err.splitlines()[-1]
    assert "a run/mistakes.png" in finished.err.splitlines()[-2]


def test_the_run_folder_holds_what_the_documentation_lists(sample: tuple[Finished, Path]):
    _, folder = sample
    assert {path.name for path in folder.iterdir()} == FILES
    for path in folder.glob("*.png"):
        assert min(cv2.imread(str(path)).shape[:2]) > 100


def test_the_run_folder_agrees_with_the_printed_result(sample: tuple[Finished, Path]):
    finished, folder = sample
    assert json.loads((folder / "summary.json").read_text()) == finished.json
    evaluation = json.loads((folder / "evaluation.json").read_text())
    for split, figures in evaluation.items():
        assert finished.json[split] == {key: figures[key] for key in ("accuracy", "loss")}
        assert sum(map(sum, figures["confusion"])) == figures["count"]


def test_the_table_of_pictures_gives_the_printed_accuracy_and_loss(sample: tuple[Finished, Path]):
    finished, folder = sample
    for split in ("validation", "test"):
        rows = read_list(folder / f"{split}.csv")
        right = sum(row["true"] == row["predicted"] for row in rows)
        assert right / len(rows) == finished.json[split]["accuracy"]
        loss = sum(float(row["loss"]) for row in rows) / len(rows)
        assert loss == pytest.approx(finished.json[split]["loss"], abs=1e-6)


def test_every_epoch_and_every_update_is_recorded(sample: tuple[Finished, Path]):
    _, folder = sample
    epochs = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["step"]) for row in epochs] == [(1, 5), (2, 7)]
    assert all(row["evaluations"][-1]["split"] == "validation" for row in epochs)
    updates = read_list(folder / "steps.csv")
    assert [int(row["step"]) for row in updates] == list(range(1, 8))
    assert all(float(row["gradient_norm"]) > 0 for row in updates)


def test_the_split_ledger_names_every_row_once(sample: tuple[Finished, Path]):
    _, folder = sample
    ledger = read_list(folder / "split.csv")
    counts = json.loads((folder / "data.json").read_text())["rows"]
    assert len({row["key"] for row in ledger}) == len(ledger) == sum(counts.values())
    for split, count in counts.items():
        assert sum(row["split"] == split for row in ledger) == count
    assert 0.07 < counts["validation"] / (counts["train"] + counts["validation"]) < 0.13


def test_the_environment_names_versions_and_device(sample: tuple[Finished, Path]):
    facts = json.loads((sample[1] / "environment.json").read_text())
    assert facts["device"].startswith("cpu (")
    assert {"clfw", "torch", "numpy"} <= facts["packages"].keys()


def test_the_plan_names_the_origin_of_every_value(bars: tuple[str, ...]):
    result = succeed(*bars, "--set", "model.width=3", "--lr", "0.01", "--json").json
    plan = json.loads((Path(result["run"]) / "plan.json").read_text())
    for group in (plan["model"]["values"], plan["data"]["values"], plan["train"]):
        assert all(set(entry) == {"value", "origin"} for entry in group.values())
    assert plan["model"]["values"]["width"] == {"value": 3, "origin": "--set"}
    assert plan["train"]["lr"] == {"value": 0.01, "origin": "--lr"}
    assert plan["train"]["epochs"] == {"value": 1, "origin": "--epochs"}
    assert plan["train"]["batch_size"]["origin"] == "model entry 'fashion_cnn'"
    assert plan["optimizer"]["betas"] == {"value": [0.9, 0.999], "origin": "default"}
    assert plan["data"]["values"]["validation"] == {"value": 0.3, "origin": "data entry 'bars'"}
    assert plan["data"]["source"] == "full"


def test_a_budget_and_what_balances_the_classes_are_in_the_plan(bars: tuple[str, ...]):
    finished = succeed(
        *bars, "--memory-budget", "1kB", "--set", "train.sampling=balanced",
        "--set", "train.class_weights={top=2.5}", "--json",
    )  # fmt: skip
    assert (
        "note    the pictures are streamed from the cache: 4.3 kB decoded, "
        "over the memory budget of 1.0 kB (--memory-budget)" in finished.err
    )
    plan = json.loads((Path(finished.json["run"]) / "plan.json").read_text())
    assert plan["memory_budget"] == 1000
    assert plan["train"]["sampling"] == {"value": "balanced", "origin": "--set"}
    assert plan["train"]["class_weights"] == {"value": [1.0, 1.0, 2.5], "origin": "--set"}


def test_without_json_stdout_has_a_line_a_split_and_the_folder(bars: tuple[str, ...]):
    finished = succeed(*bars)
    train, validation, folder = finished.out.splitlines()
    assert train.startswith("train accuracy ")
    assert validation.startswith("validation accuracy ")
    assert folder.startswith("runs/fashion_cnn-bars-001: ")
    assert "data    bars: full set; " in finished.err


def test_a_test_split_without_labels_is_counted_but_not_evaluated(bars: tuple[str, ...]):
    finished = succeed(*bars, "--json")
    assert "6 test (no labels)" in finished.err
    assert "test" not in finished.json
    assert not (Path(finished.json["run"]) / "test.csv").exists()


def test_a_test_split_with_labels_is_evaluated():
    data = write_bars(Path("bars"), test_labels=True)
    result = succeed(
        "run", "--model", "fashion_cnn", "--data", "csv_images", "--set", f"data.path={data}",
        "--epochs", "1", "--json",
    ).json  # fmt: skip
    assert result["test"].keys() == {"accuracy", "loss"}
    assert len(read_list(Path(result["run"]) / "test.csv")) == 6


def test_runs_are_numbered_and_a_gap_is_not_filled(bars: tuple[str, ...]):
    for number in (1, 2):
        assert succeed(*bars, "--json").json["run"] == f"runs/fashion_cnn-bars-{number:03d}"
    Path("runs/fashion_cnn-bars-001").rename("kept")
    assert succeed(*bars, "--json").json["run"] == "runs/fashion_cnn-bars-003"


def test_out_names_the_folder_and_a_second_run_leaves_it_alone(bars: tuple[str, ...]):
    assert succeed(*bars, "--out", "deep/mine", "--json").json["run"] == "deep/mine"
    assert not Path("runs").exists()
    before = contents(Path("deep/mine"))
    refused = clfw(*bars, "--out", "deep/mine")
    assert refused.code == 73
    assert "never overwrites" in refused.err
    assert contents(Path("deep/mine")) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_equal_seeds_give_equal_bytes_and_other_seeds_other_ones(bars: tuple[str, ...]):
    for out, seed in (("a", 5), ("b", 5), ("c", 6)):
        succeed(*bars, "--seed", seed, "--out", out)
    weights = {out: Path(out, "model.safetensors").read_bytes() for out in "abc"}
    assert weights["a"] == weights["b"] != weights["c"]
    assert Path("a/validation.csv").read_bytes() == Path("b/validation.csv").read_bytes()
    assert Path("a/steps.csv").read_bytes() == Path("b/steps.csv").read_bytes()


@pytest.mark.parametrize("wrap", ["", "bars-main"], ids=["plain", "wrapped in a folder"])
def test_a_zip_gives_the_weights_of_the_folder(bars: tuple[str, ...], wrap: str):
    archive = pack(Path("bars"), Path("bars.zip"), wrap).absolute()
    succeed(*bars, "--out", "folder")
    succeed(*bars, "--out", "zip", "--set", f"data.path={archive}")
    assert (
        Path("zip/model.safetensors").read_bytes() == Path("folder/model.safetensors").read_bytes()
    )


def test_a_run_that_was_at_its_end_is_not_said_to_have_stopped_early(bars: tuple[str, ...]):
    still = ("--model", "fashion_mlp", "--lr", "1e-30")  # nothing gets better
    stale = (*bars, *still, "--set", "train.patience=1")
    ended = succeed(*stale, "--epochs", "2", "--json")
    assert ended.json["stopped"]  # or the silence would say little
    assert "stopped early" not in ended.err
    told = succeed(*stale, "--epochs", "3").err
    assert "\nstopped early: no better validation accuracy in 1 evaluation\n" in told


def test_a_full_batch_is_one_update_an_epoch(bars: tuple[str, ...]):
    result = succeed(*bars, "--batch-size", "full", "--epochs", "3", "--json").json
    assert (result["epochs"], result["steps"]) == (3, 3)


def test_files_in_the_data_folder_make_the_same_name_the_full_set(tmp_path: Path):
    write_bars(tmp_path / "data" / "fashion_csv", train=60, classes=tuple("0123456789"))
    finished = succeed(*FASHION, "--require-full", "--epochs", "1", "--json")
    assert finished.json["source"] == "full"
    assert "data    fashion_csv: full set; " in finished.err
    facts = json.loads((Path(finished.json["run"]) / "data.json").read_text())
    assert (facts["source"], facts["classes"][0]) == ("full", "T-shirt/top")
    told = succeed("eval", finished.json["run"], "--sample").out
    assert told.startswith("fashion_csv (sample), validation: accuracy ")


def test_rows_added_later_leave_the_held_out_rows_where_they_were(bars: tuple[str, ...]):
    succeed(*bars, "--out", "before")
    with Path("bars/train.csv").open("a", newline="") as file:
        csv.writer(file).writerows((f"more{n}", BARS[n % 3]) for n in range(9))
    for n in range(9):
        Path(f"bars/train/more{n}.png").write_bytes(Path(f"bars/train/{n}.png").read_bytes())
    succeed(*bars, "--out", "after")
    before, after = (
        {row["key"]: row["split"] for row in read_list(Path(out, "split.csv"))}
        for out in ("before", "after")
    )
    assert len(after) == len(before) + 9
    assert before.items() <= after.items()


def test_a_run_without_a_validation_split_says_what_follows(bars: tuple[str, ...]):
    assert "no validation split" not in succeed(*bars).err
    assert (
        "note    no validation split, so the last weights are kept"
        in succeed(*bars, "--set", "data.validation=0").err
    )
    patient = ("--set", "train.patience=2", "--set", "train.schedule=plateau")
    told = succeed(*bars, "--set", "data.validation=0", *patient).err
    assert "and nothing stops training early, nor lowers the learning rate; data.val" in told


def test_the_pictures_are_decoded_once(bars: tuple[str, ...]):
    assert "; decoded now" in succeed(*bars).err
    assert "; from the cache" in succeed(*bars).err


def test_the_module_runs_as_the_command_does():
    done = subprocess.run(
        [sys.executable, "-m", "clfw", "run", "--model", "fashion_cn", "--data", "fashion_csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no model named 'fashion_cn'")
    assert done.stderr.rstrip().endswith("hint: did you mean 'fashion_cnn'?")
