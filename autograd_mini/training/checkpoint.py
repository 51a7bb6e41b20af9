"""All that a training changes, as one snapshot: to go back to after an error, to continue from in another process."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..arguments import saved_number
from ..errors import AnomalyError
from ..files import CHECKPOINT, read_json, write_json
from ..nn import Module
from ..nn.sources import source
from ..optim import Optimizer
from ..optim.lr_scheduler import LRScheduler

_DAMAGED = "name another file, or delete it to train from the start"


class Run:
    """A training up to its last complete epoch.

    Args:
        model, optimizer, scheduler: what is trained, and by what. The optimiser has parameters of the model only.
        settings: what a training must have in common with the one that it continues, by name.
        path: the file of the checkpoint, read if it is there and written at once if it is not; None keeps none.
        epochs: how many there are to be.

    Attributes:
        history: lists with a number for each epoch, by name.

    Raises:
        TypeError: if a source of random numbers in the model cannot be saved.
        ValueError: if the file is damaged, no checkpoint, from a newer version or that of another training; nothing is
            changed then.
        OSError: if the file can be neither read nor written.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        scheduler: LRScheduler | None,
        settings: Mapping[str, Any],
        path: str | os.PathLike[str] | None,
        epochs: int,
    ) -> None:
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.settings, self.path = {**settings, "model": repr(model)}, path
        self.history: dict[str, list[float]] = {"loss": [], "lr": []}
        if settings["validation"]:
            self.history["validation_loss"] = []
        self.best: dict[str, float] | None = None
        self._parameters = dict(model.named_parameters())
        self._sources = _sources(model, must_be_saved=path is not None)
        self._begun_with = self._hyper_parameters()
        self._last = self._snapshot()
        if path is None:
            return
        if os.path.exists(path):
            self._continue_from(read_json(path, CHECKPOINT, _DAMAGED), epochs)
        else:
            self._write()  # so that a place where it cannot be written is found now, and not after the first epoch

    @property
    def epoch(self) -> int:
        """The number of complete epochs."""
        return len(self.history["loss"])

    def end_epoch(self, numbers: Mapping[str, float]) -> None:
        """Add an epoch to the history, and make what it ended with the one to go back to and to continue from.

        Raises:
            AnomalyError: if a weight is not finite.
            OSError: if the checkpoint cannot be written.
        """
        weights = self._weights()
        for name, x in weights.items():
            if not math.isfinite(x):
                raise AnomalyError(
                    f"{name} became {x} in epoch {self.epoch + 1}; lower the learning rate, or call fit under "
                    "ag.detect_anomaly() to see which operation begins it"
                )
        for name, number in numbers.items():
            self.history.setdefault(name, []).append(number)
        losses = self.history.get("validation_loss")
        if losses and best_epoch(losses) == len(losses) - 1:
            self.best = weights
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

    def _weights(self) -> dict[str, float]:
        """``model.state_dict()``, without the search for all names."""
        return {name: p.data for name, p in self._parameters.items()}

    def _hyper_parameters(self) -> dict[str, dict[str, Any]]:
        """Those of optimiser and scheduler, as JSON has them."""
        states = {"optimizer": self.optimizer.state_dict()}
        if self.scheduler is not None:
            states["scheduler"] = self.scheduler.state_dict()
        return {
            role: {role: state[role]} | {k: list(x) if isinstance(x, tuple) else x for k, x in state["hyper"].items()}
            for role, state in states.items()
        }

    def _snapshot(self) -> dict[str, Any]:
        return {
            "epochs": self.epoch,  # of the history, which only ever grows
            "model": self._weights(),
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
        self.best = state["best"]
        for numbers in self.history.values():
            del numbers[state["epochs"] :]

    def _continue_from(self, content: Any, epochs: int) -> None:
        path = os.fspath(self.path or "")
        try:
            with self.or_back_to_the_last_epoch():
                if not isinstance(content, dict) or set(content) != {*self._last, "settings", "begun_with", "history"}:
                    raise ValueError("it is not one of fit")
                self._compare(content, epochs)
                history = _checked_history(content["history"], content["epochs"], self.settings)
                if content["best"] is not None:
                    self.model.load_state_dict(content["best"])
                self._restore(content)
        except _Changed as change:
            raise ValueError(f"the checkpoint {path} {change}") from None
        except Exception as error:  # whatever a content of any kind may lead to
            text = f"{type(error).__name__}: {error}" if isinstance(error, LookupError) else str(error)
            raise ValueError(f"the checkpoint {path} does not belong to this training: {text}; {_DAMAGED}") from error
        self.history.update(history)
        self._begun_with = content["begun_with"]
        self._last = self._snapshot()

    def _compare(self, content: Mapping[str, Any], epochs: int) -> None:
        """Raise ``_Changed`` for the first thing in which this training differs from that of a checkpoint."""
        path = os.fspath(self.path or "")
        weights, both = f"model.load({path!r})", f"model.load({path!r}) and optimizer.load({path!r})"
        if set(content["model"]) != set(self._last["model"]):
            raise _Changed("it has the parameters of another model", f"model.load({path!r}, strict=False)")
        for name, here in self.settings.items():
            if content["settings"][name] != here:
                raise _Changed(f"it was made with {name}={content['settings'][name]}, and this call has {here}", both)
        hyper, begun_with = self._hyper_parameters(), content["begun_with"]
        if set(hyper) != set(begun_with):
            raise _Changed("only one of the two has a scheduler", both)
        for role, mine in hyper.items():
            # A schedule has changed them by the end of a training that is continued in the same process.
            later = {**begun_with[role], **content[role]["hyper"]}
            if mine in (begun_with[role], later):
                continue
            name = next(name for name, x in mine.items() if x != begun_with[role].get(name))
            raise _Changed(
                f"it was begun with {name}={begun_with[role].get(name)}, and this call has {mine[name]}",
                weights if name == "optimizer" else both,
            )
        if content["epochs"] > epochs:
            raise _Changed(
                f"it has {content['epochs']} epochs already, and this call asks for {epochs} in all "
                f"(epochs={content['epochs'] + epochs} would be {epochs} more)",
                both,
            )

    def _write(self) -> None:
        path = os.fspath(self.path or "")
        try:
            about = {"settings": self.settings, "begun_with": self._begun_with, "history": self.history}
            write_json(path, {**self._last, **about}, CHECKPOINT)
        except OSError as error:
            if os.path.exists(path):
                remedy = "the one before it is whole"
            else:
                remedy = "name a file in a folder that exists and may be written to"
            text = f"the checkpoint of epoch {self.epoch} cannot be written: {error.strerror}; {remedy}"
            raise OSError(error.errno, text, path) from error


def best_epoch(losses: list[float]) -> int:
    """Where the smallest loss is, the first of equal ones; NaN is never better.

    >>> best_epoch([float("nan"), 2.0, 1.0, 1.0])
    2
    """
    return min(range(len(losses)), key=lambda i: math.inf if math.isnan(losses[i]) else losses[i])


class _Changed(Exception):
    """A person has changed something since a checkpoint was written: what, and the calls to go on with it."""

    def __init__(self, what: str, calls: str) -> None:
        super().__init__(
            f"is of another training: {what}; to go on from it with the change, call {calls} and then fit with another "
            "file for its checkpoint"
        )


def _checked_history(history: Any, epochs: Any, settings: Mapping[str, Any]) -> dict[str, list[float]]:
    """A history from a file, if it has the lists that ``fit`` writes, with a number for each epoch."""
    names = {"loss", "lr", *(["validation_loss"] if settings["validation"] else [])}
    if not isinstance(history, dict) or not all(isinstance(numbers, list) for numbers in history.values()):
        raise TypeError(f"its history is {history!r}")
    more = sorted(set(history) - names) if not settings["diagnostics"] else []
    if more or not names <= set(history):
        raise ValueError(f"its history has {sorted(history)}, and not {sorted(names)}")
    for name, numbers in history.items():
        if len(numbers) != epochs:
            raise ValueError(f"its history has {len(numbers)} epochs of {name}, and it has {epochs}")
    return {name: [saved_number(f"{name} in its history", x) for x in numbers] for name, numbers in history.items()}


def _sources(model: Module, must_be_saved: bool) -> list[Any]:
    """What the modules draw random numbers from in training: their attributes ``rng``, such as a ``Dropout`` has."""
    found: list[Any] = [source(vars(module)["rng"]) for module in model.modules() if "rng" in vars(module)]
    saved = []
    for rng in {id(rng): rng for rng in found}.values():
        try:
            rng.getstate()
        except (AttributeError, NotImplementedError):  # the latter from random.SystemRandom, which has no state
            if must_be_saved:
                raise TypeError(
                    f"a checkpoint cannot keep the state of {rng!r}, which the model draws from; give its modules "
                    "rng=random.Random(seed)"
                ) from None
        else:
            saved.append(rng)
    return saved
