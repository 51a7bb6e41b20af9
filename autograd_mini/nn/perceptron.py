"""Neurons, their layers, and a perceptron with micrograd's signatures.

A neuron is two nodes of the graph, a ``sumprod`` of weights and inputs and its activation, however many inputs it has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..arguments import choice, flag, whole_number, wrong_type
from ..core.functions import sumprod
from ..core.serving import Value
from .module import Module
from .nested import check_inputs, is_list
from .sources import Random, source

# The factor by which each activation shrinks the spread of its input, to be made up for by the weights: PyTorch's
# calculate_gain, after He et al. 2015 (relu) and LeCun et al. 1998 (tanh). Also the list of activations there are.
_GAIN = {"linear": 1.0, "relu": math.sqrt(2.0), "sigmoid": 1.0, "softplus": math.sqrt(2.0), "tanh": 5.0 / 3.0}


class Neuron(Module):
    """activation(w · x + b).

    Args:
        nin: the number of inputs.
        nonlin: False for a neuron without activation, whatever ``activation`` says.
        activation: "relu", "tanh", "sigmoid", "softplus" or "linear".
        rng: where the weights are drawn from; the module ``random`` if none is given. The weights are uniform with
            variance gain**2 / nin, so that signals keep their spread through the activation; the bias is 0.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if ``nin`` is less than 1 or ``activation`` is unknown; when called, if the number of inputs is not
            ``nin``.

    >>> neuron = Neuron(2, activation="tanh")
    >>> neuron
    Neuron(2, tanh)
    >>> neuron([0.0, 0.0])
    Value(0.0)
    """

    def __init__(
        self, nin: int, nonlin: bool = True, *, activation: str = "relu", rng: Random | None = None
    ) -> None:  # fmt: skip
        choice("activation", activation, _GAIN)
        nin = whole_number("nin", nin, low=1)
        self.activation = activation if flag("nonlin", nonlin) else "linear"
        bound = _GAIN[self.activation] * math.sqrt(3.0 / nin)
        draw = source(rng).uniform
        self.w = [Value(draw(-bound, bound)) for _ in range(nin)]
        self.b = Value(0.0)

    def __call__(self, x: Sequence[Any]) -> Any:
        check_inputs(self, len(self.w), x)
        return self._output((*x, 1.0))

    def _output(self, x: tuple[Any, ...]) -> Any:
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
        self.neurons = [Neuron(nin, **kwargs) for _ in range(whole_number("nout", nout, low=1))]

    def __call__(self, x: Sequence[Any]) -> list[Any]:
        check_inputs(self.neurons[0], len(self.neurons[0].w), x)  # once for all
        with_one = (*x, 1.0)
        outputs = [neuron._output(with_one) for neuron in self.neurons]
        if self._hooks_are_used:  # those of neurons, which are not called here
            return [neuron._tell_hooks((x,), out) for neuron, out in zip(self.neurons, outputs, strict=True)]
        return outputs

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

    Raises: as ``Neuron``; TypeError if ``nouts`` is no list, ValueError if it is empty.

    >>> MLP(2, [16, 16, 1], activation="tanh")
    MLP of [Layer(2, 16, tanh), Layer(16, 16, tanh), Layer(16, 1, linear)]
    """

    def __init__(
        self, nin: int, nouts: Sequence[int], *, activation: str = "relu", rng: Random | None = None
    ) -> None:  # fmt: skip
        if not is_list(nouts):
            raise wrong_type("nouts", nouts, "pass the sizes of the layers, such as [16, 16, 1]")
        if not len(nouts):
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
