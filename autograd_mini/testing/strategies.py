"""Hypothesis strategies built from the table: numbers for an operation, Values, expressions and programs.

Rows of users are drawn where they are named, so that programs do not depend on what else was imported. Everything
shrinks: to fewer and simpler statements, to the numbers 0 and 1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from ..arguments import flag, whole_number, wrong_type
from ..core.serving import Value
from ..ops import Op, by_name
from .program import Program, Statement, public_rows
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

    As with ``floats``, NaN and the infinities are drawn unless a bound or an argument excludes them. This holds for
    ``st.from_type(ag.Value)`` and for what ``st.builds`` infers, which draw from ``values()``. Where a property is of
    ordinary numbers, name the strategy, as in ``given(values(allow_nan=False, allow_infinity=False))``.

    Args:
        min_value, max_value: bounds; either excludes NaN.
        allow_nan: whether to draw NaN; None stands for yes if there are no bounds.
        allow_infinity: whether to draw infinities; None stands for yes on a side without a bound.

    Raises:
        hypothesis.errors.InvalidArgument: when the strategy is used, if the arguments contradict each other.

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
        TypeError: if ``op`` is neither a row nor a name.
        KeyError: if there is no such row.
        ValueError: if ``kinks`` is set and the row has none.

    >>> len(points("maximum").example())
    2
    >>> points("relu", kinks=True).example()
    (0.0,)
    """
    row = _row(op)
    inside = st.tuples(*[st.floats(low, high) for low, high in row.domain])
    if not flag("kinks", kinks):
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
        ops: the operations to use, rows or names; by default all built-in ones but helpers.
        size: the largest number of assignments.
        tame: whether all operations stay inside their domains and numbers below a million in size. If not, programs
            may raise what floats raise.

    Raises:
        TypeError: if an argument has the wrong type.
        KeyError: if an operation is unknown.
        ValueError: if there are no operations or ``size`` is not positive.

    >>> program = expressions(["add", "sin"], size=3).example()
    >>> program.operations() <= {"add", "sin"}
    True
    """
    return _programs(_names(ops), whole_number("size", size, low=1), flag("tame", tame), flow=False)


def programs(ops: Iterable[str | Op] | None = None, *, size: int = 8, tame: bool = True) -> st.SearchStrategy[Program]:
    """Programs with loops and branches; the arguments and exceptions are those of ``expressions``.

    >>> program = programs(["mul"]).example()
    >>> isinstance(program.source(), str)
    True
    """
    return _programs(_names(ops), whole_number("size", size, low=1), flag("tame", tame), flow=True)


def _names(ops: Iterable[str | Op] | None) -> tuple[str, ...]:
    if ops is None:
        return public_rows()
    if isinstance(ops, (str, Op)) or not isinstance(ops, Iterable):
        raise wrong_type("ops", ops, "pass a list of rows or of their names")
    names = tuple(_row(op).name for op in ops)
    if not names:
        raise ValueError("a program needs at least one operation to use; name some, or leave ops out for all")
    return names


def _row(op: str | Op) -> Op:
    if not isinstance(op, (str, Op)):
        raise wrong_type("op", op, "pass a row of the table or its name")
    return op if isinstance(op, Op) else by_name(op)


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
