"""The textbook engine: a ``Value`` remembers the operation and the operands it came from; ``backward`` walks that
graph from the result to the leaves and applies the chain rule once per edge.

No derivative is written here: an operation's value and partials are a row of the table in ``ops/``. ``mode.py`` says
whether operations record, ``conversions.py`` what a Value turns into, ``shared.py`` what is refused; ``native/`` is C.
"""

from __future__ import annotations

import itertools
import operator
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any, NoReturn, final

from ..ops import TABLE, Op, number
from . import copies, mode, shared
from .bundles import Bundle
from .conversions import Conversions
from .methods import Methods
from .mode import new_epoch


@final
class Value(Methods, Conversions):
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

    __slots__ = ("__weakref__", "_data", "_epoch", "_grad", "_is_constant", "_label", "args", "op")

    _data: float
    _grad: float
    _label: str
    _epoch: int
    _is_constant: bool  # is there where the node was computed within no_grad
    op: Op | None
    args: tuple[Value | float, ...]

    def __init__(self, data: float, label: str = "") -> None:
        data = shared.leaf_data(data)
        self.label = label
        self._data, self._grad, self._epoch = data, 0.0, new_epoch()
        self.op, self.args = None, ()

    def __init_subclass__(cls) -> NoReturn:
        shared.refuse_subclass()

    @staticmethod
    def _apply(op: Op, *args: Any) -> Value:
        """Compute ``op`` and record it: the one place where inner nodes are made."""
        for a in args:
            if type(a) is not Value and type(a) is not float:
                args = tuple([a if type(a) is Value else number(a) for a in args])
                break
        data = shared.compute(op, args, [a if type(a) is float else a._data for a in args])
        out: Value = object.__new__(Value)
        out._data, out._grad, out._label, out._epoch = data, 0.0, "", new_epoch()
        out.op, out.args = op, args
        if mode.unusual:
            records, watching = mode.look()
            if not records:
                out.op, out.args, out._is_constant = None, (), True
            mode.tell_each(watching, "recorded", out, op, args)
        return out

    @staticmethod
    def _restore(op: Op | None, args: tuple[Any, ...], data: float, grad: float, label: str, epoch: int) -> Value:
        """A node from what a copy tells. It is newer than what it was computed from, and not of the future, whatever
        epoch is told."""
        shared.refuse_restored(op, args, epoch)
        data, args = shared.leaf_data(data), tuple([a if type(a) is Value else number(a) for a in args])
        out = Value(data, label)
        out.grad = grad
        out.op, out.args = op, args
        oldest = [a._epoch + 1 for a in args if type(a) is Value and a.args]
        out._epoch = max([min(epoch, out._epoch), *oldest])
        return out

    def __copy__(self) -> Value:
        return Value._restore(self.op, self.args, self._data, self._grad, self._label, self._epoch)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        return copies.deepcopy(self, memo)  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return copies.reduce(self)

    # ---- Attributes. ------------------------------------------------------------------------------------------------

    @property
    def data(self) -> float:
        return shared.number_of(self, "data")

    @data.setter
    def data(self, data: float) -> None:
        if self.op is not None:
            shared.refuse_data(self)
        self._data = shared.plain_number("data", data, Value)
        self._epoch = new_epoch()

    @property
    def grad(self) -> float:
        return self._grad

    @grad.setter
    def grad(self, grad: float) -> None:
        self._grad = shared.gradient_data(grad)

    @property
    def label(self) -> str:
        return self._label

    @label.setter
    def label(self, label: str) -> None:
        self._label = shared.label_text(label)

    def item(self) -> float:
        """The number alone, a plain float."""
        return shared.number_of(self, "item")

    def detach(self) -> Value:
        """A new leaf with the same data and label and no history."""
        return Value(shared.number_of(self, "detach"), self._label)

    # ---- The backward pass. -----------------------------------------------------------------------------------------

    def backward(self, gradient: float = 1.0) -> None:
        """Find the derivative of this value with respect to every node it was computed from.

        Leaves add the result to their ``grad``, so that the gradients of several losses sum up; inner nodes hold the
        adjoint of the last sweep. Nothing is changed unless the whole sweep succeeds.

        Args:
            gradient: the adjoint of this node itself, the cotangent the sweep starts from.

        Raises:
            TypeError: if ``gradient`` is no real number.
            ValueError: if this value was computed within ``no_grad``.
            StaleGraphError: if a leaf was assigned after the graph was recorded.

        >>> x = Value(3.0)
        >>> (x * x).backward()
        >>> x.grad
        6.0
        """
        if hasattr(self, "_is_constant"):
            shared.refuse_constant(self)
        gradient = shared.plain_number("gradient", gradient, Value)
        found = adjoints([self], [gradient])
        with _committing.lock:
            grads = [adjoint if node.args else node._grad + adjoint for node, adjoint in found.items()]
            _set_grads(found, grads)

    def zero_grad(self) -> None:
        """Set ``grad`` of this node and of all it was computed from to 0.0."""
        _set_grads(topological_order(self, check=False), itertools.repeat(0.0))

    # ---- Python's operators; the methods of all other rows are in Methods. ------------------------------------------

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
        return Value._apply(TABLE["pow"], self, other) if modulus is None and _is_operand(other) else NotImplemented

    def __rpow__(self, other: float, modulus: None = None) -> Value:
        return Value._apply(TABLE["pow"], other, self) if modulus is None and _is_operand(other) else NotImplemented

    def __neg__(self) -> Value:
        return Value._apply(TABLE["neg"], self)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return Value._apply(TABLE["abs"], self)

    def __round__(self, ndigits: int | None = None) -> Any:
        if ndigits is None:  # an int, as for floats
            return round(shared.number_of(self, "round"))
        # Beyond 400 digits either way a float does not change any more, and the count itself still fits a float.
        return Value._apply(TABLE["round"], self, max(-400, min(400, operator.index(ndigits))))

    # ---- A Value compares as its number; as a node it is itself. ----------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return _compare(self, "==", operator.eq, other)

    def __ne__(self, other: object) -> bool:
        return _compare(self, "!=", operator.ne, other)

    def __lt__(self, other: Value | float) -> bool:
        return _compare(self, "<", operator.lt, other)

    def __le__(self, other: Value | float) -> bool:
        return _compare(self, "<=", operator.le, other)

    def __gt__(self, other: Value | float) -> bool:
        return _compare(self, ">", operator.gt, other)

    def __ge__(self, other: Value | float) -> bool:
        return _compare(self, ">=", operator.ge, other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return _compare(self, "!=", operator.ne, 0.0)

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        label = f", label={self._label!r}" if self._label else ""
        return f"Value({self._data!r}{label})"


def _is_operand(x: object) -> bool:
    """Whether an operator is for us; a Value of the other engine is, and is refused with a message of its own."""
    known = type(x) is Value or type(x) is float or isinstance(x, Real) or hasattr(type(x), "_apply")
    return known or shared.refuse_operand(x)


def _compare(x: Value, sign: str, compare: Callable[[Any, Any], bool], y: Any) -> bool:
    is_real = type(y) is float or (type(y) is not Value and isinstance(y, Real))
    if not is_real and not hasattr(type(y), "_apply"):
        return NotImplemented  # type: ignore[no-any-return]
    outcome: bool = compare(x._data, y if is_real else y._data if type(y) is Value else number(y))
    if mode.unusual:
        mode.tell("compared", sign, x, y, outcome)
    return outcome


_committing = mode.Lock()  # two threads may share leaves: reading a gradient and adding to it is one step


def _set_grads(nodes: Iterable[Value], grads: Iterable[float]) -> None:
    """Set all or none: Ctrl-C is heard between steps of Python alone, and this is a single one."""
    deque(map(setattr, nodes, itertools.repeat("_grad"), grads), maxlen=0)


# ---- The graph. -----------------------------------------------------------------------------------------------------


def local_partials(node: Value) -> list[float | None]:
    """The partial derivative of ``node`` for each entry of ``node.args``: the edges of the chain rule.

    None stands for an edge that carries nothing: from a plain number, or of an operation that is flat there.

    Raises:
        StaleGraphError: if an operand was assigned after the node had been computed from it.

    >>> x = Value(3.0)
    >>> local_partials(x * x), local_partials(x + 2.0), local_partials(x // 2.0)
    ([3.0, 3.0], [1.0, None], [None, None])
    """
    shared.check_fresh(Value, node)
    return fresh_partials(node)


def fresh_partials(node: Value) -> list[float | None]:
    """The same of a node that is known not to be stale."""
    op, out, args = node.op, node._data, node.args
    if op is None:
        return []
    if isinstance(op, Bundle):
        return op.slopes(node)
    numbers = [a if type(a) is float else a._data for a in args]  # type: ignore[union-attr]
    if op.arity:
        rules: Any = op.partials
        return [rule(out, *numbers) if rule and type(a) is not float else None for a, rule in zip(args, rules)]
    return [None if type(a) is float else d for a, d in zip(args, shared.slopes_on_lists(op, out, numbers))]


def adjoints(
    roots: Sequence[Value], cotangents: Sequence[float], since: int = mode.BEGINNING, inputs: Sequence[Value] = ()
) -> dict[Value, float]:
    """The derivative of the roots, weighted by their cotangents, with respect to every node; no node is changed.

    Each node passes its adjoint on to its operands, times the partial of the edge; an operand adds up what arrives
    over all its edges. They are given by node, operands first (nodes hash by identity). The sweep ends at the epoch
    ``since``; of what was recorded before, only ``inputs`` receive an adjoint, and pass nothing on.
    """
    roots, cotangents = shared.paired(Value, roots, cotangents)
    with mode.sweeping(roots, cotangents, since) as swept:
        order, ends = shared.within(topological_order, roots, inputs, since)
        adjoint: dict[Any, float] = dict.fromkeys([*order, *ends], 0.0)
        for root, cotangent in zip(roots, cotangents):
            adjoint[root] += cotangent
        memory: dict[Any, Any] = {}
        for node in reversed(order):
            cotangent = adjoint[node]
            if type(node.op) is Bundle:
                node.op.add_to(adjoint, node, memory)
            elif node.args and cotangent != 0.0:  # zero times any slope is zero, be it infinite: a strong zero
                for a, slope in zip(node.args, fresh_partials(node)):
                    if slope is not None and a in adjoint:
                        product = cotangent * slope
                        adjoint[a] += product if product == product else shared.strong_mul(cotangent, slope)
        swept(adjoint)
    return adjoint


def topological_order(*roots: Value, check: bool = True, since: int = mode.BEGINNING) -> list[Value]:
    """All nodes that the roots were computed from: the leaves, then the others by age, the oldest first.

    This is a topological sort, every node stands after its operands, for an operand is older than what is computed from
    it. Only a leaf may be newer, as its ``data`` can be assigned; so leaves come first, whatever their epoch is.

    Why the order matters: in ``b = a + a; c = b + b`` a sweep that followed edges as it met them would pass b's
    adjoint on to a after the first of the two edges from c, with half its value. Only when every user of a node has
    been visited is its adjoint complete; from the youngest to the oldest that is always so.

    Args:
        roots: the nodes whose graph is wanted.
        check: whether to look for leaves that were assigned too late.
        since: an epoch; operands recorded before it, and all they were computed from, are left out.

    Raises:
        StaleGraphError: if ``check`` is set and a leaf is newer than a node that uses it.

    >>> a = Value(1.0)
    >>> b = a + a
    >>> [node.data for node in topological_order(b + b)]
    [1.0, 2.0, 4.0]
    """
    found = dict.fromkeys(shared.checked_nodes(Value, roots))
    queue, stale = list(found), []
    for node in queue:  # which grows meanwhile
        for a in node.args:
            if type(a) is Value:
                if a._epoch > node._epoch:
                    stale.append((node, a))
                if a not in found and a._epoch >= since:
                    found[a] = None
                    queue.append(a)
    if check and stale:
        node, leaf = max(reversed(stale), key=lambda pair: pair[0]._epoch)
        shared.refuse_stale(leaf, node)
    age = operator.attrgetter("_epoch")
    return sorted([v for v in queue if not v.args], key=age) + sorted([v for v in queue if v.args], key=age)
