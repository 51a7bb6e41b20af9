"""How far values and derivatives of every row are off, in units in the last place, judged by mpmath.

``python tests/accuracy.py`` prints a Markdown table with the worst unit of each row and where it was found; ``--write``
puts it into tests/README.md between its marks. Points are drawn inside each row's domain, near its edges and round
numbers, and from all over the floats. Derivatives are central differences at as many digits as it takes for two steps
to agree, or known functions; no partial of the table is looked at.

A unit is that of the exact number, but no less than ``SUBNORMAL / LIMIT``: a subnormal number on the way costs digits.
"""

from __future__ import annotations

import argparse
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mpmath
from mpmath import mp, mpf

import autograd_mini as ag
from autograd_mini.ops import TABLE, Op, apply
from autograd_mini.testing.program import is_count, public_rows

LIMIT = 8.0
KIND = ("value", "first", "second")
SUBNORMAL = 1e-320
MOST_DIGITS = 4000
ERRORS = (ArithmeticError, ValueError)
README = Path(__file__).with_name("README.md")
SECTION = re.compile(r"(?<=<!-- accuracy: begin -->\n).*?(?=<!-- accuracy: end -->)", re.DOTALL)

Point = tuple[float, ...]


# ---- What the rows mean, on the numbers of mpmath. ------------------------------------------------------------------


def _floor(x: Any, y: Any) -> Any:
    return mp.floor(x / y)


def _nearest(x: Any, n: Any) -> Any:
    return mp.nint(x * mpf(10) ** int(n)) / mpf(10) ** int(n)


def _whole(x: Any) -> Any:
    return mp.floor(x) if x > 0 else mp.ceil(x)


def _psi(n: int, x: Any) -> Any:
    """Polygamma of order n up to 3; mpmath takes for ever far below 0."""
    if x > 1e20:
        rest = mp.fac(n) / (2 * x ** (n + 1)) + mp.fac(n + 1) / (12 * x ** (n + 2))
        return mp.log(x) - rest if n == 0 else (-1) ** (n + 1) * (mp.fac(n - 1) / x**n + rest)
    if x > -10:
        return mp.psi(n, x)
    sine, cosine = mp.sinpi(x), mp.cospi(x)
    other = (
        cosine / sine,
        -mp.pi / sine**2,
        2 * mp.pi**2 * cosine / sine**3,
        -2 * mp.pi**3 * (1 + 2 * cosine**2) / sine**4,
    )
    return (-1) ** n * mp.psi(n, 1 - x) - mp.pi * other[n]


def _span(ratio: Any) -> int:
    """How many bits cancel where numbers of that ratio are subtracted."""
    return int(60 + max(0, mp.log(ratio, 2)))


def _lbeta(a: Any, b: Any) -> Any:
    with mp.workprec(mp.prec + 2 * _span(max(a, b))):
        return mp.re(mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b))


def _beta(a: Any, b: Any) -> Any:
    return mp.exp(_lbeta(a, b))


