"""Dropout: noise in training that keeps units from relying on each other."""

from __future__ import annotations

from typing import Any

from ..arguments import number_within
from .module import Module
from .nested import each
from .sources import Random, source


class Dropout(Module):
    """In training, sets each number to zero with probability ``p`` and divides the others by 1 - p, so that the output
    is the input on average (Srivastava et al. 2014); in evaluation, the identity.

    Args:
        p: the probability, at least 0 and below 1.
        rng: what decides; the module ``random`` if none is given.

    Raises:
        TypeError: if ``p`` is no number, or ``rng`` no source of random numbers.
        ValueError: if ``p`` is out of its range.

    >>> import random
    >>> dropout = Dropout(0.5, rng=random.Random(0))
    >>> dropout([1.0, 2.0, 3.0, 4.0])
    [2.0, 4.0, 0.0, 0.0]
    >>> dropout.eval()([1.0, 2.0, 3.0, 4.0])
    [1.0, 2.0, 3.0, 4.0]
    """

    def __init__(self, p: float = 0.5, *, rng: Random | None = None) -> None:
        source(rng)
        self.p, self.rng = number_within("p", p, at_least=0, below=1), rng

    def __call__(self, input: Any) -> Any:
        if not self.training or self.p == 0.0:
            return input
        draw, p, scale = source(self.rng).uniform, self.p, 1.0 / (1.0 - self.p)
        return each(lambda x: x * (scale if draw(0.0, 1.0) >= p else 0.0), input)

    def __repr__(self) -> str:
        return f"Dropout(p={self.p})"
