"""The training loop: ``fit`` walks over the data again and again, and each batch moves the weights downhill."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from numbers import Real
from typing import Any

from .. import trees
from ..arguments import flag, number_within, whole_number, wrong_type
from ..core.mode import no_grad
from ..core.serving import Value
from ..errors import AnomalyError
from ..nn import Module
from ..nn.nested import is_list
from ..nn.utils import clip_grad_norm_
from ..ops import number
from ..optim import Optimizer
from ..optim.lr_scheduler import EpochScheduler, LRScheduler, ReduceLROnPlateau
from .checkpoint import Run, best_epoch
from .diagnostics import Diagnostics, check_optimizer
from .reach import Reach

# What a sample may be refused with: exceptions that take a message, so that its name can be put before.
_NAMED = (TypeError, ValueError, OverflowError, ZeroDivisionError, IndexError, KeyError, AnomalyError)

Sample = tuple[Any, Any]
Loss = Callable[[list[Any], list[Any]], Any]


def fit(
    model: Module,
    loss: Loss,
    data: Sequence[Sample],
    optimizer: Optimizer,
    *,
    epochs: int,
    batch_size: int = 32,
    seed: int | None = 0,
    scheduler: LRScheduler | None = None,
    max_norm: float | None = None,
    validation: Sequence[Sample] | None = None,
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    diagnostics: bool = False,
    progress: bool = True,
) -> dict[str, list[float]]:
    """Train a model: for each batch the forward pass, the loss, the backward pass and a step of the optimiser.

    The model is switched to training for the batches and to evaluation for the validation, and is left in evaluation,
    all gradients 0. With tqdm installed there is a progress bar.

    Args:
        model: what is trained; called with one input at a time.
        loss: a function of a list of outputs and the list of their targets, such as ``nn.cross_entropy``; a mean over
            the samples, if the history is to be one.
        data: the samples, pairs (input, target).
        optimizer: what moves the weights, made of ``model.parameters()``.
        epochs: how many times to walk over the data, those of the checkpoint included.
        batch_size: the number of samples for each step; the last batch of an epoch may have fewer.
        seed: of the order of samples, which is another one in each epoch; None keeps the order of ``data``.
        scheduler: assigns the learning rate after each epoch; ``ReduceLROnPlateau`` watches the validation loss if
            there is one, else the loss.
        max_norm: the largest norm of the gradient, to which ``nn.utils.clip_grad_norm_`` clips before each step.
        validation: samples to compute the loss of after each epoch.
        patience: after how many epochs without a better validation loss to stop; the model then has the weights of the
            epoch that had the best, be it stopped or not.
        checkpoint: a file that is written after each epoch. If it is there when ``fit`` is called, training continues
            from it, and ends with the bits of a training that was never interrupted. It must be called as before, but
            for ``epochs``, which may grow, and ``patience``; samples are told from others by their number only. To go
            on from it with a change, such as another learning rate or more data, call ``model.load`` and
            ``optimizer.load`` with its name, and then ``fit`` with another file: epochs, their orders, the history,
            the best weights and the scheduler begin anew.
        diagnostics: whether to put into the history what ``Diagnostics`` sees in each layer: the norm of the gradient
            before it is clipped, the size of the updates, and the share of dead relus.
        progress: whether to show the bar.

    Returns:
        the history, lists with a number for each complete epoch: "loss", the mean over the batches while they were
        trained on; "lr", the learning rate; "validation_loss"; and with ``diagnostics`` "grad_norm/layers.0" and so on.

    Raises:
        TypeError, ValueError: if an argument has the wrong type or is out of its range; if a number in the data is not
            finite; if model or loss refuse a sample, which is named; if the checkpoint is damaged, has more epochs
            already, or is that of another model or of a training with other settings; nothing is changed then.
        AnomalyError: if the loss of a batch or a weight is not finite.
        OSError: if the checkpoint cannot be written; one that was there is whole then.
        KeyboardInterrupt: after the batch at hand, if Ctrl-C is pressed; the model has learnt from it. A second Ctrl-C
            interrupts at once.

        After any other exception, those of ``model`` and ``loss`` too, and after a second Ctrl-C, weights, optimiser,
        scheduler and random numbers are as after the last complete epoch.

    Warns:
        UserWarning: once, of parameters that the first loss depends on and the optimiser does not have, and of those of
            the optimiser on which no loss of the first epoch depends.

    >>> from autograd_mini import nn, optim
    >>> model = nn.Neuron(1, nonlin=False)
    >>> data = [([x], 3 * x - 1) for x in (-1.0, 0.0, 1.0, 2.0)]
    >>> history = fit(model, nn.mse_loss, data, optim.SGD(model.parameters(), lr=0.1), epochs=200, progress=False)
    >>> len(history["loss"]), history["loss"][-1] < 1e-6
    (200, True)
    >>> round(model([5.0]).item(), 3)
    14.0
    """
    check_optimizer(optimizer, model)
    if not callable(loss):
        raise wrong_type("loss", loss, "pass a function such as nn.cross_entropy")
    _check_data("data", data)
    if validation is not None:
        _check_data("validation", validation)
    _check_scheduler(scheduler, optimizer)
    epochs = whole_number("epochs", epochs, low=1)
    batch_size = whole_number("batch_size", batch_size, low=1)
    if seed is not None:
        seed = whole_number("seed", seed, low=0)
    if max_norm is not None:
        max_norm = number_within("max_norm", max_norm, above=0)
    if patience is not None:
        whole_number("patience", patience, low=1)
        if validation is None:
            raise ValueError("patience is a number of epochs without a better validation loss; pass validation too")
    if checkpoint is not None and not isinstance(checkpoint, (str, os.PathLike)):
        raise wrong_type("checkpoint", checkpoint, "pass the name of a file")
    flag("diagnostics", diagnostics)
    flag("progress", progress)

    settings = {"samples": len(data), "validation": len(validation or ()), "batch_size": batch_size, "seed": seed,
                "max_norm": max_norm, "diagnostics": diagnostics}  # fmt: skip
    run = Run(model, optimizer, scheduler, settings, checkpoint, epochs)
    history = run.history
    reach: Reach | None = Reach(model, optimizer, data)  # until its first epoch ends
    batches = -(-len(data) // batch_size)
    with ExitStack() as stack:
        stack.callback(model.zero_grad)
        stack.callback(model.eval)
        watch = stack.enter_context(Diagnostics(model, optimizer)) if diagnostics else None
        stack.enter_context(run.or_back_to_the_last_epoch())
        interrupted = stack.enter_context(_deferred_interrupts())
        show = stack.enter_context(_bar(progress, epochs * batches, run.epoch * batches))
        while run.epoch < epochs and not _is_out_of_patience(history, patience) and not interrupted():
            model.train()
            total = 0.0
            for rows in _batches(len(data), batch_size, seed, run.epoch):
                batch_loss = _named(_step, "data", rows, model, loss, data, optimizer, max_norm, reach, watch)
                _tell(reach)
                total += batch_loss * len(rows)
                show(run.epoch + 1, batch_loss)
                if interrupted():
                    break
            else:
                if reach:
                    reach.end_epoch()
                    _tell(reach)
                    reach = None
                epoch = {"loss": total / len(data), "lr": optimizer.lr, **(watch.end_epoch() if watch else {})}
                if validation is not None:
                    model.eval()
                    epoch["validation_loss"] = _named(_evaluate, "validation", range(len(validation)), model, loss,
                                                      validation)  # fmt: skip
                if isinstance(scheduler, ReduceLROnPlateau):
                    scheduler.step(epoch.get("validation_loss", epoch["loss"]))
                elif isinstance(scheduler, EpochScheduler):
                    scheduler.step()
                run.end_epoch(epoch)
    if patience is not None:
        run.take_best()
    if interrupted() and run.epoch < epochs:
        raise KeyboardInterrupt(f"fit was interrupted after {run.epoch} of {epochs} epochs")
    return history


def _step(
    rows: Sequence[int],
    model: Module,
    loss: Loss,
    data: Sequence[Sample],
    optimizer: Optimizer,
    max_norm: float | None,
    reach: Reach | None,
    watch: Diagnostics | None,
) -> float:
    """Backpropagation: one step down the slope of the loss of these rows, which is returned."""
    outputs = [model(data[i][0]) for i in rows]  # the forward pass
    error = loss(outputs, [data[i][1] for i in rows])  # the error against the targets
    _check_loss(error)
    optimizer.zero_grad()
    error.backward()  # the error is carried back by the chain rule
    if reach:
        reach.saw(error)
    if watch:
        watch.after_backward()
    if max_norm is not None:
        clip_grad_norm_(optimizer.params, max_norm)
    optimizer.step()  # the weights move downhill
    if watch:
        watch.after_step()
    return float(error.data)


def _tell(reach: Reach | None) -> None:
    """Warn at the call of ``fit``, once of each thing."""
    while reach and reach.news:
        warnings.warn(reach.news.pop(0), stacklevel=3)


def _evaluate(rows: Sequence[int], model: Module, loss: Loss, data: Sequence[Sample]) -> float:
    with no_grad():
        error = loss([model(data[i][0]) for i in rows], [data[i][1] for i in rows])
        if not isinstance(error, (Real, Value)):
            raise wrong_type("the loss", error, "have its function return one number, such as nn.mse_loss gives")
        return error.data if isinstance(error, Value) else number(error)


def _batches(count: int, size: int, seed: int | None, epoch: int) -> Iterator[Sequence[int]]:
    """The rows of each batch. A source of its own for each epoch makes its order independent of all that was before."""
    order = list(range(count))
    if seed is not None:
        import random  # loads much, and most programs do not train

        random.Random(f"{seed} {epoch}").shuffle(order)
    for start in range(0, count, size):
        yield order[start : start + size]


def _is_out_of_patience(history: dict[str, list[float]], patience: int | None) -> bool:
    losses = history.get("validation_loss", [])
    return patience is not None and bool(losses) and len(losses) - 1 - best_epoch(losses) >= patience


def _named(
    work: Callable[..., float],
    name: str,
    rows: Sequence[int],
    model: Module,
    loss: Loss,
    data: Sequence[Sample],
    *rest: Any,
) -> float:
    """``work`` on some rows; if model or loss refuse one of them, the exception names it."""
    try:
        return work(rows, model, loss, data, *rest)
    except (TypeError, ValueError, ArithmeticError, LookupError, AnomalyError) as error:
        for i in sorted(rows):
            try:
                number = _evaluate([i], model, loss, data)
            except type(error) as again:
                if type(again) in _NAMED:
                    raise type(again)(f"{name}[{i}]: {again}") from error
            else:
                if isinstance(error, AnomalyError) and not math.isfinite(number):
                    raise AnomalyError(f"{name}[{i}]: {error}") from error
        raise


def _check_loss(error: Any) -> None:
    if not isinstance(error, Value):
        raise TypeError(
            f"the loss is {error!r} of type {type(error).__name__}, from which there is no way back to the weights; "
            "return a Value, and compute without .item() and float()"
        )
    if error.op is None:
        raise ValueError(f"the loss {error!r} was computed from no parameter; leave ag.no_grad() for the training")
    if not math.isfinite(error.data):
        raise AnomalyError(
            f"the loss is {error.data}; lower the learning rate or set max_norm, or call fit under ag.detect_anomaly() "
            "to see which operation begins it"
        )


def _check_scheduler(scheduler: Any, optimizer: Optimizer) -> None:
    if scheduler is None:
        return
    if not isinstance(scheduler, LRScheduler):
        raise wrong_type("scheduler", scheduler, "pass one such as optim.lr_scheduler.StepLR(optimizer, 10)")
    if scheduler.optimizer is not optimizer:
        raise ValueError("the scheduler belongs to another optimizer; make it of the one that is passed")


def _check_data(name: str, data: Any) -> None:
    if not is_list(data):
        raise TypeError(
            f"{name} is a list of pairs (input, target), got a {type(data).__name__}; "
            "write list(zip(inputs, targets)) if you have two lists"
        )
    if not len(data):
        raise ValueError(f"{name} is empty; pass at least one pair (input, target)")
    for i, row in enumerate(data):
        if not is_list(row) or len(row) != 2:
            raise TypeError(
                f"{name}[{i}] is no pair (input, target) but a {type(row).__name__}"
                f"{f' of {len(row)}' if is_list(row) else ''}; write list(zip(inputs, targets)) if you have two lists"
            )
        for part, held in zip(("input", "target"), row, strict=True):
            for place, x in trees.leaves(held, part):
                if type(x) is not float and not isinstance(x, (Real, Value)):
                    continue  # whether it is any good is for the model to say
                if x != x or x in (math.inf, -math.inf):
                    raise ValueError(f"{name}[{i}] has {x} at {place}; drop the row or fill in a number")


@contextmanager
def _deferred_interrupts() -> Iterator[Callable[[], bool]]:
    """Ctrl-C is only noted, so that it never comes between two halves of a step; a second one interrupts at once.

    Python handles signals in its main thread alone, and a program that has a handler of its own keeps it.
    """
    import signal
    import threading

    pressed: list[int] = []

    def note(number: int, frame: Any) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    mine = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if mine:
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        if mine:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _bar(wanted: bool, steps: int, done: int) -> Iterator[Callable[[int, float], None]]:
    """What shows a step of an epoch and its loss: a progress bar if it is wanted and tqdm is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        wanted = False
    if not wanted:
        yield lambda epoch, loss: None
        return
    with tqdm(total=steps, initial=done, unit="batch", mininterval=0.5) as bar:

        def show(epoch: int, loss: float) -> None:
            bar.set_description(f"epoch {epoch}, loss {loss:.4g}", refresh=False)
            bar.update()

        yield show
