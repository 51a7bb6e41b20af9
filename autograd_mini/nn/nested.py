"""Nested lists of numbers, the shape of images and of weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._engine import Value


def is_list(x: Any) -> bool:
    """Whether ``x`` holds elements in order: lists, tuples, arrays; a text is no list of numbers."""
    return type(x) is list or (hasattr(x, "__len__") and not isinstance(x, (str, bytes, Mapping)))


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


def uniform(draw: Callable[[float, float], float], bound: float, *shape: int) -> list[Any]:
    """New parameters between ``-bound`` and ``bound`` in nested lists of the given lengths.

    >>> uniform(max, 0.5, 2, 1)
    [[Value(0.5)], [Value(0.5)]]
    """
    length, *rest = shape
    return [uniform(draw, bound, *rest) if rest else Value(draw(-bound, bound)) for _ in range(length)]
