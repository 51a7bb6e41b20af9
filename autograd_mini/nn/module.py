"""The base of everything with parameters: their names, states and files, hooks, and the mode of training."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterator, Mapping
from reprlib import recursive_repr
from typing import Any, ClassVar, TypeVar

from .. import trees
from ..arguments import flag, real, wrong_type
from ..core.serving import Value
from ..files import WEIGHTS, read_json, write_json

M = TypeVar("M", bound="Module")
Hook = Callable[[M, tuple[Any, ...], Any], Any]


class RemovableHandle:
    """What ends a hook that was registered."""

    def __init__(self, hooks: dict[RemovableHandle, Hook[Any]]) -> None:
        self._hooks = hooks

    def remove(self) -> None:
        """End the hook, if it has not ended yet."""
        self._hooks.pop(self, None)


class Module:
    """Base of everything with parameters: Values, modules, and lists, tuples, dicts, dataclasses and object arrays of
    both, kept as attributes.

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
    _hooks_are_used: ClassVar[bool] = False  # whether any module ever had hooks; until then nobody looks for them
    _forward_hooks: Mapping[RemovableHandle, Hook[Any]] = {}

    def __call__(self, x: Any) -> Any:
        raise TypeError(f"{type(self).__name__} defines no __call__, the method that computes its output")

    def register_forward_hook(self: M, hook: Hook[M]) -> RemovableHandle:
        """Have a function told of each call of this module, once it has computed its output.

        What a subclass computes by ``super().__call__`` is part of one call. Copies of the module, and what is
        unpickled, have no hooks.

        Args:
            hook: called with the module, the tuple of its positional arguments, and the output. What it returns takes
                the place of the output, unless it is None. Several are called in the order of their registration.

        Returns:
            a handle, whose ``remove()`` ends it.

        Raises:
            TypeError: if ``hook`` cannot be called.

        >>> from autograd_mini.nn import ReLU
        >>> relu, seen = ReLU(), []
        >>> handle = relu.register_forward_hook(lambda module, args, output: seen.append((args, output)))
        >>> relu([-1.0, 2.0])
        [0.0, 2.0]
        >>> handle.remove()
        >>> relu([3.0]), seen
        ([3.0], [(([-1.0, 2.0],), [0.0, 2.0])])
        """
        if not callable(hook):
            raise wrong_type("hook", hook, "pass a function of the module, its arguments and its output")
        Module._hooks_are_used = True
        _make_tell_hooks(type(self))
        hooks = vars(self).setdefault("_forward_hooks", {})
        handle = RemovableHandle(hooks)
        hooks[handle] = hook
        return handle

    def _tell_hooks(self, args: tuple[Any, ...], output: Any) -> Any:
        """The output, or what hooks put in its place."""
        for hook in tuple(self._forward_hooks.values()):  # one may remove itself
            replacement = hook(self, args, output)
            output = output if replacement is None else replacement
        return output

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle has of this module: all but its hooks, which are others' and may not be copied."""
        return _attributes(self)

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """The parameters with their path, such as ``layers.0.neurons.2.w.1``; a shared one once, by its first path.

        Raises:
            ValueError: if two have the same path, such as those at the keys 1 and "1" of a dict.
        """
        found = [(path, part) for path, part in _all_within(self) if isinstance(part, Value)]
        names = [path for path, _ in found]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                f"two parameters of {type(self).__name__} are both called {twice!r}, and a saved state would keep one; "
                "use keys and attributes that read differently (1 and '1' do not)"
            )
        return iter(found)

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
        yield "", self
        yield from ((path, part) for path, part in _all_within(self) if isinstance(part, Module))

    def train(self: M, mode: bool = True) -> M:
        """Set ``training`` of this module and of all within it, and return it.

        Args:
            mode: True for training; False for evaluation, where ``Dropout`` is the identity.

        Raises:
            TypeError: if ``mode`` is no bool.

        >>> Module().eval().train().training
        True
        """
        flag("mode", mode)
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
            TypeError: if ``state`` is no mapping or holds something that is no number, or ``strict`` is no bool.
            ValueError: if ``strict`` is set and paths are missing or left over, or a number is beyond all floats.
        """
        if not isinstance(state, Mapping):
            raise wrong_type("state", state, "pass what state_dict() returned")
        parameters = dict(self.named_parameters())
        missing, extra = [k for k in parameters if k not in state], [k for k in state if k not in parameters]
        if flag("strict", strict) and (missing or extra):
            raise ValueError(
                f"the state does not fit {type(self).__name__}: missing {_few(missing)}, unexpected {_few(extra)}; "
                "build the module with the sizes it was saved with, or pass strict=False"
            )
        numbers = {name: real(f"state[{name!r}]", x, "pass what state_dict() returned") for name, x in state.items()}
        for name, x in state.items():
            if math.isinf(numbers[name]) and not isinstance(x, float):
                raise ValueError(f"state[{name!r}] is beyond all floats; pass what state_dict() returned")
        for name, p in parameters.items():
            if name in numbers:
                p.data = numbers[name]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``state_dict()`` to a JSON file; a file of that name is replaced only once the new one is whole.

        Raises:
            OSError: if it cannot be written.
        """
        write_json(path, self.state_dict(), WEIGHTS)

    def load(self, path: str | os.PathLike[str], strict: bool = True) -> None:
        """Assign parameters from a file that ``save`` wrote; nothing is assigned if anything is wrong.

        Raises:
            TypeError, ValueError: as ``load_state_dict``; if the file is damaged, holds something else than weights, or
                comes from a newer version of this package.
            OSError: if it cannot be read.
        """
        self.load_state_dict(read_json(path, WEIGHTS, "save it again with .save()"), strict)

    @recursive_repr()
    def __repr__(self) -> str:
        """The modules within, by the path that begins their parameters' names, and how many parameters each has."""
        lines = []
        for path, child in held(self):
            if isinstance(child, Value):
                continue
            text, count = repr(child).replace("\n", "\n  "), len(child.parameters())
            counted = "\n" in text or not count  # a module that shows its own parts shows its own count
            lines.append(f"\n  {path}: {text}" if counted else f"\n  {path}: {text}, {count} parameters")
        name = type(self).__name__
        return f"{name}, {len(self.parameters())} parameters:{''.join(lines)}" if lines else f"{name}()"


