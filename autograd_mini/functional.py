"""Derivatives of functions: ``grad(f)`` is again a function, so that ``grad(grad(f))`` is the second derivative.

A call makes a fresh variable of every number in the arguments, runs ``f`` on them and sweeps backward. What was
recorded before the call cannot depend on its variables, so the sweep ends at the epoch the call began in. An inner
call whose result is itself to be differentiated sweeps over Values: it evaluates the same partials on nodes instead of
floats and thereby records the derivative as a graph.

This is the reference. Where the native engine serves, its ``differentiate`` does in C what ``_differentiate`` does
here, and calls the functions below for arguments and results that are none of the usual, and for every error.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

from . import _engine
from ._engine import Value, adjoints, new_epoch, recording, topological_order
from .anomaly import judged_beforehand
from .ops import TABLE, number, strong_mul, sum_


class _Depth(threading.local):
    """How many calls of this thread are tracing at present."""

    now = 0


_depth = _Depth()


@contextmanager
def _tracing() -> Iterator[bool]:
    """Record in any case, one level deeper; hands over whether operations recorded before."""
    _depth.now += 1
    try:
        with recording(True) as before:
            yield before
    finally:
        _depth.now -= 1


def value_and_grad(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., tuple[Any, Any]]:
    """A function that gives ``f``'s value together with its gradient.

    Args:
        f: a function whose result is one number. It receives Values in place of the numbers to differentiate by.
        argnums: which positional argument, or arguments, to differentiate by; negative ones count from the end. Each
            may be a number or nested lists, tuples and dicts of numbers.

    Returns:
        a function of the same arguments that returns ``(value, gradient)``. The gradient has the structure of the
        argument (a tuple of structures for several ``argnums``), and 0.0 where ``f`` does not depend on a number. Both
        are floats; they are Values, and can be differentiated further, where Values are among the arguments, or
        where an enclosing ``grad`` needs them.

    Raises:
        TypeError: if ``f`` or ``argnums`` is of the wrong type; when called, if an argument to differentiate by holds
            something that is no number, or if ``f`` returns something else than one number.
        ValueError: if an argnum is given twice, none is given, or, when called, the call has no such argument.
        StaleGraphError: when called, if ``f`` used a Value and then assigned it.

    >>> value_and_grad(lambda p: p["a"] * p["b"][0] ** 2)({"a": 3.0, "b": [2.0]})
    (12.0, {'a': 4.0, 'b': [12.0]})
    """
    if not callable(f):
        raise TypeError(f"grad takes a function, got {f!r} of type {type(f).__name__}; pass f itself, not its value")
    wanted = argnums if isinstance(argnums, tuple) else (argnums,)
    if not all(type(i) is int for i in wanted):
        raise TypeError(f"argnums is an int or a tuple of ints, got {argnums!r}")
    if not wanted or len(set(wanted)) < len(wanted):
        raise ValueError(f"argnums names each argument once and at least one, got {argnums!r}")

    run = _engine.differentiate or _differentiate

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return run(f, argnums, args, kwargs)

    call.__name__ = call.__qualname__ = f"value_and_grad_of_{_name(f)}"
    return call


def grad(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that gives the gradient of ``f``; arguments, results and exceptions are those of ``value_and_grad``.

    >>> def cube(x):
    ...     return x**3
    >>> grad(cube)(2.0), grad(grad(cube))(2.0)
    (12.0, 12.0)
    """
    both = value_and_grad(f, argnums)

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    call.__name__ = call.__qualname__ = f"grad_of_{_name(f)}"
    return call


