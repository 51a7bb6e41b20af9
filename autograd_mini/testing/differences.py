"""Derivatives by differences of function values, with an estimate of their error: a judge that knows no derivative.

The method is Ridders': difference quotients at halving steps, extrapolated to step zero as Richardson taught. Nothing
here uses the engine or its table, so an error of theirs cannot hide in both.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ..arguments import number_within, wrong_value

_ROWS = 96  # steps down to 1e-29 of the first: past 1e-16 of x no double differs, but x may be 0
_COLUMNS = 6  # higher extrapolations add noise and hardly ever accuracy
_SETTLED = 3  # that many smaller steps must follow an estimate, to say what it is worth
_SAFETY = 4.0  # beside a singularity the estimates converge slowly, and the next one is that many steps from the limit
_CONTRADICTION = 1e3  # that many errors away from a good estimate, a smaller step has met the rounding of f, not f
_ROUNDING = 32 * sys.float_info.epsilon  # a value of f may be off by 4 epsilon of it, which extrapolation amplifies

__tracebackhide__ = True  # pytest shows the line of the test that calls, and not ours


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
        TypeError: if ``step`` is no number.
        ValueError: if ``step`` is not positive or ``side`` is none of the three.

    >>> estimate = difference(math.exp, 1.0)
    >>> abs(estimate.value - math.e) < estimate.error < 1e-10
    True
    >>> round(difference(math.sqrt, 0.0, side=1).error, 3) > 1.0  # an infinite slope
    True
    """
    step = number_within("step", step, above=0)
    if side not in (-1, 0, 1):
        raise wrong_value("side", side, "choose -1, 0 or 1")
    ratio = 2.0 if side else 4.0  # the quotient is off by h, h**2, ... on one side, by h**2, h**4, ... on both
    best, enough = Estimate(math.nan, math.inf, 0.0), 0.0
    waiting: list[_Candidate] = []
    row: list[float] = []
    ends = 0.0, 0.0
    for i in range(_ROWS):
        h = math.ldexp(step, -i)
        low, high = x - h * (side < 1), x + h * (side > -1)
        if high == low:
            break
        below, above = _evaluate(f, low), _evaluate(f, high)
        if below is None or above is None:
            row, waiting = [], []
            continue
        before, row = row, [(above - below) / (high - low)]
        for j in range(1, min(len(before), _COLUMNS) + 1):
            row.append(row[-1] + (row[-1] - before[j - 1]) / (ratio**j - 1.0))
        # What rounding does grows as 1/h, so each row shows how much of it is in the estimates of the rows before.
        for c in waiting:
            c.spread = max(c.spread, abs(row[c.column] - c.estimate.value) * math.ldexp(1.0, c.row - i))
        if waiting and waiting[0].row == i - _SETTLED:
            settled = waiting.pop(0)
            if settled.beats(best):
                best, enough = settled.estimate, settled.enough
        size = max(abs(below), abs(above))
        noise = _ROUNDING * size / (high - low)
        if best.error <= max(noise, enough):
            break
        steps = [max(abs(row[j] - n) for n in (row[j - 1], before[j - 1], before[j])) for j in range(1, len(before))]
        if steps:
            j = steps.index(min(steps)) + 1
            steepness = max(abs(below - ends[0]), abs(above - ends[1])) / h
            rounded = _ROUNDING * (abs(x) + h) / h * steepness
            estimate = Estimate(row[j], _SAFETY * steps[j - 1] + noise, size)
            waiting.append(_Candidate(i, j, estimate, max(1e-12 * abs(row[j]), rounded)))
        ends = below, above
    return best


@dataclass
class _Candidate:
    """The best estimate of a row, its place in the tableau, and how far the next rows spread from it.

    Once the error is below ``enough`` nothing is to be gained, as x itself is rounded.
    """

    row: int
    column: int
    estimate: Estimate
    enough: float
    spread: float = 0.0

    def beats(self, best: Estimate) -> bool:
        """Two estimates that agreed by chance, or that grow from row to row, are refuted by the rows that follow."""
        value, error, _ = self.estimate
        contradicts = min(abs(best.value), abs(value - best.value)) > _CONTRADICTION * best.error
        return self.spread <= error < best.error and not contradicts


def _evaluate(f: Callable[[float], float], x: float) -> float | None:
    try:
        y = f(x)
    except (ArithmeticError, ValueError):
        return None
    return y if math.isfinite(y) else None
