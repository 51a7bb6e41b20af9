"""Schedules of the learning rate: each ``step`` assigns ``lr`` of the optimiser, with PyTorch's names and arithmetic.

A step makes the next rate from the present one, as in PyTorch. So several schedules of one optimiser work together, and
a rate that is assigned in between is kept.

>>> from autograd_mini import Value
>>> from autograd_mini.optim import SGD
>>> optimizer = SGD([Value(1.0)], lr=0.8)
>>> warmup = LinearLR(optimizer, start_factor=0.25, total_iters=3)
>>> decay = StepLR(optimizer, step_size=4, gamma=0.5)
>>> rates = []
>>> for epoch in range(5):
...     optimizer.step()  # after the epoch's gradients
...     rates.append(round(optimizer.lr, 6))
...     warmup.step()
...     decay.step()
>>> rates
[0.2, 0.4, 0.6, 0.8, 0.4]
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..arguments import choice, number_within, real, same_names, saved_number, whole_number, wrong_type
from .optimizers import Optimizer, count, hyper_parameter

__all__ = ["CosineAnnealingLR", "EpochScheduler", "LRScheduler", "LinearLR", "ReduceLROnPlateau", "StepLR"]
__dir__ = __all__.copy  # dir() lists what is public


def _rate(noun: str, content: object) -> float:
    return number_within(noun, content, at_least=0)


class LRScheduler(ABC):
    """The base of all schedules.

    Args:
        optimizer: whose ``lr`` is assigned.
        hyper: the hyper-parameters by name.

    Attributes:
        optimizer: the optimiser.
        last_epoch: the number of steps done.

    Raises:
        TypeError: if ``optimizer`` is none or a hyper-parameter has the wrong type.
        ValueError: if a hyper-parameter is out of its range.

    >>> from autograd_mini import Value
    >>> from autograd_mini.optim import SGD
    >>> isinstance(CosineAnnealingLR(SGD([Value(1.0)]), 10), LRScheduler)
    True
    """

    # What changes from step to step, and how it is checked when it comes from a saved state.
    _progress: ClassVar[dict[str, Callable[[str, object], Any]]]

    def __init__(self, optimizer: Optimizer, **hyper: Any) -> None:
        if not isinstance(optimizer, Optimizer):
            raise wrong_type("optimizer", optimizer, "pass one such as SGD([w, b], lr=0.1)")
        self._hyper = self._checked(hyper)
        self.optimizer = optimizer
        self.last_epoch = 0

    @abstractmethod
    def _checked(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """All hyper-parameters as they are to be kept, or TypeError or ValueError; changes nothing."""

    def get_last_lr(self) -> list[float]:
        """The present learning rate, in a list because PyTorch has one for each group of parameters."""
        return [self.optimizer.lr]

    def state_dict(self) -> dict[str, Any]:
        """A snapshot from which ``load_state_dict`` continues bit for bit.

        Returns:
            a dict of str, numbers and dicts: ``scheduler`` is the name of the class, ``lr`` the present learning rate,
            ``hyper`` the hyper-parameters, ``progress`` what changes from step to step.

        >>> from autograd_mini import Value
        >>> from autograd_mini.optim import SGD
        >>> StepLR(SGD([Value(1.0)], lr=0.5), 10).state_dict()["progress"]
        {'last_epoch': 0, 'base_lr': 0.5}
        """
        return {
            "scheduler": type(self).__name__,
            "lr": self.optimizer.lr,
            "hyper": dict(self._hyper),
            "progress": {name: getattr(self, name) for name in self._progress},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a snapshot, hyper-parameters included; the optimiser gets the learning rate it had then.
        Nothing is changed unless all of it is valid.

        Args:
            state: what ``state_dict`` returned, perhaps by way of JSON, for the same class of schedule.

        Raises:
            TypeError: if a part has the wrong type.
            ValueError: if it is the state of another schedule, if an entry is missing or unknown, or if a number is out
                of its range.

        >>> from autograd_mini import Value
        >>> from autograd_mini.optim import SGD
        >>> before, after = (StepLR(SGD([Value(1.0)], lr=0.5), 1, gamma=0.5) for _ in range(2))
        >>> before.step()
        >>> after.load_state_dict(before.state_dict())
        >>> after.last_epoch, after.get_last_lr()
        (1, [0.25])
        """
        same_names("state", state, ("scheduler", "lr", "hyper", "progress"))
        kind = type(self).__name__
        if state["scheduler"] != kind:
            raise ValueError(
                f"state belongs to the schedule {state['scheduler']!r}, and this is {kind!r}; "
                "load it into a schedule of its own class"
            )
        lr = _rate("lr", state["lr"])
        same_names("state['hyper']", state["hyper"], self._hyper)
        hyper = self._checked(state["hyper"])
        same_names("state['progress']", state["progress"], self._progress)
        progress = {name: check(name, state["progress"][name]) for name, check in self._progress.items()}
        self.optimizer.lr = lr  # first, as an optimiser may refuse it
        self._hyper = hyper
        for name, content in progress.items():
            setattr(self, name, content)


