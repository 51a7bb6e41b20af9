"""What goes on in each layer while a model is trained: ``fit(..., diagnostics=True)`` puts it into its history."""

from __future__ import annotations

import math
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from ..arguments import wrong_type
from ..core.serving import Value
from ..nn import Module, Neuron, ReLU, RNNCell
from ..nn.module import held
from ..nn.nested import flat, is_list
from ..optim import Optimizer


class Diagnostics:
    """Watches a training and tells for each epoch the size of gradients, updates and the share of dead relus.

    A layer is a module that holds parameters, or ``Neuron``s, itself; a ``Neuron`` is only one as the whole model. It
    is named by its path, the model itself by its class.

    Args:
        model: what is trained; its relus are watched within the context.
        optimizer: what trains it. Parameters that it does not have are left out.

    Raises:
        TypeError: if one of the two is something else.
        ValueError: if the optimizer has none of the model's parameters, or others.

    >>> from autograd_mini import nn, optim
    >>> model = nn.Sequential(nn.Layer(1, 2, nonlin=False), nn.ReLU())
    >>> model.load_state_dict(dict(zip(model.state_dict(), [3.0, 4.0, -12.0, -84.0])))
    >>> optimizer = optim.SGD(model.parameters(), lr=0.5)
    >>> with Diagnostics(model, optimizer) as diagnostics:
    ...     (model([1.0])[0] * 2).backward()
    ...     diagnostics.after_backward()
    ...     optimizer.step()
    ...     diagnostics.after_step()
    ...     epoch = diagnostics.end_epoch()
    >>> for name, number in epoch.items():
    ...     print(f"{name} {number:.4f}")
    grad_norm/layers.0 2.8284
    update_ratio/layers.0 0.0166
    dead_relus/layers.1 0.5000
    """

    def __init__(self, model: Module, optimizer: Optimizer) -> None:
        check_optimizer(optimizer, model)
        trained = set(map(id, optimizer.params))
        self._parameters: dict[str, list[Value]] = {}
        self._relus: dict[str, list[_Relu]] = {}
        self._undo = ExitStack()
        self._is_watching = False
        for path, module in model.named_modules():
            name = path or type(model).__name__
            if isinstance(module, Neuron) and module is not model:
                continue
            parts = [part for _, part in held(module) if isinstance(part, (Value, Neuron))]
            own = {id(p): p for part in parts for p in (part.parameters() if isinstance(part, Neuron) else [part])}
            if parameters := [p for i, p in own.items() if i in trained]:
                self._parameters[name] = parameters
            if relus := {id(m): _Relu(m) for m in [module, *parts] if isinstance(m, Module) and _is_relu(m)}:
                self._relus[name] = list(relus.values())
        self._start_epoch()

    def __enter__(self) -> Diagnostics:
        if self._is_watching:
            raise RuntimeError("this one is watching already; make a Diagnostics of its own for each `with`")
        self._is_watching = True
        for relus in self._relus.values():
            for relu in relus:
                self._undo.callback(relu.module.register_forward_hook(relu.saw).remove)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self._undo.close()
        self._is_watching = False

    def _start_epoch(self) -> None:
        self._norms: dict[str, list[float]] = {name: [] for name in self._parameters}
        self._ratios: dict[str, list[float]] = {name: [] for name in self._parameters}
        self._before: dict[str, tuple[float, list[float]]] = {}  # the norm of the gradient, and the weights
        for relus in self._relus.values():
            for relu in relus:
                relu.start_epoch()

    def after_backward(self) -> None:
        """Look at the gradients and at the weights before the step. Gradients that are clipped first look small.

        Raises:
            RuntimeError: outside of the context.
        """
        if not self._is_watching:
            raise RuntimeError("relus are watched within `with Diagnostics(...) as diagnostics:` only; train in there")
        for name, parameters in self._parameters.items():
            self._before[name] = math.hypot(*[p.grad for p in parameters]), [p.data for p in parameters]

    def after_step(self) -> None:
        """Look at the weights that a step has changed.

        Raises:
            RuntimeError: if ``after_backward`` was not called before the step.
        """
        if not self._before:
            raise RuntimeError(
                "the weights before the step are not known; call after_backward between backward and step"
            )
        for name, parameters in self._parameters.items():
            norm, before = self._before.pop(name)
            change, size = math.dist([p.data for p in parameters], before), math.hypot(*before)
            self._norms[name].append(norm)
            self._ratios[name].append(change / size if size else math.inf if change else 0.0)

    def end_epoch(self) -> dict[str, float]:
        """What was seen since the last call, or since the beginning.

        Returns:
            for each layer, by name: "grad_norm/...", the mean over the steps of the norm of its gradient;
            "update_ratio/...", the mean of the norm of the change of its parameters divided by their own norm, inf if
            all were 0; and "dead_relus/...", for a layer of relus, a ``ReLU`` or an ``RNNCell``, the share of the units
            that were 0 whenever the module was called in training.

        Raises:
            RuntimeError: if there was no complete step.
        """
        if not all(self._ratios.values()):
            raise RuntimeError("there was no step in this epoch; call after_backward and after_step around each")
        out = {f"grad_norm/{name}": _mean(norms) for name, norms in self._norms.items()}
        out |= {f"update_ratio/{name}": _mean(ratios) for name, ratios in self._ratios.items()}
        for name, relus in self._relus.items():
            units, alive = sum(relu.units for relu in relus), sum(len(relu.alive) for relu in relus)
            out[f"dead_relus/{name}"] = 1.0 - alive / units if units else 0.0
        self._start_epoch()
        return out


class _Relu:
    """A module whose outputs are those of relus, and which of them have been something else than 0."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.start_epoch()

    def start_epoch(self) -> None:
        self.units, self.alive = 0, set[int]()

    def saw(self, module: Module, args: tuple[Any, ...], out: Any) -> None:
        if not module.training:
            return
        numbers = flat(out) if is_list(out) else [out]
        self.units = max(self.units, len(numbers))
        self.alive.update([i for i, x in enumerate(numbers) if x != 0.0])


def check_optimizer(optimizer: Any, model: Any) -> None:
    """Raise unless these are an optimiser and the model that it trains."""
    if not isinstance(model, Module):
        raise wrong_type("model", model, "pass an nn.Module")
    if not isinstance(optimizer, Optimizer):
        raise wrong_type("optimizer", optimizer, "pass one such as optim.Adam(model.parameters())")
    mine = set(map(id, model.parameters()))
    foreign = [p for p in optimizer.params if id(p) not in mine]
    if len(foreign) == len(optimizer.params):
        raise ValueError("the optimizer has none of the model's parameters; make it of model.parameters()")
    if foreign:
        raise ValueError(
            f"the optimizer has {foreign[0]!r}, which is no parameter of the model; "
            "make it an attribute of the model or of a module that holds both"
        )


def _is_relu(module: Module) -> bool:
    return (
        isinstance(module, ReLU)
        or (isinstance(module, Neuron) and module.activation == "relu")
        or (isinstance(module, RNNCell) and module.nonlinearity == "relu")
    )


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
