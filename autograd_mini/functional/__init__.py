"""Derivatives of functions: ``grad(f)`` is again a function, so that ``grad(grad(f))`` is the second derivative."""

from .checkpointing import recompute
from .custom import operation
from .equations import implicit, solve
from .forward import jvp
from .jacobians import jacobian
from .reverse import grad, value_and_grad, vjp
from .second import hessian, hvp

__all__ = [
    "grad",
    "hessian",
    "hvp",
    "implicit",
    "jacobian",
    "jvp",
    "operation",
    "recompute",
    "solve",
    "value_and_grad",
    "vjp",
]
__dir__ = __all__.copy  # dir() lists what is public
