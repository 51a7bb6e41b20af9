"""The elementary functions of ``math``; ValueError and OverflowError where ``math`` raises them."""

from __future__ import annotations

import math

from .ieee import ieee_div, log_dx
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
