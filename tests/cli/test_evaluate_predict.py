"""`clfw eval`, `clfw predict` and `clfw inspect`: finished weights give the figures of their run."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clfw.artifacts.weights_header import find_weights, read_header
from clfw.config.memory import MemoryBudget
from clfw.data.pixel_map import PixelMap
from clfw.inference.inputs import other_source
from clfw.models import batches, device
from commandline import clfw, keep_to, succeed
from tiny_sets import BARS, bar, png, read_list, register, write_bars, write_list


@dataclass(frozen=True)
class Trained:
    """A finished run on the tiny bars, and the registry that names its data."""

    folder: Path
    registry: Path
    result: dict[str, object]

    @property
    def lookup(self) -> tuple[object, ...]:
        """The options that make the data entries known."""
        return ("--registry", self.registry)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """Weights that tell most bars apart, with data entries that differ from those trained on."""
    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        keep_to(root, patch)
        registry = root / "registry.toml"
        register(registry, "bars", write_bars(root / "bars", train=60, test=9))
        labeled = write_bars(root / "labelled", test=9, test_labels=True)
        register(registry, "labelled", labeled)
        register(registry, "foreign", write_bars(root / "foreign", classes=(*BARS, "diagonal")))
        turned = ["top", "bottom", "middle"]
        names = {"class_names": str(turned), "class_values": str(turned)}
        register(registry, "turned", labeled, **names)
        result = succeed(
            "run", "--registry", registry, "--model", "fashion_cnn", "--data", "bars",
            "--epochs", "12", "--batch-size", "16", "--json",
        ).json  # fmt: skip
        yield Trained(root / "work" / result["run"], registry, result)


def test_eval_repeats_the_figures_of_the_run(trained: Trained):
    assert trained.result["validation"]["accuracy"] > 0.6  # else equality would say little
    for split in ("train", "validation"):
        figures = succeed("eval", trained.folder, *trained.lookup, "--split", split, "--json").json
        assert {key: figures[key] for key in ("accuracy", "loss")} == trained.result[split]
        whole = json.loads((trained.folder / "evaluation.json").read_text())[split]
        assert {key: figures[key] for key in whole} == whole
        assert (figures["data"], figures["source"], figures["split"]) == ("bars", "full", split)


def test_a_split_over_the_memory_budget_has_the_same_figures(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
):
    read: list[int] = []
    pread = PixelMap.read
    monkeypatch.setattr(
        PixelMap, "read", lambda self, rows: read.append(len(rows)) or pread(self, rows)
    )
    monkeypatch.setattr(device, "memory_budget", lambda asked: MemoryBudget(1, "a test"))
    figures = succeed("eval", trained.folder, *trained.lookup, "--json").json
    assert {key: figures[key] for key in ("accuracy", "loss")} == trained.result["validation"]
    assert sum(read) == figures["count"]


def test_eval_prints_a_line_for_each_class(trained: Trained):
    finished = succeed("eval", trained.folder, *trained.lookup)
    head, columns, *classes = finished.out.splitlines()
    assert head.startswith("bars (full), validation: accuracy ")
    assert columns.split() == ["class", "precision", "recall", "F1", "pictures"]
    assert [line.split()[0] for line in classes] == list(BARS)


def test_eval_takes_the_weights_file_without_its_run(trained: Trained):
    moved = Path("alone.safetensors")
    moved.write_bytes((trained.folder / "model.safetensors").read_bytes())
    figures = succeed("eval", moved, *trained.lookup, "--json").json
    assert figures["accuracy"] == trained.result["validation"]["accuracy"]


def test_eval_of_a_split_without_labels_is_refused(trained: Trained):
    finished = clfw("eval", trained.folder, *trained.lookup, "--split", "test")
    assert finished.code == 65
    assert "nothing to compare with" in finished.err
    assert "hint: use clfw predict" in finished.err


def test_predict_gives_the_classes_that_the_run_recorded(trained: Trained):
    answers = succeed(
        "predict", trained.folder, *trained.lookup, "--data", "bars", "--split", "validation",
        "--json",
    ).json  # fmt: skip
    recorded = read_list(trained.folder / "validation.csv")
    assert [(a["key"], a["name"]) for a in answers] == [
        (r["key"], r["predicted"]) for r in recorded
    ]
    assert [f"{a['probability']:.6f}" for a in answers] == [r["probability"] for r in recorded]


def test_single_pictures_get_the_answer_they_have_in_their_split(trained: Trained):
    pictures = [trained.registry.parent / "bars" / "test" / f"{n}.png" for n in range(60, 69)]
    alone = succeed("predict", trained.folder, *pictures, "--json").json
    split = succeed("predict", trained.folder, *trained.lookup, "--data", "bars", "--json").json
    assert [a["name"] for a in alone] == [s["name"] for s in split]
    assert len({a["name"] for a in alone}) > 1
    for one, other in zip(alone, split, strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-6)


def test_another_batch_size_gives_the_same_classes(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
):
    command = ("predict", trained.folder, *trained.lookup, "--data", "bars", "--split", "train",
               "--json")  # fmt: skip
    whole = succeed(*command).json
    monkeypatch.setattr(batches, "EVALUATION_PICTURES", 7)
    parts = succeed(*command).json
    assert [p["name"] for p in parts] == [w["name"] for w in whole]
    for part, all_ in zip(parts, whole, strict=True):
        assert part["probability"] == pytest.approx(all_["probability"], abs=1e-6)


def test_pictures_or_data_must_be_named_and_the_hint_shows_how(trained: Trained):
    refused = clfw("predict", trained.folder)
    assert refused.code == 2
    assert f"hint: clfw predict {trained.folder} PICTURE.png, or clfw" in refused.err
    Path("folder").mkdir()
    empty = clfw("predict", trained.folder, "folder")
    assert empty.code == 65
    assert "'folder': a folder without pictures" in empty.err
    absent = clfw("predict", trained.folder, "absent.png")
    assert (absent.code, absent.out) == (66, "")
    picture = ("predict", trained.folder, "x.png", "--sample")
    assert "error: --sample: says which files of a data entry" in clfw(*picture).err


def test_a_folder_stands_for_its_pictures_in_order(trained: Trained):
    for name in ("b.png", "a/2.png", "a/1.png", "notes.txt"):
        path = Path("new", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(bar(0, 0)))
    Path("lone.png").write_bytes(png(bar(1, 1)))
    rows = succeed("predict", trained.folder, "lone.png", "new", "--json").json
    assert [r["key"] for r in rows] == ["lone.png", "new/a/1.png", "new/a/2.png", "new/b.png"]
    assert not any(row["error"] for row in rows)


def test_a_submission_has_the_order_and_columns_of_the_sample(trained: Trained):
    finished = succeed(
        "predict", trained.folder, *trained.lookup, "--data", "bars", "--split", "test",
        "--out", "submission.csv",
    )  # fmt: skip
    assert finished.out == ""
    assert "9 predictions (full)" in finished.err
    assert "warning" not in finished.err
    wanted = read_list(trained.registry.parent / "bars" / "sample_submission.csv")
    written = read_list(Path("submission.csv"))
    assert [row["id"] for row in written] == [row["id"] for row in wanted]
    assert written[0].keys() == wanted[0].keys()
    answers = succeed("predict", trained.folder, *trained.lookup, "--data", "bars", "--json").json
    by_key = {answer["key"]: answer["label"] for answer in answers}
    assert {row["id"]: row["label"] for row in written} == by_key


def test_without_a_sample_submission_there_is_a_row_a_picture(trained: Trained):
    data = write_bars(Path("plain"))
    (data / "sample_submission.csv").unlink()
    registry = register(Path("plain.toml"), "plain", data.absolute())
    succeed("predict", trained.folder, "--registry", registry, "--data", "plain",
            "--out", "answers.csv")  # fmt: skip
    rows = read_list(Path("answers.csv"))
    assert [row["key"] for row in rows] == [str(n) for n in range(30, 36)]
    assert list(rows[0]) == ["key", "label", "class", "probability", "error"]


def test_a_submission_writes_labels_as_the_data_does(trained: Trained):
    """The weights know names; the data writes numbers."""
    data = write_bars(Path("numbered"), classes=("0", "1", "2"))
    names = {"class_names": str(list(BARS))}
    registry = register(Path("numbered.toml"), "numbered", data.absolute(), **names)
    lookup = ("--registry", registry, "--data", "numbered")
    succeed("predict", trained.folder, *lookup, "--out", "submission.csv")
    answers = succeed("predict", trained.folder, *lookup, "--json").json
    assert {a["label"]: a["name"] for a in answers}.items() <= dict(
        zip("012", BARS, strict=True)
    ).items()
    assert {row["label"] for row in read_list(Path("submission.csv"))} <= set("012")


def test_a_picture_that_does_not_decode_keeps_its_place(trained: Trained):
    for number in (0, 2):
        Path(f"{number}.png").write_bytes(png(bar(number, 1)))
    Path("1.png").write_bytes(png(bar(1, 1))[:80])
    names = ("0.png", "1.png", "2.png", "absent.png")
    first, broken, third, absent = succeed("predict", trained.folder, *names, "--json").json
    assert [first["key"], broken["key"], third["key"], absent["key"]] == list(names)
    assert (first["error"], third["error"]) == ("", "")
    assert first["name"] in BARS
    assert broken["name"] is broken["label"] is absent["label"] is absent["probability"] is None
    assert "does not decode" in broken["error"]
    assert "No such file" in absent["error"]
    lines = succeed("predict", trained.folder, *names).out.splitlines()
    assert [line.split()[0] for line in lines] == list(names)
    assert lines[1].startswith("1.png  error: ")


def test_predicting_nothing_but_broken_pictures_is_a_failure(trained: Trained):
    Path("broken.png").write_bytes(b"no picture")
    finished = clfw("predict", trained.folder, "broken.png", "absent.png")
    assert finished.code == 65
    assert finished.out.startswith("broken.png  error: ")
    assert "none of the pictures can be read" in finished.err


def test_weights_of_the_sample_on_other_data_are_warned_of(trained: Trained):
    header = read_header(find_weights(trained.folder))
    assert other_source(header, "files") == other_source(header, "full") == ""
    assert "trained on the full set" in other_source(header, "sample")


def test_classes_in_another_order_are_matched_by_name(trained: Trained):
    """The same pictures under two class orders: equal figures, class by class."""
    plain, turned = (
        succeed("eval", trained.folder, *trained.lookup, "--data", data, "--split", "test",
                "--json").json
        for data in ("labelled", "turned")
    )  # fmt: skip
    assert turned.pop("data") != plain.pop("data")
    assert turned == plain
    assert [figures["name"] for figures in turned["per_class"]] == list(BARS)
    assert [figures["support"] for figures in turned["per_class"]] == [3, 3, 3]


def test_classes_that_the_weights_lack_are_refused_with_counts_and_the_first_row(trained: Trained):
    finished = clfw(
        "eval", trained.folder, *trained.lookup, "--data", "foreign", "--split", "train"
    )
    assert finished.code == 65
    assert re.search(
        r"error: (\d+) rows of classes that the weights do not know: 'diagonal' \(\1\); "
        r"the first is train.csv:17 \(column label\)\n",
        finished.err,
    )
    assert "hint: they know: bottom, middle, top" in finished.err


def test_pictures_of_another_size_and_colour_are_prepared_as_in_training(trained: Trained):
    import cv2

    small = bar(2, 5)
    large = cv2.cvtColor(
        cv2.resize(small, (48, 48), interpolation=cv2.INTER_NEAREST), cv2.COLOR_GRAY2BGR
    )
    Path("small.png").write_bytes(png(small))
    Path("large.png").write_bytes(png(large))
    one, other = succeed("predict", trained.folder, "small.png", "large.png", "--json").json
    assert (one["name"], one["probability"]) == (other["name"], other["probability"])


def test_predict_wants_pictures_or_data(trained: Trained):
    write_list(Path("x.png"), [("no",)])
    for arguments in ((), ("x.png", "--data", "bars")):
        finished = clfw("predict", trained.folder, *arguments, *trained.lookup)
        assert finished.code == 2
        assert "needs pictures or --data" in finished.err


def test_a_predictions_file_is_never_overwritten(trained: Trained):
    Path("mine.csv").write_text("precious")
    finished = clfw(
        "predict", trained.folder, *trained.lookup, "--data", "bars", "--out", "mine.csv"
    )
    assert finished.code == 73
    assert Path("mine.csv").read_text() == "precious"


def test_inspect_tells_what_a_prediction_needs(trained: Trained):
    facts = succeed("inspect", trained.folder, "--json").json
    assert facts["classes"] == list(BARS)
    assert facts["model"]["component"] == "fashion_cnn"
    assert facts["metrics"]["validation"] == trained.result["validation"]
    assert facts["data"]["source"] == "full"
    assert facts["weights"]["which"] == trained.result["weights"]["which"]
    sizes = [tensor["shape"] for tensor in facts["tensors"].values()]
    assert [4, 1, 3, 3] in sizes
    text = succeed("inspect", trained.folder).out
    assert "fashion_cnn of clfw" in text
    assert "bottom, middle, top" in text
