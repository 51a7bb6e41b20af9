"""All that a training changes, as one snapshot: to go back to after an error, to continue from in another process."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .files import read_json, write_json
from .nn import Module
from .nn.checks import source
from .optim import Optimizer
from .optim.checks import real, same_names
from .optim.lr_scheduler import LRScheduler


class Run:
    """A training up to its last complete epoch.

    Args:
        model, optimizer, scheduler: what is trained, and by what.
        settings: what a training must have in common with the one that it continues, by name.
        path: the file of the checkpoint, read if it is there and written at once if it is not; None keeps none.

    Attributes:
        history: lists with a number for each epoch, by name.

    Raises:
        TypeError: if a source of random numbers in the model cannot be saved.
        ValueError: if the file is damaged or that of another training; nothing is changed then.
        OSError: if the file can be neither read nor written.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        scheduler: LRScheduler | None,
        settings: Mapping[str, Any],
        path: str | os.PathLike[str] | None,
    ) -> None:
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.settings, self.path = dict(settings), path
        self.history: dict[str, list[float]] = {"loss": [], "lr": []}
        self.best: dict[str, float] | None = None
        self._sources = [] if path is None else _sources(model)
        self._last = self._snapshot()
        if path is None:
            return
        if os.path.exists(path):
            self._continue_from(read_json(path, "checkpoint"))
        else:
            self._write()  # so that a place where it cannot be written is found now, and not after the first epoch

    @property
    def epoch(self) -> int:
        """The number of complete epochs."""
        return len(self.history["loss"])

    def end_epoch(self, numbers: Mapping[str, float]) -> None:
        """Add an epoch to the history, and make what it ended with the one to go back to and to continue from."""
        for name, number in numbers.items():
            self.history.setdefault(name, []).append(number)
        losses = self.history.get("validation_loss")
        if losses and best_epoch(losses) == len(losses) - 1:
            self.best = self.model.state_dict()
        self._last = self._snapshot()
        if self.path is not None:
            self._write()

    def take_best(self) -> None:
        """Give the model the weights that had the best validation loss, if any were compared."""
        if self.best is not None:
            self.model.load_state_dict(self.best)

    @contextmanager
    def or_back_to_the_last_epoch(self) -> Iterator[None]:
        """Undo an incomplete epoch if an exception ends it."""
        try:
            yield
        except BaseException:
            self._restore(self._last)
            raise

    def _snapshot(self) -> dict[str, Any]:
        return {
            "settings": self.settings,
            "history": copy.deepcopy(self.history),
            "model": self.model.state_dict(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "random": [rng.getstate() for rng in self._sources],
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        for rng, (version, words, gauss) in zip(self._sources, state["random"], strict=True):
            rng.setstate((version, tuple(words), gauss))
        self.history = copy.deepcopy(state["history"])
        self.best = state["best"]

    def _continue_from(self, state: Any) -> None:
        path = os.fspath(self.path or "")
        remedy = "name another file, or delete it to train from the start"
        try:
            same_names("checkpoint", state, self._last)
            if set(state["model"]) != set(self._last["model"]):
                raise ValueError("it has the parameters of another model")
            for name, here in self.settings.items():
                if state["settings"][name] != here:
                    raise ValueError(f"it was made with {name}={state['settings'][name]}, and this call has {here}")
            if (state["scheduler"] is None) != (self.scheduler is None):
                raise ValueError("only one of the two has a scheduler")
            _check_history(state["history"])
            self._restore(state)
        except (TypeError, ValueError, LookupError) as error:
            self._restore(self._last)
            raise ValueError(f"the checkpoint {path} does not belong to this training: {error}; {remedy}") from error
        self._last = self._snapshot()

    def _write(self) -> None:
        path = os.fspath(self.path or "")
        try:
            write_json(path, self._last)
        except OSError as error:
            raise OSError(
                error.errno,
                f"the checkpoint of epoch {self.epoch} cannot be written: {error.strerror}; an older one is whole",
                path,
            ) from error


def best_epoch(losses: list[float]) -> int:
    """Where the smallest loss is, the first of equal ones; NaN is never better.

    >>> best_epoch([float("nan"), 2.0, 1.0, 1.0])
    2
    """
    return min(range(len(losses)), key=lambda i: math.inf if math.isnan(losses[i]) else losses[i])


def _check_history(history: Any) -> None:
    if not isinstance(history, dict) or not {"loss", "lr"} <= set(history):
        raise TypeError(f"its history is {history!r}")
    for name, numbers in history.items():
        for x in numbers:
            real(f"{name} in its history", x, "a history holds numbers")
        if len(numbers) != len(history["loss"]):
            raise ValueError(f"its history has {len(numbers)} epochs of {name}, and {len(history['loss'])} of loss")


def _sources(model: Module) -> list[Any]:
    """What the modules draw random numbers from in training: their attributes ``rng``, such as a ``Dropout`` has."""
    found: list[Any] = [source(vars(module)["rng"]) for module in model.modules() if "rng" in vars(module)]
    for rng in found:
        if not hasattr(rng, "getstate"):
            raise TypeError(
                f"a checkpoint cannot keep the state of {rng!r}, which the model draws from; give its modules "
                "rng=random.Random(seed)"
            )
    return list({id(rng): rng for rng in found}.values())
