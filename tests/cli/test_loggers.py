"""Plugins that hear of finished epochs, TensorBoard's among them."""

import json
import re
import sys
from pathlib import Path

import pytest

from clfw.errors import PluginError
from commandline import assert_refused, clfw, succeed
from fake_plugins import install
from tiny_sets import write_bars

OBSERVER = """
import json
from clfw import hookimpl

@hookimpl
def clfw_epoch_finished(folder, plan, report):
    with open("heard.jsonl", "a") as file:
        facts = [str(folder), plan["model"]["entry"], report.epoch, report.step, report.loss]
        file.write(json.dumps(facts) + "\\n")
    {body}
"""
BOTH = """
from clfw import Architecture

@hookimpl
def clfw_architectures():
    return [Architecture(name="ear_net", summary="one linear layer", build="both_ear:build")]

def build(params, task):
    from torch import nn
    return nn.Sequential(nn.Flatten(), nn.Linear(task.channels * task.height * task.width, task.num_classes))
"""
PLANNED = """
@hookimpl
def clfw_run_planned(plan):
    assert plan["model"]["entry"] == "fashion_mlp"
    raise OSError("no")
"""
RUN = (
    *("run", "--model", "fashion_mlp", "--data", "csv_images", "--set", "data.path=bars"),
    *("--set", "data.validation=0.3", "--set", "train.checkpoint_seconds=0", "--epochs", "3"),
)


@pytest.fixture(autouse=True)
def bars() -> Path:
    """A small set."""
    return write_bars(Path("bars"))


