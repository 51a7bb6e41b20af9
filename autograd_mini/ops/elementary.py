"""The elementary functions of ``math``; ValueError and OverflowError where ``math`` raises them.

Slopes of inverse functions are rows of their own, as their own slopes would cancel if they were left to the rules of
sums and products.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .ieee import ieee_div, log_dx, strong_mul
from .row import expr, libm, row


@row(lambda out, x: out, text="exp({})", c=libm("exp"))
def exp(x: float) -> float:
    """e raised to x; OverflowError above about 709.78.

    >>> exp(0.0)
    1.0
    """
    return math.exp(x)


@row(log_dx, text="log({})", domain=((0.1, 5.0),), c=libm("log"))
def log(x: float) -> float:
    """The natural logarithm; ValueError unless x > 0.

    >>> log(1.0)
    0.0
    """
    return math.log(x)


# sqrt(-0.0) is -0.0; adding 0.0 makes the slope +inf on either side.
@row(lambda out, x: ieee_div(0.5, out + 0.0), text="sqrt({})", domain=((0.1, 5.0),), c=libm("sqrt"))
def sqrt(x: float) -> float:
    """The square root; ValueError below 0; its slope at 0 is infinite.

    >>> sqrt(9.0)
    3.0
    """
    return math.sqrt(x)


@row(lambda out, x: cos(x), text="sin({})", c=libm("sin"))
def sin(x: float) -> float:
    """The sine of x radians.

    >>> sin(0.0)
    0.0
    """
    return math.sin(x)


@row(lambda out, x: -sin(x), text="cos({})", c=libm("cos"))
def cos(x: float) -> float:
    """The cosine of x radians.

    >>> cos(0.0)
    1.0
    """
    return math.cos(x)


@row(
    lambda out, x: 1.0 + out * out,
    text="tan({})",
    domain=((-1.2, 1.2),),
    kink=lambda x: (x - math.remainder(x - math.pi / 2.0, math.pi),),
    c=libm("tan"),
)
def tan(x: float) -> float:
    """The tangent of x radians.

    >>> tan(0.0)
    0.0
    """
    return math.tan(x)


# 1 - out*out would lose every digit once out rounds to 1 (x near 19); sech2 keeps them, also in its own slope near 0.
@row(lambda out, x: sech2(x), text="tanh({})", c=libm("tanh"))
def tanh(x: float) -> float:
    """The hyperbolic tangent.

    >>> tanh(0.0)
    0.0
    """
    return math.tanh(x)


@row(
    lambda out, x: -2.0 * tanh(x) * out,
    text="sech2({})",
    role="helper",
    c=expr("4.0 * e / ((1.0 + e) * (1.0 + e))", e="exp(-2.0 * fabs(x))"),
)
def sech2(x: float) -> float:
    """1 / cosh(x)**2, the slope of tanh, without overflow for any x.

    >>> sech2(0.0), sech2(1000.0)
    (1.0, 0.0)
    """
    e = math.exp(-2.0 * abs(x))
    return 4.0 * e / ((1.0 + e) * (1.0 + e))


# ---- Exponentials and logarithms. -----------------------------------------------------------------------------------


@row(
    lambda out, x: math.log(2.0) * out,
    text="exp2({})",
    c=libm("exp2") if hasattr(math, "exp2") else None,
)
def exp2(x: float) -> float:
    """2 raised to x; OverflowError from 1024 on. Before Python 3.11, whose ``math`` has it, that is ``2.0**x``.

    >>> exp2(10.0)
    1024.0
    """
    return _exp2(x)


_exp2: Callable[[float], float] = getattr(math, "exp2", lambda x: 2.0**x)


@row(lambda out, x: exp(x), text="expm1({})", c=libm("expm1"))
def expm1(x: float) -> float:
    """exp(x) - 1, which keeps its digits near 0.

    >>> expm1(1e-20)
    1e-20
    """
    return math.expm1(x)


# A zero of its own is given back, as by ``math``, whatever C's library does.
@row(
    lambda out, x: ieee_div(1.0, 1.0 + x),
    text="log1p({})",
    domain=((-0.9, 5.0),),
    c=expr("x == 0.0 ? x : log1p(x)"),
)
def log1p(x: float) -> float:
    """log(1 + x), which keeps its digits near 0; ValueError unless x > -1.

    >>> log1p(1e-20)
    1e-20
    """
    return math.log1p(x)


@row(lambda out, x: ieee_div(1.0 / math.log(2.0), x), text="log2({})", domain=((0.1, 5.0),), c=libm("log2"))
def log2(x: float) -> float:
    """The logarithm to base 2; ValueError unless x > 0.

    >>> log2(8.0)
    3.0
    """
    return math.log2(x)


@row(lambda out, x: ieee_div(1.0 / math.log(10.0), x), text="log10({})", domain=((0.1, 5.0),), c=libm("log10"))
def log10(x: float) -> float:
    """The logarithm to base 10; ValueError unless x > 0.

    >>> log10(1000.0)
    3.0
    """
    return math.log10(x)


@row(
    lambda out, x: cbrt_slope(x),
    text="cbrt({})",
    domain=((0.1, 5.0),),
    kink=lambda x: (0.0,),
    c=libm("cbrt") if hasattr(math, "cbrt") else None,
)
def cbrt(x: float) -> float:
    """The cube root; its slope at 0 is infinite. Before Python 3.11, whose ``math`` has it, a power is corrected.

    >>> cbrt(-8.0)
    -2.0
    """
    return _cbrt(x)


@row(
    lambda out, x: -2.0 / 3.0 * ieee_div(out, x),
    text="cbrt_slope({})",
    domain=((0.1, 5.0),),
    role="helper",
    c=expr("x == 0.0 ? INFINITY : isinf(x) ? 0.0 : cbrt(x) / x / 3.0") if hasattr(math, "cbrt") else None,
)
def cbrt_slope(x: float) -> float:
    """The slope of the cube root, in which an error of the root counts once; infinite at 0.

    >>> cbrt_slope(-1.0) == 1.0 / 3.0, cbrt_slope(0.0)
    (True, inf)
    """
    return math.inf if x == 0.0 else 0.0 if abs(x) == math.inf else _cbrt(x) / x / 3.0


def _corrected_root(x: float) -> float:
    """The cube root by a power, which errs by some units in the last place, and a step of Newton's method."""
    if x == 0.0 or not abs(x) < math.inf:
        return x
    out = math.copysign(abs(x) ** (1.0 / 3.0), x)
    return out - (out - x / out / out) / 3.0


