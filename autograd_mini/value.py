"""The textbook engine: a ``Value`` remembers the operation and the operands it came from; ``backward`` walks that
graph from the result to the leaves and applies the chain rule once per edge.

No derivative is written here. Each operation's value and partials are a row of the table in ``ops.py``.

The native engine in ``native/`` is the same class in C. It calls the functions of the section "Shared with the native
engine" below wherever something is rare: bad input, results that are not finite, copies.
"""

from __future__ import annotations

import math
import operator
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any, NoReturn, Protocol, final

from .errors import StaleGraphError
from .ops import TABLE, Op, number

REMEDY = {
    ValueError: "keep its operands inside the domain, or branch with a Python if",
    ZeroDivisionError: "keep the divisor away from zero, or branch with a Python if",
    OverflowError: "the result does not fit a float; rescale, or use a stable form such as softplus or sigmoid",
}


_BEGINNING = -(2**63)  # an epoch before all others


class _Epoch:
    """A clock that ticks when some leaf's ``data`` is assigned, by which a graph notices that it is out of date."""

    now = 0
    lock = threading.Lock()

    @classmethod
    def advance(cls, ticks: int = 1) -> int:
        with cls.lock:
            cls.now += ticks
            return cls.now


def new_epoch() -> int:
    """Begin an epoch and return it; whatever is recorded from now on is told apart from what was there before."""
    return _Epoch.advance()


class Watcher(Protocol):
    """What is shown every node that a thread records, and the adjoints of every sweep; it may raise."""

    def recorded(self, node: Any) -> None: ...
    def swept(self, adjoint: dict[Any, float]) -> None: ...


class _Mode(threading.local):
    """What holds for this thread alone: whether operations record, who watches, and which graph is being copied."""

    recording = True
    watcher: Watcher | None = None
    copying: Callable[[], _Graph | None] = staticmethod(lambda: None)  # a weak reference: it ends when the copy does


_mode = _Mode()
_watched_threads = 0  # how many have a watcher; mostly none, which spares operations the look for their own
_committing = threading.Lock()  # two threads may share leaves: reading a gradient and adding to it is one step


@contextmanager
def no_grad() -> Iterator[None]:
    """Within this context, in this thread, operations compute values and record nothing.

    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.data, y.args
    (9.0, ())
    """
    with recording(False):
        yield


@contextmanager
def recording(on: bool) -> Iterator[bool]:
    """Within this context, in this thread, operations record if ``on``; hands over whether they did before."""
    before, _mode.recording = _mode.recording, on
    try:
        yield before
    finally:
        _mode.recording = before


def _is_operand(x: object) -> bool:
    return type(x) is Value or type(x) is float or isinstance(x, Real) or _is_foreign(x)


def _is_foreign(x: object) -> bool:
    """Whether ``x`` is a Value of the other engine; as an operand it is refused with its own message."""
    return hasattr(type(x), "_apply")


def _compared(other: Any) -> Any:
    """What a Value is compared with: the number of another, or a real number as it is."""
    if type(other) is Value:
        return other._data
    return other if isinstance(other, Real) else number(other)


# ---- Shared with the native engine. ---------------------------------------------------------------------------------


def compute(op: Op, args: tuple[Any, ...]) -> float:
    """The value of ``op`` on Values and floats, or an error that names the operation, the operands and a remedy."""
    try:
        data = op.value(*[a if type(a) is float else a.data for a in args])
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        if type(error) not in REMEDY:
            raise
        raise type(error)(f"{call_text(op, args)}: {error}; {REMEDY[type(error)]}") from None
    return data if type(data) is float else number(data)


def call_text(op: Op, args: tuple[Any, ...]) -> str:
    """An operation on these operands, as messages show it; of very many operands it shows the first."""
    shown = [repr(a) for a in args]
    if op.text.count("{}") == len(shown):
        return op.text.format(*shown)
    return op.text.format(", ".join(shown if len(shown) <= 8 else [*shown[:4], f"... {len(shown)} operands"]))


def watcher() -> Watcher | None:
    """What watches this thread."""
    return _mode.watcher


def set_watcher(watcher: Watcher | None) -> None:
    """Have ``watcher`` watch this thread from now on, or nothing."""
    global _watched_threads
    with _committing:
        _watched_threads += (watcher is not None) - (_mode.watcher is not None)
    _mode.watcher = watcher


