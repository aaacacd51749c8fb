"""The conformance kit: a wrong plugin for every check, each found in one sentence."""

import re
import sys
import textwrap
from pathlib import Path

import pytest

from clfw.api.components import Architecture, Augmentation, Dataset
from clfw.plugins.manager import Catalog, installed_catalog
from clfw.plugins.plugin import Plugin
from clfw.testing import check_catalog, check_plugin, checks, fault_of
from clfw.testing.architectures import architecture_checks
from clfw.testing.augmentations import augmentation_checks
from clfw.testing.datasets import dataset_checks
from clfw.testing.declarations import component_checks, plugin_checks
from commandline import assert_refused, clfw, succeed
from fake_plugins import install
from tiny_sets import write_bars

NET = """
from clfw import Architecture, hookimpl

@hookimpl
def clfw_architectures():
    return [Architecture(name="odd", summary="a network for a test", build="odd_module:build")]

def build(params, task):
    import torch
    from torch import nn
    task.require_side(2, "odd")
    first, size = nn.Flatten(), task.channels * task.height * task.width
    layers = [first, nn.Linear(size, 8), nn.ReLU(), nn.Linear(8, task.num_classes)]
    {body}
    return nn.Sequential(*layers)
"""

SET = """
from clfw import Dataset, Table, hookimpl

@hookimpl
def clfw_datasets():
    return [Dataset(name="odd", summary="pictures for a test", open="odd_module:Source", needs_path=False)]

class Source:
    def __init__(self, params, path):
        self.rows = 12
    def identity(self):
        return "odd 1"
    def table(self):
        rows = range(self.rows)
        columns = dict(
            keys=[f"row {{i}}" for i in rows], labels=["ab"[i % 2] for i in rows],
            splits=["train"] * self.rows, versions=[f"{{i}}" for i in rows],
            locations=[f"here:{{i}}" for i in rows], class_names=("a", "b"))
        {table}
        return Table(**columns)
    def read(self, row):
        import numpy
        picture = numpy.full((8, 8), row, numpy.uint8)
        {read}
        return picture
"""

CHANGE = """
from clfw import Augmentation, hookimpl

@hookimpl
def clfw_augmentations():
    return [Augmentation(name="odd", summary="a change for a test", build="odd_module:build")]

def build(params, task):
    import torch
    def change(images, targets, draws):
        amount = draws.uniform()[:, :, None, None] / 10
        changed = (images + amount).clamp(0, 1)
        {body}
        return changed, targets
    {outside}
    return change
"""


def net(body: str = "", **replaced: str) -> str:
    return filled(NET, {"body": body}, replaced)


def data(table: str = "", read: str = "", **replaced: str) -> str:
    return filled(SET, {"table": table, "read": read}, replaced)


def change(body: str = "", outside: str = "", **replaced: str) -> str:
    return filled(CHANGE, {"body": body, "outside": outside}, replaced)


def filled(template: str, parts: dict[str, str], replaced: dict[str, str]) -> str:
    """The template with lines put in at their own depth, then other texts replaced."""
    lines = []
    for line in template.splitlines():
        name = line.strip().strip("{}")
        if line.strip() == "{" + name + "}" and name in parts:
            indent = line[: len(line) - len(line.lstrip())]
            lines += textwrap.indent(textwrap.dedent(parts[name]).strip(), indent).splitlines()
        else:
            lines.append(line.replace("{{", "{").replace("}}", "}"))
    text = "\n".join(lines)
    for key, value in replaced.items():
        old = {"summary": 'summary="', "build": 'build="odd_module:build"', "free": "needs_path=False",
               "init": "self.rows = 12", "identity": 'return "odd 1"'}[key]  # fmt: skip
        assert old in text
        text = text.replace(old, value)
    return text


PARAMS = """
from pydantic import Field
from clfw.api.params import Params
"""
WITH_PARAMS = 'build="odd_module:build", params="odd_module:OddParams"'

