"""Judges of gradients that share no code with the engine: none of them looks at a partial of the table.

Each states when it may be trusted, and raises ``Untrusted`` where it notices that it may not.

- ``exact``: mpmath at 50 digits and more evaluates the program and its derivative, rounded once. Trusted wherever the
  program is smooth around the point; the answer comes with a tolerance, found by disturbing every operation of the
  program by some units in the last place, so that what cancels in doubles is not held against an engine.
- ``complex_step``: the imaginary part of f(x + ih) / h, without cancellation (Squire & Trapp, SIAM Review 40, 1998).
  Trusted to about the last digits for programs of analytic operations that the module ``cmath`` has.
- ``path_sum``: a twin of the engine without a topological sort: each result keeps the slopes to its operands, taken
  from mpmath, and the sweep simply follows every path. Trusted up to the rounding of a sum over the paths, whose size
  it returns; there may be exponentially many, so graphs must be small.
- ``differences`` in the module of that name: for any function of floats, trusted within the error bound it returns.

What an operation means is written here for those that no library has, or that a library has with other edges. Any
other row is judged by the function of its name in ``math``, ``mpmath`` and ``cmath``; where there is none, the oracle
raises ``Untrusted``.
"""

from __future__ import annotations

import cmath
import functools
import itertools
import math
import operator
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..ops import TABLE, Op
from .program import LESS, Dialect, Program, functional, public_rows

Function = Callable[..., Any]

_DIGITS = 120  # of which second derivatives lose 60 to the step; more where a number is small
_STEP = -30  # the power of ten by which variables are shifted
_GAP = 1e-6  # nearer than this to a kink or a tie, rounding could have taken the other side
_FLOOR = 1e-50  # what the step leaves of a derivative that is 0
_DENSE = 1e9  # the largest number whose distance to the next whole one a double shows to _GAP
_TRIES = 3  # how often a program is disturbed
_DISTURBANCE = 2.0**-52
_SAFETY = 1000.0  # the ratio of tolerance to largest disturbance; so three lucky disturbances happen once in 1e9


class Untrusted(Exception):
    """An oracle cannot judge this program at this point; the text says why."""


def _namesakes(library: Any) -> dict[str, Function]:
    """The functions of a library that bear the name of a row with a fixed number of operands."""
    functions = {
        row.name: getattr(library, row.name, None) for row in TABLE.values() if row.role == "function" and row.arity
    }
    return {name: f for name, f in functions.items() if callable(f)}


def _real(x: Any) -> Any:
    """Not complex: where a power leaves the reals the engine raises ValueError."""
    if isinstance(x, complex):
        raise ValueError("not real")
    return x


def _fold(terms: Sequence[Any]) -> Any:
    return functools.reduce(operator.add, terms, 0.0)


def _pairs(factors: Sequence[Any]) -> list[Any]:
    middle = len(factors) // 2
    return [a * b for a, b in zip(factors[:middle], factors[middle:], strict=True)]


_ARITHMETIC: dict[str, Function] = {
    LESS: operator.lt,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
}

FLOATS = Dialect(
    functional,
    {
        **_namesakes(math),
        **_ARITHMETIC,
        "Fraction": operator.truediv,
        "floordiv": operator.floordiv,
        "mod": operator.mod,
        "pow": lambda x, y: _real(x**y),
        "abs": abs,
        "round": round,
        "relu": lambda x: 0.0 if x <= 0 else x,
        "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x)),
        "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
        "maximum": lambda x, y: float(x if x != x or x > y else y),
        "minimum": lambda x, y: float(x if x != x or x < y else y),
        "sum": lambda *xs: _fold(xs),
        "sumprod": lambda *xs: _fold(_pairs(list(map(float, xs)))),
    },
)
"""What operations mean on plain floats, by Python's operators and the module ``math``."""


def known(dialect: Dialect) -> list[str]:
    """The built-in rows of which an oracle's dialect has a form.

    >>> "erf" in known(FLOATS), "erf" in known(COMPLEX)
    (True, False)
    """
    return [name for name in public_rows() if name in dialect.names]


def _refuse_unknown(program: Program, dialect: Dialect, kind: str) -> None:
    missing = program.operations() - set(dialect.names)
    if missing:
        raise Untrusted(f"no {kind} form of {', '.join(sorted(missing))}")


@functools.cache
def _mpmath() -> Any:
    try:
        import mpmath
    except ImportError as error:
        raise ImportError(f"this oracle needs mpmath: pip install 'autograd-mini[test]' ({error})") from error
    return mpmath


