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
from ..core.serving import Value, local_partials, push, topological_order
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
_STRIDE = 1e3  # from one unit that is tried to the next
_NARROWER = 8  # units shorter than the first that are tried
_LEAST = 1e-290  # what is smaller gives no unit, as steps need digits
_EXACT = 2.0**1000  # sizes within which doubling is exact
_SHOWN = 3  # kinks that a message names

__tracebackhide__ = True  # pytest shows the line of the test that calls, and not ours

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
        atol: the tolerance added to it. None stands for none where the differences tell the derivative to ``rtol``,
            and elsewhere for 1e-9 of the size of ``f``, per unit of the argument: a derivative that matters less to
            ``f`` counts as zero. The unit is the number's own size; for 0, that of the
            largest number in the same argument, up to 1. Where that is so small that rounding hides the derivative,
            larger ones are tried, up to 1 or that largest number.

    Raises:
        GradcheckError: if a derivative is wrong or cannot be judged, or if ``f`` changes its arguments or gives
            different results for the same, or depends on them by comparisons only. The message names argument,
            order, mode and numbers, and the operations at whose kinks the point lies.
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
    units, widest = _units(args)
    graph = _watch(f, args, entries, units, name)
    import random  # most programs check no gradient

    draw = random.Random(0)
    point = [e.x for e in entries]
    far = max(units)
    level: Flat = lambda xs: f(*_filled(args, xs))  # noqa: E731
    for k in range(1, order + 1):
        weights = [draw.choice((-1.0, 1.0)) * draw.uniform(0.5, 1.0) for _ in point] if len(point) > 1 else [1.0]
        direction = [w * (unit / far) for w, unit in zip(weights, units, strict=True)]
        sweep = _float_sweep(level, point)
        connected = sweep.connected()
        judge = _Judge(name, k, _on_floats(level, k), rtol, atol, graph, any(connected))
        if "rev" in modes:
            for i, e in enumerate(entries):
                line = _Line(f"by {e.where}", _axis(point, i), e.x, units[i], widest[i], connected[i], graph.slopes[i])
                judge.compare("rev", line, sweep.gradient[i])
        if "fwd" in modes:
            if len(point) == 1:
                where, at = f"by {entries[0].where}", _axis(point, 0)
                start = point[0]
            else:
                where, at = f"along a direction of all {len(point)} numbers", _ray(point, direction, far)
                start = far
            uncancelled = sum(abs(d) * slope for d, slope in zip(direction, graph.slopes, strict=True))
            line = _Line(where, at, start, far, max(widest), any(connected), uncancelled)
            judge.compare("fwd", line, _slope_over_values(level, point, direction))
        judge.refuse_comparisons(modes[0])
        level = _slope(level, direction)
        graph = graph.of_slope(far)


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


def _units(args: tuple[Any, ...]) -> tuple[list[float], list[float]]:
    """For each number the length over which f may be taken to change by it, and the longest that is tried.

    A number has its own size for a unit. A zero has none, and shares that of its argument, in metres or micrometres;
    but it moves by no more than 1 at first, as the others may be of another kind.
    """
    units, widest = [], []
    for a in args:
        sizes = [abs(_number(x)) for _, x in trees.leaves(a)]
        largest = max(sizes, default=0.0)
        zero = min(largest, 1.0) if largest > _LEAST else 1.0
        for size in sizes:
            units.append(size if size > _LEAST else zero)
            widest.append(max(size or largest, 1.0))
    return units, widest


def _number(x: Any) -> float:
    return x.data if isinstance(x, Value) else number(x)


def _state(part: Any) -> tuple[float, float] | None:
    return (part.data, part.grad) if isinstance(part, Value) else None


def _watch(
    f: Callable[..., Any], args: tuple[Any, ...], entries: list[_Entry], units: list[float], name: str
) -> _Graph:
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
        return _Graph([], False, abs(first.value), [0.0] * len(entries))
    return _graph(_linear_adjoints(name, first, nodes, entries), first.variables, units)


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
    """What differences and gradients may stumble over.

    ``near`` names the operations at a kink or near one: a hundredth of the arguments' units takes their operands there;
    ``at`` says whether one is at it. Rounding of an intermediate result can change f by a rounding error of ``size``,
    even if f itself is much less, and a derivative by one of ``slopes``, what it is if nothing cancels.
    """

    near: list[str]
    at: bool
    size: float
    slopes: list[float]

    def of_slope(self, unit: float) -> _Graph:
        """The same for the slope of the function, which changes over that unit."""
        return self._replace(size=self.size / unit, slopes=[x / unit for x in self.slopes])


