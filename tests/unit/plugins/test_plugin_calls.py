"""Plugin code that fails at work: the error names plugin, package, version, cause and remedy."""

from pathlib import Path

import pytest

from clfw.errors import DataError, PluginError
from clfw.plugins.plugin import Plugin
from clfw.plugins.plugin_calls import plugin_errors
from commandline import Finished, assert_refused, clfw
from fake_plugins import install

ODD = """
from clfw import Architecture, Augmentation, Dataset, Table, hookimpl

@hookimpl
def clfw_datasets():
    return [Dataset(name="odd_set", summary="pictures", open="odd_module:Source", needs_path=False)]

@hookimpl
def clfw_augmentations():
    return [Augmentation(name="odd_change", summary="a change", build="odd_module:build_change")]

@hookimpl
def clfw_architectures():
    return [Architecture(name="odd_net", summary="a network", build="odd_module:build_net",
                         prepare="odd_module:prepare", initialize="odd_module:initialize")]

class Source:
    def __init__(self, params, path):
        {open}
    def identity(self):
        return "odd"
    def table(self):
        {table}
        keys = [str(i) for i in range(8)]
        return Table(keys=keys, labels=list("abababab"), splits=["train", "train", "test", "test"] * 2,
                     versions=keys, locations=keys)
    def read(self, row):
        import numpy
        return numpy.full((8, 8), 9 * row, numpy.uint8)

def build_change(params, task):
    {build_change}
    def change(images, targets, draws):
        {change}
        return images, targets
    return change

def prepare(params, preprocess, weights_folder):
    {prepare}
    return params, preprocess

def build_net(params, task):
    from torch import nn
    {build_net}
    return nn.Sequential(nn.Flatten(), nn.Linear(task.channels * task.height * task.width, task.num_classes))

def initialize(model, params, weights_folder):
    {initialize}
"""
PLACES = ("open", "table", "build_change", "change", "prepare", "build_net", "initialize")
RUN = ("run", "--model", "odd_net", "--data", "odd_set", "--augment", "odd_change", "--steps", "1")


def run_with(patch: pytest.MonkeyPatch, folder: Path, **bodies: str) -> Finished:
    """A run on a plugin that has these bodies in place of nothing."""
    parts = {place: bodies.get(place, "pass") for place in PLACES}
    install("odd", ODD.format(**parts), folder, patch)
    return clfw(*RUN)


def test_a_plugin_of_every_kind_that_does_its_work_is_not_spoken_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = run_with(monkeypatch, tmp_path)
    assert finished.code == 0, finished.err


@pytest.mark.parametrize("place", PLACES)
def test_whatever_a_plugin_raises_at_work_names_it_its_package_and_a_remedy(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = 'raise ZeroDivisionError("no one left")'
    failed = run_with(monkeypatch, tmp_path, **{place: body})
    assert_refused(
        failed, 69, "plugin 'odd' of odd-kit 0.1: ", "ZeroDivisionError: no one left",
        "hint: pip install -U odd-kit; CLFW_DEBUG=1 shows where it was raised",
    )  # fmt: skip


def test_an_exit_at_work_is_the_plugins_fault_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = run_with(monkeypatch, tmp_path, open="raise SystemExit(0)")
    assert_refused(failed, 69, "plugin 'odd' of odd-kit 0.1: odd_module:Source raised SystemExit")


def test_what_a_plugin_prints_at_work_does_not_reach_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud = dict.fromkeys(PLACES, "print('hello')")
    install("odd", ODD.format(**loud), tmp_path, monkeypatch)
    finished = clfw(*RUN, "--json")
    assert finished.json["data"] == "odd_set"
    assert finished.err.count("hello") >= len(PLACES)


def test_a_file_that_a_plugin_cannot_read_is_named_with_the_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = run_with(monkeypatch, tmp_path, build_change='open("absent.bin")')
    assert_refused(failed, 74, "plugin 'odd' of odd-kit 0.1: odd_module:build_change: absent.bin")


def test_a_module_that_a_plugin_lacks_at_work_is_to_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = run_with(monkeypatch, tmp_path, open="import absent_module")
    assert_refused(failed, 69, "odd-kit 0.1", "hint: pip install absent_module; CLFW_DEBUG=1")


def test_an_old_name_in_a_module_loaded_at_work_is_told_with_the_one_of_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "old_reader.py").write_text("from clfw import Recognised\n")
    moved = ODD.replace("odd_module:Source", "old_reader:Source")
    install("odd", moved.format(**dict.fromkeys(PLACES, "pass")), tmp_path, monkeypatch)
    assert_refused(clfw(*RUN), 69, "plugin 'odd' of odd-kit 0.1: ", "it is now 'Detected'")


def test_pictures_of_another_shape_are_named_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = run_with(monkeypatch, tmp_path, change="images = images[:, :, 1:]")
    assert_refused(
        failed, 69, "odd-kit 0.1: augmentation 'odd_change': (2, 1, 8, 8) became (2, 1, 7"
    )


def test_the_gallery_names_an_augmentations_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_with(monkeypatch, tmp_path, change="return images[99]")
    failed = clfw("data", "show", "odd_set", "--augment", "odd_change")
    assert_refused(
        failed, 69, "plugin 'odd' of odd-kit 0.1: augmentation 'odd_change' raised Index"
    )


def test_finished_weights_name_the_plugin_that_cannot_build_them_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_with(monkeypatch, tmp_path).code == 0
    (folder,) = Path("runs").iterdir()
    monkeypatch.setattr("odd_module.build_net", None)
    failed = clfw("eval", folder, "--split", "test")
    assert failed.code == 69
    assert "plugin 'odd' of odd-kit 0.1: architecture 'odd_net': build failed" in failed.err


@pytest.mark.parametrize(
    "error", [DataError("line 3"), MemoryError(), RuntimeError("out of memory")]
)
def test_what_has_an_answer_of_its_own_passes(error: Exception) -> None:
    with pytest.raises(type(error)), plugin_errors(plugin("odd-kit"), "open"):
        raise error


def test_a_fault_of_a_built_in_plugin_is_one_of_clfw() -> None:
    with pytest.raises(ValueError, match="ours"), plugin_errors(plugin("clfw"), "open"):
        raise ValueError("ours")
    theirs = pytest.raises(PluginError, match="open raised ValueError: theirs")
    with theirs, plugin_errors(plugin("odd-kit"), "open"):
        raise ValueError("theirs")


def plugin(package: str) -> Plugin:
    return Plugin(name="odd", module="odd_module", package=package, version="0.1")
