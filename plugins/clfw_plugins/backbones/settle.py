"""What a backbone demands of its pictures, and whether its weights are at hand. No torch."""

from dataclasses import replace
from pathlib import Path

from clfw.artifacts.weightsfile import read_header, refuse_pickle, require_whole
from clfw.errors import DataError, InputMissing, printable
from clfw.preprocess import Preprocess
from clfw_plugins.backbones.params import FrozenBackboneParams


def settle(
    params: FrozenBackboneParams, natural: Preprocess, weights_folder: Path
) -> tuple[FrozenBackboneParams, Preprocess]:
    """The parameters completed from the weights file, and the pictures as the backbone wants them.

    A network of timm sees colour, its own normalisation, and `input_size`; smaller pictures are
    kept at their size, and scaled up inside the network, so that the cache stays small. A backbone
    from a clfw weights file sees exactly what it was trained on.
    """
    if params.backbone_weights == "random" or params.described:
        return params, timm_input(params, natural)
    file = weights_path(params, weights_folder)
    if not file.exists():
        raise absent(params, file)
    refuse_pickle(file)
    require_whole(file)
    try:
        header = read_header(file)
    except DataError:
        if params.backbone_weights != "pretrained" and "clfw" in file.name:
            raise
        return params, timm_input(params, natural)  # a plain safetensors file, of timm's names
    own = header.preprocess
    described = {
        "component": header.facts["model"]["component"],
        "values": header.facts["model"]["values"],
        "classes": len(header.classes),
        "input": [own.channels, own.height, own.width],
    }
    settled = replace(
        natural,
        channels=own.channels,
        height=own.height,
        width=own.width,
        mean=own.mean,
        std=own.std,
    )
    return params.model_copy(update={"described": described}), settled


def timm_input(params: FrozenBackboneParams, natural: Preprocess) -> Preprocess:
    """Three channels, the backbone's normalisation, at most its size."""
    if params.described:
        return natural
    return replace(
        natural,
        channels=3,
        height=min(natural.height, params.input_size),
        width=min(natural.width, params.input_size),
        mean=params.mean,
        std=params.std,
    )


def weights_path(params: FrozenBackboneParams, weights_folder: Path) -> Path:
    """The file that `backbone_weights` names; a run folder stands for the file in it."""
    if params.backbone_weights == "pretrained":
        return weights_folder / f"{params.backbone}.safetensors"
    path = Path(params.backbone_weights).expanduser()
    return path / "model.safetensors" if path.is_dir() else path


def absent(params: FrozenBackboneParams, file: Path) -> InputMissing:
    """The error for weights that are not here, with the three ways out."""
    return InputMissing(
        f"model.backbone_weights: the weights of '{printable(params.backbone)}' are not at "
        f"{printable(str(file))}, and a run never downloads",
        hint="clfw fetch MODEL once, by the name that --model has, or --set "
        "model.backbone_weights=FILE, or =random to go without",
    )
