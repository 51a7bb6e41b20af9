"""Modules one after the other, and those without parameters that stand between: activations and a change of shape."""

from __future__ import annotations

from typing import Any

from ..arguments import wrong_type
from ..core.functions import relu, sigmoid, tanh
from .module import Module
from .nested import each, flat, is_list


class Sequential(Module):
    """Modules one after the other, each fed with what the one before gives.

    Args:
        modules: the modules in order; ``model[i]`` is the i-th.

    Raises:
        TypeError: if one is no module.
        ValueError: if there is none.

    >>> from autograd_mini.nn import Conv2d, Layer
    >>> model = Sequential(Conv2d(1, 4, 3), ReLU(), Flatten(), Layer(16, 10, nonlin=False))
    >>> model
    Sequential, 210 parameters:
      layers.0: Conv2d(1, 4, kernel_size=(3, 3), stride=(1, 1)), 40 parameters
      layers.1: ReLU()
      layers.2: Flatten()
      layers.3: Layer(16, 10, linear), 170 parameters
    >>> len(model([[[0.0] * 4] * 4]))
    10
    """

    def __init__(self, *modules: Module) -> None:
        if not modules:
            raise ValueError("Sequential needs at least one module, got none; pass them in order")
        for i, module in enumerate(modules):
            if not isinstance(module, Module):
                remedy = "pass modules such as ReLU(), or subclass Module for a function of your own"
                if is_list(module):
                    remedy = "pass modules one by one, Sequential(*modules)"
                raise wrong_type(f"modules[{i}]", module, remedy)
        self.layers = list(modules)

    def __call__(self, input: Any) -> Any:
        for layer in self.layers:
            input = layer(input)
        return input

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Module:
        return self.layers[index]


class ReLU(Module):
    """``ag.relu`` of every number; takes a number or lists nested in any way.

    >>> ReLU()([[-1.0], [2.0]])
    [[0.0], [2.0]]
    """

    def __call__(self, input: Any) -> Any:
        return each(relu, input)


class Tanh(Module):
    """``ag.tanh`` of every number; takes a number or lists nested in any way.

    >>> Tanh()([0.0])
    [0.0]
    """

    def __call__(self, input: Any) -> Any:
        return each(tanh, input)


class Sigmoid(Module):
    """``ag.sigmoid`` of every number; takes a number or lists nested in any way.

    >>> Sigmoid()(0.0)
    0.5
    """

    def __call__(self, input: Any) -> Any:
        return each(sigmoid, input)


class Flatten(Module):
    """All numbers of nested lists in one list: the step from images to perceptrons.

    Raises:
        TypeError: when called, if there is no list.

    >>> Flatten()([[[1.0, 2.0]], [[3.0, 4.0]]])
    [1.0, 2.0, 3.0, 4.0]
    """

    def __call__(self, input: Any) -> list[Any]:
        if not is_list(input):
            raise TypeError(f"Flatten() takes lists, got {input!r} of type {type(input).__name__}")
        return flat(input)
