"""Weights in and out of a model: one safetensors file that describes itself."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clfw.api.components import Architecture, PluginFault
from clfw.api.components import load as load_reference
from clfw.api.task import Task
from clfw.artifacts.checksum import KEY, insert_checksum, metadata_of, verify_checksum
from clfw.artifacts.weights_header import Header, repair_hint
from clfw.config.described_network import find_network
from clfw.config.resolution import EmbeddedNetwork
from clfw.errors import ClfwError, DataError, Diverged
from clfw.io.storage import write_atomically
from clfw.models.safetensors_io import decode, encode, first_not_finite, parts
from clfw.plugins.manager import Catalog, first_line
from clfw.plugins.plugin_calls import plugin_errors
from clfw.text import escape

SHOWN = 3  # mismatching tensors named one by one


def save_weights(path: Path, model: nn.Module, facts: dict[str, Any]) -> None:
    """Write the model's state with its description; equal models give equal files.

    Raises:
        DataError: two entries of the state share memory.
        Diverged: a value is not finite.
    """
    save_tensors(path, model, facts)


def save_tensors(path: Path, model: nn.Module, facts: dict[str, Any] | None = None) -> None:
    """Write a module's state with a checksum; raises as `save_weights` does."""
    refuse_shared(model)
    if (name := first_not_finite(model.state_dict())) is not None:
        raise Diverged(f"the model's tensor '{escape(name)}' is not finite, so it is not saved")
    data = encode(model.state_dict(), {KEY: metadata_of(facts or {})})
    header, payload = parts(data)
    write_atomically(path, data[:8] + insert_checksum(header, [payload]), payload)


def load_tensors(model: nn.Module, path: Path) -> None:
    """Copy the tensors of `path` into `model`; raises `DataError` unless all fit."""
    tensors = read_tensors(path)
    require_fit(tensors, model.state_dict(), escape(str(path)))
    model.load_state_dict(tensors)


def refuse_shared(model: nn.Module) -> None:
    """Raise when two names of the state share memory, which the file format cannot express."""
    taken = sorted(
        (tensor.data_ptr(), tensor.data_ptr() + extent(tensor), name)
        for name, tensor in model.state_dict().items()
        if tensor.numel()
    )
    behind, owner = 0, ""
    for start, end, name in taken:
        if start < behind:
            raise DataError(
                f"the model's tensors '{escape(owner)}' and '{escape(name)}' share memory",
                hint="give each module parameters of its own",
            )
        behind, owner = end, name


def extent(tensor: Tensor) -> int:
    """Bytes from the first value to behind the last one."""
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    return (sum((size - 1) * stride for size, stride in steps) + 1) * tensor.itemsize


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, every value finite.

    Raises:
        DataError: damaged, a wrong checksum, or a value that is not finite.
    """
    data = path.read_bytes()
    where = escape(str(path))
    tensors = decode(data, where)
    header, payload = parts(data)
    verify_checksum(header, [payload], where, repair_hint(path))
    return tensors


def require_fit(tensors: dict[str, Tensor], state: dict[str, Tensor], where: str) -> None:
    """Raise unless both have the same names with the same shapes and dtypes."""
    faults = [f"'{escape(n)}' is missing" for n in state.keys() - tensors.keys()]
    faults += [f"'{escape(n)}' is not in the model" for n in tensors.keys() - state.keys()]
    faults += [
        f"'{name}' is {tuple(tensors[name].shape)} {tensors[name].dtype}, "
        f"the model has {tuple(state[name].shape)} {state[name].dtype}"
        for name in state.keys() & tensors.keys()
        if (tensors[name].shape, tensors[name].dtype) != (state[name].shape, state[name].dtype)
    ]
    if faults:
        faults.sort()
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise DataError(f"{where}: does not fit the model: {'; '.join(faults[:SHOWN])}{more}")


def build_model(
    architecture: Architecture,
    params: Any,
    task: Task,
    embedded: EmbeddedNetwork | None = None,
) -> nn.Module:
    """The network for a task, with the weights that the present seed gives.

    `embedded` is the network inside it, which is built first.

    Raises:
        PluginFault: building failed, or what was built is no module.
        PluginError: the same, of the network inside.
        TaskNotSupported: from the architecture.
    """
    inside = () if embedded is None else (build_embedded(embedded),)
    try:
        model = load_reference(architecture.build)(params, task, *inside)
    except ClfwError:
        raise
    except Exception as error:
        raise PluginFault(
            f"architecture '{architecture.name}': build failed: {first_line(error)}"
        ) from error
    if not isinstance(model, nn.Module):
        raise PluginFault(
            f"architecture '{architecture.name}': build gave {type(model).__name__}, not a module"
        )
    return model


def build_embedded(embedded: EmbeddedNetwork) -> nn.Module:
    """The network inside another; a failure names the plugin that it comes from."""
    network = embedded.network
    with plugin_errors(network.plugin, "build"):
        return build_model(network.component, network.params, embedded.task, network.embedded)


def require_output(model: nn.Module, task: Task, architecture: str) -> None:
    """Raise unless two blank pictures give (2, K) logits; leaves the model as it was."""
    device = next((p.device for p in model.parameters()), None)
    mode = model.training
    blank = torch.zeros(2, task.channels, task.height, task.width, device=device)
    try:
        with torch.inference_mode():
            logits = model.eval()(blank)
    except Exception as error:
        raise PluginFault(
            f"architecture '{architecture}': its network fails on {task.height}x{task.width} "
            f"pictures of {task.channels} channels: {first_line(error)}",
            hint="mend its build function, or let it refuse such a task by TaskNotSupported",
        ) from error
    model.train(mode)
    wanted = (2, task.num_classes)
    seen = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if seen != wanted:
        raise PluginFault(
            f"architecture '{architecture}': 2 pictures of {task.num_classes} classes gave an "
            f"output of shape {seen}, expected {wanted}",
            hint=f"mend its build function: the head needs {task.num_classes} outputs",
        )


def restore_model(header: Header, catalog: Catalog) -> nn.Module:
    """The model that a weights file describes, in evaluation mode, on the CPU."""
    network = find_network(header.facts["model"], catalog, escape(str(header.path)))
    with plugin_errors(network.plugin, "build"):
        model = build_model(network.component, network.params, header.task, network.embedded)
    load_tensors(model, header.path)
    return model.eval()
