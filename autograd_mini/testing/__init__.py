"""Checks for functions, rows and engines: ``check_grads``, and the differences it judges by."""

from .check import check_grads
from .differences import Estimate, difference

__all__ = ["Estimate", "check_grads", "difference"]
