"""From numbers to Values and back, a whole array or other structure at a time.

NumPy computes with arrays of Values by itself; README.md lists what it can do with them. Nothing here imports it: the
structures are those of ``trees``.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

from .. import trees
from ..arguments import wrong_type
from ..core.serving import Value


def values(tree: Any) -> Any:
    """The same structure with each number made a leaf Value, to compute with and to differentiate by.

    Args:
        tree: numbers in nested lists, tuples, dicts, dataclasses and NumPy arrays, or a single number.

    Returns:
        a structure of new Values; an array becomes an array of objects of the same shape.

    Raises:
        TypeError: if there is anything else than a real number in it, a Value too.

    >>> values({"w": [1.0, 2], "b": 0.5})
    {'w': [Value(1.0), Value(2.0)], 'b': Value(0.5)}
    """
    _check(tree, (Real,), "give real numbers; ag.data has those of Values")
    return trees.map_leaves(Value, tree, "tree")


def data(tree: Any) -> Any:
    """The same structure with the number of each Value in its place, for a plot or a file; its gradients stay behind.

    Args:
        tree: Values and numbers in nested lists, tuples, dicts, dataclasses and NumPy arrays, or a single one.

    Returns:
        a structure of floats; an array of objects becomes an array of floats.

    Raises:
        TypeError: if there is anything else than a Value or a real number in it.

    >>> data([values(1.0) * 2.0, 3])
    [2.0, 3.0]
    """
    _check(tree, (Value, Real), "give Values and real numbers")
    return trees.map_leaves(lambda x: x.item() if isinstance(x, Value) else float(x), tree, "tree")


def gradients(tree: Any) -> Any:
    """The same structure with the ``grad`` of each Value in its place, as ``backward`` left it.

    Args:
        tree: Values in nested lists, tuples, dicts, dataclasses and NumPy arrays, or a single one.

    Returns:
        a structure of floats; an array of objects becomes an array of floats.

    Raises:
        TypeError: if there is anything else than a Value in it, a number too, as it has no gradient.

    >>> x = values([1.0, 2.0])
    >>> (x[0] * x[1]).backward()
    >>> gradients(x)
    [2.0, 1.0]
    """
    _check(tree, (Value,), "give Values, as nothing else has a gradient; ag.values makes them of numbers")
    return trees.rebuild(tree, iter([x.grad for x in trees.flatten(tree)]))


def _check(tree: Any, kinds: tuple[type, ...], remedy: str) -> None:
    for at, x in trees.leaves(tree, "tree"):
        if not isinstance(x, kinds):
            raise wrong_type(at, x, remedy)
