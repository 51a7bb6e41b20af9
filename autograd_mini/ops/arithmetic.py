"""Python's operators, ``abs`` and ``round``."""

from __future__ import annotations

import math

from .ieee import div_dx, div_dy, pow_dx, pow_dy, sign
from .row import expr, libm, row


@row(lambda out, x, y: 1.0, lambda out, x, y: 1.0, text="{} + {}", commutative=True, role="operator", c=expr("x + y"))
def add(x: float, y: float) -> float:
    """The sum of two numbers.

    >>> add(2.0, 3.0)
    5.0
    """
    return x + y


@row(lambda out, x, y: 1.0, lambda out, x, y: -1.0, text="{} - {}", role="operator", c=expr("x - y"))
def sub(x: float, y: float) -> float:
    """The difference of two numbers.

    >>> sub(2.0, 3.0)
    -1.0
    """
    return x - y


@row(lambda out, x, y: y, lambda out, x, y: x, text="{} * {}", commutative=True, role="operator", c=expr("x * y"))
def mul(x: float, y: float) -> float:
    """The product of two numbers.

    >>> mul(2.0, 3.0)
    6.0
    """
    return x * y


@row(div_dx, div_dy, text="{} / {}", domain=((-5.0, 5.0), (0.5, 5.0)), role="operator", c=expr("x / y"))
def div(x: float, y: float) -> float:
    """The quotient of two numbers; ZeroDivisionError where y is zero.

    >>> div(3.0, 2.0)
    1.5
    """
    return x / y


@row(
    None,
    None,
    text="{} // {}",
    domain=((-5.0, 5.0), (0.5, 5.0)),
    kink=lambda x, y: (x - math.remainder(x, y), y),
    role="operator",
    c=expr("float_floordiv(x, y)"),
)
def floordiv(x: float, y: float) -> float:
    """The quotient rounded down; flat between its jumps.

    >>> floordiv(7.0, 2.0)
    3.0
    """
    return x // y


@row(
    lambda out, x, y: 1.0,
    lambda out, x, y: -floordiv(x, y),
    text="{} % {}",
    domain=((-5.0, 5.0), (0.5, 5.0)),
    kink=lambda x, y: (x - math.remainder(x, y), y),
    role="operator",
    c=expr("float_mod(x, y)"),
)
def mod(x: float, y: float) -> float:
    """The remainder with the sign of y: x - y * (x // y).

    >>> mod(7.0, 2.5)
    2.0
    """
    return x % y


@row(
    pow_dx,
    pow_dy,
    text="{} ** {}",
    domain=((0.1, 5.0), (-3.0, 3.0)),
    role="operator",
    c=expr("power(x, y)", sure="isnormal(out)"),
)
def pow_(x: float, y: float) -> float:
    """x raised to y.

    Raises:
        ValueError: for a negative x with a fractional y, where floats leave the reals.
        ZeroDivisionError: for x = 0 with a negative y.
        OverflowError: where the result is too large.

    >>> pow_(2.0, 3.0)
    8.0
    """
    out = x**y
    if isinstance(out, complex):
        raise ValueError("a negative number to a fractional power is not real")
    return float(out)


@row(lambda out, x: -1.0, text="-{}", role="operator", c=expr("-x"))
def neg(x: float) -> float:
    """Minus x.

    >>> neg(2.0)
    -2.0
    """
    return -x


@row(lambda out, x: sign(x), text="abs({})", kink=lambda x: (0.0,), role="operator", c=libm("fabs"))
def abs_(x: float) -> float:
    """The absolute value; its slope at 0 is 0, the smallest of the subgradients.

    >>> abs_(-2.0)
    2.0
    """
    return math.fabs(x)


@row(
    None,
    None,
    text="round({}, {})",
    domain=((-5.0, 5.0), (0.0, 0.0)),
    kink=lambda x, n: ((math.floor(x * 10.0**n) + 0.5) / 10.0**n, n),
    role="operator",
)
def round_(x: float, n: float) -> float:
    """x rounded half to even at n decimals; flat between its jumps.

    >>> round_(2.675, 2)
    2.67
    """
    return round(x, int(n))
