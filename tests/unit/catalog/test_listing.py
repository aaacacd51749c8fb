"""Filters of `clfw list`, what `clfw show` says, completion in the shell, the schema of registries."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from clfw.catalog.registry import packaged_registry
from clfw.cli import cli
from commandline import assert_refused, clfw, succeed

GRID = {
    "parameters<3000": {"fashion_cnn", "fashion_document"},
    "parameters>=2174": {"fashion_cnn", "mnist_conv5"},
    "name=mnist": {"mnist"},
    "kind=augment": {"flip", "trivial"},
    "kind!=augment": {"fashion_cnn", "mnist", "fashion_document"},
    "package!=clfw": set(),
    "channels=1": {"fashion_cnn", "plain_cnn"},
    "accuracy >= 0.98": {"mnist_conv4_bn", "mnist", "mnist_conv4_bn_document"},
    "accuracy<0.7": {"fashion_mlp", "fashion_mlp_document"},
}
NOT_IN = {
    "accuracy >= 0.98": "fashion_cnn",
    "kind!=augment": "flip",
    "parameters<3000": "plain_cnn",
}


def names(*arguments: str) -> set[str]:
    return {row["name"] for row in succeed("list", "--json", *arguments).json}


@pytest.mark.parametrize("condition", GRID)
def test_a_filter_keeps_what_it_says(condition: str) -> None:
    found = names("--filter", condition)
    assert found >= GRID[condition]
    assert found < names()
    assert NOT_IN.get(condition, "no such name") not in found


def test_filters_hold_together_and_with_the_kind() -> None:
    both = names("--filter", "parameters>1e5", "--filter", "accuracy>0.9", "models")
    assert both == {"mnist_conv4_bn"}


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("parameters", "must look like parameters<1e6"),
        ("params<3", "no fact 'params'"),
        ("parameters<many", "'many' is not a number"),
        ("name<b", "name takes = or !="),
        ("accuracy>90", "accuracy is a fraction from 0 to 1"),
    ],
)
def test_a_filter_of_another_shape_is_an_error(condition: str, said: str) -> None:
    assert_refused(clfw("list", "--filter", condition), 2, f"--filter '{condition}'", said)


def test_a_filter_that_nothing_meets_says_so() -> None:
    found = succeed("list", "models", "--filter", "parameters<10", "--filter", "channels=1")
    assert found.out == ""
    assert re.fullmatch(r"none of \d+ names has parameters<10 and channels=1\n", found.err)
    assert succeed("list", "--json", "--filter", "parameters<10").json == []


def test_a_filter_by_percent_is_told_as_a_share() -> None:
    assert clfw("list", "--filter", "accuracy>=95").err.endswith(
        "hint: for instance accuracy>=0.95\n"
    )


def test_show_says_everything_of_a_model() -> None:
    shown = succeed("show", "mnist_conv4_bn").out
    for part in (
        "origin     clfw",
        "plugin     clfw",
        "size       507,420 parameters",
        "train      epochs 8",
        "recipes    mnist_conv4_bn_document test 0.99",
        "example    clfw run --model mnist_conv4_bn",
        "model.dropout = 0.5  number [>= 0, < 1]: probability",
        "optimizer.amsgrad = false  boolean: keep the largest second moment",
        "schedule.warmup = 0.0  number [>= 0, < 1]: share of all updates",
        "loss.label_smoothing = 0.0  number [>= 0, < 1]: share of the target",
    ):
        assert part in shown


def test_show_gives_the_values_of_an_entrys_own_groups() -> None:
    shown = succeed("show", "mnist_fast").out
    assert "schedule   warmup 0.2\n" in shown
    assert "schedule.warmup = 0.2 (entry)  number" in shown


def test_show_says_why_relu_stands_after_max_pooling_where_it_does() -> None:
    shown = succeed("show", "plain_cnn", "--data", "fashion_csv").out
    assert shown.endswith("gives the same result as before it, in less time\n")
    average = ("--set", "model.pooling=average")
    assert "less time" not in succeed("show", "plain_cnn", "--data", "fashion_csv", *average).out


def test_show_says_what_a_recipe_publishes_and_how_to_run_it() -> None:
    shown = succeed("show", "fashion_document").out
    assert "published  train 0.72, validation 0.72, test 0.71" in shown
    assert "example    clfw run --recipe fashion_document" in shown


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("animals_cnn", "run --model animals_cnn --data animals"),
        ("resnet18_frozen", "fetch resnet18_frozen && clfw run --model resnet18_frozen --data hymenoptera"),
        ("vgg16_frozen", "fetch vgg16_frozen && clfw run --model vgg16_frozen --data hymenoptera"),
        ("mnist_fast", "run --model mnist_fast --data fashion_csv"),
        ("csv_images", "run --model fashion_cnn --data csv_images --set data.path=PATH"),
        ("drawn_digits", "run --model fashion_cnn --data drawn_digits"),
        ("saturation", "run --model fashion_cnn --data animals3 --augment saturation"),
    ],
)  # fmt: skip
def test_an_example_names_data_that_suits_and_files_that_are_needed(
    name: str, command: str
) -> None:
    assert f"example    clfw {command}\n" in succeed("show", name).out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["animals_cnn", "fast_cnn", "timm_model", "mnist", "saturation"])
def test_an_example_works(name: str) -> None:
    (command,) = re.findall(r"^ *example +clfw (.+)$", succeed("show", name).out, re.MULTILINE)
    succeed(*command.split(), "--steps", 1)


@pytest.mark.parametrize(
    ("words", "among"),
    [
        ("clfw ", {"run", "doctor", "schema"}),
        ("clfw run --model fashion", {"fashion_cnn", "fashion_mlp"}),
        ("clfw run --data mn", {"mnist"}),
        ("clfw run --recipe math", {"math_document"}),
        ("clfw run --logger t", {"tensorboard"}),
        ("clfw show fl", {"flip"}),
        ("clfw plugins check sm", {"small_cnns"}),
        ("clfw list --disable-plugin dra", {"drawn"}),
        ("clfw run --dev", {"--device"}),
        ("clfw run --device c", {"cpu", "cuda"}),
    ],
)
def test_the_shell_completes(
    words: str, among: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_CLFW_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    with pytest.raises(SystemExit):
        cli.main(args=[], prog_name="clfw")
    offered = {line.partition(",")[2] for line in capsys.readouterr().out.splitlines()}
    assert offered >= among
    last = words.split(" ")[-1]
    assert all(name.startswith(last) for name in offered)


def test_completion_loads_neither_torch_nor_pydantic() -> None:
    program = (
        "import sys\nfrom clfw.cli import cli\n"
        "try: cli.main(args=[], prog_name='clfw')\nexcept SystemExit: pass\n"
        "print([m for m in ('torch', 'numpy', 'pydantic') if m in sys.modules])"
    )
    environment = {
        "_CLFW_COMPLETE": "bash_complete",
        "COMP_WORDS": "clfw run --model ",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert "plain,fashion_cnn" in done.stdout


@pytest.fixture
def schema() -> Draft202012Validator:
    """What `clfw schema` prints."""
    text = succeed("schema").json
    Draft202012Validator.check_schema(text)
    return Draft202012Validator(text)


def test_the_packaged_registry_keeps_to_the_schema(schema: Draft202012Validator) -> None:
    document = tomllib.loads(packaged_registry().read_text(encoding="utf-8"))
    assert [error.message for error in schema.iter_errors(document)] == []


@pytest.mark.parametrize(
    "text",
    [
        "[models.a]\nsumary = 'x'",
        "[models.A]\nsummary = 'x'",
        "[model.a]\nsummary = 'x'",
        "[models.a]\ntrain = { lr = -1 }",
        "[models.a]\ntrain = { learning_rate = 0.1 }",
        "[models.a]\ntrain = { warmup = 0.1 }",
        "[models.a]\ntrain = { optimizer = 'adma' }",
        "[models.a]\nschedule = { warmup = 2 }",
        "[models.a]\noptimizer = { momentm = 0.5 }",
        "[models.a]\ncomponent = 'fashion_cnn'\nvalues = { widht = 3 }",
        "[models.a]\ncomponent = 'fashion_cnn'\nvalues = { width = 0 }",
        "[data.a]\ncomponent = 'image_folder'\nvalues = { image_size = 'large' }",
        "[recipes.a]\npublished = { test = 71 }",
        "[recipes.a]\nvalues = { trian = { lr = 0.1 } }",
        "schema = 2",
    ],
)
def test_the_schema_refuses_what_clfw_refuses(text: str, schema: Draft202012Validator) -> None:
    assert list(schema.iter_errors(tomllib.loads(text)))


@pytest.mark.parametrize(
    "text",
    [
        "[models.a]\nextends = 'fashion_cnn'\nvalues = { width = 8 }",
        "[models.a]\nextends = 'fashion_cnn'\nschedule = { warmup = 0.1 }\nloss = { label_smoothing = 0.1 }",
        "[recipes.a]\nmodel = 'fashion_cnn'\nvalues.optimizer = { betas = [0.8, 0.9] }",
        "[models.a]\ncomponent = 'from_another_package'\nvalues = { any = 1 }",
        "[data.shoes]\ncomponent = 'image_folder'\nvalues = { path = 'shoes', image_size = 64 }",
    ],
)
def test_the_schema_takes_what_clfw_takes(text: str, schema: Draft202012Validator) -> None:
    assert not list(schema.iter_errors(tomllib.loads(text)))
    Path("registry.toml").write_text(text)
    succeed("list")
