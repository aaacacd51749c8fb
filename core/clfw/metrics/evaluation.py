"""The figures of a split, by the names of its metrics."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clfw.metrics.table import METRICS, ClassMetrics


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one split.

    Each is an attribute too: `evaluation.ece` is `evaluation.figures["ece"]`.

    Attributes:
        figures: by the metric's name, in the order of the table.
    """

    figures: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.figures:  # `copy` asks before there are figures
            raise AttributeError(f"no figure named '{name}'")
        return self.figures[name]

    @property
    def accuracy(self) -> float:
        """The share of right predictions."""
        return float(self.figures["accuracy"])

    @property
    def loss(self) -> float:
        """Mean loss, nats."""
        return float(self.figures["loss"])

    @property
    def count(self) -> int:
        """Pictures."""
        return int(self.figures["count"])

    @property
    def per_class(self) -> tuple[ClassMetrics, ...]:
        """Precision, recall, F1 and number of pictures of each class."""
        classes: tuple[ClassMetrics, ...] = self.figures["per_class"]
        return classes

    def score(self, monitor: str) -> tuple[float, float]:
        """The monitored figure and the one that decides between equals; the larger the better.

        That is the loss, or the accuracy where the loss is monitored. `monitor` names a metric that
        can steer.
        """
        second = "accuracy" if monitor == "loss" else "loss"
        return self._upwards(monitor), self._upwards(second)

    def _upwards(self, name: str) -> float:
        figure = float(self.figures[name])
        return figure if METRICS[name].best == "highest" else -figure

    def brief(self) -> dict[str, float]:
        """Accuracy and loss."""
        return {"accuracy": self.accuracy, "loss": self.loss}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        figures: dict[str, Any] = asdict(Evaluation(dict(self.figures)))["figures"]
        return figures

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Evaluation":
        """The figures that `to_json` wrote; one of an unknown metric is taken as it is."""
        return cls(
            {
                name: METRICS[name].restore(value) if name in METRICS else value
                for name, value in values.items()
            }
        )
