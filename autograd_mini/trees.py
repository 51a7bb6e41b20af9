"""Nested arguments: numbers and Values in lists, tuples, named tuples, dicts, dataclasses and NumPy arrays.

A leaf is whatever none of these holds further, be it a number or not: who walks decides what it takes. A node is known
by its ``_apply``, so this module knows no engine. Of each structure a walk takes a copy of what it holds when it comes
there, so that nothing that happens on the way can disturb it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator
from typing import Any

Path = str  # how a part is reached, as Python writes it behind the name of the whole: "[0]['w']", ".mass"


def is_node(x: object) -> bool:
    """Whether ``x`` is a Value, of whichever engine."""
    return hasattr(type(x), "_apply")


def is_array(x: Any) -> bool:
    """Whether ``x`` is a plain NumPy array of numbers, texts or objects; where NumPy was not imported there are none.

    Masked arrays and matrices have an arithmetic of their own, which an array of Values would not follow; of dates and
    records the elements are no numbers, but would turn into some.
    """
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(x) is numpy.ndarray and x.dtype.kind in "biufcOSU"


def is_tree(x: object) -> bool:
    """Whether ``x`` holds parts, be they none at all.

    >>> is_tree([]), is_tree({"w": 1.0}), is_tree(1.0), is_tree("text")
    (True, True, False, False)
    """
    return type(x) is not float and (isinstance(x, (list, tuple, dict)) or _is_dataclass(x) or is_array(x))


def _is_dataclass(x: object) -> bool:
    return hasattr(type(x), "__dataclass_fields__") and not isinstance(x, (list, tuple, dict))


def _is_named_tuple(x: object) -> bool:
    return isinstance(x, tuple) and hasattr(x, "_fields")


def children(tree: Any) -> list[tuple[Any, Any]]:
    """The parts that a structure holds directly, each behind its key, index or field name; none in a leaf.

    Of a dataclass they are the fields that its constructor takes; it computes the others from them.

    >>> children({"w": 1.0, "b": [2.0]}), children([5.0])
    ([('w', 1.0), ('b', [2.0])], [(0, 5.0)])
    """
    if isinstance(tree, dict):
        return list(tree.items())
    if _is_named_tuple(tree):
        return list(zip(tree._fields, tree, strict=True))
    if isinstance(tree, (list, tuple)):
        return list(enumerate(tree))
    if _is_dataclass(tree):
        import dataclasses

        return [(field.name, getattr(tree, field.name)) for field in dataclasses.fields(tree) if field.init]
    if is_array(tree):
        import numpy

        return list(zip(numpy.ndindex(tree.shape), numpy.asarray(tree).ravel().tolist(), strict=True))
    return []


def _branches(tree: Any, path: Path) -> list[tuple[Any, Path, Any]]:
    """``children`` with their paths, that of the structure being ``path``."""
    held = children(tree)
    if _is_named_tuple(tree) or _is_dataclass(tree):
        return [(key, f"{path}.{key}", part) for key, part in held]
    if is_array(tree):  # one without axes is its number, by the same path
        return [(key, f"{path}[{', '.join(map(str, key))}]" if key else path, part) for key, part in held]
    return [(key, f"{path}[{key!r}]", part) for key, part in held]


def leaves(tree: Any, path: Path = "") -> Iterator[tuple[Path, Any]]:
    """The leaves in order, with their paths behind ``path``.

    >>> list(leaves({"w": [1.0, 2.0], "b": 3.0}, "p"))
    [("p['w'][0]", 1.0), ("p['w'][1]", 2.0), ("p['b']", 3.0)]
    """
    if not is_tree(tree):
        yield path, tree
    for _, at, part in _branches(tree, path):
        if is_tree(part):
            yield from leaves(part, at)
        else:
            yield at, part


def parts(tree: Any, path: Path = "") -> Iterator[tuple[Path, Any]]:
    """Everything within a structure, itself included, with its path: what holds parts before them.

    >>> list(parts([1.0, ()]))
    [('', [1.0, ()]), ('[0]', 1.0), ('[1]', ())]
    """
    yield path, tree
    for _, at, part in _branches(tree, path):
        yield from parts(part, at)


def holds_node(tree: Any) -> bool:
    """Whether there is a Value among the leaves.

    >>> holds_node([1.0, {"x": 2.0}])
    False
    """
    if is_tree(tree):
        return any(holds_node(part) for _, part in children(tree))
    return is_node(tree)


def map_leaves(function: Callable[[Any, Path], Any], tree: Any, path: Path = "") -> Any:
    """The same structure with each leaf replaced by what ``function`` makes of it and its path.

    A dataclass that computes something when it is made, in ``__post_init__``, is made anew, so that this is computed
    from the new leaves; others are copied. An array becomes one of floats if all new leaves are, else of objects.

    Raises:
        TypeError: for a dataclass that cannot be made of its fields alone, or does not keep them.

    >>> map_leaves(lambda x, at: -x, {"w": [1.0, 2.0]})
    {'w': [-1.0, -2.0]}
    """
    if not is_tree(tree):
        return function(tree, path)
    new = [(key, map_leaves(function, part, at)) for key, at, part in _branches(tree, path)]
    if _is_dataclass(tree) and hasattr(tree, "__post_init__"):
        return _constructed(tree, dict(new), path)
    return _with(tree, new)


def _constructed(tree: Any, fields: dict[str, Any], path: Path) -> Any:
    """A dataclass that computes something from its fields, made of new ones.

    Raises:
        TypeError: if it cannot be made of its fields alone, or does not keep them as they are.
    """
    import dataclasses
    import inspect

    name = type(tree).__name__
    for unknown in set(inspect.signature(type(tree)).parameters) - set(fields):
        raise TypeError(
            f"{path} is a {name}, whose constructor takes {unknown!r} and does not keep it, so that it cannot be made "
            "anew of its numbers; pass them in a structure that holds them all"
        )
    made = dataclasses.replace(tree, **fields)
    for field, x in fields.items():
        if getattr(made, field) is not x and not is_tree(x):
            raise TypeError(
                f"{path}.{field} is changed when a {name} is made, so that it would change twice; pass the number that "
                "is given to its constructor, and call that in the function"
            )
    return made


def rebuild(tree: Any, new: Iterator[Any]) -> Any:
    """The same structure with its leaves replaced by the next ones of ``new``, such as derivatives by them.

    Dataclasses are copied rather than constructed, as a derivative need not be what a constructor accepts; what they
    computed from their fields stays as it was.

    Raises:
        RuntimeError: if ``new`` ends too soon.

    >>> rebuild({"w": [1.0, 2.0], "b": 3.0}, iter([10.0, 20.0, 30.0]))
    {'w': [10.0, 20.0], 'b': 30.0}
    """
    if is_tree(tree):
        return _with(tree, [(key, rebuild(part, new)) for key, part in children(tree)])
    for leaf in new:
        return leaf
    raise RuntimeError("an argument got more numbers while the function ran; let it change copies only")


def finish(new: Iterator[Any]) -> None:
    """Say so if ``rebuild`` has left something over.

    Raises:
        RuntimeError: if ``new`` has not ended.
    """
    for _ in new:
        raise RuntimeError("an argument lost numbers while the function ran; let it change copies only")


def _with(tree: Any, new: list[tuple[Any, Any]]) -> Any:
    """A structure of the type of ``tree`` that holds ``new``, which are children like its own."""
    items = [part for _, part in new]
    if type(tree) is list:
        return items
    if type(tree) is dict:
        return dict(new)
    if isinstance(tree, tuple):
        return tuple.__new__(type(tree), items)
    if is_array(tree):
        return _array(tree.shape, items)
    import copy

    made = copy.copy(tree)
    if isinstance(tree, list):
        made[:] = items
    elif isinstance(tree, dict):
        made.clear()
        for key, part in new:
            made[key] = part
    else:
        for name, part in new:
            object.__setattr__(made, name, part)  # frozen dataclasses too
    return made


def _array(shape: tuple[int, ...], items: list[Any]) -> Any:
    import numpy

    made = numpy.empty(len(items), dtype=float if all(type(x) is float for x in items) else object)
    for i, x in enumerate(items):
        made[i] = x  # one by one, or NumPy would look into those that are lists
    return made.reshape(shape)


def structure(tree: Any) -> Hashable:
    """What two structures have in common whose leaves stand at the same places: a key for dicts.

    >>> structure([1.0, (2.0,)]) == structure([5, (6,)]) != structure([5, [6]])
    True
    """
    if not is_tree(tree):
        return None
    if is_array(tree):
        held = [structure(part) for _, part in children(tree)] if tree.dtype.hasobject else []
        return type(tree), tree.shape, tuple(held) if any(held) else None
    return type(tree), tuple((key, structure(part)) for key, part in children(tree))
