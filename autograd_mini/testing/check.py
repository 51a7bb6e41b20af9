"""``check_grads``: is the gradient of a function, and the gradient of its gradient, what differences say it is?

The function is first watched in two calls: it leaves its arguments alone, gives the same bits twice, and its sweep is
linear in the cotangent. From then on it is a function of one flat list of numbers, and order k + 1 is order 1 of the
slope of order k along a random direction, so that one comparison serves every order.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import trees
from ..arguments import choice, number_within, real, whole_number, wrong_type, wrong_value
from ..core.functions import sumprod
from ..core.mode import no_grad
from ..core.serving import Value, topological_order
from ..errors import GradcheckError
from ..functional import grad, value_and_grad
from ..ops import Op, number
from .differences import Estimate, difference

_MODES = {
    "rev": "the reverse sweep",
    "fwd": "the sweep over Values, differentiated by its cotangent",
}
_NOTHING = 1e-9  # the default atol: this share of f's size, per unit of the argument
_ROUNDING = 1e-12  # rounding errors that remain of what f adds up are below this share of it
_STEP = 0.1  # the first step of the differences, in units of the argument
_EXACT = 2.0**1000  # sizes within which doubling is exact
_SHOWN = 3  # kinks that a message names

Line = Callable[[float], list[float]]
Flat = Callable[[list[Any]], Any]


def check_grads(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    rtol: float = 1e-6,
    atol: float | None = None,
) -> None:
    """Compare the derivatives of ``f`` at a point with extrapolated differences of its values; silent if all agree.

    The differences estimate their own error. Where that is within the tolerance, a derivative is wrong if it is off
    by more than both together; where it exceeds the tolerance, nothing is proved, which is an error too.

    At order 1, mode ``"rev"`` checks each entry of the gradient and ``"fwd"`` the slope along a random direction, found
    by differentiating the reverse sweep by its cotangent: that is the sweep ``grad(grad(f))`` relies on. Order 2 checks
    in the same way the slope of order 1 along the direction, and so on. The directions are the same in every run.
    Besides, ``f`` must leave its arguments alone and give the same bits twice, and its sweep must be linear in the
    cotangent.

    Mode ``"rev"`` calls ``f`` some twenty times per number in ``args``, ``"fwd"`` some twenty times in all: for
    thousands of numbers use ``modes=("fwd",)``.

    Args:
        f: a function whose result is one number.
        args: the tuple of its positional arguments, each a number, a Value, or nested lists, tuples, named tuples,
            dicts, dataclasses and NumPy arrays of them. ``f`` receives copies.
        order: how many derivatives to check, at least 1.
        modes: ``"rev"``, ``"fwd"`` or both.
        rtol: the tolerance relative to the derivative.
        atol: the tolerance added to it. None stands for 1e-9 of the size of ``f``, per unit of the argument (its
            magnitude, or 1 if that is less): a derivative that matters less to ``f`` counts as zero.

    Raises:
        GradcheckError: if a derivative is wrong or cannot be judged, or if ``f`` changes its arguments or gives
            different results for the same. The message names argument, order, mode and numbers, and the operations
            at whose kinks the point lies.
        TypeError: if an argument is of the wrong type, or ``f`` returns no number.
        ValueError: if ``args`` holds no number or one that is not finite, or another argument is out of range.
        Exception: whatever ``f`` raises at the point.

    >>> from autograd_mini import Value, sin
    >>> check_grads(lambda w, x: sin(w["a"] * x[0]) + w["b"] * x[1] ** 2, ({"a": 0.5, "b": 2}, [1.0, Value(3.0)]))

    A function that loses a slope:

    >>> def energy(x):
    ...     return x * x.item()  # .item() is a plain number
    >>> check_grads(energy, (3.0,))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_mini.errors.GradcheckError: the derivative of energy by argument 0 is wrong
      order 1, mode rev: the reverse sweep
      expected 6, by differences, give or take ...
      got      3.0
      they differ by 3, the tolerance is 6.0e-06
      look for .item(), .data and plain numbers that stand for a Value, or for a wrong partial in a row of your own
    """
    _refuse(f, args, order, modes, rtol, atol)
    entries = list(_entries(args))
    if not entries:
        raise wrong_value("args", args, "pass at least one number to differentiate by")
    name = getattr(f, "__name__", type(f).__name__)
    graph = _watch(f, args, entries, name)
    import random  # most programs check no gradient

    draw = random.Random(0)
    point = [e.x for e in entries]
    units = [max(abs(x), 1.0) for x in point]
    shares = [max(abs(x) or 1.0, 1e-3) for x in point]  # a tiny number moves little, lest it leave its domain at once
    level: Flat = lambda xs: f(*_filled(args, xs))  # noqa: E731
    for k in range(1, order + 1):
        weights = [draw.choice((-1.0, 1.0)) * draw.uniform(0.5, 1.0) for _ in point] if len(point) > 1 else [1.0]
        direction = [w * share / max(shares) for w, share in zip(weights, shares, strict=True)]
        judge = _Judge(name, k, _on_floats(level, k), rtol, atol, graph)
        sweep = _float_sweep(level, point)
        connected = sweep.connected()
        if "rev" in modes:
            for i, e in enumerate(entries):
                judge.compare("rev", f"by {e.where}", sweep.gradient[i], _axis(point, i), e.x, units[i], connected[i])
        if "fwd" in modes:
            got = _slope_over_values(level, point, direction)
            if len(point) == 1:
                judge.compare("fwd", f"by {entries[0].where}", got, _axis(point, 0), point[0], units[0], connected[0])
            else:
                where, far = f"along a direction of all {len(point)} numbers", max(shares)
                judge.compare("fwd", where, got, _ray(point, direction, far), far, far, any(connected))
        level = _slope(level, direction)


def _refuse(f: Any, args: Any, order: Any, modes: Any, rtol: Any, atol: Any) -> None:
    if not callable(f):
        raise wrong_type("f", f, "pass a function, and not its value")
    if not isinstance(args, tuple):
        raise wrong_type("args", args, "pass a tuple of the function's arguments, for a single argument x (x,)")
    whole_number("order", order, low=1)
    if not isinstance(modes, (tuple, list)):
        raise wrong_type("modes", modes, "choose ('rev',), ('fwd',) or both")
    if not modes:
        raise wrong_value("modes", modes, "choose ('rev',), ('fwd',) or both")
    for i, mode in enumerate(modes):
        choice(f"modes[{i}]", mode, _MODES)
    number_within("rtol", rtol, at_least=0)
    if atol is not None:
        number_within("atol", atol, at_least=0)


# ---- The arguments, and whether f leaves them alone. ----------------------------------------------------------------


class _Entry(NamedTuple):
    """One number of the arguments: the path to it, the number, and the label of the Value it came in."""

    where: str
    x: float
    label: str


def _parts(args: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Everything within the arguments with the path to it: a structure before what it holds, numbers in order."""
    for i, a in enumerate(args):
        yield from trees.parts(a, f"argument {i}")