# What the check tries, a wrong plugin, and what is said of it.
WRONG: dict[str, list[tuple[str, str]]] = {
    "importing the hook module": [
        ("import numpy\n" + net(), r"importing 'odd_module' loads numpy, .*: import it in the module"),
    ],
    "looking at what it offers": [
        ("from clfw import hookimpl\n@hookimpl\ndef clfw_datasets(): return []", "offers nothing: implement"),
    ],
    "reading the summary": [
        (net(summary='summary="net" or "'), "the summary 'net' must be one line of 10 to 120"),
        (net(summary='summary="A network with a stop." or "'), "without a full stop"),
    ],
    "resolving the references": [
        (net(build='build="odd_module.build"'), "must look like package.module:function"),
        (net(build='build="odd_module:absent"'), "no attribute 'absent'"),
        (net(build='build="odd_module:__name__"'), "is no function"),
    ],
    "reading the parameters": [
        (net(build=WITH_PARAMS) + "\nclass OddParams: pass", "must be a subclass of clfw.api.Params"),
        (PARAMS + "from typing import Any\n" + net(build=WITH_PARAMS)
         + "\nclass OddParams(Params):\n    width: Any = Field(1, description='w')", "'width' has no type"),
        (PARAMS + net(build=WITH_PARAMS) + "\nclass OddParams(Params):\n    width: int = 1",
         "'width' has no description"),
        (PARAMS + net(build=WITH_PARAMS)
         + "\nclass OddParams(Params):\n    width: int = Field(description='w')", "'width' has no default"),
        (PARAMS + net(build=WITH_PARAMS)
         + "\nclass OddParams(Params):\n    model_config = {'extra': 'allow'}", "OddParams takes unknown"),
        (PARAMS + data(free="needs_path=False, params='odd_module:OddParams'")
         + "\nclass OddParams(Params):\n    image_size: int = Field(8, description='side, pixels')",
         r"parameter 'image_size' is core's own, .* data.image_size: rename it"),
    ],
    "building for several tasks": [
        (net("layers.pop(); layers.append(nn.Linear(8, 10))"), "size the last layer by task.num_classes"),
        (net("layers.append(nn.Softmax(1)); layers = [m.double() for m in layers]\n"
             "class Double(nn.Module):\n    def forward(self, x): return x.double()\n"
             "layers.insert(0, Double())"), r"float64: return float32"),
        (net("nn.init.constant_(layers[-1].bias, float('nan'))"), "a logit is not finite"),
        (net("task.require_side(1000, 'odd')"), "serves none of the tasks tried"),
        (net("return lambda images: images"), "build returned function: return a torch.nn.Module"),
    ],
    "building for pictures of one pixel": [
        (net("layers[:0] = [nn.MaxPool2d(2)]\nlayers[2] = nn.Linear(task.channels * (task.height // 2)"
             " * (task.width // 2), 8)").replace('task.require_side(2, "odd")', ""),
         "raise TaskNotSupported in build"),
    ],
    "building for the channels": [
        (net(build='build="odd_module:build", channels=(3,)'), r"declares channels=\(3,\) and builds for"),
    ],
    "a backward pass": [
        (net("layers[1].idle = nn.Parameter(torch.zeros(3))"), "no gradient reaches 1.idle: use it"),
        (net("for layer in layers: layer.requires_grad_(False)"), "no parameter can be trained"),
    ],
    "building twice": [
        (net("import os\nnn.init.constant_(layers[1].bias, int.from_bytes(os.urandom(2), 'big'))"),
         "one seed gives two sets of first weights"),
        (net("torch.manual_seed(0)\nlayers[1].reset_parameters()\nlayers[3].reset_parameters()"),
         "do not call torch.manual_seed in build"),
    ],
    "saving and restoring the weights": [
        (net("layers[1].scale = torch.rand(1)\nlayers[1].register_forward_hook(\n"
             "    lambda module, inputs, output: output * module.scale)"), "in parameters or buffers"),
        (net("import time\nlayers[1].register_buffer(f'b{time.perf_counter_ns()}', torch.zeros(1))"),
         "build the same layers under the same names"),
    ],
    "evaluating": [
        (net("class Noise(nn.Module):\n    def forward(self, x):\n"
             "        return nn.functional.dropout(x, 0.5)\nlayers.append(Noise())"),
         "two evaluations of the same pictures differ"),
        (net("class Centre(nn.Module):\n    def forward(self, x): return x - x.mean(0)\n"
             "layers.append(Centre())"), "depend on the other pictures of its batch"),
    ],
    "looking at the pictures it was given": [
        (net("layers.insert(0, nn.ReLU(inplace=True))"), "forward changes the pictures in place"),
    ],
    "changing the mode": [
        (net("class Stuck(nn.Sequential):\n    def train(self, mode=True): return self\n"
             "return Stuck(*layers)"), r"eval\(\) leaves training=True"),
        (net("class Stuck(nn.Linear):\n    def train(self, mode=True): return self\n"
             "layers.append(Stuck(task.num_classes, task.num_classes))"), r"eval\(\) does not reach 4"),
    ],
    "watching a build": [
        (net("open('weights.bin', 'a').close()"), "build reaches for file 'weights.bin': load pretrained"),
        (net("import socket\ntry: socket.create_connection(('127.0.0.1', 9), timeout=0.01)\n"
             "except OSError: pass"), "build reaches for the network"),
        (net("from safetensors.torch import load_file\ntry: load_file('a.safetensors')\n"
             "except FileNotFoundError: pass"), "build reaches for file 'a.safetensors'"),
    ],
    "looking at the process after a build": [
        (net("torch.set_default_dtype(torch.float64)"), "build changes torch's default dtype"),
        (net("import random; random.random()"), "build changes Python's random numbers"),
        (net("import os; os.chdir('/')"), "build changes the working folder"),
    ],
    "looking for a sample": [
        (data(free="needs_path=True"), "needs files and has no sample"),
        (data(free="sample='absent'"), "sample='absent' is no dataset of this plugin"),
    ],
    "opening": [
        (data("import cv2, numpy\ncv2.imdecode(numpy.zeros(3, numpy.uint8), 0)"), "decode nothing"),
        ("def opened(params, path): return 5\n" + data().replace(":Source", ":opened"),
         r"has no identity, table, read\(\)"),
    ],
    "reading the table": [
        (data("columns['labels'].pop()"), "12 keys and 11 labels: give one a row"),
        (data("columns['splits'][3] = 'valid'"), "the splits are train, validation, test"),
        (data("columns['keys'][3] = columns['keys'][4]"), "name every row by a key of its own"),
        (data("columns['versions'][3] = ''"), "a row has no version"),
        (data(init="self.rows = 0"), "has no rows"),
        (data("return columns"), r"table\(\) must return a clfw.Table"),
    ],
    "reading the labels": [
        (data("columns['labels'][3] = 'c'"), "label 'c' is none of the classes"),
        (data("columns['class_values'] = ('a',)"), "1 class_values for 2 class_names"),
        (data("columns['labels'][3] = None"), "training row 'row 3' has no label: leave it out"),
    ],
    "reading pictures": [
        (data(read="if row == 11: raise IndexError(row)"), r"row 11 \('row 11'\) is in the table and cannot"),
        (data(read="if row == 7: raise ValueError('late')"),
         r"row 7 \('row 7'\) is in the table and cannot be read: ValueError: late: leave it out"),
        (data(read="picture = picture / 255"), r"is float64 of 2 dimensions: return \(H, W\)"),
        (data(read="picture = 'row.png'"), "is str: return bytes or a NumPy array"),
        (data(read="picture = b'no picture'"), "does not decode"),
    ],
    "reading in threads": [
        (data(read="picture[0, 0] = self.count = getattr(self, 'count', 100) + 1"),
         "is another picture when it is read again"),
    ],
    "comparing versions": [
        (data("columns['versions'][3] = columns['versions'][4]"), "rows 3 and 4 have one version and two"),
    ],
    "opening twice": [
        (data(identity="import os; return os.urandom(4).hex()"), r"identity\(\) changes from one opening"),
        (data("import os\ncolumns['versions'][0] = os.urandom(4).hex()"), r"table\(\) changes from one"),
    ],
    "importing the reader": [
        ("import torch\n" + data(), "'odd_module' imports torch: hand over bytes"),
    ],
    "measuring the sample": [
        (data(init="self.rows = 10_001"), "has 10,001 rows by default: a sample has 10,000"),
        (data(read="picture = numpy.zeros((4000, 4000), numpy.uint8)"), "is about 192 MB by default"),
    ],
    "changing a batch": [
        (change("changed = changed[:, :, 1:]"), "keep shape, crop and pad back"),
        (change("changed = changed.double()"), "float32 became torch.float64"),
        (change("changed = changed.to('meta')"), "came back on meta: make every tensor on images.device"),
        (change("return changed"), r"must return \(images, targets\)"),
        (change(outside="return 5"), "build must return a function"),
        (change(outside="from clfw import TaskNotSupported\nraise TaskNotSupported('no')"),
         "serves neither grey nor colour"),
    ],
    "looking for a change": [(change("changed = images"), "changes none of 256 pictures in 3 epochs")],
    "changing black and white pictures": [
        (change("changed = images / images.amax((1, 2, 3), keepdim=True)"),
         "a black picture leaves .* guard divisions"),
    ],
    "looking at the range": [(change("changed = changed * 2"), r"end with images.clamp\(0, 1\)")],
    "looking at the targets": [
        (change("targets = targets.flip(0)"), "class indices change"),
        (change("targets = torch.zeros(len(images), 2)"), r"return \(B,\) int64 or \(B, K\) float"),
        (change("targets = torch.ones(len(images), task.num_classes)"), "do not sum to 1"),
    ],
    "looking at what it was given": [
        (change("images.mul_(0.5)"), "changes what it is given in place"),
        (change("if targets.is_floating_point(): targets.mul_(1)[0] = 0.25"), "in place: return new"),
        (change("if images.shape[1] == 3: images[0].zero_()"), "in place: return new tensors"),
    ],
    "changing one picture many times": [
        (change("changed = (images + amount[:1]).clamp(0, 1)"), "every picture of a batch gets the same"),
    ],
    "changing a row in another batch": [
        (change("changed = (images + torch.arange(len(images))[:, None, None, None] / 50).clamp(0, 1)"),
         "in another way in another batch"),
    ],
    "changing a row in another epoch": [
        (change("changed = (images + torch.linspace(0, 1, len(images))[:, None, None, None]).clamp(0, 1)"),
         "every epoch changes a picture in the same way"),
    ],
    "looking at torch's random numbers": [
        (change("changed = torch.rand_like(images)"), "uses torch's global random numbers"),
    ],
    "changing a batch of one": [
        (change("changed = changed.squeeze(0) if len(images) == 1 else changed"),
         "loses its first dimension"),
        (change("assert len(images) > 1, 'too few'"), "ends in AssertionError: too few"),
    ],
}  # fmt: skip
CASES = [(words, *case) for words, cases in WRONG.items() for case in cases]