def _make_tell_hooks(cls: type[Module]) -> None:
    """Have the calls of a class tell hooks from now on; until it has one, a class pays nothing for them."""
    call: Any = cls.__call__
    if getattr(call, "tells_hooks", None) is call:
        return

    @functools.wraps(call)
    def told(self: Module, *args: Any, **kwargs: Any) -> Any:
        output = call(self, *args, **kwargs)
        # In a call by super() it is the subclass that tells them.
        return self._tell_hooks(args, output) if type(self).__call__ is told else output

    told.tells_hooks = told  # type: ignore[attr-defined]  # itself, as functools.wraps copies attributes
    cls.__call__ = told  # type: ignore[method-assign]


def _attributes(module: Module) -> dict[str, Any]:
    """All attributes but hooks, which are not what a module computes with."""
    return {name: x for name, x in vars(module).items() if name != "_forward_hooks"}


def held(tree: Any, path: str = "") -> list[tuple[str, Value | Module]]:
    """The Values and modules in a module's attributes, or in a structure, with their paths; not what modules hold."""
    if isinstance(tree, Module):
        parts = list(_attributes(tree).items())
    elif hasattr(type(tree), "__dataclass_fields__"):  # parameters may be in fields that it made itself
        import dataclasses  # takes long, and who has one has imported it

        parts = [(field.name, getattr(tree, field.name, None)) for field in dataclasses.fields(tree)]
    elif trees.is_array(tree):  # one of numbers is spared the search
        parts = [(".".join(map(str, key)), x) for key, x in trees.children(tree)] if tree.dtype.hasobject else []
    else:
        parts = trees.children(tree)
    is_single = trees.is_array(tree) and not tree.shape  # an array without axes is its part, by the same path
    found: list[tuple[str, Value | Module]] = []
    for key, part in parts:
        at = path if is_single else f"{path}.{key}" if path else str(key)
        if isinstance(part, (Value, Module)):
            found.append((at, part))
        elif trees.is_tree(part):
            found += held(part, at)
    return found


def _all_within(module: Module) -> list[tuple[str, Value | Module]]:
    """The Values and modules that a module holds, and that these hold, each once, a module before what it holds."""
    found: list[tuple[str, Value | Module]] = []
    _add_within(module, "", {id(module)}, found)
    return found


# No function within the other: one that calls itself is a cycle, and what it has found would wait for the collector.
def _add_within(module: Module, path: str, seen: set[int], found: list[tuple[str, Value | Module]]) -> None:
    for at, part in held(module, path):
        if id(part) not in seen:
            seen.add(id(part))
            found.append((at, part))
            if isinstance(part, Module):
                _add_within(part, at, seen, found)


def _few(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:5])) or "nothing"
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
