"""Special functions of statistics and nets, accurate in their tails."""

from __future__ import annotations

import math
from collections.abc import Callable

from .elementary import sech2, tanh
from .ieee import direction, ieee_div, ieee_log, product_error, strong_mul
from .row import expr, libm, row


# exp magnifies the rounding of x*x, so that is added again.
@row(
    lambda out, x: strong_mul(-2.0 * x, out),
    text="exp(-{}**2)",
    role="helper",
    c=expr("fabs(x) < 28.0 ? v - v * product_error(x, x) : x == x ? 0.0 : x", v="exp(-(x * x))"),
)
def exp_square(x: float) -> float:
    """exp(-x*x), without the rounding of x*x.

    >>> exp_square(0.0), exp_square(30.0)
    (1.0, 0.0)
    """
    if not abs(x) < 28.0:
        return 0.0 if x == x else x
    v = math.exp(-(x * x))
    return v - v * product_error(x, x)


@row(lambda out, x: 2.0 / math.sqrt(math.pi) * exp_square(x), text="erf({})", c=libm("erf"))
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


@row(lambda out, x: -2.0 / math.sqrt(math.pi) * exp_square(x), text="erfc({})", c=libm("erfc"))
def erfc(x: float) -> float:
    """1 - erf(x), which keeps its digits in the upper tail.

    >>> erfc(0.0)
    1.0
    """
    return math.erfc(x)


# ---- What models are made of. ---------------------------------------------------------------------------------------


@row(lambda out, x: silu_slope(x), text="silu({})", c=expr("x == -INFINITY ? 0.0 : x * row_sigmoid(x)"))
def silu(x: float) -> float:
    """x * sigmoid(x), also known as swish.

    >>> silu(0.0)
    0.0
    """
    return 0.0 if x == -math.inf else x * sigmoid(x)


@row(
    lambda out, x: silu_curve(x),
    text="silu_slope({})",
    role="helper",
    c=expr("row_strong_mul(row_sigmoid(x), 1.0 + row_strong_mul(x, row_sigmoid(-x)))"),
)
def silu_slope(x: float) -> float:
    """The slope of silu.

    >>> silu_slope(0.0)
    0.5
    """
    return strong_mul(sigmoid(x), 1.0 + strong_mul(x, sigmoid(-x)))


@row(
    lambda out, x: strong_mul(-0.25 * sech2(0.5 * x), 3.0 * tanh(0.5 * x) + x * (0.5 - 1.5 * tanh(0.5 * x) ** 2.0)),
    text="silu_curve({})",
    role="helper",
    c=expr("row_strong_mul(0.25 * row_sech2(0.5 * x), 2.0 - x * tanh(0.5 * x))"),
)
def silu_curve(x: float) -> float:
    """The second derivative of silu.

    >>> silu_curve(0.0)
    0.5
    """
    return strong_mul(0.25 * sech2(0.5 * x), 2.0 - x * math.tanh(0.5 * x))


@row(
    lambda out, x, y: ieee_log(y),
    lambda out, x, y: direction(x, y),
    text="xlogy({}, {})",
    domain=((-5.0, 5.0), (0.1, 5.0)),
    c=expr("x == 0.0 && y == y ? 0.0 : x * log(y)"),
)
def xlogy(x: float, y: float) -> float:
    """x * log(y), and 0.0 where x is; ValueError elsewhere unless y > 0.

    >>> xlogy(0.0, 0.0), xlogy(2.0, 1.0)
    (0.0, 0.0)
    """
    return 0.0 if x == 0.0 and y == y else x * math.log(y)


@row(
    lambda out, x: logit_slope(x),
    text="logit({})",
    domain=((0.05, 0.95),),
    c=expr("x >= 0.25 && x <= 0.75 ? log1p((2.0 * x - 1.0) / (1.0 - x)) : log(x / (1.0 - x))"),
)
def logit(x: float) -> float:
    """log(x / (1 - x)), the inverse of sigmoid; ValueError unless 0 < x < 1.

    >>> logit(0.5)
    0.0
    """
    if 0.25 <= x <= 0.75:
        return math.log1p((2.0 * x - 1.0) / (1.0 - x))
    return math.log(x / (1.0 - x) if 0.0 <= x < 1.0 else x if x != x else -1.0)


