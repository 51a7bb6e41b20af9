"""Checks of hyper-parameters and saved states, and how a hyper-parameter becomes an attribute."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any


def hyper_parameter(name: str, meaning: str) -> Any:
    """A hyper-parameter as an attribute. Every assignment is checked, together with all others, before it counts."""

    def get(self: Any) -> Any:
        return self._hyper[name]

    def assign(self: Any, value: Any) -> None:
        self._hyper = self._checked({**self._hyper, name: value})

    return property(get, assign, doc=meaning)


def real(noun: str, value: object, remedy: str) -> float:
    if not isinstance(value, Real):
        raise TypeError(f"Invalid {noun}: {value!r} of type {type(value).__name__}; {remedy}")
    try:
        return float(value)
    except OverflowError:  # an int or a Fraction beyond the floats
        return -math.inf if value < 0 else math.inf


def number_within(noun: str, value: object, low: float = 0.0, below: float = math.inf) -> float:
    """A hyper-parameter as a finite float with ``low <= value < below``."""
    at_least = f" of at least {low:g}" if low > -math.inf else ""
    remedy = f"choose a finite number{at_least}" + (f" and below {below:g}" if below < math.inf else "")
    number = real(noun, value, remedy)
    if not (math.isfinite(number) and low <= number < below):
        raise ValueError(f"Invalid {noun}: {value!r}; {remedy}")
    return number


def whole_number(noun: str, value: object, low: int) -> int:
    """A hyper-parameter as an int of at least ``low``."""
    if type(value) is not int or value < low:
        error = ValueError if type(value) is int else TypeError
        raise error(f"Invalid {noun}: {value!r}; choose an int of at least {low}")
    return value


def flag(noun: str, value: object) -> bool:
    """A hyper-parameter that is True or False."""
    if type(value) is not bool:
        raise TypeError(f"Invalid {noun}: {value!r}; choose True or False")
    return value


def count(noun: str, value: object) -> int:
    """A number of steps in a saved state."""
    if type(value) is not int or not 0 <= value < 2**53:
        error = ValueError if type(value) is int else TypeError
        raise error(f"Invalid {noun}: {value!r}; it counts the steps done, an int from 0 to below 2**53")
    return value


def same_names(noun: str, given: object, expected: Iterable[str]) -> None:
    if not isinstance(given, Mapping):
        raise TypeError(f"Invalid {noun}: {given!r} of type {type(given).__name__}; pass what state_dict() returned")
    wanted = list(expected)
    if set(given) != set(wanted):
        raise ValueError(
            f"Invalid {noun}: it has {list(given)} where {wanted} are expected; pass what state_dict() returned"
        )
