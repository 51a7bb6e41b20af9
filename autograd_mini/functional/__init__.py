"""Derivatives of functions: ``grad(f)`` is again a function, so that ``grad(grad(f))`` is the second derivative."""

from .checkpointing import recompute
from .custom import operation
from .equations import implicit, solve
from .reverse import grad, value_and_grad

__all__ = ["grad", "implicit", "operation", "recompute", "solve", "value_and_grad"]
__dir__ = __all__.copy  # dir() lists what is public
