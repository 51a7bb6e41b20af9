"""Deep copies and pickles of whole graphs, without recursion, across engines."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable, Container
from contextvars import ContextVar
from typing import Any

from ..ops import Op

_serving: list[type] = []  # the class of the engine that serves
# The graph that is being pickled in this flow of control, by a weak reference: it ends with the pickler that keeps it.
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


def deepcopy(node: Any, memo: dict[int, Any]) -> Any:
    """A deep copy without recursion: of the whole graph, operands first; ``memo`` keeps what is shared shared."""
    for a in _new_nodes(node, memo):
        args = tuple([b if type(b) is float else memo[id(b)] for b in a.args])
        memo[id(a)] = type(a)._restore(a.op, args, a._data, a.grad, a.label, a._epoch)
    return memo[id(node)]


def _new_nodes(root: Any, known: Container[int]) -> list[Any]:
    """The root and all that it was computed from, but for the known ids and what lies behind them: leaves, then by age.

    So what copies a list of nodes of one graph goes through each of them once.
    """
    found = {id(root): root}
    queue = [root]
    for node in queue:  # which grows meanwhile
        for a in node.args:
            if type(a) is not float and id(a) not in found and id(a) not in known:
                found[id(a)] = a
                queue.append(a)
    return sorted(queue, key=lambda node: (node.op is not None, node._epoch))


def reduce(node: Any) -> tuple[Any, ...]:
    """How ``node`` is pickled.

    Pickle would recurse once per node. It is handed the whole graph as one flat sequence, operands first. Each node in
    it is asked again and then answers for itself alone, because its operands are already in pickle's memo; this also
    keeps nodes shared between several pickled Values shared. What arrives is made by the engine that serves there.
    """
    graph = _COPYING.get()()
    if graph is not None and id(node) in graph.known:
        return restore, (node.op, node.args, node._data, node.grad, node.label, node._epoch - graph.now)
    graph = _Graph(node, graph)
    _COPYING.set(weakref.ref(graph))
    return operator.itemgetter(-1), (graph,)


class _Graph(list[Any]):
    """The nodes of a graph, operands first, on their way into a pickle; arrives there as a tuple. Of several in one
    pickle, the later ones hold what is new. All count ages from one moment, as they share nodes."""

    def __init__(self, node: Any, earlier: Any) -> None:
        self.known: set[int] = earlier.known if earlier is not None else set()
        # Far ahead, so that all ages are negative, also of what is computed while the pickle is being made.
        self.now: int = earlier.now if earlier is not None else type(node)(0.0)._epoch + 2**32
        super().__init__(_new_nodes(node, self.known))
        self.known.update(map(id, self))

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return tuple, (tuple(self),)
