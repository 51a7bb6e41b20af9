"""Checks of gradients: of one's own functions, of the table's rows, and of other engines.

- ``check_grads`` judges the derivatives of any function by differences; this much needs nothing but the package.
- ``values``, ``points``, ``expressions`` and ``programs`` are hypothesis strategies built from the table.
- ``oracles`` has judges that share no code with the engine, some of which need mpmath.
- ``check_engine`` holds any engine, described by an ``Adapter``, to a list of properties; on the command line
  ``python -m autograd_mini.testing micrograd``.

What needs hypothesis or mpmath (``pip install 'autograd-mini[test]'``) is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .adapters import ADAPTERS, Adapter
from .check import check_grads
from .differences import Estimate, difference

if TYPE_CHECKING:
    from .conformance import check_engine
    from .strategies import expressions, points, programs, values

__all__ = [
    "ADAPTERS",
    "Adapter",
    "Estimate",
    "check_engine",
    "check_grads",
    "difference",
    "expressions",
    "points",
    "programs",
    "values",
]
__dir__ = __all__.copy  # dir() lists what is public

_LAZY = {
    "check_engine": "conformance",
    "expressions": "strategies",
    "points": "strategies",
    "programs": "strategies",
    "values": "strategies",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