def _graph(adjoints: dict[Value, float], variables: list[Value], units: list[float]) -> _Graph:
    size = max((x for n, adjoint in adjoints.items() if math.isfinite(x := abs(n.data * adjoint))), default=0.0)
    *_, root = adjoints
    slopes = dict.fromkeys(adjoints, 0.0) | {root: 1.0}
    for n in reversed(adjoints):
        for a, slope in zip(n.args, local_partials(n), strict=True):
            if isinstance(a, Value) and slope is not None and math.isfinite(x := slopes[n] * abs(slope)):
                slopes[a] += x
    kinked = [(n.op, n.args) for n in adjoints if n.op is not None and n.op.kink is not None]
    operands = list(dict.fromkeys(a for _, args in kinked for a in args if isinstance(a, Value)))
    moves = dict(zip(operands, push(variables, units, operands), strict=True))  # when all variables move by a unit
    near, at = [], False
    for op, args in kinked:
        reach = max((abs(moves[a]) for a in args if isinstance(a, Value)), default=0.0)
        if _near(op, args, 1e-2 * reach):
            near.append(f"{op.name}({', '.join(map(repr, args))})")
            at = at or _near(op, args, 0.0)
    return _Graph(near, at, size, [slopes.get(v, 0.0) for v in variables])


def _near(op: Op, args: tuple[Value | float, ...], gap: float) -> bool:
    try:
        return op.near_kink(*map(_number, args), gap=gap)
    except (ArithmeticError, ValueError):  # operands without a nearest kink, such as infinity
        return False


# ---- The comparison. ------------------------------------------------------------------------------------------------


class _Line(NamedTuple):
    """The points that differences may look at: where they lie for a message, and as a function of one number.

    ``start`` is the number of the point, ``unit`` the length over which f may be taken to change, and ``widest`` the
    longest that is tried. ``connected`` says whether the result was recorded as a function of what changes, and
    ``uncancelled`` what the slope would be if nothing cancelled.
    """

    where: str
    at: Callable[[float], list[float]]
    start: float
    unit: float
    widest: float
    connected: bool
    uncancelled: float


class _Look(NamedTuple):
    """An estimate, and the unit by which its steps were chosen."""

    estimate: Estimate
    unit: float


