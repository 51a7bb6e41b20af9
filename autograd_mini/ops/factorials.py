"""The gamma function and its relatives.

``gamma`` and ``lgamma`` are CPython's own. Polygamma functions are sums of negative powers, with the series of Euler
and Maclaurin where it converges at once (Abramowitz and Stegun, 6.3 and 6.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .ieee import strong_mul
from .row import cpython, row

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
_LEAST = 16.0  # from where on the series gives all digits


@row(
    lambda out, x: out * ieee_polygamma(0.0, x),
    text="Γ({})",
    domain=((0.5, 5.0),),
    c=cpython("gamma"),
)
def gamma(x: float) -> float:
    """The gamma function, (x - 1)! for whole numbers; ValueError at its poles 0, -1, -2, ..., and OverflowError above
    about 171.62.

    >>> gamma(5.0)
    24.0
    """
    return math.gamma(x)


@row(
    lambda out, x: ieee_polygamma(0.0, x),
    text="lgamma({})",
    domain=((0.5, 5.0),),
    c=cpython("lgamma"),
)
def lgamma(x: float) -> float:
    """The logarithm of the absolute value of the gamma function; ValueError at its poles.

    >>> lgamma(1.0)
    0.0
    """
    return math.lgamma(x)


@row(
    lambda out, x: ieee_polygamma(1.0, x),
    text="digamma({})",
    domain=((0.5, 5.0),),
)
def digamma(x: float) -> float:
    """The derivative of the logarithm of the gamma function; ValueError at its poles 0, -1, -2, ...

    >>> digamma(1.0)
    -0.5772156649015329
    """
    if not abs(x) < math.inf:
        return x if x > 0.0 else math.nan
    if x <= 0.0 and x == math.floor(x):
        raise ValueError("digamma has a pole here")
    if x < -_LEAST:
        return digamma(1.0 - x) - math.pi / _tan_pi(x)
    terms = []
    if x > 8.0:
        while x < _LEAST:
            terms.append(-1.0 / x)
            x += 1.0
        return math.fsum([*terms, _digamma_of_large(x)])
    while x > 2.0:
        x -= 1.0
        terms.append(1.0 / x)
    while x < 1.0:
        terms.append(-1.0 / x)
        x += 1.0
    return math.fsum([*terms, _digamma_near_its_zero(x)])


def _digamma_of_large(x: float) -> float:
    square, out = 1.0 / x / x, 0.0
    for k in range(len(_BERNOULLI), 0, -1):
        out = (out + _BERNOULLI[k - 1] / (2 * k)) * square
    return math.log(x) - (0.5 / x + out)


def _digamma_near_its_zero(x: float) -> float:
    """Between 1 and 2, as the product of the distance from the zero and a rational function (Boost, digamma.hpp)."""
    numerator = (
        -0.0020713321167745952, -0.045251321448739056, -0.28919126444774784, -0.65031853770896507, -0.32555031186804491,
        0.25479851061131551,
    )  # fmt: skip
    denominator = (
        -0.55789841321675513e-6, 0.0021284987017821144, 0.054151797245674225, 0.43593529692665969, 1.4606242909763515,
        2.0767117023730469, 1.0,
    )  # fmt: skip
    distance = x - 1569415565 / 1073741824 - 381566830 / 1073741824**2 - 0.9016312093258695918615325266959189453125e-19
    p, q, t = 0.0, 0.0, x - 1.0
    for c in numerator:
        p = p * t + c
    for c in denominator:
        q = q * t + c
    return distance * 0.99558162689208984 + distance * (p / q)


def _tan_pi(x: float) -> float:
    return math.tan(math.pi * (x - round(x)))


@row(
    None,
    lambda out, n, x: ieee_polygamma(n + 1.0, x),
    text="polygamma({}, {})",
    domain=((1.0, 1.0), (0.5, 5.0)),
)
def polygamma(n: float, x: float) -> float:
    """The derivative of order n of digamma; inf where it is too large for a float.

    Raises:
        ValueError: if n is no whole number from 0 to 100, and at the poles x = 0, -1, -2, ...

    >>> polygamma(1, 1.0) == math.pi**2 / 6.0
    True
    """
    if not 0.0 <= n <= 100.0 or n != int(n):
        raise ValueError("the order of polygamma is a whole number from 0 to 100")
    order = int(n)
    if order == 0:
        return digamma(x)
    sign = 1.0 if order % 2 else -1.0
    if not abs(x) < math.inf:
        return 0.0 * sign if x == math.inf else math.nan
    if x <= 0.0 and x == math.floor(x):
        raise ValueError("polygamma has a pole here")
    if x < -200.0:
        return -sign * polygamma(n, 1.0 - x) - _cotangent(order, x)
    return sign * _or_infinite(_sum_of_powers, order, x)


@row(
    None,
    lambda out, n, x: ieee_polygamma(n + 1.0, x),
    text="polygamma({}, {})",
    domain=((1.0, 1.0), (0.5, 5.0)),
    role="helper",
)
def ieee_polygamma(n: float, x: float) -> float:
    """``polygamma``, NaN where that raises.

    >>> ieee_polygamma(1.0, -1.0)
    nan
    """
    try:
        return polygamma(n, x)
    except ValueError:
        return math.nan


def _or_infinite(f: Callable[[int, float], float], order: int, x: float) -> float:
    try:
        return f(order, x)
    except ArithmeticError:  # too large, or divided by what rounds to 0
        return math.inf if x > 0.0 or order % 2 else math.copysign(math.inf, x - round(x))


def _sum_of_powers(order: int, x: float) -> float:
    """order! times the sum of 1 / (x + k)**(order + 1) over k from 0 on."""
    factorial, terms = math.factorial(order), []
    while x < _LEAST + 0.5 * order:
        terms.append(factorial / x ** (order + 1))
        x += 1.0
    rest = []
    for k, bernoulli in enumerate(_BERNOULLI, 1):
        rising = math.factorial(2 * k + order - 1) / math.factorial(2 * k)
        rest.append(bernoulli * rising * x ** -(2 * k + order))
    return math.fsum([*terms, factorial / order * x**-order, 0.5 * factorial * x ** -(order + 1), *rest])


def _cotangent(order: int, x: float) -> float:
    """The derivative of order n of pi / tan(pi * x): a polynomial of the cotangent c, whose own is -pi * (1 + c*c)."""
    c, coefficients = 1.0 / _tan_pi(x), [0, 1]
    for _ in range(order):
        slope = [i * a for i, a in enumerate(coefficients)][1:]
        coefficients = [-(a + b) for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    out = 0.0
    for a in reversed(coefficients):
        out = out * c + a
    return math.pi ** (order + 1) * out


# ---- The beta function. ---------------------------------------------------------------------------------------------


@row(
    lambda out, a, b: -strong_mul(out, polygamma_gap(0.0, a, b)),
    lambda out, a, b: -strong_mul(out, polygamma_gap(0.0, b, a)),
    text="beta({}, {})",
    domain=((0.5, 5.0), (0.5, 5.0)),
    commutative=True,
)
def beta(a: float, b: float) -> float:
    """The beta function, gamma(a) * gamma(b) / gamma(a + b); ValueError unless both are positive.

    >>> round(beta(2.0, 3.0), 15) == round(1.0 / 12.0, 15)
    True
    """
    small, large = _positive("beta", a, b)
    if large < 85.0:
        return math.gamma(large) / math.gamma(large + small) * math.gamma(small)
    return math.exp(lbeta(small, large))


@row(
    lambda out, a, b: -polygamma_gap(0.0, a, b),
    lambda out, a, b: -polygamma_gap(0.0, b, a),
    text="lbeta({}, {})",
    domain=((0.5, 5.0), (0.5, 5.0)),
    commutative=True,
)
def lbeta(a: float, b: float) -> float:
    """The logarithm of the beta function, also where that is too small; ValueError unless both are positive.

    >>> lbeta(1.0, 1.0), round(lbeta(1e10, 2.0), 9)
    (0.0, -46.05170186)
    """
    small, large = _positive("lbeta", a, b)
    if large == math.inf:
        return -math.inf
    if large < 10.0:
        if small < 1e-3:
            return math.lgamma(small) + (math.lgamma(large) - math.lgamma(large + small))
        return math.log(math.gamma(large) / math.gamma(large + small) * math.gamma(small))
    rest = _stirling(large) - _stirling(large + small)
    if small < 10.0:
        fall = (large - 0.5) * math.log1p(small / large) - small
        return math.lgamma(small) - (fall + small * math.log(large + small) - rest)
    fall = (small - 0.5) * math.log1p(large / small) + large * math.log1p(small / large)
    return 0.9189385332046728 - 0.5 * math.log(large) - fall + (_stirling(small) + rest)


def _positive(name: str, a: float, b: float) -> tuple[float, float]:
    """The smaller and the larger of the operands."""
    if a <= 0.0 or b <= 0.0:
        raise ValueError(f"{name} needs positive operands")
    return (a, b) if a < b else (b, a) if a == a else (a, a)


def _stirling(x: float) -> float:
    """What Stirling's formula for lgamma leaves, from 10 on."""
    square, out = 1.0 / x / x, 0.0
    for k in range(7, 0, -1):
        out = out * square + _BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
    return out / x


