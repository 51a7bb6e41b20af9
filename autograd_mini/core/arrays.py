"""What NumPy's functions do with a Value: those called on one come here, by the protocols of NEP 13 and 18.

Where the table has a row by NumPy's name of a function, the row computes it: of numbers, or entry by entry of arrays.
The rest is left to NumPy, which takes a Value for an array of one object. On arrays of Values alone NumPy asks nobody:
a ufunc calls Python's operator or comparison, or the method of its name, for each of them.
"""

from __future__ import annotations

import functools
import sys
from numbers import Real
from typing import Any

from .. import trees
from ..ops import FUNCTIONS, TABLE

_ROWS = {
    name: op
    for op in TABLE.values()
    if op.role == "function" and (op.arity or op.spread)
    for name in (op.name, op.numpy)
    if name != "remainder"  # with NumPy this is %, and with math that of IEEE 754
}


def call_ufunc(ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """A ufunc, or one of its methods, on arguments with a Value among them.

    Raises:
        TypeError: if it has no row and knows no objects, or a Value is its ``out`` or ``where``.
    """
    name = ufunc.__name__
    if name in _ROWS:
        if method == "__call__" and not options and _are_numbers(inputs):
            return FUNCTIONS[_ROWS[name].name](*inputs)
        ufunc = _on_objects(name, ufunc.nin)
    elif not _knows_objects(ufunc):
        raise TypeError(
            f"{name} takes no Values; use .item() for the number, or give the function a slope with ag.operation"
        )
    if options and any(map(trees.is_node, (*options.get("out", ()), options.get("where")))):
        raise TypeError(
            f"{name} got a Value as its out or where; pass an array of objects as out, one of bools as where"
        )
    asarray = sys.modules["numpy"].asarray
    return getattr(ufunc, method)(*[asarray(x) if trees.is_node(x) else x for x in inputs], **options)


def call_function(function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Another function of NumPy on arguments with a Value among them."""
    op = _ROWS.get(function.__name__)
    if op is not None and op.fits(len(args)) and not kwargs and _are_numbers(args):
        return FUNCTIONS[op.name](*args)
    numpy: Any = sys.modules["numpy"]
    return numpy.ndarray.__array_function__(numpy.empty(0), function, (), args, kwargs)


@functools.cache
def _on_objects(name: str, count: int) -> Any:
    """The row of that name as a ufunc."""
    return sys.modules["numpy"].frompyfunc(FUNCTIONS[_ROWS[name].name], count, 1)


@functools.cache
def _knows_objects(ufunc: Any) -> bool:
    return any("O" in types for types in ufunc.types)


def _are_numbers(args: tuple[Any, ...]) -> bool:
    return all(trees.is_node(x) or isinstance(x, Real) for x in args)
