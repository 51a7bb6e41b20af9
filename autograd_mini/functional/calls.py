"""What the transforms share: which arguments are meant, their variables, and the functions that are given back."""

from __future__ import annotations

import functools
import itertools
import operator
import sys
import types
from collections.abc import Callable
from decimal import Decimal
from numbers import Complex, Integral, Real
from typing import Any

from .. import trees
from ..arguments import wrong_type, wrong_value
from ..core.serving import Value, new_epoch
from ..ops import TABLE, number

Argnums = int | tuple[int, ...]


class Transformed:
    """A function that a transform made of another one, whose signature, docstring and attributes it has.

    It works as a method where it stands in a class. It is copied and pickled as what it was made of, which must be
    possible for that one; where it has taken the place of its function, as a decorator does, it is pickled by name.
    """

    _name = ""  # of the transform; asked of the class, as the function may have such an attribute

    def __init__(self, f: Callable[..., Any], *options: Any) -> None:
        functools.update_wrapper(self, f)  # type: ignore[arg-type]  # the classes below can be called
        self._f, self._options = f, options
        self.__name__ = self.__qualname__ = f"{type(self)._name}_of_{name_of(f)}"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"{type(self)._name}({self._f!r})"

    def __reduce__(self) -> Any:
        path = getattr(self._f, "__qualname__", "")
        found: Any = sys.modules.get(self.__module__)
        for name in path.split("."):
            found = getattr(found, name, None)
        return path if found is self else (type(self), (self._f, *self._options))


def name_of(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", type(f).__name__)


# ---- Arguments. -----------------------------------------------------------------------------------------------------


def checked_function(transform: str, f: Any) -> None:
    """Check what a transform is given to transform."""
    if not callable(f):
        raise wrong_type(f"the f of {transform}", f, "pass the function itself, not its value")


def checked_argnums(argnums: Any) -> Argnums:
    """The same as plain ints.

    >>> checked_argnums((0, 0))
    Traceback (most recent call last):
        ...
    ValueError: argnums is (0, 0); name at least one argument, and each once
    """
    wanted = argnums if isinstance(argnums, tuple) else (argnums,)
    if not all(isinstance(i, Integral) and not isinstance(i, bool) for i in wanted):
        example = repr(tuple(argnums)) if isinstance(argnums, list) else "(0, 1)"
        raise wrong_type("argnums", argnums, f"choose an int, or a tuple of ints, such as {example}")
    wanted = tuple(map(operator.index, wanted))
    if not wanted or len(set(wanted)) < len(wanted):
        raise wrong_value("argnums", argnums, "name at least one argument, and each once")
    return wanted if isinstance(argnums, tuple) else wanted[0]


def positions_of(argnums: Argnums, f: Callable[..., Any], args: tuple[Any, ...]) -> list[int]:
    """Where among the arguments of a call those to differentiate by stand."""
    wanted, count = argnums if isinstance(argnums, tuple) else (argnums,), len(args)
    positions = [argnum % count for argnum in wanted if -count <= argnum < count]
    if len(set(positions)) == len(wanted):
        return positions
    if len(positions) == len(wanted):
        advice = "name each once"
    elif count:
        advice = f"choose an int of at least {-count} and below {count}, and pass what you differentiate by without its"
        advice += " keyword"
    else:
        advice = "pass what you differentiate by without its keyword"
    given = f"{name_of(f)} was called with {count} positional argument{'' if count == 1 else 's'}"
    raise ValueError(f"argnums is {argnums!r}, but {given}; {advice}")


# ---- A call. --------------------------------------------------------------------------------------------------------


class Recording:
    """A call of a function with fresh variables in place of the numbers to differentiate by, within ``mode.tracing()``.

    What was recorded before the call cannot depend on its variables, so sweeps end at the epoch that it began in.

    Attributes:
        out: what the function returned.
        inputs: the variables.
        start: the epoch in which the call began.
        further: whether the derivatives are to be Values, which can be differentiated in turn.
        structure: that of the arguments to differentiate by when the call began, whatever the function does to them; a
            tuple of structures if ``argnums`` is a tuple.
    """

    def __init__(
        self,
        state: tuple[bool, bool],
        f: Callable[..., Any],
        argnums: Argnums,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        names: str = "args",
    ) -> None:
        recorded, is_within = state
        self.start = new_epoch()
        self.further = recorded and (is_within or any(map(trees.holds_node, args)))
        positions = positions_of(argnums, f, args)
        structures = [trees.rebuild(args[i], _ZEROS) for i in positions]
        self.structure = tuple(structures) if isinstance(argnums, tuple) else structures[0]
        made: list[Value] = []
        inner = list(args)
        for i in positions:
            inner[i] = _variables(args[i], f"{names}[{i}]", made, recorded)
        self.inputs = tuple(made)
        del made  # now nobody can reach them, and so spoil them, while f runs
        self.out = f(*inner, **kwargs)


_ZEROS = itertools.repeat(0.0)


def _variables(tree: Any, where: str, inputs: list[Value], linked: bool) -> Any:
    """The same structure with a fresh variable for each number, which is appended to ``inputs``.

    A Value becomes a new node computed from it (if ``linked``): the same x may be a variable of the caller too.
    """
    if type(tree) is list and trees.are_floats(tree):
        made = list(map(Value, tree))
        inputs += made
        return made

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
            f"{at} is {x!r} of type {type(x).__name__}, which cannot be differentiated by; {_remedy(x)}"
        ) from None


