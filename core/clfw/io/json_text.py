"""JSON read strictly (no duplicate key, no NaN) and written in one canonical form."""

import json
import math
from typing import Any


def strict_json(text: bytes | str) -> Any:
    """JSON as the standard has it: no duplicate key, no NaN, no infinity, no lone surrogate.

    Raises:
        ValueError, RecursionError: what is wrong.
    """
    string = text.decode() if isinstance(text, bytes) else text
    value = _DECODER.decode(string)
    if "\\u" in string:  # the only way a lone surrogate can get in
        json.dumps(value, ensure_ascii=False).encode()
    return value


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text. Refuses NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key appears twice")
    return result


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant, parse_float=_finite
)
