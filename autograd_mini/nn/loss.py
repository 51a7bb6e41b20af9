"""Losses: the mean over a batch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any

from ..arguments import no_parameters, wrong_type, wrong_value
from ..core.functions import exp, log, relu, softplus, sumprod
from ..core.functions import sum as sum_
from ..core.serving import Value
from ..ops import number
from .nested import is_list


def mse_loss(input: Sequence[Any], target: Sequence[Any]) -> Any:
    """The mean of (input - target)**2 over all numbers, in lists nested in any way.

    Raises:
        TypeError: if an argument is no list; so for all losses.
        ValueError: if there are no or not equally many inputs and targets; so for all losses.

    >>> mse_loss([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    _check_batch(input, target)
    if is_list(input[0]) or is_list(target[0]):
        input, target = _same_shape(input, target)
        if not input:
            raise ValueError("a loss compares numbers, at least one; got lists without any")
    with _naming(input, target):
        errors = [x - t for x, t in zip(input, target, strict=True)]
    return sumprod(errors, errors) / len(errors)


def hinge_loss(input: Sequence[Any], target: Sequence[Any]) -> Any:
    """The mean of max(0, 1 - target * input), for targets -1 and 1: the loss of support vector machines.

    >>> hinge_loss([0.5, -3.0], [1, -1])
    0.25
    """
    _check_batch(input, target)
    for i, t in enumerate(target):
        if t not in (-1, 1):
            raise wrong_value(f"target[{i}]", t, "the hinge loss takes the labels -1 and 1")
    with _naming(input, target):
        return _mean([relu(1.0 - t * x) for x, t in zip(input, target, strict=True)])


def binary_cross_entropy_with_logits(input: Sequence[Any], target: Sequence[Any]) -> Any:
    """The mean of -target*log(σ(input)) - (1-target)*log(1-σ(input)), accurate for logits of any size.

    Args:
        input: logits, one number each.
        target: probabilities from 0 to 1.

    >>> binary_cross_entropy_with_logits([1000.0, 0.0], [1, 0]) == log(2) / 2
    True
    """
    _check_batch(input, target)
    with _naming(input, target):
        for i, t in enumerate(target):
            if not 0.0 <= _plain(t) <= 1.0:
                raise wrong_value(f"target[{i}]", t, "a probability lies between 0 and 1")
        return _mean([sumprod([t, 1.0 - t], [softplus(-x), softplus(x)]) for x, t in zip(input, target, strict=True)])


def cross_entropy(input: Sequence[Sequence[Any]], target: Sequence[int]) -> Any:
    """The mean of -log(softmax(row)[class]), accurate for logits of any size.

    Args:
        input: a row of logits for each sample, one number per class; -inf for a class that is impossible.
        target: the index of the right class for each sample.

    >>> cross_entropy([[1000.0, 0.0], [0.0, 0.0]], [0, 1]) == log(2) / 2
    True
    """
    _check_batch(input, target)
    return _mean([_cross_entropy(row, t, i) for i, (row, t) in enumerate(zip(input, target, strict=True))])


def l2(parameters: Sequence[Any]) -> Any:
    """The sum of squares, to be added to a loss times a small factor so that weights stay small.

    >>> l2([3.0, 4.0])
    25.0
    """
    if not is_list(parameters) or hasattr(parameters, "parameters"):  # modules may have a length
        raise no_parameters("parameters", parameters, "pass a list of Values, such as [w, b] or model.parameters()")
    return sumprod(parameters, parameters)


def _cross_entropy(row: Sequence[Any], target: int, sample: int) -> Any:
    if not is_list(row):
        raise wrong_type(f"input[{sample}]", row, "pass a list of logits, one for each class")
    if not hasattr(target, "__index__"):
        raise wrong_type(f"target[{sample}]", target, "pass the index of a class")
    if len(row) < 2:
        raise ValueError(
            f"input[{sample}] has {len(row)} logits; cross entropy needs one for each of two classes or more"
        )
    if not 0 <= target < len(row):
        raise wrong_value(f"target[{sample}]", target, f"there are {len(row)} classes, counted from 0")
    # softplus(logsumexp(the others) - x) instead of logsumexp(all) - x, which cancels where the right class leads. The
    # shift by the largest keeps exp in range; as a plain number it has no part in the derivative, nor should it.
    others = [x for i, x in enumerate(row) if i != target]
    top = max(map(_plain, others))
    if top == -math.inf and _plain(row[target]) > top:  # no other class is possible
        return 0.0 * row[target] if math.isfinite(_plain(row[target])) else 0.0  # a node, as each sample of a batch
    return softplus(log(sum_([exp(x - top) for x in others])) + top - row[target])


def _same_shape(input: Sequence[Any], target: Sequence[Any], place: str = "") -> tuple[list[Any], list[Any]]:
    """All numbers of two lists that are nested alike."""
    numbers: tuple[list[Any], list[Any]] = [], []
    for i, (x, t) in enumerate(zip(input, target, strict=True)):
        at, sizes = f"{place}[{i}]", [len(part) if is_list(part) else None for part in (x, t)]
        if sizes[0] != sizes[1]:
            what = ["a number" if n is None else f"a list of {n}" for n in sizes]
            raise ValueError(
                f"input{at} is {what[0]} and target{at} is {what[1]}; a loss compares lists of one shape, "
                f"so make target{at} {what[0]}"
            )
        for found, parts in zip(numbers, _same_shape(x, t, at) if is_list(x) else ([x], [t]), strict=True):
            found += parts
    return numbers


def _plain(x: Any) -> float:
    return x.data if isinstance(x, Value) else number(x)


def _mean(terms: list[Any]) -> Any:
    return sum_(terms) / len(terms)


@contextmanager
def _naming(input: Sequence[Any], target: Sequence[Any]) -> Iterator[None]:
    """Name the first entry that is no number, if the loss of these cannot be computed."""
    try:
        yield
    except TypeError:
        for name, batch in (("input", input), ("target", target)):
            for i, x in enumerate(batch):
                if not isinstance(x, (Real, Value)):
                    raise wrong_type(f"{name}[{i}]", x, "this loss takes one number for each sample") from None
        raise


def _check_batch(input: Sequence[Any], target: Sequence[Any]) -> None:
    for name, batch in (("input", input), ("target", target)):
        if not is_list(batch):
            raise wrong_type(name, batch, "pass a list with an entry for each sample, [x] for one")
    if len(input) != len(target) or not len(input):
        raise ValueError(f"a loss compares as many inputs as targets, at least one; got {len(input)} and {len(target)}")