def show_node(node: Any) -> None:
    """Let this thread's watcher see a node that was just recorded."""
    if _mode.watcher is not None:
        _mode.watcher.recorded(node)


def show_adjoints(adjoint: dict[Any, float]) -> None:
    """Let this thread's watcher see what a sweep found, operands first, before anything is made of it."""
    if _mode.watcher is not None:
        _mode.watcher.swept(adjoint)


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


def refuse_restored(op: object, args: object, age: object) -> None:
    """Raise unless a copy can be made of this: pickles may be damaged."""
    if not (op is None or isinstance(op, Op)) or type(args) is not tuple or type(age) is not int:
        raise TypeError("the copy of a Value is damaged: it holds something else than a row, operands and an age")
    count = len(args)
    if op is None:
        fits = count == 0
    elif isinstance(op.partials, tuple):
        fits = count == len(op.partials)
    else:
        fits = count > 0 and (op.name != "sumprod" or count % 2 == 0)
    if not fits or not -(2**40) < age <= 0:
        raise ValueError(f"the copy of a Value is damaged: {op and op.name} with {count} operands of age {age}")


def slopes_of(node: Any, on_nodes: bool = False) -> list[Any]:
    """``local_partials`` of a node whose row was registered at run time; on nodes, the partials as nodes."""
    rules = node.op.partials
    out = node if on_nodes else node.data
    args = node.args if on_nodes else [a if type(a) is float else a.data for a in node.args]
    if callable(rules):
        return [None if type(a) is float else d for a, d in zip(node.args, rules(out, *args))]
    return [None if rule is None or type(a) is float else rule(out, *args) for a, rule in zip(node.args, rules)]


def deepcopy(node: Any, memo: dict[int, Any], order: Callable[[Any], list[Any]]) -> Any:
    """A deep copy without recursion: of the whole graph, operands first; ``memo`` keeps what is shared shared."""
    for a in order(node):
        if id(a) not in memo:
            args = tuple([b if type(b) is float else memo[id(b)] for b in a.args])
            memo[id(a)] = type(a)._restore(a.op, args, a.data, a.grad, a.label, a._age)
    return memo[id(node)]


def reduce(node: Any, order: Callable[[Any], list[Any]]) -> tuple[Any, ...]:
    """How ``node`` is pickled.

    Pickle would recurse once per node. It is handed the whole graph as one flat sequence, operands first. Each node in
    it is asked again and then answers for itself alone, because its operands are already in pickle's memo; this also
    keeps nodes shared between several pickled Values shared. What arrives is made by the engine that serves there.
    """
    from ._engine import restore  # it stands above this module, and only pickles need it

    copying = _mode.copying()
    if copying is not None and id(node) in copying.ids:
        return restore, (node.op, node.args, node.data, node.grad, node.label, node._age)
    graph = _Graph(order(node))
    _mode.copying = weakref.ref(graph)
    return operator.itemgetter(-1), (graph,)


# ---- The node. ------------------------------------------------------------------------------------------------------


