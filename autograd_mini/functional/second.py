"""Second derivatives: a sweep backward over Values records the gradient, which is then swept in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import trees
from ..arguments import flag
from ..core import mode, shared
from ..core.serving import Value, pull
from .calls import (
    Argnums,
    Recording,
    Transformed,
    checked_argnums,
    checked_function,
    name_of,
    numbers_like,
    positions_of,
    weights,
)
from .jacobians import MatrixTransform, Row, rows_of


def hessian(
    f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, sparse: bool = False
) -> Callable[..., Any]:
    """A function that gives the second derivatives of ``f``: the Jacobian of its gradient.

    Each entry of the gradient is swept over its own part of the graph, so that what is structurally zero costs nothing.

    Args:
        f: a function whose result is one number.
        argnums, has_aux: as for ``value_and_grad``.
        sparse: as for ``jacobian``.

    Returns:
        a function of the same arguments that returns the Hessian, or ``(hessian, aux)``: the structure of the argument
        with another one in place of each number; for an array an array with twice its axes.

    Raises:
        TypeError, ValueError, StaleGraphError, ImportError: as ``value_and_grad`` and ``jacobian`` do.

    >>> hessian(lambda xs: xs[0] ** 2 * xs[1])([3.0, 2.0])
    [[4.0, 6.0], [6.0, 0.0]]
    """
    checked_function("hessian", f)
    return _Hessian(f, checked_argnums(argnums), flag("has_aux", has_aux), flag("sparse", sparse))


class _Hessian(MatrixTransform):
    _name = "hessian"

    def _rows(self, f: Callable[..., Any], call: Recording, sparse: bool) -> tuple[Any, list[Row]]:
        return call.structure, rows_of(call, _gradient(f, call), is_dense=False)


def hvp(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that gives the product of the Hessian of ``f`` and a vector, without the Hessian.

    Args:
        f: a function whose result is one number.
        argnums: as for ``value_and_grad``.

    Returns:
        a function of ``(x, v, *args)``: the first argument of ``f``, the vector in the structure of what is
        differentiated by, and the other arguments of ``f``. It returns the product, in the structure of ``v``. SciPy's
        ``hessp`` is such a function.

    Raises:
        TypeError, ValueError, StaleGraphError: as ``value_and_grad`` does; when called, also if the vector holds
            something that is no number, or has another structure.

    >>> hvp(lambda xs: xs[0] ** 2 * xs[1])([3.0, 2.0], [1.0, 10.0])
    [64.0, 6.0]
    """
    checked_function("hvp", f)
    return _HessianProduct(f, checked_argnums(argnums))


class _HessianProduct(Transformed):
    """What ``hvp`` returns."""

    _name = "hvp"

    @property
    def __signature__(self) -> Any:
        import inspect

        return inspect.signature(self.__call__)

    def __call__(self, x: Any, v: Any, /, *args: Any, **kwargs: Any) -> Any:
        f, argnums = self._f, self._options[0]
        args = (x, *args)
        positions = positions_of(argnums, f, args)
        wanted = tuple([args[i] for i in positions]) if isinstance(argnums, tuple) else args[positions[0]]
        direction = numbers_like(wanted, v, "v", "what is differentiated by")
        with mode.tracing() as state:
            call = Recording(state, f, argnums, args, kwargs)
            direction, further = weights(direction, call.further, state[0])
            slopes = pull(_gradient(f, call), direction, call.inputs, call.start, further)
        return trees.rebuild(call.structure, iter(slopes))


def _gradient(f: Callable[..., Any], call: Recording) -> list[Value]:
    """The gradient of what a call returned, as Values."""
    if not isinstance(call.out, Value):
        shared.plain_result(name_of(f), call.out)
        return [Value(0.0) for _ in call.inputs]
    return pull([call.out], [1.0], call.inputs, call.start, on_values=True)
