"""The table of operations: what each computes, and its partial derivatives. Nothing else in the package knows one.

A row is made by decorating the function that computes the value on floats. The name then stands for a function that
takes floats and gives a float, or takes at least one ``Value`` and records a node: the first argument whose type has
an ``_apply`` method receives the call, so this module never imports ``Value``.

A partial is a lambda over ``(out, *args)``. It is evaluated on floats for first derivatives and on ``Value``s for
derivatives of derivatives, so it is written with the operations of this table, has no branches, and never raises:
where plain arithmetic would (``1 / 0.0``), it uses the helper rows ``ieee_div``, ``ieee_pow``, ``ieee_log``, which
answer as IEEE 754 does, and ``step``, ``sign`` in place of branches.

At a kink the table states the answer: relu'(0) = 0, abs'(0) = 0, equal operands of maximum and minimum share the
slope half and half, sqrt'(0) = inf, and x**p at x = 0 as its row says.
"""

from __future__ import annotations

import functools
import math
import operator
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol, TypeVar, cast, overload

Interval = tuple[float, float]
Partial = Callable[..., Any]

_WIDE: Interval = (-5.0, 5.0)


@dataclass(frozen=True)
class C:
    """How C computes the value of a row: an expression over its arguments, which are named x, y and z.

    Attributes:
        text: the expression; for a fold what one term adds to a sum from left to right, where x runs over all
            arguments, or x over their first half and y over their second.
        let: names for parts of the expression, and what they stand for.
        sure: the test of ``out`` that says that this is what the Python function gives. Where it fails, that function
            decides, and raises what is to be raised; so C needs no error conditions of its own.
        fold: whether it is a sum over any number of arguments.
    """

    text: str
    let: tuple[tuple[str, str], ...] = ()
    sure: str = "isfinite(out)"
    fold: bool = False


def libm(name: str) -> C:
    """The function of C's library of that name, where CPython's ``math`` calls just this one."""
    return C(f"{name}(x)")


def expr(text: str, sure: str = "isfinite(out)", **let: str) -> C:
    """An expression in C; see ``C``."""
    return C(text, tuple(let.items()), sure)


def fold(term: str) -> C:
    """The sum of any number of terms, from left to right; see ``C``."""
    return C(term, fold=True)


@dataclass(frozen=True, eq=False)
class Op:
    """One row of the table.

    Attributes:
        name: the name of the function, and of the ``Value`` method where there is one.
        value: the primal on floats; raises exactly where Python's floats and ``math`` raise.
        partials: one function over ``(out, *args)`` per argument, ``None`` where the slope is zero everywhere; for an
            operation of any number of arguments a single function that gives the list of all of them.
        text: how the operation prints, with one ``{}`` per argument; n-ary operations have a single ``{}``.
        domain: for each argument an interval well inside the domain, where tests draw their points.
        kink: gives, for any point, the nearest one at which the operation has a corner, jump or pole; ``None`` for a
            smooth operation. Tests keep away from these points, or draw them on purpose.
        commutative: the order of the operands does not matter.
        helper: the row serves the partials of other rows only.
        c: how C computes the value; None if it calls the Python function.
    """

    name: str
    value: Callable[..., float]
    partials: tuple[Partial | None, ...] | Partial
    text: str
    domain: tuple[Interval, ...]
    kink: Callable[..., tuple[float, ...]] | None
    commutative: bool
    helper: bool
    c: C | None

    @property
    def symbol(self) -> str:
        """The sign of the operation alone: ``*`` for multiplication, ``exp`` for the exponential."""
        return self.text.partition("(")[0].replace("{}", "").strip()

    def near_kink(self, *args: float, gap: float = 1e-2) -> bool:
        """Whether the point is so near a corner, jump or pole that differences with steps below ``gap`` are no test.

        >>> TABLE["relu"].near_kink(0.001), TABLE["maximum"].near_kink(1.0, 2.0)
        (True, False)
        """
        return self.kink is not None and all(abs(x - k) <= gap for x, k in zip(args, self.kink(*args), strict=True))

    def __reduce__(self) -> tuple[Callable[[str], Op], tuple[str]]:
        return by_name, (self.name,)


TABLE: dict[str, Op] = {}
FUNCTIONS: dict[str, Function] = {}  # by the names of the rows


def table_hash() -> int | None:
    """What tells one state of this file from another, whatever its line ends are; None if only bytecode is there."""
    if not __file__.endswith(".py"):
        return None
    with open(__file__, "rb") as file:
        return zlib.crc32(file.read().replace(b"\r\n", b"\n"))


