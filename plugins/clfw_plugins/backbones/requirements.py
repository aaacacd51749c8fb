"""What a backbone demands of its pictures, and whether its weights are at hand. No torch."""

from dataclasses import replace
from pathlib import Path

from clfw import read_header, refuse_pickle, require_whole
from clfw.api import DataError, InputMissing, Preprocess, escape
from clfw_plugins.backbones.params import FrozenBackboneParams


def prepare(
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
    if params.backbone_weights == "pretrained" and not file.exists():
        return params, timm_input(params, natural)  # shapes need no weights; `require` is for runs
    require(params, weights_folder)
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
        "package": header.facts["model"].get("package", ""),
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


def require(params: FrozenBackboneParams, weights_folder: Path) -> None:
    """Raise `InputMissing` where the backbone's weights are not there."""
    if params.backbone_weights != "random" and not weights_path(params, weights_folder).exists():
        raise missing_weights(params, weights_path(params, weights_folder))


def notes(params: FrozenBackboneParams, preprocess: Preprocess) -> tuple[str, ...]:
    """Which network the backbone is, where its weights are from, and what it sees."""
    sides = f"{preprocess.height}x{preprocess.width}"
    kind = "grey" if preprocess.channels == 1 else "colour"
    network = params.backbone.partition(".")[0]
    least = 0
    if params.described:
        which = f"{params.described['component']} of {params.backbone_weights}"
        which += f"; its input is {sides} {kind}"
    else:
        least = params.input_size
        weights = {"random": "random weights", "pretrained": f"the weights {params.backbone}"}
        of_file = f"the weights of {params.backbone_weights}"
        which = f"{network} with {weights.get(params.backbone_weights, of_file)}"
    seen = ""
    if min(preprocess.height, preprocess.width) < least:
        larger = f"{max(preprocess.height, least)}x{max(preprocess.width, least)}"
        seen = f"pictures of {sides} resized to {larger} for the backbone, "
    mean, std = (" ".join(f"{x:.4g}" for x in xs) for xs in (preprocess.mean, preprocess.std))
    return (f"backbone  {which}", f"input   {seen}normalised as it learned: mean {mean}, std {std}")


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


def missing_weights(params: FrozenBackboneParams, file: Path) -> InputMissing:
    """The error for weights that are not here, with the ways out."""
    if params.backbone_weights != "pretrained":
        return InputMissing(
            f"model.backbone_weights: there is no {escape(str(file))}",
            hint="name a finished run's folder or a .safetensors file, or take pretrained or random",
        )
    return InputMissing(
        f"model.backbone_weights: the weights of '{escape(params.backbone)}' are not at "
        f"{escape(str(file))}, and a run never downloads",
        hint="--set model.backbone_weights=FILE, or =random to go without",
        fetchable=file.name,
    )
