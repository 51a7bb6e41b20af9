"""Writes random programs, from whatever source of choices: hypothesis' for properties, ``random`` for sheer numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, Protocol

from ..ops import TABLE, Op
from .program import (
    VARIABLES,
    Assign,
    Call,
    Expression,
    For,
    If,
    Program,
    Statement,
    is_count,
    lines,
    on_floats,
    public_rows,
)

_LARGEST = 1e6  # beyond it, programs that should stay tame take the operand in place of the result
_ERRORS = (ArithmeticError, ValueError)


class Choices(Protocol):
    """What a writer asks; a source that shrinks should prefer small answers."""

    def below(self, n: int) -> int:
        """An int from 0 to n - 1."""

    def constant(self) -> Any:
        """A plain number of ordinary size: float, int, bool or Fraction."""

    def piece(self, make: Callable[[], Statement]) -> Statement:
        """What ``make`` gives, marked as one piece of the program."""


class Writer:
    """Writes statements one by one, keeping the numbers that the variables will have.

    Args:
        choices: the source.
        names: the operations to use.
        tame: whether operations must stay in their domains and numbers below a million in size.
        inputs: the program's inputs.
    """

    def __init__(self, choices: Choices, names: tuple[str, ...], tame: bool, inputs: tuple[float, ...]) -> None:
        self.choices, self.names, self.tame = choices, names, tame
        self.inputs, self.known = inputs, dict(zip(VARIABLES, inputs, strict=False))

    def program(self, size: int, flow: bool) -> Program:
        """A program of at most ``size`` statements, with loops and branches if ``flow``; its result is the newest
        variable."""
        count = 1 + self.choices.below(size)
        body = tuple(self.choices.piece(lambda: self.statement(flow)) for _ in range(count))
        return Program(self.inputs, body, next(reversed(self.known)))

    def statement(self, flow: bool) -> Statement:
        kind = self.choices.below(10) if flow else 0
        if kind == 8:
            return self.branch()
        if kind == 9:
            return self.loop()
        return self.assign(next(name for name in _letters() if name not in self.known))

    def inner(self) -> tuple[Statement, ...]:
        """The body of a branch or loop: it assigns what is known outside, or it would have no effect there."""
        count = 1 + self.choices.below(2)
        return tuple(self.choices.piece(lambda: self.assign(self.variable()[0])) for _ in range(count))

    def assign(self, name: str) -> Statement:
        value, number = self.expression(2)
        self.known.pop(name, None)  # so that the newest variable comes last
        self.known[name] = number
        return Assign(name, value)

    def branch(self) -> Statement:
        left, x = self.variable()
        right, y = self.variable() if self.choices.below(2) else self.constant()
        before = dict(self.known)
        then = self.inner()
        after_then, self.known = self.known, before
        otherwise = self.inner() if self.choices.below(2) else ()
        if x < y:
            self.known = after_then
        return If(left, right, then, otherwise)

    def loop(self) -> Statement:
        dialect = on_floats()
        names = {**dialect.names, **self.known}
        loop = For(1 + self.choices.below(4), self.inner())
        try:
            exec("\n".join(lines([loop], dialect.spell)), names)
            after = {name: float(names[name]) for name in self.known}
        except _ERRORS:
            after = dict.fromkeys(self.known, math.nan)
        if self.tame and not all(map(_moderate, after.values())):
            return For(1, loop.body)  # once is tame
        self.known = after
        return loop

    def expression(self, depth: int) -> tuple[Expression, float]:
        """A call and its value, or a variable where a tame program cannot have that call."""
        row = TABLE[self.names[self.choices.below(len(self.names))]]
        parts = [self.operand(row, i, depth - 1) for i in range(self.count(row))]
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

    def count(self, row: Op) -> int:
        return row.arity or row.lists * (1 + self.choices.below(3))

    def operand(self, row: Op, place: int, depth: int) -> tuple[Expression, float]:
        if is_count(row, place):
            return int(row.domain[place][0]), row.domain[place][0]
        kind = self.choices.below(8)
        if kind == 7:
            return self.constant()
        return self.expression(depth) if kind > 4 and depth else self.variable()

    def variable(self) -> tuple[str, float]:
        """A known variable; small choices stand for recent ones, so that chains form."""
        name = list(self.known)[-1 - self.choices.below(len(self.known))]
        return name, self.known[name]

    def constant(self) -> tuple[Expression, float]:
        constant = self.choices.constant()
        return constant, float(constant)


class _Dice:
    """Choices by ``random``: many times faster than those of hypothesis, but nothing shrinks."""

    def __init__(self, source: random.Random) -> None:
        self.below, self.source = source.randrange, source

    def number(self) -> float:
        return self.below(-3000, 3001) / 1000

    def constant(self) -> Any:
        kind = self.below(4)
        if kind == 0:
            return self.below(-3, 4)
        if kind == 1:
            return bool(self.below(2))
        return self.number() if kind == 2 else Fraction(self.below(-9, 10), 1 + self.below(8))

    def piece(self, make: Callable[[], Statement]) -> Statement:
        return make()


def random_program(source: random.Random, size: int = 8, tame: bool = True) -> Program:
    """A program over the whole table.

    Args:
        source: where the choices come from; equal seeds give equal programs.
        size: the largest number of statements.
        tame: as in ``strategies.programs``.

    >>> random_program(random.Random(1)).inputs == random_program(random.Random(1)).inputs
    True
    """
    dice = _Dice(source)
    inputs = tuple(dice.number() for _ in range(1 + dice.below(3)))
    return Writer(dice, public_rows(), tame, inputs).program(size, flow=True)


def _letters() -> Iterable[str]:
    yield from "abcdefghijklmnopqrst"
    yield from (f"a{i}" for i in range(1, 1000))


def _plain(x: Expression) -> bool:
    return not isinstance(x, (str, Call))


def _moderate(x: float) -> bool:
    return abs(x) <= _LARGEST
