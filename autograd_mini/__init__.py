"""A scalar reverse-mode autodiff engine: readable as a textbook, exact on ordinary Python code.

>>> import autograd_mini as ag
>>> x = ag.Value(2.0, label="x")
>>> y = x * x + ag.sin(x)
>>> y.backward()
>>> round(x.grad, 6)
3.583853
"""

from typing import TYPE_CHECKING, Any

from . import nn, optim
from ._engine import (
    Value,
    cos,
    engine,
    erf,
    exp,
    log,
    maximum,
    minimum,
    no_grad,
    relu,
    sigmoid,
    sin,
    softplus,
    sqrt,
    sumprod,
    tan,
    tanh,
)
from ._engine import sum_ as sum
from .anomaly import detect_anomaly
from .diagnostics import Diagnostics
from .draw import Drawing, draw, to_svg
from .errors import (
    AnomalyError,
    AutogradError,
    GradcheckError,
    GraphTooLargeError,
    RendererError,
    RendererNotFoundError,
    StaleGraphError,
)
from .functional import grad, value_and_grad
from .training import fit

if TYPE_CHECKING:
    from . import testing

__version__ = "0.1.0"

__all__ = [
    "AnomalyError",
    "AutogradError",
    "Diagnostics",
    "Drawing",
    "GradcheckError",
    "GraphTooLargeError",
    "RendererError",
    "RendererNotFoundError",
    "StaleGraphError",
    "Value",
    "cos",
    "detect_anomaly",
    "draw",
    "engine",
    "erf",
    "exp",
    "fit",
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


def __getattr__(name: str) -> Any:
    """Load ``ag.testing`` when it is first used: most programs test nothing."""
    if name != "testing":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return importlib.import_module(".testing", __name__)
