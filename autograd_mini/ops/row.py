"""The row of the table: what it holds, how it is entered, and how it is applied to floats and to nodes.

A row is made by decorating the function that computes the value on floats. The name then stands for a function that
takes floats and gives a float, or takes at least one ``Value`` and records a node: the first argument whose type has
an ``_apply`` method receives the call, so this module never imports ``Value``. A row of any number of operands takes
them in one iterable, or in several of equal length.

A partial is a lambda over ``(out, *args)``. It is evaluated on floats for first derivatives, on ``Value``s for
derivatives of derivatives, and on symbols to be printed. So it is written with the operations of the table, has no
branches, and never raises: where plain arithmetic would (``1 / 0.0``), it uses the rows of ``ieee.py``.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, cast, overload

Interval = tuple[float, float]
Partial = Callable[..., Any]
Role = Literal["function", "operator", "helper"]

_WIDE: Interval = (-5.0, 5.0)


class C(NamedTuple):
    """How C computes the value of a row: an expression over its arguments, which are named x, y and z.

    Attributes:
        text: the expression; for a fold what one term adds to a sum from left to right, where x runs over the first
            list of operands and y over the second.
        let: names for parts of the expression, and what they stand for.
        sure: the test of ``out`` that says that this is what the Python function gives. Where it fails, that function
            decides, and raises what is to be raised; so C needs no error conditions of its own.
        fold: whether it is a sum over any number of operands.
        function: the function of Python's ``math`` that it calls, if it is CPython's own and not one of C's library.
            Sweeps, which must not run Python, do not call it.
    """

    text: str
    let: tuple[tuple[str, str], ...] = ()
    sure: str = "isfinite(out)"
    fold: bool = False
    function: str = ""


def libm(name: str) -> C:
    """The function of C's library of that name, where CPython's ``math`` calls just this one."""
    return C(f"{name}(x)")


def expr(text: str, sure: str = "isfinite(out)", **let: str) -> C:
    """An expression in C; see ``C``."""
    return C(text, tuple(let.items()), sure)


def cpython(name: str) -> C:
    """The function of ``math`` of that name, of one number, which is CPython's own; see ``C``."""
    return C(f"call_math(MATH_{name}, x)", function=name)


def fold(term: str) -> C:
    """The sum of any number of terms, from left to right; see ``C``."""
    return C(term, fold=True)


class Op:
    """One row of the table.

    Attributes:
        name: the name of the function, and of the ``Value`` method where there is one.
        value: the primal on floats, one after the other; raises exactly where Python's floats and ``math`` raise.
        partials: one function over ``(out, *args)`` per argument, ``None`` where the slope is zero everywhere. For any
            number of operands one per list of them, over ``out`` and the operands that stand at one place of the
            lists; or, where no such formula will do, a single function that gives the list of all slopes.
        text: how the operation prints, with one ``{}`` per argument; a single one for any number of operands.
        domain: for each argument an interval well inside the domain, where tests draw their points.
        kink: gives, for any point, the nearest one at which the operation has a corner, jump or pole; ``None`` for a
            smooth operation. Tests keep away from these points, or draw them on purpose.
        lists: in how many lists of equal length the operands come if there may be any number of them, else 0.
        commutative: the order of the operands does not matter.
        role: "function" for a public function; "operator" for what Python writes with a sign or a function of its own
            (``+``, ``abs``); "helper" for what serves the partials of other rows only.
        c: how C computes the value; None if it calls the Python function.
        numpy: NumPy's name of the function where it has another, ``arcsin``; a method of ``Value`` of that name is what
            ``np.arcsin`` calls.
        spread: whether the operands of one list are the arguments of the function, as in ``hypot(x, y, z)``.
        arity: how many operands there are; 0 for any number.
    """

    # No dataclass, as the module that makes those takes longer to import than the rest of the package.
    def __init__(
        self,
        name: str,
        value: Callable[..., float],
        partials: tuple[Partial | None, ...] | Partial,
        text: str,
        domain: tuple[Interval, ...],
        kink: Callable[..., tuple[float, ...]] | None,
        lists: int,
        commutative: bool,
        role: Role,
        c: C | None,
        numpy: str = "",
        spread: bool = False,
    ) -> None:
        self.name, self.value, self.partials = name, value, partials
        self.text, self.domain, self.kink = text, domain, kink
        self.lists, self.commutative, self.role, self.c = lists, commutative, role, c
        self.numpy, self.spread = numpy, spread
        self.arity = 0 if lists or callable(partials) else len(partials)

    def __repr__(self) -> str:
        return f"<Op {self.name}>"

    @property
    def symbol(self) -> str:
        """The sign of the operation alone: ``*`` for multiplication, ``exp`` for the exponential."""
        return self.text.partition("(")[0].replace("{}", "").strip()

    def fits(self, count: int) -> bool:
        """Whether there may be that many operands.

        >>> TABLE["sumprod"].fits(4), TABLE["sumprod"].fits(3), TABLE["exp"].fits(2)
        (True, False, False)
        """
        return count == self.arity if self.arity else count > 0 and count % self.lists == 0

    def near_kink(self, *args: float, gap: float = 1e-2) -> bool:
        """Whether the point is so near a corner, jump or pole that differences with steps below ``gap`` are no test.

        >>> TABLE["relu"].near_kink(0.001), TABLE["maximum"].near_kink(1.0, 2.0)
        (True, False)
        """
        return self.kink is not None and all(abs(x - k) <= gap for x, k in zip(args, self.kink(*args), strict=True))

    def __reduce__(self) -> tuple[Callable[[str], Op], tuple[str]]:
        return by_name, (self.name,)


