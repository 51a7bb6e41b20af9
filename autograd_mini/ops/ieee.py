"""Helper rows, for use in partials: arithmetic as IEEE 754 has it, which never raises, and choices without branches."""

from __future__ import annotations

import math
from typing import Any

from .row import expr, libm, row


def product_error(x: float, y: float) -> float:
    """What rounding takes from x * y, by the halves of the factors (Dekker, Numerische Mathematik 18, 1971).

    Factors are below 1e150 in size. node.h has the same in C.
    """
    p, a, b = x * y, 134217729.0 * x, 134217729.0 * y
    high, other = a - (a - x), b - (b - y)
    low, rest = x - high, y - other
    return ((high * other - p) + high * rest + low * other) + low * rest


@row(None, None, text="step({}, {})", role="helper", c=expr("x > y ? 1.0 : x <= y ? 0.0 : NAN"))
def step(x: float, y: float) -> float:
    """1.0 where x > y, else 0.0; NaN if either is; flat.

    >>> step(2.0, 1.0), step(1.0, 1.0)
    (1.0, 0.0)
    """
    return 1.0 if x > y else 0.0 if x <= y else math.nan


@row(None, text="sign({})", role="helper", c=expr("x != x ? x : (double)(x > 0.0) - (double)(x < 0.0)"))
def sign(x: float) -> float:
    """-1.0, 0.0 or 1.0; NaN for NaN; flat.

    >>> sign(-3.0), sign(0.0)
    (-1.0, 0.0)
    """
    return x if x != x else float(x > 0) - float(x < 0)


# The rows of arithmetic.py and elementary.py that raise have the same slopes as those here.
def div_dx(out: Any, x: Any, y: Any) -> Any:
    return ieee_div(1.0, y)


def div_dy(out: Any, x: Any, y: Any) -> Any:
    return ieee_div(-out, y)


@row(div_dx, div_dy, text="{} / {}", domain=((-5.0, 5.0), (0.5, 5.0)), role="helper", c=expr("x / y"))
def ieee_div(x: float, y: float) -> float:
    """x / y with infinities and NaN in place of ZeroDivisionError.

    >>> ieee_div(1.0, -0.0), ieee_div(0.0, 0.0)
    (-inf, nan)
    """
    if y != 0.0:
        return x / y
    return math.nan if x == 0.0 or x != x else math.copysign(math.inf, x) * math.copysign(1.0, y)


def log_dx(out: Any, x: Any) -> Any:
    return ieee_div(1.0, x)


@row(log_dx, text="log({})", domain=((0.1, 5.0),), role="helper", c=libm("log"))
def ieee_log(x: float) -> float:
    """The natural logarithm: -inf at zero, NaN below.

    >>> ieee_log(0.0), ieee_log(-1.0)
    (-inf, nan)
    """
    if x > 0.0:
        return math.log(x)
    return -math.inf if x == 0.0 else math.nan


@row(
    lambda out, x, length: direction(1.0, length),
    lambda out, x, length: -direction(out, length),
    text="direction({}, {})",
    domain=((-5.0, 5.0), (0.5, 5.0)),
    role="helper",
    c=expr("y == 0.0 && x == x ? 0.0 : x / y"),
)
def direction(x: float, length: float) -> float:
    """x / length, the cosine of a vector's angle with an axis; 0.0 at the origin.

    >>> direction(3.0, 5.0), direction(0.0, 0.0)
    (0.6, 0.0)
    """
    return x / length if length != 0.0 else 0.0 if x == x else x


@row(lambda out, x: out, text="exp({})", role="helper", c=libm("exp"))
def ieee_exp(x: float) -> float:
    """The exponential, infinite where it is too large.

    >>> ieee_exp(1000.0)
    inf
    """
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


# p is NaN where it is the product of a zero and an infinity or a NaN; it is also NaN where neither factor is zero.
@row(
    lambda out, g, d: d,
    lambda out, g, d: g,
    text="{} * {}",
    role="helper",
    c=expr("p == p || (x != 0.0 && y != 0.0) ? p : 0.0", p="x * y"),
)
def strong_mul(g: float, d: float) -> float:
    """g * d, but 0.0 where one is zero and the product NaN: neither an unused branch, whose adjoint g is zero, nor a
    flat piece, whose slope d is zero, can poison a gradient with ``0 * inf``.

    >>> strong_mul(0.0, math.inf), strong_mul(math.nan, 0.0), strong_mul(2.0, math.inf)
    (0.0, 0.0, inf)
    """
    p = g * d
    return p if p == p or (g != 0.0 and d != 0.0) else 0.0


# The corners are those of ChainRules.jl's POWERGRADS.
def pow_dx(out: Any, x: Any, y: Any) -> Any:
    return power_slope(x, y)


# Not out*log(x): 0*inf at x = 0 and at x = inf needs written answers, and so do the slopes of that product.
def pow_dy(out: Any, x: Any, y: Any) -> Any:
    return pow_log(x, y)


