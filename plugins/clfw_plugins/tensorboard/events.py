"""Figures of an epoch as TensorBoard's scalars: train by update, held-out splits where evaluated."""

from pathlib import Path

from torch.utils.tensorboard.writer import SummaryWriter

from clfw.api import EpochReport


def write_epoch(folder: Path, report: EpochReport) -> None:
    """Append to the event files of `folder`; a resumed run's later file replaces what it repeats."""
    first = report.step - len(report.steps) + 1
    # TensorBoard drops what an earlier file has at these steps, so a resume draws no second line.
    with SummaryWriter(str(folder), purge_step=first) as writer:
        for step, (loss, accuracy, norm) in enumerate(report.steps, first):
            writer.add_scalar("train/loss", loss, step)
            writer.add_scalar("train/accuracy", accuracy, step)
            writer.add_scalar("train/gradient_norm", norm, step)
        writer.add_scalar("train/lr", report.lr, report.step)
        writer.add_scalar("epoch", report.epoch, report.step)
        for point in report.evaluations:
            writer.add_scalar(f"{point.split}/loss", point.loss, point.step)
            writer.add_scalar(f"{point.split}/accuracy", point.accuracy, point.step)
