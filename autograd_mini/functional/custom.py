"""Operations of users: a function on floats becomes a row of the table."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from ..arguments import wrong_type
from ..ops import TABLE, number
from ..ops.row import Function, Interval, Partial, function_of, new_op
from ..ops.symbols import check


def operation(
    *,
    partials: tuple[Partial | None, ...] | Partial,
    domain: Sequence[Interval] | None = None,
    kink: Callable[..., tuple[float, ...]] | None = None,
    text: str | None = None,
) -> Callable[[Callable[..., float]], Function]:
    """Decorate a function on floats to make it an operation: one node, which can be differentiated, drawn and copied.

    The row is named by module and name of the function, by which copies of graphs find it again; entering it again
    replaces it.

    Args:
        partials: the derivative by each argument, as functions over ``(out, *args)``, where ``out`` is the result;
            None where it is zero everywhere. They are written with operations of this package and without branches,
            so that they can be differentiated in turn. For a function of one list, of any number of numbers, a single
            function over ``(out, *numbers)`` that gives the list of all derivatives.
        domain: for each argument an interval inside the domain, from which tests draw.
        kink: gives, for any point, the nearest one at which there is a corner, jump or pole.
        text: how it prints, with ``{}`` for each argument; ``name({}, {})`` if none is given.

    Returns:
        a decorator; what it makes takes floats and gives a float, or takes a Value among them and gives a Value.

    Raises:
        TypeError: if the function has no name of its own or is async or a generator, if an argument has the wrong type,
            or if the partials do not fit the function's arguments or cannot be run on symbols; and, when what it makes
            is called, if the function gives no real number.
        ValueError: if ``domain``, ``kink`` or ``text`` does not fit.

    >>> import math
    >>> import autograd_mini as ag
    >>> @operation(partials=(lambda out, x: 1.0 / (1.0 + x * x),))
    ... def arctangent(x):
    ...     return math.atan(x)
    >>> arctangent(0.0), ag.grad(arctangent)(1.0), ag.grad(ag.grad(arctangent))(1.0)
    (0.0, 0.5, -0.5)
    """

    def enter(value: Callable[..., float]) -> Function:
        if getattr(value, "__name__", "<lambda>") == "<lambda>":
            raise TypeError(f"an operation is found again by its name, but {value!r} has none; write it with def")
        name = f"{value.__module__}.{value.__qualname__}"
        if _is_run_later(value):
            raise TypeError(
                f"{name} is async or a generator; an operation gives one float, so return it from a plain def"
            )
        if not callable(partials) and not isinstance(partials, tuple):
            raise TypeError(f"the partials of {name} are {partials!r}; give a tuple of functions, or one function")
        if domain is not None and not isinstance(domain, Sequence):
            raise wrong_type(f"the domain of {name}", domain, "give a list with an interval for each operand")
        if kink is not None and not callable(kink):
            raise wrong_type(f"the kink of {name}", kink, "give a function of as many numbers as there are operands")
        if text is not None and not isinstance(text, str):
            raise wrong_type(f"the text of {name}", text, "give a str with {} for each operand")
        lists = int(callable(partials))
        places = ", ".join(["{}"] * (lists or len(partials)))  # type: ignore[arg-type]
        shown = f"{value.__name__}({places})" if text is None else text
        checked = _giving_floats(name, value)
        op = new_op(name, checked, partials, shown, domain, kink, lists)
        check(op, value)
        op = TABLE[name] = new_op(name, checked, _on_numbers(partials), shown, domain, kink, lists)
        return function_of(op, checked, value.__name__)

    return enter


def _is_run_later(value: Callable[..., Any]) -> bool:
    """Whether a call of the function only makes a coroutine or a generator."""
    import inspect  # as only programs with operations of their own need it

    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return any(kind(value) for kind in kinds)


def _giving_floats(name: str, value: Callable[..., Any]) -> Callable[..., float]:
    """The same function; what it gives is a float, or refused."""

    @functools.wraps(value)
    def checked(*args: Any) -> float:
        out = value(*args)
        if type(out) is float:
            return out
        if isinstance(out, Real):
            return float(out)
        gave = f"the function of {name} gave {out!r}"
        if hasattr(type(out), "_apply"):
            raise TypeError(f"{gave}, a Value; it must compute with plain floats, so use .data of Values from outside")
        raise TypeError(f"{gave} of type {type(out).__name__}; it must give one float")

    return checked


def _on_numbers(partials: tuple[Partial | None, ...] | Partial) -> tuple[Partial | None, ...] | Partial:
    """The same partials; what they give on floats is a float, or refused."""
    if callable(partials):
        return lambda *args: list(map(_slope, partials(*args)))
    return tuple([rule and (lambda *args, rule=rule: _slope(rule(*args))) for rule in partials])


def _slope(x: Any) -> Any:
    return x if type(x) is float or hasattr(type(x), "_apply") else number(x)
