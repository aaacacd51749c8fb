"""Random changes of training pictures."""

from clfw import Augmentation, hookimpl

_HERE = "clfw_plugins.augmentations"


@hookimpl
def clfw_augmentations() -> list[Augmentation]:
    return [
        _offer("flip", "mirror left and right", "geometry:build_flip"),
        _offer("rotate", "turn by up to some degrees", "geometry:build_rotate"),
        _offer("scale", "enlarge or shrink about the centre", "geometry:build_scale"),
        _offer("shift", "move by whole pixels, a share of the side", "geometry:build_shift"),
        _offer("affine", "rotate, scale and shift in one resampling", "geometry:build_affine"),
        _offer("pad_crop", "pad all sides and crop back at random", "geometry:build_pad_crop"),
        _offer("resized_crop", "a random box, resized to the input", "geometry:build_resized_crop"),
        _offer("erase", "cover a random box", "erasing:build_erase"),
        _offer("brightness", "multiply all pixels", "color:build_brightness"),
        _offer("contrast", "stretch pixels from the mean grey", "color:build_contrast"),
        _offer("saturation", "stretch colours from grey", "color:build_saturation"),
        _offer("mixup", "blend with another picture and its label", "mixing:build_mixup"),
        _offer("cutmix", "paste a box of another picture and its label", "mixing:build_cutmix"),
        _offer("trivial", "TrivialAugment: one random operation each", "policies:build_trivial"),
    ]


def _offer(name: str, summary: str, build: str) -> Augmentation:
    words = "".join(word.capitalize() for word in name.split("_"))
    return Augmentation(
        name=name,
        summary=summary,
        build=f"{_HERE}.{build}",
        params=f"{_HERE}.params:{words}Params",
    )