@final
class Value:
    """A number that remembers how it was computed.

    Args:
        data: a real number: float, int, bool, Fraction, NumPy scalar; kept as a float. NaN and infinity are legal.
        label: a name for messages and pictures.

    Attributes:
        data: the number. Assigning it is allowed on leaves only.
        grad: the derivative that ``backward`` found; 0.0 before.
        op: the row of the table it came from, None for a leaf.
        args: its operands in order: Values and floats; empty for a leaf.
        label: its name.

    Raises:
        TypeError: if ``data`` is no real number or ``label`` no str.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> c = a * b + a
    >>> c.backward()
    >>> c.data, a.grad, b.grad
    (-4.0, -2.0, 2.0)
    """

    __slots__ = ("__weakref__", "_data", "_epoch", "_grad", "_label", "args", "op")

    _data: float
    _grad: float
    _label: str
    _epoch: int
    op: Op | None
    args: tuple[Value | float, ...]

    def __init__(self, data: float, label: str = "") -> None:
        data = leaf_data(data)
        self.label = label
        self._data, self._grad, self._epoch = data, 0.0, _Epoch.now
        self.op, self.args = None, ()

    def __init_subclass__(cls) -> NoReturn:
        refuse_subclass()

    @staticmethod
    def _apply(op: Op, *args: Any) -> Value:
        """Compute ``op`` and record it: the one place where inner nodes are made."""
        for a in args:
            if type(a) is not Value and type(a) is not float:
                args = tuple([a if type(a) is Value else number(a) for a in args])
                break
        data = compute(op, args)
        out: Value = object.__new__(Value)
        out._data, out._grad, out._label, out._epoch = data, 0.0, "", _Epoch.now
        out.op, out.args = (op, args) if _mode.recording else (None, ())
        if _watched_threads and _mode.recording:
            show_node(out)
        return out

    @staticmethod
    def _restore(
        op: Op | None, args: tuple[Value | float, ...], data: float, grad: float, label: str, age: int
    ) -> Value:
        """A node from what a copy tells; ``age`` is its epoch counted back from the clock's present."""
        refuse_restored(op, args, age)
        out = Value(data, label)
        out.grad = grad
        out._epoch = _Epoch.now + age
        out.op, out.args = op, tuple([a if type(a) is Value else number(a) for a in args])
        return out

    def __copy__(self) -> Value:
        return Value._restore(self.op, self.args, self._data, self._grad, self._label, self._age)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        copied: Value = deepcopy(self, memo, _unchecked_order)
        return copied

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return reduce(self, _unchecked_order)

    @property
    def _age(self) -> int:
        return self._epoch - _Epoch.now

    # ---- Attributes. ------------------------------------------------------------------------------------------------

    @property
    def data(self) -> float:
        return self._data

    @data.setter
    def data(self, data: float) -> None:
        if self.op is not None:
            refuse_data(self)
        self._data = number(data)
        self._epoch = _Epoch.advance()

    @property
    def grad(self) -> float:
        return self._grad

    @grad.setter
    def grad(self, grad: float) -> None:
        self._grad = gradient_data(grad)

    @property
    def label(self) -> str:
        return self._label

    @label.setter
    def label(self, label: str) -> None:
        self._label = label_text(label)

    def item(self) -> float:
        """The number alone, a plain float."""
        return self._data

    def detach(self) -> Value:
        """A new leaf with the same data and label and no history."""
        return Value(self._data, self._label)

    # ---- The backward pass. -----------------------------------------------------------------------------------------

    def backward(self, gradient: float = 1.0) -> None:
        """Find the derivative of this value with respect to every node it was computed from.

        Leaves add the result to their ``grad``, so that the gradients of several losses sum up; inner nodes hold the
        adjoint of the last sweep. Nothing is changed unless the whole sweep succeeds.

        Args:
            gradient: the adjoint of this node itself, the cotangent the sweep starts from.

        Raises:
            StaleGraphError: if a leaf was assigned after the graph was recorded.
            TypeError: if ``gradient`` is no real number.

        >>> x = Value(3.0)
        >>> (x * x).backward()
        >>> x.grad
        6.0
        """
        found = adjoints(self, gradient)
        with _committing:
            for node, adjoint in found.items():
                node._grad = adjoint if node.args else node._grad + adjoint

    def zero_grad(self) -> None:
        """Set ``grad`` of this node and of all it was computed from to 0.0."""
        for node in topological_order(self, check=False):
            node._grad = 0.0

    # ---- Arithmetic: one line per row of the table. -----------------------------------------------------------------

    def __add__(self, other: Value | float) -> Value:
        return Value._apply(TABLE["add"], self, other) if _is_operand(other) else NotImplemented

    def __radd__(self, other: float) -> Value:
        return Value._apply(TABLE["add"], other, self) if _is_operand(other) else NotImplemented

    def __sub__(self, other: Value | float) -> Value:
        return Value._apply(TABLE["sub"], self, other) if _is_operand(other) else NotImplemented

    def __rsub__(self, other: float) -> Value:
        return Value._apply(TABLE["sub"], other, self) if _is_operand(other) else NotImplemented

    def __mul__(self, other: Value | float) -> Value:
        return Value._apply(TABLE["mul"], self, other) if _is_operand(other) else NotImplemented

    def __rmul__(self, other: float) -> Value:
        return Value._apply(TABLE["mul"], other, self) if _is_operand(other) else NotImplemented

    def __truediv__(self, other: Value | float) -> Value:
        return Value._apply(TABLE["div"], self, other) if _is_operand(other) else NotImplemented

    def __rtruediv__(self, other: float) -> Value:
        return Value._apply(TABLE["div"], other, self) if _is_operand(other) else NotImplemented

    def __floordiv__(self, other: Value | float) -> Value:
        return Value._apply(TABLE["floordiv"], self, other) if _is_operand(other) else NotImplemented

    def __rfloordiv__(self, other: float) -> Value:
        return Value._apply(TABLE["floordiv"], other, self) if _is_operand(other) else NotImplemented

    def __mod__(self, other: Value | float) -> Value:
        return Value._apply(TABLE["mod"], self, other) if _is_operand(other) else NotImplemented

    def __rmod__(self, other: float) -> Value:
        return Value._apply(TABLE["mod"], other, self) if _is_operand(other) else NotImplemented

    def __divmod__(self, other: Value | float) -> tuple[Value, Value]:
        return (self // other, self % other) if _is_operand(other) else NotImplemented

    def __rdivmod__(self, other: float) -> tuple[Value, Value]:
        return (other // self, other % self) if _is_operand(other) else NotImplemented

    def __pow__(self, other: Value | float, modulus: None = None) -> Value:
        return Value._apply(TABLE["pow"], self, other) if _is_operand(other) and modulus is None else NotImplemented

    def __rpow__(self, other: float) -> Value:
        return Value._apply(TABLE["pow"], other, self) if _is_operand(other) else NotImplemented

    def __neg__(self) -> Value:
        return Value._apply(TABLE["neg"], self)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return Value._apply(TABLE["abs"], self)

    def __round__(self, ndigits: int | None = None) -> Any:
        """``round(v)`` is an int, as for floats; ``round(v, n)`` a Value with slope 0."""
        if ndigits is None:
            return round(self._data)
        # Beyond 400 digits either way a float does not change any more, and the count itself still fits a float.
        return Value._apply(TABLE["round"], self, max(-400, min(400, operator.index(ndigits))))

    def exp(self) -> Value:
        """``ag.exp`` of this value."""
        return Value._apply(TABLE["exp"], self)

    def log(self) -> Value:
        """``ag.log`` of this value."""
        return Value._apply(TABLE["log"], self)

    def sqrt(self) -> Value:
        """``ag.sqrt`` of this value."""
        return Value._apply(TABLE["sqrt"], self)

    def sin(self) -> Value:
        """``ag.sin`` of this value."""
        return Value._apply(TABLE["sin"], self)

    def cos(self) -> Value:
        """``ag.cos`` of this value."""
        return Value._apply(TABLE["cos"], self)

    def tan(self) -> Value:
        """``ag.tan`` of this value."""
        return Value._apply(TABLE["tan"], self)

    def tanh(self) -> Value:
        """``ag.tanh`` of this value."""
        return Value._apply(TABLE["tanh"], self)

    def erf(self) -> Value:
        """``ag.erf`` of this value."""
        return Value._apply(TABLE["erf"], self)

    def relu(self) -> Value:
        """``ag.relu`` of this value."""
        return Value._apply(TABLE["relu"], self)

    def sigmoid(self) -> Value:
        """``ag.sigmoid`` of this value."""
        return Value._apply(TABLE["sigmoid"], self)

    def softplus(self) -> Value:
        """``ag.softplus`` of this value."""
        return Value._apply(TABLE["softplus"], self)

    def maximum(self, other: Value | float) -> Value:
        """``ag.maximum`` of this value and ``other``."""
        return Value._apply(TABLE["maximum"], self, other)

    def minimum(self, other: Value | float) -> Value:
        """``ag.minimum`` of this value and ``other``."""
        return Value._apply(TABLE["minimum"], self, other)

    # ---- A Value compares as its number; as a node it is itself. ----------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return self._data == _compared(other) if _is_operand(other) else NotImplemented

    def __lt__(self, other: Value | float) -> bool:
        return self._data < _compared(other) if _is_operand(other) else NotImplemented

    def __le__(self, other: Value | float) -> bool:
        return self._data <= _compared(other) if _is_operand(other) else NotImplemented

    def __gt__(self, other: Value | float) -> bool:
        return self._data > _compared(other) if _is_operand(other) else NotImplemented

    def __ge__(self, other: Value | float) -> bool:
        return self._data >= _compared(other) if _is_operand(other) else NotImplemented

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return self._data != 0.0

    # ---- Conversions: those that would drop the gradient silently are refused. --------------------------------------

    def __float__(self) -> NoReturn:
        refuse_number("use .item() for the number, and ag.sin, ag.exp, ... in place of math.sin, math.exp, ...")

    def __int__(self) -> NoReturn:
        refuse_number("use int(v.item())")

    def __floor__(self) -> int:
        return math.floor(self._data)

    def __ceil__(self) -> int:
        return math.ceil(self._data)

    def __trunc__(self) -> int:
        return math.trunc(self._data)

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    def _repr_svg_(self) -> str | None:
        """The picture a notebook shows; None (then the repr serves) for large graphs or without a renderer."""
        from .draw import svg_or_none  # most programs draw nothing

        return svg_or_none(self)

    def __repr__(self) -> str:
        label = f", label={self._label!r}" if self._label else ""
        return f"Value({self._data!r}{label})"


class _Graph(list[Any]):
    """The nodes of a graph, operands first, on their way into a pickle; arrives there as a tuple."""

    def __init__(self, order: list[Any]) -> None:
        super().__init__(order)
        self.ids = set(map(id, order))

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return tuple, (tuple(self),)


def local_partials(node: Value) -> list[float | None]:
    """The partial derivative of ``node`` for each entry of ``node.args``: the edges of the chain rule.

    None stands for an edge that carries nothing: from a plain number, or of an operation that is flat there.

    >>> x = Value(3.0)
    >>> local_partials(x * x), local_partials(x + 2.0), local_partials(x // 2.0)
    ([3.0, 3.0], [1.0, None], [None, None])
    """
    if node.op is None:
        return []
    rules, out = node.op.partials, node._data
    data = [a._data if type(a) is Value else a for a in node.args]
    if not isinstance(rules, tuple):
        return [d if type(a) is Value else None for a, d in zip(node.args, rules(out, *data))]
    return [rule(out, *data) if rule and type(a) is Value else None for a, rule in zip(node.args, rules)]


def adjoints(root: Value, gradient: float = 1.0, since: int = _BEGINNING) -> dict[Value, float]:
    """The derivative of ``root`` with respect to every node of its graph, operands first; no node is changed.

    Each node passes its adjoint on to its operands, times the partial of the edge; an operand adds up what arrives
    over all its edges. Nodes can be keys because they hash by identity. ``since`` is that of ``topological_order``.

    >>> a = Value(3.0)
    >>> adjoints(a * a)[a]
    6.0
    """
    order = topological_order(root, since=since)
    adjoint: dict[Any, float] = dict.fromkeys(order, 0.0)
    adjoint[root] = number(gradient)
    for node in reversed(order):
        cotangent = adjoint[node]
        if node.args and cotangent != 0.0:  # a strong zero: 0 * inf from an unused branch must not make NaN
            for a, slope in zip(node.args, local_partials(node)):
                if slope is not None and a in adjoint:
                    adjoint[a] += cotangent * (slope if type(slope) is float else number(slope))
    show_adjoints(adjoint)
    return adjoint


def topological_order(root: Value, check: bool = True, since: int = _BEGINNING) -> list[Value]:
    """The graph of ``root`` with every node after its operands, each once; depth-first on a stack of its own.

    Why the order matters: in ``b = a + a; c = b + b`` a sweep that followed edges as it met them would pass b's
    adjoint on to a after the first of the two edges from c, with half its value. Only when every user of a node has
    been visited is its adjoint complete; reversed topological order is the order in which that is always so.

    Args:
        root: the node whose graph is wanted.
        check: whether to look for leaves that were assigned too late.
        since: an epoch; operands recorded before it, and all they were computed from, are left out.

    Raises:
        StaleGraphError: if ``check`` is set and a leaf is newer than a node that uses it.

    >>> a = Value(1.0)
    >>> b = a + a
    >>> [node.data for node in topological_order(b + b)]
    [1.0, 2.0, 4.0]
    """
    order: list[Value] = []
    opened: set[Value] = set()
    closed: set[Value] = set()
    stack = [root]
    while stack:
        node = stack[-1]
        if node not in opened:
            opened.add(node)
            for a in reversed(node.args):
                if type(a) is Value:
                    if check and a._epoch > node._epoch:
                        refuse_stale(a, node)
                    if a not in opened and a._epoch >= since:
                        stack.append(a)
        else:
            stack.pop()
            if node not in closed:  # it may wait on the stack for several users
                closed.add(node)
                order.append(node)
    return order


def _unchecked_order(root: Value) -> list[Value]:
    return topological_order(root, check=False)