def _fall(n: int, a: Any, b: Any) -> Any:
    with mp.workprec(mp.prec + _span(a / b)):
        return _psi(n, a) - _psi(n, a + b)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _pdf(x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def _ndtr(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _length(xs: Any) -> Any:
    return mp.sqrt(mp.fsum(x * x for x in xs))


EXACT: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "floordiv": _floor,
    "mod": lambda x, y: x - y * _floor(x, y),
    "pow": lambda x, y: x**y,
    "neg": lambda x: -x,
    "abs": abs,
    "round": _nearest,
    "exp": mp.exp,
    "log": mp.log,
    "sqrt": mp.sqrt,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "tanh": mp.tanh,
    "erf": mp.erf,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "relu": lambda x: max(x, mpf(0)),
    "maximum": max,
    "minimum": min,
    "fabs": abs,
    "copysign": lambda x, y: abs(x) if y >= 0 else -abs(x),
    "fmod": lambda x, y: x - y * _whole(x / y),
    "remainder": lambda x, y: x - y * mp.nint(x / y),
    "fma": lambda x, y, z: x * y + z,
    "exp2": lambda x: mpf(2) ** x,
    "expm1": mp.expm1,
    "log1p": mp.log1p,
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": lambda x: mp.log(x) / mp.log(10),
    "cbrt": lambda x: mp.sign(x) * mp.root(abs(x), 3),
    "asin": mp.asin,
    "acos": mp.acos,
    "atan": mp.atan,
    "atan2": mp.atan2,
    "degrees": mp.degrees,
    "radians": mp.radians,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "asinh": mp.asinh,
    "acosh": mp.acosh,
    "atanh": mp.atanh,
    "erfc": mp.erfc,
    "gamma": mp.gamma,
    "lgamma": lambda x: mp.log(abs(mp.gamma(x))) if -1e4 < x < 0 else mp.re(mp.loggamma(x)),
    "digamma": lambda x: _psi(0, x),
    "polygamma": lambda n, x: _psi(int(n), x),
    "hypot": lambda *xs: _length(xs),
    "norm": lambda *xs: _length(xs),
    "dist": lambda *xs: _length([a - b for a, b in zip(xs[: len(xs) // 2], xs[len(xs) // 2 :], strict=True)]),
    "prod": lambda *xs: mp.fprod(xs),
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "xlogy": lambda x, y: x * mp.log(y),
    "logit": lambda x: mp.log(x / (1 - x)),
    "logaddexp": lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
    "sinc": lambda x: mp.sincpi(x),
    "norm_pdf": lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi),
    "ndtr": lambda x: mp.erfc(-x / mp.sqrt(2)) / 2,
    "log_ndtr": lambda x: mp.log1p(-_ndtr(-x)) if x > 0 else mp.log(_ndtr(x)),
    "gelu": lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
    "where": lambda c, x, y: x if c else y,
    "clip": lambda x, lo, hi: min(max(x, lo), hi),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * mp.expm1(x),
    "logsumexp": lambda *xs: max(xs) + mp.log(mp.fsum(mp.exp(x - max(xs)) for x in xs)),
    "beta": lambda a, b: _beta(a, b),
    "lbeta": lambda a, b: _lbeta(a, b),
    "sum": lambda *xs: mp.fsum(xs),
    "sumprod": lambda *xs: mp.fdot(xs[: len(xs) // 2], xs[len(xs) // 2 :]),
}

# Of slow functions, and of those that keep nothing of an operand in their value: the derivatives themselves, by the
# places of the operands.
KNOWN: dict[str, dict[tuple[int, ...], Callable[..., Any]]] = {
    "pow": {
        (0,): lambda x, y: y * x ** (y - 1),
        (1,): lambda x, y: x**y * mp.log(x),
        (0, 0): lambda x, y: y * (y - 1) * x ** (y - 2),
        (0, 1): lambda x, y: x ** (y - 1) * (1 + y * mp.log(x)),
        (1, 0): lambda x, y: x ** (y - 1) * (1 + y * mp.log(x)),
        (1, 1): lambda x, y: x**y * mp.log(x) ** 2,
    },
    "lbeta": {
        (0,): lambda a, b: _fall(0, a, b),
        (1,): lambda a, b: _fall(0, b, a),
        (0, 0): lambda a, b: _fall(1, a, b),
        (0, 1): lambda a, b: -_psi(1, a + b),
        (1, 0): lambda a, b: -_psi(1, a + b),
        (1, 1): lambda a, b: _fall(1, b, a),
    },
    "beta": {
        (0,): lambda a, b: _beta(a, b) * _fall(0, a, b),
        (1,): lambda a, b: _beta(a, b) * _fall(0, b, a),
        (0, 0): lambda a, b: _beta(a, b) * (_fall(0, a, b) ** 2 + _fall(1, a, b)),
        (0, 1): lambda a, b: _beta(a, b) * (_fall(0, a, b) * _fall(0, b, a) - _psi(1, a + b)),
        (1, 0): lambda a, b: _beta(a, b) * (_fall(0, a, b) * _fall(0, b, a) - _psi(1, a + b)),
        (1, 1): lambda a, b: _beta(a, b) * (_fall(0, b, a) ** 2 + _fall(1, b, a)),
    },
    "ndtr": {(0,): lambda x: _pdf(x), (0, 0): lambda x: -x * _pdf(x)},
    "gelu": {(0,): lambda x: _ndtr(x) + x * _pdf(x), (0, 0): lambda x: (2 - x * x) * _pdf(x)},
    "log_ndtr": {
        (0,): lambda x: _pdf(x) / _ndtr(x),
        (0, 0): lambda x: -_pdf(x) / _ndtr(x) * (x + _pdf(x) / _ndtr(x)),
    },
    "logaddexp": {
        (0,): lambda x, y: _sigmoid(x - y),
        (1,): lambda x, y: _sigmoid(y - x),
        (0, 0): lambda x, y: _sigmoid(x - y) * _sigmoid(y - x),
        (0, 1): lambda x, y: -_sigmoid(x - y) * _sigmoid(y - x),
        (1, 0): lambda x, y: -_sigmoid(x - y) * _sigmoid(y - x),
        (1, 1): lambda x, y: _sigmoid(x - y) * _sigmoid(y - x),
    },
    "erfc": {
        (0,): lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
        (0, 0): lambda x: 4 * x / mp.sqrt(mp.pi) * mp.exp(-x * x),
    },
    "gamma": {
        (0,): lambda x: mp.gamma(x) * _psi(0, x),
        (0, 0): lambda x: mp.gamma(x) * (_psi(0, x) ** 2 + _psi(1, x)),
    },
    "lgamma": {(0,): lambda x: _psi(0, x), (0, 0): lambda x: _psi(1, x)},
    "digamma": {(0,): lambda x: _psi(1, x), (0, 0): lambda x: _psi(2, x)},
    "polygamma": {(1,): lambda n, x: _psi(int(n) + 1, x), (1, 1): lambda n, x: _psi(int(n) + 2, x)},
    "erf": {
        (0,): lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
        (0, 0): lambda x: -4 * x / mp.sqrt(mp.pi) * mp.exp(-x * x),
    },
}

# Rows for which a quotient of the operands must be exact to its last whole digit.
WHOLE = {"floordiv", "mod", "fmod", "remainder"}


def _softened(places: tuple[int, ...]) -> Callable[..., Any]:
    """The size of a slope of logsumexp, or of two, times that of the numbers whose rounding it magnifies."""
    return lambda *xs: (
        (1 + 2 * max(map(abs, xs))) * mp.fprod(mp.exp(xs[i] - EXACT["logsumexp"](*xs)) for i in dict.fromkeys(places))
    )


def _between_poles(n: int, x: Any) -> Any:
    """The size of what polygamma is the sum of below 0."""
    if x > 0:
        return mpf(0)
    return abs(_psi(n, 1 - x)) + mp.fac(n) * (mp.pi * (1 + abs(mp.cospi(x) / mp.sinpi(x)))) ** (n + 1)


def _subnormal(x: Any) -> Any:
    return mpf(10) ** -303 if x < -165 else mpf(0)


BELOW_0 = "crosses 0 between the poles below 0: units of its terms"
BETA = "three gammas, or exp of lbeta, which magnifies its rounding: units of it times 1 + |lbeta|"
LENGTH = "1/out - x**2/out**3 cancels where one operand is much larger: units of 1/out"
SUM = "added from left to right: units of the sum of the sizes"

# Where a number cannot keep its last digits, in units of what it is measured, and why; by row, and by the places of
# the operands that a derivative is by.
EXPLAINED: dict[tuple[str, tuple[int, ...]], tuple[Callable[..., Any], str]] = {
    ("pow", (0, 1)): (lambda x, y: x ** (y - 1), "x**(y-1)*(1 + y*log(x)) crosses 0: units of x**(y-1)"),
    **{(name, (i, i)): (lambda *xs: 1 / _length(xs), LENGTH) for name in ("hypot", "norm") for i in range(3)},
    **{
        ("dist", (i, j)): (lambda a, b, c, d: 1 / _length((a - c, b - d)), LENGTH) for i in range(4) for j in (i, i + 2)
    },
    ("silu", (0,)): (_sigmoid, "crosses 0 near -1.278: units of sigmoid"),
    ("silu", (0, 0)): (
        lambda x: 2 * _sigmoid(x) * _sigmoid(-x),
        "crosses 0 near -2.4 and 2.4: units of its first term",
    ),
    ("gelu", (0,)): (_pdf, "crosses 0 near -0.752: units of norm_pdf"),
    ("logaddexp", ()): (lambda x, y: max(abs(x), abs(y)), "x - y is rounded, and it crosses 0: units of the larger"),
    ("sinc", (0,)): (lambda x: 1 / x if abs(x) > 0.7 else 0, "crosses 0: units of 1/x"),
    ("sinc", (0, 0)): (lambda x: mp.pi**2 / max(1, abs(x)), "crosses 0: units of pi**2/x"),
    ("logsumexp", ()): (lambda *xs: max(map(abs, xs)), "crosses 0: units of the largest"),
    **{
        ("logsumexp", places): (_softened(places), "exp(x - out) magnifies the rounding of out: units of it times out")
        for i in range(3)
        for places in [(i,), *[(i, j) for j in range(i, 3)]]
    },
    ("gamma", (0,)): (
        lambda x: abs(mp.gamma(x)) * _between_poles(0, x) + _subnormal(x),
        BELOW_0 + "; subnormal below -165",
    ),
    ("gamma", (0, 0)): (
        lambda x: abs(mp.gamma(x)) * _between_poles(0, x) ** 2 + _subnormal(x),
        BELOW_0 + "; subnormal below -165",
    ),
    ("digamma", ()): (lambda x: _between_poles(0, x), BELOW_0),
    ("digamma", (0, 0)): (lambda x: _between_poles(2, x), BELOW_0),
    ("polygamma", (1,)): (lambda n, x: _between_poles(2, x), BELOW_0),
    ("lbeta", ()): (lambda a, b: 1, "crosses 0 where beta is 1: units of 1"),
    ("beta", ()): (lambda a, b: _beta(a, b) * (1 + abs(_lbeta(a, b))), BETA),
    **{
        ("beta", places): (
            lambda a, b, terms=terms: _beta(a, b) * (1 + abs(_lbeta(a, b))) * mp.fsum(abs(t(a, b)) for t in terms),
            BETA,
        )
        for places, terms in {
            (0,): [lambda a, b: _fall(0, a, b)],
            (1,): [lambda a, b: _fall(0, b, a)],
            (0, 0): [lambda a, b: _fall(0, a, b) ** 2, lambda a, b: _fall(1, a, b)],
            (0, 1): [lambda a, b: _fall(0, a, b), lambda a, b: _fall(0, b, a), lambda a, b: _psi(1, a + b)],
            (1, 1): [lambda a, b: _fall(0, b, a) ** 2, lambda a, b: _fall(1, b, a)],
        }.items()
    },
    ("lgamma", ()): (lambda x: 1 + abs(mp.re(mp.loggamma(abs(x)))), "math's own: units of 1 + lgamma(|x|)"),
    ("sum", ()): (lambda *xs: mp.fsum(map(abs, xs)), SUM),
    ("sumprod", ()): (lambda a, b, c, d: abs(a * c) + abs(b * d), SUM),
}


# ---- The judge. -----------------------------------------------------------------------------------------------------


class Unjudged(Exception):
    """The exact number is not known: it is not real, not finite, or no number of digits was enough."""


def exact(name: str, point: Point, places: tuple[int, ...] = ()) -> Any:
    """The value of a row, or its derivative by the operands at some places, as a number of mpmath.

    Raises:
        Unjudged: if it is not known.
    """
    known = EXACT[name] if not places else KNOWN.get(name, {}).get(places)
    digits, before = 700 if name in WHOLE else 60 + math.ceil(math.log10(max(1.0, *map(abs, point)))), None
    while digits <= MOST_DIGITS:
        with mp.workdps(digits):
            try:
                now, noise = _once(known, point) if known else _difference(name, point, places, digits)
            except (ArithmeticError, ValueError, TypeError, mpmath.libmp.NoConvergence) as error:
                raise Unjudged(str(error)) from None
            if before is not None:
                small = noise < mpf(10) ** -345 and max(abs(now), abs(before)) < mpf(10) ** -340
                if small or (noise <= abs(now) * mpf(10) ** -20 and abs(now - before) <= abs(now) * mpf(10) ** -18):
                    return now
            before, digits = now, 2 * digits
    raise Unjudged("too few digits")


def _real(x: Any) -> Any:
    x = mpmath.mpmathify(x)
    if isinstance(x, mp.mpc) or not mp.isfinite(x):
        raise Unjudged("not a real number")
    return x


def _once(f: Callable[..., Any], point: Point) -> tuple[Any, Any]:
    return _real(f(*map(mpf, point))), mpf(0)


def _difference(name: str, point: Point, places: tuple[int, ...], digits: int) -> tuple[Any, Any]:
    """A central difference, and the size of the rounding in it."""
    f = EXACT[name]
    steps = {i: mpf(10) ** (-digits // 4) * min(mpf(1), abs(mpf(point[i])) or mpf(1)) for i in places}
    largest = mpf(0)

    def along(x: list[Any], left: tuple[int, ...]) -> Any:
        nonlocal largest
        if not left:
            y = _real(f(*x))
            largest = max(largest, abs(y))
            return y
        i, h = left[0], steps[left[0]]
        up, down = [*x[:i], x[i] + h, *x[i + 1 :]], [*x[:i], x[i] - h, *x[i + 1 :]]
        return (along(up, left[1:]) - along(down, left[1:])) / (2 * h)

    found = along(list(map(mpf, point)), places)
    scale = mpf(1)
    for i in places:
        scale *= steps[i]
    return found, 100 * largest * mpf(10) ** -digits / scale


def scale_of(name: str, point: Point, places: tuple[int, ...]) -> float:
    """The number in whose units a result is measured if that is larger than the result itself."""
    scale, _ = EXPLAINED.get((name, tuple(sorted(places))), (None, ""))
    with mp.workdps(60):
        return 0.0 if scale is None else float(abs(scale(*map(mpf, point))))


def units(found: float, right: Any, scale: float = 0.0) -> float:
    """How many units in the last place a float is off from the exact number, or those of ``scale`` if it is larger."""
    with mp.workdps(60):
        nearest = float(right)
        if math.isinf(scale):  # the terms do not fit a float
            return 0.0
        if math.isinf(nearest):
            if found == nearest:
                return 0.0
            nearest = math.copysign(1.7976931348623157e308, nearest)
        if not math.isfinite(found):
            right_is_at_the_edge = abs(nearest) > 1.7976931348623157e308 * (1 - LIMIT * 2.0**-53)
            return 1.0 if right_is_at_the_edge and found == math.copysign(math.inf, nearest) else math.inf
        unit = max(math.ulp(nearest), math.ulp(scale), SUBNORMAL / LIMIT)
        return float(abs(mpf(found) - right) / mpf(unit))


# ---- Points. --------------------------------------------------------------------------------------------------------


def points(row: Op, count: int, source: random.Random) -> Iterator[Point]:
    """Points at which a row has a value and no kink: half of them inside its domain, the rest anywhere."""
    for k in range(count):
        for _ in range(1000):
            point = tuple(
                low if is_count(row, i) else source.uniform(low, high) if k % 2 else _anywhere(low, high, source)
                for i, (low, high) in enumerate(row.domain)
            )
            if _has_value(row, point) and not row.near_kink(*point, gap=0.0):
                yield point
                break


def _anywhere(low: float, high: float, source: random.Random) -> float:
    """A float of any size, or one near an edge, a whole number or a half."""
    kind, sign = source.randrange(6), source.choice((-1.0, 1.0))
    if kind == 0:
        return sign * source.uniform(0.5, 1.0) * 2.0 ** source.randint(-1073, 1023)
    if kind == 1:
        return sign * source.uniform(0.5, 1.0) * 2.0 ** source.randint(-60, 60)
    if kind == 2:
        return source.choice((low, high, 0.5, 1.0, -1.0, 2.0)) + sign * 2.0 ** -source.randint(2, 52)
    if kind == 3:
        return sign * source.uniform(0.0, 40.0)
    if kind == 4:
        return sign * source.uniform(0.0, 750.0)
    return float(source.randint(-10, 40)) / 2.0


def _has_value(row: Op, point: Point) -> bool:
    try:
        return math.isfinite(row.value(*point))
    except ERRORS:
        return False


# ---- The table. -----------------------------------------------------------------------------------------------------


class Worst(NamedTuple):
    """The largest error that was found, and where."""

    units: float = 0.0
    point: Point = ()
    places: tuple[int, ...] = ()


def found_by_the_engine(name: str, point: Point) -> Iterator[tuple[tuple[int, ...], float]]:
    """The value and all first and second derivatives, each with the places of the operands that it is by."""
    row = TABLE[name]
    places = [i for i in range(len(point)) if not is_count(row, i)]

    def f(*xs: Any) -> Any:
        full = list(point)
        for i, x in zip(places, xs, strict=True):
            full[i] = x
        return apply(row, *full)

    every, xs = tuple(range(len(places))), [point[i] for i in places]
    yield (), f(*xs)
    first = ag.grad(f, every)
    slopes = first(*xs)
    for a, i in enumerate(places):
        yield (i,), slopes[a]
        for b, second in enumerate(ag.grad(lambda *ys, a=a: first(*ys)[a], every)(*xs)):
            yield (i, places[b]), second


def worst(name: str, count: int, seed: int) -> list[Worst]:
    """The worst errors of a row: of the value, of first and of second derivatives."""
    out = [Worst(), Worst(), Worst()]
    for point in points(TABLE[name], count, random.Random(f"{name} {seed}")):
        for places, found in found_by_the_engine(name, point):
            try:
                off = units(found, exact(name, point, places), scale_of(name, point, places))
            except Unjudged:
                continue
            if not off <= out[len(places)].units:
                out[len(places)] = Worst(off, point, places)
    return out


def table(names: list[str], count: int, seed: int) -> Iterator[str]:
    """The lines of the Markdown table of some rows."""
    yield f"{count} points a row; units in the last place, and where the worst was found.\n"
    yield "| row | value | first derivative | second derivative | what is measured otherwise |"
    yield "|---|---|---|---|---|"
    for name in names:
        cells = [
            f"{w.units:.2f}" + (f" at {', '.join(f'{x:.6g}' for x in w.point)}" if w.units > 2.0 else "")
            for w in worst(name, count, seed)
        ]
        why = "; ".join(dict.fromkeys(f"{KIND[len(k)]}: {w}" for (row, k), (_, w) in EXPLAINED.items() if row == name))
        yield f"| `{name}` | {' | '.join(cells)} | {why} |"


def with_table(text: str, made: str) -> str:
    """A document with the table between its marks.

    Raises:
        ValueError: if it has no such marks.
    """
    if not SECTION.search(text):
        raise ValueError("there is no section between the marks <!-- accuracy: begin --> and <!-- accuracy: end -->")
    return SECTION.sub(lambda _: made, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help="the rows to look at; all of them by default")
    parser.add_argument("--points", type=int, default=2000, help="how many points a row gets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="put the table into tests/README.md")
    given = parser.parse_args()
    made = ""
    for line in table(given.rows or list(public_rows()), given.points, given.seed):
        print(line, flush=True)
        made += line + "\n"
    if given.write:
        README.write_text(with_table(README.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
