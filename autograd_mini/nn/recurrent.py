"""Recurrent cells: one step of a net that reads a sequence and keeps what it needs in a hidden state.

>>> import random
>>> cell = GRUCell(1, 2, rng=random.Random(0))
>>> h = None
>>> for x in [0.5, -1.0, 0.25]:
...     h = cell([x], h)
>>> [round(v.item(), 3) for v in h]
[0.651, 0.505]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from ..arguments import choice, flag, whole_number
from ..core.functions import relu, sigmoid, sumprod, tanh
from .module import Module
from .nested import Kept, check_inputs, depth, is_list
from .sources import Random, source, uniform

_NONLINEARITIES = {"tanh": tanh, "relu": relu}

Rows = Sequence[Sequence[Any]]


def _rows(weight_ih: Rows, weight_hh: Rows, bias_ih: Sequence[Any] | None, bias_hh: Sequence[Any] | None) -> Any:
    """The row of each unit for the input, that for the hidden state, and both in one, each weight's bias at its end."""
    if bias_ih and bias_hh:
        of_x = [(*w, b) for w, b in zip(weight_ih, bias_ih, strict=True)]
        of_h = [(*w, b) for w, b in zip(weight_hh, bias_hh, strict=True)]
    else:
        of_x, of_h = list(map(tuple, weight_ih)), list(map(tuple, weight_hh))
    return of_x, of_h, [u + v for u, v in zip(of_x, of_h, strict=True)]


class _Cell(Module):
    """What all cells share: parameters for the input and the hidden state, with a block of rows for each gate."""

    _gates: ClassVar[int]

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *, rng: Random | None = None) -> None:
        self.input_size = whole_number("input_size", input_size, low=1)
        self.hidden_size = whole_number("hidden_size", hidden_size, low=1)
        flag("bias", bias)
        rows, bound, draw = self._gates * self.hidden_size, 1.0 / math.sqrt(self.hidden_size), source(rng).uniform
        self.weight_ih = uniform(draw, bound, rows, self.input_size)
        self.weight_hh = uniform(draw, bound, rows, self.hidden_size)
        self.bias_ih = uniform(draw, bound, rows) if bias else None
        self.bias_hh = uniform(draw, bound, rows) if bias else None
        self._rows = Kept(_rows)

    def _start(self, name: str, state: Any) -> Sequence[Any]:
        """The state that a call was given, or zeros."""
        if state is None:
            return [0.0] * self.hidden_size
        if not is_list(state) or depth(state) > 1:
            raise TypeError(
                f"{self!r} takes {name} as a list of {self.hidden_size} numbers, got {state!r} "
                f"of type {type(state).__name__}; for a batch call it for each sample with its own"
            )
        if len(state) != self.hidden_size:
            raise ValueError(f"{self!r} takes {name} of {self.hidden_size} numbers, got {len(state)}")
        return state  # type: ignore[no-any-return]

    def _operands(self, input: Sequence[Any], h: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Input and state, each with a 1.0 for its bias if there is one."""
        check_inputs(self, self.input_size, input)
        return ((*input, 1.0), (*h, 1.0)) if self.bias_ih else (tuple(input), tuple(h))

    def _weights(self) -> tuple[Rows, Rows, Rows]:
        return self._rows(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)  # type: ignore[no-any-return]

    def _sums(self, x: tuple[Any, ...], h: tuple[Any, ...], stop: int | None = None) -> list[Any]:
        """W_ih x + b_ih + W_hh h + b_hh for the rows before ``stop``, one node each."""
        xh = x + h
        return [sumprod(row, xh) for row in self._weights()[2][:stop]]

    def _options(self) -> str:
        return "" if self.bias_ih else ", bias=False"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.input_size}, {self.hidden_size}{self._options()})"


class RNNCell(_Cell):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), the recurrent net of Elman 1990.

    Args:
        input_size: the number of inputs.
        hidden_size: the number of hidden units, which are the output too.
        bias: whether to have the two biases.
        nonlinearity: "tanh" or "relu".
        rng: where weights and biases are drawn from; the module ``random`` if none is given. They are uniform between
            ±1 / sqrt(hidden_size), as in PyTorch.

    Attributes:
        weight_ih, weight_hh: a row of weights for each unit, in nested tuples; to replace some, assign all.
        bias_ih, bias_hh: a tuple of one Value for each unit, or None.

    Returns, when called with an input and the last hidden state (zeros if None): the new hidden state, a list.

    Raises:
        TypeError: if an argument is of the wrong type; when called, if input or state is no list.
        ValueError: if a size is less than 1 or ``nonlinearity`` is unknown; when called, if input or state has the
            wrong length.

    >>> len(RNNCell(3, 2)([0.5, 0.0, -0.5]))
    2
    """

    _gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        rng: Random | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, rng=rng)
        self.nonlinearity = choice("nonlinearity", nonlinearity, _NONLINEARITIES)

    def __call__(self, input: Sequence[Any], hx: Sequence[Any] | None = None) -> list[Any]:
        x, h = self._operands(input, self._start("a hidden state", hx))
        sums = self._sums(x, h)
        return list(map(_NONLINEARITIES[self.nonlinearity], sums))

    def _options(self) -> str:
        shown = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super()._options() + shown