def _apart(gap: Any, what: str) -> None:
    if abs(gap) < _GAP:
        raise Untrusted(f"{what} is too near a kink to judge")


def _jumping(f: Function, what: str) -> Function:
    """A function of a real number with jumps at the whole numbers, for numbers that doubles tell from a jump."""

    def guarded(x: Any) -> Any:
        if abs(x) > _DENSE:
            raise Untrusted(f"{what} of so large a number jumps all the time")
        _apart(x - _mpmath().nint(x), what)
        return f(x)

    return guarded


def _namesake(row: Op, f: Function) -> Function:
    """A function of mpmath as the form of a row: real, and judged away from its kinks only."""

    def guarded(*args: Any) -> Any:
        if row.near_kink(*map(float, args), gap=_GAP):
            raise Untrusted(f"{row.name} is too near a kink to judge")
        out = f(*args)
        if isinstance(out, _mpmath().mpc):
            raise Untrusted(f"{row.name} is off its domain")
        return out

    return guarded


@functools.cache
def exact_forms() -> Dialect:
    """What operations mean on the numbers of mpmath."""
    mp = _mpmath()
    floor = _jumping(mp.floor, "floor")

    def less(x: Any, y: Any) -> Any:
        _apart(x - y, "a comparison")
        return x < y

    def larger(x: Any, y: Any) -> Any:
        _apart(x - y, "maximum")
        return mp.mpf(max(x, y))

    def power(x: Any, y: Any) -> Any:
        if x < _GAP and (type(y) is mp.mpf or y != int(y)):
            raise Untrusted("a power is about to leave the reals")
        return x**y

    def inside(f: Function, what: str) -> Function:
        def guarded(x: Any) -> Any:
            if x < _GAP:
                raise Untrusted(f"{what} is too near the edge of its domain")
            return f(x)

        return guarded

    def nearest(x: Any, n: int) -> Any:
        scale = mp.mpf(10) ** n
        return floor(x * scale + 0.5) / scale

    names = {
        **{name: _namesake(TABLE[name], f) for name, f in _namesakes(mp).items()},
        **_ARITHMETIC,
        LESS: less,
        "Fraction": operator.truediv,
        "floordiv": lambda x, y: floor(x / y),
        "mod": lambda x, y: x - y * floor(x / y),
        "fmod": lambda x, y: x - y * (floor(x / y) if x * y > 0 else -floor(-x / y)),  # mpmath's is mod
        "sinc": mp.sincpi,  # mpmath's sinc is of radians
        "pow": power,
        "abs": lambda x: larger(x, -x),
        "round": nearest,
        "log": inside(mp.log, "log"),
        "sqrt": inside(mp.sqrt, "sqrt"),
        "relu": lambda x: larger(x, mp.mpf(0)),
        "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
        "softplus": lambda x: mp.log1p(mp.exp(x)),
        "maximum": larger,
        "minimum": lambda x, y: -larger(-x, -y),
        "sum": lambda *xs: mp.fsum(xs),
        "sumprod": lambda *xs: mp.fsum(_pairs(xs)),
    }
    return Dialect(functional, names)


class _Disturbed:
    """The exact operations, with every operand, slope and curvature off by about a unit in the last place of a double.

    The first run, at the point itself, settles by how much; later runs add the same functions of the operands, whatever
    the shift of a variable, and so still compute one smooth function. Constants would not do: the curvature of a
    vector's length cancels along the vector, wherever it points.
    """

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)
        self.offsets: list[tuple[Any, float, float]] = []
        self.used = 0
        keep = (LESS, "Fraction", "floordiv", "round")
        names = {name: f if name in keep else self.disturbed(f) for name, f in exact_forms().names.items()}
        self.dialect = Dialect(functional, names)

    def disturbed(self, f: Function) -> Function:
        number, one = _mpmath().mpf, _mpmath().mpf(1)
        return lambda *args: (
            f(*[a + self.offset(a) if type(a) is number else a for a in args]) * (one + self.offset(one))
        )

    def offset(self, x: Any) -> Any:
        if self.used == len(self.offsets):
            self.offsets.append((x, self.source.gauss(0, _DISTURBANCE), self.source.gauss(0, _DISTURBANCE)))
        start, shift, bend = self.offsets[self.used]
        self.used += 1
        return start * shift + (x - start) ** 2 / start * bend if start else 0.0

    def __call__(self, program: Program, inputs: Sequence[Any]) -> Any:
        self.used = 0
        return program.run(self.dialect, inputs)