def by_name(name: str) -> Op:
    """The row of that name; ``KeyError`` says which name is unknown."""
    try:
        return TABLE[name]
    except KeyError:
        raise KeyError(f"no operation is named {name!r}; it may come from a newer version of autograd_mini") from None


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
    raise TypeError(
        f"expected a real number or a Value, got {x!r} of type {type(x).__name__}; apply it to one number at a time"
    )


def row(
    *partials: Partial | None,
    text: str,
    domain: Sequence[Interval] | None = None,
    kink: Callable[..., tuple[float, ...]] | None = None,
    nary: bool = False,
    commutative: bool = False,
    helper: bool = False,
    c: C | None = None,
) -> Callable[[Callable[..., float]], Function]:
    """Decorate a function on floats to enter it in the table; see ``Op`` for the arguments."""

    def enter(value: Callable[..., float]) -> Function:
        name = value.__name__.strip("_")
        boxes = tuple(domain) if domain is not None else (_WIDE,) * len(partials)
        rules: Any = partials[0] if nary else partials
        op = TABLE[name] = Op(name, value, rules, text, boxes, kink, commutative, helper, c)

        @functools.wraps(value)
        def call(*args: Any) -> Any:
            for a in args:
                if type(a) is not float:
                    return apply(op, *args)
            return value(*args)

        call.__name__ = call.__qualname__ = name
        FUNCTIONS[name] = cast(Function, call)
        return FUNCTIONS[name]

    return enter


def apply(op: Op, *args: Any) -> Any:
    """Compute ``op`` on floats, or let the first argument that is a node record it."""
    for a in args:
        record = getattr(type(a), "_apply", None)
        if record is not None:
            return record(op, *args)
    return op.value(*map(number, args))


# ---- Helper rows: IEEE arithmetic and branch-free choices, for use in partials. -------------------------------------


@row(None, None, text="step({}, {})", helper=True, c=expr("x > y ? 1.0 : x <= y ? 0.0 : NAN"))
def step(x: float, y: float) -> float:
    """1.0 where x > y, else 0.0; NaN if either is; flat.

    >>> step(2.0, 1.0), step(1.0, 1.0)
    (1.0, 0.0)
    """
    return 1.0 if x > y else 0.0 if x <= y else math.nan


@row(None, text="sign({})", helper=True, c=expr("x != x ? x : (double)(x > 0.0) - (double)(x < 0.0)"))
def sign(x: float) -> float:
    """-1.0, 0.0 or 1.0; NaN for NaN; flat.

    >>> sign(-3.0), sign(0.0)
    (-1.0, 0.0)
    """
    return x if x != x else float(x > 0) - float(x < 0)


# Both rows of the quotient share these two, as both of the logarithm and both of the power share theirs.
def _div_dx(out: Any, x: Any, y: Any) -> Any:
    return ieee_div(1.0, y)


def _div_dy(out: Any, x: Any, y: Any) -> Any:
    return ieee_div(-out, y)


@row(_div_dx, _div_dy, text="{} / {}", domain=(_WIDE, (0.5, 5.0)), helper=True, c=expr("x / y"))
def ieee_div(x: float, y: float) -> float:
    """x / y with infinities and NaN in place of ZeroDivisionError.

    >>> ieee_div(1.0, -0.0), ieee_div(0.0, 0.0)
    (-inf, nan)
    """
    if y != 0.0:
        return x / y
    return math.nan if x == 0.0 or x != x else math.copysign(math.inf, x) * math.copysign(1.0, y)


def _log_dx(out: Any, x: Any) -> Any:
    return ieee_div(1.0, x)


@row(_log_dx, text="log({})", domain=((0.1, 5.0),), helper=True, c=libm("log"))
def ieee_log(x: float) -> float:
    """The natural logarithm: -inf at zero, NaN below.

    >>> ieee_log(0.0), ieee_log(-1.0)
    (-inf, nan)
    """
    if x > 0.0:
        return math.log(x)
    return -math.inf if x == 0.0 else math.nan


# The corners are those of ChainRules.jl's POWERGRADS; strong, because at x = y = 0 the slope 0*inf must be 0.
def _pow_dx(out: Any, x: Any, y: Any) -> Any:
    return strong_mul(y, ieee_pow(x, y - 1.0))


# Not out*log(x): 0*inf at x = 0 and at x = inf needs written answers, and so do the slopes of that product.
def _pow_dy(out: Any, x: Any, y: Any) -> Any:
    return pow_log(x, y)


