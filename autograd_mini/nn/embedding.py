"""Embedding: a learned list of numbers for each word, letter, user or other thing that is known by its index."""

from __future__ import annotations

import math
from typing import Any

from ..arguments import whole_number
from .module import Module
from .nested import is_list
from .sources import Random, source, uniform


class Embedding(Module):
    """The row of parameters that belongs to an index; a look-up makes no nodes.

    Args:
        num_embeddings: how many indices there are, counted from 0.
        embedding_dim: how many numbers each has.
        rng: where the numbers are drawn from; the module ``random`` if none is given. They have mean 0 and variance 1,
            as in PyTorch, but are uniform.

    Attributes:
        weight: the rows, [index][place], in nested tuples.

    Returns, when called with an index: its row as a list; with lists of indices: lists of rows, nested likewise.

    Raises:
        TypeError: if a size is no int, or ``rng`` no source of random numbers; when called, if an index is no int.
        ValueError: if a size is less than 1.
        IndexError: when called, if an index is out of range; negative ones are.

    >>> letters = Embedding(26, 2)
    >>> len(letters(0)), len(letters([1, 2, 1]))
    (2, 3)
    >>> letters(25)[0] is letters.weight[25][0]
    True
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, *, rng: Random | None = None) -> None:
        self.num_embeddings = whole_number("num_embeddings", num_embeddings, low=1)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim, low=1)
        self.weight = uniform(source(rng).uniform, math.sqrt(3.0), self.num_embeddings, self.embedding_dim)

    def __call__(self, input: Any) -> list[Any]:
        return self._rows(input)

    def _rows(self, input: Any) -> list[Any]:
        if is_list(input):
            return [self._rows(index) for index in input]
        if not hasattr(input, "__index__"):
            raise TypeError(f"{self!r} takes an index or lists of them, got {input!r} of type {type(input).__name__}")
        if not 0 <= input < self.num_embeddings:
            raise IndexError(
                f"{self!r} takes indices from 0 to {self.num_embeddings - 1}, got {input!r}; "
                "count the things there are before building it"
            )
        return list(self.weight[input])

    def __repr__(self) -> str:
        return f"Embedding({self.num_embeddings}, {self.embedding_dim})"