_cbrt: Callable[[float], float] = getattr(math, "cbrt", _corrected_root)


# ---- Angles and their inverses. -------------------------------------------------------------------------------------


@row(lambda out, x: asin_slope(x), text="asin({})", domain=((-0.9, 0.9),), c=libm("asin"), numpy="arcsin")
def asin(x: float) -> float:
    """The angle between -pi/2 and pi/2 whose sine is x; ValueError beyond -1 and 1, where its slopes are infinite.

    >>> asin(0.0)
    0.0
    """
    return math.asin(x)


@row(lambda out, x: -asin_slope(x), text="acos({})", domain=((-0.9, 0.9),), c=libm("acos"), numpy="arccos")
def acos(x: float) -> float:
    """The angle between 0 and pi whose cosine is x; ValueError beyond -1 and 1, where its slopes are infinite.

    >>> acos(1.0)
    0.0
    """
    return math.acos(x)


# In the slopes of inverse functions differences of squares are products, and where a square would be too large for a
# float, one below it is nothing beside it.
@row(
    lambda out, x: strong_mul(x, out * out * out),
    text="asin_slope({})",
    domain=((-0.9, 0.9),),
    role="helper",
    c=expr("1.0 / sqrt((1.0 - x) * (1.0 + x))"),
)
def asin_slope(x: float) -> float:
    """1 / sqrt(1 - x*x); infinite at -1 and 1, NaN beyond.

    >>> asin_slope(0.0), asin_slope(1.0)
    (1.0, inf)
    """
    square = (1.0 - x) * (1.0 + x)
    return 1.0 / math.sqrt(square) if square > 0.0 else math.inf if square == 0.0 else math.nan


@row(lambda out, x: atan_slope(x), text="atan({})", c=libm("atan"), numpy="arctan")
def atan(x: float) -> float:
    """The angle between -pi/2 and pi/2 whose tangent is x.

    >>> atan(0.0)
    0.0
    """
    return math.atan(x)


