"""Hypothesis strategies built from the table: numbers for an operation, Values, expressions and programs.

A new row of the table, also one registered at run time, is drawn from the next call on. Everything shrinks: to fewer
and simpler statements, to the numbers 0 and 1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from .._engine import Value
from ..ops import TABLE, Op, by_name
from .program import Program, Statement
from .writer import Writer

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(f"the strategies need hypothesis: pip install 'autograd-mini[test]' ({error})") from error

_ERRORS = (ArithmeticError, ValueError)
# Thousandths: numbers of ordinary size, for which differences work, that print short.
_INPUT = st.integers(-3000, 3000).map(lambda n: n / 1000)
_CONSTANT = st.one_of(
    st.integers(-3, 3), st.booleans(), _INPUT, st.fractions(-3, 3, max_denominator=8)
)  # fmt: skip


def values(
    min_value: float | None = None,
    max_value: float | None = None,
    *,
    allow_nan: bool | None = None,
    allow_infinity: bool | None = None,
) -> st.SearchStrategy[Value]:
    """Leaf Values; the arguments are those of hypothesis' ``floats``, which also says what is wrong with them.

    >>> values(0.0, 1.0).example().data <= 1.0
    True
    """
    return st.floats(min_value, max_value, allow_nan=allow_nan, allow_infinity=allow_infinity).map(Value)


def points(op: str | Op, *, kinks: bool = False) -> st.SearchStrategy[tuple[float, ...]]:
    """Operands for an operation: inside its domain and away from its kinks, or, if ``kinks`` is set, exactly on one.

    Args:
        op: a row of the table or its name.
        kinks: whether to draw the points at which the operation has a corner or jump.

    Raises:
        KeyError: if there is no such row.
        ValueError: if a domain of the row is empty, or if ``kinks`` is set and it has none.

    >>> len(points("maximum").example())
    2
    >>> points("relu", kinks=True).example()
    (0.0,)
    """
    row = op if isinstance(op, Op) else by_name(op)
    for i, (low, high) in enumerate(row.domain):
        if not low <= high:
            raise ValueError(f"the domain of operand {i} of {row.name} is empty: ({low!r}, {high!r}); mend its row")
    inside = st.tuples(*[st.floats(low, high) for low, high in row.domain])
    if not kinks:
        return inside.filter(lambda point: not row.near_kink(*point))
    kink = row.kink
    if kink is None:
        raise ValueError(f"{row.name} has no kinks; leave kinks=True out")
    return inside.map(lambda point: kink(*point)).filter(lambda point: _has_value(row, point))


def _has_value(row: Op, point: tuple[float, ...]) -> bool:
    try:
        row.value(*point)
    except _ERRORS:
        return False
    return True


def expressions(
    ops: Iterable[str | Op] | None = None, *, size: int = 8, tame: bool = True
) -> st.SearchStrategy[Program]:
    """Straight-line programs: nested expressions with sharing, and constants (float, int, bool, Fraction) on any side.

    Args:
        ops: the operations to use, rows or names; by default all of the table but its helpers.
        size: the largest number of assignments.
        tame: whether all operations stay inside their domains and numbers below a million in size. If not, programs
            may raise what floats raise.

    Raises:
        KeyError: if an operation is unknown.
        ValueError: if there are no operations or ``size`` is not positive.

    >>> program = expressions(["add", "sin"], size=3).example()
    >>> program.operations() <= {"add", "sin"}
    True
    """
    return _programs(_names(ops), _size(size), tame, flow=False)


def programs(ops: Iterable[str | Op] | None = None, *, size: int = 8, tame: bool = True) -> st.SearchStrategy[Program]:
    """Programs with loops and branches; the arguments and exceptions are those of ``expressions``.

    >>> program = programs(["mul"]).example()
    >>> isinstance(program.source(), str)
    True
    """
    return _programs(_names(ops), _size(size), tame, flow=True)


def _names(ops: Iterable[str | Op] | None) -> tuple[str, ...]:
    if ops is None:
        return tuple(name for name, row in TABLE.items() if not row.helper)
    names = tuple(op.name if isinstance(op, Op) else by_name(op).name for op in ops)
    if not names:
        raise ValueError("a program needs at least one operation to use; name some, or leave ops out for all")
    return names


def _size(size: int) -> int:
    if type(size) is not int or size < 1:
        raise ValueError(f"size is a positive int, got {size!r}")
    return size


class _Draws:
    """A writer's choices, drawn by hypothesis."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def below(self, n: int) -> int:
        return self.draw(_below(n))

    def constant(self) -> Any:
        return self.draw(_CONSTANT)

    def piece(self, make: Callable[[], Statement]) -> Statement:
        return self.draw(st.builds(make))  # the shrinker deletes at one stroke what one strategy drew


@functools.cache
def _below(n: int) -> st.SearchStrategy[int]:
    return st.integers(0, n - 1)


@st.composite
def _programs(draw: st.DrawFn, names: tuple[str, ...], size: int, tame: bool, flow: bool) -> Program:
    inputs = draw(st.lists(_INPUT if tame else _INPUT | st.floats(), min_size=1, max_size=3))
    return Writer(_Draws(draw), names, tame, tuple(inputs)).program(size, flow)