class GRUCell(_Cell):
    """A gated recurrent unit, after Cho et al. 2014 (arXiv:1406.1078) in PyTorch's form:

        r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh)   two blocks of rows
        n = tanh(W_in x + b_in + r * (W_hn h + b_hn))   the third
        h' = (1 - z) * n + z * h

    Args: as ``RNNCell``, without ``nonlinearity``.

    Attributes: as ``RNNCell``, with the rows of r, z, n one below the other.

    Returns, when called with an input and the last hidden state (zeros if None): the new hidden state, a list.

    Raises: as ``RNNCell``.

    >>> cell = GRUCell(3, 2)
    >>> len(cell([0.5, 0.0, -0.5], [0.0, 0.0])), len(cell.parameters())
    (2, 42)
    """

    _gates = 3

    def __call__(self, input: Sequence[Any], hx: Sequence[Any] | None = None) -> list[Any]:
        state, n = self._start("a hidden state", hx), self.hidden_size
        x, h = self._operands(input, state)
        gates = list(map(sigmoid, self._sums(x, h, 2 * n)))
        of_x, of_h, _ = self._weights()
        recalled = [sumprod(w, h) for w in of_h[2 * n :]]
        new = [tanh(sumprod((*w, r), (*x, c))) for w, r, c in zip(of_x[2 * n :], gates[:n], recalled, strict=True)]
        return [sumprod((1.0 - z, z), (a, b)) for z, a, b in zip(gates[n:], new, state, strict=True)]


class LSTMCell(_Cell):
    """Long short-term memory, after Hochreiter & Schmidhuber 1997 and Gers et al. 2000 (the forget gate):

        i, f, o = sigmoid(...), g = tanh(...)           of W_ih x + b_ih + W_hh h + b_hh, a block of rows each
        c' = f * c + i * g
        h' = o * tanh(c')

    Args: as ``RNNCell``, without ``nonlinearity``.

    Attributes: as ``RNNCell``, with the rows of i, f, g, o one below the other.

    Returns, when called with an input and the last pair of hidden state and cell state (zeros if None): the new pair.

    Raises: as ``RNNCell``; TypeError if the states are no pair.

    >>> cell = LSTMCell(3, 2)
    >>> h, c = cell([0.5, 0.0, -0.5])
    >>> h, c = cell([0.5, 0.0, -0.5], (h, c))
    >>> len(h), len(c)
    (2, 2)
    """

    _gates = 4

    def __call__(
        self, input: Sequence[Any], hx: tuple[Sequence[Any], Sequence[Any]] | None = None
    ) -> tuple[list[Any], list[Any]]:
        if hx is not None and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise TypeError(f"{self!r} takes a pair (h, c) of hidden state and cell state, got {hx!r}")
        h, c = (None, None) if hx is None else hx
        c = self._start("a cell state", c)
        x, h = self._operands(input, self._start("a hidden state", h))
        sums, n = self._sums(x, h), self.hidden_size
        i, f, o = (list(map(sigmoid, sums[k * n : (k + 1) * n])) for k in (0, 1, 3))
        g = map(tanh, sums[2 * n : 3 * n])
        cells = [sumprod((b, a), (old, new)) for a, b, new, old in zip(i, f, g, c, strict=True)]
        return [a * tanh(cell) for a, cell in zip(o, cells, strict=True)], cells
