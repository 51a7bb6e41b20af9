"""Special functions of statistics and nets, accurate in their tails."""

from __future__ import annotations

import math

from .elementary import exp, sech2
from .row import expr, libm, row


@row(lambda out, x: 2.0 / math.sqrt(math.pi) * exp(-(x * x)), text="erf({})", c=libm("erf"))
def erf(x: float) -> float:
    """The error function, 2/sqrt(pi) times the integral of exp(-t*t) from 0 to x.

    >>> erf(0.0)
    0.0
    """
    return math.erf(x)


# out*(1 - out) would lose every digit once out rounds to 1 (x near 37).
@row(
    lambda out, x: 0.25 * sech2(0.5 * x),
    text="σ({})",
    c=expr("(x >= 0.0 ? 1.0 : e) / (1.0 + e)", e="exp(-fabs(x))"),
)
def sigmoid(x: float) -> float:
    """The logistic function 1 / (1 + exp(-x)), without overflow for any x.

    >>> sigmoid(0.0), sigmoid(-1000.0)
    (0.5, 0.0)
    """
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@row(lambda out, x: sigmoid(x), text="softplus({})", c=expr("(x < 0.0 ? 0.0 : x) + log1p(exp(-fabs(x)))"))
def softplus(x: float) -> float:
    """log(1 + exp(x)), without overflow for any x.

    >>> softplus(1000.0), softplus(-1000.0)
    (1000.0, 0.0)
    """
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
