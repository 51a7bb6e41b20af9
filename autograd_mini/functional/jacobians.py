"""Matrices of derivatives: the rows of a Jacobian, each by a sweep over its own part of the graph, and their form.

A row costs what its root was computed from, whatever else was recorded, and holds the inputs among that alone. So a
matrix that is structurally sparse, such as a banded one, costs in proportion to its entries.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .. import trees
from ..arguments import flag
from ..core import mode
from ..core.serving import Value, pull, pull_each, push
from .calls import (
    Argnums,
    Recording,
    Transformed,
    checked_argnums,
    checked_function,
    name_of,
    outputs_of,
    settled,
    without_aux,
)

Row = tuple[Sequence[int], Sequence[Any]]  # the places of the inputs that it has, and the derivatives by them

# So many times more outputs than inputs there must be for sweeps forward: they do not see what is zero, and the native
# engine has as many rows in one sweep backward.
FEW = 16


def jacobian(
    f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, sparse: bool = False
) -> Callable[..., Any]:
    """A function that gives the derivatives of each number that ``f`` returns by each number in an argument.

    It sweeps backward once for each result, over what that was computed from, or forward once for each input where
    these are far fewer.

    Args:
        f: a function whose result is numbers in nested structures.
        argnums: which positional argument, or arguments, to differentiate by, as for ``value_and_grad``.
        has_aux: whether ``f`` returns a pair, of which the second part is handed through and not differentiated.
        sparse: whether to return a SciPy CSR array, which holds only what is not structurally zero. Result and argument
            are then flat: lists or tuples of numbers, or arrays of one axis.

    Returns:
        a function of the same arguments that returns the Jacobian, or ``(jacobian, aux)``: the structure of the result
        with a structure like the argument's in place of each number (a tuple of them for several ``argnums``). For an
        array and an array it is one array, whose shape is that of the result and then that of the argument. All are
        floats, or Values as for ``value_and_grad``.

    Raises:
        TypeError: if ``f`` is no function or ``argnums`` is of the wrong type; when called, if an argument to
            differentiate by holds something that is no number, or if ``f`` returns something else than numbers.
        ValueError: if an argnum is given twice, none is given, or, when called, the call has no such argument, or a
            sparse matrix is asked for that is not one of flat results by a flat argument.
        StaleGraphError: when called, if ``f`` used a Value and then assigned it.
        ImportError: when called, if a sparse matrix is asked for and SciPy is missing.

    >>> jacobian(lambda xs: [xs[0] * xs[1], xs[1] ** 2])([3.0, 2.0])
    [[2.0, 3.0], [0.0, 4.0]]
    """
    checked_function("jacobian", f)
    return _Jacobian(f, checked_argnums(argnums), flag("has_aux", has_aux), flag("sparse", sparse))


class MatrixTransform(Transformed):
    """What ``jacobian`` and ``hessian`` return; they differ in what the rows of the matrix are."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        argnums, has_aux, sparse = self._options
        f, held = without_aux(type(self)._name, self._f) if has_aux else (self._f, [])
        with mode.tracing() as state:
            call = Recording(state, f, argnums, args, kwargs)
            structure, rows = self._rows(f, call, sparse)
        made = matrix(call, structure, rows, sparse, name_of(self))
        return (made, settled(held[0], call.further)) if has_aux else made

    def _rows(self, f: Callable[..., Any], call: Recording, sparse: bool) -> tuple[Any, list[Row]]:
        """What the rows stand for, a structure with a number for each, and the rows."""
        raise NotImplementedError


class _Jacobian(MatrixTransform):
    _name = "jacobian"

    def _rows(self, f: Callable[..., Any], call: Recording, sparse: bool) -> tuple[Any, list[Row]]:
        return call.out, rows_of(call, outputs_of(f, call.out), is_dense=not sparse)


def rows_of(call: Recording, outputs: list[Any], is_dense: bool) -> list[Row]:
    """The derivatives of each output by the inputs of a call, within the ``mode.tracing()`` of it."""
    roots = [x for x in outputs if isinstance(x, Value)]
    if call.further:
        rows: Iterator[Row] = (_row_of_values(call, root) for root in roots)
    elif is_dense and FEW * len(call.inputs) <= len(roots):
        columns = [push([x], [1.0], roots, call.start) for x in call.inputs]
        rows = ((range(len(columns)), row) for row in zip(*columns, strict=True))
    else:
        rows = iter(pull_each(roots, call.inputs, call.start))
    return [next(rows) if isinstance(x, Value) else ((), ()) for x in outputs]


