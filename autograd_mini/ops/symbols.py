"""Partials on symbols: run once on names in place of numbers, a partial shows how it is computed.

The native engine's printer writes what it shows as C, documents print it as text, and a row whose partials cannot be
run in this way does not fit the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, get_args

from .row import FUNCTIONS, TABLE, Op, Role, halves, number

NAMES = ("out", "x", "y", "z")  # of the result and the operands

Slope = Any  # a Symbol, a plain number, or None for one that is zero everywhere


class Symbol:
    """A number that is not known yet: an argument of a partial, or a row applied to symbols and numbers.

    >>> x = Symbol(name="x")
    >>> 2 * -x
    2 * (-x)
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, op: Op | None = None, operands: tuple[Any, ...] = (), name: str = "") -> None:
        self.op, self.operands, self.name = op, operands, name

    @staticmethod
    def _apply(op: Op, *operands: Any) -> Symbol:
        if not op.fits(len(operands)):
            raise TypeError(f"{op.name} does not take {len(operands)} operands")
        return Symbol(op, tuple([a if isinstance(a, Symbol) else number(a) for a in operands]))

    def __pos__(self) -> Symbol:
        return self

    def __bool__(self) -> bool:
        raise TypeError(
            "it branches on its arguments; use step, sign, maximum or a row of its own in place of a branch"
        )

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, *_: bool(self)

    def __float__(self) -> float:
        raise TypeError("it needs plain numbers; write it with the operations of autograd_mini, not with those of math")

    __int__ = __index__ = __len__ = __round__ = lambda self, *_: int(float(self))

    def __repr__(self) -> str:
        return text(self)


def _applied(name: str) -> Callable[..., Symbol]:
    return lambda *operands: Symbol._apply(TABLE[name], *operands)


def _reflected(name: str) -> Callable[..., Symbol]:
    return lambda y, x: Symbol._apply(TABLE[name], x, y)


BINARY = ("add", "sub", "mul", "div", "floordiv", "mod", "pow")  # the operators that C computes, too
UNARY = ("neg", "abs")

for _name in BINARY:
    _method = "truediv" if _name == "div" else _name
    setattr(Symbol, f"__{_method}__", _applied(_name))
    setattr(Symbol, f"__r{_method}__", _reflected(_name))
for _name in UNARY:
    setattr(Symbol, f"__{_name}__", _applied(_name))


# ---- Text. ----------------------------------------------------------------------------------------------------------


def text(x: Slope) -> str:
    """A slope as documents show it; it is Python.

    >>> text(Symbol(name="x") * 2.0), text(0.5), text(None)
    ('x * 2', '0.5', '0')
    """
    if not isinstance(x, Symbol):
        return repr(float(x or 0.0)).removesuffix(".0")
    if x.op is None:
        return x.name
    if _is_infix(x):
        return x.op.text.format(*[f"({text(a)})" if _is_loose(a) else text(a) for a in x.operands])
    parts = [text(a) for a in x.operands]
    if x.op.lists and not x.op.spread:
        parts = [f"[{', '.join(part)}]" for part in halves(parts, x.op.lists)]
    return f"{x.op.name}({', '.join(parts)})"


def _is_infix(x: Symbol) -> bool:
    return x.op is not None and not x.op.text.partition("(")[0].strip().isidentifier()


def _is_loose(x: Any) -> bool:
    """Whether an operand of an infix operation needs parentheses."""
    return _is_infix(x) if isinstance(x, Symbol) else math.copysign(1.0, x) < 0.0


# ---- Slopes. --------------------------------------------------------------------------------------------------------


def slopes(op: Op, names: Sequence[str] = NAMES) -> list[Slope] | None:
    """The partials of a row on symbols, one for each operand or list of operands.

    Args:
        op: the row.
        names: those of the result and the operands.

    Returns:
        None for a row whose partials are given all at once.

    Raises:
        TypeError: if a partial does not fit; the text says why.
    """
    if callable(op.partials):
        return None
    arguments = [Symbol(name=name) for name in names[: 1 + len(op.partials)]]
    return [
        None if rule is None else _slope(f"the partial of {op.name} by {name}", rule, arguments)
        for rule, name in zip(op.partials, names[1:], strict=False)
    ]


def _slope(where: str, rule: Any, arguments: list[Symbol]) -> Slope:
    signature = _signature(where, rule)
    try:
        signature.bind(*arguments)
    except TypeError:
        called = ", ".join(map(repr, arguments))
        raise TypeError(f"{where} takes {signature}, but it is called with {called}") from None
    return _checked(where, _run(where, rule, arguments, "symbols"))


def _signature(where: str, function: Any) -> Any:
    import inspect  # as only rows that are checked need it

    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        raise TypeError(f"{where} is {function!r}, which does not tell its arguments; write a function") from None


def _run(where: str, function: Any, arguments: list[Any], what: str) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        raise TypeError(f"{where} cannot be run on {what}: {error}") from error


