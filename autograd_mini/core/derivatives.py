"""The two primitives under every transform: ``pull`` goes backward through a recording, ``push`` forward; and rows.

Either works on floats, or on Values: it then evaluates the same partials on nodes and thereby records the derivative as
a graph, which can be differentiated further. This page is the reference; the native engine has both in C.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..ops import FUNCTIONS
from . import mode, shared
from .bundles import Bundle
from .value import Value, adjoints, fresh_partials, topological_order

_sum = FUNCTIONS["sum"]


def pull(
    roots: Sequence[Value],
    cotangents: Sequence[Any],
    inputs: Sequence[Value],
    since: int = mode.BEGINNING,
    on_values: bool = False,
) -> list[Any]:
    """The derivatives of the roots, weighted by their cotangents, by each of the inputs.

    Args:
        roots: results of a recording.
        cotangents: a number for each root; also Values, if the sweep is over Values.
        inputs: the nodes to differentiate by, whatever they are.
        since: an epoch at which the sweep ends; of what was recorded before, only the inputs are there, as if they
            were leaves.
        on_values: whether to compute Values in place of floats.

    Returns:
        a float for each input, 0.0 where no root depends on it; or a Value.

    Raises:
        StaleGraphError: if a leaf was assigned after the graph was recorded.

    >>> x, y = Value(3.0), Value(2.0)
    >>> pull([x * y, y * y], [1.0, 10.0], [x, y])
    [2.0, 43.0]
    """
    roots, cotangents = shared.paired(Value, roots, cotangents, on_values)
    inputs = shared.checked_nodes(Value, inputs)
    if not on_values:
        slopes = adjoints(roots, cotangents, since, inputs)
        return [slopes.get(v, 0.0) for v in inputs]
    terms = adjoint_values(roots, cotangents, since, inputs)
    return [_as_value(terms.get(v, 0.0)) for v in inputs]


def adjoint_values(
    roots: Sequence[Value], cotangents: Sequence[Any], since: int, inputs: Sequence[Value] = ()
) -> dict[Value, Any]:
    """The sweep of ``adjoints`` over Values instead of floats: its result is recorded and can be differentiated."""
    roots, cotangents = shared.paired(Value, roots, cotangents, on_values=True)
    with mode.sweeping(roots, cotangents, since, on_values=True) as swept:
        order, ends = shared.within(topological_order, roots, inputs, since)
        terms: dict[Value, list[Any]] = {node: [] for node in [*order, *ends]}
        for root, cotangent in zip(roots, cotangents, strict=True):
            terms[root].append(cotangent)
        adjoint: dict[Value, Any] = dict.fromkeys(terms)
        memory: dict[Any, Any] = {}
        for node in reversed(order):
            cotangent = adjoint[node] = _total(terms[node])
            if isinstance(node.op, Bundle):
                for a, term in zip(node.args, node.op.pass_on(node, cotangent, memory, on_values=True), strict=True):
                    if term is not None and type(a) is Value and a in terms:
                        terms[a].append(term)
                continue
            # A Value that is 0.0 here may still vary, so only a plain zero ends the walk; strong_mul does the rest.
            if node.op is None or _is_nothing(cotangent):
                continue
            slope_by = partial_values(node)
            for i, a in enumerate(node.args):
                if type(a) is Value and a in terms and (slope := slope_by(i)) is not None:
                    terms[a].append(shared.strong_mul(cotangent, slope))
        adjoint.update({node: _total(terms[node]) for node in ends})
        swept(adjoint)
    return adjoint


def partial_values(node: Value) -> Callable[[int], Any]:
    """A function that gives the partial by one operand: a number, or a Value, which records how it depends on the
    operands. It computes it only then: the derivative's graph has just what is used, in the order in which it is used.

    >>> x = Value(3.0)
    >>> partial_values(x.sin())(0).op.name
    'cos'
    """
    op: Any = node.op
    args = node.args
    if callable(op.partials):
        found = shared.slopes_at_once(op, node, args)
        return found.__getitem__
    if op.arity:
        return lambda i: op.partials[i] and op.partials[i](node, *args)
    length = len(args) // op.lists
    return lambda i: op.partials[i // length](node, *args[i % length :: length])


def push(
    inputs: Sequence[Value],
    tangents: Sequence[Any],
    roots: Sequence[Value],
    since: int = mode.BEGINNING,
    on_values: bool = False,
) -> list[Any]:
    """How the roots change when the inputs move in a direction: the derivative along it.

    Args:
        inputs: where to begin, leaves or not; each has the tangent that is given, whatever it was computed from.
        tangents: the direction, a number for each input; also Values, if the sweep is over Values.
        roots: the results whose derivatives are wanted.
        since, on_values: as for ``pull``.

    Returns:
        a float for each root, 0.0 where it depends on no input; or a Value.

    Raises:
        StaleGraphError: if a leaf was assigned after the graph was recorded.

    >>> x, y = Value(3.0), Value(2.0)
    >>> push([x, y], [1.0, 10.0], [x * y, y * y])
    [32.0, 40.0]
    """
    inputs, tangents = shared.paired(Value, inputs, tangents, on_values)
    roots = shared.checked_nodes(Value, roots)
    with mode.sweeping(inputs, tangents, since, on_values, is_forward=True) as swept:
        order, ends = shared.within(topological_order, roots, inputs, since)
        tangent: dict[Value, Any] = dict.fromkeys([*order, *ends], 0.0)
        tangent.update((v, x) for v, x in zip(inputs, tangents, strict=True) if v in tangent)
        given = set(inputs)
        memory: dict[Any, Any] = {}
        for node in order:
            if isinstance(node.op, Bundle) and node not in given:
                moves = [tangent.get(a, 0.0) if type(a) is Value else 0.0 for a in node.args]
                tangent[node] = node.op.tangent(node, moves, memory, on_values)
                continue
            moving = [
                (i, tangent[a])
                for i, a in enumerate(node.args)
                if type(a) is Value and not _is_nothing(tangent.get(a, 0.0))
            ]
            if moving and node not in given:
                slope_by = partial_values(node) if on_values else fresh_partials(node).__getitem__
                terms = [shared.strong_mul(change, slope) for i, change in moving if (slope := slope_by(i)) is not None]
                tangent[node] = _total(terms) if on_values else _sum(terms)
        swept(tangent)
    found = [tangent.get(root, 0.0) for root in roots]
    return list(map(_as_value, found)) if on_values else found


def pull_each(
    roots: Sequence[Value], inputs: Sequence[Value], since: int = mode.BEGINNING, adjoints: Any = adjoints
) -> list[tuple[list[int], list[float]]]:
    """The derivatives of each root alone, by those of the inputs that it was computed from: rows of a Jacobian.

    Args:
        roots, inputs: as for ``pull``.
        since: an epoch at which the sweep ends.
        adjoints: the sweep of the engine.

    Returns:
        for each root the places among the inputs, leaves before others, and the derivatives by these.

    Raises:
        StaleGraphError: if a leaf was assigned after the graph was recorded.

    >>> x, y = Value(3.0), Value(2.0)
    >>> pull_each([x * y, y * y], [x, y])
    [([0, 1], [2.0, 3.0]), ([1], [4.0])]
    """
    place = {v: i for i, v in enumerate(inputs)}
    rows = []
    for root in roots:
        found = [(place[v], slope) for v, slope in adjoints([root], [1.0], since).items() if v in place]
        rows.append(([i for i, _ in found], [slope for _, slope in found]))
    return rows


class Differentiating:
    """What ``grad`` and ``value_and_grad`` return is of this class: calls of it give the derivatives of ``f``.

    The native engine has it in C and does a call there, for the usual kinds of arguments.

    Args:
        f: the function to differentiate.
        argnums: which of its arguments to differentiate by, an int or a tuple of ints.
        in_python: gives value and gradient for ``f``, ``argnums``, and the arguments of a call as a tuple and a dict.
        with_value: whether a call gives both, or the gradient alone.
    """

    def __init__(self, f: Callable[..., Any], argnums: Any, in_python: Callable[..., Any], with_value: bool) -> None:
        self.__call = f, argnums, in_python, with_value

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        f, argnums, in_python, with_value = self.__call
        both = in_python(f, argnums, args, kwargs)
        return both if with_value else both[1]


def _total(terms: list[Any]) -> Any:
    return terms[0] if len(terms) == 1 else _sum(terms) if terms else 0.0


def _is_nothing(x: Any) -> bool:
    return type(x) is float and x == 0.0


def _as_value(x: Any) -> Value:
    return x if isinstance(x, Value) else Value(x)
