"""The results of a finished run, as they stand in its folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clfw.api import run_files
from clfw.errors import DataError, UsageError
from clfw.io.text_files import read_json
from clfw.metrics.evaluation import Evaluation
from clfw.text import escape


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A finished run.

    Attributes:
        folder: the run folder.
        summary: what `clfw run --json` prints and `summary.json` holds: model, data, epochs, steps,
            which weights were kept, seconds, images_per_second, and more.
        evaluations: figures of the kept weights on each labelled split, by its name.
    """

    folder: Path
    summary: Mapping[str, Any]
    evaluations: Mapping[str, Evaluation]

    @property
    def train(self) -> Evaluation:
        """Figures on the training split."""
        return self._split("train")

    @property
    def validation(self) -> Evaluation:
        """Figures on the validation split; raises `UsageError` where nothing was held out."""
        return self._split("validation")

    @property
    def test(self) -> Evaluation:
        """Figures on the test split; raises `UsageError` where the data has no labels for one."""
        return self._split("test")

    def _split(self, name: str) -> Evaluation:
        if name not in self.evaluations:
            raise UsageError(
                f"{escape(str(self.folder))}: the data has no labeled {name} split",
                hint=f"it has {', '.join(self.evaluations)}",
            )
        return self.evaluations[name]

    def to_json(self) -> dict[str, Any]:
        """Plain values: the summary."""
        return dict(self.summary)


def read_result(folder: Path) -> Result:
    """The results of a run that has finished.

    Raises:
        DataError: `summary.json` or `evaluation.json` is damaged.
        StorageError: one of them cannot be read.
    """
    summary = read_json(folder / run_files.SUMMARY)
    splits = read_json(folder / run_files.EVALUATION)
    try:
        evaluations = {name: Evaluation.from_json(figures) for name, figures in splits.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{escape(str(folder / run_files.EVALUATION))}: damaged: {escape(repr(error))}"
        ) from None
    return Result(folder=folder, summary=summary, evaluations=evaluations)