def installed(source: str, folder: Path, patch: pytest.MonkeyPatch) -> tuple[Catalog, Plugin]:
    """The catalog with a plugin of this source."""
    install("odd", source, folder, patch)
    catalog = installed_catalog()
    (plugin,) = (plugin for plugin in catalog.plugins if plugin.name == "odd")
    assert plugin.state == "ok", plugin.reason
    return catalog, plugin


@pytest.mark.parametrize(("words", "source", "sentence"), CASES)
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_plugin_is_found_and_told_what_to_change(
    words: str, source: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, plugin = installed(source, tmp_path, monkeypatch)
    tried = {name: check for _, name, check in checks(plugin, {})}
    fault = fault_of(words, tried[words], plugin)
    assert re.search(sentence, fault), fault
    assert "\n" not in fault
    assert not fault.endswith(".")


@pytest.mark.parametrize("source", [net(), data(), change()])
def test_a_right_plugin_passes_every_check(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, _ = installed(source, tmp_path, monkeypatch)
    found = check_catalog(catalog, "odd", {})
    assert found.faults == ()
    assert found.checks > 10
    check_plugin("odd")


def test_every_check_has_a_wrong_plugin() -> None:
    plugin = Plugin(name="p", module="m", package="k", version="1")
    network = Architecture(name="n", summary="", build="a:b")
    reader = Dataset(name="d", summary="", open="a:b")
    free = Dataset(name="d", summary="", open="a:b", needs_path=False)
    known = {
        *plugin_checks(plugin),
        *component_checks(network),
        *architecture_checks(network),
        *dataset_checks(reader, plugin, None),
        *dataset_checks(free, plugin, None),
        *augmentation_checks(Augmentation(name="a", summary="", build="a:b")),
    }
    assert known == set(WRONG)


def test_an_error_on_the_way_is_one_fault_that_says_where_it_was_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", net("raise OSError('no disk')"), tmp_path, monkeypatch)
    with pytest.raises(AssertionError) as caught:
        check_plugin("odd")
    assert str(caught.value) == (
        "plugin 'odd':\nodd: odd_module.py, line 14 raised OSError: no disk"
    )


def test_an_error_that_no_line_of_the_plugin_raised_says_once_what_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = data().replace("odd_module:Source", "math:sqrt")
    catalog, _ = installed(source, tmp_path, monkeypatch)
    (fault,) = check_catalog(catalog, "odd", {}).faults
    assert fault.startswith("odd: opening raised TypeError: ")


def test_what_a_plugin_prints_is_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", data(init="print('hello'); self.rows = 12"), tmp_path, monkeypatch)
    checked = succeed("plugins", "check", "odd")
    assert checked.out == "odd: 15 checks, 0 faults\n"
    assert "hello" in checked.err


def test_a_plugin_for_another_clfw_is_one_fault_and_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", "open('imported', 'w').close()\n" + net(), tmp_path, monkeypatch)
    (metadata,) = tmp_path.glob("site-odd/*.dist-info/METADATA")
    metadata.write_text(metadata.read_text() + "Requires-Dist: clfw>=99\n")
    with pytest.raises(
        AssertionError, match=r"^plugin 'odd':\nodd: is broken: was written for a new"
    ):
        check_plugin("odd")
    assert not Path("imported").exists()


def test_a_clash_is_a_fault_that_names_both_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", net(), tmp_path, monkeypatch)
    install("twin", net().replace("odd_module", "twin_module"), tmp_path, monkeypatch)
    (fault,) = check_catalog(installed_catalog(), "odd", {}).faults
    assert re.match(r"odd: architecture 'odd' is offered by (twin|odd)-kit 0.1 and ", fault)


def test_an_import_that_a_fresh_python_refuses_is_told_by_the_first_line_of_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = "import os, sys\nif 'pytest' not in sys.modules: raise ValueError('one\\ntwo')\n"
    catalog, _ = installed(first + net(), tmp_path, monkeypatch)
    (fault,) = check_catalog(catalog, "odd", {}).faults
    assert fault == "odd: 'odd_module' cannot be imported in a fresh Python: ValueError: one"


def test_a_plugin_in_one_file_may_have_its_parameters_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", PARAMS + net(), tmp_path, monkeypatch)
    (module,) = tmp_path.glob("site-odd/odd_module.py")
    alone = Path("odd_file.py")
    alone.write_text(module.read_text().replace("odd_module", "odd_file"))
    assert clfw("plugins", "check", "odd").code == 69
    off = ("--disable-plugin", "odd")
    checked = succeed("plugins", "check", "odd_file", "--plugin", alone, *off)
    assert checked.out.endswith(" 0 faults\n")
    del sys.modules["odd_file"]


def test_a_broken_plugin_is_one_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install("odd", "import absent_module", tmp_path, monkeypatch)
    with pytest.raises(
        AssertionError, match=r"is broken: .*absent_module'; pip install absent_module"
    ):
        check_plugin("odd")


def test_the_command_prints_each_fault_and_ends_with_69(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", change("images.mul_(0.5)"), tmp_path, monkeypatch)
    finished = clfw("plugins", "check", "odd")
    assert finished.code == 69
    assert "odd: changes what it is given in place: return new tensors" in finished.out
    assert finished.out.splitlines()[-1] == "odd: 17 checks, 1 fault"
    assert "plugin 'odd': 1 promise not kept" in finished.err
    assert clfw("plugins", "check", "odd", "--json").json["faults"] == [
        "odd: changes what it is given in place: return new tensors"
    ]


def test_the_command_takes_files_for_a_reader() -> None:
    write_bars(Path("bars"))
    finished = succeed("plugins", "check", "csv_images", "--data", "csv_images=bars")
    assert finished.out == "csv_images: 16 checks, 0 faults\n"
    assert_refused(clfw("plugins", "check", "csv_images", "--data", "bars"), 2, "--data 'bars'")


def test_a_plugin_that_is_not_there_is_named_with_the_nearest_one() -> None:
    assert_refused(clfw("plugins", "check", "small_cnn"), 69, "did you mean 'small_cnns'?")
