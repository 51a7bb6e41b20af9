"""Checkpointing: less memory for more time. Of a part of the graph only the operands and results are kept; the backward
pass computes it again. In reverse mode this is due to Griewank (1992).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from .. import trees
from ..arguments import wrong_type
from ..core import mode
from ..core.bundles import bundle
from ..core.serving import Value, new_epoch, pull, push, topological_order
from ..ops import TABLE


def recompute(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function like ``f`` whose inner steps are not kept: each result is one node, and ``f`` runs again where a
    derivative is wanted.

    In a loop of n steps, one such call for each √n of them needs memory for 2 √n steps in place of n, and one more
    evaluation in time.

    Args:
        f: a function of numbers and Values in any structure, whose result is the same. It must give the same each time.
            Values that it takes from elsewhere, such as the weights of a model, are differentiated by too. It lives as
            long as its results, with all that it refers to; so it should not refer to these.

    Returns:
        a function of the same arguments and the same result.

    Raises:
        TypeError: if ``f`` is no function, or, when called, gives something that is no number.
        RuntimeError: in the backward pass, if ``f`` gives something else the second time.

    >>> import autograd_mini as ag
    >>> def steps(x):
    ...     for _ in range(100):
    ...         x = x + 0.01 * ag.sin(x)
    ...     return x
    >>> y = recompute(steps)(ag.Value(1.0))
    >>> [a.data for a in y.args]
    [1.0]
    >>> ag.grad(recompute(steps))(1.0) == ag.grad(steps)(1.0)
    True
    """
    if not callable(f):
        raise wrong_type("f", f, "pass a function")

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not mode.is_recording():
            return f(*args, **kwargs)
        arguments = (args, kwargs)
        given = [x for _, x in trees.leaves(arguments) if isinstance(x, Value)]
        part = _Part(f, arguments)
        with mode.tracing():
            start = new_epoch()
            found, results = part.run([x.detach() for x in given])
        operands = given + _captured(results, start)
        if not results or not operands:
            return found
        part.begin(len(given), results)
        nodes = iter(bundle(part, [v.data for v in results], operands))
        return trees.map_leaves(lambda x: next(nodes) if isinstance(x, Value) else x, found)

    return call


def _captured(roots: Sequence[Value], start: int) -> list[Value]:
    """What was there before the epoch ``start``, and the roots are computed from."""
    found: dict[Value, None] = {}
    for node in topological_order(*roots, since=start):
        for a in (*node.args, node):
            if isinstance(a, Value) and a._epoch < start:
                found[a] = None
    return list(found)


class _Part:
    """One call of a function that ``recompute`` made."""

    name = "recompute"

    def __init__(self, f: Callable[..., Any], arguments: Any) -> None:
        self._f = f
        self._arguments = trees.map_leaves(lambda x: _HOLE if isinstance(x, Value) else x, arguments)

    def begin(self, given: int, results: Sequence[Value]) -> None:
        self._given, self._expected = given, [v.data for v in results]

    def run(self, variables: Sequence[Value]) -> tuple[Any, list[Value]]:
        """What ``f`` gives, with these in place of the Values among its arguments, and the Values in it."""
        fresh = iter(variables)
        args, kwargs = trees.map_leaves(lambda x: next(fresh) if x is _HOLE else x, self._arguments)
        found = self._f(*args, **kwargs)
        for at, x in trees.leaves(found, "f(...)"):
            if not isinstance(x, (Value, Real)):
                raise wrong_type(at, x, "let f return numbers")
        return found, [x for _, x in trees.leaves(found) if isinstance(x, Value)]

    def pull(self, results: Sequence[Any], cotangents: Sequence[Any], on_values: bool) -> list[Any]:
        with mode.tracing():
            inputs, roots, start = self._again(results, on_values)
            return pull(roots, cotangents, inputs, start, on_values)

    def push(self, results: Sequence[Any], tangents: Sequence[Any], on_values: bool) -> list[Any]:
        with mode.tracing():
            inputs, roots, start = self._again(results, on_values)
            return push(inputs, tangents, roots, start, on_values)

    def _again(self, results: Sequence[Any], on_values: bool) -> tuple[list[Value], list[Value], int]:
        """A recording of ``f``: its variables and what it captures, its results, and where a sweep ends."""
        given, captured = results[0].args[: self._given], results[0].args[self._given :]
        start = new_epoch()
        variables = [Value._apply(TABLE["mul"], x, 1.0) if on_values else x.detach() for x in given]
        roots = self.run(variables)[1]
        found = [v.data for v in roots]
        if repr(found) != repr(self._expected):  # which knows NaN and signs of zero
            raise RuntimeError(
                f"{getattr(self._f, '__name__', 'f')} gave {found} when it was computed again, and {self._expected} "
                "before; let it depend on its arguments alone, not on random numbers or what changes"
            )
        return [*variables, *captured], roots, start


_HOLE = object()  # stands where a Value was