def _row_of_values(call: Recording, root: Value) -> Row:
    return range(len(call.inputs)), pull([root], [1.0], call.inputs, call.start, on_values=True)


# ---- Their form. ----------------------------------------------------------------------------------------------------


def matrix(call: Recording, out: Any, rows: list[Row], sparse: bool, name: str) -> Any:
    """Rows in the structure of ``out``, and each in that of the arguments."""
    if sparse:
        return _sparse(call, out, rows, name)
    structure: Any = call.structure
    width = len(call.inputs)
    is_whole = trees.is_array(structure) and trees.is_array(out) and (len(rows), width) == (out.size, structure.size)
    if is_whole and not call.further:
        return _array((*out.shape, *structure.shape), rows, width)
    is_flat = type(structure) is list and trees.are_floats(structure)
    next_rows = (_dense(row, width, call.further) for row in rows)

    def block(shape: tuple[int, ...] | None) -> Any:
        if shape is None:
            return next(next_rows) if is_flat else trees.rebuild(structure, iter(next(next_rows)))
        return _block(structure, shape, list(itertools.islice(next_rows, math.prod(shape))))

    return trees.rebuild_blocks(out, block)


def _block(structure: Any, shape: tuple[int, ...], rows: list[list[Any]]) -> Any:
    """The rows of an array of results, with arrays in place of what the arguments hold."""
    start = 0

    def part(columns: tuple[int, ...] | None) -> Any:
        nonlocal start
        before, start = start, start + math.prod(columns or ())
        return trees.array((*shape, *(columns or ())), [x for row in rows for x in row[before:start]])

    return trees.rebuild_blocks(structure, part)


def _dense(row: Row, width: int, further: bool) -> list[Any]:
    places, slopes = row
    if len(slopes) == width:  # and then they are in order
        return list(slopes)
    whole = [Value(0.0) for _ in range(width)] if further else [0.0] * width
    for i, slope in zip(places, slopes, strict=True):
        whole[i] = slope
    return whole


def _array(shape: tuple[int, ...], rows: list[Row], width: int) -> Any:
    """The rows as one array of floats."""
    import numpy

    starts, places, slopes = _compressed(rows)
    made = numpy.zeros((len(rows), width))
    made[numpy.repeat(numpy.arange(len(rows)), numpy.diff(starts)), places] = slopes
    return made.reshape(shape)


def _compressed(rows: list[Row]) -> tuple[list[int], list[int], list[Any]]:
    """Where in the other two each row starts and ends, the places of all rows, and the derivatives."""
    starts = [0, *itertools.accumulate(len(places) for places, _ in rows)]
    return starts, [i for places, _ in rows for i in places], [x for _, slopes in rows for x in slopes]


def _sparse(call: Recording, out: Any, rows: list[Row], name: str) -> Any:
    """The same as a SciPy CSR array."""
    for noun, tree in (("the argument", call.structure), ("the result", out)):
        shape = getattr(tree, "shape", None) if trees.is_array(tree) else isinstance(tree, (list, tuple)) and (0,)
        if not shape or len(shape) != 1 or any(trees.is_tree(part) for _, part in trees.children(tree)):
            raise ValueError(
                f"{name} with sparse=True needs flat numbers, but {noun} is a {type(tree).__name__} that is not; "
                "pass and return a list of numbers or an array of one axis, or leave sparse out"
            )
    if call.further:
        raise ValueError(
            f"{name} with sparse=True holds floats, but the call has Values or is within another transform; "
            "leave sparse out there"
        )
    try:
        from scipy.sparse import csr_array
    except ImportError as error:
        raise ImportError(f"{name} with sparse=True needs SciPy; install it by `pip install scipy`") from error
    starts, places, slopes = _compressed(rows)
    return csr_array((slopes, places, starts), shape=(len(rows), len(call.inputs)), dtype=float)
