"""The base of everything with parameters: their names, states and files, and the mode of training."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any, TypeVar

from .._engine import Value
from ..files import read_json, write_json
from ..ops import number

M = TypeVar("M", bound="Module")


class Module:
    """Base of everything with parameters: Values, modules, and lists, tuples and dicts of both, kept as attributes.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...
    ...     def __call__(self, x):
    ...         return self.slope * x + self.offset
    >>> dict(Line().named_parameters())
    {'slope': Value(2.0), 'offset': Value(1.0)}
    """

    training: bool = True  # what ``train`` and ``eval`` assign; some modules compute otherwise in training

    def __call__(self, x: Any) -> Any:
        raise TypeError(f"{type(self).__name__} defines no __call__, the method that computes its output")

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """The parameters with their path, such as ``layers.0.neurons.2.w.1``; a shared one once, by its first path."""
        seen = set()
        for name, p in _leaves("", vars(self)):
            if id(p) not in seen:
                seen.add(id(p))
                yield name, p

    def parameters(self) -> list[Value]:
        """The parameters, in the order in which they were made attributes."""
        return [p for _, p in self.named_parameters()]

    def modules(self) -> Iterator[Module]:
        """This module and all within it, each once, a module before those it holds.

        >>> net = Module()
        >>> net.part = Module()
        >>> len(list(net.modules()))
        2
        """
        for _, module in self.named_modules():
            yield module

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """The same with their paths, such as ``layers.0``; that of this module is empty.

        >>> from autograd_mini.nn import MLP
        >>> [path for path, _ in MLP(2, [1, 1]).named_modules()]
        ['', 'layers.0', 'layers.0.neurons.0', 'layers.1', 'layers.1.neurons.0']
        """
        seen = set()
        stack: list[tuple[str, Module]] = [("", self)]
        while stack:
            path, module = stack.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield path, module
                stack += list(_children(path, module))[::-1]

    def train(self: M, mode: bool = True) -> M:
        """Set ``training`` of this module and of all within it, and return it.

        Args:
            mode: True for training; False for evaluation, where ``Dropout`` is the identity.

        Raises:
            ValueError: if ``mode`` is no bool.

        >>> Module().eval().train().training
        True
        """
        if type(mode) is not bool:
            raise ValueError(f"mode is True for training or False for evaluation, got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """``train(False)``.

        >>> Module().training, Module().eval().training
        (True, False)
        """
        return self.train(False)

    def zero_grad(self) -> None:
        """Set ``grad`` of every parameter to 0.0; without it the gradients of several losses add up."""
        for p in self.parameters():
            p.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        """The numbers of all parameters by path; plain floats, which JSON keeps to the last bit.

        >>> line = Module()
        >>> line.slopes = [Value(2.0), Value(0.5)]
        >>> line.state_dict()
        {'slopes.0': 2.0, 'slopes.1': 0.5}
        """
        return {name: p.data for name, p in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, float], strict: bool = True) -> None:
        """Assign parameters from what ``state_dict`` gave; nothing is assigned if anything is wrong.

        Args:
            state: numbers by path.
            strict: whether ``state`` must have every parameter and nothing else; if not, common paths are assigned.

        Raises:
            TypeError: if ``state`` is no mapping or holds something that is no number.
            ValueError: if ``strict`` is set and paths are missing or left over.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"a state maps names to numbers, got {state!r} of type {type(state).__name__}")
        parameters = dict(self.named_parameters())
        missing, extra = [k for k in parameters if k not in state], [k for k in state if k not in parameters]
        if strict and (missing or extra):
            raise ValueError(
                f"the state does not fit {type(self).__name__}: missing {_few(missing)}, unexpected {_few(extra)}; "
                "build the module with the sizes it was saved with, or pass strict=False"
            )
        for name, x in state.items():
            if not isinstance(x, Real):
                raise TypeError(f"the state holds {x!r} of type {type(x).__name__} for {name!r}, not a number")
        for name, p in parameters.items():
            if name in state:
                p.data = number(state[name])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``state_dict()`` to a JSON file; a file of that name is replaced only once the new one is whole.

        Raises:
            OSError: if it cannot be written.
        """
        write_json(path, self.state_dict())

    def load(self, path: str | os.PathLike[str], strict: bool = True) -> None:
        """Assign parameters from a file that ``save`` wrote; nothing is assigned if anything is wrong.

        Raises:
            ValueError: if the file is damaged, or as ``load_state_dict``.
            OSError: if it cannot be read.
        """
        self.load_state_dict(read_json(path, "saved state", "save it again with .save()"), strict)

    def __repr__(self) -> str:
        """The modules within, by the path that begins their parameters' names, and how many parameters each has."""
        lines = []
        for path, child in _children("", self):
            text, count = repr(child).replace("\n", "\n  "), len(child.parameters())
            counted = "\n" in text or not count  # a module that shows its own parts shows its own count
            lines.append(f"\n  {path}: {text}" if counted else f"\n  {path}: {text}, {count} parameters")
        name = type(self).__name__
        return f"{name}, {len(self.parameters())} parameters:{''.join(lines)}" if lines else f"{name}()"


def branches(path: str, tree: Any) -> Iterator[tuple[str, Any]]:
    """What a module has as attributes, or a list, tuple or dict as elements, with their paths; nothing in all else."""
    if isinstance(tree, Module):
        tree = vars(tree)
    items: Any = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, (list, tuple)) else ()
    for key, branch in items:
        yield f"{path}.{key}" if path else str(key), branch


def _leaves(path: str, tree: Any) -> Iterator[tuple[str, Value]]:
    """The Values in nested attributes, lists, tuples and dicts, with their paths."""
    if isinstance(tree, Value):
        yield path, tree
    for at, branch in branches(path, tree):
        yield from _leaves(at, branch)


def _children(path: str, tree: Any) -> Iterator[tuple[str, Module]]:
    """The modules that ``tree`` holds, with their paths, but not those within them."""
    for at, branch in branches(path, tree):
        if isinstance(branch, Module):
            yield at, branch
        else:
            yield from _children(at, branch)


def _few(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:5])) or "nothing"
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
