"""Derivatives of functions: ``grad(f)`` is again a function, so that ``grad(grad(f))`` is the second derivative."""

from .custom import operation
from .reverse import grad, value_and_grad

__all__ = ["grad", "operation", "value_and_grad"]
