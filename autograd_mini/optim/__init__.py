"""Optimisers and schedules of their learning rate, with PyTorch's names, defaults and arithmetic.

>>> from autograd_mini import Value
>>> x = Value(4.0)
>>> optimizer = SGD([x], lr=0.25)
>>> for _ in range(3):
...     optimizer.zero_grad()
...     loss = x * x
...     loss.backward()
...     optimizer.step()
>>> x.data
0.5
"""

from . import lr_scheduler
from .optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
__dir__ = __all__.copy  # dir() lists what is public
