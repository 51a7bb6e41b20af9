"""The normal distribution, which keeps its digits however far from the mean."""

from __future__ import annotations

import math

from .ieee import product_error, strong_mul
from .row import expr, row
from .special import exp_square

_DENSITY = 0.3989422804014327  # 1 / sqrt(2*pi)


@row(
    lambda out, x: norm_pdf_slope(x),
    text="norm_pdf({})",
    c=expr(
        "fabs(x) < 40.0 ? 0.3989422804014327 * (v - v * (0.5 * product_error(x, x))) : x == x ? 0.0 : x",
        v="exp(-0.5 * (x * x))",
    ),
)
def norm_pdf(x: float) -> float:
    """The density of the standard normal distribution, exp(-x*x/2) / sqrt(2*pi).

    >>> norm_pdf(0.0)
    0.3989422804014327
    """
    if not abs(x) < 40.0:
        return 0.0 if x == x else x
    v = math.exp(-0.5 * (x * x))
    return _DENSITY * (v - v * (0.5 * product_error(x, x)))


@row(
    lambda out, x: strong_mul((x - 1.0) * (x + 1.0), norm_pdf(x)),
    text="norm_pdf_slope({})",
    role="helper",
    c=expr("row_strong_mul(-x, row_norm_pdf(x))"),
)
def norm_pdf_slope(x: float) -> float:
    """-x * norm_pdf(x).

    >>> norm_pdf_slope(math.inf) == 0.0
    True
    """
    return strong_mul(-x, norm_pdf(x))


# The rounding of x / sqrt(2), which erfc magnifies, is added again.
@row(
    lambda out, x: norm_pdf(x),
    text="ndtr({})",
    c=expr(
        "fabs(x) < 40.0 ? 0.5 * (erfc(-t) + 1.1283791670955126 * e * row_exp_square(t))"
        " : x == x ? (double)(x > 0.0) : x",
        t="0.7071067811865476 * x",
        e="product_error(0.7071067811865476, x) - 4.833646656726457e-17 * x",
    ),
)
def ndtr(x: float) -> float:
    """The standard normal distribution function: how likely a number below x is.

    >>> ndtr(0.0)
    0.5
    """
    if not abs(x) < 40.0:
        return float(x > 0.0) if x == x else x
    t = 0.7071067811865476 * x
    e = product_error(0.7071067811865476, x) - 4.833646656726457e-17 * x
    return 0.5 * (math.erfc(-t) + 1.1283791670955126 * e * exp_square(t))


@row(lambda out, x: mills(x), text="log_ndtr({})")
def log_ndtr(x: float) -> float:
    """The logarithm of ``ndtr``, also where that is too small for a float.

    >>> round(log_ndtr(-100.0), 6)
    -5005.524209
    """
    if x >= -1.0:
        return math.log1p(-ndtr(-x)) if x > 0.0 else math.log(ndtr(x))
    return -0.5 * (x * x) - 0.9189385332046728 - math.log(mills(x)) if x > -math.inf else x


@row(lambda out, x: -strong_mul(out, mills_gap(x)), text="mills({})", role="helper")
def mills(x: float) -> float:
    """norm_pdf(x) / ndtr(x), the inverse of Mills' ratio of -x.

    >>> mills(0.0) == math.sqrt(2.0 / math.pi)
    True
    """
    return norm_pdf(x) / ndtr(x) if not x < -1.0 else _fraction(-x) - x


@row(lambda out, x: 1.0 - strong_mul(mills(x), out), text="mills_gap({})", role="helper")
def mills_gap(x: float) -> float:
    """x + mills(x), which vanishes slowly below 0.

    >>> mills_gap(-math.inf)
    0.0
    """
    return x + mills(x) if not x < -1.0 else _fraction(-x)


def _fraction(t: float) -> float:
    """1 / (t + 2 / (t + 3 / (t + ...))), by as many terms as it takes (Laplace)."""
    out = t
    for k in range(int(10.0 + 450.0 / t / t), 1, -1):
        out = t + k / out
    return 1.0 / out


@row(lambda out, x: gelu_slope(x), text="gelu({})", c=expr("x == -INFINITY ? 0.0 : x * row_ndtr(x)"))
def gelu(x: float) -> float:
    """x * ndtr(x), the Gaussian error linear unit.

    >>> gelu(0.0)
    0.0
    """
    return 0.0 if x == -math.inf else x * ndtr(x)


@row(
    lambda out, x: gelu_curve(x),
    text="gelu_slope({})",
    role="helper",
    c=expr("row_ndtr(x) + row_strong_mul(x, row_norm_pdf(x))"),
)
def gelu_slope(x: float) -> float:
    """ndtr(x) + x * norm_pdf(x).

    >>> gelu_slope(0.0)
    0.5
    """
    return ndtr(x) + strong_mul(x, norm_pdf(x))


@row(
    lambda out, x: strong_mul(x * (x * x - 4.0), norm_pdf(x)),
    text="gelu_curve({})",
    role="helper",
    c=expr(
        "row_strong_mul(((r - x) + e) * ((r + x) + e), row_norm_pdf(x))",
        r="1.4142135623730951",
        e="-9.667293313452913e-17",
    ),
)
def gelu_curve(x: float) -> float:
    """(2 - x*x) * norm_pdf(x), where the two is the square of a root with all its digits.

    >>> gelu_curve(math.inf) == 0.0
    True
    """
    root, rest = 1.4142135623730951, -9.667293313452913e-17
    return strong_mul(((root - x) + rest) * ((root + x) + rest), norm_pdf(x))