class _NoNumber(Exception):
    """A leaf that cannot be differentiated by; where it is is looked up only then."""


def _remedy(x: Any) -> str:
    """What to do with a leaf that is no real number."""
    if isinstance(x, Complex) or getattr(getattr(x, "dtype", None), "kind", "") == "c":
        return "pass the real and the imaginary part as two numbers"
    if isinstance(x, (Decimal, str)):
        return "turn it into a number with float(), or leave the argument out of argnums"
    if x is None:
        return "put a number there, or leave the argument out of argnums"
    return "pass numbers in nested lists, tuples, dicts, dataclasses and arrays, or leave the argument out of argnums"


# ---- Results. -------------------------------------------------------------------------------------------------------


def outputs_of(f: Callable[..., Any], out: Any) -> list[Any]:
    """The numbers and Values that a function returned in nested structures."""
    found = trees.flatten(out)
    if not all(isinstance(x, (Value, Real)) for x in found):
        at, x = next((at, x) for at, x in trees.leaves(out) if not isinstance(x, (Value, Real)))
        advice = ", as a def without a return gives None" if out is None else ""
        raise TypeError(
            f"derivatives are those of numbers, but {name_of(f)} returned {x!r} of type {type(x).__name__}"
            f"{at and f' at {at}'}; return numbers in nested lists, tuples, dicts, dataclasses and arrays{advice}"
        )
    return found


def settled(out: Any, further: bool) -> Any:
    """What a function returned, with plain floats in place of Values unless they are to be differentiated further.

    What is no number stays as it is; what dataclasses compute from their fields is computed again."""
    return out if further else trees.map_leaves(_plain, out, "the result")


def _plain(x: Any) -> Any:
    return x._data if isinstance(x, Value) else number(x) if isinstance(x, Real) else x


def without_aux(transform: str, f: Callable[..., Any]) -> tuple[Callable[..., Any], list[Any]]:
    """For one call of a function that returns a pair: a function that returns its first part, and puts the second one
    into a list."""
    held = []

    @functools.wraps(f)
    def first(*args: Any, **kwargs: Any) -> Any:
        pair = f(*args, **kwargs)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(
                f"{transform} with has_aux=True needs a function that returns (out, aux), but {name_of(f)} returned "
                f"{pair!r} of type {type(pair).__name__}; return a tuple of two, or leave has_aux out"
            )
        held.append(pair[1])
        return pair[0]

    return first, held


# ---- Directions. ----------------------------------------------------------------------------------------------------


def numbers_like(like: Any, tree: Any, noun: str, model: str) -> list[Any]:
    """The numbers and Values of a structure, in the order of another one that it is to match, such as tangents for
    primals."""
    found: list[Any] = []
    _match(like, tree, noun, model, found)
    return found


def weights(found: list[Any], further: bool, recorded: bool) -> tuple[list[Any], bool]:
    """What a sweep starts with, given such numbers, and whether it is over Values: there may be some among them."""
    if further or not trees.holds_node(found):
        return found, further
    return (found, True) if recorded else ([x._data if isinstance(x, Value) else x for x in found], False)


def _match(like: Any, tree: Any, at: str, model: str, found: list[Any]) -> None:
    if not trees.is_tree(like):
        if not isinstance(tree, (Value, Real)):
            raise wrong_type(at, tree, f"put a number there, as in {model}")
        found.append(tree)
        return
    if type(tree) is not type(like):
        raise wrong_type(at, tree, f"give it the structure of {model}, where a {type(like).__name__} stands there")
    same = like.shape == tree.shape if trees.is_array(like) else type(like) in (list, tuple) and len(like) == len(tree)
    if same and trees.are_floats(trees.flat(like)) and trees.are_floats(numbers := trees.flat(tree)):
        found += numbers  # as mostly
        return
    if type(like) in (list, tuple) and len(like) == len(tree):
        for i, (model_part, part) in enumerate(zip(like, tree, strict=True)):
            _match(model_part, part, f"{at}[{i}]", model, found)
        return
    parts, held = trees.branches(like, at), {key: part for key, _, part in trees.branches(tree, at)}
    if {key for key, _, _ in parts} != set(held):
        raise wrong_value(at, tree, f"give it the structure of {model}, which has {_count(like)} there")
    for key, path, part in parts:
        _match(part, held[key], path, model, found)


def _count(tree: Any) -> str:
    """What a structure has, for messages."""
    if trees.is_array(tree):
        return f"the shape {tree.shape}"
    return f"the keys {list(tree)}" if isinstance(tree, dict) else f"{len(trees.children(tree))} parts"