class EpochScheduler(LRScheduler):
    """A schedule that depends on the number of steps alone."""

    _progress = {"last_epoch": count, "base_lr": _rate}

    def __init__(self, optimizer: Optimizer, **hyper: Any) -> None:
        super().__init__(optimizer, **hyper)
        # A second schedule starts from the rate that the first one found, not from what that made of it.
        if optimizer._initial_lr is None:
            optimizer._initial_lr = optimizer.lr
        self.base_lr = optimizer._initial_lr

    @abstractmethod
    def _next(self, lr: float, t: int) -> float:
        """The learning rate after step ``t``, counted from 1, that follows on ``lr``."""

    def step(self) -> None:
        """Assign the next learning rate; to be called after each epoch, or after each batch if it counts batches."""
        lr = self._next(self.optimizer.lr, self.last_epoch + 1)
        self.optimizer.lr = lr
        self.last_epoch += 1


class StepLR(EpochScheduler):
    """Multiplies the learning rate by ``gamma`` every ``step_size`` steps.

    Args:
        optimizer: whose ``lr`` is assigned.
        step_size: the number of steps between two changes, a positive int.
        gamma: the factor, at least 0.

    Raises:
        TypeError, ValueError: as ``LRScheduler``.

    >>> from autograd_mini import Value
    >>> from autograd_mini.optim import SGD
    >>> optimizer = SGD([Value(1.0)], lr=0.5)
    >>> schedule = StepLR(optimizer, 2, gamma=0.5)
    >>> for _ in range(4):
    ...     schedule.step()
    >>> optimizer.lr
    0.125
    """

    step_size: int = hyper_parameter("step_size", "The number of steps between two changes.")
    gamma: float = hyper_parameter("gamma", "The factor.")

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer, step_size=step_size, gamma=gamma)

    def _checked(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "step_size": whole_number("step_size", hyper["step_size"], low=1),
            "gamma": number_within("gamma", hyper["gamma"], at_least=0),
        }

    def _next(self, lr: float, t: int) -> float:
        return lr if t % self.step_size else lr * self.gamma


class LinearLR(EpochScheduler):
    """Takes the learning rate from ``start_factor`` times its own to ``end_factor`` times, in equal steps: a warm-up.

    Args:
        optimizer: whose ``lr`` is assigned, at once and at each step.
        start_factor: the factor at first, above 0 and at most 1.
        end_factor: the factor at last, from 0 to 1.
        total_iters: the number of steps in between, a positive int; afterwards the learning rate stays.

    Raises:
        TypeError, ValueError: as ``LRScheduler``.

    >>> from autograd_mini import Value
    >>> from autograd_mini.optim import SGD
    >>> optimizer = SGD([Value(1.0)], lr=0.5)
    >>> schedule = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> optimizer.lr
    0.25
    >>> schedule.step()
    >>> optimizer.lr
    0.375
    """

    start_factor: float = hyper_parameter("start_factor", "The factor at first.")
    end_factor: float = hyper_parameter("end_factor", "The factor at last.")
    total_iters: int = hyper_parameter("total_iters", "The number of steps in between.")

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:  # fmt: skip
        super().__init__(optimizer, start_factor=start_factor, end_factor=end_factor, total_iters=total_iters)
        optimizer.lr *= self.start_factor

    def _checked(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "start_factor": number_within("start_factor", hyper["start_factor"], above=0, at_most=1),
            "end_factor": number_within("end_factor", hyper["end_factor"], at_least=0, at_most=1),
            "total_iters": whole_number("total_iters", hyper["total_iters"], low=1),
        }

    def _next(self, lr: float, t: int) -> float:
        if t > self.total_iters:
            return lr
        start, rise = self.start_factor, self.end_factor - self.start_factor
        return lr * (1.0 + rise / (self.total_iters * start + (t - 1) * rise))


