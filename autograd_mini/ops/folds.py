"""Operations of any number of operands: one node however many terms."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable

from .row import fold, row


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