@row(
    pow_dx,
    pow_dy,
    text="{} ** {}",
    domain=((0.1, 5.0), (-3.0, 3.0)),
    role="helper",
    c=expr("y == 1.0 ? x : y == 0.0 || x == 1.0 ? 1.0 : power(x, y)"),
)
def ieee_pow(x: float, y: float) -> float:
    """x ** y with infinities and NaN in place of exceptions (C's ``pow``).

    >>> ieee_pow(0.0, -1.0), ieee_pow(-8.0, 1 / 3), ieee_pow(-1e200, 3.0)
    (inf, nan, -inf)
    """
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0.0 and y % 2.0 == 1.0 else math.inf
    except ValueError:
        if x != 0.0:
            return math.nan
        return math.copysign(math.inf, x) if y % 2.0 == 1.0 else math.inf


@row(
    lambda out, x, y: power_mixed(x, y),
    lambda out, x, y: strong_mul(out, ieee_log(x)),
    text="pow_log({}, {})",
    domain=((0.1, 5.0), (-3.0, 3.0)),
    role="helper",
    c=expr("x > 0.0 ? row_strong_mul(row_ieee_pow(x, y), row_ieee_log(x)) : x == 0.0 && y > 0.0 ? 0.0 : NAN"),
)
def pow_log(x: float, y: float) -> float:
    """x ** y * log(x), the slope of a power by its exponent: 0.0 at x = 0 if y > 0, else NaN; NaN below.

    >>> pow_log(0.0, 2.0), pow_log(0.0, 0.0), pow_log(math.inf, -1.0)
    (0.0, nan, 0.0)
    """
    if x <= 0.0:
        return 0.0 if x == 0.0 and y > 0.0 else math.nan
    return strong_mul(ieee_pow(x, y), ieee_log(x))


def times_power(f: float, x: float, y: float, n: float) -> float:
    """f * x ** (y - n) for n of 1 or 2; node.h has the same in C.

    Where y - n would be rounded, which a large log(x) magnifies, x ** y is divided by x instead; and where the power
    alone is too large or too small for a float, it is taken in two halves.
    """
    p = ieee_pow(x, y - n if y >= n else y)
    if not 0.0 < abs(x) < math.inf or not abs(y) < math.inf or p != p:
        return strong_mul(f, ieee_pow(x, y - n))
    if 2.2250738585072014e-308 <= abs(p) < math.inf:
        return strong_mul(f, p) if y >= n else f * p / x if n == 1.0 else f * p / x / x
    half = ieee_pow(abs(x), 0.5 * (y - n if y >= n else y))
    out = math.copysign(1.0, p) * strong_mul(f, half)
    if y >= n:
        return strong_mul(out, half)
    out = strong_mul(out / x, half)
    return out if n == 1.0 else out / x


@row(
    lambda out, x, y: power_curve(x, y),
    lambda out, x, y: power_mixed(x, y),
    text="power_slope({}, {})",
    domain=((0.1, 5.0), (-3.0, 3.0)),
    role="helper",
    c=expr("times_power(y, x, y, 1.0)"),
)
def power_slope(x: float, y: float) -> float:
    """y * x ** (y - 1), the slope of a power by its base.

    >>> power_slope(3.0, 2.0), power_slope(0.0, 0.0)
    (6.0, 0.0)
    """
    return times_power(y, x, y, 1.0)


@row(
    lambda out, x, y: strong_mul(y * (y - 1.0), power_slope(x, y - 2.0)),
    lambda out, x, y: ieee_pow(x, y - 2.0) * (2.0 * y - 1.0) + strong_mul(out, ieee_log(x)),
    text="power_curve({}, {})",
    domain=((0.1, 5.0), (-3.0, 3.0)),
    role="helper",
    c=expr("times_power(y * (y - 1.0), x, y, 2.0)"),
)
def power_curve(x: float, y: float) -> float:
    """y * (y - 1) * x ** (y - 2), the second derivative of a power by its base.

    >>> power_curve(3.0, 2.0), power_curve(0.0, 1.0)
    (2.0, 0.0)
    """
    return times_power(y * (y - 1.0), x, y, 2.0)


@row(
    lambda out, x, y: ieee_pow(x, y - 2.0) * ((y - 1.0) * (1.0 + y * ieee_log(x)) + y),
    lambda out, x, y: pow_log(x, y - 1.0) * (2.0 + y * ieee_log(x)),
    text="power_mixed({}, {})",
    domain=((0.1, 5.0), (-3.0, 3.0)),
    role="helper",
    c=expr(
        "x > 0.0 && isfinite(x) && isfinite(y) ? times_power(1.0 + y * log(x), x, y, 1.0)"
        " : row_ieee_pow(x, y - 1.0) + row_strong_mul(y, row_pow_log(x, y - 1.0))"
    ),
)
def power_mixed(x: float, y: float) -> float:
    """x ** (y - 1) * (1 + y * log(x)), the derivative of a power by both its operands.

    >>> power_mixed(1.0, 3.0), power_mixed(0.0, 2.0)
    (1.0, 0.0)
    """
    if 0.0 < x < math.inf and abs(y) < math.inf:
        return times_power(1.0 + y * math.log(x), x, y, 1.0)
    return ieee_pow(x, y - 1.0) + strong_mul(y, pow_log(x, y - 1.0))
