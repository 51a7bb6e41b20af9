"""The native engine: the class and the functions of value.py and derivatives.py, in C.

Raises:
    ModuleNotFoundError: if it was not built.
    ImportError: if it was built from other sources than those around it, if this is a subinterpreter, or if a
        free-threaded interpreter was told to do without its lock, which it would switch on for this module else.
"""

import sys as _sys

from ...ops import table_hash as _table_hash
from .. import mode as _mode

try:
    from ._native import (
        Differentiating,
        Value,
        adjoints,
        counts,
        deepen,
        functions,
        local_partials,
        new_epoch,
        pull,
        pull_each,
        push,
        set_unusual,
        table_hash,
        topological_order,
    )
except (AttributeError, KeyError, TypeError) as error:  # what it looks for in them is not there
    raise ImportError("it was built from another state of the sources around it") from error

__all__ = [
    "Differentiating", "Value", "adjoints", "counts", "functions", "local_partials", "new_epoch", "pull",
    "pull_each", "push", "topological_order",
]  # fmt: skip

if _table_hash() not in (None, table_hash):
    raise ImportError("it was built from another table of operations")

if not getattr(_sys, "_is_gil_enabled", lambda: True)():
    raise ImportError("it needs the interpreter's lock, which PYTHON_GIL=0 or -X gil=0 keeps switched off")

_mode.on_change(set_unusual)
_mode.count_depth_by(deepen)
