"""Operations of any number of operands: one node however many terms."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

from .ieee import direction, ieee_exp
from .row import Recorder, fold, function_on_lists, row


@row(lambda out, x: 1.0, text="sum({})", domain=((-5.0, 5.0),) * 3, lists=1, commutative=True, c=fold("x"))
def sum(terms: Iterable[float]) -> float:
    """Add numbers and Values from left to right, as one node.

    Args:
        terms: any iterable of numbers and Values.

    Returns:
        a float if every term is a number, else a Value. Plain double arithmetic: ``sum`` of Python 3.12 on floats
        compensates for rounding and may differ in the last bits.

    >>> sum([0.5, 1, 2])
    3.5
    """
    return functools.reduce(operator.add, terms, 0.0)


@row(
    lambda out, x, y: y,
    lambda out, x, y: x,
    text="sumprod({})",
    domain=((-5.0, 5.0),) * 4,
    lists=2,
    c=fold("x * y"),
)
def sumprod(p: Iterable[float], q: Iterable[float]) -> float:
    """The dot product of two sequences of numbers and Values, added from left to right, as one node.

    Raises:
        ValueError: if the lengths differ.

    >>> sumprod([1.0, 2.0], [3.0, 4.0])
    11.0
    """
    return functools.reduce(operator.add, map(operator.mul, p, q), 0.0)


def _products_of_others(out: Any, *factors: Any) -> list[Any]:
    """For each factor the product of all others: of those on its left and those on its right."""
    left = list(itertools.accumulate(factors[:-1], operator.mul, initial=1.0))
    right = list(itertools.accumulate(factors[:0:-1], operator.mul, initial=1.0))
    return list(map(operator.mul, left, reversed(right)))


@row(at_once=_products_of_others, text="prod({})", domain=((-5.0, 5.0),) * 3, lists=1, commutative=True)
def prod(iterable: Iterable[float]) -> float:
    """The product of numbers and Values from left to right, as one node; 1.0 of none.

    >>> prod([2.0, 3.0, 4.0])
    24.0
    """
    return functools.reduce(operator.mul, iterable, 1.0)


# ---- Lengths. -------------------------------------------------------------------------------------------------------


@row(
    lambda out, x: direction(x, out),
    text="hypot({})",
    domain=((-5.0, 5.0),) * 3,
    kink=lambda *xs: (0.0,) * len(xs),
    lists=1,
    commutative=True,
    spread=True,
)
def hypot(*coordinates: float) -> float:
    """The length of the vector with any number of coordinates; its slopes at the origin are 0.

    >>> hypot(3.0, 4.0)
    5.0
    """
    return math.hypot(*coordinates)


@row(
    lambda out, x: direction(x, out),
    text="norm({})",
    domain=((-5.0, 5.0),) * 3,
    kink=lambda *xs: (0.0,) * len(xs),
    lists=1,
    commutative=True,
)
def norm(x: Iterable[float]) -> float:
    """The length of a vector, as ``hypot`` of its coordinates; its slopes at the origin are 0.

    >>> norm([2.0, 3.0, 6.0])
    7.0
    """
    return math.hypot(*x)


@row(
    lambda out, x, y: direction(x - y, out),
    lambda out, x, y: direction(y - x, out),
    text="dist({})",
    domain=((-5.0, 5.0),) * 4,
    kink=lambda *xs: (*xs[: len(xs) // 2], *xs[: len(xs) // 2]),
    lists=2,
)
def dist(p: Sequence[float], q: Sequence[float]) -> float:
    """The distance of two points, given by the sequences of their coordinates; its slopes where they are equal are 0.

    Raises:
        ValueError: if the lengths differ.

    >>> dist([1.0, 2.0], [4.0, 6.0])
    5.0
    """
    return math.dist(p, q)


# ---- Logarithms of sums. --------------------------------------------------------------------------------------------


@row(lambda out, x: ieee_exp(x - out), text="logsumexp({})", domain=((-5.0, 5.0),) * 3, lists=1, commutative=True)
def logsumexp(x: Iterable[float]) -> float:
    """The logarithm of the sum of exponentials, without overflow; -inf of none.

    >>> logsumexp([1000.0, 1000.0]) == 1000.0 + math.log(2.0)
    True
    """
    terms = list(x)
    largest = max(terms, default=-math.inf)
    if not abs(largest) < math.inf or any(map(math.isnan, terms)):
        return math.nan if any(map(math.isnan, terms)) else largest
    terms.remove(largest)
    return largest + math.log1p(functools.reduce(operator.add, [math.exp(a - largest) for a in terms], 0.0))


@function_on_lists
def softmax(x: Iterable[Recorder | float]) -> list[Any]:
    """The exponentials of some numbers divided by their sum: each one node over one ``logsumexp``.

    >>> [round(p, 12) for p in softmax([1.0, 1.0])]
    [0.5, 0.5]
    """
    terms = list(x)
    total: Any = logsumexp(terms)
    return [ieee_exp(a - total) for a in terms]


@function_on_lists
def log_softmax(x: Iterable[Recorder | float]) -> list[Any]:
    """The logarithms of ``softmax``: each one node over one ``logsumexp``.

    >>> [round(p, 4) for p in log_softmax([1.0, 1.0])]
    [-0.6931, -0.6931]
    """
    terms = list(x)
    total: Any = logsumexp(terms)
    return [a - total for a in terms]
