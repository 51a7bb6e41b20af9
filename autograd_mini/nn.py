"""Neural nets: modules that hold parameters, a perceptron with micrograd's signatures, and losses.

A neuron is two nodes of the graph, a ``sumprod`` of weights and inputs and its activation, however many inputs it has.

>>> import random
>>> model = MLP(2, [3, 1], rng=random.Random(0))
>>> len(model.parameters()), type(model([0.5, -1.0])).__name__
(13, 'Value')
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, Protocol, cast

from . import _engine as ops
from ._engine import Value, sumprod
from .ops import number

# The factor by which each activation shrinks the spread of its input, to be made up for by the weights: PyTorch's
# calculate_gain, after He et al. 2015 (relu) and LeCun et al. 1998 (tanh). Also the list of activations there are.
_GAIN = {"linear": 1.0, "relu": math.sqrt(2.0), "sigmoid": 1.0, "softplus": math.sqrt(2.0), "tanh": 5.0 / 3.0}


class Random(Protocol):
    """What a source of random numbers must have: ``random.Random(seed)`` has it, and so has the module ``random``."""

    def uniform(self, a: float, b: float) -> float: ...


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

    def zero_grad(self) -> None:
        """Set ``grad`` of every parameter to 0.0; without it the gradients of several losses add up."""
        for p in self.parameters():
            p.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        """The numbers of all parameters by path; plain floats, which JSON keeps to the last bit.

        >>> import random
        >>> Neuron(1, rng=random.Random(0)).state_dict()
        {'w.0': 1.687315585001992, 'b': 0.0}
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
        """Write ``state_dict()`` to a JSON file; a file of that name is replaced only once the new one is whole."""
        part = os.fspath(path) + ".part"
        import json  # here and below: most programs neither save nor load

        with open(part, "w", encoding="utf-8") as file:
            json.dump(self.state_dict(), file, indent=0)
        os.replace(part, path)

    def load(self, path: str | os.PathLike[str], strict: bool = True) -> None:
        """Assign parameters from a file that ``save`` wrote; nothing is assigned if anything is wrong.

        Raises:
            ValueError: if the file is damaged, or as ``load_state_dict``.
            OSError: if it cannot be read.
        """
        import json

        try:
            with open(path, encoding="utf-8") as file:
                state = json.load(file)
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)} is no saved state: {error}; save it again with .save()") from None
        self.load_state_dict(state, strict)


class Neuron(Module):
    """activation(w · x + b).

    Args:
        nin: the number of inputs.
        nonlin: False for a neuron without activation, whatever ``activation`` says.
        activation: "relu", "tanh", "sigmoid", "softplus" or "linear".
        rng: where the weights are drawn from; the module ``random`` if none is given. The weights are uniform with
            variance gain**2 / nin, so that signals keep their spread through the activation; the bias is 0.

    Raises:
        TypeError: if ``rng`` is no source of random numbers.
        ValueError: if ``nin`` is no positive int or ``activation`` is unknown; when called, if the number of inputs
            is not ``nin``.

    >>> neuron = Neuron(2, activation="tanh")
    >>> neuron
    Neuron(2, tanh)
    >>> neuron([0.0, 0.0])
    Value(0.0)
    """

    def __init__(
        self, nin: int, nonlin: bool = True, *, activation: str = "relu", rng: Random | None = None
    ) -> None:  # fmt: skip
        if not isinstance(activation, str) or activation not in _GAIN:
            raise ValueError(f"there is no activation {activation!r}; take one of {', '.join(_GAIN)}")
        _check_size("nin", nin)
        self.activation = activation if nonlin else "linear"
        bound = _GAIN[self.activation] * math.sqrt(3.0 / nin)
        draw = _source(rng).uniform
        self.w = [Value(draw(-bound, bound)) for _ in range(nin)]
        self.b = Value(0.0)

    def __call__(self, x: Sequence[Any]) -> Any:
        _check_inputs(self, len(self.w), x)
        return self._output([*x, 1.0])

    def _output(self, x: list[Any]) -> Any:
        """The output for checked inputs, to which a 1.0 has been appended as the factor of the bias."""
        out = sumprod([*self.w, self.b], x)
        return out if self.activation == "linear" else getattr(out, self.activation)()

    def __repr__(self) -> str:
        return f"Neuron({len(self.w)}, {self.activation})"


