"""Gradients of functions, by one sweep backward.

A call makes a fresh variable of every number in the arguments, runs ``f`` on them and sweeps backward. What was
recorded before the call cannot depend on its variables, so the sweep ends at the epoch the call began in. An inner
call whose result is itself to be differentiated sweeps over Values and thereby records the derivative as a graph.

This is the reference. Where the native engine serves, its ``differentiate`` does in C what ``_differentiate`` does
here, for nested lists, tuples and dicts of floats, ints and Values; for all else it gives None.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from .. import trees
from ..core import mode, shared
from ..core.serving import Value, differentiate, new_epoch, pull
from ..ops import TABLE, number


def value_and_grad(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., tuple[Any, Any]]:
    """A function that gives ``f``'s value together with its gradient.

    Args:
        f: a function whose result is one number. It receives Values in place of the numbers to differentiate by.
        argnums: which positional argument, or arguments, to differentiate by; negative ones count from the end. Each
            may be a number, or numbers in nested lists, tuples, named tuples, dicts, dataclasses and NumPy arrays; an
            array reaches ``f`` as an array of Values of its shape.

    Returns:
        a function of the same arguments that returns ``(value, gradient)``. The gradient has the structure of the
        argument (a tuple of structures for several ``argnums``; an array of floats for an array), and 0.0 where ``f``
        does not depend on a number. All are floats; they are Values, and can be differentiated further, where Values
        are among the arguments, or where an enclosing ``grad`` needs them.

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
    if not all(isinstance(i, Integral) and not isinstance(i, bool) for i in wanted):
        raise TypeError(f"argnums is an int or a tuple of ints, got {argnums!r}")
    wanted = tuple(map(operator.index, wanted))
    if not wanted or len(set(wanted)) < len(wanted):
        raise ValueError(f"argnums names each argument once and at least one, got {argnums!r}")
    argnums = wanted if isinstance(argnums, tuple) else wanted[0]

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return differentiate(f, argnums, args, kwargs) or _differentiate(f, argnums, args, kwargs)

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
    with mode.tracing() as (recorded, is_within):
        start = new_epoch()
        made: list[Value] = []
        inner = list(args)
        positions = _positions(argnums, len(args))
        for i in positions:
            inner[i] = _variables(args[i], f"argument {i}", made, recorded)
        inputs = tuple(made)
        del made  # now nobody can reach them, and so spoil them, while f runs
        out = f(*inner, **kwargs)
        further = recorded and (is_within or any(map(trees.holds_node, args)))
        if isinstance(out, Value):
            slopes = pull([out], [1.0], inputs, start, further)
            out = out if further else out._data
        else:
            plain = shared.plain_result(_name(f), out)
            out = out if further else plain
            slopes = [Value(0.0) if further else 0.0 for _ in inputs]
    leaves = iter(slopes)
    gradients = [trees.rebuild(args[i], leaves) for i in positions]
    trees.finish(leaves)
    return out, tuple(gradients) if isinstance(argnums, tuple) else gradients[0]


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _positions(argnums: int | tuple[int, ...], count: int) -> list[int]:
    """Where among ``count`` arguments those to differentiate by stand."""
    wanted = argnums if isinstance(argnums, tuple) else (argnums,)
    for argnum in wanted:
        if not -count <= argnum < count:
            raise ValueError(
                f"argnums asks for positional argument {argnum}, but the call has {count}; "
                "pass what you differentiate by without its keyword"
            )
    return [argnum % count for argnum in wanted]


def _variables(tree: Any, where: str, inputs: list[Value], linked: bool) -> Any:
    """The same structure with a fresh variable for each number, which is appended to ``inputs``.

    A Value becomes a new node computed from it (if ``linked``): the same x may be a variable of the caller too.
    """

    def variable(x: Any) -> Value:
        if isinstance(x, Value):
            made = Value._apply(TABLE["mul"], x, 1.0) if linked else x.detach()
        elif isinstance(x, Real):
            made = Value(number(x))
        else:
            raise _NoNumber
        inputs.append(made)
        return made

    try:
        return trees.map_leaves(variable, tree, where)
    except _NoNumber:
        at, x = next((at, x) for at, x in trees.leaves(tree, where) if not isinstance(x, (Value, Real)))
        raise TypeError(
            f"{at} is {x!r} of type {type(x).__name__}, which cannot be differentiated by; pass numbers in nested "
            "lists, tuples, dicts, dataclasses and arrays, or leave the argument out of argnums"
        ) from None


class _NoNumber(Exception):
    """A leaf that cannot be differentiated by; where it is is looked up only then."""
