"""Wrong names, options, values and registries: refused before anything is read or written."""

from pathlib import Path

import pytest

from commandline import assert_refused, clfw
from tiny_sets import write_bars

DATA = ("--data", "csv_images", "--set", "data.path=bars", "--set", "data.validation=0.3")
RUN = ("run", "--model", "fashion_cnn", *DATA, "--steps", "1")
SAMPLE = ("run", "--model", "fashion_cnn", "--data", "fashion_csv")


NAMES_AND_VALUES: dict[str, tuple[tuple[str, ...], int, tuple[str, ...]]] = {
    "unknown model": (
        ("run", "--model", "fashion_cmn", *DATA),
        2,
        ("no model named 'fashion_cmn'", "hint: did you mean 'fashion_cnn'?"),
    ),
    "unknown model like none": (
        ("run", "--model", "zzz", *DATA),
        2,
        ("hint: list them all: clfw list",),
    ),
    "unknown data": (
        ("run", "--model", "fashion_cnn", "--data", "fashion_cvs"),
        2,
        ("no data entry named 'fashion_cvs'", "did you mean 'fashion_csv'?"),
    ),
    "unknown recipe": (
        ("run", "--recipe", "fashion_documant"),
        2,
        ("did you mean 'fashion_document'?",),
    ),
    "no model": (("run", *DATA), 2, ("--model: needs a name",)),
    "no data": (("run", "--model", "fashion_cnn"), 2, ("--data: needs a name",)),
    "unknown option": ((*RUN, "--batchsize", "4"), 2, ("no option '--batchsize'", "--batch-size")),
    "unknown command": (("rum",), 2, ("No such command 'rum'", "clfw --help")),
    "unknown model key": (
        (*RUN, "--set", "model.widht=3"),
        2,
        ("--set: model.widht", "did you mean 'width'?"),
    ),
    "unknown data key": (
        (*RUN, "--set", "data.labels=x"),
        2,
        ("--set: data.labels", "did you mean 'label'?"),
    ),
    "unknown train key": (
        (*RUN, "--set", "train.epoch=3"),
        2,
        ("--set: train.epoch", "did you mean 'epochs'?"),
    ),
    "unknown group": (
        (*RUN, "--set", "modle.width=3"),
        2,
        ("unknown group 'modle'", "did you mean 'model'?"),
    ),
    "setting without a value": (
        (*RUN, "--set", "model.width"),
        2,
        ("must look like model.width=8",),
    ),
    "setting of too many dots": ((*RUN, "--set", "model.a.b=1"), 2, ("must look like",)),
    "word for a number": (
        (*RUN, "--set", "train.lr=fast"),
        2,
        ('--set: train.lr: must be a valid number, is "fast"',),
    ),
    "fraction for a whole number": (
        (*RUN, "--set", "model.width=4.5"),
        2,
        ("model.width: must be a valid integer, is 4.5",),
    ),
    "number under its range": (
        (*RUN, "--set", "model.width=0"),
        2,
        ("model.width: must be >= 1, is 0",),
    ),
    "number over its range": (
        (*RUN, "--lr", "1e9"),
        2,
        ("--lr: train.lr: must be <= 100",),
    ),
    "no number": ((*RUN, "--lr", "nan"), 2, ("--lr: train.lr",)),
    "infinite number": (
        (*RUN, "--set", "train.weight_decay=inf"),
        2,
        ("--set: train.weight_decay",),
    ),
    "no such choice": (
        (*RUN, "--set", "train.schedule=onecycle"),
        2,
        ("train.schedule", "'one_cycle'"),
    ),
    "text for an option's number": (
        (*RUN, "--epochs", "two"),
        2,
        ("'--epochs'", "'two' is not a valid integer"),
    ),
    "zero epochs": (
        (*RUN, "--epochs", "0"),
        2,
        ("--epochs: train.epochs: must be >= 1, is 0",),
    ),
    "batch size of words": (
        (*RUN, "--batch-size", "all"),
        2,
        ("'all' is neither a whole number nor 'full'",),
    ),
    "batch size zero": ((*RUN, "--batch-size", "0"), 2, ("--batch-size: train.batch_size",)),
    "values at odds": (
        (*RUN, "--batch-size", "full", "--set", "train.accumulate=2"),
        2,
        ("accumulate must be 1",),
    ),
    "mean without std": (
        (*RUN, "--set", "data.mean=[0.5]"),
        2,
        ("give both mean and std",),
    ),
    "mean of too many channels": (
        (*RUN, "--set", "data.mean=[0.5, 0.5, 0.5]", "--set", "data.std=[0.2, 0.2, 0.2]"),
        2,
        ("data.mean: has 3 values for 1 channel",),
    ),
    "class weights of another count": (
        (*RUN, "--set", "train.class_weights=[1.0, 2.0]"),
        2,
        ("train.class_weights: has 2 values, and there are 3 classes",),
    ),
    "unknown augmentation": (
        (*RUN, "--augment", "flipp"),
        2,
        ("no augmentation named 'flipp'", "'flip'?"),
    ),
    "values of an augmentation not in use": (
        (*RUN, "--set", "augment.flip.p=1"),
        2,
        ("not in use",),
    ),
    "unknown device": ((*RUN, "--device", "warp"), 2, ("'warp'", "cpu")),
    "device that is absent": ((*RUN, "--device", "mps"), 2, ("--device mps",)),
    "unknown plugin to leave out": (
        (*RUN, "--disable-plugin", "drown"),
        2,
        ("did you mean 'drawn'?",),
    ),
    "plugin that is needed is left out": (
        (*RUN, "--disable-plugin", "small_cnns"),
        69,
        ("fashion_cnn", "plugin 'small_cnns' of clfw ", " is off"),
    ),
    "absent registry": ((*RUN, "--registry", "absent.toml"), 66, ("no file 'absent.toml'",)),
    "picture smaller than the network takes": (
        (*RUN, "--set", "data.image_size=3"),
        2,
        ("at least 4x4 pixels, and these are 3x3", "--set data.image_size=4"),
    ),
    "full set that is absent": (
        (*SAMPLE, "--require-full"),
        66,
        ("the full set 'fashion_csv' is not in",),
    ),
    "data that is absent": ((*RUN, "--set", "data.path=nowhere"), 66, ("'nowhere' is not in",)),
    "path too long": ((*RUN, "--set", f"data.path={'x' * 300}"), 66, ("is not in",)),
    "output folder that is there": ((*RUN, "--out", "bars"), 73, ("bars: already exists",)),
    "output folder under a file": (
        (*RUN, "--out", "bars/train.csv/run"),
        73,
        ("cannot be created",),
    ),
    "output folder of too long a name": ((*RUN, "--out", "x" * 300), 73, ("cannot be created",)),
    "show of nothing": (
        ("show", "fashion_cmn"),
        2,
        ("nothing is named 'fashion_cmn'", "did you mean"),
    ),
    "list of nothing": (("list", "modles"), 2, ("'modles'",)),
}