TABLE: dict[str, Op] = {}
FUNCTIONS: dict[str, Function] = {}  # by the names of the built-in rows
ON_LISTS: dict[str, Callable[..., list[Any]]] = {}  # public functions that give a list of results, made of rows


def function_on_lists(function: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """Decorate a function that gives a list, each of whose entries is made by rows, to make it public beside them."""
    ON_LISTS[function.__name__] = function
    return function


def by_name(name: str) -> Op:
    """The row of that name; ``KeyError`` says which name is unknown."""
    try:
        return TABLE[name]
    except KeyError:
        raise KeyError(
            f"no operation is named {name!r}; import the module that defines it, or it may come from a newer version "
            "of autograd_mini"
        ) from None


class Recorder(Protocol):
    """What dispatch needs of a node type: ``_apply(op, *args)``, which records the operation."""

    @staticmethod
    def _apply(op: Op, *args: Any) -> Any: ...


V = TypeVar("V", bound=Recorder)


class Function(Protocol):
    """A function of the table: floats in, float out; a ``Value`` among the arguments, a ``Value`` out."""

    __name__: str

    @overload
    def __call__(self, x: V, *args: V | float) -> V: ...
    @overload
    def __call__(self, x: float, y: V, *args: V | float) -> V: ...
    @overload
    def __call__(self, x: float, *args: float) -> float: ...
    @overload
    def __call__(self, *lists: Any, **named: Any) -> Any: ...


def number(x: object) -> float:
    """``x`` as a float, if it is a real number.

    Raises:
        TypeError: for anything else: complex, Decimal, str, None, arrays.

    >>> number(True)
    1.0
    """
    if type(x) is float:
        return x
    if isinstance(x, Real):
        return float(x)
    if hasattr(type(x), "_apply"):
        raise TypeError(
            f"{x!r} belongs to the other engine, and Values of two engines do not mix; make all of them with the class "
            "autograd_mini.Value"
        )
    raise not_real(x)


WAYS = {
    "complex": "compute with its real and its imaginary part",
    "Decimal": "use float(x)",
    "str": "use float(x) to read a number, and f'{v}' to write one",
    "NoneType": "it may be what a function without return gave",
}
"""What to do about operands of some types, by the names of these."""


def not_real(x: object, at: str = "") -> TypeError:
    """The exception to raise for an operand that is no real number; ``at`` says where it stood."""
    way = WAYS.get(type(x).__name__, "apply it to one number at a time")
    return TypeError(f"expected a real number or a Value, got {x!r} of type {type(x).__name__}{at}; {way}")


def row(
    *partials: Partial | None,
    at_once: Partial | None = None,
    text: str,
    domain: Sequence[Interval] | None = None,
    kink: Callable[..., tuple[float, ...]] | None = None,
    lists: int = 0,
    commutative: bool = False,
    role: Role = "function",
    c: C | None = None,
    numpy: str = "",
    spread: bool = False,
) -> Callable[[Callable[..., float]], Function]:
    """Decorate a function on floats, or on lists of them, to enter it in the table; see ``Op`` for the arguments.

    ``at_once`` stands in place of partials, and gives all slopes in one list.

    Raises:
        ValueError: if there is a row of that name.
    """

    def enter(value: Callable[..., float]) -> Function:
        name = value.__name__.strip("_")
        if name in TABLE:
            raise ValueError(f"there is a row named {name!r} already; give the new one another name")
        op = new_op(name, value, at_once or partials, text, domain, kink, lists, commutative, role, c, numpy, spread)
        TABLE[name], FUNCTIONS[name] = op, function_of(op, value, name)
        return FUNCTIONS[name]

    return enter


def new_op(
    name: str,
    value: Callable[..., float],
    partials: tuple[Partial | None, ...] | Partial,
    text: str,
    domain: Sequence[Interval] | None,
    kink: Callable[..., tuple[float, ...]] | None,
    lists: int = 0,
    commutative: bool = False,
    role: Role = "function",
    c: C | None = None,
    numpy: str = "",
    spread: bool = False,
) -> Op:
    """A row that is not in the table yet; where no domain is given, operands are drawn between -5 and 5."""
    if domain is None:
        domain = (_WIDE,) * (2 * lists if lists else len(partials) if isinstance(partials, tuple) else 2)
    on_numbers = (lambda *operands: value(*halves(operands, lists))) if lists and not spread else value
    return Op(name, on_numbers, partials, text, tuple(domain), kink, lists, commutative, role, c, numpy, spread)


def halves(operands: Sequence[Any], lists: int) -> list[Sequence[Any]]:
    """Operands that stand one after the other, in lists of equal length.

    >>> halves([1.0, 2.0, 3.0, 4.0], 2)
    [[1.0, 2.0], [3.0, 4.0]]
    """
    length = len(operands) // lists
    return [operands[i * length : (i + 1) * length] for i in range(lists)]


def function_of(op: Op, value: Callable[..., float], name: str) -> Function:
    """The function of a row, which takes floats and Values; it has the signature and the docstring of ``value``."""

    def call(*args: Any) -> Any:
        for a in args:
            if type(a) is not float:
                return apply(op, *args)
        return value(*args)

    def call_on_lists(*lists: Any, **named: Any) -> Any:
        if named or len(lists) != op.lists:
            import inspect  # calls by keyword are rare, and wrong ones rarer

            lists = inspect.signature(value).bind(*lists, **named).args
        lists = tuple(map(tuple, lists))
        if len(set(map(len, lists))) > 1:
            raise ValueError(f"{name} needs sequences of equal length, got {' and '.join(str(len(x)) for x in lists)}")
        try:
            return apply(op, *itertools.chain.from_iterable(lists))
        except TypeError:
            refuse_items(value, lists)
            raise

    made = functools.wraps(value)(call_on_lists if op.lists and not op.spread else call)
    made.__name__ = name
    made.__qualname__ = name
    return cast(Function, made)


def refuse_items(value: Callable[..., float], lists: Sequence[Sequence[Any]]) -> None:
    """Raise for the first item of some lists that is no operand, by its place in the argument that ``value`` names."""
    import inspect

    for name, items in zip(inspect.signature(value).parameters, lists, strict=True):
        for i, x in enumerate(items):
            if not isinstance(x, Real) and not hasattr(type(x), "_apply"):
                raise not_real(x, f" at {name}[{i}]") from None


def apply(op: Op, *args: Any) -> Any:
    """Compute ``op`` on floats, or let the first argument that is a node record it."""
    for a in args:
        record = getattr(type(a), "_apply", None)
        if record is not None:
            return record(op, *args)
    return op.value(*map(number, args))
