"""What both engines share, as it is rare or told to people: checks, slopes over lists, the words of refusals.

The engines agree: the same bits, but for the signs of NaN, the same types of exceptions, and the same words where they
are ours. Where a call is wrong in several ways, the first of these is told, by both:

1. it does not fit the signature (the words are the interpreter's);
2. the Value itself does not allow it: its ``data`` is read-only, or it was computed within ``no_grad``;
3. an argument is wrong, from left to right. Lists of operands are read whole before their lengths are compared, and
   then their items are looked at from left to right; what ``__iter__`` or ``__float__`` raises is told as it is;
4. the operation has no value there;
5. the graph is stale.

Operands are taken by position, and by keyword where a method or a fold names them.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any, NoReturn

from ..errors import StaleGraphError
from ..ops import FUNCTIONS, TABLE, Op, number
from ..ops.row import WAYS
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


def paired(cls: type, nodes: Iterable[Any], numbers: Iterable[Any], on_values: bool = False) -> tuple[Any, Any]:
    """Where a sweep starts: nodes and a number for each, as tuples; if it is over Values these may be Values. All are
    those of one class."""
    nodes, numbers = checked_nodes(cls, nodes), tuple(numbers)
    if len(nodes) != len(numbers):
        raise ValueError(f"there are {len(numbers)} numbers for {len(nodes)} nodes; give one for each")
    return nodes, tuple(
        [x if on_values and type(x) is cls else plain_number("what a sweep starts with", x, cls) for x in numbers]
    )


def checked_nodes(cls: type, nodes: Iterable[Any]) -> tuple[Any, ...]:
    """Some nodes of one class as a tuple."""
    nodes = tuple(nodes)
    for x in nodes:
        if type(x) is not cls:
            refuse_node(x)
    return nodes


def refuse_node(x: object) -> NoReturn:
    """The error of what is no Value of the engine."""
    if hasattr(type(x), "_apply"):
        number(x)
    raise TypeError(f"expected a Value, got {x!r} of type {type(x).__name__}")


def within(sort: Callable[..., Any], roots: Sequence[Any], inputs: Sequence[Any], since: int) -> tuple[Any, list[Any]]:
    """The nodes of a sweep: those recorded since that epoch, in order, and those before it at which it ends."""
    found = sort(*roots, since=since)
    if since == mode.BEGINNING:
        return found, []
    order = [v for v in found if v._epoch >= since]
    return order, list(dict.fromkeys(v for v in (*roots, *inputs) if v._epoch < since))


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


def plain_number(noun: str, x: object, cls: type) -> float:
    """A number that is to be no Value, such as what ``data`` is assigned; ``cls`` is the class of the engine."""
    if type(x) is cls:
        steps = ", or optim.SGD to take steps" if noun == "data" else ""
        raise TypeError(f"{noun} is a plain number, got the Value {x!r}; use .item() for its number{steps}")
    return number(x)


def gradient_data(grad: object) -> float:
    """What ``grad`` is assigned."""
    if hasattr(type(grad), "_apply"):
        raise TypeError(f"grad is a plain number, got the Value {grad!r}; use .item() for its number")
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


def refuse_operand(x: object) -> bool:
    """False for what is no operand; but an error for that of which it is known that it cannot add a Value to itself
    either."""
    if type(x).__name__ in WAYS and type(x).__module__ in ("builtins", "decimal"):
        number(x)
    return False


_CONVERSIONS = {
    "float": "use .item() for the number, and ag.sin, ag.exp, ... in place of math.sin, math.exp, ...",
    "int": "use int(v.item())",
    "index": "use int(v.item()) for a count or an index, and [x * v for x in xs] for a multiple of each number",
    "ratio": "use .item() for the number, and ag.sum(xs) / len(xs) for a mean",
}


_OTHER_NAMES = {"fsum": "sum"}  # of what math has, in the table


def refuse_number(node: Any, wanted: str) -> NoReturn:
    """The error of a conversion that would drop the gradient: to a float, an int, an index, a ratio of ints."""
    from . import callers

    frame: Any = sys._getframe()
    while frame and frame.f_globals.get("__name__", "").startswith(f"{__package__}."):
        frame = frame.f_back
    name = callers.function_called(frame) if frame and wanted == "float" else None
    way = _CONVERSIONS[wanted]
    if name in callers.in_math():
        ours = _OTHER_NAMES.get(name or "", name or "")
        op = TABLE.get(ours)
        way = f"there is no ag.{name}; use .item() for the number, or give the function a slope with ag.operation"
        if op is not None and op.role != "helper":
            way = f"use ag.{ours} in place of math.{name}" if op.role == "function" else f"write it with {op.symbol}"
    raise TypeError(f"{node!r} does not turn into a plain number by itself, as its gradient would be lost; {way}")


def refuse_constant(node: Any) -> NoReturn:
    """The error of a backward pass that begins where nothing was recorded."""
    raise ValueError(
        f"{node!r} was computed within no_grad, which records nothing, so there is nothing to differentiate; "
        "compute it outside of no_grad"
    )


def refuse_subclass() -> NoReturn:
    """The error of ``class Mine(Value)``."""
    raise TypeError("Value is final and cannot be subclassed; hold a Value in a class of your own instead")


def refuse_stale(leaf: Any, node: Any) -> NoReturn:
    """The error of a walk that meets a leaf which is newer than a node computed from it."""
    raise StaleGraphError(
        f"{leaf!r} was assigned after {node!r} had been computed from it; "
        "compute the result again before differentiating or drawing it"
    )


def check_fresh(cls: Any, node: Any) -> None:
    """Raise if an operand was assigned after the node had been computed from it."""
    if type(node) is not cls:
        refuse_node(node)
    for a in reversed(node.args):
        if type(a) is not float and a._epoch > node._epoch:
            refuse_stale(a, node)


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
        advice = (
            "as a def without a return gives None"
            if out is None
            else "such as the sum of what you have, or use jacobian"
        )
        raise TypeError(
            f"a gradient is that of one number, but {name} returned {out!r} of type "
            f"{type(out).__name__}; return a single number, {advice}"
        )
    return number(out)


# ---- What programs written for micrograd read. ----------------------------------------------------------------------


def operand_set(node: Any) -> set[Any]:
    """The operands that are Values."""
    return {a for a in node.args if type(a) is not float}


def sign_of(node: Any) -> str:
    """The sign of a node's operation, "" for a leaf."""
    return node.op.symbol if node.op else ""


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
