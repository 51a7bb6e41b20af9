"""The base of everything with parameters: their names, states and files, hooks, and the mode of training."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain
from reprlib import recursive_repr
from types import MemberDescriptorType
from typing import Any, ClassVar, NamedTuple, TypeVar

from .. import trees
from ..arguments import flag, saved_number, wrong_type
from ..core.serving import Value
from ..files import WEIGHTS, read_part, write_json

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
    """Base of everything with parameters: Values, modules, and lists, tuples, dicts, dataclasses and NumPy arrays of
    both, kept as attributes.

    Modules may hold each other. Parameters and modules in containers of other kinds, such as sets, and in attributes
    of the class are refused with a TypeError when something first asks for the parameters or modules, unless they are
    found elsewhere too. Parameters that a module computes with but does not hold, such as those in objects of classes
    of one's own, ``fit`` warns of.

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
        remedy = "; rename its method forward" if hasattr(self, "forward") else ""
        raise TypeError(f"{type(self).__name__} defines no __call__, the method that computes its output{remedy}")

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
            TypeError: if there are parameters where they are not found, such as in a set.
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
        return iter([module for _, module in self.named_modules()])

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """The same with their paths, such as ``layers.0``; that of this module is empty.

        >>> from autograd_mini.nn import MLP
        >>> [path for path, _ in MLP(2, [1, 1]).named_modules()]
        ['', 'layers.0', 'layers.0.neurons.0', 'layers.1', 'layers.1.neurons.0']
        """
        within = [(path, part) for path, part in _all_within(self) if isinstance(part, Module)]
        return iter([("", self), *within])

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
            ValueError: if ``strict`` is set and paths are missing or left over, if a number is beyond all floats, or if
                the module holds a Value that was computed.
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
        numbers = {name: saved_number(f"state[{name!r}]", x) for name, x in state.items()}
        for name, p in parameters.items():
            if p.op is not None:
                raise ValueError(
                    f"{name} of {type(self).__name__} is computed by {p.op.name}, so it cannot be assigned; "
                    "make it a leaf by .detach()"
                )
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
        """Assign parameters from a file that ``save`` wrote, or from a checkpoint of ``fit``, whose last epoch counts.
        Nothing is assigned if anything is wrong.

        Args:
            path: the name of the file.
            strict: as ``load_state_dict`` has it.

        Raises:
            TypeError, ValueError: as ``load_state_dict``; if the file is damaged, holds something else than weights, or
                comes from a newer version of this package.
            OSError: if it cannot be read.
        """
        self.load_state_dict(read_part(path, "model", "save it again with .save()", WEIGHTS), strict)

    @recursive_repr()
    def __repr__(self) -> str:
        """The modules within, by the path that begins their parameters' names, and how many parameters each has."""
        lines = []
        for path, child in held(self):
            if isinstance(child, Value):
                continue
            text, count = repr(child).replace("\n", "\n  "), _count(child)
            counted = "\n" in text or not count  # a module that shows its own parts shows its own count
            lines.append(f"\n  {path}: {text}" if counted else f"\n  {path}: {text}, {count} parameters")
        name = type(self).__name__
        return f"{name}, {_count(self)} parameters:{''.join(lines)}" if lines else f"{name}()"


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


class _Aside(NamedTuple):
    """What no path leads to: the keys of a dict, say. Nothing in there is trained or saved."""

    noun: str
    content: Any


def _below(path: str, tree: Any) -> Iterator[tuple[str, Any]]:
    """What a module or a structure holds directly, with its paths."""
    parts: Iterable[tuple[Any, Any]]
    aside: list[tuple[str, _Aside]] = []
    if isinstance(tree, Module):
        own = _attributes(tree)
        parts, aside = own.items(), _of_the_class(tree, own)
    elif hasattr(type(tree), "__dataclass_fields__"):  # parameters may be in fields that it made itself
        import dataclasses  # takes long, and who has one has imported it

        fields = [field.name for field in dataclasses.fields(tree)]
        parts = [(name, getattr(tree, name, None)) for name in fields]
        others = [(name, x) for name, x in getattr(tree, "__dict__", {}).items() if name not in fields]
        aside = [(name, _Aside("no field of its dataclass", x)) for name, x in others]
    elif trees.is_array(tree):  # one of numbers is spared the search, and one without axes is its part
        items = trees.children(tree) if tree.dtype.hasobject else []
        return iter([(".".join([path, *map(str, key)]), x) for key, x in items])
    else:
        parts = trees.children(tree)
        if isinstance(tree, dict):
            aside = [("keys()", _Aside("the keys of a dict", list(tree)))]
    before = f"{path}." if path else ""
    return iter([(f"{before}{key}", x) for key, x in chain(parts, aside)])


