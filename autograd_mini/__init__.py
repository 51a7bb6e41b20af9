"""A scalar reverse-mode autodiff engine: readable as a textbook, exact on ordinary Python code.

>>> import autograd_mini as ag
>>> x = ag.Value(2.0, label="x")
>>> y = x * x + ag.sin(x)
>>> y.backward()
>>> round(x.grad, 6)
3.583853
"""

import sys
from typing import TYPE_CHECKING, Any

from . import nn, optim
from .anomaly import detect_anomaly
from .core import functions as _functions
from .core.functions import *  # noqa: F403
from .core.mode import no_grad
from .core.serving import Value, engine
from .errors import (
    AnomalyError,
    AutogradError,
    GradcheckError,
    GraphTooLargeError,
    RendererError,
    RendererNotFoundError,
    StaleGraphError,
)
from .functional import (
    grad,
    hessian,
    hvp,
    implicit,
    jacobian,
    jvp,
    operation,
    recompute,
    solve,
    value_and_grad,
    vjp,
)
from .interop import data, gradients, values
from .pictures import Drawing, draw, to_svg
from .training import Diagnostics, fit

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
    "data",
    "detect_anomaly",
    "draw",
    "engine",
    "fit",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "implicit",
    "jacobian",
    "jvp",
    "nn",
    "no_grad",
    "operation",
    "optim",
    "recompute",
    "solve",
    "testing",
    "to_svg",
    "value_and_grad",
    "values",
    "vjp",
]
__all__ += _functions.__all__
__dir__ = __all__.copy  # dir() lists what is public


def __getattr__(name: str) -> Any:
    """Load ``ag.testing`` when it is first used: most programs test nothing."""
    if name != "testing":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return importlib.import_module(".testing", __name__)


def _tell_hypothesis() -> None:
    """Make ``st.from_type(Value)`` draw from ``testing.values()``, NaN and infinities included.

    Of hypothesis and this package, whichever is imported last calls this: hypothesis by an entry point.
    """
    strategies = sys.modules.get("hypothesis.strategies")
    if strategies is not None:
        strategies.register_type_strategy(Value, lambda _: __getattr__("testing").values())


_tell_hypothesis()