@row(
    None,
    lambda out, n, x, y: polygamma_gap(n + 1.0, x, y),
    lambda out, n, x, y: ieee_polygamma(n + 1.0, x + y),
    text="polygamma_gap({}, {}, {})",
    domain=((0.0, 0.0), (0.5, 5.0), (0.5, 5.0)),
    role="helper",
)
def polygamma_gap(n: float, x: float, y: float) -> float:
    """polygamma(n, x + y) - polygamma(n, x) for positive numbers, term by term, so that nothing cancels.

    >>> polygamma_gap(0.0, 1.0, 1.0)
    1.0
    """
    if not (x > 0.0 and y > 0.0 and 0.0 <= n <= 100.0) or x == math.inf:
        return 0.0 if x == math.inf and y > 0.0 else math.nan
    order = int(n)
    sign = -1.0 if order % 2 else 1.0
    try:
        return sign * _gap(order, x, y)
    except ArithmeticError:  # too large
        return sign * math.inf


def _gap(order: int, x: float, y: float) -> float:
    factorial, terms = math.factorial(order), []

    def fall(power: int) -> float:
        return -math.expm1(-power * math.log1p(y / x)) * x**-power

    while x < _LEAST + 0.5 * order:
        terms.append(factorial * fall(order + 1))
        x += 1.0
    terms.append(math.log1p(y / x) if order == 0 else math.factorial(order - 1) * fall(order))
    terms.append(0.5 * factorial * fall(order + 1))
    for k, bernoulli in enumerate(_BERNOULLI, 1):
        rising = math.factorial(2 * k + order - 1) / math.factorial(2 * k)
        terms.append(bernoulli * rising * fall(2 * k + order))
    return math.fsum(terms)
