"""Sources of random numbers, and parameters that are drawn from one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

from ..arguments import wrong_type
from ..core.serving import Value


class Random(Protocol):
    """What a source of random numbers must have: ``random.Random(seed)`` has it, and so has the module ``random``."""

    def uniform(self, a: float, b: float) -> float: ...


def source(rng: Any) -> Random:
    """The source that an argument ``rng`` stands for: itself, or the module ``random`` for None."""
    if rng is None:
        import random  # loads much, and most programs bring their own

        return cast(Random, random)
    if not hasattr(rng, "uniform"):
        raise wrong_type("rng", rng, "pass a source of random numbers such as random.Random(0)")
    return cast(Random, rng)


def uniform(draw: Callable[[float, float], float], bound: float, *shape: int) -> tuple[Any, ...]:
    """New parameters between ``-bound`` and ``bound`` in nested tuples of the given lengths.

    >>> uniform(max, 0.5, 2, 1)
    ((Value(0.5),), (Value(0.5),))
    """
    length, *rest = shape
    return tuple([uniform(draw, bound, *rest) if rest else Value(draw(-bound, bound)) for _ in range(length)])