def _filled(args: tuple[Any, ...], xs: Iterable[Any]) -> tuple[Any, ...]:
    """The arguments with other numbers."""
    new = iter(xs)
    return tuple(trees.map_leaves(lambda x: next(new), a) for a in args)


def _entries(args: tuple[Any, ...]) -> Iterator[_Entry]:
    for where, part in _parts(args):
        if trees.is_tree(part):
            continue
        remedy = (
            "leave what is no number out of args and let the function close over it, as in "
            "check_grads(lambda x: f(x, n), (x,))"
        )
        x = part.data if isinstance(part, Value) else real(where, part, remedy)
        if not math.isfinite(x):
            raise wrong_value(where, x, "choose a point with finite numbers, as differences need neighbours")
        yield _Entry(where, x, part.label if isinstance(part, Value) else "")


def _number(x: Any) -> float:
    return x.data if isinstance(x, Value) else number(x)


def _state(part: Any) -> tuple[float, float] | None:
    return (part.data, part.grad) if isinstance(part, Value) else None


def _watch(f: Callable[..., Any], args: tuple[Any, ...], entries: list[_Entry], name: str) -> _Graph:
    """Call f twice, look at what it does besides computing, and return what its graph tells of the point."""

    def watched(xs: list[Any]) -> Any:
        inner = _filled(args, xs)
        before = {where: (part, _state(part)) for where, part in _parts(inner)}
        out = f(*inner)
        after = dict(_parts(inner))
        for where in [*before, *after]:
            part, state = before.get(where, (None, None))
            if where not in after:
                change = "was removed"
            elif where not in before:
                change = "was added"
            elif after[where] is not part:
                change = f"was {part!r} and is now {after[where]!r}"
            elif _state(part) != state:
                change = f"had (data, grad) = {state} and now has {_state(part)}"
            else:
                continue
            raise GradcheckError(f"{name} changes its arguments: {where} {change}; let it work on a copy")
        return out

    watched.__name__ = name
    labelled = [Value(e.x, e.label) for e in entries]
    first = _float_sweep(watched, labelled)
    nodes = topological_order(first.out) if isinstance(first.out, Value) else []
    inputs = set(first.variables)
    outer = [(n, _state(n)) for n in nodes if not n.args and n not in inputs]
    second = _float_sweep(watched, labelled)
    for leaf, state in outer:
        if _state(leaf) != state:
            raise GradcheckError(
                f"{name} changes {leaf!r}, which it closes over: it had (data, grad) = {state} and now has "
                f"{_state(leaf)}; let it work on a copy"
            )
    _same(name, "values", first.value, second.value)
    for e, one, two in zip(entries, first.gradient, second.gradient, strict=True):
        _same(name, f"derivatives by {e.where}", one, two)
    if not math.isfinite(first.value):
        raise GradcheckError(f"{name} is {first.value} at this point, where it has no derivative; choose another point")
    if not nodes:
        return _Graph([], False, abs(first.value))
    return _graph(_linear_adjoints(name, first, nodes, entries))


