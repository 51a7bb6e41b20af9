"""Nested lists of numbers, which are what modules are called with, and rows of parameters that stay the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import is_
from typing import Any

from ..core.serving import Value


def is_list(x: Any) -> bool:
    """Whether ``x`` holds elements in order, as lists, tuples and arrays do, but not texts and arrays of one number."""
    return type(x) is list or (
        hasattr(x, "__len__") and not isinstance(x, (str, bytes, Mapping)) and getattr(x, "ndim", 1) != 0
    )


def depth(x: Any) -> int:
    """How many lists lie around the first number.

    >>> depth([[1.0, 2.0], [3.0, 4.0]])
    2
    """
    levels = 0
    while is_list(x):
        levels, x = levels + 1, next(iter(x), None)
    return levels


def _holds_lists(x: Any) -> bool:
    return is_list(next(iter(x), None))


def each(f: Callable[[Any], Any], x: Any) -> Any:
    """``f`` of every number, in lists nested as in ``x``.

    >>> each(abs, [[-1.0], [2.0, -3.0]])
    [[1.0], [2.0, 3.0]]
    """
    if not is_list(x):
        return f(x)
    return [each(f, part) for part in x] if _holds_lists(x) else list(map(f, x))


def flat(x: Any) -> list[Any]:
    """All numbers in order.

    >>> flat([[1.0], [2.0, 3.0]])
    [1.0, 2.0, 3.0]
    """
    return [number for part in x for number in flat(part)] if _holds_lists(x) else list(x)


def check_inputs(module: object, nin: int, x: Any) -> None:
    """Raise TypeError or ValueError unless ``x`` is a list of as many numbers as ``module`` takes."""
    if not is_list(x):
        raise TypeError(f"{module!r} takes a list of {nin} numbers, got {x!r} of type {type(x).__name__}")
    if _holds_lists(x):
        raise TypeError(
            f"{module!r} takes one sample, a list of {nin} numbers, got a list of lists; for a batch write "
            "[model(x) for x in batch], and for an image put nn.Flatten() before"
        )
    if len(x) != nin:
        raise ValueError(f"{module!r} takes {nin} inputs, got {len(x)}")


class Kept:
    """What ``make`` makes of parameters, kept until it is called with others.

    A layer puts the rows for its sums together from several attributes. As rows that stay the same are shared by the
    nodes of all calls, this saves the work and most of a node's memory. Nested tuples are known by their identity, for
    nothing in them can be replaced; of anything else, the rows are made anew each time.

    >>> pairs = Kept(lambda p, q: list(zip(p, q)))
    >>> p, q = (Value(1.0), Value(2.0)), (Value(3.0), Value(4.0))
    >>> pairs(p, q) is pairs(p, q), pairs(p, list(q)) is pairs(p, list(q))
    (True, False)
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._last: tuple[tuple[Any, ...], Any] | None = None  # the arguments and the result

    def __call__(self, *parameters: Any) -> Any:
        last = self._last  # read once, as another thread may assign it
        if last and all(map(is_, last[0], parameters)):
            return last[1]
        made = self._make(*parameters)
        if _is_fixed(parameters):
            self._last = parameters, made
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept, (self._make,)  # a copy of the layer makes its own


def _is_fixed(x: Any) -> bool:
    return x is None or type(x) is Value or (type(x) is tuple and all(map(_is_fixed, x)))