Judgement = tuple[float, float]
"""The right number and how far from it an engine that computes in doubles may be."""


def exact_value(program: Program) -> Judgement:
    """The value of a program. Trust and exceptions are those of ``exact``.

    >>> from .program import Assign, Call
    >>> exact_value(Program((3.0,), (Assign("a", Call("mul", ("x", "x"))),), "a"))[0]
    9.0
    """
    return _judge(program, lambda f, x: f(x))


def exact(program: Program) -> list[Judgement]:
    """The derivative of a program by each of its inputs, at its inputs.

    Trusted wherever it does not raise.

    Raises:
        Untrusted: near a kink, a tie of a comparison or the edge of a domain, where a derivative is not finite, or if
            an operation has no exact form.
        ArithmeticError, ValueError: where the program has no value.

    >>> from .program import Assign, Call
    >>> exact(Program((3.0,), (Assign("a", Call("mul", ("x", "x"))),), "a"))[0][0]
    6.0
    """
    return [_judge(program, _first(i)) for i in range(len(program.inputs))]


def exact_second(program: Program) -> list[list[Judgement]]:
    """The second derivatives of a program: a row for each input. Trust and exceptions are those of ``exact``.

    >>> from .program import Assign, Call
    >>> exact_second(Program((3.0,), (Assign("a", Call("mul", ("x", "x"))),), "a"))[0][0][0]
    2.0
    """
    places = range(len(program.inputs))
    half = {(i, j): _judge(program, _second(i, j)) for i in places for j in places if i <= j}
    return [[half[min(i, j), max(i, j)] for j in places] for i in places]


def _first(i: int) -> Function:
    """The central difference along input i."""
    return lambda f, x: _central(f, x, i, _step(x[i]))


def _second(i: int, j: int) -> Function:
    """The central difference along input j of that along input i."""
    return lambda f, x: _central(lambda y: _central(f, y, i, _step(x[i])), x, j, _step(x[j]))


def _central(f: Function, x: list[Any], i: int, h: Any) -> Any:
    return (f(_shifted(x, i, h)) - f(_shifted(x, i, -h))) / (2 * h)


def _step(x: Any) -> Any:
    """A step that is small beside a number."""
    return _mpmath().mpf(10) ** _STEP * min(1.0, abs(x) or 1.0)


def _shifted(x: list[Any], i: int, h: Any) -> list[Any]:
    return [*x[:i], x[i] + h, *x[i + 1 :]]


def _digits(numbers: Sequence[Any]) -> int:
    """As many as are needed to see a step beside the smallest of some numbers in a sum with ordinary ones."""
    return _DIGITS + 2 * max([0, *(-round(math.log10(abs(x))) for x in numbers if x)])


def _judge(program: Program, derivative: Function) -> Judgement:
    mp = _mpmath()
    _refuse_unknown(program, exact_forms(), "exact")
    with mp.workdps(_digits(program.inputs)):
        inputs = [mp.mpf(x) for x in program.inputs]
        right = derivative(lambda x: program.run(exact_forms(), x), inputs)
        off = []
        for seed in range(_TRIES):
            run = functools.partial(_Disturbed(seed), program)
            run(inputs)
            off.append(derivative(run, inputs) - right)
        if not mp.isfinite(right):
            raise Untrusted("the derivative is not finite")
        return float(right), float(_SAFETY * max(map(abs, off)) + 1e-15 * abs(right)) + _FLOOR


# ---- The complex step. ----------------------------------------------------------------------------------------------


def _log(z: complex) -> complex:
    if z.real <= 0:
        raise Untrusted("log is off its domain")
    return cmath.log(z)


def _power(x: Any, y: Any) -> Any:
    if complex(x).real <= 0 and (isinstance(y, complex) or y % 1):
        raise Untrusted("a power leaves the reals")
    return x**y


def _side(x: Any, y: Any) -> bool:
    return bool(complex(x).real < complex(y).real)


