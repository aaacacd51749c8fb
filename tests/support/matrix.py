"""Small runs that between them use every kind of state that training has."""

from pathlib import Path

from killing import DATA
from tiny_sets import write_bars

NET = ("--set", "model.filters=[3]", "--set", "model.hidden=[6]")
DROPOUT = ("--set", "model.dropout=0.4")
NORM = ("--set", "model.batch_norm=true")
OFTEN = ("--batch-size", "4", "--set", "train.checkpoint_steps=3")
KEEP = (*OFTEN, "--epochs", "3")


def train(**values: object) -> tuple[str, ...]:
    """Values of the train group."""
    return group("train", **values)


def group(name: str, **values: object) -> tuple[str, ...]:
    """Values of a group."""
    return tuple(
        word for key, value in values.items() for word in ("--set", f"{name}.{key}={value}")
    )


def plain(*words: str, keep: tuple[str, ...] = KEEP) -> tuple[str, ...]:
    """A run of the small network."""
    return ("run", "--model", "plain_cnn", *DATA, *NET, *keep, *words)


FROZEN = (
    "run", "--model", "frozen_backbone", *DATA, "--set", "model.backbone=test_vit.r160_in1k",
    "--set", "model.backbone_weights=random", "--set", "model.input_size=32", *KEEP,
)  # fmt: skip

COMBINATIONS: dict[str, tuple[str, ...]] = {
    "averaged weights": plain(*train(ema=0.9)),
    "one cycle": plain(*train(schedule="one_cycle"), *DROPOUT),
    "cosine with warm-up, adamw": plain(
        *train(schedule="cosine", optimizer="adamw", weight_decay=0.1),
        *group("schedule", warmup=0.3),
    ),
    "plateau": plain(
        *train(schedule="plateau", evaluate_steps=2, monitor="loss", lr=0.1),
        *group("schedule", patience=0),
    ),
    "accumulation": plain(*train(accumulate=2), *DROPOUT),
    "augmentation, balanced": plain("--augment", "flip,rotate", *train(sampling="balanced")),
    "mixed labels": plain("--augment", "mixup", *group("loss", label_smoothing=0.1)),
    "dropout": plain(
        *DROPOUT, *train(optimizer="sgd"), *group("optimizer", momentum=0.9, nesterov="true")
    ),
    "batch norm": plain(*NORM, *train(keep="last")),
    "early stopping": plain(*train(patience=2, evaluate_steps=2, lr=0.3)),
    "evaluation by update": plain(*train(evaluate_steps=3), *NORM, *DROPOUT),
    "test observed": plain(*train(observe_test="true", evaluate_epochs=2)),
    "clipping, amsgrad": plain(
        *train(clip_norm=0.5, class_weights="balanced"), *group("optimizer", amsgrad="true")
    ),
    "whole split as one batch": plain("--batch-size", "full", "--epochs", "7", *DROPOUT),
    "steps that end in mid-epoch": plain(
        "--steps", "10", *train(snapshot_epochs=1), *DROPOUT, keep=OFTEN
    ),
    "sgd without momentum": plain(*train(optimizer="sgd"), *group("optimizer", momentum=0.0), *DROPOUT),
    "layers apart": plain(
        *NORM, *train(layer_decay=0.7, decay_norm_and_bias="false", weight_decay=0.1)
    ),
    "frozen backbone": FROZEN,
    "frozen backbone, augmented": (*FROZEN, "--augment", "flip", *train(views=2)),
    "everything": plain(
        *DROPOUT, *NORM, "--augment", "flip,rotate",
        *train(
            ema=0.8, schedule="plateau", patience=6, evaluate_steps=2,
            observe_test="true", clip_norm=1.0, accumulate=2, lr=0.05, monitor="loss",
        ),
        *group("schedule", patience=0),
    ),
}  # fmt: skip


def write_data() -> None:
    """The pictures that every combination learns from."""
    write_bars(Path("bars"), test_labels=True)