@row(
    lambda out, x: strong_mul(-2.0 * x, out) * out,
    text="atan_slope({})",
    role="helper",
    c=expr("fabs(x) > 1e9 ? 1.0 / x / x : 1.0 / (1.0 + x * x)"),
)
def atan_slope(x: float) -> float:
    """1 / (1 + x*x), without overflow.

    >>> atan_slope(1.0), atan_slope(math.inf)
    (0.5, 0.0)
    """
    return 1.0 / x / x if abs(x) > 1e9 else 1.0 / (1.0 + x * x)


@row(
    lambda out, y, x: inverse_part(x, y),
    lambda out, y, x: -inverse_part(y, x),
    text="atan2({}, {})",
    domain=((0.5, 5.0), (-5.0, 5.0)),
    kink=lambda y, x: (0.0, min(x, 0.0)),
    c=expr("atan2(x, y)"),
    numpy="arctan2",
)
def atan2(y: float, x: float) -> float:
    """The angle of the point (x, y), between -pi and pi; its slopes at the origin are 0.

    >>> atan2(0.0, 1.0)
    0.0
    """
    return math.atan2(y, x)


@row(
    lambda out, n, x, y: over_square(1.0, x, y),
    lambda out, n, x, y: -2.0 * strong_mul(out, over_square(x, x, y)),
    lambda out, n, x, y: -2.0 * strong_mul(out, over_square(y, x, y)),
    text="over_square({}, {}, {})",
    domain=((-5.0, 5.0), (0.5, 5.0), (-5.0, 5.0)),
    role="helper",
    c=expr(
        "isnan(y) || isnan(z) ? NAN : big == 0.0 || isinf(big) ? 0.0 : !isfinite(x) ? x : scalbn(q, (int)(k - e - e))",
        big="fmax(fabs(y), fabs(z))",
        e="big > 0.0 && isfinite(big) ? logb(big) : 0.0",
        k="x != 0.0 && isfinite(x) ? logb(x) : 0.0",
        a="scalbn(y, -(int)e)",
        b="scalbn(z, -(int)e)",
        q="scalbn(x, -(int)k) / (a * a + b * b)",
    ),
)
def over_square(n: float, x: float, y: float) -> float:
    """n / (x*x + y*y), without overflow of the square; 0.0 at the origin and at infinity.

    >>> over_square(10.0, 3.0, 1.0), over_square(1.0, 0.0, 0.0)
    (1.0, 0.0)
    """
    largest = max(abs(x), abs(y))
    if x != x or y != y:
        return math.nan
    if largest == 0.0 or largest == math.inf:
        return 0.0
    if not abs(n) < math.inf:
        return n
    e = math.frexp(largest)[1]
    x, y = math.ldexp(x, -e), math.ldexp(y, -e)
    n, shift = math.frexp(n)
    n /= x * x + y * y
    try:
        return math.ldexp(n, shift - 2 * e)
    except OverflowError:
        return math.copysign(math.inf, n)


@row(
    lambda out, x, y: over_square(y - x, x, y) * over_square(y + x, x, y),
    lambda out, x, y: -2.0 * strong_mul(out, over_square(y, x, y)),
    text="inverse_part({}, {})",
    domain=((0.5, 5.0), (-5.0, 5.0)),
    role="helper",
    c=expr("row_over_square(x, x, y)"),
)
def inverse_part(x: float, y: float) -> float:
    """x / (x*x + y*y), the real part of the inverse of a complex number, by ``over_square``.

    >>> inverse_part(2.0, 1.0)
    0.4
    """
    return over_square(x, x, y)


@row(lambda out, x: 180.0 / math.pi, text="degrees({})", c=expr("x * (180.0 / 3.141592653589793)"), numpy="rad2deg")
def degrees(x: float) -> float:
    """An angle of x radians in degrees.

    >>> round(degrees(3.14159), 3)
    180.0
    """
    return math.degrees(x)


@row(lambda out, x: math.pi / 180.0, text="radians({})", c=expr("x * (3.141592653589793 / 180.0)"), numpy="deg2rad")
def radians(x: float) -> float:
    """An angle of x degrees in radians.

    >>> radians(180.0)
    3.141592653589793
    """
    return math.radians(x)


# ---- Hyperbolic functions. ------------------------------------------------------------------------------------------


@row(lambda out, x: ieee_cosh(x), text="sinh({})", c=libm("sinh"))
def sinh(x: float) -> float:
    """The hyperbolic sine; OverflowError beyond about 710.47.

    >>> sinh(0.0)
    0.0
    """
    return math.sinh(x)