COMPLEX = Dialect(
    functional,
    {
        **_namesakes(cmath),
        **_ARITHMETIC,
        LESS: _side,
        "Fraction": operator.truediv,
        "floordiv": lambda x, y: complex(x).real // complex(y).real,
        "mod": lambda x, y: x - y * (complex(x).real // complex(y).real),
        "pow": _power,
        "abs": lambda x: -x if _side(x, 0) else x,
        "round": lambda x, n: round(x.real, n),
        "log": _log,
        "relu": lambda x: x if _side(0, x) else 0.0,
        "sigmoid": lambda x: 1 / (1 + cmath.exp(-x)),
        "softplus": lambda x: _log(1 + cmath.exp(x)),
        "maximum": lambda x, y: y if _side(x, y) else x,
        "minimum": lambda x, y: x if _side(x, y) else y,
        "sum": lambda *xs: _fold(xs),
        "sumprod": lambda *xs: _fold(_pairs(xs)),
    },
)
"""What operations mean on complex numbers, by Python's operators and the module ``cmath``."""


def complex_step(program: Program) -> list[float]:
    """The derivative of a program by each of its inputs, by one complex evaluation each.

    Trusted to about the last digits where all operations are analytic, or analytic on the side that was taken; near
    kinks and edges it answers for the side it happens to be on, so compare it where ``exact`` can judge.

    Raises:
        Untrusted: if an operation has no complex form, such as erf.
        ArithmeticError, ValueError: where the program has no value.

    >>> from .program import Assign, Call
    >>> complex_step(Program((3.0,), (Assign("a", Call("mul", ("x", "x"))),), "a"))
    [6.0]
    """
    h = 1e-150
    _refuse_unknown(program, COMPLEX, "complex")
    inputs = list(program.inputs)
    shifted = [[*inputs[:i], complex(x, h), *inputs[i + 1 :]] for i, x in enumerate(inputs)]
    return [complex(program.run(COMPLEX, x)).imag / h for x in shifted]


# ---- The naive twin. ------------------------------------------------------------------------------------------------


class Twin:
    """A number that keeps an edge to each operand, with its slope, and follows every path that leads down from it.

    >>> x = Twin(3.0)
    >>> square = Twin(9.0, [(x, 3.0), (x, 3.0)])
    >>> [product for node, product in square.paths() if node is x]
    [3.0, 3.0]
    """

    def __init__(self, data: float, edges: Sequence[tuple[Twin, float]] = ()) -> None:
        self.data, self.edges = data, edges

    def paths(self, cotangent: float = 1.0) -> Iterator[tuple[Twin, float]]:
        """Where each path ends, short ones included, with the product of the slopes along it."""
        yield self, cotangent
        for operand, slope in self.edges:
            yield from operand.paths(cotangent * slope)


def path_sum(program: Program, most: int = 10_000) -> list[Judgement]:
    """The derivative of a program by each of its inputs as the sum over all paths, each the product of its slopes.

    Trusted within the tolerance it returns, which bounds the rounding of products and sum.

    Raises:
        Untrusted: near a kink, if there are more than ``most`` paths, or if an operation has no form in ``math`` or no
            exact one.
        ArithmeticError, ValueError: where the program has no value.

    >>> from .program import Assign, Call
    >>> path_sum(Program((3.0,), (Assign("a", Call("mul", ("x", "x"))),), "a"))[0][0]
    6.0
    """
    _refuse_unknown(program, FLOATS, "plain")
    _refuse_unknown(program, exact_forms(), "exact")
    leaves = list(map(Twin, program.inputs))
    names = {name: f if name in (LESS, "Fraction") else _with_slopes(name, f) for name, f in FLOATS.names.items()}
    names[LESS] = lambda x, y: _data(x) < _data(y)
    root = program.run(Dialect(functional, names), leaves)
    products: dict[Twin, list[float]] = {leaf: [] for leaf in leaves}
    paths = list(itertools.islice(root.paths(), most + 1))
    if len(paths) > most:
        raise Untrusted(f"there are more than {most} paths")
    for node, product in paths:
        if node in products:
            products[node].append(product)
    return [(math.fsum(p), 1e-12 * math.fsum(map(abs, p)) + _FLOOR) for p in products.values()]


def _data(x: Any) -> float:
    return x.data if isinstance(x, Twin) else float(x)


def _with_slopes(name: str, f: Function) -> Function:
    def call(*args: Any) -> Any:
        numbers = [a.data if isinstance(a, Twin) else a for a in args]
        if not any(isinstance(a, Twin) for a in args):
            return f(*numbers)
        slopes = [(a, _slope(name, numbers, i)) for i, a in enumerate(args) if isinstance(a, Twin)]
        return Twin(float(f(*numbers)), slopes)

    return call


def _slope(name: str, numbers: Sequence[Any], i: int) -> float:
    """The partial of one operation, from mpmath."""
    mp = _mpmath()
    with mp.workdps(_digits(numbers)):
        f, exactly = exact_forms().names[name], [x if type(x) is int else mp.mpf(x) for x in numbers]
        return float(_first(i)(lambda x: f(*x), exactly))
