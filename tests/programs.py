"""Random programs for the law tests: straight-line code over a few leaves, with sharing and constants, that can be run
on floats, on Values and on mpmath numbers. The three libraries below say what each operation means without a look at
the engine's table."""

import math
import operator
from dataclasses import dataclass
from fractions import Fraction

import mpmath
from hypothesis import strategies as st

import autograd_mini as ag

_OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": lambda x, y: _real(x**y),
    "neg": operator.neg,
    "abs": abs,
    "round": lambda x: round(x, 1),
}
_NAMES = ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "erf")


def _real(x):
    if isinstance(x, (complex, mpmath.mpc)):
        raise ValueError("not real")
    return x


def _logistic(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


FLOAT = {
    **_OPERATORS,
    **{name: getattr(math, name) for name in _NAMES},
    "relu": lambda x: x if not x <= 0 else 0.0,
    "sigmoid": _logistic,
    "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
    "maximum": lambda x, y: x if x != x or x > y else y,
    "minimum": lambda x, y: x if x != x or x < y else y,
    "sum": lambda *xs: _fold(xs),
    "sumprod": lambda *xs: _fold([float(xs[0]) * float(xs[2]), float(xs[1]) * float(xs[3])]),
}
VALUE = {
    **_OPERATORS,
    **{name: getattr(ag, name) for name in (*_NAMES, "relu", "sigmoid", "softplus", "maximum", "minimum")},
    "sum": lambda *xs: ag.sum(xs),
    "sumprod": lambda a, b, c, d: ag.sumprod([a, b], [c, d]),
}
MPMATH = {
    **_OPERATORS,
    **{name: getattr(mpmath, name) for name in _NAMES},
    "log": lambda x: _real(mpmath.log(x)),
    "sqrt": lambda x: _real(mpmath.sqrt(x)),
    "floordiv": lambda x, y: mpmath.floor(x / y),
    "mod": lambda x, y: x - y * mpmath.floor(x / y),
    "round": lambda x: mpmath.nint(x * 10) / 10,
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "maximum": max,
    "minimum": min,
    "sum": lambda *xs: mpmath.fsum(xs),
    "sumprod": lambda a, b, c, d: a * c + b * d,
}
ARITY = {"neg": 1, "abs": 1, "round": 1, "sum": 3, "sumprod": 4, "relu": 1, "sigmoid": 1, "softplus": 1}
ARITY.update(dict.fromkeys(_NAMES, 1))


def _fold(xs):
    total = 0.0
    for x in xs:
        total = total + x
    return total


@dataclass
class Program:
    """``leaves`` are its inputs; each step applies an operation to earlier results, by position counted modulo."""

    leaves: list[float]
    constants: list
    steps: list[tuple[str, list[int]]]

    def run(self, library, leaves):
        """The last result, on numbers of any kind. What only constants went into becomes a float, lest ints explode."""
        known = [*leaves, *self.constants]
        for name, positions in self.steps:
            out = library[name](*[known[p % len(known)] for p in positions[: ARITY.get(name, 2)]])
            known.append(float(out) if isinstance(out, (int, Fraction)) else out)
        return known[-1]


def programs(names=tuple(VALUE), size=10):
    """Programs over the operations ``names``; a position favours recent results, so that chains form."""
    numbers = st.floats(-3, 3)
    plain = st.one_of(numbers, st.integers(-3, 3), st.booleans(), st.fractions(-3, 3, max_denominator=8))
    step = st.tuples(st.sampled_from(names), st.lists(st.integers(0, 40), min_size=4, max_size=4))
    return st.builds(
        Program,
        st.lists(numbers, min_size=1, max_size=3),
        st.lists(plain, max_size=2),
        st.lists(step, min_size=1, max_size=size),
    )


def exact(x):
    """A number as mpmath has it, without rounding."""
    if isinstance(x, Fraction):
        return mpmath.mpf(x.numerator) / x.denominator
    return mpmath.mpf(x)
