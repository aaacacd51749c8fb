"""What Python code can do with clfw: the same plans, errors and bits as the commands."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

import clfw
from clfw.runs.results import Result
from commandline import clfw as command
from commandline import keep_to, succeed
from places import TOP
from tiny_sets import BARS, bar, png, write_bars

SETTINGS = {"data.path": "bars", "data.validation": 0.3, "model.width": 2}
VALUES = {"epochs": 2, "seed": 3, "lr": 0.02}


def tensors(folder: Path) -> dict[str, bytes]:
    """The bytes of every tensor of a run's weights."""
    with safe_open(folder / "model.safetensors", "numpy") as file:
        return {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118


def train(out: str, schedule: str = "one_cycle", **options: object) -> Result:
    """A short run on the bars in the working folder."""
    given = {**VALUES, **options}
    settings = {**SETTINGS, "train.schedule": schedule}
    return clfw.train("fashion_cnn", "csv_images", set=settings, out=out, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Result]:
    """A finished run beside its data."""
    root = tmp_path_factory.mktemp("api")
    with pytest.MonkeyPatch.context() as patch:
        keep_to(root, patch)
        write_bars(Path("bars"), train=60)
        result = train("run")
    folder = root / "work" / result.folder
    yield Result(folder=folder, summary=result.summary, evaluations=result.evaluations)


@pytest.fixture
def beside(trained: Result, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder in which the run lies."""
    monkeypatch.chdir(trained.folder.parent)
    return trained.folder.parent


def test_every_public_name_can_be_imported_and_no_other_is_listed() -> None:
    assert clfw.__all__ == sorted(clfw.__all__, key=lambda name: (name.islower(), name))
    for name in clfw.__all__:
        assert getattr(clfw, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        clfw.fit  # noqa: B018


def test_no_module_or_folder_bears_the_name_of_a_public_function() -> None:
    names = {name for name in clfw.__all__ if name.islower()}
    assert {"evaluate", "load", "predict", "resume", "train"} <= names
    stems = {path.stem for path in (TOP / "core" / "clfw").rglob("*")}
    assert names & stems == set()


def test_importing_clfw_and_naming_its_functions_loads_nothing_heavy() -> None:
    code = (
        "import clfw, sys; clfw.train, clfw.load; "
        "print([m for m in ('torch', 'numpy', 'pydantic', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_run_from_python_has_the_bits_of_the_command(trained: Result, beside: Path) -> None:
    settings = [f"{name}={value}" for name, value in SETTINGS.items()]
    options = [word for setting in settings for word in ("--set", setting)]
    values = [word for key, value in VALUES.items() for word in (f"--{key}", value)]
    told = succeed(
        "run", "--model", "fashion_cnn", "--data", "csv_images", *options, *values, "--json"
    )
    assert tensors(Path(told.json["run"])) == tensors(trained.folder)
    assert told.json["validation"] == trained.validation.brief()


def test_a_result_has_the_figures_of_the_run_folder(trained: Result) -> None:
    stored = json.loads((trained.folder / "evaluation.json").read_text())
    assert trained.validation.accuracy == stored["validation"]["accuracy"]
    assert trained.train.count == stored["train"]["count"]
    assert trained.summary["epochs"] == 2
    with pytest.raises(clfw.ClfwError, match="no labeled test split"):
        _ = trained.test


def test_training_is_quiet_unless_progress_is_asked_for(
    trained: Result, beside: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train("quiet", epochs=1)
    assert capfd.readouterr() == ("", "")
    train("loud", epochs=1, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "epoch   1" in err


def test_a_classifier_says_what_the_command_says(trained: Result, beside: Path) -> None:
    paths = [f"bars/test/{number}.png" for number in range(60, 66)]
    told = succeed("predict", trained.folder, *paths, "--json").json
    found = clfw.predict(trained.folder, paths, top=2)
    assert [p.label for p in found] == [row["name"] for row in told]
    assert [p.probability for p in found] == pytest.approx([row["probability"] for row in told])
    assert all(p.top[0] == (p.label, p.probability) and len(p.top) == 2 for p in found)
    assert [p.key for p in found] == paths


def test_a_classifier_knows_its_classes_its_preprocessing_and_its_network(trained: Result) -> None:
    classifier = clfw.load(trained.folder)
    assert classifier.classes == BARS
    assert (classifier.preprocess.height, classifier.preprocess.channels) == (12, 1)
    assert isinstance(classifier.module, torch.nn.Module)
    assert not classifier.module.training
    assert "fashion_cnn" in repr(classifier)
    assert clfw.load(trained.folder / "model.safetensors").classes == BARS


def forms(number: int) -> list[object]:
    """One picture in every form that a classifier takes."""
    pixels = bar(number % 3, number)
    Path("one.png").write_bytes(png(pixels))
    return [
        "one.png", Path("one.png"), png(pixels), Image.open(io.BytesIO(png(pixels))), pixels,
        np.repeat(pixels[:, :, None], 3, axis=2),
    ]  # fmt: skip


def test_a_picture_may_be_a_path_bytes_a_pillow_image_or_an_array(trained: Result) -> None:
    classifier = clfw.load(trained.folder)
    first, *others = [classifier.prepare(form) for form in forms(61)]
    assert first.shape == (1, 1, 12, 12)
    assert first.dtype == torch.float32
    for other in others:
        assert torch.equal(other, first)
    labels = {p.label for p in classifier.predict(forms(61))}
    assert len(labels) == 1


def test_preparing_what_cannot_be_read_is_an_error_of_clfw(trained: Result) -> None:
    classifier = clfw.load(trained.folder)
    with pytest.raises(
        clfw.ClfwError, match=r"nowhere\.png: cannot be read: No such file"
    ) as caught:
        classifier.prepare("nowhere.png")
    assert caught.value.exit_code == 66
    with pytest.raises(clfw.ClfwError, match="not a readable picture") as caught:
        classifier.prepare(b"text")
    assert caught.value.exit_code == 65


def test_what_prepare_gives_is_what_predict_feeds(trained: Result) -> None:
    classifier = clfw.load(trained.folder)
    picture = png(bar(1, 99))
    with torch.inference_mode():
        logits = classifier.module(classifier.prepare(picture))
    expected = logits.double().softmax(1)[0].tolist()
    (found,) = classifier.predict([picture], top=3)
    assert dict(found.top) == pytest.approx(dict(zip(BARS, expected, strict=True)), abs=1e-6)


def test_a_picture_that_cannot_be_read_keeps_its_place_with_the_reason(trained: Result) -> None:
    Path("text.png").write_text("no picture")
    pictures = ["nowhere.png", png(bar(0, 1)), "text.png", 7]
    found = clfw.load(trained.folder).predict(pictures)
    assert [bool(p.error) for p in found] == [True, False, True, True]
    assert "No such file" in found[0].error
    assert found[0].label == ""
    assert "int" in found[3].error
    assert [p.key for p in found] == ["nowhere.png", "1", "text.png", "3"]


def test_no_picture_gives_no_prediction_and_a_single_one_is_refused(trained: Result) -> None:
    classifier = clfw.load(trained.folder)
    assert classifier.predict([]) == []
    with pytest.raises(clfw.ClfwError, match="takes a list"):
        classifier.predict("one.png")
    with pytest.raises(clfw.ClfwError, match="at least 1"):
        classifier.predict([], top=0)


def test_evaluation_gives_the_figures_of_the_run(trained: Result, beside: Path) -> None:
    own = {"data.path": "bars"}
    assert clfw.evaluate(trained.folder, set=own) == trained.validation
    other = clfw.evaluate(trained.folder, "csv_images", "train", set=own)
    assert other.accuracy == trained.train.accuracy


def test_a_resumed_run_ends_with_the_bits_of_the_longer_one(trained: Result, beside: Path) -> None:
    longer = train("longer", "constant", epochs=4)
    train("extended", "constant")
    resumed = clfw.resume("extended", epochs=4)
    assert resumed.summary["epochs"] == 4
    assert tensors(resumed.folder) == tensors(longer.folder)


def test_resuming_restores_the_number_of_threads(trained: Result, beside: Path) -> None:
    train("threads", epochs=1)
    recorded = int(json.loads(Path("threads/environment.json").read_text())["threads"])
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        clfw.resume("threads", epochs=2)
        assert torch.get_num_threads() == recorded
    finally:
        torch.set_num_threads(before)


def test_resuming_a_finished_run_reads_its_results(trained: Result, beside: Path) -> None:
    again = clfw.resume(trained.folder)
    assert again.evaluations == trained.evaluations
    assert again.summary["steps"] == trained.summary["steps"]


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        ({"model": "fashion_cn"}, "no model named 'fashion_cn'", 2),
        ({"data": "nowhere.csv"}, "nowhere.csv", 66),
        ({"set": {"model.widht": 2}}, "widht", 2),
        ({"epoch": 2}, "there is no option 'epoch'", 2),
        ({"model": ""}, "--model: needs a name", 2),
    ],
)
def test_a_mistake_is_the_error_that_the_command_prints(
    options: dict[str, object], words: str, code: int
) -> None:
    given = {"model": "fashion_cnn", "data": "fashion_csv", **options}
    with pytest.raises(clfw.ClfwError) as caught:
        clfw.train(**given)  # type: ignore[arg-type]
    assert words in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == code
    assert not Path("runs").exists()


def test_a_mistake_is_met_before_torch_is_imported() -> None:
    code = (
        "import clfw, sys\n"
        "try: clfw.train('fashion_cnn', 'fashion_csv', set={'train.lr': -1})\n"
        "except clfw.ClfwError as error: print(error.exit_code, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2 False\n"


def test_the_readme_names_every_public_function() -> None:
    text = (TOP / "README.md").read_text(encoding="utf-8")
    text += (TOP / "docs" / "python.md").read_text(encoding="utf-8")
    for name in ("train", "load", "predict", "evaluate", "resume"):
        assert f"clfw.{name}(" in text, name


def test_an_earlier_option_is_refused_with_its_present_name() -> None:
    for old, new in (("--tune", "--autotune"), ("--observe=x", "--logger")):
        refused = command("run", "--model", "fashion_cnn", "--data", "fashion_csv", old)
        assert refused.code == 2
        assert f"this option is now {new}" in refused.err
