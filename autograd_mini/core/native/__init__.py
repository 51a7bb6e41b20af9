"""The native engine: the class and the functions of value.py and derivatives.py, in C.

Raises:
    ModuleNotFoundError: if it was not built.
    ImportError: if it was built from other sources than those around it, or if this is a subinterpreter.
"""

from ...ops import table_hash as _table_hash
from .. import mode as _mode

try:
    from ._native import (
        Value,
        adjoints,
        counts,
        deepen,
        differentiate,
        functions,
        local_partials,
        new_epoch,
        pull,
        push,
        set_unusual,
        table_hash,
        topological_order,
    )
except (AttributeError, KeyError, TypeError) as error:  # what it looks for in them is not there
    raise ImportError("it was built from another state of the sources around it") from error

__all__ = [
    "Value", "adjoints", "counts", "differentiate", "functions", "local_partials", "new_epoch", "pull", "push",
    "topological_order",
]  # fmt: skip

if _table_hash() not in (None, table_hash):
    raise ImportError("it was built from another table of operations")

_mode.on_change(set_unusual)
_mode.count_depth_by(deepen)
