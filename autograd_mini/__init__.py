"""A scalar reverse-mode autodiff engine: readable as a textbook, exact on ordinary Python code.

>>> import autograd_mini as ag
>>> x = ag.Value(2.0, label="x")
>>> y = x * x + ag.sin(x)
>>> y.backward()
>>> round(x.grad, 6)
3.583853
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from . import nn, optim
from .draw import Drawing, draw, to_svg
from .errors import (
    AutogradError,
    GradcheckError,
    GraphTooLargeError,
    RendererError,
    RendererNotFoundError,
    StaleGraphError,
)
from .functional import grad, value_and_grad
from .ops import cos, erf, exp, log, maximum, minimum, relu, sigmoid, sin, softplus, sqrt, sumprod, tan, tanh
from .ops import sum_ as sum
from .value import Value, no_grad

if TYPE_CHECKING:
    from . import testing

__version__ = "0.1.0"

__all__ = [
    "AutogradError",
    "Drawing",
    "GradcheckError",
    "GraphTooLargeError",
    "RendererError",
    "RendererNotFoundError",
    "StaleGraphError",
    "Value",
    "cos",
    "draw",
    "erf",
    "exp",
    "grad",
    "log",
    "maximum",
    "minimum",
    "nn",
    "no_grad",
    "optim",
    "relu",
    "sigmoid",
    "sin",
    "softplus",
    "sqrt",
    "sum",
    "sumprod",
    "tan",
    "tanh",
    "testing",
    "to_svg",
    "value_and_grad",
]


def __getattr__(name: str) -> ModuleType:
    """``ag.testing`` is loaded when it is first asked for: most programs check nothing."""
    if name == "testing":
        return importlib.import_module(".testing", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
