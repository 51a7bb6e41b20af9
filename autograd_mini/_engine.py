"""Which engine serves: the native one if it was built and fits the table, otherwise the textbook.

The environment variable ``AUTOGRAD_MINI_ENGINE``, "native" or "python", asks for one before the first import. All other
modules take the engine from here.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from .ops import Op

REBUILD = "build it with a C compiler by `pip install .` in the folder of the sources (`pip install -e .` to edit them)"


def _choose(asked: str | None) -> str:
    """The engine that serves, given the one that is asked for.

    Raises:
        ImportError: if ``asked`` is no engine, or is one that is not there.
    """
    if asked not in (None, "", "native", "python"):
        raise ImportError(f"AUTOGRAD_MINI_ENGINE is native or python, got {asked!r}")
    if asked == "python":
        return "python"
    try:
        from . import native  # noqa: F401
    except ModuleNotFoundError as error:
        if asked == "native":
            raise ImportError(f"AUTOGRAD_MINI_ENGINE asks for the native engine, which is not built; {REBUILD}; "
                              "`python -m autograd_mini` says why it is missing") from error  # fmt: skip
        return "python"
    except ImportError as error:
        unfit = f"the native engine does not serve: {error}"
        if asked == "native":
            raise ImportError(unfit) from error
        warnings.warn(f"{unfit}; the textbook engine serves, which is slower", RuntimeWarning, stacklevel=4)
        return "python"
    return "native"


engine = _choose(os.environ.get("AUTOGRAD_MINI_ENGINE"))

# The two are one to every reader, type checkers included.
if TYPE_CHECKING or engine == "python":
    from .ops import cos, erf, exp, log, maximum, minimum, relu, sigmoid, sin, softplus, sqrt, sum_, sumprod, tan, tanh
    from .value import (
        Value,
        adjoints,
        local_partials,
        new_epoch,
        no_grad,
        recording,
        set_watcher,
        topological_order,
        watcher,
    )

    differentiate = None
else:
    from .native import (
        Value,
        adjoints,
        cos,
        differentiate,
        erf,
        exp,
        local_partials,
        log,
        maximum,
        minimum,
        new_epoch,
        no_grad,
        recording,
        relu,
        set_watcher,
        sigmoid,
        sin,
        softplus,
        sqrt,
        sum_,
        sumprod,
        tan,
        tanh,
        topological_order,
        watcher,
    )  # fmt: skip

__all__ = [
    "Value", "adjoints", "cos", "differentiate", "engine", "erf", "exp", "local_partials", "log", "maximum", "minimum",
    "new_epoch", "no_grad", "recording", "relu", "restore", "set_watcher", "sigmoid", "sin", "softplus", "sqrt",
    "sum_", "sumprod", "tan", "tanh", "topological_order", "watcher",
]  # fmt: skip


def restore(op: Op | None, args: tuple[Any, ...], data: float, grad: float, label: str, age: int) -> Value:
    """A node from what a pickle tells, in the engine that serves, whichever wrote it."""
    return Value._restore(op, args, data, grad, label, age)