class Layer(Module):
    """``nout`` neurons with the same inputs; always gives a list. Further arguments are those of ``Neuron``.

    >>> Layer(2, 3)
    Layer(2, 3, relu)
    """

    def __init__(self, nin: int, nout: int, **kwargs: Any) -> None:
        _check_size("nout", nout)
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]

    def __call__(self, x: Sequence[Any]) -> list[Any]:
        _check_inputs(self.neurons[0], len(self.neurons[0].w), x)  # once for all
        x = [*x, 1.0]
        return [neuron._output(x) for neuron in self.neurons]

    def __repr__(self) -> str:
        return f"Layer({len(self.neurons[0].w)}, {len(self.neurons)}, {self.neurons[0].activation})"


class MLP(Module):
    """A multilayer perceptron: layers one after the other, the last without activation.

    Args:
        nin: the number of inputs.
        nouts: the sizes of the layers.
        activation: that of all layers but the last, as in ``Neuron``.
        rng: as in ``Neuron``.

    Returns, when called: the last layer's list, or its only element if it has one neuron.

    Raises: as ``Neuron``; ValueError if ``nouts`` is empty.

    >>> MLP(2, [16, 16, 1], activation="tanh")
    MLP of [Layer(2, 16, tanh), Layer(16, 16, tanh), Layer(16, 1, linear)]
    """

    def __init__(
        self, nin: int, nouts: Sequence[int], *, activation: str = "relu", rng: Random | None = None
    ) -> None:  # fmt: skip
        if not nouts:
            raise ValueError("an MLP needs at least one layer, got no sizes; pass nouts such as [16, 16, 1]")
        last = len(nouts) - 1
        self.layers = [
            Layer(n, nout, nonlin=i != last, activation=activation, rng=rng)
            for i, (n, nout) in enumerate(zip([nin, *nouts[:-1]], nouts, strict=True))
        ]

    def __call__(self, x: Sequence[Any]) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x[0] if len(x) == 1 else x

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"


# ---- Losses: the mean over a batch. ---------------------------------------------------------------------------------


