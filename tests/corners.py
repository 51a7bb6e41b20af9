"""What every operation answers at its corners, and why: data for test_corners.py, and the one place where these answers
are written down.

The numbers are those of mathematics, of IEEE 754 and of the policy, not of the engine: values are what Python's floats
and ``math`` give; derivatives are the true ones, rounded once, where they exist (at infinity: their limits); at a kink
the smallest of the slopes in size, ties sharing theirs half and half; +-inf where the slope or its rounding is
infinite; NaN where there is none. A zero times an infinity or NaN is 0.0 in every product of slopes (strong zeros).
A slope that does not depend on an operand is a number even if that operand is NaN. Where the policy is silent, a NaN
has its reason beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

INF, NAN = math.inf, math.nan
LEAST = 5e-324  # the smallest subnormal float
TINY = 2.2250738585072014e-308  # the smallest normal float
HUGE = 1.7976931348623157e308  # the largest float
STANDARD = (0.0, -0.0, 1.0, -1.0, LEAST, TINY, HUGE, -HUGE, INF, -INF, NAN)
LN2 = 0.6931471805599453


class Corner(NamedTuple):
    """An operation's answers at one point: ``second[i][j]`` is the derivative of ``first[i]`` by operand j.

    Where the operation has no value, ``value`` is the exception's type, and there are no derivatives.
    """

    args: tuple[float, ...]
    value: float | type[Exception]
    first: tuple[float, ...]
    second: tuple[tuple[float, ...], ...]
    why: str


def at(x: float, value: float, first: float, second: float, why: str) -> Corner:
    """A corner of a function of one number."""
    return Corner((x,), value, (first,), ((second,),), why)


def at2(
    args: tuple[float, float], value: float, first: tuple[float, float], second: Sequence[float], why: str
) -> Corner:
    """A corner of a function of two numbers; ``second`` is (by x twice, by x and y in either order, by y twice)."""
    xx, xy, yy = second
    return Corner(args, value, first, ((xx, xy), (xy, yy)), why)


def no(args: tuple[float, ...], error: type[Exception], why: str) -> Corner:
    """A point at which there is no value."""
    return Corner(args, error, (), (), why)


FLAT = (0.0, 0.0, 0.0)  # all second derivatives of a function of two numbers that is linear in pieces
SUM = (1.0, 1.0, 1.0), ((0.0,) * 3,) * 3  # the derivatives of a sum of three terms, at any point
SUMPROD = (  # the second derivatives of a*c + b*d by a, b, c, d, at any point
    (0.0, 0.0, 1.0, 0.0),
    (0.0, 0.0, 0.0, 1.0),
    (1.0, 0.0, 0.0, 0.0),
    (0.0, 1.0, 0.0, 0.0),
)

# Reasons that serve several rows.
NAN_IN = "IEEE: NaN in, NaN out"
LINEAR = "linear: the same slopes at any point"
BOTH_WAYS = "IEEE: inf - inf is NaN; linear, so its slopes are known all the same"
OVERFLOW = "IEEE: too large for a float, inf"
UNDERFLOW = "IEEE: rounds to 0"
POLE = "pole: Python raises where IEEE has inf or NaN"
NO_LIMIT = "no limit at infinity: math raises"
EDGE = "domain edge: math raises"
OUTSIDE = "outside the domain: math raises"
STEEP = "1/x rounds to inf, and so does -1/x**2"
FLAT_TAIL = "tail: has become constant"
LIMIT = "limit at infinity"
PIECES = "linear on either side"
KINK = "kink: the smallest of the slopes; flat beyond"
TIE = "kink: equal operands share the slope half and half"
NAN_SLOPE = "IEEE: NaN in, NaN out; no side to take, so the slope is NaN; sides are flat"
EITHER = "NaN if either is; no side to take, so both slopes are NaN; sides are flat"
STAIR = "flat between jumps, and at a jump too"
INVERSE = "1/y, -x/y**2; -1/y**2, 2x/y**3"
FLOOR = "x - y*floor(x/y): slopes 1 and -floor(x/y), whose own slopes are 0"
JUMP = "jump: the slopes of the side that holds the value, where floor(x/y) = x/y"

ADD = [
    *(
        at2(args, value, (1.0, 1.0), FLAT, why)
        for args, value, why in [
            ((0.0, -0.0), 0.0, "IEEE: 0 + -0 = +0"),
            ((-0.0, 0.0), 0.0, "IEEE: -0 + 0 = +0"),
            ((-0.0, -0.0), -0.0, "IEEE: the sum of two negative zeros keeps the sign"),
            ((1.0, -1.0), 0.0, "IEEE: an exact zero is +0"),
            ((-1.0, 1.0), 0.0, "IEEE: an exact zero is +0"),
            ((LEAST, LEAST), 1e-323, "IEEE: exact among subnormals"),
            ((TINY, -LEAST), 2.225073858507201e-308, "IEEE: exact, the largest subnormal"),
            ((LEAST, TINY), 2.225073858507202e-308, "IEEE: exact"),
            ((HUGE, 1.0), HUGE, "IEEE: rounds back"),
            ((HUGE, HUGE), INF, OVERFLOW),
            ((-HUGE, -HUGE), -INF, OVERFLOW),
            ((INF, 1.0), INF, LINEAR),
            ((1.0, -INF), -INF, LINEAR),
            ((INF, INF), INF, LINEAR),
            ((INF, -INF), NAN, BOTH_WAYS),
            ((-INF, INF), NAN, BOTH_WAYS),
            ((NAN, 1.0), NAN, LINEAR),
            ((1.0, NAN), NAN, LINEAR),
        ]
    ),
]

SUB = [
    *(
        at2(args, value, (1.0, -1.0), FLAT, why)
        for args, value, why in [
            ((0.0, 0.0), 0.0, "IEEE: an exact zero is +0"),
            ((-0.0, -0.0), 0.0, "IEEE: an exact zero is +0"),
            ((-0.0, 0.0), -0.0, "IEEE: -0 - 0 = -0"),
            ((0.0, -0.0), 0.0, "IEEE: 0 - -0 = +0"),
            ((1.0, 1.0), 0.0, "IEEE: an exact zero is +0"),
            ((-1.0, -1.0), 0.0, "IEEE: an exact zero is +0"),
            ((LEAST, LEAST), 0.0, "IEEE: an exact zero is +0"),
            ((TINY, LEAST), 2.225073858507201e-308, "IEEE: exact, the largest subnormal; no underflow to 0"),
            ((LEAST, TINY), -2.225073858507201e-308, "IEEE: exact"),
            ((HUGE, -HUGE), INF, OVERFLOW),
            ((-HUGE, HUGE), -INF, OVERFLOW),
            ((INF, 1.0), INF, LINEAR),
            ((1.0, INF), -INF, LINEAR),
            ((INF, INF), NAN, BOTH_WAYS),
            ((-INF, -INF), NAN, BOTH_WAYS),
            ((NAN, 1.0), NAN, LINEAR),
            ((1.0, NAN), NAN, LINEAR),
        ]
    ),
]

# The slopes of x*y are y and x themselves.
MUL = [
    *(
        at2(args, value, (args[1], args[0]), (0.0, 1.0, 0.0), why)
        for args, value, why in [
            ((0.0, 0.0), 0.0, "IEEE"),
            ((0.0, -0.0), -0.0, "IEEE: signs multiply"),
            ((-0.0, -0.0), 0.0, "IEEE: signs multiply"),
            ((-0.0, 1.0), -0.0, "IEEE: signs multiply"),
            ((-1.0, 0.0), -0.0, "IEEE: signs multiply"),
            ((1.0, -1.0), -1.0, "IEEE"),
            ((LEAST, LEAST), 0.0, UNDERFLOW),
            ((-1.0, LEAST), -LEAST, "IEEE: exact"),
            ((LEAST, HUGE), 8.881784197001251e-16, "IEEE: exact but for rounding once"),
            ((TINY, TINY), 0.0, UNDERFLOW),
            ((TINY, HUGE), 3.9999999999999996, "IEEE: rounded once"),
            ((HUGE, HUGE), INF, OVERFLOW),
            ((HUGE, -HUGE), -INF, OVERFLOW),
            ((-HUGE, HUGE), -INF, OVERFLOW),
            ((INF, -1.0), -INF, "IEEE: signs multiply"),
            ((1.0, -INF), -INF, "IEEE: signs multiply"),
            ((INF, 0.0), NAN, "IEEE: inf * 0 is NaN; the slopes are the operands all the same"),
            ((0.0, INF), NAN, "IEEE: 0 * inf is NaN; the slopes are the operands all the same"),
            ((-INF, -INF), INF, "IEEE: signs multiply"),
            ((NAN, 0.0), NAN, NAN_IN),
            ((1.0, NAN), NAN, NAN_IN),
        ]
    ),
]

DIV = [
    at2((0.0, 1.0), 0.0, (1.0, 0.0), (0.0, -1.0, 0.0), INVERSE),
    at2((-0.0, 1.0), -0.0, (1.0, 0.0), (0.0, -1.0, 0.0), "IEEE: signs divide"),
    at2((0.0, -1.0), -0.0, (-1.0, 0.0), (0.0, -1.0, 0.0), "IEEE: signs divide"),
    at2((1.0, 1.0), 1.0, (1.0, -1.0), (0.0, -1.0, 2.0), INVERSE),
    at2((1.0, -1.0), -1.0, (-1.0, -1.0), (0.0, -1.0, -2.0), INVERSE),
    at2((-1.0, 2.0), -0.5, (0.5, 0.25), (0.0, -0.25, -0.25), INVERSE),
    at2((1.0, LEAST), INF, (INF, -INF), (0.0, -INF, INF), "1/y rounds to inf"),
    at2((-1.0, LEAST), -INF, (INF, INF), (0.0, -INF, -INF), "1/y rounds to inf"),
    at2((LEAST, LEAST), 1.0, (INF, -INF), (0.0, -INF, INF), "1/y rounds to inf"),
    at2((0.0, LEAST), 0.0, (INF, 0.0), (0.0, -INF, 0.0), "1/y rounds to inf; in 2x/y**3, 0 * inf, the zero is strong"),
    at2((LEAST, 1.0), LEAST, (1.0, -LEAST), (0.0, -1.0, 1e-323), INVERSE),
    at2((1.0, TINY), 4.49423283715579e307, (4.49423283715579e307, -INF), (0.0, -INF, INF), "1/y**2 rounds to inf"),
    at2((TINY, TINY), 1.0, (4.49423283715579e307, -4.49423283715579e307), (0.0, -INF, INF), "1/y**2 rounds to inf"),
    at2((TINY, HUGE), 0.0, (5.562684646268003e-309, 0.0), FLAT, UNDERFLOW),
    at2((1.0, HUGE), 5.562684646268003e-309, (5.562684646268003e-309, 0.0), FLAT, "IEEE: subnormal; 1/y**2 is 0"),
    at2((1.0, -HUGE), -5.562684646268003e-309, (-5.562684646268003e-309, 0.0), FLAT, "IEEE: subnormal; 1/y**2 is 0"),
    at2((HUGE, HUGE), 1.0, (5.562684646268003e-309, -5.562684646268003e-309), FLAT, "1/y**2 rounds to 0"),
    at2((HUGE, TINY), INF, (4.49423283715579e307, -INF), (0.0, -INF, INF), OVERFLOW),
    at2((HUGE, 1.0), HUGE, (1.0, -HUGE), (0.0, -1.0, INF), "2x rounds to inf"),
    at2((-HUGE, 1.0), -HUGE, (1.0, HUGE), (0.0, -1.0, -INF), "2x rounds to -inf"),
    at2((INF, 1.0), INF, (1.0, -INF), (0.0, -1.0, INF), INVERSE),
    at2((-INF, 1.0), -INF, (1.0, INF), (0.0, -1.0, -INF), INVERSE),
    at2((1.0, INF), 0.0, (0.0, 0.0), FLAT, "IEEE: 1/inf"),
    at2((1.0, -INF), -0.0, (0.0, 0.0), FLAT, "IEEE: 1/-inf"),
    at2((0.0, INF), 0.0, (0.0, 0.0), FLAT, "IEEE: 0/inf"),
    at2((INF, INF), NAN, (0.0, NAN), (0.0, 0.0, NAN), "IEEE: inf/inf; by x the slope is 1/y whatever x"),
    at2((NAN, 1.0), NAN, (1.0, NAN), (0.0, -1.0, NAN), "by x the slope is 1/y whatever x"),
    at2((1.0, NAN), NAN, (NAN, NAN), (0.0, NAN, NAN), "1/y is NaN, but does not depend on x"),
    no((1.0, 0.0), ZeroDivisionError, POLE),
    no((1.0, -0.0), ZeroDivisionError, POLE),
    no((0.0, 0.0), ZeroDivisionError, POLE),
    no((INF, 0.0), ZeroDivisionError, POLE),
    no((NAN, 0.0), ZeroDivisionError, POLE),
]

FLOORDIV = [
    *(
        at2(args, value, (0.0, 0.0), FLAT, why)
        for args, value, why in [
            ((7.0, 2.0), 3.0, STAIR),
            ((-7.0, 2.0), -4.0, "rounds down, not towards 0"),
            ((6.0, 2.0), 3.0, STAIR),
            ((1.0, -1.0), -1.0, STAIR),
            ((1.0, 0.1), 9.0, "the float 0.1 is above a tenth"),
            ((0.0, 1.0), 0.0, STAIR),
            ((-0.0, 1.0), -0.0, "Python: a zero has the sign of the quotient"),
            ((0.0, -1.0), -0.0, "Python: a zero has the sign of the quotient"),
            ((LEAST, 1.0), 0.0, STAIR),
            ((-LEAST, 1.0), -1.0, "just below the jump at 0"),
            ((1.0, LEAST), INF, OVERFLOW),
            ((-1.0, LEAST), -INF, OVERFLOW),
            ((1.0, TINY), 4.49423283715579e307, "the quotient is a whole number"),
            ((TINY, 1.0), 0.0, STAIR),
            ((HUGE, 1.0), HUGE, "the quotient is a whole number"),
            ((-HUGE, 1.0), -HUGE, "the quotient is a whole number"),
            ((1.0, HUGE), 0.0, STAIR),
            ((1.0, -HUGE), -1.0, "rounds down"),
            ((1.0, INF), 0.0, "the quotient is just above 0"),
            ((-1.0, INF), -1.0, "the quotient is just below 0"),
            ((1.0, -INF), -1.0, "the quotient is just below 0"),
            ((0.0, INF), 0.0, STAIR),
            ((INF, 1.0), NAN, "no remainder of inf, so Python has no quotient; flat by declaration"),
            ((-INF, 1.0), NAN, "no remainder of inf, so Python has no quotient; flat by declaration"),
            ((INF, INF), NAN, "no remainder of inf, so Python has no quotient; flat by declaration"),
            ((NAN, 1.0), NAN, NAN_IN + "; flat by declaration"),
            ((1.0, NAN), NAN, NAN_IN + "; flat by declaration"),
        ]
    ),
    no((1.0, 0.0), ZeroDivisionError, POLE),
    no((1.0, -0.0), ZeroDivisionError, POLE),
    no((0.0, 0.0), ZeroDivisionError, POLE),
    no((INF, 0.0), ZeroDivisionError, POLE),
    no((NAN, 0.0), ZeroDivisionError, POLE),
]

MOD = [
    *(
        at2(args, value, (1.0, -floor), FLAT, why)
        for args, value, floor, why in [
            ((7.0, 2.0), 1.0, 3.0, FLOOR),
            ((-7.0, 2.0), 1.0, -4.0, FLOOR),
            ((6.0, 2.0), 0.0, 3.0, JUMP),
            ((3.5, 1.0), 0.5, 3.0, FLOOR),
            ((1.0, 1.0), 0.0, 1.0, JUMP),
            ((-1.0, 1.0), 0.0, -1.0, JUMP),
            ((1.0, -1.0), -0.0, -1.0, JUMP + "; a zero has the sign of y"),
            ((1.0, 0.1), 0.09999999999999995, 9.0, "the float 0.1 is above a tenth"),
            ((0.0, 1.0), 0.0, 0.0, JUMP),
            ((-0.0, 1.0), 0.0, 0.0, JUMP + "; a zero has the sign of y"),
            ((0.0, -1.0), -0.0, 0.0, JUMP + "; a zero has the sign of y"),
            ((LEAST, 1.0), LEAST, 0.0, FLOOR),
            ((-LEAST, 1.0), 1.0, -1.0, "just below the jump at 0: 1 - 5e-324 rounds to 1"),
            ((1.0, LEAST), 0.0, INF, "a whole number of times; how often rounds to inf"),
            ((TINY, 1.0), TINY, 0.0, FLOOR),
            ((1.0, TINY), 0.0, 4.49423283715579e307, JUMP),
            ((HUGE, 1.0), 0.0, HUGE, JUMP),
            ((-HUGE, 1.0), 0.0, -HUGE, JUMP),
            ((1.0, HUGE), 1.0, 0.0, FLOOR),
            ((-1.0, HUGE), HUGE, -1.0, "HUGE - 1 rounds to HUGE"),
            ((1.0, -HUGE), -HUGE, -1.0, "1 - HUGE rounds to -HUGE"),
            ((1.0, INF), 1.0, 0.0, "limit: floor(x/y) = 0"),
            ((-1.0, INF), INF, -1.0, "limit: x + y"),
            ((1.0, -INF), -INF, -1.0, "limit: x + y"),
            ((INF, 1.0), NAN, NAN, "IEEE: no remainder of inf and no floor; by x the slope is 1 at any floor"),
            ((-INF, 1.0), NAN, NAN, "IEEE: no remainder of inf and no floor; by x the slope is 1 at any floor"),
            ((INF, INF), NAN, NAN, "IEEE: no remainder of inf and no floor; by x the slope is 1 at any floor"),
            ((NAN, 1.0), NAN, NAN, NAN_IN + "; by x the slope is 1 at any floor"),
            ((1.0, NAN), NAN, NAN, NAN_IN + "; by x the slope is 1 at any floor"),
        ]
    ),
    no((1.0, 0.0), ZeroDivisionError, POLE),
    no((1.0, -0.0), ZeroDivisionError, POLE),
    no((0.0, 0.0), ZeroDivisionError, POLE),
    no((INF, 0.0), ZeroDivisionError, POLE),
    no((NAN, 0.0), ZeroDivisionError, POLE),
]

# x**y. By x: y*x**(y-1). By y: x**y*log(x), which at x = 0 is 0 for y > 0 and else NaN, and is NaN below 0, where y
# cannot move without leaving the reals. Second: y*(y-1)*x**(y-2); x**(y-1) + y*(x**(y-1)*log(x)), whose last factor is
# again the slope of a power by its exponent; x**y*log(x)**2.
POWER = "y*x**(y-1), x**y*log(x) and their slopes"
AT_ZERO = "at x = 0 the slope by y is 0 for y > 0"
AT_ZERO_STEEP = "at x = 0 the slope by x rises to inf; that slope's own by y is NaN, as x**(y-1) has none for y <= 1"
AT_ZERO_LINE = "at x = 0, y = 1 the slope by x is 1; that slope's own by y is NaN, as x**(y-1) has none for y <= 1"
AT_ZERO_FLAT = "x**0 = 1 is flat by x, also at 0; by y, 0**y has no slope at y <= 0; mixed: 1/x"
NEGATIVE = "below 0 there is no slope by y: a step of y leaves the reals"
NEGATIVE_FLAT = "below 0 there is no slope by y; mixed: 1/x, as y = 0 is a strong zero before the undefined rest"
AT_ONE = "1**y = 1 for every y, so flat by y"
COMPLEX = "the result would be complex"
AT_INF = "limits for x to inf; where x**y is 0, strong zeros beat the infinite log(x)"
ENDLESS = "limits for y to infinity; in y*x**(y-1), inf * 0, the zero is strong"
ENDLESS_UP = "limits for y to infinity"
ENDLESS_ONE = "1**y = 1 for every y; the slope y is infinite; mixed: 1 + inf*log(1), where the zero is strong"
POW = [
    # Ordinary points.
    at2((2.0, 2.0), 4.0, (4.0, 4.0 * LN2), (2.0, 4.772588722239782, 1.9218120556728058), POWER),
    at2((0.5, 3.0), 0.125, (0.75, -0.125 * LN2), (3.0, -0.269860385419959, 0.06005662673977518), POWER),
    at2((4.0, 0.5), 2.0, (0.25, 4.0 * LN2), (-0.03125, 0.8465735902799727, 3.8436241113456115), POWER),
    at2((2.0, -1.0), 0.5, (-0.25, 0.5 * LN2), (0.25, 0.07671320486001368, 0.24022650695910072), POWER),
    at2((2.0, 0.0), 1.0, (0.0, LN2), (0.0, 0.5, 0.48045301391820144), "x**0 = 1 is flat by x; mixed: 1/x"),
    at2((2.0, -0.0), 1.0, (0.0, LN2), (0.0, 0.5, 0.48045301391820144), "x**-0 = 1 is flat by x; mixed: 1/x"),
    at2((2.0, LEAST), 1.0, (0.0, LN2), (0.0, 0.5, 0.48045301391820144), POWER),
    at2((2.0, TINY), 1.0, (TINY / 2.0, LN2), (-TINY / 4.0, 0.5, 0.48045301391820144), POWER),
    # Too large, too small.
    no((2.0, 1024.0), OverflowError, "Python raises where IEEE has inf"),
    no((-2.0, 1025.0), OverflowError, "Python raises where IEEE has -inf"),
    no((2.0, HUGE), OverflowError, "Python raises where IEEE has inf"),
    no((0.5, -HUGE), OverflowError, "Python raises where IEEE has inf"),
    no((HUGE, 2.0), OverflowError, "Python raises where IEEE has inf"),
    no((-HUGE, 2.0), OverflowError, "Python raises where IEEE has inf"),
    no((LEAST, -1.0), OverflowError, "Python raises where IEEE has inf"),
    at2((2.0, -HUGE), 0.0, (0.0, 0.0), FLAT, UNDERFLOW),
    at2((0.5, HUGE), 0.0, (0.0, 0.0), FLAT, UNDERFLOW),
    # x = 0: the corners of ChainRules.jl's POWERGRADS; and where the result is infinite Python raises.
    at2((0.0, 2.0), 0.0, (0.0, 0.0), (2.0, 0.0, 0.0), AT_ZERO),
    at2((-0.0, 2.0), 0.0, (0.0, 0.0), (2.0, 0.0, 0.0), AT_ZERO),
    at2((0.0, 3.0), 0.0, (0.0, 0.0), (0.0, 0.0, 0.0), AT_ZERO),
    at2((-0.0, 3.0), -0.0, (0.0, 0.0), (0.0, 0.0, 0.0), AT_ZERO + "; odd powers keep the sign of 0"),
    at2((0.0, 3.5), 0.0, (0.0, 0.0), (0.0, 0.0, 0.0), AT_ZERO),
    at2((0.0, 1.5), 0.0, (0.0, 0.0), (INF, 0.0, 0.0), AT_ZERO + "; 0.75*x**-0.5 rises to inf"),
    at2((0.0, HUGE), 0.0, (0.0, 0.0), (0.0, 0.0, 0.0), AT_ZERO),
    at2((0.0, 1.0), 0.0, (1.0, 0.0), (0.0, NAN, 0.0), AT_ZERO_LINE),
    at2((-0.0, 1.0), -0.0, (1.0, 0.0), (0.0, NAN, 0.0), AT_ZERO_LINE),
    at2((0.0, 0.5), 0.0, (INF, 0.0), (-INF, NAN, 0.0), AT_ZERO_STEEP),
    at2((-0.0, 0.5), 0.0, (INF, 0.0), (-INF, NAN, 0.0), AT_ZERO_STEEP),
    at2((0.0, LEAST), 0.0, (INF, 0.0), (-INF, NAN, 0.0), AT_ZERO_STEEP),
    at2((0.0, TINY), 0.0, (INF, 0.0), (-INF, NAN, 0.0), AT_ZERO_STEEP),
    at2((0.0, 0.0), 1.0, (0.0, NAN), (0.0, INF, NAN), AT_ZERO_FLAT),
    at2((0.0, -0.0), 1.0, (0.0, NAN), (0.0, INF, NAN), AT_ZERO_FLAT),
    at2((-0.0, 0.0), 1.0, (0.0, NAN), (0.0, -INF, NAN), AT_ZERO_FLAT),
    no((0.0, -1.0), ZeroDivisionError, POLE),
    no((-0.0, -1.0), ZeroDivisionError, POLE),
    no((0.0, -2.0), ZeroDivisionError, POLE),
    no((-0.0, -2.0), ZeroDivisionError, POLE),
    no((0.0, -0.5), ZeroDivisionError, POLE),
    no((0.0, -1.5), ZeroDivisionError, POLE),
    no((0.0, -LEAST), ZeroDivisionError, POLE + "; just outside the domain"),
    no((0.0, -HUGE), ZeroDivisionError, POLE),
    at2((0.0, INF), 0.0, (0.0, 0.0), FLAT, ENDLESS),
    at2((0.0, -INF), INF, (-INF, NAN), (INF, NAN, NAN), "Python has inf here; by y, 0**y has no slope at y <= 0"),
    at2((0.0, NAN), NAN, (NAN, NAN), (NAN, NAN, NAN), NAN_IN),
    # x just above 0.
    at2((LEAST, 2.0), 0.0, (1e-323, 0.0), (2.0, -7.35e-321, 0.0), UNDERFLOW),
    at2((LEAST, 1.0), LEAST, (1.0, -3.676e-321), (0.0, -743.4400719213812, 2.738067e-318), POWER),
    at2(
        (LEAST, 0.5),
        2.2227587494850775e-162,
        (2.2494568972715982e161, -1.6547106833305505e-159),
        (-INF, -1.6700869405943724e164, 1.231832940107673e-156),
        POWER,
    ),
    at2((LEAST, 0.0), 1.0, (0.0, -744.4400719213812), (0.0, INF, 554191.0206823113), "1/x rounds to inf"),
    at2((TINY, 2.0), 0.0, (2.0 * TINY, 0.0), (2.0, -3.150243630814027e-305, 0.0), UNDERFLOW),
    at2(
        (TINY, 1.0),
        TINY,
        (1.0, -1.5762343523362672e-305),
        (0.0, -707.3964185322641, 1.1165987699625346e-302),
        POWER,
    ),
    at2((TINY, 0.0), 1.0, (0.0, -708.3964185322641), (0.0, 4.49423283715579e307, 501825.4857893387), POWER),
    at2((TINY, -1.0), 4.49423283715579e307, (-INF, -INF), (INF, INF, INF), OVERFLOW),
    # x = 1 and x = -1.
    at2((1.0, 2.0), 1.0, (2.0, 0.0), (2.0, 1.0, 0.0), AT_ONE),
    at2((1.0, 0.5), 1.0, (0.5, 0.0), (-0.25, 1.0, 0.0), AT_ONE),
    at2((1.0, 0.0), 1.0, (0.0, 0.0), (0.0, 1.0, 0.0), AT_ONE),
    at2((1.0, -1.0), 1.0, (-1.0, 0.0), (2.0, 1.0, 0.0), AT_ONE),
    at2((1.0, HUGE), 1.0, (HUGE, 0.0), (INF, 1.0, 0.0), AT_ONE),
    at2((1.0, -HUGE), 1.0, (-HUGE, 0.0), (INF, 1.0, 0.0), AT_ONE),
    at2((1.0, INF), 1.0, (INF, 0.0), (INF, 1.0, 0.0), ENDLESS_ONE),
    at2((1.0, -INF), 1.0, (-INF, 0.0), (INF, 1.0, 0.0), ENDLESS_ONE),
    at2((1.0, NAN), 1.0, (NAN, 0.0), (NAN, 1.0, 0.0), "IEEE: 1**y = 1 for every y, NaN too; mixed: 1 likewise"),
    at2((-1.0, 2.0), 1.0, (-2.0, NAN), (2.0, NAN, NAN), NEGATIVE),
    at2((-1.0, 1.0), -1.0, (1.0, NAN), (0.0, NAN, NAN), NEGATIVE),
    at2((-1.0, 0.0), 1.0, (0.0, NAN), (0.0, -1.0, NAN), NEGATIVE_FLAT),
    at2((-1.0, -1.0), -1.0, (-1.0, NAN), (-2.0, NAN, NAN), NEGATIVE),
    at2((-1.0, -2.0), 1.0, (2.0, NAN), (6.0, NAN, NAN), NEGATIVE),
    at2((-1.0, NAN), NAN, (NAN, NAN), (NAN, NAN, NAN), NAN_IN),
    # Other negative x.
    at2((-2.0, 2.0), 4.0, (-4.0, NAN), (2.0, NAN, NAN), NEGATIVE),
    at2((-2.0, 3.0), -8.0, (12.0, NAN), (-12.0, NAN, NAN), NEGATIVE),
    at2((-2.0, 0.0), 1.0, (0.0, NAN), (0.0, -0.5, NAN), NEGATIVE_FLAT),
    at2((-2.0, -1.0), -0.5, (-0.25, NAN), (-0.25, NAN, NAN), NEGATIVE),
    at2((-2.0, -2.0), 0.25, (0.25, NAN), (0.375, NAN, NAN), NEGATIVE),
    at2((-1e-200, 3.0), -0.0, (0.0, NAN), (-6e-200, NAN, NAN), NEGATIVE + ", also where x**y rounds to 0"),
    at2((-HUGE, 1.0), -HUGE, (1.0, NAN), (0.0, NAN, NAN), NEGATIVE),
    at2((-HUGE, -1.0), -5.562684646268003e-309, (0.0, NAN), (0.0, NAN, NAN), NEGATIVE),
    no((-1.0, 0.5), ValueError, COMPLEX),
    no((-1.0, -0.5), ValueError, COMPLEX),
    no((-8.0, 1.0 / 3.0), ValueError, COMPLEX + "; the float 1/3 is no third"),
    no((-LEAST, 0.5), ValueError, COMPLEX + "; just outside the domain"),
    no((-1.0, LEAST), ValueError, COMPLEX),
    # x = HUGE and x = inf.
    at2((HUGE, 1.0), HUGE, (1.0, INF), (0.0, 710.782712893384, INF), POWER),
    at2(
        (HUGE, 0.5),
        1.3407807929942596e154,
        (3.7291703656001034e-155, 9.516630286468083e156),
        (0.0, 2.6543589996684545e-152, 6.754739662332658e159),
        POWER,
    ),
    at2((HUGE, 0.0), 1.0, (0.0, 709.782712893384), (0.0, 5.562684646268003e-309, 503791.499522292), POWER),
    at2(
        (HUGE, -1.0),
        5.562684646268003e-309,
        (0.0, 3.948297399198478e-306),
        (0.0, 0.0, 2.8024332393129882e-303),
        POWER,
    ),
    at2((INF, 3.0), INF, (INF, INF), (INF, INF, INF), AT_INF),
    at2((INF, 2.0), INF, (INF, INF), (2.0, INF, INF), AT_INF),
    at2((INF, 1.0), INF, (1.0, INF), (0.0, INF, INF), AT_INF),
    at2((INF, 0.5), INF, (0.0, INF), (0.0, 0.0, INF), AT_INF),
    at2((INF, 0.0), 1.0, (0.0, INF), (0.0, 0.0, INF), AT_INF),
    at2((INF, -0.5), 0.0, (0.0, 0.0), FLAT, AT_INF),
    at2((INF, -1.0), 0.0, (0.0, 0.0), FLAT, AT_INF),
    at2((INF, -2.0), 0.0, (0.0, 0.0), FLAT, AT_INF),
    at2((-INF, 2.0), INF, (-INF, NAN), (2.0, NAN, NAN), NEGATIVE),
    at2((-INF, 3.0), -INF, (INF, NAN), (-INF, NAN, NAN), NEGATIVE),
    at2((-INF, 1.0), -INF, (1.0, NAN), (0.0, NAN, NAN), NEGATIVE),
    at2((-INF, 0.5), INF, (0.0, NAN), (0.0, NAN, NAN), "IEEE: inf for any y > 0 that is not odd; no slope by y"),
    at2((-INF, 0.0), 1.0, (0.0, NAN), (0.0, 0.0, NAN), NEGATIVE_FLAT),
    at2((-INF, -1.0), -0.0, (0.0, NAN), (0.0, NAN, NAN), NEGATIVE),
    # Infinite exponents, and NaN.
    at2((2.0, INF), INF, (INF, INF), (INF, INF, INF), ENDLESS_UP),
    at2((0.5, -INF), INF, (-INF, -INF), (INF, INF, INF), ENDLESS_UP),
    at2((INF, INF), INF, (INF, INF), (INF, INF, INF), ENDLESS_UP),
    at2((0.5, INF), 0.0, (0.0, 0.0), FLAT, ENDLESS),
    at2((2.0, -INF), 0.0, (0.0, 0.0), FLAT, ENDLESS),
    at2((2.0, NAN), NAN, (NAN, NAN), (NAN, NAN, NAN), NAN_IN),
    at2((NAN, 2.0), NAN, (NAN, NAN), (2.0, NAN, NAN), NAN_IN + "; by x twice it is 2 whatever x"),
    at2((NAN, 1.0), NAN, (1.0, NAN), (0.0, NAN, NAN), "x**1 is x, with slope 1 whatever x"),
    at2((NAN, 0.0), 1.0, (0.0, NAN), (0.0, NAN, NAN), "IEEE: NaN**0 = 1, flat by x; log(NaN) is NaN"),
    at2((NAN, NAN), NAN, (NAN, NAN), (NAN, NAN, NAN), NAN_IN),
]

NEG = [at(x, -x, -1.0, 0.0, "the sign flips, also of 0; linear") for x in STANDARD]

ABS = [
    at(0.0, 0.0, 0.0, 0.0, KINK),
    at(-0.0, 0.0, 0.0, 0.0, KINK),
    at(1.0, 1.0, 1.0, 0.0, PIECES),
    at(-1.0, 1.0, -1.0, 0.0, PIECES),
    at(LEAST, LEAST, 1.0, 0.0, PIECES + ", however near"),
    at(-LEAST, LEAST, -1.0, 0.0, PIECES + ", however near"),
    at(TINY, TINY, 1.0, 0.0, PIECES),
    at(HUGE, HUGE, 1.0, 0.0, PIECES),
    at(-HUGE, HUGE, -1.0, 0.0, PIECES),
    at(INF, INF, 1.0, 0.0, LIMIT),
    at(-INF, INF, -1.0, 0.0, LIMIT),
    at(NAN, NAN, NAN, 0.0, NAN_SLOPE),
]

# The second operand is the number of decimals, a count without a slope.
ROUND = [
    *(
        at2((x, n), value, (0.0, 0.0), FLAT, why)
        for x, n, value, why in [
            (0.0, 0.0, 0.0, STAIR),
            (-0.0, 0.0, -0.0, "keeps the sign of 0"),
            (1.0, 0.0, 1.0, STAIR),
            (-1.0, 0.0, -1.0, STAIR),
            (0.49999999999999994, 0.0, 0.0, "just below the jump"),
            (0.5, 0.0, 0.0, "jump: half to even"),
            (0.5000000000000001, 0.0, 1.0, "just above the jump"),
            (1.5, 0.0, 2.0, "jump: half to even"),
            (2.5, 0.0, 2.0, "jump: half to even"),
            (-0.5, 0.0, -0.0, "jump: half to even, and the sign stays"),
            (0.25, 1.0, 0.2, "jump: half to even"),
            (0.375, 2.0, 0.38, "jump: half to even"),
            (2.675, 2.0, 2.67, "the float 2.675 is below the half"),
            (15.0, -1.0, 20.0, "jump: half to even"),
            (25.0, -1.0, 20.0, "jump: half to even"),
            (LEAST, 0.0, 0.0, STAIR),
            (LEAST, 400.0, LEAST, "more decimals than a float has"),
            (TINY, 0.0, 0.0, STAIR),
            (HUGE, 0.0, HUGE, "a whole number already"),
            (-HUGE, 0.0, -HUGE, "a whole number already"),
            (HUGE, -400.0, 0.0, "fewer digits than any float has"),
            (1.4e308, -308.0, 1e308, STAIR),
            (INF, 0.0, INF, LIMIT),
            (-INF, 0.0, -INF, LIMIT),
            (NAN, 0.0, NAN, NAN_IN + "; flat by declaration"),
        ]
    ),
    no((HUGE, -308.0), OverflowError, "2e308 is too large for a float: Python raises"),
]

EXP = [
    at(0.0, 1.0, 1.0, 1.0, "exp is its own slope"),
    at(-0.0, 1.0, 1.0, 1.0, "exp is its own slope"),
    at(1.0, math.e, math.e, math.e, "exp is its own slope"),
    at(-1.0, 0.36787944117144233, 0.36787944117144233, 0.36787944117144233, "exp is its own slope"),
    at(LEAST, 1.0, 1.0, 1.0, "1 + x rounds to 1"),
    at(TINY, 1.0, 1.0, 1.0, "1 + x rounds to 1"),
    at(709.782712893384, *(1.7976931348622732e308,) * 3, "the largest operand with a finite result"),
    no((709.7827128933841,), OverflowError, "just too large: math raises where IEEE has inf"),
    no((HUGE,), OverflowError, "too large: math raises where IEEE has inf"),
    at(-745.0, LEAST, LEAST, LEAST, "IEEE: the last subnormal"),
    at(-746.0, 0.0, 0.0, 0.0, UNDERFLOW),
    at(-HUGE, 0.0, 0.0, 0.0, UNDERFLOW),
    at(INF, INF, INF, INF, LIMIT),
    at(-INF, 0.0, 0.0, 0.0, LIMIT),
    at(NAN, NAN, NAN, NAN, NAN_IN),
]

LOG = [
    no((0.0,), ValueError, EDGE + " where IEEE has -inf"),
    no((-0.0,), ValueError, EDGE + " where IEEE has -inf"),
    no((-LEAST,), ValueError, "just " + OUTSIDE),
    no((-1.0,), ValueError, OUTSIDE),
    no((-HUGE,), ValueError, OUTSIDE),
    no((-INF,), ValueError, OUTSIDE),
    at(LEAST, -744.4400719213812, INF, -INF, "just inside the domain: " + STEEP),
    at(TINY, -708.3964185322641, 4.49423283715579e307, -INF, "1/x**2 rounds to inf"),
    at(0.5, -LN2, 2.0, -4.0, "1/x, -1/x**2"),
    at(1.0, 0.0, 1.0, -1.0, "exactly 0 at 1"),
    at(HUGE, 709.782712893384, 5.562684646268003e-309, 0.0, "1/x is subnormal, 1/x**2 rounds to 0"),
    at(INF, INF, 0.0, 0.0, "limit at infinity: 1/inf"),
    at(NAN, NAN, NAN, NAN, NAN_IN),
]

SQRT = [
    at(0.0, 0.0, INF, -INF, "domain edge: the slope rises to inf, its own falls to -inf"),
    at(-0.0, -0.0, INF, -INF, "IEEE: sqrt(-0) = -0; the slope from the right, as at +0"),
    no((-LEAST,), ValueError, "just " + OUTSIDE),
    no((-1.0,), ValueError, OUTSIDE),
    no((-HUGE,), ValueError, OUTSIDE),
    no((-INF,), ValueError, OUTSIDE),
    at(LEAST, 2.2227587494850775e-162, 2.2494568972715982e161, -INF, "x**-1.5 rounds to inf"),
    at(TINY, 1.4916681462400413e-154, 3.3519519824856493e153, -INF, "x**-1.5 rounds to inf"),
    at(1.0, 1.0, 0.5, -0.25, "1/2, -1/4"),
    at(HUGE, 1.3407807929942596e154, 3.7291703656001034e-155, 0.0, "x**-1.5 rounds to 0"),
    at(INF, INF, 0.0, 0.0, LIMIT),
    at(NAN, NAN, NAN, NAN, NAN_IN),
]

SIN = [
    at(0.0, 0.0, 1.0, 0.0, "odd: the sign of 0 is kept"),
    at(-0.0, -0.0, 1.0, 0.0, "odd: the sign of 0 is kept"),
    at(1.0, 0.8414709848078965, 0.5403023058681398, -0.8414709848078965, "cos, -sin"),
    at(-1.0, -0.8414709848078965, 0.5403023058681398, 0.8414709848078965, "cos, -sin"),
    at(LEAST, LEAST, 1.0, -LEAST, "sin(x) rounds to x"),
    at(TINY, TINY, 1.0, -TINY, "sin(x) rounds to x"),
    at(math.pi / 2.0, 1.0, 6.123233995736766e-17, -1.0, "the float is not quite pi/2"),
    at(math.pi, 1.2246467991473532e-16, -1.0, -1.2246467991473532e-16, "the float is not quite pi"),
    at(HUGE, 0.004961954789184062, -0.9999876894265599, -0.004961954789184062, "reduced by the exact pi"),
    at(-HUGE, -0.004961954789184062, -0.9999876894265599, 0.004961954789184062, "reduced by the exact pi"),
    no((INF,), ValueError, NO_LIMIT),
    no((-INF,), ValueError, NO_LIMIT),
    at(NAN, NAN, NAN, NAN, NAN_IN),
]

COS = [
    at(0.0, 1.0, 0.0, -1.0, "-sin, -cos"),
    at(-0.0, 1.0, 0.0, -1.0, "-sin, -cos"),
    at(1.0, 0.5403023058681398, -0.8414709848078965, -0.5403023058681398, "-sin, -cos"),
    at(-1.0, 0.5403023058681398, 0.8414709848078965, -0.5403023058681398, "-sin, -cos"),
    at(LEAST, 1.0, -LEAST, -1.0, "sin(x) rounds to x"),
    at(TINY, 1.0, -TINY, -1.0, "sin(x) rounds to x"),
    at(math.pi / 2.0, 6.123233995736766e-17, -1.0, -6.123233995736766e-17, "the float is not quite pi/2"),
    at(math.pi, -1.0, -1.2246467991473532e-16, 1.0, "the float is not quite pi"),
    at(HUGE, -0.9999876894265599, -0.004961954789184062, 0.9999876894265599, "reduced by the exact pi"),
    at(-HUGE, -0.9999876894265599, 0.004961954789184062, 0.9999876894265599, "reduced by the exact pi"),
    no((INF,), ValueError, NO_LIMIT),
    no((-INF,), ValueError, NO_LIMIT),
    at(NAN, NAN, NAN, NAN, NAN_IN),
]

TAN = [
    at(0.0, 0.0, 1.0, 0.0, "odd: the sign of 0 is kept"),
    at(-0.0, -0.0, 1.0, 0.0, "odd: the sign of 0 is kept"),
    at(1.0, 1.5574077246549023, 3.4255188208147596, 10.669858944975317, "1 + tan**2, 2*tan*(1 + tan**2)"),
    at(-1.0, -1.5574077246549023, 3.4255188208147596, -10.669858944975317, "1 + tan**2, 2*tan*(1 + tan**2)"),
    at(LEAST, LEAST, 1.0, 1e-323, "tan(x) rounds to x"),
    at(TINY, TINY, 1.0, 2.0 * TINY, "tan(x) rounds to x"),
    at(math.pi / 2.0, 1.633123935319537e16, 2.667093788113571e32, 8.711389406220653e48, "last float before the pole"),
    at(
        1.5707963267948968,
        -6218431163823738.0,
        3.866888613921425e31,
        -4.8091961327688334e47,
        "first float after the pole, which is no float itself",
    ),
    at(HUGE, -0.004962015874444895, 1.0000246216015383, -0.009924276094445164, "reduced by the exact pi"),
    at(-HUGE, 0.004962015874444895, 1.0000246216015383, 0.009924276094445164, "reduced by the exact pi"),
    no((INF,), ValueError, NO_LIMIT),
    no((-INF,), ValueError, NO_LIMIT),
    at(NAN, NAN, NAN, NAN, NAN_IN),
]

TANH = [
    at(0.0, 0.0, 1.0, 0.0, "odd: the sign of 0 is kept"),
    at(-0.0, -0.0, 1.0, 0.0, "odd: the sign of 0 is kept"),
    at(1.0, 0.7615941559557649, 0.4199743416140261, -0.6397000084492245, "1 - tanh**2, -2*tanh*(1 - tanh**2)"),
    at(-1.0, -0.7615941559557649, 0.4199743416140261, 0.6397000084492245, "1 - tanh**2, -2*tanh*(1 - tanh**2)"),
    at(LEAST, LEAST, 1.0, -1e-323, "tanh(x) rounds to x"),
    at(TINY, TINY, 1.0, -2.0 * TINY, "tanh(x) rounds to x"),
    at(20.0, 1.0, 1.6993417021166355e-17, -3.398683404233271e-17, "tail: 1 - tanh**2 keeps its digits"),
    at(-20.0, -1.0, 1.6993417021166355e-17, 3.398683404233271e-17, "tail: 1 - tanh**2 keeps its digits"),
    at(300.0, 1.0, 1.0601586212017243e-260, -2.1203172424034486e-260, "far tail: 4*exp(-2x), -8*exp(-2x)"),
    at(-300.0, -1.0, 1.0601586212017243e-260, 2.1203172424034486e-260, "far tail: 4*exp(2x), 8*exp(2x)"),
    at(HUGE, 1.0, 0.0, 0.0, FLAT_TAIL),
    at(-HUGE, -1.0, 0.0, 0.0, FLAT_TAIL),
    at(INF, 1.0, 0.0, 0.0, LIMIT),
    at(-INF, -1.0, 0.0, 0.0, LIMIT),
    at(NAN, NAN, NAN, NAN, NAN_IN),
]

ERF = [
    at(0.0, 0.0, 1.1283791670955126, 0.0, "odd: the sign of 0 is kept; 2/sqrt(pi)"),
    at(-0.0, -0.0, 1.1283791670955126, 0.0, "odd: the sign of 0 is kept; 2/sqrt(pi)"),
    at(1.0, 0.8427007929497149, 0.4151074974205947, -0.8302149948411894, "2/sqrt(pi)*exp(-x*x) and -2x times that"),
    at(-1.0, -0.8427007929497149, 0.4151074974205947, 0.8302149948411894, "2/sqrt(pi)*exp(-x*x) and -2x times that"),
    at(LEAST, LEAST, 1.1283791670955126, -1e-323, "2/sqrt(pi)*x"),
    at(TINY, 2.5107269871883543e-308, 1.1283791670955126, -5.021453974376709e-308, "2/sqrt(pi)*x"),
    at(6.0, 1.0, 2.617301239249265e-16, -3.1407614870991178e-15, "tail: the value is 1, the slope keeps its digits"),
    at(26.0, 1.0, 2.9470349932662697e-294, -1.53245819649846e-292, "far tail: the slope keeps its digits"),
    at(-26.0, -1.0, 2.9470349932662697e-294, 1.53245819649846e-292, "far tail: the slope keeps its digits"),
    at(HUGE, 1.0, 0.0, 0.0, FLAT_TAIL + ", though x*x rounds to inf"),
    at(-HUGE, -1.0, 0.0, 0.0, FLAT_TAIL + ", though x*x rounds to inf"),
    at(INF, 1.0, 0.0, 0.0, LIMIT),
    at(-INF, -1.0, 0.0, 0.0, LIMIT),
    at(NAN, NAN, NAN, NAN, NAN_IN),
]

RELU = [
    at(0.0, 0.0, 0.0, 0.0, KINK),
    at(-0.0, 0.0, 0.0, 0.0, KINK),
    at(1.0, 1.0, 1.0, 0.0, PIECES),
    at(-1.0, 0.0, 0.0, 0.0, PIECES),
    at(LEAST, LEAST, 1.0, 0.0, PIECES + ", however near"),
    at(-LEAST, 0.0, 0.0, 0.0, PIECES + ", however near"),
    at(TINY, TINY, 1.0, 0.0, PIECES),
    at(HUGE, HUGE, 1.0, 0.0, PIECES),
    at(-HUGE, 0.0, 0.0, 0.0, PIECES),
    at(INF, INF, 1.0, 0.0, LIMIT),
    at(-INF, 0.0, 0.0, 0.0, LIMIT),
    at(NAN, NAN, NAN, 0.0, NAN_SLOPE),
]

SIGMOID = [
    at(0.0, 0.5, 0.25, 0.0, "the middle: steepest, no curvature"),
    at(-0.0, 0.5, 0.25, 0.0, "the middle: steepest, no curvature"),
    at(1.0, 0.7310585786300049, 0.19661193324148185, -0.09085774767294841, "s*(1-s), s*(1-s)*(1-2s)"),
    at(-1.0, 0.2689414213699951, 0.19661193324148185, 0.09085774767294841, "s*(1-s), s*(1-s)*(1-2s)"),
    at(LEAST, 0.5, 0.25, 0.0, "the curvature -x/8 rounds to 0"),
    at(TINY, 0.5, 0.25, -2.781342323134e-309, "the curvature is -x/8"),
    at(40.0, 1.0, 4.248354255291589e-18, -4.248354255291589e-18, "tail: 1 - s keeps its digits"),
    at(-40.0, *(4.248354255291589e-18,) * 3, "tail: exp(x)"),
    at(700.0, 1.0, 9.85967654375977e-305, -9.85967654375977e-305, "far tail: exp(-x), -exp(-x)"),
    at(-700.0, *(9.85967654375977e-305,) * 3, "far tail: exp(x)"),
    at(-745.0, LEAST, LEAST, LEAST, "the last subnormal of the tail"),
    at(HUGE, 1.0, 0.0, 0.0, FLAT_TAIL),
    at(-HUGE, 0.0, 0.0, 0.0, FLAT_TAIL),
    at(INF, 1.0, 0.0, 0.0, LIMIT),
    at(-INF, 0.0, 0.0, 0.0, LIMIT),
    at(NAN, NAN, NAN, NAN, NAN_IN),
]

SOFTPLUS = [
    at(0.0, LN2, 0.5, 0.25, "log(2)"),
    at(-0.0, LN2, 0.5, 0.25, "log(2)"),
    at(1.0, 1.3132616875182228, 0.7310585786300049, 0.19661193324148185, "s, s*(1-s)"),
    at(-1.0, 0.3132616875182228, 0.2689414213699951, 0.19661193324148185, "s, s*(1-s)"),
    at(LEAST, LN2, 0.5, 0.25, "rounds to its value at 0"),
    at(TINY, LN2, 0.5, 0.25, "rounds to its value at 0"),
    at(40.0, 40.0, 1.0, 4.248354255291589e-18, "tail: x, 1, exp(-x)"),
    at(-40.0, *(4.248354255291589e-18,) * 3, "tail: exp(x)"),
    at(700.0, 700.0, 1.0, 9.85967654375977e-305, "far tail: x, 1, exp(-x)"),
    at(-700.0, *(9.85967654375977e-305,) * 3, "far tail: exp(x)"),
    at(HUGE, HUGE, 1.0, 0.0, "tail: has become x, without overflow"),
    at(-HUGE, 0.0, 0.0, 0.0, FLAT_TAIL),
    at(INF, INF, 1.0, 0.0, LIMIT),
    at(-INF, 0.0, 0.0, 0.0, LIMIT),
    at(NAN, NAN, NAN, NAN, NAN_IN),
]

# ``larger`` says which operand that is: 1.0 the first, 0.0 the second, 0.5 neither. minimum takes the other one.
_PAIRS = [
    ((2.0, 1.0), 1.0, "the slope goes to the operand that is taken"),
    ((1.0, -1.0), 1.0, "the slope goes to the operand that is taken"),
    ((-1.0, 1.0), 0.0, "the slope goes to the operand that is taken"),
    ((1.0, 1.0), 0.5, TIE),
    ((0.0, 0.0), 0.5, TIE),
    ((0.0, -0.0), 0.5, TIE + "; zeros are equal, and of equals the second is the value"),
    ((-0.0, 0.0), 0.5, TIE + "; zeros are equal, and of equals the second is the value"),
    ((LEAST, 0.0), 1.0, "just beside the kink"),
    ((0.0, LEAST), 0.0, "just beside the kink"),
    ((LEAST, TINY), 0.0, "subnormals count"),
    ((TINY, LEAST), 1.0, "subnormals count"),
    ((HUGE, -HUGE), 1.0, "no overflow: nothing is added"),
    ((-HUGE, HUGE), 0.0, "no overflow: nothing is added"),
    ((HUGE, HUGE), 0.5, TIE),
    ((HUGE, INF), 0.0, "IEEE: inf is larger than any number"),
    ((INF, HUGE), 1.0, "IEEE: inf is larger than any number"),
    ((-INF, -HUGE), 0.0, "IEEE: -inf is smaller than any number"),
    ((-HUGE, -INF), 1.0, "IEEE: -inf is smaller than any number"),
    ((INF, INF), 0.5, TIE + "; also of infinities"),
    ((-INF, -INF), 0.5, TIE + "; also of infinities"),
    ((NAN, 1.0), NAN, EITHER),
    ((1.0, NAN), NAN, EITHER),
    ((NAN, NAN), NAN, EITHER),
    ((INF, NAN), NAN, EITHER),
]


def _chosen(args: tuple[float, float], share: float) -> float:
    return share if share != share else args[0] if share == 1.0 else args[1]


MAXIMUM = [at2(xy, _chosen(xy, larger), (larger, 1.0 - larger), FLAT, why) for xy, larger, why in _PAIRS]
MINIMUM = [at2(xy, _chosen(xy, 1.0 - larger), (1.0 - larger, larger), FLAT, why) for xy, larger, why in _PAIRS]

_TERMS = [
    ((0.0, 0.0, 0.0), 0.0, LINEAR),
    ((-0.0, -0.0, -0.0), 0.0, "begins with +0.0, as Python's sum does"),
    ((1.0, -1.0, 1.0), 1.0, LINEAR),
    ((-1.0, 1.0, -1.0), -1.0, LINEAR),
    ((LEAST, LEAST, LEAST), 1.5e-323, "IEEE: exact among subnormals"),
    ((TINY, TINY, TINY), 6.675221575521604e-308, "IEEE: exact"),
    ((1.0, HUGE, -HUGE), 0.0, "from left to right: the 1 is rounded away"),
    ((HUGE, -HUGE, 1.0), 1.0, "from left to right: the 1 comes last"),
    ((HUGE, HUGE, -HUGE), INF, "from left to right: too large half way stays inf"),
    ((-HUGE, -HUGE, HUGE), -INF, "from left to right: too large half way stays -inf"),
    ((INF, INF, INF), INF, LINEAR),
    ((-INF, -INF, -INF), -INF, LINEAR),
    ((INF, 1.0, -INF), NAN, BOTH_WAYS),
    ((NAN, 1.0, 1.0), NAN, LINEAR),
    ((1.0, NAN, 1.0), NAN, LINEAR),
    ((1.0, 1.0, NAN), NAN, LINEAR),
]
SUM_ = [Corner(args, value, *SUM, why) for args, value, why in _TERMS]

# a*c + b*d, whose slopes are c, d, a, b themselves.
_FACTORS = [
    ((0.0, 0.0, 0.0, 0.0), 0.0, "IEEE"),
    ((-0.0, -0.0, 0.0, 0.0), 0.0, "begins with +0.0, so no sign of 0 stays"),
    ((0.0, 0.0, -0.0, -0.0), 0.0, "begins with +0.0, so no sign of 0 stays"),
    ((1.0, -1.0, 1.0, 1.0), 0.0, "IEEE: an exact zero is +0"),
    ((-1.0, 1.0, -1.0, -1.0), 0.0, "IEEE: an exact zero is +0"),
    ((LEAST, LEAST, 0.5, 0.5), 0.0, "each product is rounded: half of the least float is 0"),
    ((LEAST, LEAST, LEAST, LEAST), 0.0, UNDERFLOW),
    ((TINY, TINY, TINY, TINY), 0.0, UNDERFLOW),
    ((TINY, LEAST, 1.0, 1.0), 2.225073858507202e-308, "IEEE: exact"),
    ((HUGE, HUGE, 1.0, -1.0), 0.0, "IEEE: an exact zero is +0"),
    ((HUGE, HUGE, HUGE, HUGE), INF, OVERFLOW),
    ((-HUGE, -HUGE, -HUGE, -HUGE), INF, OVERFLOW),
    ((HUGE, -HUGE, 2.0, 2.0), NAN, "IEEE: both products round to infinities, and inf - inf is NaN"),
    ((INF, 1.0, 0.0, 1.0), NAN, "IEEE: inf * 0 is NaN; the slopes are the factors all the same"),
    ((0.0, 0.0, INF, INF), NAN, "IEEE: 0 * inf is NaN; the slopes are the factors all the same"),
    ((INF, INF, 1.0, 1.0), INF, "IEEE"),
    ((INF, INF, 1.0, -1.0), NAN, "IEEE: inf - inf is NaN; the slopes are the factors all the same"),
    ((-INF, -INF, -INF, -INF), INF, "IEEE: signs multiply"),
    ((NAN, 1.0, 1.0, 1.0), NAN, NAN_IN),
    ((1.0, NAN, 1.0, 1.0), NAN, NAN_IN),
    ((1.0, 1.0, NAN, 1.0), NAN, NAN_IN),
    ((1.0, 1.0, 1.0, NAN), NAN, NAN_IN),
]
SUMPROD_ = [Corner((a, b, c, d), value, (c, d, a, b), SUMPROD, why) for (a, b, c, d), value, why in _FACTORS]

CORNERS: dict[str, Sequence[Corner]] = {
    "add": ADD,
    "sub": SUB,
    "mul": MUL,
    "div": DIV,
    "floordiv": FLOORDIV,
    "mod": MOD,
    "pow": POW,
    "neg": NEG,
    "abs": ABS,
    "round": ROUND,
    "exp": EXP,
    "log": LOG,
    "sqrt": SQRT,
    "sin": SIN,
    "cos": COS,
    "tan": TAN,
    "tanh": TANH,
    "erf": ERF,
    "relu": RELU,
    "sigmoid": SIGMOID,
    "softplus": SOFTPLUS,
    "maximum": MAXIMUM,
    "minimum": MINIMUM,
    "sum": SUM_,
    "sumprod": SUMPROD_,
}
