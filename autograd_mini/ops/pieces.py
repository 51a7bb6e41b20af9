"""Functions made of pieces. At a kink the answer is the smallest slope in size, and equal operands share it."""

from __future__ import annotations

from typing import Any

from .ieee import step
from .row import expr, row


@row(lambda out, x: step(x, 0.0), text="relu({})", kink=lambda x: (0.0,), c=expr("x <= 0.0 ? 0.0 : x"))
def relu(x: float) -> float:
    """x where it is positive, else 0.0; NaN for NaN; its slope at 0 is 0.

    >>> relu(-2.0), relu(3.0)
    (0.0, 3.0)
    """
    return 0.0 if x <= 0.0 else x


# The slope that reaches x and y of the larger; that of the smaller is the other way round. A tie halves it.
def _larger_dx(out: Any, x: Any, y: Any) -> Any:
    return 0.5 * (step(x, y) + 1.0 - step(y, x))


def _larger_dy(out: Any, x: Any, y: Any) -> Any:
    return 0.5 * (step(y, x) + 1.0 - step(x, y))


@row(
    _larger_dx,
    _larger_dy,
    text="maximum({}, {})",
    kink=lambda x, y: ((x + y) / 2.0, (x + y) / 2.0),
    commutative=True,
    c=expr("x > y || x != x ? x : y"),
)
def maximum(x: float, y: float) -> float:
    """The larger of two numbers; NaN if either is; equal operands share the slope.

    >>> maximum(2.0, 3.0)
    3.0
    """
    return x if x > y or x != x else y


@row(
    _larger_dy,
    _larger_dx,
    text="minimum({}, {})",
    kink=lambda x, y: ((x + y) / 2.0, (x + y) / 2.0),
    commutative=True,
    c=expr("x < y || x != x ? x : y"),
)
def minimum(x: float, y: float) -> float:
    """The smaller of two numbers; NaN if either is; equal operands share the slope.

    >>> minimum(2.0, 3.0)
    2.0
    """
    return x if x < y or x != x else y