def heard() -> list[list[object]]:
    path = Path("heard.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def weights(folder: str) -> bytes:
    return Path(folder, "model.safetensors").read_bytes()


def test_an_observer_that_a_run_names_hears_every_epoch_and_nobody_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("listener", OBSERVER.format(body="pass"), tmp_path, monkeypatch)
    succeed(*RUN)
    assert heard() == []
    folder = succeed(*RUN, "--logger", "listener", "--json").json["run"]
    told = [json.loads(line) for line in Path(folder, "metrics.jsonl").read_text().splitlines()]
    assert heard() == [[folder, "fashion_mlp", r["epoch"], r["step"], r["loss"]] for r in told]
    assert json.loads(Path(folder, "plan.json").read_text())["observers"] == ["listener"]


def test_an_observer_leaves_no_mark_on_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("listener", OBSERVER.format(body="import torch; torch.rand(3)"), tmp_path, monkeypatch)
    alone = succeed(*RUN, "--json").json["run"]
    seen = succeed(*RUN, "--logger", "listener", "--json")
    assert weights(alone) == weights(seen.json["run"])
    assert (
        "plugin 'listener' of listener-kit 0.1: hook clfw_epoch_finished, epoch 1: drew" in seen.err
    )


def test_an_observer_that_raises_ends_with_69_and_the_run_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "if report.epoch == 2: raise OSError('disk full')"
    install("listener", OBSERVER.format(body=body), tmp_path, monkeypatch)
    whole = succeed(*RUN, "--json").json["run"]
    stopped = clfw(*RUN, "--logger", "listener", "--out", "cut")
    assert stopped.code == 69
    for part in ("'listener' of listener-kit 0.1", "clfw_epoch_finished", "epoch 2", "disk full"):
        assert part in stopped.err
    hint = stopped.err.splitlines()[-1]
    assert hint.startswith("hint: once it is mended: clfw resume cut; without it: clfw resume cut ")
    command = hint.rpartition("clfw ")[2].split()
    assert command == ["resume", "cut", "--disable-plugin", "listener"]
    resumed = succeed(*command)
    assert "logger 'listener' is switched off: the run goes on without it" in resumed.err
    assert weights("cut") == weights(whole)


def test_an_epoch_is_safe_before_its_observers_hear_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "if report.epoch == 2: raise OSError('disk full')"
    install("listener", OBSERVER.format(body=body), tmp_path, monkeypatch)
    never = ("--set", "train.checkpoint_seconds=3600")  # no checkpoint at epochs' ends otherwise
    whole = succeed(*RUN, *never, "--json").json
    assert clfw(*RUN, *never, "--logger", "listener", "--out", "cut").code == 69
    assert f"resumed from step {whole['steps'] * 2 // 3} of " in succeed("resume", "cut").err
    assert [epoch for _, _, epoch, _, _ in heard()] == [1, 2, 3]
    assert weights("cut") == weights(whole["run"])


def test_the_way_on_of_a_run_names_the_plugin_files_that_it_needs(tmp_path: Path) -> None:
    body = "if report.epoch == 2: raise OSError('disk full')"
    Path("file_ear.py").write_text(OBSERVER.format(body=body))
    ears = ("--plugin", "file_ear.py", "--logger", "file_ear")
    stopped = clfw(*RUN, *ears, "--out", "cut")
    mended, without = re.findall(r"clfw (resume [^;]*)", stopped.err.splitlines()[-1])
    assert mended == "resume cut --plugin file_ear.py"
    assert without == "resume cut --disable-plugin file_ear"
    resumed = succeed(*without.split())
    assert "logger 'file_ear' is switched off: the run goes on without it" in resumed.err
    assert_refused(clfw(*RUN, "--disable-plugin", "file_ear"), 2, "no plugin named 'file_ear'")
    del sys.modules["file_ear"]


def test_an_observer_that_a_network_needs_too_is_not_to_be_switched_off(tmp_path: Path) -> None:
    Path("both_ear.py").write_text(OBSERVER.format(body="raise OSError('disk full')") + BOTH)
    stopped = clfw(
        *("run", "--model", "ear_net", "--plugin", "both_ear.py", "--logger", "both_ear"),
        *(*RUN[3:], "--out", "cut"),
    )
    hint = stopped.err.splitlines()[-1]
    assert hint == "hint: once it is mended: clfw resume cut --plugin both_ear.py"
    del sys.modules["both_ear"]


def test_what_an_observer_lacks_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("listener", OBSERVER.format(body="pass") + PLANNED, tmp_path, monkeypatch)
    refused = clfw(*RUN, "--logger", "listener")
    assert_refused(
        refused, 69, "'listener' of listener-kit 0.1: hook clfw_run_planned: raised OSError: no"
    )
    assert refused.err.splitlines()[-1] == "hint: leave out --logger listener"
    assert not Path("runs").exists()


def test_a_resumed_run_tells_the_observers_that_it_was_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("listener", OBSERVER.format(body="pass"), tmp_path, monkeypatch)
    folder = succeed(*RUN, "--logger", "listener", "--json").json["run"]
    succeed("resume", folder, "--epochs", "5")
    assert [epoch for _, _, epoch, _, _ in heard()] == [1, 2, 3, 4, 5]


def test_an_observer_that_is_none_is_refused_before_anything_starts() -> None:
    assert_refused(
        clfw(*RUN, "--logger", "tensorbord"), 2, "'tensorbord'", "did you mean 'tensorboard'?"
    )
    nobody = clfw(*RUN, "--logger", "small_cnns")
    assert_refused(nobody, 2, "'small_cnns'", "list them all: clfw plugins")


def test_tensorboard_gets_every_update_and_evaluation_once(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = succeed(*RUN, "--logger", "tensorboard", "--json").json["run"]
    read = EventAccumulator(f"{folder}/tensorboard").Reload()
    lines = Path(folder, "steps.csv").read_text().splitlines()[1:]
    losses = [(event.step, event.value) for event in read.Scalars("train/loss")]
    assert losses == [
        (int(step), pytest.approx(float(loss), rel=1e-6))
        for step, loss, *_ in (line.split(",") for line in lines)
    ]
    assert [event.value for event in read.Scalars("epoch")] == [1, 2, 3]
    assert {"validation/accuracy", "train/lr", "train/gradient_norm"} <= set(read.Tags()["scalars"])


def test_without_the_package_tensorboard_its_plugin_loads_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "clfw_plugins.tensorboard.events", raising=False)
    rows = succeed("plugins", "--json").json
    assert next(row["state"] for row in rows if row["name"] == "tensorboard") == "ok"
    finished = clfw(*RUN, "--logger", "tensorboard")
    assert finished.code == 69
    assert "needs the package tensorboard" in finished.err
    assert "hint: pip install 'clfw[tensorboard]'; or leave out --logger tensor" in finished.err
    assert not Path("runs").exists()


def test_an_error_of_an_observer_is_a_plugins_error() -> None:
    assert PluginError("x").exit_code == 69