@row(
    _pow_dx,
    _pow_dy,
    text="{} ** {}",
    domain=((0.1, 5.0), (-3.0, 3.0)),
    helper=True,
    c=expr("y == 1.0 ? x : pow(x, y)"),
)
def ieee_pow(x: float, y: float) -> float:
    """x ** y with infinities and NaN in place of exceptions (C's ``pow``).

    >>> ieee_pow(0.0, -1.0), ieee_pow(-8.0, 1 / 3), ieee_pow(-1e200, 3.0)
    (inf, nan, -inf)
    """
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0.0 and y % 2.0 == 1.0 else math.inf
    except ValueError:
        if x != 0.0:
            return math.nan
        return math.copysign(math.inf, x) if y % 2.0 == 1.0 else math.inf


@row(
    lambda out, x, y: ieee_pow(x, y - 1.0) + strong_mul(y, pow_log(x, y - 1.0)),
    lambda out, x, y: strong_mul(out, ieee_log(x)),
    text="pow_log({}, {})",
    domain=((0.1, 5.0), (-3.0, 3.0)),
    helper=True,
    c=expr(
        "x > 0.0 ? (p == 0.0 ? 0.0 : p * row_ieee_log(x)) : x == 0.0 && y > 0.0 ? 0.0 : NAN", p="row_ieee_pow(x, y)"
    ),
)
def pow_log(x: float, y: float) -> float:
    """x ** y * log(x), the slope of a power by its exponent: 0.0 at x = 0 if y > 0, else NaN; NaN below.

    >>> pow_log(0.0, 2.0), pow_log(0.0, 0.0), pow_log(math.inf, -1.0)
    (0.0, nan, 0.0)
    """
    if x <= 0.0:
        return 0.0 if x == 0.0 and y > 0.0 else math.nan
    return strong_mul(ieee_pow(x, y), ieee_log(x))


@row(lambda out, g, d: d, lambda out, g, d: g, text="{} * {}", helper=True, c=expr("x == 0.0 ? 0.0 : x * y"))
def strong_mul(g: float, d: float) -> float:
    """g * d, but 0.0 wherever the cotangent g is 0.0: an unused branch cannot poison a gradient with ``0 * inf``.

    >>> strong_mul(0.0, math.inf)
    0.0
    """
    return 0.0 if g == 0.0 else g * d


@row(
    lambda out, x: -2.0 * tanh(x) * out,
    text="sech2({})",
    helper=True,
    c=expr("4.0 * e / ((1.0 + e) * (1.0 + e))", e="exp(-2.0 * fabs(x))"),
)
def sech2(x: float) -> float:
    """1 / cosh(x)**2, the slope of tanh, without overflow for any x.

    >>> sech2(0.0), sech2(1000.0)
    (1.0, 0.0)
    """
    e = math.exp(-2.0 * abs(x))
    return 4.0 * e / ((1.0 + e) * (1.0 + e))


# ---- Arithmetic. ----------------------------------------------------------------------------------------------------


@row(lambda out, x, y: 1.0, lambda out, x, y: 1.0, text="{} + {}", commutative=True, c=expr("x + y"))
def add(x: float, y: float) -> float:
    """The sum of two numbers.

    >>> add(2.0, 3.0)
    5.0
    """
    return x + y


@row(lambda out, x, y: 1.0, lambda out, x, y: -1.0, text="{} - {}", c=expr("x - y"))
def sub(x: float, y: float) -> float:
    """The difference of two numbers.

    >>> sub(2.0, 3.0)
    -1.0
    """
    return x - y


@row(lambda out, x, y: y, lambda out, x, y: x, text="{} * {}", commutative=True, c=expr("x * y"))
def mul(x: float, y: float) -> float:
    """The product of two numbers.

    >>> mul(2.0, 3.0)
    6.0
    """
    return x * y


@row(_div_dx, _div_dy, text="{} / {}", domain=(_WIDE, (0.5, 5.0)), c=expr("x / y"))
def div(x: float, y: float) -> float:
    """The quotient of two numbers; ZeroDivisionError where y is zero.

    >>> div(3.0, 2.0)
    1.5
    """
    return x / y


@row(
    None,
    None,
    text="{} // {}",
    domain=(_WIDE, (0.5, 5.0)),
    kink=lambda x, y: (x - math.remainder(x, y), y),
    c=expr("float_floordiv(x, y)"),
)
def floordiv(x: float, y: float) -> float:
    """The quotient rounded down; flat between its jumps.

    >>> floordiv(7.0, 2.0)
    3.0
    """
    return x // y