class CosineAnnealingLR(EpochScheduler):
    """Takes the learning rate down to ``eta_min`` in ``T_max`` steps along half a wave of a cosine, then up again and
    so on (Loshchilov & Hutter 2017, arXiv:1608.03983).

    Args:
        optimizer: whose ``lr`` is assigned.
        T_max: the number of steps from top to bottom, a positive int.
        eta_min: the learning rate at the bottom, at least 0.

    Raises:
        TypeError, ValueError: as ``LRScheduler``.

    >>> from autograd_mini import Value
    >>> from autograd_mini.optim import SGD
    >>> optimizer = SGD([Value(1.0)], lr=0.5)
    >>> schedule = CosineAnnealingLR(optimizer, T_max=2)
    >>> for _ in range(2):
    ...     schedule.step()
    ...     print(round(optimizer.lr, 6))
    0.25
    0.0
    """

    T_max: int = hyper_parameter("T_max", "The number of steps from top to bottom.")
    eta_min: float = hyper_parameter("eta_min", "The learning rate at the bottom.")

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        super().__init__(optimizer, T_max=T_max, eta_min=eta_min)

    def _checked(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "T_max": whole_number("T_max", hyper["T_max"], low=1),
            "eta_min": number_within("eta_min", hyper["eta_min"], at_least=0),
        }

    def _next(self, lr: float, t: int) -> float:
        top, low = self.T_max, self.eta_min
        if (t - 1 - top) % (2 * top) == 0:  # just past the bottom, where the quotient below is 0 / 0
            return lr + (self.base_lr - low) * (1 - math.cos(math.pi / top)) / 2
        return (1 + math.cos(math.pi * t / top)) / (1 + math.cos(math.pi * (t - 1) / top)) * (lr - low) + low


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the learning rate by ``factor`` when a number that should get better, such as the loss on held-out
    data, has not done so for more than ``patience`` steps.

    Args:
        optimizer: whose ``lr`` is assigned.
        mode: "min" if smaller is better, "max" if larger is.
        factor: at least 0, below 1.
        patience: how many steps without improvement are let pass, an int of at least 0.
        threshold: how much better than the best so far counts as improvement, at least 0.
        threshold_mode: "rel" for that share of the best's size, "abs" for that difference. In PyTorch's "rel" a number
            that stays as it is counts as better where it is negative.
        cooldown: how many steps after a change are not counted, an int of at least 0.
        min_lr: the learning rate does not fall below, at least 0.
        eps: smaller changes of the learning rate are not made, at least 0.

    Attributes:
        best: the best number so far.
        num_bad_epochs: how many steps there was none.
        cooldown_counter: how many steps are yet not counted.

    Raises:
        TypeError, ValueError: as ``LRScheduler``.

    >>> from autograd_mini import Value
    >>> from autograd_mini.optim import SGD
    >>> optimizer = SGD([Value(1.0)], lr=0.5)
    >>> schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in [3.0, 2.0, 2.0, 2.0]:
    ...     schedule.step(loss)
    >>> optimizer.lr
    0.25
    """

    _progress = {"last_epoch": count, "best": saved_number, "num_bad_epochs": count, "cooldown_counter": count}

    mode: str = hyper_parameter("mode", "Whether smaller or larger is better.")
    factor: float = hyper_parameter("factor", "The factor.")
    patience: int = hyper_parameter("patience", "How many steps without improvement are let pass.")
    threshold: float = hyper_parameter("threshold", "How much better counts as improvement.")
    threshold_mode: str = hyper_parameter("threshold_mode", "Whether the threshold is a share or a difference.")
    cooldown: int = hyper_parameter("cooldown", "How many steps after a change are not counted.")
    min_lr: float = hyper_parameter("min_lr", "The lowest learning rate.")
    eps: float = hyper_parameter("eps", "The smallest change.")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(
            optimizer,
            mode=mode,
            factor=factor,
            patience=patience,
            threshold=threshold,
            threshold_mode=threshold_mode,
            cooldown=cooldown,
            min_lr=min_lr,
            eps=eps,
        )
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0

    def _checked(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "mode": choice("mode", hyper["mode"], ("min", "max")),
            "factor": number_within("factor", hyper["factor"], at_least=0, below=1),
            "patience": whole_number("patience", hyper["patience"], low=0),
            "threshold": number_within("threshold", hyper["threshold"], at_least=0),
            "threshold_mode": choice("threshold_mode", hyper["threshold_mode"], ("rel", "abs")),
            "cooldown": whole_number("cooldown", hyper["cooldown"], low=0),
            "min_lr": number_within("min_lr", hyper["min_lr"], at_least=0),
            "eps": number_within("eps", hyper["eps"], at_least=0),
        }

    def step(self, metrics: float) -> None:
        """Take note of a number and, if it was not good enough for too long, reduce the learning rate.

        Args:
            metrics: the number; NaN is never an improvement.

        Raises:
            TypeError: if it is no plain number.

        >>> from autograd_mini import Value
        >>> from autograd_mini.optim import SGD
        >>> schedule = ReduceLROnPlateau(SGD([Value(1.0)]))
        >>> schedule.step(0.25)
        >>> schedule.best, schedule.num_bad_epochs
        (0.25, 0)
        """
        current = real("metrics", metrics, "pass a plain number such as loss.item()")
        self.last_epoch += 1
        if self._is_better(current):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            lr = max(self.optimizer.lr * self.factor, self.min_lr)
            if self.optimizer.lr - lr > self.eps:
                self.optimizer.lr = lr
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _is_better(self, current: float) -> bool:
        slack = self.threshold if self.threshold_mode == "abs" else self.threshold * abs(self.best)
        if math.isinf(self.best):
            slack = 0.0
        return current > self.best + slack if self.mode == "max" else current < self.best - slack