def _checked(where: str, slope: Any) -> Slope:
    if not isinstance(slope, (Symbol, Real)):
        raise TypeError(f"{where} gives {slope!r} of type {type(slope).__name__}; it is to give one number")
    return slope


# ---- Whether the parts of a row fit each other. ---------------------------------------------------------------------


def check(op: Op, value: Callable[..., Any]) -> None:
    """Raise unless the parts of a row fit each other.

    Args:
        op: the row.
        value: the function that computes it, as it was written: on numbers, or on lists of them.

    Raises:
        TypeError: if the partials do not fit the function's arguments, or cannot be run on symbols; the row is named.
        ValueError: if the text, the domain, the kinks, the role, what C computes or the number of arguments does not
            fit, or if a built-in row has no docstring.
    """
    count = op.lists or op.arity
    if not 1 <= count <= 3 or op.lists > 2:
        raise ValueError(f"{op.name} has {count} arguments; a row has one, two or three, or one or two lists of them")
    if not callable(op.partials) and len(op.partials) != count:
        raise TypeError(f"{op.name} takes {count} lists of operands; give one partial for each, not {len(op.partials)}")
    signature = _signature(f"the function of {op.name}", value)
    if len(signature.parameters) != count or not all(_is_plain(p, op.spread) for p in signature.parameters.values()):
        raise TypeError(
            f"the function of {op.name} takes {signature}, but there are partials for {count}; it is to take as many "
            "arguments, by position and without defaults"
        )
    if slopes(op) is None:
        for length in (1, 2, 3):
            _check_all_at_once(op, length * op.lists)
    if op.text.count("{}") != (op.arity or 1) or set("{}") & set(op.text.replace("{}", "")):
        places = "each operand" if op.arity else "all operands"
        raise ValueError(f"the text of {op.name} is {op.text!r}; write one {{}} for {places}, and no other braces")
    _check_domain(op)
    _check_built_in(op, value)


def _is_plain(parameter: Any, spread: bool) -> bool:
    """Whether a parameter is one that must be given, by position; of operands that are spread, the one for all."""
    if spread:
        return bool(parameter.kind is parameter.VAR_POSITIONAL)
    return (
        parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
    )


def _check_all_at_once(op: Op, count: int) -> None:
    where = f"the partials of {op.name}"
    arguments = [Symbol(name=name) for name in ("out", *(f"x{i}" for i in range(count)))]
    found = _run(where, op.partials, arguments, "symbols")
    if not isinstance(found, (list, tuple)) or len(found) != count:
        raise TypeError(f"{where} give {found!r}; give a list of as many slopes as there are operands, here {count}")
    for slope in found:
        _checked(f"a partial of {op.name}", slope)


def _check_domain(op: Op) -> None:
    if not op.fits(len(op.domain)):
        raise ValueError(f"the domain of {op.name} is {op.domain!r}; give an interval for each operand")
    for interval in op.domain:
        if not _is_interval(interval):
            raise ValueError(
                f"the domain of {op.name} has {interval!r}; give pairs of finite numbers, the smaller first"
            )
    if op.kink is not None:
        middle = [0.5 * (low + high) for low, high in op.domain]
        found = _run(f"the kink of {op.name}", op.kink, middle, "the middle of its domain")
        if not isinstance(found, tuple) or len(found) != len(op.domain):
            raise ValueError(f"the kink of {op.name} gives {found!r}; give a tuple with a number for each operand")


def _is_interval(x: Any) -> bool:
    is_pair = isinstance(x, (tuple, list)) and len(x) == 2 and all(isinstance(bound, Real) for bound in x)
    return is_pair and -math.inf < x[0] <= x[1] < math.inf


def _check_built_in(op: Op, value: Callable[..., Any]) -> None:
    """What rows of users leave at its default, and the docstring, which they need not have."""
    if op.role not in get_args(Role):
        raise ValueError(f"the role of {op.name} is {op.role!r}; choose {', '.join(map(repr, get_args(Role)))}")
    if op.spread and op.lists != 1:
        raise ValueError(f"{op.name} spreads its operands, but they are in {op.lists} lists; write lists=1")
    if op.numpy in TABLE:
        raise ValueError(f"{op.name} is {op.numpy} in NumPy, but there is a row of that name")
    if op.c is not None and op.c.fold != bool(op.lists):
        kind, right = ("lists", "fold(...)") if op.lists else ("single numbers", "expr(...) or libm(...)")
        raise ValueError(f"{op.name} takes {kind}, which is not what its c is for; write c={right}")
    if op.c is None and op.name in BINARY + UNARY:
        raise ValueError(f"{op.name} has no c, but the native engine computes this operator in C; write c=expr(...)")
    if op.name in FUNCTIONS and not (value.__doc__ or "").strip():
        raise ValueError(f"the function of {op.name} has no docstring; write one, as its documentation is made from it")
