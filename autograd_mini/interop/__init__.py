"""What other libraries need to see: arrays of NumPy."""

from .numpy import data, gradients, values

__all__ = ["data", "gradients", "values"]
__dir__ = __all__.copy  # dir() lists what is public
