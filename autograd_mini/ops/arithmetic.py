"""Python's operators, ``abs`` and ``round``."""

from __future__ import annotations

import math
from collections.abc import Callable

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


# ---- What ``math`` has of arithmetic. -------------------------------------------------------------------------------


@row(lambda out, x: sign(x), text="fabs({})", kink=lambda x: (0.0,), c=libm("fabs"))
def fabs(x: float) -> float:
    """The absolute value, as ``abs`` gives it.

    >>> fabs(-2.0)
    2.0
    """
    return math.fabs(x)


@row(
    lambda out, x, y: sign(x) * copysign(1.0, y),
    None,
    text="copysign({}, {})",
    domain=((-5.0, 5.0), (0.5, 5.0)),
    kink=lambda x, y: (0.0, y) if abs(x) < abs(y) else (x, 0.0),
    c=expr("copysign(x, y)"),
)
def copysign(x: float, y: float) -> float:
    """The size of x with the sign of y, that of a zero included; flat by y, and by x at 0.

    >>> copysign(2.0, -0.0)
    -2.0
    """
    return math.copysign(x, y)


@row(
    lambda out, x, y: 1.0,
    lambda out, x, y: -whole_quotient(x, out, y),
    text="fmod({}, {})",
    domain=((-5.0, 5.0), (0.5, 5.0)),
    kink=lambda x, y: (x - math.remainder(x, y), y),
    c=expr("fmod(x, y)"),
)
def fmod(x: float, y: float) -> float:
    """The remainder with the sign of x: x - y * n, where n is x / y rounded towards 0; ValueError where y is zero.

    >>> fmod(-7.0, 2.5)
    -2.0
    """
    return math.fmod(x, y)


@row(
    lambda out, x, y: 1.0,
    lambda out, x, y: -whole_quotient(x, out, y),
    text="remainder({}, {})",
    domain=((-5.0, 5.0), (0.5, 5.0)),
    kink=lambda x, y: (x - math.fmod(x, y) + math.copysign(0.5 * y, x), y),
    c=expr("remainder(x, y)"),
)
def remainder(x: float, y: float) -> float:
    """The remainder nearest to 0: x - y * n, where n is x / y rounded half to even; ValueError where y is zero.

    It is that of IEEE 754 and of ``math``; NumPy's ``remainder`` is ``x % y``.

    >>> remainder(7.0, 2.5)
    -0.5
    """
    return math.remainder(x, y)


@row(
    None,
    None,
    None,
    text="whole_quotient({}, {}, {})",
    domain=((-5.0, 5.0), (0.0, 0.0), (0.5, 5.0)),
    role="helper",
    c=expr("fabs(q) < 4503599627370496.0 ? rint(q) + 0.0 : q", q="z == 0.0 ? NAN : x / z - y / z"),
)
def whole_quotient(x: float, r: float, y: float) -> float:
    """How often y is in x, if r is what remains: (x - r) / y, a whole number; flat.

    >>> whole_quotient(7.0, -0.5, 2.5)
    3.0
    """
    q = x / y - r / y if y != 0.0 else math.nan
    return float(round(q)) if abs(q) < 4503599627370496.0 else q


@row(
    lambda out, x, y, z: y,
    lambda out, x, y, z: x,
    lambda out, x, y, z: 1.0,
    text="fma({}, {}, {})",
    c=expr("fma(x, y, z)"),
)
def fma(x: float, y: float, z: float) -> float:
    """x * y + z, rounded once. Before Python 3.13, whose ``math`` has it, fractions compute the same.

    Raises:
        ValueError: for the product of a zero and an infinity, and the difference of infinities, if no operand is NaN.
        OverflowError: where the result is too large.

    >>> fma(1e200, 1e200, -math.inf)
    -inf
    """
    return _fma(x, y, z)


def _exact_fma(x: float, y: float, z: float) -> float:
    """What ``math.fma`` gives."""
    if not (abs(x) < math.inf and abs(y) < math.inf and abs(z) < math.inf):
        out = z if abs(x) < math.inf and abs(y) < math.inf else x * y + z
        if out == out or x != x or y != y or z != z:
            return out
        raise ValueError("invalid operation in fma")
    from fractions import Fraction  # takes longer to import than the table

    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if exact == 0:
        return x * y + z if x == 0.0 or y == 0.0 else 0.0
    try:
        return math.copysign(float(abs(exact)), -1.0 if exact < 0 else 1.0)
    except OverflowError:
        raise OverflowError("overflow in fma") from None


_fma: Callable[[float, float, float], float] = getattr(math, "fma", _exact_fma)