def _of_the_class(module: Module, own: dict[str, Any]) -> list[tuple[str, _Aside]]:
    """The attributes that a module has from its class."""
    found: list[tuple[str, _Aside]] = []
    for cls in type(module).__mro__[: type(module).__mro__.index(Module)]:
        for name, x in vars(cls).items():
            if isinstance(x, MemberDescriptorType):
                found.append((name, _Aside("a slot", getattr(module, name, None))))
            elif name not in own and (trees.is_node(x) or isinstance(x, (Module, Collection))) and name[:2] != "__":
                found.append((name, _Aside("an attribute of the class", x)))
    return found


def _leaves(module: Module, path: str) -> Iterator[tuple[str, Any]]:
    """The Values and modules in a module's attributes, and all else that is no structure, with their paths; not what
    those modules hold. A structure is walked once, as it may hold itself."""
    stack, seen = [_below(path, module)], dict[int, Any]()
    while stack:
        for at, part in stack[-1]:
            if isinstance(part, (Value, Module, _Aside)) or not trees.is_tree(part):
                yield at, part
            elif id(part) not in seen:
                seen[id(part)] = part
                stack.append(_below(at, part))
                break
        else:
            stack.pop()


def held(module: Module) -> list[tuple[str, Value | Module]]:
    """The Values and modules in a module's attributes, with their paths; not what those modules hold."""
    return [(at, part) for at, part in _leaves(module, "") if isinstance(part, (Value, Module))]


def _walk(module: Module) -> tuple[list[tuple[str, Value | Module]], list[tuple[str, Any]]]:
    """The Values and modules that a module holds, and that these hold, each once, a module before what it holds; and
    all containers in which the walk finds nothing."""
    found: list[tuple[str, Value | Module]] = []
    closed: list[tuple[str, Any]] = []
    seen, stack = {id(module)}, [_leaves(module, "")]
    while stack:
        for at, part in stack[-1]:
            if not isinstance(part, (Value, Module)):
                if isinstance(part, (_Aside, Collection)) and type(part) is not str:
                    closed.append((at, part))
            elif id(part) not in seen:
                seen.add(id(part))
                found.append((at, part))
                if isinstance(part, Module):
                    stack.append(_leaves(part, at))
                    break
        else:
            stack.pop()
    return found, closed


def _all_within(module: Module) -> list[tuple[str, Value | Module]]:
    """What ``_walk`` finds.

    Raises:
        TypeError: if there are parameters or modules that it does not find.
    """
    found, closed = _walk(module)
    known = {id(part) for _, part in [("", module), *found]} if closed else set()
    for at, container in closed:
        is_aside = isinstance(container, _Aside)
        for part in trees.contents(container.content if is_aside else container, (Value, Module)):
            # What was computed is no parameter; it may be what a module keeps of its last calls.
            if id(part) not in known and (isinstance(part, Module) or part.op is None):
                noun = container.noun if is_aside else f"of type {type(container).__name__}"
                what = repr(part) if isinstance(part, Value) else f"a {type(part).__name__}"
                raise TypeError(
                    f"{at} of {type(module).__name__} is {noun} and holds {what}, which would be neither trained nor "
                    "saved; make it an attribute of a module, by itself or in a list, tuple, dict, field of a "
                    "dataclass, or NumPy array of objects"
                )
    return found


def _count(module: Module) -> int:
    """The number of parameters, of a module that would be refused too, as it has to be shown."""
    return sum(isinstance(part, Value) for _, part in _walk(module)[0])


def _few(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:5])) or "nothing"
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
