"""Which engine serves: the native one if it was built and fits the table, otherwise the textbook.

The environment variable ``AUTOGRAD_MINI_ENGINE``, "native" or "python", asks for one before the first import. All
modules above take the engine from here.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..ops import FUNCTIONS, ON_LISTS, TABLE
from . import copies

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
            raise ImportError(
                f"AUTOGRAD_MINI_ENGINE asks for the native engine, which is not built; {REBUILD}; "
                "without that variable `python -m autograd_mini` says why it is missing"
            ) from error
        return "python"
    except ImportError as error:
        unfit = f"the native engine does not serve: {error}" + (f"; {REBUILD}" if is_outdated(error) else "")
        if asked == "native":
            raise ImportError(unfit) from error
        _warn(f"{unfit}; the textbook engine serves, which is slower")
        return "python"
    return "native"


def is_outdated(error: ImportError) -> bool:
    """Whether the native engine does not serve because the sources around it are newer, and not because of the
    interpreter; and does not say itself what to do."""
    return REBUILD not in str(error) and "interpreter" not in str(error)


def _warn(message: str) -> None:
    """Warn at the line of the program that imports the package."""
    frame = sys._getframe()
    ours = (__name__.partition(".")[0], "importlib")
    # A text that is run by exec need not be of a module.
    while frame.f_back and str(frame.f_globals.get("__name__")).partition(".")[0] in ours:
        frame = frame.f_back
    warnings.warn_explicit(message, RuntimeWarning, frame.f_code.co_filename, frame.f_lineno)


engine = _choose(os.environ.get("AUTOGRAD_MINI_ENGINE"))

functions: dict[str, Callable[..., Any]] = {
    name: FUNCTIONS[name] for name, op in TABLE.items() if op.role == "function"
}
"""The public functions of the table, by name."""

# The two are one to every reader, type checkers included.
if TYPE_CHECKING or engine == "python":
    from .derivatives import Differentiating, pull, pull_each, push
    from .mode import new_epoch
    from .value import Value, adjoints, local_partials, topological_order
else:
    from .native import (
        Differentiating,
        Value,
        adjoints,
        local_partials,
        new_epoch,
        pull,
        pull_each,
        push,
        topological_order,
    )  # fmt: skip
    from .native import functions as _in_c

    functions |= _in_c

on_lists = ON_LISTS
"""The public functions that give lists and are made of rows, by name."""

copies.serve(Value)

__all__ = [
    "Differentiating", "Value", "adjoints", "engine", "functions", "local_partials", "new_epoch", "on_lists", "pull",
    "pull_each", "push", "topological_order",
]  # fmt: skip