@pytest.mark.parametrize("case", NAMES_AND_VALUES)
def test_a_wrong_name_or_value_is_refused(case: str):
    arguments, code, fragments = NAMES_AND_VALUES[case]
    write_bars(Path("bars"))
    assert_refused(clfw(*arguments), code, *fragments)


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("models = 3", ["models: must be a table, is 3"]),
        ("[models.x\n", ["not valid TOML"]),
        ("[modles.x]\n", ["modles: no such key", "did you mean 'models'?"]),
        ("[models.x]\ncomponant = 'fashion_cnn'", ["models.x: componant", "did you mean 'component'?"]),
        ("[models.x]\ncomponent = 3", ["models.x: component: must be a string, is 3"]),
        ("[models.Big]\ncomponent = 'fashion_cnn'", ["models.Big: entry names are lower_snake"]),
        ("[models.x]\nextends = 'fashion_cmn'", ["models.x: extends: no model", "did you mean"]),
        ("[models.x]\nextends = 'x'", ["'x' extends itself"]),
        ("schema = 2", ["schema: this clfw reads schema 1"]),
    ],
)  # fmt: skip
def test_a_faulty_registry_is_refused_with_file_and_key(text: str, fragments: list[str]):
    Path("mine.toml").write_text(text)
    assert_refused(clfw(*RUN, "--registry", "mine.toml"), 2, *fragments)


def test_a_value_of_an_entry_is_blamed_on_the_entry():
    write_bars(Path("bars"))
    Path("registry.toml").write_text("[models.thin]\ncomponent = 'fashion_cnn'\nvalues.width = 0\n")
    finished = clfw("run", "--model", "thin", *DATA)
    assert_refused(finished, 2, "model entry 'thin': model.width: must be >= 1")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("train", "that is clfw run"),
        ("fit", "that is clfw run"),
        ("test", "that is clfw eval"),
        ("classify", "that is clfw predict"),
        ("photos", "to train on it: clfw run --data photos"),
        ("nothing_like_it", "see clfw --help"),
    ],
)
def test_the_word_of_another_tool_and_a_bare_path_get_the_command_that_is_meant(
    word: str, hint: str
) -> None:
    Path("photos").mkdir()
    refused = clfw(word)
    assert refused.code == 2
    assert refused.err.endswith(f"hint: {hint}\n")