def _same(name: str, what: str, one: float, two: float) -> None:
    if one.hex() != two.hex():
        raise GradcheckError(
            f"{name} is noisy: two calls with the same arguments gave the {what} {one!r} and {two!r}; fix the seed "
            "within it, so that every call draws the same numbers"
        )


def _linear_adjoints(name: str, sweep: _Sweep, nodes: list[Value], entries: list[_Entry]) -> dict[Value, float]:
    """All adjoints; a cotangent of zero must give zeros, and twice the cotangent twice the gradient, to the bit."""
    grads = [n.grad for n in nodes]
    found: dict[float, dict[Value, float]] = {}
    try:
        for cotangent in (0.0, 1.0, 2.0):
            for n in nodes:
                n.grad = 0.0
            sweep.out.backward(cotangent)
            found[cotangent] = {n: n.grad for n in nodes}
    finally:
        for n, before in zip(nodes, grads, strict=True):
            n.grad = before
    exact = all(g == 0.0 or 1.0 / _EXACT < abs(g) < _EXACT for g in found[1.0].values())
    for e, v, slope in zip(entries, sweep.variables, sweep.gradient, strict=True):
        none, one, two = (found[c].get(v, 0.0) for c in (0.0, 1.0, 2.0))
        if none != 0.0 or (exact and (one != slope or two != 2.0 * slope)):
            raise GradcheckError(
                f"the sweep through {name} is not linear: by {e.where}, the cotangents 0.0, 1.0 and 2.0 gave {none!r}, "
                f"{one!r} and {two!r}, and grad {slope!r}; this is an error of the engine or of a row"
            )
    return found[1.0]


# ---- Functions of one flat list of numbers. -------------------------------------------------------------------------


class _Sweep(NamedTuple):
    """What ``value_and_grad`` found, and the graph it found it on."""

    value: float
    gradient: list[float]
    out: Any
    variables: list[Value]

    def connected(self) -> list[bool]:
        """For each variable, whether the result was recorded as a function of it."""
        graph = set(topological_order(self.out)) if isinstance(self.out, Value) else set()
        return [v in graph for v in self.variables]


def _float_sweep(f: Flat, xs: Sequence[Any]) -> _Sweep:
    caught: list[tuple[Any, list[Value]]] = []

    def seen(xs: list[Any]) -> Any:
        variables = list(xs)
        caught.append((f(xs), variables))
        return caught[0][0]

    seen.__name__ = f.__name__
    with no_grad():  # then Values among xs, which carry labels, are no reason for the sweep over Values
        value, gradient = value_and_grad(seen)(list(xs))
    return _Sweep(number(value), gradient, *caught[0])


def _on_floats(f: Flat, order: int) -> Callable[[list[float]], float]:
    """f takes Values in any case; the slope of a function takes floats, and is then found by the float sweep."""

    def value(xs: list[float]) -> float:
        if order == 1:
            return _number(f([Value(x) for x in xs]))
        with no_grad():
            return _number(f(xs))

    return value


def _axis(point: list[float], i: int) -> Line:
    return lambda t: [*point[:i], t, *point[i + 1 :]]


def _ray(point: list[float], direction: list[float], start: float) -> Line:
    """Through the point at t = start rather than 0, so that steps that are lost in its coordinates are lost in t."""
    return lambda t: [x + (t - start) * d for x, d in zip(point, direction, strict=True)]


def _slope(f: Flat, direction: list[float]) -> Flat:
    def slope(xs: list[Any]) -> Any:
        return sumprod(direction, grad(f)(xs))

    return slope


def _slope_over_values(f: Flat, xs: list[float], direction: list[float]) -> float:
    """c times the gradient is linear in c: its derivative by c, in some direction, is the slope in that direction."""

    def pulled(c: Value) -> Any:
        return sumprod(direction, grad(lambda ys: c * f(ys))(xs))

    with no_grad():
        return number(grad(pulled)(1.0))


