"""What both engines share, as it is rare or told to people: checks, slopes over lists, the words of refusals."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any, NoReturn

from ..errors import StaleGraphError
from ..ops import FUNCTIONS, Op, number
from ..ops.symbols import Symbol
from ..ops.symbols import slopes as symbolic_slopes
from . import mode

REMEDY = {
    ValueError: "keep its operands inside the domain, or branch with a Python if",
    ZeroDivisionError: "keep the divisor away from zero, or branch with a Python if",
    OverflowError: "the result does not fit a float; rescale, or use a stable form such as softplus or sigmoid",
}


def compute(op: Op, args: tuple[Any, ...], numbers: Sequence[float]) -> float:
    """The value of ``op`` on the numbers of its operands, or an error that names operation, operands and a remedy."""
    try:
        data = op.value(*numbers)
        return data if type(data) is float else number(data)
    except Exception as error:
        if mode.unusual:
            mode.tell("raised", op, args, error)
        kind: Any = type(error)
        if kind not in REMEDY:
            raise
        raise kind(f"{call_text(op, args)}: {error}; {REMEDY[kind]}") from None


def paired(nodes: Sequence[Any], numbers: Sequence[Any], on_values: bool = False) -> tuple[Any, Any]:
    """Where a sweep starts: nodes and a number for each, as tuples; if it is over Values these may be Values."""
    nodes, numbers = tuple(nodes), tuple(numbers)
    for x in nodes:
        if not hasattr(type(x), "_apply"):
            raise TypeError(f"expected a Value, got {x!r} of type {type(x).__name__}")
    if len(nodes) != len(numbers):
        raise ValueError(f"there are {len(numbers)} numbers for {len(nodes)} nodes; give one for each")
    return nodes, tuple([x if on_values and hasattr(type(x), "_apply") else number(x) for x in numbers])


def within(sort: Callable[..., Any], roots: Sequence[Any], inputs: Sequence[Any], since: int) -> tuple[Any, list[Any]]:
    """The nodes of a sweep: those recorded since that epoch, in order, and those before it at which it ends."""
    order = sort(*[v for v in roots if v._epoch >= since], since=since)
    return order, [v for v in (*roots, *inputs) if v._epoch < since]


def number_of(node: Any, way: str) -> float:
    """The number of a node of the textbook, which thereby leaves the graph."""
    if mode.unusual:
        mode.tell("detached", node, way)
    return node._data  # type: ignore[no-any-return]


def call_text(op: Op, args: tuple[Any, ...], show: Callable[[Any], str] = repr) -> str:
    """An operation on these operands, as messages show it; of very many operands it shows the first."""
    shown = [show(a) for a in args]
    if op.text.count("{}") == len(shown):
        return op.text.format(*shown)
    return op.text.format(", ".join(shown if len(shown) <= 8 else [*shown[:4], f"... {len(shown)} operands"]))


# ---- Slopes. --------------------------------------------------------------------------------------------------------

strong_mul = FUNCTIONS["strong_mul"]


def slopes_at_once(op: Op, out: Any, args: Sequence[Any]) -> list[Any]:
    """The partials of an operation that gives all in one list: on floats, or on Values, which record them."""
    found = list(op.partials(out, *args))  # type: ignore[operator]
    if len(found) != len(args):
        raise ValueError(f"{op.name} gives {len(found)} partials for {len(args)} operands; give one for each")
    return found


Form = Callable[[Any, Sequence[Any]], Iterable[Any]]  # slopes, of a result and of the lists of its operands


def slopes_on_lists(op: Op, out: Any, args: Sequence[Any]) -> list[Any]:
    """The partials of an operation on lists by each of its operands, on floats."""
    forms = _forms(op)
    if forms is None:
        return slopes_at_once(op, out, args)
    length = len(args) // op.lists
    lists = args[:length], args[length:]  # the second is empty where there is one
    found: list[Any] = []
    for form in forms:
        found += form(out, lists)
    return found


@functools.cache
def _forms(op: Op) -> list[Form] | None:
    """How to evaluate each partial on lists; one that is a constant, or an operand, needs no calls. None if all slopes
    are given at once."""
    return None if callable(op.partials) else list(map(_form, op.partials, symbolic_slopes(op) or ()))


def _form(rule: Any, slope: Any) -> Form:
    """The same for one partial, given also what it is on symbols."""
    if not isinstance(slope, Symbol):
        return lambda out, lists: itertools.repeat(slope, len(lists[0]))
    if slope.op is None and slope.name != "out":
        i = "xy".index(slope.name)
        return lambda out, lists: lists[i]
    return lambda out, lists: map(rule, itertools.repeat(out), *filter(None, lists))


# ---- Checks. --------------------------------------------------------------------------------------------------------


def leaf_data(data: object) -> float:
    """What a new leaf holds."""
    if type(data) is float:
        return data
    if hasattr(type(data), "_apply"):
        raise TypeError(f"data is already a Value, {data!r}; use .detach() for a copy without history")
    if not isinstance(data, Real):
        raise TypeError(f"a Value holds one real number, got {data!r} of type {type(data).__name__}")
    return float(data)


def gradient_data(grad: object) -> float:
    """What ``grad`` is assigned."""
    if not isinstance(grad, Real):
        raise TypeError(f"grad holds a real number, got {grad!r} of type {type(grad).__name__}")
    return float(grad)


def label_text(label: object) -> str:
    """What ``label`` is assigned."""
    if type(label) is not str:
        raise TypeError(f"label is a str, got {label!r} of type {type(label).__name__}")
    return label


def refuse_data(node: Any) -> NoReturn:
    """The error of an assignment to ``data`` of a computed Value."""
    raise AttributeError(
        f"data of a computed Value is read-only: {node!r} came from {node.op.name}; "
        "assign a leaf and compute again, or use .detach()"
    )


def refuse_number(use: str) -> NoReturn:
    """The error of a conversion that would drop the gradient."""
    raise TypeError(f"a Value does not turn into a plain number by itself, as its gradient would be lost; {use}")


def refuse_subclass() -> NoReturn:
    """The error of ``class Mine(Value)``."""
    raise TypeError("Value is final and cannot be subclassed; hold a Value in a class of your own instead")


def refuse_stale(leaf: Any, node: Any) -> NoReturn:
    """The error of a walk that meets a leaf which is newer than a node computed from it."""
    raise StaleGraphError(
        f"{leaf!r} was assigned after {node!r} had been computed from it; "
        "compute the result again before differentiating or drawing it"
    )


def refuse_restored(op: object, args: object, epoch: object) -> None:
    """Raise unless a copy can be made of this: pickles may be damaged."""
    if not (op is None or isinstance(op, Op)) or type(args) is not tuple or type(epoch) is not int:
        raise TypeError("the copy of a Value is damaged: it holds something else than a row, operands and an epoch")
    fits = op.fits(len(args)) if op else not args
    if not fits or not -(2**52) < epoch < 2**52:
        raise ValueError(f"the copy of a Value is damaged: {op and op.name} with {len(args)} operands of epoch {epoch}")


def plain_result(name: str, out: Any) -> float:
    """The result of a function to differentiate that is no Value, if it is a number."""
    if not isinstance(out, Real):
        raise TypeError(
            f"grad needs a function that returns one number, but {name} returned {out!r} of type "
            f"{type(out).__name__}; return a single number, such as the sum of what you have"
        )
    return number(out)


# ---- What is handed in from above. ----------------------------------------------------------------------------------

Show = Callable[[Any], "str | None"]  # what a notebook shows of a Value in one form; None where there is nothing
_svg: Show = lambda node: None  # noqa: E731
_html: Show = lambda node: None  # noqa: E731


def show_by(svg: Show, html: Show) -> None:
    """Have these functions make what a notebook shows of a Value."""
    global _svg, _html
    _svg, _html = svg, html


def picture_of(node: Any) -> str | None:
    """The picture of a Value as SVG text."""
    return _svg(node)


def refusal_of(node: Any) -> str | None:
    """Why a Value has no picture, as HTML text."""
    return _html(node)