@row(
    lambda out, x, y: 1.0,
    lambda out, x, y: -floordiv(x, y),
    text="{} % {}",
    domain=(_WIDE, (0.5, 5.0)),
    kink=lambda x, y: (x - math.remainder(x, y), y),
    c=expr("float_mod(x, y)"),
)
def mod(x: float, y: float) -> float:
    """The remainder with the sign of y: x - y * (x // y).

    >>> mod(7.0, 2.5)
    2.0
    """
    return x % y


@row(_pow_dx, _pow_dy, text="{} ** {}", domain=((0.1, 5.0), (-3.0, 3.0)), c=expr("pow(x, y)", sure="isnormal(out)"))
def pow_(x: float, y: float) -> float:
    """x raised to y.

    Raises:
        ValueError: for a negative x with a fractional y, where floats leave the reals.
        ZeroDivisionError: for x = 0 with a negative y.
        OverflowError: where the result is too large.

    >>> pow_(2.0, 3.0)
    8.0
    """
    out = x**y
    if isinstance(out, complex):
        raise ValueError("a negative number to a fractional power is not real")
    return float(out)


@row(lambda out, x: -1.0, text="-{}", c=expr("-x"))
def neg(x: float) -> float:
    """Minus x.

    >>> neg(2.0)
    -2.0
    """
    return -x


@row(lambda out, x: sign(x), text="abs({})", kink=lambda x: (0.0,), c=libm("fabs"))
def abs_(x: float) -> float:
    """The absolute value; its slope at 0 is 0, the smallest of the subgradients.

    >>> abs_(-2.0)
    2.0
    """
    return math.fabs(x)


@row(
    None,
    None,
    text="round({}, {})",
    domain=(_WIDE, (0.0, 0.0)),
    kink=lambda x, n: ((math.floor(x * 10.0**n) + 0.5) / 10.0**n, n),
)
def round_(x: float, n: float) -> float:
    """x rounded half to even at n decimals; flat between its jumps.

    >>> round_(2.675, 2)
    2.67
    """
    return round(x, int(n))


# ---- Elementary functions. ------------------------------------------------------------------------------------------


@row(lambda out, x: out, text="exp({})", c=libm("exp"))
def exp(x: float) -> float:
    """e raised to x; OverflowError above about 709.78.

    >>> exp(0.0)
    1.0
    """
    return math.exp(x)


@row(_log_dx, text="log({})", domain=((0.1, 5.0),), c=libm("log"))
def log(x: float) -> float:
    """The natural logarithm; ValueError unless x > 0.

    >>> log(1.0)
    0.0
    """
    return math.log(x)


# sqrt(-0.0) is -0.0; adding 0.0 makes the slope +inf on either side.
@row(lambda out, x: ieee_div(0.5, out + 0.0), text="sqrt({})", domain=((0.1, 5.0),), c=libm("sqrt"))
def sqrt(x: float) -> float:
    """The square root; ValueError below 0; its slope at 0 is infinite.

    >>> sqrt(9.0)
    3.0
    """
    return math.sqrt(x)


@row(lambda out, x: cos(x), text="sin({})", c=libm("sin"))
def sin(x: float) -> float:
    """The sine of x radians.

    >>> sin(0.0)
    0.0
    """
    return math.sin(x)


@row(lambda out, x: -sin(x), text="cos({})", c=libm("cos"))
def cos(x: float) -> float:
    """The cosine of x radians.

    >>> cos(0.0)
    1.0
    """
    return math.cos(x)


@row(
    lambda out, x: 1.0 + out * out,
    text="tan({})",
    domain=((-1.2, 1.2),),
    kink=lambda x: (x - math.remainder(x - math.pi / 2.0, math.pi),),
    c=libm("tan"),
)
def tan(x: float) -> float:
    """The tangent of x radians.

    >>> tan(0.0)
    0.0
    """
    return math.tan(x)


# 1 - out*out would lose every digit once out rounds to 1 (x near 19); sech2 keeps them, also in its own slope near 0.
@row(lambda out, x: sech2(x), text="tanh({})", c=libm("tanh"))
def tanh(x: float) -> float:
    """The hyperbolic tangent.

    >>> tanh(0.0)
    0.0
    """
    return math.tanh(x)


@row(lambda out, x: 2.0 / math.sqrt(math.pi) * exp(-(x * x)), text="erf({})", c=libm("erf"))
def erf(x: float) -> float:
    """The error function, 2/sqrt(pi) times the integral of exp(-t*t) from 0 to x.

    >>> erf(0.0)
    0.0
    """
    return math.erf(x)