def _differentiate(
    f: Callable[..., Any], argnums: int | tuple[int, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any]:
    """One call of ``value_and_grad(f, argnums)``."""
    with _tracing() as recorded:
        start = new_epoch()
        inputs: list[Value] = []
        inner = list(args)
        for i in _positions(argnums, len(args)):
            inner[i] = _variables(args[i], f"argument {i}", inputs, recorded)
        out = f(*inner, **kwargs)
        further = recorded and (_depth.now > 1 or any(map(_holds_value, args)))
        if isinstance(out, Value):
            found = _slopes(out, inputs, start, further)
            out = out if further else out.data
        else:
            out = _plain_result(f, out, further)
            found = [Value(0.0) if further else 0.0 for _ in inputs]
    return out, _shape(args, argnums, found)


def _slopes(out: Value, inputs: list[Value], start: int, further: bool) -> list[Any]:
    """The derivatives of ``out`` by the inputs: floats, or Values if they are to be differentiated further."""
    if not further:
        slopes = adjoints(out, since=start)
        return [slopes.get(v, 0.0) for v in inputs]
    with judged_beforehand(out, start):
        slopes = _adjoint_values(out, start)
    return [_as_value(slopes.get(v, 0.0)) for v in inputs]


def _plain_result(f: Callable[..., Any], out: Any, further: bool) -> Any:
    """The result of ``f`` that is no Value, if it is a number."""
    if not isinstance(out, Real):
        raise TypeError(
            f"grad needs a function that returns one number, but {_name(f)} returned {out!r} of type "
            f"{type(out).__name__}; return a single number, such as the sum of what you have"
        )
    return out if further else number(out)


def _adjoint_values(out: Value, start: int) -> dict[Value, Any]:
    """The sweep of ``adjoints`` over Values instead of floats: its result is recorded and can be differentiated."""
    order = topological_order(out, since=start)
    terms: dict[Any, list[Any]] = {node: [] for node in order}
    terms[out].append(1.0)
    adjoint: dict[Value, Any] = {}
    for node in reversed(order):
        cotangent = terms[node][0] if len(terms[node]) == 1 else sum_(terms[node])
        adjoint[node] = cotangent
        # A Value that is 0.0 here may still vary, so only a plain zero ends the walk; strong_mul does the rest.
        if node.op is None or (type(cotangent) is float and cotangent == 0.0):
            continue
        rules = node.op.partials
        nary = rules(node, *node.args) if callable(rules) else None
        for i, a in enumerate(node.args):
            if type(a) is Value and a in terms:
                rule = rules[i] if not callable(rules) else None
                if nary is not None:
                    terms[a].append(strong_mul(cotangent, nary[i]))
                elif rule is not None:
                    terms[a].append(strong_mul(cotangent, rule(node, *node.args)))
    return adjoint


def _as_value(x: Any) -> Value:
    return x if isinstance(x, Value) else Value(x)


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _position(argnum: int, count: int) -> int:
    if not -count <= argnum < count:
        raise ValueError(
            f"argnums asks for positional argument {argnum}, but the call has {count}; "
            "pass what you differentiate by without its keyword"
        )
    return argnum % count


def _positions(argnums: int | tuple[int, ...], count: int) -> list[int]:
    """Where among ``count`` arguments those to differentiate by stand."""
    return [_position(i, count) for i in (argnums if isinstance(argnums, tuple) else (argnums,))]


def _variables(tree: Any, where: str, inputs: list[Value], linked: bool) -> Any:
    """The same structure with a fresh variable for each number, which is appended to ``inputs``.

    A Value becomes a new node computed from it (if ``linked``): the same x may be a variable of the caller too.
    """
    if isinstance(tree, Value):
        inputs.append(Value._apply(TABLE["mul"], tree, 1.0) if linked else tree.detach())
        return inputs[-1]
    if isinstance(tree, Real):
        inputs.append(Value(number(tree)))
        return inputs[-1]
    if isinstance(tree, dict):
        return {k: _variables(v, f"{where}[{k!r}]", inputs, linked) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return _like(tree, [_variables(v, f"{where}[{i}]", inputs, linked) for i, v in enumerate(tree)])
    raise TypeError(
        f"{where} is {tree!r} of type {type(tree).__name__}, which cannot be differentiated by; pass numbers in "
        "nested lists, tuples and dicts (an array's .tolist()), or leave the argument out of argnums"
    )


def _shape(args: tuple[Any, ...], argnums: int | tuple[int, ...], found: list[Any]) -> Any:
    """The numbers ``found``, in the structure of the arguments that they are derivatives by."""
    leaves = iter(found)
    gradients = [_rebuild(args[i], leaves) for i in _positions(argnums, len(args))]
    return tuple(gradients) if isinstance(argnums, tuple) else gradients[0]


def _rebuild(tree: Any, leaves: Iterator[Any]) -> Any:
    """The same structure with the numbers replaced by the next of ``leaves``."""
    if isinstance(tree, dict):
        return {k: _rebuild(v, leaves) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return _like(tree, [_rebuild(v, leaves) for v in tree])
    for leaf in leaves:
        return leaf
    raise RuntimeError("an argument of grad got more numbers while the function ran; let it change copies only")


def _like(tree: list[Any] | tuple[Any, ...], items: list[Any]) -> Any:
    if isinstance(tree, list):
        return items
    return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)


def _holds_value(tree: Any) -> bool:
    if isinstance(tree, dict):
        return any(map(_holds_value, tree.values()))
    if isinstance(tree, (list, tuple)):
        return any(map(_holds_value, tree))
    return isinstance(tree, Value)
