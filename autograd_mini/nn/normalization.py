"""Normalisation: numbers of mean 0 and variance 1 at any depth of a net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arguments import flag, number_within, whole_number
from ..core.functions import sqrt, sumprod
from ..core.functions import sum as sum_
from ..core.serving import Value
from .module import Module
from .nested import check_inputs


class LayerNorm(Module):
    """(x - mean) / sqrt(variance + eps) * weight + bias over the numbers of one list, after Ba et al. 2016.

    Args:
        normalized_shape: the length of the list, an int.
        eps: added to the variance, at least 0; with 0, a list of equal numbers is a ZeroDivisionError.
        elementwise_affine: whether to have ``weight``, at first 1, and ``bias``, at first 0.
        bias: False for ``weight`` alone.

    Attributes:
        weight, bias: one Value for each number, or None.

    Raises:
        TypeError: if an argument is of the wrong type; when called, if there is no list.
        ValueError: if an argument is out of its range; when called, if the list has the wrong length.

    >>> [round(x.item(), 3) for x in LayerNorm(3)([1.0, 2.0, 3.0])]
    [-1.225, 0.0, 1.225]
    """

    def __init__(
        self, normalized_shape: int, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True
    ) -> None:  # fmt: skip
        n = self.normalized_shape = whole_number("normalized_shape", normalized_shape, low=1)
        self.eps = number_within("eps", eps, at_least=0)
        has_weight, has_bias = flag("elementwise_affine", elementwise_affine), flag("bias", bias)
        self.weight = [Value(1.0) for _ in range(n)] if has_weight else None
        self.bias = [Value(0.0) for _ in range(n)] if has_weight and has_bias else None

    def __call__(self, input: Sequence[Any]) -> list[Any]:
        n = self.normalized_shape
        check_inputs(self, n, input)
        mean = sum_(input) / n
        centred = [x - mean for x in input]
        scale = 1.0 / sqrt(sumprod(centred, centred) / n + self.eps)
        normal = [x * scale for x in centred]
        if self.weight is None:
            return normal
        if self.bias is None:
            return [w * x for w, x in zip(self.weight, normal, strict=True)]
        return [sumprod((w, b), (x, 1.0)) for w, b, x in zip(self.weight, self.bias, normal, strict=True)]

    def __repr__(self) -> str:
        affine = ", elementwise_affine=False" if self.weight is None else ", bias=False" if self.bias is None else ""
        return f"LayerNorm({self.normalized_shape}, eps={self.eps}{affine})"
