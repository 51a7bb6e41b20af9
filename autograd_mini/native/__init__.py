"""The native engine: the class and the functions of value.py, in C. This module is what C leaves to Python.

Raises:
    ModuleNotFoundError: if it was not built.
    ImportError: if it was built from another table than the one in ops.py, or if this is a subinterpreter.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from .. import value as _value
from .._engine import REBUILD as _REBUILD
from ..ops import table_hash as _table_hash
from ..value import watcher
from ._native import (
    Value,
    adjoints,
    cos,
    differentiate,
    erf,
    exp,
    local_partials,
    log,
    looks,
    maximum,
    minimum,
    new_epoch,
    relu,
    set_recording,
    set_watched,
    sigmoid,
    sin,
    softplus,
    sqrt,
    sum_,
    sumprod,
    table_hash,
    tan,
    tanh,
    topological_order,
    unchecked_order,
)

__all__ = [
    "Value", "adjoints", "cos", "differentiate", "erf", "exp", "local_partials", "log", "looks", "maximum", "minimum",
    "new_epoch", "no_grad", "recording", "relu", "set_recording", "set_watched", "set_watcher", "sigmoid", "sin",
    "softplus", "sqrt", "sum_", "sumprod", "tan", "tanh", "topological_order", "unchecked_order", "watcher",
]  # fmt: skip

if _table_hash() not in (None, table_hash):
    raise ImportError(f"it was built from another ops.py; {_REBUILD}")


@contextmanager
def recording(on: bool) -> Iterator[bool]:
    before = set_recording(on)
    try:
        yield before
    finally:
        set_recording(before)


@contextmanager
def no_grad() -> Iterator[None]:
    with recording(False):
        yield


def set_watcher(watcher: _value.Watcher | None) -> None:
    set_watched(watcher is not None)
    _value.set_watcher(watcher)


set_watcher.__doc__ = _value.set_watcher.__doc__
recording.__doc__, no_grad.__doc__ = _value.recording.__doc__, _value.no_grad.__doc__
