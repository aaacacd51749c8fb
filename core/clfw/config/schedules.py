"""The learning-rate schedules that `train.schedule` chooses from. A schedule is one entry of `SCHEDULES`."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from clfw.api.params import NoParams, Params


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleEntry:
    """One schedule.

    Attributes:
        params: the class of the `schedule` group.
        rate: (peak, update from 0, number of all updates, params) to the learning rate.
        uses_total: whether more epochs change the rate of updates that come before the end.
        rescale: (scale, evaluations without progress, peak, params) to what the rate is multiplied with
            from then on; None where it stays. Only a schedule that looks at evaluations has it.
    """

    summary: str
    params: type[Params]
    rate: Callable[[float, int, int, Any], float]
    uses_total: bool
    rescale: Callable[[float, int, float, Any], float | None] | None = None


def constant_rate(peak: float, update: int, total: int, params: Params) -> float:
    """The same for every update."""
    return peak


class WarmupParams(Params):
    """The `schedule` group of those that rise first."""

    warmup: float = Field(
        0.0, ge=0, lt=1, description="share of all updates in which lr rises (one_cycle: 0 is 0.3)"
    )


def one_cycle_rate(peak: float, update: int, total: int, params: WarmupParams) -> float:
    """Linear rise over the warm-up (30 % unless set), then half a cosine to peak / 1000 (Smith 2018)."""
    return warmed_cosine(peak, update, total, params.warmup or 0.3, floor=peak / 1000)


def cosine_rate(peak: float, update: int, total: int, params: WarmupParams) -> float:
    """Linear rise over the warm-up, then half a cosine to 0 (Loshchilov and Hutter 2017)."""
    return warmed_cosine(peak, update, total, params.warmup, floor=0.0)


def warmed_cosine(peak: float, update: int, total: int, warmup: float, floor: float) -> float:
    """A linear rise over the share `warmup` of all updates, then half a cosine from peak to floor."""
    rise = warmup * total
    if update < rise:
        return peak * (update + 1) / (math.ceil(rise) + 1)
    progress = (update - rise) / max(1.0, total - rise)
    return floor + (peak - floor) * (1 + math.cos(math.pi * progress)) / 2


class PlateauParams(Params):
    """The `schedule` group of a rate that falls where evaluations make no progress."""

    factor: float = Field(0.5, gt=0, lt=1, description="lr multiplier on a plateau")
    patience: int = Field(3, ge=0, description="evaluations without progress before lr falls")
    min_lr: float = Field(1e-6, ge=0, description="lr never falls below this")


def plateau_scale(scale: float, stale: int, peak: float, params: PlateauParams) -> float | None:
    """A smaller scale once more evaluations than the patience were without progress."""
    if stale <= params.patience:
        return None
    return max(scale * params.factor, min(params.min_lr / peak, 1.0))


SCHEDULES: dict[str, ScheduleEntry] = {
    "constant": ScheduleEntry(
        summary="the same rate throughout", params=NoParams, rate=constant_rate, uses_total=False
    ),
    "one_cycle": ScheduleEntry(
        summary="a rise, then half a cosine to a thousandth",
        params=WarmupParams,
        rate=one_cycle_rate,
        uses_total=True,
    ),
    "cosine": ScheduleEntry(
        summary="half a cosine to 0, after a rise if asked for",
        params=WarmupParams,
        rate=cosine_rate,
        uses_total=True,
    ),
    "plateau": ScheduleEntry(
        summary="constant, and lower where evaluations make no progress",
        params=PlateauParams,
        rate=constant_rate,
        uses_total=False,
        rescale=plateau_scale,
    ),
}
