"""Checks of arguments, in one dialect: TypeError for the wrong type, ValueError for the wrong value.

A message says what the argument is, and what to choose instead: "lr is -1; choose a finite number of at least 0".
Numbers are whatever is registered as ``numbers.Real``, ints whatever is registered as ``numbers.Integral``, those of
NumPy too; but a bool is no int here.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

__tracebackhide__ = True  # pytest shows who passed the argument on, and not what refuses it


def wrong_type(noun: str, value: object, remedy: str) -> TypeError:
    """The exception to raise for an argument of the wrong type.

    >>> wrong_type("names", 3, "pass a dict")
    TypeError('names is 3 of type int; pass a dict')
    """
    return TypeError(f"{noun} is {value!r} of type {type(value).__name__}; {remedy}")


def no_parameters(noun: str, value: Any, remedy: str) -> TypeError:
    """The exception to raise for what is no parameter or no list of them.

    >>> no_parameters("params", 0.5, "pass model.parameters()")
    TypeError('params is 0.5 of type float; pass model.parameters()')
    """
    if getattr(value, "__name__", "") == "parameters":
        return TypeError(f"{noun} is the method parameters itself and not what it returns; call it: model.parameters()")
    if hasattr(value, "parameters"):
        what = f"the class {value.__name__}" if isinstance(value, type) else f"the {type(value).__name__} itself"
        return TypeError(f"{noun} is {what} and not its parameters; pass model.parameters()")
    return wrong_type(noun, value, remedy)


def wrong_value(noun: str, value: object, remedy: str) -> ValueError:
    """The exception to raise for an argument of the right type, but the wrong value.

    >>> wrong_value("mode", "low", "choose 'min' or 'max'")
    ValueError("mode is 'low'; choose 'min' or 'max'")
    """
    return ValueError(f"{noun} is {value!r}; {remedy}")


def real(noun: str, value: Any, remedy: str) -> float:
    """A number as a float, infinite if it is beyond all floats.

    >>> real("x", 3, "choose a number"), real("x", -(10**400), "choose a number")
    (3.0, -inf)
    """
    if not isinstance(value, Real):
        raise wrong_type(noun, value, remedy)
    try:
        return float(value)
    except OverflowError:  # an int or a Fraction
        return -math.inf if value < 0 else math.inf


def saved_number(noun: str, value: Any) -> float:
    """A number of a saved state as a float, which may be infinite or NaN, but is not an int beyond all floats.

    >>> saved_number("w.0", 10**400)
    Traceback (most recent call last):
        ...
    ValueError: w.0 is beyond all floats; pass what state_dict() returned
    """
    number = real(noun, value, "pass what state_dict() returned")
    if math.isinf(number) and not isinstance(value, float):
        raise ValueError(f"{noun} is beyond all floats; pass what state_dict() returned")
    return number


_BOUNDS = {
    "at_least": (" of at least", operator.ge),
    "above": (" above", operator.gt),
    "at_most": (" at most", operator.le),
    "below": (" below", operator.lt),
}


def number_within(noun: str, value: Any, *, finite: bool = True, **bounds: float) -> float:
    """A number as a float within bounds: ``at_least`` or ``above``, then ``at_most`` or ``below``; never NaN.

    >>> number_within("p", 0, at_least=0, below=1)
    0.0
    >>> number_within("p", 1, at_least=0, below=1)
    Traceback (most recent call last):
        ...
    ValueError: p is 1; choose a finite number of at least 0 and below 1
    """
    wanted = " and".join(f"{_BOUNDS[name][0]} {bound:g}" for name, bound in bounds.items())
    remedy = f"choose a {'finite number' if finite else 'number'}{wanted}"
    number = real(noun, value, remedy)
    fits = math.isfinite(number) if finite else not math.isnan(number)
    if not fits or not all(_BOUNDS[name][1](number, bound) for name, bound in bounds.items()):
        raise wrong_value(noun, value, remedy)
    return number


def whole_number(noun: str, value: Any, low: int, below: int | None = None) -> int:
    """An int with ``low <= value < below``.

    >>> whole_number("epochs", 0, low=1)
    Traceback (most recent call last):
        ...
    ValueError: epochs is 0; choose an int of at least 1
    """
    remedy = f"choose an int of at least {low}" + (f" and below {below}" if below is not None else "")
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise wrong_type(noun, value, remedy)
    number = int(value)
    if number < low or (below is not None and number >= below):
        raise wrong_value(noun, value, remedy)
    return number


def pair(noun: str, value: Any, low: int) -> tuple[int, int]:
    """Two ints of at least ``low``, for rows and for columns; one alone stands for both.

    >>> pair("stride", 2, low=1), pair("stride", [2, 3], low=1)
    ((2, 2), (2, 3))
    """
    if not isinstance(value, (tuple, list)):
        size = whole_number(noun, value, low)
        return size, size
    if len(value) != 2:
        raise wrong_value(noun, value, "choose one int, or one for rows and one for columns")
    rows, columns = (whole_number(f"{noun}[{i}]", size, low) for i, size in enumerate(value))
    return rows, columns


def flag(noun: str, value: Any) -> bool:
    """True or False.

    >>> flag("bias", 1)
    Traceback (most recent call last):
        ...
    TypeError: bias is 1 of type int; choose True or False
    """
    if not isinstance(value, bool):
        raise wrong_type(noun, value, "choose True or False")
    return value


def choice(noun: str, value: Any, choices: Iterable[str]) -> str:
    """One of some words.

    >>> choice("mode", "low", ["min", "max"])
    Traceback (most recent call last):
        ...
    ValueError: mode is 'low'; choose 'min' or 'max'
    """
    *most, last = map(repr, choices)
    remedy = f"choose {', '.join(most)} or {last}"
    if not isinstance(value, str):
        raise wrong_type(noun, value, remedy)
    if value not in choices:
        raise wrong_value(noun, value, remedy)
    return value


def same_names(noun: str, given: Any, expected: Iterable[str]) -> None:
    """Check that a mapping, which was saved, has just the names that are expected.

    >>> same_names("state", {"lr": 0.5}, ["lr", "step"])
    Traceback (most recent call last):
        ...
    ValueError: state has ['lr'], and not ['lr', 'step']; pass what state_dict() returned
    """
    if not isinstance(given, Mapping):
        raise wrong_type(noun, given, "pass what state_dict() returned")
    names = list(expected)
    if set(given) != set(names):
        raise ValueError(f"{noun} has {list(given)}, and not {names}; pass what state_dict() returned")
