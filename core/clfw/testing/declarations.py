"""Checks of what a plugin declares: the price of its hook, names, references, parameters."""

import json
import re
import subprocess
from functools import partial
from typing import Any

from clfw.api.components import Component, Dataset, load
from clfw.api.params import Params, params_class
from clfw.config.data_params import DataParams
from clfw.io.child_process import import_environment, python_command
from clfw.plugins.plugin import Plugin
from clfw.testing.check import Check, Fault, require

HEAVY = ("torch", "torchvision", "timm", "numpy", "cv2", "PIL", "pydantic", "pandas", "scipy")
REFERENCES = ("build", "open", "prepare", "require", "notes", "initialize", "convert", "detect")
LOADED = """
import importlib, importlib.util, json, sys
module, file, heavy = json.loads(sys.argv[1])
import clfw
try:
    if file:
        spec = importlib.util.spec_from_file_location(module, file)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    else:
        importlib.import_module(module)
except BaseException as error:
    from clfw.plugins.manager import first_line
    print("raised:" + first_line(error))
else:
    print("loaded:" + json.dumps([name for name in heavy if name in sys.modules]))
"""


def plugin_checks(plugin: Plugin) -> dict[str, Check]:
    """The checks of a plugin as a whole."""
    return {
        "importing the hook module": lambda: hook_is_light(plugin),
        "looking at what it offers": lambda: require(
            plugin.components or plugin.observer,
            "offers nothing: implement a hook, for instance clfw_architectures",
        ),
    }


def component_checks(component: Component) -> dict[str, Check]:
    """The checks of any component's declaration."""
    checks = (summary_is_a_line, references_resolve, parameters_are_described)
    words = ("reading the summary", "resolving the references", "reading the parameters")
    return dict(zip(words, [partial(check, component) for check in checks], strict=True))


def hook_is_light(plugin: Plugin) -> None:
    """The module of the entry point imports nothing heavy: every `clfw list` pays for it."""
    # A single file has its parameters beside its hook, and costs only those who name it.
    heavy = tuple(name for name in HEAVY if not plugin.file or name != "pydantic")
    loaded = imported_with(plugin.module, plugin.file, heavy)
    require(
        not loaded,
        f"importing '{plugin.module}' loads {', '.join(loaded)}, which every clfw command pays for: "
        "import it in the module that 'build', 'open' or 'params' refers to",
    )


def imported_with(module: str, file: str, heavy: tuple[str, ...]) -> list[str]:
    """Which of `heavy` a fresh Python has loaded after importing `module`."""
    done = subprocess.run(
        python_command("-c", LOADED, json.dumps([module, file, heavy])),
        env=import_environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    *_, last = ["", *done.stdout.splitlines()]
    word, _, said = last.partition(":")
    if word == "loaded":
        found: list[str] = json.loads(said)
        return found
    why = said if word == "raised" else f"exit code {done.returncode}"
    raise Fault(f"'{module}' cannot be imported in a fresh Python: {why}")


def summary_is_a_line(component: Component) -> None:
    """Lists show it."""
    require(
        re.fullmatch(r"[^\n]{10,120}", component.summary)
        and not re.search(r"[^.]\.$", component.summary),
        f"the summary '{component.summary}' must be one line of 10 to 120 characters without a full "
        "stop",
    )


def references_resolve(component: Component) -> None:
    """Everything that is named can be imported and called."""
    for field in REFERENCES:
        reference = getattr(component, field, "")
        if not reference:
            continue
        where = f"{field}='{reference}'"
        require(":" in reference, f"{where}: must look like package.module:function")
        require(callable(load(reference)), f"{where}: is no function")


def parameters_are_described(component: Component) -> None:
    """What people set is typed, described, and has a default."""
    cls = params_class(component)
    require(
        isinstance(cls, type) and issubclass(cls, Params),
        f"params='{component.params}' must be a subclass of clfw.api.Params",
    )
    embeds = getattr(component, "embeds", "")
    require(
        not embeds or embeds in cls.model_fields,
        f"embeds='{embeds}': there is no such parameter: name the one that describes the network",
    )
    for name, field in cls.model_fields.items():
        require(
            not isinstance(component, Dataset) or name not in DataParams.model_fields,
            f"parameter '{name}' is core's own, which every dataset has as data.{name}: rename it, "
            "and leave what it does to core",
        )
        require(
            field.annotation not in (Any, None, object),
            f"parameter '{name}' has no type: annotate it, as in {name}: int",
        )
        require(
            field.description,
            f"parameter '{name}' has no description: add Field(..., description=...) with its unit",
        )
        require(
            not field.is_required(),
            f"parameter '{name}' has no default: give it one, so that the name runs by itself",
        )
    require(
        cls.model_config.get("extra") == "forbid" and cls.model_config.get("frozen"),
        f"{cls.__name__} takes unknown keys or can be changed: leave model_config as Params has it",
    )