# ---- What the recorded graph tells of the point. --------------------------------------------------------------------


class _Graph(NamedTuple):
    """The operations at a kink or near one, as text; whether one is at it; and the size of what f adds up.

    Rounding of an intermediate result can change f by a rounding error of this size, even if f itself is much less.
    """

    near: list[str]
    at: bool
    size: float


def _graph(adjoints: dict[Value, float]) -> _Graph:
    near, at, size = [], False, 0.0
    for n, adjoint in adjoints.items():
        if math.isfinite(n.data * adjoint):
            size = max(size, abs(n.data * adjoint))
        if n.op is not None and _near(n.op, n.args, 1e-2):
            near.append(f"{n.op.name}({', '.join(map(repr, n.args))})")
            at = at or _near(n.op, n.args, 0.0)
    return _Graph(near, at, size)


def _near(op: Op, args: tuple[Value | float, ...], gap: float) -> bool:
    try:
        return op.near_kink(*map(_number, args), gap=gap)
    except (ArithmeticError, ValueError):  # operands without a nearest kink, such as infinity
        return False


# ---- The comparison. ------------------------------------------------------------------------------------------------


@dataclass
class _Judge:
    """Compares derivatives of one order, where the function on floats is ``value``."""

    name: str
    order: int
    value: Callable[[list[float]], float]
    rtol: float
    atol: float | None
    graph: _Graph

    def compare(
        self, mode: str, where: str, got: float, line: Line, start: float, unit: float, connected: bool
    ) -> None:
        """Raise GradcheckError unless ``got`` is the slope at ``start`` along ``line``."""
        trouble: list[Exception] = []

        def along(t: float) -> float:
            try:
                return self.value(line(t))
            except (ArithmeticError, ValueError) as error:
                trouble.append(error)
                raise

        def look(side: int) -> Estimate:
            return difference(along, start, _STEP * unit, side)

        def tolerance(e: Estimate) -> float:
            least = _NOTHING * e.size / unit if self.atol is None else self.atol
            return least + sys.float_info.min + self.rtol * abs(e.value)

        expected = look(0)
        if (trouble or self.graph.at) and not expected.error <= tolerance(expected):
            # At the edge of f's domain there is one side to look at; at a kink both have to agree.
            expected = (min if trouble else max)(look(-1), look(1), key=lambda e: e.error)
        # Where nearly all of f cancels, rounding is left; a gradient of that size is right, though it proves nothing.
        left_over = _ROUNDING * self.graph.size / unit if self.atol is None else 0.0
        allowed = tolerance(expected) + left_over
        off = abs(got - expected.value)
        agree = off <= allowed + expected.error
        sure = expected.error <= allowed
        if agree and sure and not self.graph.at:
            return
        left, right = look(-1), look(1)
        corner = abs(right.value - left.value) > allowed + left.error + right.error
        if agree and sure and not corner:
            return

        function = self.name if self.order == 1 else f"the order {self.order - 1} slope of {self.name}"
        hints = []
        if not math.isfinite(got):
            verdict = f"is {got}, which differences cannot confirm"
            hints.append("choose another point")
        elif expected.error == math.inf and trouble:
            verdict = "cannot be judged: the function cannot be evaluated around the point"
            hints.append("choose a point inside its domain")
        elif corner:
            verdict = f"does not exist: the slope is {left.value:.6g} on the left and {right.value:.6g} on the right"
            hints.append("there is a corner at the point or very near it; choose a point farther away")
        elif expected.error <= tolerance(expected):
            verdict = "is wrong"
            if got == 0.0 and not connected:
                hints.append("the result is cut off from this argument: .item(), .data or a number took its place")
            else:
                hints.append(
                    "look for .item(), .data and plain numbers that stand for a Value, or for a wrong partial in a row "
                    "of your own"
                )
        else:
            verdict = "cannot be judged: the differences are too uncertain"
            hints.append("the function may be rough or singular here; choose another point, or larger rtol and atol")
        if self.graph.near:
            more = len(self.graph.near) - _SHOWN
            shown = ", ".join(self.graph.near[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
            hints.append(f"the point lies at a kink, or near one, of {shown}, where differences prove little")
        if trouble:
            hints.append(f"beside the point it raises {type(trouble[-1]).__name__}: {trouble[-1]}")
        lines = [
            f"the derivative of {function} {where} {verdict}",
            f"order {self.order}, mode {mode}: {_MODES[mode]}",
            f"expected {expected.value:.12g}, by differences, give or take {expected.error:.1e}",
            f"got      {got!r}",
            f"they differ by {off:.6g}, the tolerance is {allowed:.1e}",
            *hints,
        ]
        raise GradcheckError("\n  ".join(lines))
