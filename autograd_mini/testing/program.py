"""Programs as data: what the strategies draw, the oracles evaluate and failing tests print.

A ``Program`` is a Python function of a few numbers: assignments of nested expressions over the table's operations,
``if`` and ``for``. It is kept as a small tree and becomes text in a dialect, which says how an operation is spelled and
what the names in the text stand for. The same program so runs on Values, on floats, on an oracle's numbers or on
another engine, and what is run is what is printed.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, Union

from .. import ops
from ..core.serving import Value, functions
from ..ops import FUNCTIONS, TABLE, Op, apply
from ..ops.row import halves

Expression = Union["Call", str, float, int, Fraction]  # a call, a variable or a constant
VARIABLES = "xyzuvw"  # the names of a program's inputs
LESS = "less"  # the comparison of an ``if``, spelled like an operation
Spelling = Callable[[str, Sequence[str]], str]  # name and operands' texts to the text of a call


@dataclass(frozen=True)
class Call:
    """An operation of the table, by name, applied to expressions."""

    op: str
    args: tuple[Expression, ...]


@dataclass(frozen=True)
class Assign:
    """``name = value``."""

    name: str
    value: Expression


@dataclass(frozen=True)
class If:
    """``if left < right: then else: otherwise``; the sides are variables or constants."""

    left: Expression
    right: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True)
class For:
    """``body``, ``count`` times over."""

    count: int
    body: tuple[Statement, ...]


Statement = Assign | If | For


def public_rows() -> tuple[str, ...]:
    """The names of the built-in rows but for helpers."""
    return tuple(name for name in FUNCTIONS if TABLE[name].role != "helper")


def is_count(row: Op, place: int) -> bool:
    """Whether an operand is a whole number that nothing is differentiated by, such as the decimals of ``round``."""
    return row.arity > 0 and row.domain[place][0] == row.domain[place][1]


def is_infix(op: str) -> bool:
    """Whether the operation is written with the sign of an operator.

    >>> is_infix("mul"), is_infix("neg"), is_infix("abs")
    (True, True, False)
    """
    return TABLE[op].role == "operator" and TABLE[op].text.startswith(("{}", "-"))


def python(op: str, args: Sequence[str]) -> str:
    """The spelling of this package: ``x * y``, ``ag.exp(x)``, ``ag.sumprod([x], [y])``.

    >>> python("mul", ["x", "2"]), python("sum", ["x", "y"])
    ('x * 2', 'ag.sum([x, y])')
    """
    if op == LESS:
        return " < ".join(args)
    if TABLE[op].role == "operator":
        return TABLE[op].text.format(*args)
    if op in functions:
        return f"ag.{op}({operands(op, args)})"
    return f'ag.ops.apply(ag.ops.TABLE["{op}"], {", ".join(args)})'  # a row of a user, or a helper


def operands(op: str, args: Sequence[str]) -> str:
    """What stands between the parentheses of a call: operands of any number are in lists."""
    lists = TABLE[op].lists
    if not lists or TABLE[op].spread:
        return ", ".join(args)
    return ", ".join(f"[{', '.join(part)}]" for part in halves(args, lists))


def functional(op: str, args: Sequence[str]) -> str:
    """The spelling of the oracles: every operation is a function of its name, and of its operands one by one.

    >>> functional("mul", ["x", "2"])
    'mul(x, 2)'
    """
    return f"{_identifier(op)}({', '.join(args)})"


def _identifier(op: str) -> str:
    return re.sub(r"\W", "_", op)  # rows of users are named with dots


@dataclass(frozen=True)
class Dialect:
    """A way to run programs: how operations are spelled, and what the names in the text stand for."""

    spell: Spelling
    names: Mapping[str, Any]


VALUES = Dialect(python, {"ag": SimpleNamespace(Value=Value, ops=ops, **functions), "Fraction": Fraction})
"""This package: programs run on Values, as they are printed."""


def on_floats() -> Dialect:
    """The rows as they are now, on plain floats. It is what derivatives are taken of, and judges no value."""
    rows = {_identifier(name): functools.partial(apply, row) for name, row in TABLE.items()}
    return Dialect(functional, {**rows, LESS: operator.lt, "Fraction": Fraction})


@dataclass(frozen=True)
class Program:
    """A function of at most six numbers, ``inputs``, that runs ``body`` and returns ``result``.

    >>> Program((2.0,), (Assign("a", Call("mul", ("x", Call("exp", ("x",))))),), "a")
    import autograd_mini as ag
    <BLANKLINE>
    def f(x):
        a = x * ag.exp(x)
        return a
    <BLANKLINE>
    f(ag.Value(2.0))
    """

    inputs: tuple[float, ...]
    body: tuple[Statement, ...]
    result: Expression
    _code: dict[Spelling, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def variables(self) -> str:
        """The names of the inputs, a letter each."""
        return VARIABLES[: len(self.inputs)]

    def source(self, spell: Spelling = python) -> str:
        """The text of the function, named ``f``."""
        lines = [f"def f({', '.join(self.variables)}):", *_indented(self.body, spell)]
        return "\n".join([*lines, f"    return {text(self.result, spell)}"])

    def run(self, dialect: Dialect, inputs: Iterable[Any]) -> Any:
        """The program's result in a dialect, at ``inputs`` of the dialect's kind; raises what its operations raise."""
        code = self._code.get(dialect.spell)
        if code is None:
            code = self._code[dialect.spell] = compile(self.source(dialect.spell), "<program>", "exec")
        names = dict(dialect.names)
        exec(code, names)
        return names["f"](*inputs)

    def operations(self) -> set[str]:
        """The names of the operations that occur."""
        return {call.op for call in _calls((*self.body, self.result))}

    def __repr__(self) -> str:
        source = self.source()
        imports = "import autograd_mini as ag\n" + "from fractions import Fraction\n" * ("Fraction(" in source)
        return f"{imports}\n{source}\n\nf({', '.join(f'ag.Value({text(x, python)})' for x in self.inputs)})"


def text(x: Expression, spell: Spelling) -> str:
    """An expression as text.

    >>> text(Call("pow", (Call("mul", ("x", 2)), Fraction(1, 2))), python)
    '(x * 2) ** Fraction(1, 2)'
    """
    if isinstance(x, str):
        return x
    if not isinstance(x, Call):
        return repr(x) if x == x and abs(x) != float("inf") else f'float("{x}")'
    parts = [text(a, spell) for a in x.args]
    if is_infix(x.op):
        parts = [f"({part})" if _binds_loosely(a) else part for a, part in zip(x.args, parts, strict=True)]
    return spell(x.op, parts)


def _binds_loosely(x: Expression) -> bool:
    """Whether an operand of an operator needs parentheses."""
    if isinstance(x, Call):
        return is_infix(x.op)
    return not isinstance(x, (str, bool)) and x < 0


def lines(body: Iterable[Statement], spell: Spelling = python) -> list[str]:
    """Statements as lines of Python, not indented."""
    out = []
    for s in body:
        if isinstance(s, Assign):
            out.append(f"{s.name} = {text(s.value, spell)}")
        elif isinstance(s, For):
            out += [f"for _ in range({s.count}):", *_indented(s.body, spell)]
        else:
            out += [f"if {spell(LESS, [text(s.left, spell), text(s.right, spell)])}:", *_indented(s.then, spell)]
            out += ["else:", *_indented(s.otherwise, spell)] if s.otherwise else []
    return out


def _indented(body: Iterable[Statement], spell: Spelling) -> list[str]:
    return ["    " + line for line in lines(body, spell)]


def _calls(parts: Iterable[Any]) -> Iterable[Call]:
    for part in parts:
        if isinstance(part, Call):
            yield part
            yield from _calls(part.args)
        elif isinstance(part, Assign):
            yield from _calls((part.value,))
        elif isinstance(part, If):
            yield from _calls((*part.then, *part.otherwise))
        elif isinstance(part, For):
            yield from _calls(part.body)