@dataclass
class _Judge:
    """Compares derivatives of one order, where the function on floats is ``value``; keeps the range of what it gave.

    ``recorded`` says whether the result was recorded as a function of any argument.
    """

    name: str
    order: int
    value: Callable[[list[float]], float]
    rtol: float
    atol: float | None
    graph: _Graph
    recorded: bool
    low: float = math.inf
    high: float = -math.inf

    def compare(self, mode: str, line: _Line, got: float) -> None:
        """Raise GradcheckError unless ``got`` is the slope at the start of ``line``."""
        trouble: list[Exception] = []

        def along(t: float) -> float:
            try:
                y = self.value(line.at(t))
            except (ArithmeticError, ValueError) as error:
                trouble.append(error)
                raise
            if math.isfinite(y):
                self.low, self.high = min(self.low, y), max(self.high, y)
            return y

        def look(side: int) -> _Look:
            return _Look(difference(along, line.start, _STEP * line.unit, side), line.unit)

        expected = self._widened(along, line, look(0))
        if (trouble or self.graph.at) and not self._sure(expected):
            # At the edge of f's domain there is one side to look at; at a kink both have to agree.
            expected = (min if trouble else max)(look(-1), look(1), key=lambda found: found.estimate.error)
        expected = self._narrowed(along, line, expected, got)
        # Where nearly all cancels, rounding is left; a gradient of that size is right, though it proves nothing.
        left_over = _ROUNDING * (self.graph.size / expected.unit + line.uncancelled) if self.atol is None else 0.0
        allowed = self._tolerance(expected) + left_over
        agree = abs(got - expected.estimate.value) <= allowed + expected.estimate.error
        sure = expected.estimate.error <= allowed
        if agree and sure and not self.graph.at:
            return
        left, right = look(-1), look(1)
        gap = abs(right.estimate.value - left.estimate.value)
        corner = gap > allowed + left.estimate.error + right.estimate.error
        if agree and sure and not corner:
            return

        if not (self.recorded or sure):
            self.refuse_comparisons(mode)
        hints = []
        got_alone = [f"got      {got!r}"]
        numbers = [
            f"expected {expected.estimate.value:.12g}, by differences, give or take {expected.estimate.error:.1e}",
            *got_alone,
            f"they differ by {abs(got - expected.estimate.value):.6g}, the tolerance is {allowed:.1e}",
        ]
        if not math.isfinite(got):
            verdict = f"is {got}, which differences cannot confirm"
            hints.append("choose another point")
        elif expected.estimate.error == math.inf and trouble:
            verdict = "cannot be judged: the function cannot be evaluated around the point"
            hints.append("choose a point inside its domain")
        elif corner:
            slopes = f"{left.estimate.value:.6g} on the left and {right.estimate.value:.6g} on the right"
            verdict, numbers = f"does not exist: the slope is {slopes}", got_alone
            hints.append("there is a corner at the point or very near it; choose a point farther away")
        elif self.graph.at and self._sure(left) != self._sure(right):
            verdict, numbers = "does not exist: there is a jump", got_alone
            hints.append("choose a point farther away")
        elif self._sure(expected):
            verdict = "is wrong"
            if got == 0.0 and not line.connected:
                hints.append(
                    "the result is cut off from this argument: .item(), .data or a number took its place, or it was "
                    "only compared"
                )
            else:
                hints.append(
                    "look for .item(), .data and plain numbers that stand for a Value, or for a wrong partial in a row "
                    "of your own"
                )
        elif self.graph.near:
            verdict, numbers = "cannot be judged: there is a kink at the point or near it", got_alone
            hints.append("choose a point farther away")
        else:
            verdict = "cannot be judged: the differences are too uncertain"
            hints.append("the function may be rough or singular here; choose another point, or larger rtol and atol")
        if self.graph.near:
            more = len(self.graph.near) - _SHOWN
            shown = ", ".join(self.graph.near[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
            hints.append(f"the point lies at a kink, or near one, of {shown}, where differences prove little")
        if trouble:
            hints.append(f"beside the point it raises {type(trouble[-1]).__name__}: {trouble[-1]}")
        self._refuse(f"the derivative of {self._function()} {line.where} {verdict}", mode, *numbers, *hints)

    def refuse_comparisons(self, mode: str) -> None:
        """Raise GradcheckError if the value changed though the result was recorded as a function of no argument."""
        if not self.recorded and self.low < self.high:
            self._refuse(
                f"the derivative of {self._function()} is 0 by every argument, but it is not constant",
                mode,
                f"nearby it gave {self.low!r} and {self.high!r}",
                "the arguments were compared and no more, as in a root by bisection, which leaves no slope",
                "for what equations define, such as a root, use ag.implicit",
            )

    def _refuse(self, verdict: str, mode: str, *lines: str) -> None:
        raise GradcheckError("\n  ".join([verdict, f"order {self.order}, mode {mode}: {_MODES[mode]}", *lines]))

    def _function(self) -> str:
        return self.name if self.order == 1 else f"the order {self.order - 1} slope of {self.name}"

    def _tolerance(self, look: _Look) -> float:
        found, unit = look
        if self.atol is not None:
            least = self.atol
        else:  # what differences tell to rtol matters, however little it is
            least = 0.0 if found.error <= self._relative(found) else _NOTHING * found.size / unit
        return least + sys.float_info.min + self._relative(found)

    def _relative(self, found: Estimate) -> float:
        return self.rtol * abs(found.value)

    def _sure(self, look: _Look) -> bool:
        return look.estimate.error <= self._tolerance(look)

    def _widened(self, along: Callable[[float], float], line: _Line, best: _Look) -> _Look:
        """A better look with longer steps where rounding hides the slope, as that of 1 + x where x is tiny.

        What longer steps overlook, for f may bend within them, contradicts what shorter ones saw.
        """
        unit = best.unit
        while best.estimate.error > self._relative(best.estimate) and unit < line.widest:
            unit = min(_STRIDE * unit, line.widest)
            wider = difference(along, line.start, _STEP * unit)
            shift = abs(wider.value - best.estimate.value)
            look, consistent = _Look(wider, unit), not shift > best.estimate.error
            if consistent and wider.error < best.estimate.error and self._sure(look) >= self._sure(best):
                best = look
        return best

    def _narrowed(self, along: Callable[[float], float], line: _Line, best: _Look, got: float) -> _Look:
        """A look with shorter steps, if these saw a slope where longer ones saw none, or saw the one we got.

        All may happen so near the point that longer steps see only how flat the function is far away. That is looked
        for where the point gives no unit, or where the function is another number beside it than at it.
        """
        found, unit = best
        flat = found.value == 0.0 and (line.start == 0.0 or abs(along(line.start)) != found.size)
        if not flat and abs(got - found.value) <= self._tolerance(best) + found.error:
            return best
        for _ in range(_NARROWER):
            unit /= _STRIDE
            if unit < _LEAST:
                break
            narrow = difference(along, line.start, _STEP * unit)
            right = abs(got - narrow.value) <= self._relative(narrow) + narrow.error
            if narrow.value != 0.0 and narrow.error <= self._relative(narrow) and (flat or right):
                return _Look(narrow, unit)
        return best