def mse_loss(input: Sequence[Any], target: Sequence[Any]) -> Any:
    """The mean of (input - target)**2.

    Raises:
        TypeError: if an argument is no list; so for all losses.
        ValueError: if there are no or not equally many inputs and targets; so for all losses.

    >>> mse_loss([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    _check_batch(input, target)
    errors = [x - t for x, t in zip(input, target, strict=True)]
    return sumprod(errors, errors) / len(errors)


def hinge_loss(input: Sequence[Any], target: Sequence[Any]) -> Any:
    """The mean of max(0, 1 - target * input), for targets -1 and 1: the loss of support vector machines.

    >>> hinge_loss([0.5, -3.0], [1, -1])
    0.25
    """
    _check_batch(input, target)
    for i, t in enumerate(target):
        if t not in (-1, 1):
            raise ValueError(f"target[{i}] is {t!r}; the hinge loss takes the labels -1 and 1")
    return _mean([ops.relu(1.0 - t * x) for x, t in zip(input, target, strict=True)])


def binary_cross_entropy_with_logits(input: Sequence[Any], target: Sequence[Any]) -> Any:
    """The mean of -target*log(σ(input)) - (1-target)*log(1-σ(input)), accurate for logits of any size.

    Args:
        input: logits, one number each.
        target: probabilities from 0 to 1.

    >>> binary_cross_entropy_with_logits([1000.0, 0.0], [1, 0]) == math.log(2) / 2
    True
    """
    _check_batch(input, target)
    for i, t in enumerate(target):
        if not 0.0 <= _plain(t) <= 1.0:
            raise ValueError(f"target[{i}] is {t!r}; a probability lies between 0 and 1")
    return _mean(
        [sumprod([t, 1.0 - t], [ops.softplus(-x), ops.softplus(x)]) for x, t in zip(input, target, strict=True)]
    )


def cross_entropy(input: Sequence[Sequence[Any]], target: Sequence[int]) -> Any:
    """The mean of -log(softmax(row)[class]), accurate for logits of any size.

    Args:
        input: a row of logits for each sample, one number per class.
        target: the index of the right class for each sample.

    >>> cross_entropy([[1000.0, 0.0], [0.0, 0.0]], [0, 1]) == math.log(2) / 2
    True
    """
    _check_batch(input, target)
    return _mean([_cross_entropy(row, t, i) for i, (row, t) in enumerate(zip(input, target, strict=True))])


def l2(parameters: Sequence[Any]) -> Any:
    """The sum of squares, to be added to a loss times a small factor so that weights stay small.

    >>> l2([3.0, 4.0])
    25.0
    """
    return sumprod(parameters, parameters)


def _cross_entropy(row: Sequence[Any], target: int, sample: int) -> Any:
    if not hasattr(row, "__len__"):
        raise TypeError(
            f"input[{sample}] is a list of logits, one for each class, got {row!r} of type {type(row).__name__}"
        )
    if not hasattr(target, "__index__"):
        raise TypeError(f"target[{sample}] is the index of a class, got {target!r} of type {type(target).__name__}")
    if len(row) < 2:
        raise ValueError(
            f"input[{sample}] has {len(row)} logits; cross entropy needs one for each of two classes or more"
        )
    if not 0 <= target < len(row):
        raise ValueError(f"target[{sample}] is {target!r}, but there are {len(row)} classes, counted from 0")
    # softplus(logsumexp(the others) - x) instead of logsumexp(all) - x, which cancels where the right class leads. The
    # shift by the largest keeps exp in range; as a plain number it has no part in the derivative, nor should it.
    others = [x for i, x in enumerate(row) if i != target]
    top = max(map(_plain, others))
    return ops.softplus(ops.log(ops.sum_([ops.exp(x - top) for x in others])) + top - row[target])


def _plain(x: Any) -> float:
    return x.data if isinstance(x, Value) else number(x)


def _mean(terms: list[Any]) -> Any:
    return ops.sum_(terms) / len(terms)


# ---- Checks. --------------------------------------------------------------------------------------------------------


def _leaves(path: str, tree: Any) -> Iterator[tuple[str, Value]]:
    """The Values in nested attributes, lists, tuples and dicts, with their paths."""
    if isinstance(tree, Value):
        yield path, tree
        return
    if isinstance(tree, Module):
        tree = vars(tree)
    items: Any = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, (list, tuple)) else ()
    for key, branch in items:
        yield from _leaves(f"{path}.{key}" if path else str(key), branch)


def _few(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:5])) or "nothing"
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _check_size(name: str, size: Any) -> None:
    if type(size) is not int or size < 1:
        raise ValueError(f"{name} is a positive int, got {size!r}")


def _check_inputs(module: Module, nin: int, x: Any) -> None:
    if isinstance(x, (Value, Real)) or not hasattr(x, "__len__"):
        raise TypeError(f"{module!r} takes a list of {nin} numbers, got {x!r} of type {type(x).__name__}")
    if len(x) != nin:
        raise ValueError(f"{module!r} takes {nin} inputs, got {len(x)}")


def _check_batch(input: Sequence[Any], target: Sequence[Any]) -> None:
    for name, batch in (("input", input), ("target", target)):
        if not hasattr(batch, "__len__"):
            raise TypeError(
                f"{name} is a list with an entry for each sample, got {batch!r} of type {type(batch).__name__}"
            )
    if len(input) != len(target) or not len(input):
        raise ValueError(f"a loss compares as many inputs as targets, at least one; got {len(input)} and {len(target)}")


def _source(rng: Any) -> Random:
    if rng is None:
        import random  # loads much, and most programs bring their own

        return cast(Random, random)
    if not hasattr(rng, "uniform"):
        raise TypeError(f"rng is a source of random numbers such as random.Random(0), got {rng!r}")
    return cast(Random, rng)
