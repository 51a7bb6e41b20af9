"""Nested arguments: numbers and Values in lists, tuples, named tuples, dicts, dataclasses and NumPy arrays.

A leaf is whatever none of these holds further, be it a number or not: who walks decides what it takes. A node is known
by its ``_apply``, so this module knows no engine. Of each structure a walk takes a copy of what it holds when it comes
there, so that nothing that happens on the way can disturb it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from itertools import islice
from typing import Any

_FLAT = (str, bytes, bytearray, memoryview, range)  # what they hold are texts and numbers

Path = str  # how a part is reached, as Python writes it behind the name of the whole: "[0]['w']", ".mass"


def is_node(x: object) -> bool:
    """Whether ``x`` is a Value, of whichever engine."""
    return hasattr(type(x), "_apply")


def is_array(x: object) -> bool:
    """Whether ``x`` is a NumPy array of real numbers or objects; where NumPy was not imported there are none.

    Of a subclass only NumPy's own files in memory are taken: to others, such as masked arrays, matrices and those with
    units, the numbers alone are not what they mean.
    """
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(x) in (numpy.ndarray, numpy.memmap) and x.dtype.kind in "biufO"  # type: ignore[attr-defined]


def is_tree(x: object) -> bool:
    """Whether ``x`` holds parts, be they none at all.

    >>> is_tree([]), is_tree({"w": 1.0}), is_tree(1.0), is_tree("text")
    (True, True, False, False)
    """
    return type(x) is not float and (isinstance(x, (list, tuple, dict)) or _is_dataclass(x) or is_array(x))


def are_floats(items: Collection[Any]) -> bool:
    """Whether all are floats and nothing else, as they mostly are."""
    return [*map(type, items)].count(float) == len(items)


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

        return list(zip(numpy.ndindex(tree.shape), flat(tree), strict=True))
    return []


def branches(tree: Any, path: Path) -> list[tuple[Any, Path, Any]]:
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
    for _, at, part in branches(tree, path):
        if is_tree(part):
            yield from leaves(part, at)
        else:
            yield at, part


def flatten(tree: Any) -> list[Any]:
    """The leaves in order.

    >>> flatten({"w": [1.0, 2.0], "b": 3.0})
    [1.0, 2.0, 3.0]
    """
    if not is_tree(tree):
        return [tree]
    held = flat(tree) if isinstance(tree, (list, tuple)) or is_array(tree) else [part for _, part in children(tree)]
    return [leaf for part in held for leaf in ([part] if is_node(part) else flatten(part))]


def parts(tree: Any, path: Path = "") -> Iterator[tuple[Path, Any]]:
    """Everything within a structure, itself included, with its path: what holds parts before them.

    >>> list(parts([1.0, ()]))
    [('', [1.0, ()]), ('[0]', 1.0), ('[1]', ())]
    """
    yield path, tree
    for _, at, part in branches(tree, path):
        yield from parts(part, at)


def holds_node(tree: Any) -> bool:
    """Whether there is a Value among the leaves.

    >>> holds_node([1.0, {"x": 2.0}])
    False
    """
    if isinstance(tree, (list, tuple)):
        return not are_floats(tree) and any(map(holds_node, tuple(tree)))
    if is_tree(tree):
        return any(holds_node(part) for _, part in children(tree))
    return is_node(tree)


def contents(container: Any, kinds: tuple[type, ...]) -> Iterator[Any]:
    """All of some kinds that a container of any sort holds, at any depth: in sets, views, keys of dicts and arrays that
    are no structures, too; not in strings and iterators.

    >>> list(contents([{1.0}, {2.0: (3, 4.0)}], (float,)))
    [1.0, 2.0, 4.0]
    """
    stack, seen = [container], dict[int, Any]()
    while stack:
        part = stack.pop()
        if isinstance(part, kinds):
            yield part
        elif id(part) not in seen:
            seen[id(part)] = part
            stack += reversed(_contents(part))


def _contents(part: Any) -> list[Any]:
    if isinstance(part, Mapping):
        return [x for pair in part.items() for x in pair]
    if hasattr(part, "dtype"):
        import numpy

        return numpy.asarray(part).ravel().tolist() if getattr(part.dtype, "hasobject", False) else []
    if is_tree(part):
        return [*getattr(part, "__dict__", {}).values(), *[x for _, x in children(part)]]
    return list(part) if isinstance(part, Collection) and not isinstance(part, _FLAT) else []


def map_leaves(function: Callable[[Any], Any], tree: Any, where: Path = "") -> Any:
    """The same structure with each leaf replaced by what ``function`` makes of it.

    Dataclasses with a ``__post_init__`` are made by their constructor, so that what they compute from their fields is
    computed from the new ones; others are made without it. An array becomes an array of floats if all new leaves are
    floats, else of objects.

    Raises:
        TypeError: if a dataclass cannot be made of its fields; the message names it by its path behind ``where``.

    >>> map_leaves(lambda x: -x, {"w": [1.0, 2.0]})
    {'w': [-1.0, -2.0]}
    """
    try:
        return _mapped(function, tree)
    except _Unmakable as refusal:
        at = next(at for at, part in parts(tree, where) if part is refusal.whole)
        raise TypeError(f"{at or 'the argument'} is of type {type(refusal.whole).__name__}, {refusal}") from None


class _Unmakable(Exception):
    """A dataclass that cannot be made of its fields, and why; its path is found only now that it is wanted."""

    def __init__(self, whole: Any, why: str) -> None:
        super().__init__(why)
        self.whole = whole


def _mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    if not is_tree(tree):
        return function(tree)
    if isinstance(tree, (list, tuple)):  # most often, and without need of keys
        items = tuple(tree)
        return _sequence(tree, [function(x) if type(x) is float else _mapped(function, x) for x in items])
    if type(tree) is dict:
        return {key: _mapped(function, part) for key, part in tuple(tree.items())}
    if is_array(tree):
        return array(tree.shape, _mapped(function, flat(tree)))
    new = [(key, _mapped(function, part)) for key, part in children(tree)]
    if hasattr(type(tree), "__post_init__") and _is_dataclass(tree):
        return _constructed(tree, new)
    return _with(tree, new)


def _constructed(tree: Any, new: list[tuple[str, Any]]) -> Any:
    """A dataclass made by its constructor of ``new``, in place of its fields."""
    import dataclasses

    for name, field in type(tree).__dataclass_fields__.items():
        if field._field_type is dataclasses._FIELD_INITVAR:  # type: ignore[attr-defined]
            raise _Unmakable(tree, f"which does not keep its InitVar {name!r}; make {name!r} a field")
    made = dataclasses.replace(tree, **dict(new))
    for name, part in new:
        if getattr(made, name, None) is not part:
            remedy = "have it compute into a field of its own, declared with field(init=False)"
            raise _Unmakable(tree, f"whose __post_init__ changes the field {name!r}; {remedy}")
    return made


def rebuild(tree: Any, new: Iterator[Any]) -> Any:
    """The same structure with its leaves replaced by the next ones of ``new``, such as derivatives by them, of which
    there are enough.

    Dataclasses are made without their constructor, as a derivative need not be what it accepts; fields that it would
    compute hold what they hold in ``tree``.

    >>> rebuild({"w": [1.0, 2.0], "b": 3.0}, iter([10.0, 20.0, 30.0]))
    {'w': [10.0, 20.0], 'b': 30.0}
    """
    if isinstance(tree, (list, tuple)):
        items = tuple(tree)
        if are_floats(items):
            return _sequence(tree, list(islice(new, len(items))))
        return _sequence(tree, [rebuild(part, new) for part in items])
    if type(tree) is dict:
        return {key: rebuild(part, new) for key, part in tuple(tree.items())}
    if is_array(tree):
        return array(tree.shape, rebuild(flat(tree), new))
    if is_tree(tree):
        return _with(tree, [(key, rebuild(part, new)) for key, part in children(tree)])
    return next(new)


def rebuild_blocks(tree: Any, make: Callable[[tuple[int, ...] | None], Any]) -> Any:
    """The same structure with each array, as a whole, and each number elsewhere replaced by what ``make`` makes of its
    shape, which is None for a number.

    >>> rebuild_blocks([1.0, (2.0,)], lambda shape: shape)
    [None, (None,)]
    """
    if not is_tree(tree):
        return make(None)
    if is_array(tree) and not any(map(is_tree, flat(tree))):
        return make(tree.shape)
    if isinstance(tree, (list, tuple)):
        return _sequence(tree, [rebuild_blocks(part, make) for part in tuple(tree)])
    if is_array(tree):
        return array(tree.shape, [rebuild_blocks(part, make) for part in flat(tree)])
    return _with(tree, [(key, rebuild_blocks(part, make)) for key, part in children(tree)])


def _with(tree: Any, new: list[tuple[Any, Any]]) -> Any:
    """A dict or dataclass of the type of ``tree`` that holds ``new``, which are children like its own."""
    if _is_dataclass(tree):
        return _assembled(tree, new)
    import copy

    made = copy.copy(tree)
    made.clear()
    for key, part in new:
        made[key] = part
    return made


def _sequence(tree: Any, items: list[Any]) -> Any:
    """A list or tuple of the type of ``tree`` that holds ``items``."""
    if type(tree) is list:
        return items
    if isinstance(tree, tuple):
        return tuple.__new__(type(tree), items)
    import copy

    made = copy.copy(tree)
    made[:] = items
    return made


def _assembled(tree: Any, new: list[tuple[str, Any]]) -> Any:
    """A dataclass of ``new`` and its other fields; not of what else it holds, such as what a property has cached."""
    import dataclasses

    kind: Any = type(tree)
    made = kind.__new__(kind)
    kept = [(f.name, getattr(tree, f.name)) for f in dataclasses.fields(tree) if not f.init and hasattr(tree, f.name)]
    for name, part in kept + new:
        object.__setattr__(made, name, part)  # frozen ones too
    return made


def flat(tree: Any) -> Any:
    """What a list, tuple or array holds, an array row by row."""
    if isinstance(tree, (list, tuple)):
        return tree
    import numpy

    return numpy.asarray(tree).ravel().tolist()


def array(shape: tuple[int, ...], items: list[Any]) -> Any:
    """An array that holds these items row by row: of floats, or of objects if one of them is none."""
    import numpy

    if are_floats(items):
        return numpy.array(items, dtype=float).reshape(shape)
    made = numpy.fromiter(items, dtype=object, count=len(items))  # which does not look into those that are lists
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
