"""Networks from timm, and any network as a frozen backbone under a new head."""

from clfw import Architecture, hookimpl

_HERE = "clfw_plugins.backbones"


@hookimpl
def clfw_architectures() -> list[Architecture]:
    return [
        Architecture(
            name="frozen_backbone",
            summary="a pretrained network that stays as it is, under a new linear head",
            build=f"{_HERE}.frozen:build",
            params=f"{_HERE}.params:FrozenBackboneParams",
            prepare=f"{_HERE}.requirements:prepare",
            require=f"{_HERE}.requirements:require",
            notes=f"{_HERE}.requirements:notes",
            initialize=f"{_HERE}.frozen:initialize",
            embeds="described",
        ),
        Architecture(
            name="timm_model",
            summary="any network of timm, trained from random weights",
            build=f"{_HERE}.timm_model:build",
            params=f"{_HERE}.params:TimmModelParams",
        ),
    ]
