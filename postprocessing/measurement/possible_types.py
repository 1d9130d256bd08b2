"""Every type that an interval meets, as `possible_grades` has it for Steinberg's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable


def possible_types(low: float, high: float, limits: Iterable[float], type_of: Callable[[float], object]) -> str:
    """The types of all values from `low` to `high`, in their order, such as ``1/2``.

    Args:
        low: Lower end of the interval.
        high: Upper end.
        limits: Where types change; between two of them there is one type.
        type_of: The type of a value.
    """
    points = [low, *sorted(limit for limit in limits if low < limit < high), high]
    between = [(first + second) / 2 for first, second in itertools.pairwise(points)]
    return "/".join(dict.fromkeys(f"{type_of(value)}" for value in (low, *between, high)))
