"""Equations: linear systems of Values, and derivatives of what a solver of equations finds.

A solver is code on floats: its steps and its stopping rule are no part of the function that it computes. The implicit
function theorem has the derivative without them. If ``F(x, p) = 0`` defines x near a solution, then
``dF/dx dx/dp + dF/dp = 0`` there.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from .. import trees
from ..arguments import number_within, wrong_type, wrong_value
from ..core import mode
from ..core.bundles import bundle
from ..core.serving import Value, new_epoch, pull, push, topological_order
from ..ops import FUNCTIONS, TABLE, number

_sumprod = FUNCTIONS["sumprod"]
_SETTLED = 4e-12  # a step that SciPy's solvers of one equation do not take any more


def solve(a: Any, b: Any) -> Any:
    """The solution x of the linear equations ``a x = b``, by elimination with partial pivoting.

    Args:
        a: a square matrix, as nested sequences or an array of numbers and Values.
        b: the right-hand side, a sequence of as many numbers and Values.

    Returns:
        a list of Values, or of floats if there is no Value in ``a`` and ``b``; an array if ``b`` is one. It costs in
        proportion to the cube of its length, in nodes too.

    Raises:
        ValueError: if ``a`` is not square, ``b`` is of another length, or ``a`` is singular to working precision.

    >>> solve([[2.0, 1.0], [1.0, 3.0]], [3.0, 5.0])
    [0.8, 1.4]
    """
    rows = [list(row) for row in a]
    right = list(b)
    if any(len(row) != len(rows) for row in rows):
        raise wrong_value("the shape of a", [len(rows), *sorted({len(row) for row in rows})], "give a square matrix")
    if len(right) != len(rows):
        raise wrong_value("the length of b", len(right), f"give one number for each of the {len(rows)} rows of a")
    found = _eliminate(
        [[x if isinstance(x, Value) else number(x) for x in row] for row in rows],
        [x if isinstance(x, Value) else number(x) for x in right],
    )
    return trees.rebuild(b, iter(found)) if trees.is_array(b) else found


def _eliminate(rows: list[list[Any]], right: list[Any]) -> list[Any]:
    """The same for lists of its own."""
    n = len(right)
    sizes = [max((abs(_plain(x)) for x in row), default=0.0) for row in rows]
    for k in range(n):
        # Sizes make rows alike that are the same equation in other units.
        best = max(range(k, n), key=lambda i: abs(_plain(rows[i][k])) / sizes[i] if sizes[i] else 0.0)
        rows[k], rows[best] = rows[best], rows[k]
        right[k], right[best] = right[best], right[k]
        sizes[k], sizes[best] = sizes[best], sizes[k]
        if not abs(_plain(rows[k][k])) > n * 2.0**-52 * sizes[k]:
            raise ValueError(f"the matrix is singular to working precision: column {k} depends on those before it")
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            if isinstance(factor, Value) or factor != 0.0:
                rows[i][k + 1 :] = [x - factor * y for x, y in zip(rows[i][k + 1 :], rows[k][k + 1 :], strict=True)]
                right[i] = right[i] - factor * right[k]
    for k in reversed(range(n)):
        right[k] = (right[k] - _sumprod(rows[k][k + 1 :], right[k + 1 :])) / rows[k][k]
    return right


def implicit(residual: Callable[..., Any], solve: Callable[..., Any], *, tol: float = 1e-8) -> Callable[..., Any]:
    """A function that is defined by equations: ``solve`` finds its result, ``residual`` says what the result fulfils.

    Args:
        residual: ``residual(x, *params)``, written with the operations of this package; it gives as many numbers as
            there are unknowns in ``x``, and all are 0 where ``x`` solves the equations.
        solve: ``solve(*params)`` on floats, by whatever means: SciPy, bisection, Newton's method, a loop until nothing
            changes. What it gives, a number or numbers in any structure, is ``x``.
        tol: how far a step of Newton's method from the solution may lead, relative to the unknown itself or to what it
            owes to the parameters. Steps below 4e-12 are always taken for none.

    Returns:
        a function of ``*params``, numbers and Values in any structure, that gives what ``solve`` gives. Where there
        are Values among the parameters, so it is of Values, which are differentiated by the implicit function theorem,
        to any order. Values that ``residual`` takes from elsewhere are refused.

    Raises:
        TypeError: if ``residual`` or ``solve`` is no function, or gives something that is no number.
        ValueError: when called, if ``residual`` is not zero at what ``solve`` gave, gives another number of equations
            than there are unknowns, or depends on a Value that is no parameter; or if its Jacobian by the unknowns is
            singular there, as at a double root.

    >>> def bisect(p):
    ...     low, high = 0.0, max(1.0, p)
    ...     while low < (middle := (low + high) / 2) < high:
    ...         low, high = (middle, high) if middle**3 < p else (low, middle)
    ...     return high
    >>> root = implicit(lambda x, p: x**3 - p, bisect)
    >>> import autograd_mini as ag
    >>> root(8.0), ag.grad(root)(8.0), ag.grad(ag.grad(root))(8.0)
    (2.0, 0.08333333333333333, -0.006944444444444444)
    """
    for noun, f in (("residual", residual), ("solve", solve)):
        if not callable(f):
            raise wrong_type(noun, f, "pass a function")
    tol = number_within("tol", tol, above=0)

    @functools.wraps(solve)
    def call(*params: Any) -> Any:
        given = [x for _, x in trees.leaves(params) if isinstance(x, (Value, Real))]
        with mode.no_grad():  # so that a gradient within it is one of floats
            found = solve(*trees.map_leaves(_float, params))
        unknowns = [_unknown(at, x) for at, x in trees.leaves(found, "solve(...)")]
        equations = _Equations(residual, params, found)
        equations.check(unknowns, list(map(_plain, given)), tol)
        return trees.rebuild(found, iter(bundle(equations, unknowns, given)))

    return call


def _unknown(at: str, x: Any) -> float:
    if not isinstance(x, Real):
        raise wrong_type(at, x, "let solve compute with the floats it is given, and return numbers")
    if not math.isfinite(x):
        raise wrong_value(at, x, "the solver found no solution; look at its starting point and its limits")
    return float(x)


class _Equations:
    """One call of a function that ``implicit`` made: ``residual`` at its solution, differentiated there."""

    name = "implicit"

    def __init__(self, residual: Callable[..., Any], params: Any, found: Any) -> None:
        self._residual = residual
        # The structures alone: a node must not hold what it belongs to.
        self._params, self._found = trees.map_leaves(_float, params), trees.map_leaves(_float, found)

    def check(self, unknowns: list[float], given: list[float], tol: float) -> None:
        """Find the Jacobians; raise unless ``residual`` is zero at the unknowns and determines them."""
        with mode.tracing():
            xs, ps = list(map(Value, unknowns)), list(map(Value, given))
            equations, start = self._run(xs, ps)
            rows = [pull([r], [1.0], xs + ps, start) for r in equations]
        self._by_x, self._by_p = [row[: len(xs)] for row in rows], [row[len(xs) :] for row in rows]
        residuals = [r.data for r in equations]
        steps = self._solve(self._by_x, residuals)
        owed = [[abs(d * p) for d, p in zip(row, given, strict=True)] for row in self._by_p]
        for i, (x, step) in enumerate(zip(unknowns, steps, strict=True)):
            scale = abs(x) + sum(map(sum, owed)) / max(map(abs, self._by_x[i]), default=1.0)
            if not abs(step) <= max(tol * scale, _SETTLED):
                raise ValueError(
                    f"residual is {residuals} at the solution {unknowns}: a step of Newton's method would change "
                    f"unknown {i} by {-step!r}; let solve go on until nothing changes, or pass a tol above {tol!r}"
                )

    def pull(self, results: Sequence[Any], cotangents: Sequence[Any], on_values: bool) -> list[Any]:
        if not on_values:
            weights = self._solve(_transposed(self._by_x), cotangents)
            return [-_sumprod(weights, column) for column in _transposed(self._by_p)]
        xs, ps, equations, start = self._linked(results)
        by_x = [pull([r], [1.0], xs, start, True) for r in equations]
        weights = self._solve(_transposed(by_x), cotangents)
        return [-term for term in pull(equations, weights, ps, start, True)]

    def push(self, results: Sequence[Any], tangents: Sequence[Any], on_values: bool) -> list[Any]:
        if not on_values:
            return [-x for x in self._solve(self._by_x, [_sumprod(row, tangents) for row in self._by_p])]
        xs, ps, equations, start = self._linked(results)
        by_x = [pull([r], [1.0], xs, start, True) for r in equations]
        return [-x for x in self._solve(by_x, push(ps, tangents, equations, start, True))]

    def _linked(self, results: Sequence[Any]) -> tuple[list[Value], list[Value], list[Value], int]:
        """``residual`` on nodes computed from the results and from their operands: a sweep ends at these."""
        xs = [Value._apply(TABLE["mul"], x, 1.0) for x in results]
        ps = [Value._apply(TABLE["mul"], p, 1.0) if isinstance(p, Value) else Value(p) for p in results[0].args]
        return xs, ps, *self._run(xs, ps)

    def _run(self, xs: list[Value], ps: list[Value]) -> tuple[list[Value], int]:
        """The equations on nodes, and the epoch in which they begin."""
        start = min((v._epoch for v in xs + ps), default=new_epoch())
        fresh = iter(ps)
        params = trees.map_leaves(lambda x: next(fresh) if isinstance(x, Real) else x, self._params)
        found = self._residual(trees.rebuild(self._found, iter(xs)), *params)
        equations = []
        for at, x in trees.leaves(found, "residual(...)"):
            if not isinstance(x, (Value, Real)):
                raise wrong_type(at, x, "let residual return one number for each unknown")
            equations.append(x if isinstance(x, Value) else Value(number(x)))
        if len(equations) != len(xs):
            raise ValueError(f"residual gave {len(equations)} equations for {len(xs)} unknowns; give one for each")
        own = {*xs, *ps}
        for node in topological_order(*equations, since=start):
            for a in (node, *node.args) if node not in own else ():
                if isinstance(a, Value) and a._epoch < start:
                    raise ValueError(f"residual depends on {a!r}, which is no parameter; pass it as one, and to solve")
        return equations, start

    def _solve(self, matrix: list[list[Any]], right: Sequence[Any]) -> list[Any]:
        try:
            return _eliminate([list(row) for row in matrix], list(right))
        except ValueError:
            shown = [[_plain(x) for x in row] for row in matrix]
            raise ValueError(
                f"the Jacobian of residual by the unknowns is singular at the solution: {shown}; the equations do not "
                "determine the unknowns there, as at a double root"
            ) from None


def _transposed(rows: list[list[Any]]) -> list[list[Any]]:
    return list(map(list, zip(*rows, strict=True)))


def _plain(x: Any) -> float:
    return x.data if isinstance(x, Value) else float(x)


def _float(x: Any) -> Any:
    """The number of a leaf; what is none stays what it is."""
    return _plain(x) if isinstance(x, (Value, Real)) else x