@row(
    lambda out, x: strong_mul(2.0 * x - 1.0, out) * out,
    text="logit_slope({})",
    domain=((0.05, 0.95),),
    role="helper",
    c=expr("1.0 / (x * (1.0 - x))"),
)
def logit_slope(x: float) -> float:
    """1 / (x * (1 - x)), the slope of logit.

    >>> logit_slope(0.5)
    4.0
    """
    return ieee_div(1.0, x * (1.0 - x))


@row(
    lambda out, x, y: share(x, y),
    lambda out, x, y: share(y, x),
    text="logaddexp({}, {})",
    commutative=True,
    c=expr("x == y ? x + 0.6931471805599453 : (x > y ? x : y) + log1p(exp(-fabs(x - y)))"),
)
def logaddexp(x: float, y: float) -> float:
    """log(exp(x) + exp(y)), without overflow.

    >>> logaddexp(1000.0, -1000.0)
    1000.0
    """
    if x == y:
        return x + 0.6931471805599453
    return (x if x > y else y) + math.log1p(math.exp(-abs(x - y)))


# The rounding of x - y, which exp magnifies, is added again (Knuth's two-sum).
@row(
    lambda out, x, y: out * share(y, x),
    lambda out, x, y: -out * share(y, x),
    text="share({}, {})",
    role="helper",
    c=expr(
        "x == y ? 0.5 : isinf(d) ? s : s + s * e * row_sigmoid(-d)",
        d="x - y",
        b="d - x",
        e="(x - (d - b)) - (y + b)",
        s="row_sigmoid(d)",
    ),
)
def share(x: float, y: float) -> float:
    """exp(x) / (exp(x) + exp(y)).

    >>> share(3.0, 3.0), share(math.inf, 0.0)
    (0.5, 1.0)
    """
    if x == y:
        return 0.5
    d = x - y
    s = sigmoid(d)
    if abs(d) == math.inf:
        return s
    b = d - x
    return s + s * ((x - (d - b)) - (y + b)) * sigmoid(-d)


# Near 0 the quotients of sinc and its slopes are 0/0; their series hold there.
@row(lambda out, x: sinc_slope(x), text="sinc({})")
def sinc(x: float) -> float:
    """sin(pi*x) / (pi*x), and 1.0 at 0: NumPy's sinc; 0.0 at infinity.

    >>> sinc(0.0), sinc(2.0)
    (1.0, 0.0)
    """
    if x == 0.0 or x != x:
        return 1.0 if x == 0.0 else x
    return 0.0 if abs(x) == math.inf else _sin_pi(x) / (math.pi * x)


@row(lambda out, x: sinc_curve(x), text="sinc_slope({})", role="helper")
def sinc_slope(x: float) -> float:
    """The slope of sinc.

    >>> sinc_slope(1.0)
    -1.0
    """
    if abs(x) < 0.7:
        return math.pi * (math.pi * x) * _series(math.pi * x, lambda k: 2.0 * k)
    return (_cos_pi(x) - sinc(x)) / x if abs(x) < math.inf else 0.0 * x if x != x else 0.0


@row(
    lambda out, x: direction(-(math.pi**2) * sinc(x) - 3.0 * out, x) - math.pi**2 * sinc_slope(x),
    text="sinc_curve({})",
    role="helper",
)
def sinc_curve(x: float) -> float:
    """The second derivative of sinc.

    >>> abs(sinc_curve(0.0) + math.pi**2 / 3.0) < 1e-14
    True
    """
    if abs(x) < 0.7:
        return math.pi**2 * _series(math.pi * x, lambda k: 2.0 * k * (2.0 * k - 1.0))
    return -(math.pi**2) * sinc(x) - 2.0 * sinc_slope(x) / x if abs(x) < math.inf else 0.0 * x if x != x else 0.0


def _series(u: float, factor: Callable[[int], float]) -> float:
    """The sum of (-1)**k * factor(k) * u**(2k - 2) / (2k + 1)! over k from 1 on."""
    out, square = 0.0, u * u
    for k in range(14, 0, -1):
        out = out * square + (-1.0) ** k * factor(k) / math.factorial(2 * k + 1)
    return out


def _sin_pi(x: float) -> float:
    """sin(pi*x) of a finite number, whose turns and halves are taken off without rounding."""
    r = math.remainder(x, 2.0)
    return math.sin(math.pi * (r if abs(r) <= 0.5 else math.copysign(1.0, r) - r))


def _cos_pi(x: float) -> float:
    return math.sin(math.pi * (0.5 - abs(math.remainder(x, 2.0))))
