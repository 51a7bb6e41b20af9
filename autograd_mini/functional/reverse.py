"""Gradients of functions, by one sweep backward.

A call makes a fresh variable of every number in the arguments, runs ``f`` on them and sweeps backward. What was
recorded before the call cannot depend on its variables, so the sweep ends at the epoch the call began in. An inner
call whose result is itself to be differentiated sweeps over Values and thereby records the derivative as a graph.

This is the reference. Where the native engine serves, its ``Differentiating`` does in C what ``_differentiate`` does
here, for nested lists, tuples and dicts of floats, ints and Values; for all else it calls it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, overload

from .. import trees
from ..arguments import flag, wrong_value
from ..core import mode, shared
from ..core.serving import Differentiating, Value, pull
from .calls import (
    Argnums,
    Recording,
    Transformed,
    checked_argnums,
    checked_function,
    name_of,
    numbers_like,
    outputs_of,
    settled,
    weights,
    without_aux,
)

A = TypeVar("A")  # what is differentiated by
P = ParamSpec("P")  # the other arguments
R = TypeVar("R")
A_in = TypeVar("A_in", contravariant=True)
R_out = TypeVar("R_out", covariant=True)


class _OfFirst(Protocol[A_in, P, R_out]):
    """What mypy is told of a function that differentiates by its first argument.

    One that is annotated to take Values, as it does within a call, is given plain numbers as well.
    """

    @overload
    def __call__(self, x: A_in, /, *args: P.args, **kwargs: P.kwargs) -> R_out: ...
    @overload
    def __call__(self, x: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any: ...


@overload
def value_and_grad(
    f: Callable[Concatenate[A, P], R], argnums: Literal[0] = 0, *, has_aux: Literal[False] = False
) -> _OfFirst[A, P, tuple[R, A]]: ...
@overload
def value_and_grad(
    f: Callable[..., Any], argnums: Argnums, *, has_aux: Literal[False] = False
) -> Callable[..., tuple[Any, Any]]: ...
@overload
def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool) -> Callable[..., tuple[Any, Any]]: ...
def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False) -> Any:
    """A function that gives ``f``'s value together with its gradient.

    Args:
        f: a function whose result is one number. It receives Values in place of the numbers to differentiate by.
        argnums: which positional argument, or arguments, to differentiate by; negative ones count from the end. Each
            may be a number, or numbers in nested lists, tuples, named tuples, dicts, dataclasses and NumPy arrays; an
            array reaches ``f`` as an array of Values of its shape.
        has_aux: whether ``f`` returns a pair, of which the second part is handed through and not differentiated.

    Returns:
        a function of the same arguments that returns ``(value, gradient)``, or ``((value, aux), gradient)``. The
        gradient has the structure of the argument (a tuple of structures for several ``argnums``; an array of floats
        for an array), and 0.0 where ``f`` does not depend on a number. All are floats; they are Values, and can be
        differentiated further, where Values are among the arguments, or where an enclosing ``grad`` needs them.

    Raises:
        TypeError: if ``f`` or ``argnums`` is of the wrong type; when called, if an argument to differentiate by holds
            something that is no number, or if ``f`` returns something else than one number, or than a pair if
            ``has_aux`` is set.
        ValueError: if an argnum is given twice, none is given, or, when called, the call has no such argument.
        StaleGraphError: when called, if ``f`` used a Value and then assigned it.

    >>> value_and_grad(lambda p: p["a"] * p["b"][0] ** 2)({"a": 3.0, "b": [2.0]})
    (12.0, {'a': 4.0, 'b': [12.0]})
    """
    checked_function("value_and_grad", f)
    made = _ValueAndGradientWithAux if flag("has_aux", has_aux) else _ValueAndGradient
    return made(f, checked_argnums(argnums))


@overload
def grad(
    f: Callable[Concatenate[A, P], Any], argnums: Literal[0] = 0, *, has_aux: Literal[False] = False
) -> _OfFirst[A, P, A]: ...
@overload
def grad(f: Callable[..., Any], argnums: Argnums, *, has_aux: Literal[False] = False) -> Callable[..., Any]: ...
@overload
def grad(f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool) -> Callable[..., Any]: ...
def grad(f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False) -> Any:
    """A function that gives the gradient of ``f``; arguments and exceptions are those of ``value_and_grad``.

    Returns:
        a function of the same arguments that returns the gradient, or ``(gradient, aux)`` with ``has_aux``.

    >>> def cube(x):
    ...     return x**3
    >>> grad(cube)(2.0), grad(grad(cube))(2.0)
    (12.0, 12.0)
    """
    checked_function("grad", f)
    made = _GradientWithAux if flag("has_aux", has_aux) else _Gradient
    return made(f, checked_argnums(argnums))


class _ValueAndGradient(Transformed, Differentiating):
    """What ``value_and_grad`` returns."""

    _name = "value_and_grad"

    def __init__(self, f: Callable[..., Any], argnums: Argnums) -> None:
        Transformed.__init__(self, f, argnums)
        Differentiating.__init__(self, f, argnums, _differentiate, with_value=True)


class _Gradient(Transformed, Differentiating):
    """What ``grad`` returns."""

    _name = "grad"

    def __init__(self, f: Callable[..., Any], argnums: Argnums) -> None:
        Transformed.__init__(self, f, argnums)
        Differentiating.__init__(self, f, argnums, _differentiate, with_value=False)


class _ValueAndGradientWithAux(Transformed):
    """What ``value_and_grad`` returns with ``has_aux=True``."""

    _name = "value_and_grad"

    def __call__(self, /, *args: Any, **kwargs: Any) -> tuple[tuple[Any, Any], Any]:
        first, held = without_aux(type(self)._name, self._f)
        value, gradient = Differentiating(first, self._options[0], _differentiate, with_value=True)(*args, **kwargs)
        return (value, settled(held[0], isinstance(value, Value))), gradient


class _GradientWithAux(_ValueAndGradientWithAux):
    """What ``grad`` returns with ``has_aux=True``."""

    _name = "grad"

    def __call__(self, /, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        (_, aux), gradient = super().__call__(*args, **kwargs)
        return gradient, aux


def _differentiate(
    f: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any]:
    """One call of ``value_and_grad(f, argnums)``."""
    with mode.tracing() as state:
        call = Recording(state, f, argnums, args, kwargs)
        out, further = call.out, call.further
        if isinstance(out, Value):
            slopes = pull([out], [1.0], call.inputs, call.start, further)
            out = out if further else out._data
        else:
            plain = shared.plain_result(name_of(f), out)
            out = out if further else plain
            slopes = [Value(0.0) if further else 0.0 for _ in call.inputs]
    return out, trees.rebuild(call.structure, iter(tuple(slopes)))  # a tuple, which nobody can change meanwhile


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """The result of ``f``, and a function that pulls cotangents of it back: the product of a vector and the Jacobian.

    Args:
        f: a function whose result is numbers in nested structures.
        primals: its arguments, all of which are differentiated by.

    Returns:
        ``(f(*primals), pullback)``. ``pullback(cotangents)`` takes numbers in the structure of the result and returns a
        tuple with the derivatives by each argument, in its structure; it may be called several times.

    Raises:
        TypeError: if ``f`` is no function or returns something else than numbers, or if an argument or a cotangent
            holds something that is no number or has not the structure of the result.
        ValueError: if there is no argument, or if cotangents are more or fewer than results.
        StaleGraphError: if ``f`` used a Value and then assigned it.

    >>> out, pullback = vjp(lambda x, y: [x * y, y], 3.0, 2.0)
    >>> out, pullback([1.0, 10.0])
    ([6.0, 2.0], (2.0, 13.0))
    """
    checked_function("vjp", f)
    if not primals:
        raise wrong_value("primals", primals, "pass the arguments of f behind it")
    with mode.tracing() as state:
        call = Recording(state, f, tuple(range(len(primals))), primals, {}, "primals")
        outputs = outputs_of(f, call.out)
    like = trees.rebuild(call.out, itertools.repeat(0.0))

    def pullback(cotangents: Any) -> tuple[Any, ...]:
        with mode.tracing() as (recorded, is_within):
            found = numbers_like(like, cotangents, "cotangents", "the result")
            found, further = weights(found, call.further or (recorded and is_within), recorded)
            pairs = [pair for pair in zip(outputs, found, strict=True) if isinstance(pair[0], Value)]
            slopes = pull([root for root, _ in pairs], [w for _, w in pairs], call.inputs, call.start, further)
        return trees.rebuild(call.structure, iter(tuple(slopes)))  # type: ignore[no-any-return]

    return settled(call.out, call.further), pullback
