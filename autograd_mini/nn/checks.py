"""Checks of arguments that several modules share."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, Protocol, cast

from .module import Module
from .nested import is_list


class Random(Protocol):
    """What a source of random numbers must have: ``random.Random(seed)`` has it, and so has the module ``random``."""

    def uniform(self, a: float, b: float) -> float: ...


def check_size(name: str, size: Any) -> None:
    if type(size) is not int or size < 1:
        raise ValueError(f"{name} is a positive int, got {size!r}")


def check_flag(name: str, flag: Any) -> None:
    if type(flag) is not bool:
        raise ValueError(f"{name} is True or False, got {flag!r}")


def pair(name: str, size: Any, low: int = 1) -> tuple[int, int]:
    """``size`` for rows and columns, given as one int for both or as two, each at least ``low``."""
    both = (size, size) if type(size) is int else size
    if not isinstance(both, (tuple, list)) or len(both) != 2 or any(type(n) is not int or n < low for n in both):
        raise ValueError(f"{name} is an int of at least {low}, or one for rows and one for columns, got {size!r}")
    return both[0], both[1]


def number_within(name: str, x: Any, low: float, below: float) -> float:
    number = float(x) if isinstance(x, Real) else math.nan
    if not low <= number < below:
        raise ValueError(f"{name} is a number of at least {low:g} and below {below:g}, got {x!r}")
    return number


def check_inputs(module: Module, nin: int, x: Any) -> None:
    if not is_list(x):
        raise TypeError(f"{module!r} takes a list of {nin} numbers, got {x!r} of type {type(x).__name__}")
    if len(x) != nin:
        raise ValueError(f"{module!r} takes {nin} inputs, got {len(x)}")


def source(rng: Any) -> Random:
    if rng is None:
        import random  # loads much, and most programs bring their own

        return cast(Random, random)
    if not hasattr(rng, "uniform"):
        raise TypeError(f"rng is a source of random numbers such as random.Random(0), got {rng!r}")
    return cast(Random, rng)