@row(lambda out, x: step(x, 0.0), text="relu({})", kink=lambda x: (0.0,), c=expr("x <= 0.0 ? 0.0 : x"))
def relu(x: float) -> float:
    """x where it is positive, else 0.0; NaN for NaN; its slope at 0 is 0.

    >>> relu(-2.0), relu(3.0)
    (0.0, 3.0)
    """
    return 0.0 if x <= 0.0 else x


# out*(1 - out) would lose every digit once out rounds to 1 (x near 37).
@row(
    lambda out, x: 0.25 * sech2(0.5 * x),
    text="σ({})",
    c=expr("(x >= 0.0 ? 1.0 : e) / (1.0 + e)", e="exp(-fabs(x))"),
)
def sigmoid(x: float) -> float:
    """The logistic function 1 / (1 + exp(-x)), without overflow for any x.

    >>> sigmoid(0.0), sigmoid(-1000.0)
    (0.5, 0.0)
    """
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@row(lambda out, x: sigmoid(x), text="softplus({})", c=expr("(x < 0.0 ? 0.0 : x) + log1p(exp(-fabs(x)))"))
def softplus(x: float) -> float:
    """log(1 + exp(x)), without overflow for any x.

    >>> softplus(1000.0), softplus(-1000.0)
    (1000.0, 0.0)
    """
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


# The slope that reaches x and y of the larger; that of the smaller is the other way round. A tie halves it.
def _larger_dx(out: Any, x: Any, y: Any) -> Any:
    return 0.5 * (step(x, y) + 1.0 - step(y, x))


def _larger_dy(out: Any, x: Any, y: Any) -> Any:
    return 0.5 * (step(y, x) + 1.0 - step(x, y))


@row(
    _larger_dx,
    _larger_dy,
    text="maximum({}, {})",
    kink=lambda x, y: ((x + y) / 2.0, (x + y) / 2.0),
    commutative=True,
    c=expr("x > y || x != x ? x : y"),
)
def maximum(x: float, y: float) -> float:
    """The larger of two numbers; NaN if either is; equal operands share the slope.

    >>> maximum(2.0, 3.0)
    3.0
    """
    return x if x > y or x != x else y


@row(
    _larger_dy,
    _larger_dx,
    text="minimum({}, {})",
    kink=lambda x, y: ((x + y) / 2.0, (x + y) / 2.0),
    commutative=True,
    c=expr("x < y || x != x ? x : y"),
)
def minimum(x: float, y: float) -> float:
    """The smaller of two numbers; NaN if either is; equal operands share the slope.

    >>> minimum(2.0, 3.0)
    2.0
    """
    return x if x < y or x != x else y


# ---- Operations of any number of arguments: one node however many terms. --------------------------------------------


@row(
    lambda out, *args: [1.0] * len(args),
    text="sum({})",
    domain=(_WIDE,) * 3,
    nary=True,
    commutative=True,
    c=fold("x"),
)
def _sum(*terms: float) -> float:
    return functools.reduce(operator.add, terms, 0.0)


@row(
    lambda out, *args: args[len(args) // 2 :] + args[: len(args) // 2],
    text="sumprod({})",
    domain=(_WIDE,) * 4,
    nary=True,
    c=fold("x * y"),
)
def _sumprod(*factors: float) -> float:
    half = len(factors) // 2
    return functools.reduce(operator.add, map(operator.mul, factors[:half], factors[half:]), 0.0)


def sum_(terms: Iterable[Any]) -> Any:
    """Add numbers and Values from left to right, as one node.

    Args:
        terms: any iterable of numbers and Values.

    Returns:
        a float if every term is a number, else a Value. Plain double arithmetic: ``sum`` of Python 3.12 on floats
        compensates for rounding and may differ in the last bits.

    >>> sum_([0.5, 1, 2])
    3.5
    """
    return _sum(*terms)


def sumprod(p: Iterable[Any], q: Iterable[Any]) -> Any:
    """The dot product of two sequences of numbers and Values, added from left to right, as one node.

    Raises:
        ValueError: if the lengths differ.

    >>> sumprod([1.0, 2.0], [3.0, 4.0])
    11.0
    """
    p, q = tuple(p), tuple(q)
    if len(p) != len(q):
        raise ValueError(f"sumprod needs two sequences of equal length, got {len(p)} and {len(q)}")
    return _sumprod(*p, *q)
