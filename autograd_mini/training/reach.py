"""What the losses of a training are computed from, compared with what the optimiser moves: a parameter that one of the
two leaves out is lost in silence, so ``fit`` tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from .. import trees
from ..core.serving import Value, new_epoch, topological_order
from ..nn import Module
from ..optim import Optimizer


class Reach:
    """Looks at the losses of an epoch: at the first for parameters that the optimiser does not have, and at as many as
    it takes to have met all of the optimiser's.

    Args:
        model, optimizer: what is trained, and by what.
        data: the samples, whose Values are no parameters.

    Attributes:
        news: what is to be told.

    >>> from autograd_mini import nn, optim
    >>> model = nn.Sequential(nn.Neuron(1), nn.ReLU())
    >>> reach = Reach(model, optim.SGD(model[0].w), [])
    >>> reach.saw(model([1.0]))
    >>> len(reach.news), "'layers.0.b'" in reach.news[0]
    (1, True)
    """

    def __init__(self, model: Module, optimizer: Optimizer, data: Sequence[Any]) -> None:
        self._model, self._data = model, data
        self._trained = set(map(id, optimizer.params))
        self._unmet = {id(p): p for p in optimizer.params}
        self._begun, self._is_first = new_epoch(), True
        self.news: list[str] = []

    def saw(self, loss: Value) -> None:
        """Look at a loss, before the step that follows on it."""
        if not self._unmet and not self._is_first:
            return
        leaves = list(takewhile(lambda node: node.op is None, topological_order(loss)))
        for leaf in leaves:
            self._unmet.pop(id(leaf), None)
        if self._is_first:
            self._is_first = False
            self._tell_of_strangers(leaves)

    def _tell_of_strangers(self, leaves: list[Value]) -> None:
        left_out = {id(p): p for p in leaves if id(p) not in self._trained}
        if not left_out:
            return
        frozen = []
        for name, p in self._model.named_parameters():  # those too that it has made in its first call
            if left_out.pop(id(p), None) is not None:
                frozen.append(repr(name))
        for row in self._data:
            for _, x in trees.leaves(list(row)):
                left_out.pop(id(x), None)
        # What was made on the way is a number of the computation.
        unknown = [repr(p) for p in left_out.values() if p._epoch < self._begun]
        if frozen:
            self.news.append(
                f"the loss depends on {_few(frozen)}, which the optimizer does not have and leaves as they are; "
                "make it of model.parameters(), or filter this warning if that is meant"
            )
        if unknown:
            self.news.append(
                f"the loss depends on {_few(unknown)}, which the model does not hold, so they are neither trained nor "
                "saved; make them attributes of the model, or plain numbers if they are to stay"
            )

    def end_epoch(self) -> None:
        """Tell of parameters that were in no loss."""
        if self._unmet:
            unmet = [repr(name) for name, p in self._model.named_parameters() if id(p) in self._unmet]
            self.news.append(
                f"no loss of the first epoch depends on {_few(unmet)}, so they got no gradient and stay as they are; "
                "use them in the model's __call__, without .item() and .data, or leave them out of the optimizer"
            )


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
