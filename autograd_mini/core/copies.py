"""Deep copies and pickles of whole graphs, without recursion, across engines."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ..ops import Op

Order = Callable[[Any], list[Any]]

_serving: list[type] = []  # the class of the engine that serves
# The graph that is being pickled in this flow of control, as a weak reference: it ends when the pickling does.
_COPYING: ContextVar[Callable[[], Any]] = ContextVar("autograd_mini.copying", default=lambda: None)


def serve(cls: type) -> None:
    """Have pickles arrive as nodes of this class, whichever engine wrote them."""
    _serving[:] = [cls]


def restore(op: Op | None, args: tuple[Any, ...], data: float, grad: float, label: str, age: int) -> Any:
    """A node from what a pickle tells; ``age`` is its epoch, counted from when it was pickled.

    Here it lies before all epochs of this process, so that a leaf is newer than its users just where it was so there.
    """
    if type(age) is int and age > 0:
        raise ValueError(f"the copy of a Value is damaged: it comes from the future, its age is {age}")
    return _serving[0]._restore(op, args, data, grad, label, age)  # type: ignore[attr-defined]


def deepcopy(node: Any, memo: dict[int, Any], order: Order) -> Any:
    """A deep copy without recursion: of the whole graph, operands first; ``memo`` keeps what is shared shared."""
    for a in order(node):
        if id(a) not in memo:
            args = tuple([b if type(b) is float else memo[id(b)] for b in a.args])
            memo[id(a)] = type(a)._restore(a.op, args, a._data, a.grad, a.label, a._epoch)
    return memo[id(node)]


def reduce(node: Any, order: Order) -> tuple[Any, ...]:
    """How ``node`` is pickled.

    Pickle would recurse once per node. It is handed the whole graph as one flat sequence, operands first. Each node in
    it is asked again and then answers for itself alone, because its operands are already in pickle's memo; this also
    keeps nodes shared between several pickled Values shared. What arrives is made by the engine that serves there.
    """
    copying = _COPYING.get()()
    if copying is not None and id(node) in copying.ids:
        return restore, (node.op, node.args, node._data, node.grad, node.label, node._epoch - copying.now)
    graph = _Graph(order(node), copying.now if copying is not None else type(node)(0.0)._epoch)
    _COPYING.set(weakref.ref(graph))
    return operator.itemgetter(-1), (graph,)


class _Graph(list[Any]):
    """The nodes of a graph, operands first, on their way into a pickle; arrives there as a tuple."""

    def __init__(self, order: list[Any], now: int) -> None:
        super().__init__(order)
        self.ids = set(map(id, order))
        self.now = now  # one for all graphs in a pickle, as they may share nodes

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return tuple, (tuple(self),)
