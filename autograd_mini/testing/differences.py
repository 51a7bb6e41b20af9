"""Derivatives by differences of function values, with an estimate of their error: a judge that knows no derivative.

The method is Ridders': difference quotients at halving steps, extrapolated to step zero as Richardson taught. Nothing
here uses the engine or its table, so an error of theirs cannot hide in both.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import NamedTuple

_ROWS = 64  # steps down to 1e-19 of the first: past that no double differs
_COLUMNS = 6  # higher extrapolations add noise and hardly ever accuracy
_SETTLED = 3  # that many smaller steps must follow an estimate, to say what it is worth
_SAFETY = 4.0  # beside a singularity the estimates converge slowly, and the next one is that many steps from the limit
_CONTRADICTION = 1e5  # that many errors away from a good estimate, a smaller step has met f's rounding instead of f
_ROUNDING = 4 * sys.float_info.epsilon  # what a value of f is taken to be off by, relative to itself


class Estimate(NamedTuple):
    """A derivative by differences.

    Attributes:
        value: the derivative; NaN if there is none to be had.
        error: how far off it may be; infinite if there is no estimate.
        size: the largest absolute value of the function at the points it was taken from.
    """

    value: float
    error: float
    size: float


def difference(f: Callable[[float], float], x: float, step: float = 0.1, side: int = 0) -> Estimate:
    """The derivative of ``f`` at ``x`` by extrapolated differences.

    **When to trust it.** ``f`` must be deterministic, and smooth between ``x`` and the nearest of its corners, jumps
    and poles; the error then takes account of both truncation and rounding, also of rounding within ``f`` that its
    value does not show. The error is an estimate, not a proof. At a corner the symmetric quotient converges to the
    mean of the two slopes, with a small error: a comparison of the two sides tells. At a jump, and where the slope is
    infinite, the error is as large as the value.

    Args:
        f: a function of a float. Steps at which it raises ArithmeticError or ValueError, or is not finite, are left
            out.
        x: the point.
        step: the largest step that is tried; a tenth of the length over which ``f`` changes its shape is good, and
            a larger one costs only time.
        side: 0 for symmetric differences; 1 or -1 for such as look only to the right or only to the left, for the
            edge of a domain.

    Raises:
        ValueError: if ``step`` is not positive or ``side`` is none of the three.

    >>> estimate = difference(math.exp, 1.0)
    >>> abs(estimate.value - math.e) < estimate.error < 1e-10
    True
    >>> round(difference(math.sqrt, 0.0, side=1).error, 3) > 1.0  # an infinite slope
    True
    """
    if not 0.0 < step < math.inf or side not in (-1, 0, 1):
        raise ValueError(f"step must be positive and side one of -1, 0, 1; got step={step!r}, side={side!r}")
    ratio = 2.0 if side else 4.0  # the quotient is off by h, h**2, ... on one side, by h**2, h**4, ... on both
    best = Estimate(math.nan, math.inf, 0.0)
    waiting: list[tuple[int, int, Estimate]] = []  # the best of each recent row with its place in the tableau
    row: list[float] = []
    for i in range(_ROWS):
        h = math.ldexp(step, -i)
        low, high = x - h * (side < 1), x + h * (side > -1)
        if high - low < h / 2.0:
            break
        below, above = _evaluate(f, low), _evaluate(f, high)
        if below is None or above is None:
            row, waiting = [], []
            continue
        before, row = row, [(above - below) / (high - low)]
        for j in range(1, min(len(before), _COLUMNS) + 1):
            row.append(row[-1] + (row[-1] - before[j - 1]) / (ratio**j - 1.0))
        # What rounding does grows as 1/h, so each row shows how much of it is in the estimates of the rows before.
        waiting = [
            (at, j, e._replace(error=max(e.error, abs(row[j] - e.value) * math.ldexp(1.0, at - i))))
            for at, j, e in waiting
        ]
        if waiting and waiting[0][0] == i - _SETTLED:
            settled = waiting.pop(0)[2]
            contradiction = min(abs(best.value), abs(settled.value - best.value)) > _CONTRADICTION * best.error
            if settled.error < best.error and not contradiction:
                best = settled
        size = max(abs(below), abs(above))
        noise = 2.0 * _ROUNDING * size / (high - low)
        if best.error <= max(noise, 1e-12 * abs(best.value), 1e-13 * best.size / step):
            break
        steps = [max(abs(row[j] - row[j - 1]), abs(row[j] - before[j - 1])) for j in range(1, len(row))]
        if steps:
            j = steps.index(min(steps)) + 1
            waiting.append((i, j, Estimate(row[j], _SAFETY * steps[j - 1] + noise, size)))
    return best


def _evaluate(f: Callable[[float], float], x: float) -> float | None:
    try:
        y = f(x)
    except (ArithmeticError, ValueError):
        return None
    return y if math.isfinite(y) else None
