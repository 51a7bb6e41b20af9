"""Training: ``fit``, the checkpoints it continues from, and what it tells of each layer."""

from .diagnostics import Diagnostics
from .loop import fit

__all__ = ["Diagnostics", "fit"]
__dir__ = __all__.copy  # dir() lists what is public