@row(lambda out, x: ieee_sinh(x), text="cosh({})", c=libm("cosh"))
def cosh(x: float) -> float:
    """The hyperbolic cosine; OverflowError beyond about 710.47.

    >>> cosh(0.0)
    1.0
    """
    return math.cosh(x)


@row(lambda out, x: ieee_cosh(x), text="sinh({})", role="helper", c=libm("sinh"))
def ieee_sinh(x: float) -> float:
    """The hyperbolic sine, infinite where it is too large.

    >>> ieee_sinh(-1000.0)
    -inf
    """
    return math.sinh(x) if abs(x) < 710.0 or x != x else _or_infinite(math.sinh, x, math.copysign(math.inf, x))


@row(lambda out, x: ieee_sinh(x), text="cosh({})", role="helper", c=libm("cosh"))
def ieee_cosh(x: float) -> float:
    """The hyperbolic cosine, infinite where it is too large.

    >>> ieee_cosh(-1000.0)
    inf
    """
    return math.cosh(x) if abs(x) < 710.0 or x != x else _or_infinite(math.cosh, x, math.inf)


def _or_infinite(f: Callable[[float], float], x: float, infinite: float) -> float:
    try:
        return f(x)
    except OverflowError:
        return infinite


@row(lambda out, x: asinh_slope(x), text="asinh({})", c=libm("asinh"), numpy="arcsinh")
def asinh(x: float) -> float:
    """The number whose hyperbolic sine is x.

    >>> asinh(0.0)
    0.0
    """
    return math.asinh(x)


@row(
    lambda out, x: -strong_mul(x, out) * out * out,
    text="asinh_slope({})",
    role="helper",
    c=expr("fabs(x) > 1e9 ? 1.0 / fabs(x) : 1.0 / sqrt(1.0 + x * x)"),
)
def asinh_slope(x: float) -> float:
    """1 / sqrt(1 + x*x), without overflow.

    >>> asinh_slope(0.0), asinh_slope(-1e300)
    (1.0, 1e-300)
    """
    return 1.0 / abs(x) if abs(x) > 1e9 else 1.0 / math.sqrt(1.0 + x * x)


@row(lambda out, x: acosh_slope(x), text="acosh({})", domain=((1.1, 5.0),), c=libm("acosh"), numpy="arccosh")
def acosh(x: float) -> float:
    """The positive number whose hyperbolic cosine is x; ValueError below 1, where its slope is infinite.

    >>> acosh(1.0)
    0.0
    """
    return math.acosh(x)


@row(
    lambda out, x: -strong_mul(x, out) * out * out,
    text="acosh_slope({})",
    domain=((1.1, 5.0),),
    role="helper",
    c=expr("fabs(x) > 1e9 ? 1.0 / fabs(x) : 1.0 / sqrt((x - 1.0) * (x + 1.0))"),
)
def acosh_slope(x: float) -> float:
    """1 / sqrt(x*x - 1), without overflow; infinite at 1, NaN below.

    >>> acosh_slope(1.0), acosh_slope(1e300)
    (inf, 1e-300)
    """
    if abs(x) > 1e9:
        return 1.0 / abs(x)
    square = (x - 1.0) * (x + 1.0)
    return 1.0 / math.sqrt(square) if square > 0.0 else math.inf if square == 0.0 else math.nan


@row(lambda out, x: atanh_slope(x), text="atanh({})", domain=((-0.9, 0.9),), c=libm("atanh"), numpy="arctanh")
def atanh(x: float) -> float:
    """The number whose hyperbolic tangent is x; ValueError unless -1 < x < 1.

    >>> atanh(0.0)
    0.0
    """
    return math.atanh(x)


@row(
    lambda out, x: 2.0 * x * out * out,
    text="atanh_slope({})",
    domain=((-0.9, 0.9),),
    role="helper",
    c=expr("1.0 / ((1.0 - x) * (1.0 + x))"),
)
def atanh_slope(x: float) -> float:
    """1 / (1 - x*x); infinite at -1 and 1.

    >>> atanh_slope(0.0), atanh_slope(1.0)
    (1.0, inf)
    """
    return ieee_div(1.0, (1.0 - x) * (1.0 + x))
