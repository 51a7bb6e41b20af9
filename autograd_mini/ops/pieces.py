"""Functions made of pieces. At a kink the answer is the smallest slope in size, and equal operands share it."""

from __future__ import annotations

import math
from typing import Any

from .elementary import exp, expm1
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


# ---- Choices. -------------------------------------------------------------------------------------------------------


@row(
    None,
    lambda out, c, x, y: nonzero(c),
    lambda out, c, x, y: 1.0 - nonzero(c),
    text="where({}, {}, {})",
    kink=lambda c, x, y: (0.0, x, y),
    c=expr("x != 0.0 ? y : z"),
)
def where(c: float, x: float, y: float) -> float:
    """x if c is not 0, as Python takes it for true, else y; flat by c.

    Both are computed; to compute one alone, branch with a Python if.

    >>> where(1.0, 2.0, 3.0), where(0.0, 2.0, 3.0)
    (2.0, 3.0)
    """
    return x if c != 0.0 else y


@row(None, text="nonzero({})", role="helper", c=expr("x != 0.0 ? 1.0 : 0.0"))
def nonzero(x: float) -> float:
    """1.0 where x is not 0, NaN included, else 0.0; flat.

    >>> nonzero(-2.0), nonzero(0.0)
    (1.0, 0.0)
    """
    return 1.0 if x != 0.0 else 0.0


@row(
    lambda out, x, lo, hi: _larger_dx(out, x, lo) * _larger_dy(out, maximum(x, lo), hi),
    lambda out, x, lo, hi: _larger_dy(out, x, lo) * _larger_dy(out, maximum(x, lo), hi),
    lambda out, x, lo, hi: _larger_dx(out, maximum(x, lo), hi),
    text="clip({}, {}, {})",
    domain=((-5.0, 5.0), (-3.0, -1.0), (1.0, 3.0)),
    kink=lambda x, lo, hi: (lo, lo, hi) if abs(x - lo) < abs(x - hi) else (hi, lo, hi),
    c=expr("m < z || m != m ? m : z", m="x > y || x != x ? x : y"),
)
def clip(x: float, lo: float, hi: float) -> float:
    """x, but no less than lo and no more than hi: ``minimum(maximum(x, lo), hi)``; equal operands share the slope.

    >>> clip(5.0, -1.0, 1.0)
    1.0
    """
    m = x if x > lo or x != x else lo
    return m if m < hi or m != m else hi


@row(
    lambda out, x, slope: leaky_slope(x, slope),
    lambda out, x, slope: -relu(-x),
    text="leaky_relu({}, {})",
    domain=((-5.0, 5.0), (0.01, 0.5)),
    kink=lambda x, slope: (0.0, slope),
    c=expr("x > 0.0 ? x : y * x"),
)
def leaky_relu(x: float, slope: float) -> float:
    """x where it is positive, else slope * x; at 0 its slope is the smaller in size.

    >>> leaky_relu(-2.0, 0.25)
    -0.5
    """
    return x if x > 0.0 else slope * x


@row(
    None,
    lambda out, x, slope: step(0.0, x),
    text="leaky_slope({}, {})",
    role="helper",
    c=expr("x > 0.0 ? 1.0 : x < 0.0 ? y : x == 0.0 ? (fabs(y) > 1.0 ? 1.0 : y) : NAN"),
)
def leaky_slope(x: float, slope: float) -> float:
    """1.0 where x is positive, slope where it is negative, the smaller of both in size at 0.

    >>> leaky_slope(-2.0, 0.25), leaky_slope(0.0, 3.0)
    (0.25, 1.0)
    """
    if x == 0.0:
        return 1.0 if abs(slope) > 1.0 else slope
    return 1.0 if x > 0.0 else slope if x < 0.0 else math.nan


@row(
    lambda out, x, alpha: elu_slope(x, alpha),
    lambda out, x, alpha: expm1(-relu(-x)),
    text="elu({}, {})",
    domain=((-5.0, 5.0), (0.5, 2.0)),
    kink=lambda x, alpha: (0.0, alpha),
    c=expr("x > 0.0 ? x : y * expm1(x)"),
)
def elu(x: float, alpha: float) -> float:
    """x where it is positive, else alpha * (exp(x) - 1); at 0 its slope is the smaller in size.

    >>> elu(2.0, 1.0), elu(-1000.0, 1.0)
    (2.0, -1.0)
    """
    return x if x > 0.0 else alpha * math.expm1(x)


@row(
    lambda out, x, alpha: step(0.0, x) * (alpha * exp(-relu(-x))),
    lambda out, x, alpha: step(0.0, x) * exp(-relu(-x)),
    text="elu_slope({}, {})",
    role="helper",
    c=expr("x > 0.0 ? 1.0 : x < 0.0 ? y * exp(x) : x == 0.0 ? (fabs(y) > 1.0 ? 1.0 : y) : NAN"),
)
def elu_slope(x: float, alpha: float) -> float:
    """1.0 where x is positive, alpha * exp(x) where it is negative, the smaller of their limits in size at 0.

    >>> elu_slope(3.0, 2.0), elu_slope(0.0, 0.5)
    (1.0, 0.5)
    """
    if x == 0.0:
        return 1.0 if abs(alpha) > 1.0 else alpha
    return 1.0 if x > 0.0 else alpha * math.exp(x) if x < 0.0 else math.nan
