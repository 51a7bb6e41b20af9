"""The other engines of the benchmark, as far as they are installed: how each differentiates a function of scalars."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class Peer(NamedTuple):
    """Another engine."""

    name: str
    functions: dict[str, Callable[..., Any]]
    """Those that it has, of the functions that the rows need."""
    differentiate: Callable[[Callable[..., Any], list[float]], Any]
    """Record a function of a list of scalars at some numbers, and go back through it."""
    gradient: Callable[[Any], list[float]]
    """The derivatives as floats, out of what ``differentiate`` returned."""
    goes_deep: bool = False
    """Whether a graph of four million nodes is sensible: else it needs gigabytes, or fails."""


def micrograd() -> Peer:
    from micrograd.engine import Value

    sys.setrecursionlimit(100_000)  # its sort recurses as deep as the graph is

    def differentiate(function, numbers):
        leaves = [Value(x) for x in numbers]
        function(leaves).backward()
        return leaves

    return Peer("micrograd", {"relu": Value.relu}, differentiate, lambda leaves: [v.grad for v in leaves])


def xad() -> Peer:
    from xad import math
    from xad.adj_1st import Real, Tape

    def differentiate(function, numbers):
        with Tape() as tape:  # a used one remembers how large it once was, and takes that long again
            leaves = [Real(x) for x in numbers]
            tape.registerInputs(leaves)
            tape.newRecording()
            root = function(leaves)
            tape.registerOutput(root)
            root.derivative = 1.0
            tape.computeAdjoints()
            return [v.derivative for v in leaves]

    functions = {name: getattr(math, name) for name in ("exp", "log", "sin", "tanh", "sqrt", "erf")}
    return Peer("XAD", functions | {"relu": lambda x: math.fmax(x, 0.0)}, differentiate, list, goes_deep=True)


def torch() -> Peer:
    import torch

    torch.set_num_threads(1)

    def differentiate(function, numbers):
        leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
        function(leaves).backward()
        return leaves

    functions = {name: getattr(torch, name) for name in ("exp", "log", "sin", "tanh", "sqrt", "erf", "relu")}
    return Peer("PyTorch", functions, differentiate, lambda leaves: [v.grad.item() for v in leaves])


def autograd() -> Peer:
    from autograd import numpy, value_and_grad

    def differentiate(function, numbers):
        # An array, taken apart once: of a list, every derivative by an item would be a list again.
        count = len(numbers)
        return value_and_grad(lambda x: function([x[i] for i in range(count)]))(numpy.array(numbers))[1]

    functions = {name: getattr(numpy, name) for name in ("exp", "log", "sin", "tanh", "sqrt")}
    functions["relu"] = lambda x: numpy.maximum(x, 0.0)
    if importlib.util.find_spec("scipy"):
        from autograd.scipy.special import erf

        functions["erf"] = erf
    return Peer("HIPS autograd", functions, differentiate, list)


def installed() -> list[Peer]:
    """The peers that are there, imported."""
    return [make() for make in (xad, torch, micrograd, autograd) if importlib.util.find_spec(make.__name__)]
