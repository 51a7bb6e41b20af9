"""Hypothesis strategies built from the table: numbers for an operation, Values, expressions and programs.

A new row of the table, also one registered at run time, is drawn from the next call on. Everything shrinks: to fewer
and simpler statements, to the numbers 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..ops import TABLE, Op, by_name
from ..value import Value
from .oracles import FLOATS
from .program import VARIABLES, Assign, Call, Expression, For, If, Program, Statement, lines

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(f"the strategies need hypothesis: pip install 'autograd-mini[test]' ({error})") from error

_LARGEST = 1e6  # beyond it, programs that should stay tame take the operand in place of the result
_ERRORS = (ArithmeticError, ValueError)
# Thousandths: numbers of ordinary size, for which differences work, that print short.
_INPUT = st.integers(-3000, 3000).map(lambda n: n / 1000)
_CONSTANT = st.one_of(
    st.integers(-3, 3), st.booleans(), _INPUT, st.fractions(-3, 3, max_denominator=8)
)  # fmt: skip
_PLACE = st.integers(0, 1000)
_WIDTH = st.integers(1, 3)


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


@st.composite
def _programs(draw: st.DrawFn, names: tuple[str, ...], size: int, tame: bool, flow: bool) -> Program:
    inputs = tuple(draw(st.lists(_INPUT if tame else _INPUT | st.floats(), min_size=1, max_size=3)))
    writer = _Writer(draw, names, tame, dict(zip(VARIABLES, inputs, strict=False)))
    body = writer.body(size, flow)
    return Program(inputs, body, writer.newest())


class _Writer:
    """Draws statements one by one, together with the numbers that the variables will have."""

    def __init__(self, draw: st.DrawFn, names: tuple[str, ...], tame: bool, known: dict[str, float]) -> None:
        self.draw, self.names, self.tame, self.known = draw, names, tame, known

    def newest(self) -> str:
        return next(reversed(self.known))

    # Statements are drawn by strategies of their own, as the shrinker deletes at one stroke what one strategy drew.

    def body(self, size: int, flow: bool) -> tuple[Statement, ...]:
        count = self.draw(st.integers(1, size))
        return tuple(self.draw(st.builds(lambda: self.statement(flow))) for _ in range(count))

    def statement(self, flow: bool) -> Statement:
        kind = self.draw(_PLACE) % 10 if flow else 0
        if kind == 8:
            return self.branch()
        if kind == 9:
            return self.loop()
        return self.assign(next(name for name in _letters() if name not in self.known))

    def inner(self) -> tuple[Statement, ...]:
        """The body of a branch or loop: it assigns what is known outside, or it would have no effect there."""
        count = self.draw(st.integers(1, 2))
        return tuple(self.draw(st.builds(lambda: self.assign(self.variable()[0]))) for _ in range(count))

    def assign(self, name: str) -> Statement:
        value, number = self.expression(2)
        self.known.pop(name, None)  # so that the newest variable comes last
        self.known[name] = number
        return Assign(name, value)

    def branch(self) -> Statement:
        left, _ = self.variable()
        right = self.variable()[0] if self.draw(st.booleans()) else self.draw(_CONSTANT)
        before = dict(self.known)
        then = self.inner()
        after_then, self.known = self.known, dict(before)
        otherwise = self.inner() if self.draw(st.booleans()) else ()
        statement = If(left, right, then, otherwise)
        self.known = after_then if before[left] < _number(right, before) else self.known
        return statement

    def loop(self) -> Statement:
        before = dict(self.known)
        count, body = self.draw(st.integers(1, 4)), self.inner()
        names = {**FLOATS.names, **before}
        try:
            exec("\n".join(lines([For(count, body)], FLOATS.spell)), names)
        except _ERRORS:
            count = 1 if self.tame else count
        else:
            after = {name: float(names[name]) for name in self.known}
            if self.tame and not all(map(_moderate, after.values())):
                count = 1
            else:
                self.known = after
        return For(count, body)

    def expression(self, depth: int) -> tuple[Expression, float]:
        """A call and its value, or a variable where a tame program cannot have that call."""
        row = TABLE[self.names[self.draw(_PLACE) % len(self.names)]]
        parts = [self.operand(row, i, depth - 1) for i in range(self.arity(row))]
        if all(_plain(part) for part, _ in parts):  # constants alone would be computed by Python, not by the engine
            parts[0] = self.variable()
        args, numbers = zip(*parts, strict=True)
        try:
            number = float(row.value(*numbers))
        except _ERRORS:
            number = math.nan
        if self.tame and not _moderate(number):
            return next(part for part in parts if not _plain(part[0]))
        return Call(row.name, args), number

    def arity(self, row: Op) -> int:
        if isinstance(row.partials, tuple):
            return len(row.partials)
        width = self.draw(_WIDTH)
        return 2 * width if row.name == "sumprod" else width

    def operand(self, row: Op, place: int, depth: int) -> tuple[Expression, float]:
        if isinstance(row.partials, tuple) and row.domain[place][0] == row.domain[place][1]:
            digits = int(row.domain[place][0])  # an operand that is a plain number always, such as round's
            return digits, float(digits)
        kind = self.draw(_PLACE) % 8
        if kind < 5 or (kind < 7 and not depth):
            return self.variable()
        if kind < 7:
            return self.expression(depth)
        constant = self.draw(_CONSTANT)
        return constant, float(constant)

    def variable(self) -> tuple[str, float]:
        """A known variable; small numbers stand for recent ones, so that chains form."""
        names = list(self.known)
        name = names[-1 - self.draw(_PLACE) % len(names)]
        return name, self.known[name]


def _letters() -> Iterable[str]:
    yield from "abcdefghijklmnopqrst"
    yield from (f"a{i}" for i in range(1, 1000))


def _plain(x: Expression) -> bool:
    return not isinstance(x, (str, Call))


def _number(x: Any, known: dict[str, float]) -> float:
    return known[x] if isinstance(x, str) else float(x)


def _moderate(x: float) -> bool:
    return abs(x) <= _LARGEST
