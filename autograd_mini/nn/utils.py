"""Clipping of gradients between ``backward`` and ``step``, where PyTorch has it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..arguments import flag, no_parameters, number_within
from ..core.serving import Value

__all__ = ["clip_grad_norm_", "clip_grad_value_"]
__dir__ = __all__.copy  # dir() lists what is public


def clip_grad_norm_(
    parameters: Iterable[Value] | Value, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> float:  # fmt: skip
    """Scale all gradients by one factor, so that their norm as one vector is at most ``max_norm``.

    Args:
        parameters: the Values whose ``grad`` is scaled, or a single one; one that is named twice counts once.
        max_norm: the largest norm, at least 0; ``math.inf`` to measure only.
        norm_type: p of the norm (sum of ``|grad|**p``)**(1/p), above 0; ``math.inf`` for the largest size.
        error_if_nonfinite: whether a norm that is infinite or NaN is an error; otherwise the factor is then 0 or NaN.

    Returns:
        the norm before.

    Raises:
        TypeError: if something among the parameters is no Value, or another argument of the wrong type.
        ValueError: if ``max_norm`` or ``norm_type`` is out of its range.
        RuntimeError: if ``error_if_nonfinite`` is set and the norm is not finite; no gradient is changed then.

    >>> x, y = Value(1.0), Value(2.0)
    >>> x.grad, y.grad = 30.0, -40.0
    >>> clip_grad_norm_([x, y], 5.0)
    50.0
    >>> round(x.grad, 6), round(y.grad, 6)
    (3.0, -4.0)
    """
    found, most = _leaves(parameters), number_within("max_norm", max_norm, finite=False, at_least=0)
    norm = _norm([abs(p.grad) for p in found], number_within("norm_type", norm_type, finite=False, above=0))
    if flag("error_if_nonfinite", error_if_nonfinite) and not math.isfinite(norm):
        raise RuntimeError(
            f"the norm of the gradients is {norm}, so they cannot be clipped; look for the parameter whose grad is not "
            "finite, or pass error_if_nonfinite=False"
        )
    factor = most / (norm + 1e-6)
    if not factor >= 1.0:
        for p in found:
            p.grad *= factor
    return norm


def clip_grad_value_(parameters: Iterable[Value] | Value, clip_value: float) -> None:
    """Move every gradient that is outside of [-clip_value, clip_value] to the nearer end.

    Args:
        parameters: the Values whose ``grad`` is clipped, or a single one.
        clip_value: the largest size, at least 0. NaN stays NaN.

    Raises:
        TypeError: if something among the parameters is no Value, or ``clip_value`` is no number.
        ValueError: if ``clip_value`` is negative or NaN.

    >>> x = Value(1.0)
    >>> x.grad = -40.0
    >>> clip_grad_value_([x], 5.0)
    >>> x.grad
    -5.0
    """
    found, most = _leaves(parameters), number_within("clip_value", clip_value, finite=False, at_least=0)
    for p in found:
        if abs(p.grad) > most:
            p.grad = math.copysign(most, p.grad)


def _norm(sizes: list[float], p: float) -> float:
    """Divided by the largest, no power can overflow, and p = inf needs no formula of its own."""
    if any(map(math.isnan, sizes)):
        return math.nan
    largest = max(sizes, default=0.0)
    if largest == 0.0 or largest == math.inf:
        return largest
    total: float = math.fsum((size / largest) ** p for size in sizes) ** (1.0 / p)
    return largest * total


def _leaves(parameters: Iterable[Value] | Value) -> list[Value]:
    """The parameters, each once; Values compare as their numbers, so they are told apart by identity."""
    if isinstance(parameters, Value):
        return [parameters]
    if not isinstance(parameters, Iterable) or hasattr(parameters, "parameters"):  # modules may be iterable
        raise no_parameters("parameters", parameters, "pass Values such as model.parameters()")
    found = list(parameters)
    for i, p in enumerate(found):
        if not isinstance(p, Value):
            raise no_parameters(f"parameters[{i}]", p, "pass a flat list of Values such as model.parameters()")
    return list({id(p): p for p in found}.values())
