"""What holds for a flow of control: the epochs, whether operations record, who watches, and how deep transforms trace.

A flow of control is a thread or an asyncio task; a generator shares that of its caller. What was switched is a chain of
blocks, the innermost in a context variable. A context that was copied while a block was open has that block too, so a
block knows whether it is still open; those that ended are passed over, wherever they are. Only a call of a transform,
or of a watcher, is known to its thread alone: it cannot wait for another task, so what runs meanwhile in its thread was
called by it.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

BEGINNING = -(2**63)  # an epoch before all others


_epochs = itertools.count(1)  # which no two threads are given the same of


def new_epoch() -> int:
    """Begin an epoch and return its number, which is greater than all before.

    A node has the one in which it was made, a leaf that in which its ``data`` was assigned. By them operands are known
    to be older than what is computed from them, and a graph notices that it is out of date.
    """
    return next(_epochs)


# ---- Blocks. --------------------------------------------------------------------------------------------------------


class Block:
    """A ``with`` that changes how its flow of control computes. The native engine reads blocks too.

    Attributes:
        outer: the block around it, open or not.
        is_open: whether the ``with`` has not ended yet.
        records: whether operations record, None if this block says nothing of it.
        watcher: what is told of events, None if this block has none.
        depth: within how many watchers that are being told it was opened; from deeper ones it hears nothing.
    """

    __slots__ = ("depth", "is_open", "outer", "records", "watcher")

    def __init__(self, records: bool | None = None, watcher: Watcher | None = None) -> None:
        self.records, self.watcher = records, watcher
        self.outer: Block | None = None
        self.is_open = False

    def open(self) -> None:
        self.outer, self.is_open, self.depth = innermost(), True, deepen(TELLING, 0)
        FLOW.set(self)
        self._count(1)

    def close(self) -> None:
        self.is_open = False
        FLOW.set(innermost())
        self._count(-1)

    def __del__(self) -> None:
        """A thread may end within a block; then nothing holds it any more, and nobody must look for it."""
        if self.is_open:
            self._count(-1)

    def _count(self, change: int) -> None:
        """Keep the number of blocks for which the engines must look, that is of those that are unusual."""
        global unusual
        if self.records is False or self.watcher is not None:
            with _counting.lock:
                unusual += change
                for listener in _listeners:
                    listener(unusual)


FLOW: ContextVar[Block | None] = ContextVar("autograd_mini.flow", default=None)
unusual = 0  # how many blocks are open anywhere that keep operations from recording, or watch; mostly none
_listeners: list[Callable[[int], object]] = []


class Lock:
    """Holds a lock, ``lock``, that one thread may take several times. In a process that was forked it is free,
    whichever thread held it where that one came from; what it guards must be right at any moment.

    A ``with`` takes the lock itself, which Ctrl-C cannot part from the block as it could a method in Python."""

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self.lock = threading.RLock()


_counting = Lock()  # the collector may let go of a block while another one is counted


def on_change(listener: Callable[[int], object]) -> None:
    """Have ``listener`` told the number of unusual blocks, now and whenever it changes."""
    _listeners.append(listener)
    listener(unusual)


def innermost() -> Block | None:
    """The innermost block of this flow that is open."""
    block = FLOW.get()
    while block is not None and not block.is_open:
        block = block.outer
    return block


def look() -> tuple[bool, list[Block]]:
    """Whether operations record in this flow, and the blocks of its watchers, the outermost first."""
    records: bool | None = None
    watching: list[Block] = []
    depth = deepen(TELLING, 0)
    block = FLOW.get()
    while block is not None:
        if block.is_open:
            if records is None:
                records = block.records
            if block.watcher is not None and block.depth >= depth:
                watching.append(block)
        block = block.outer
    watching.reverse()
    return records is not False, watching


def is_recording() -> bool:
    """Whether operations record in this flow."""
    return not unusual or look()[0]


TRACING, TELLING = 0, 1  # what may go on in a thread several times at once: calls of transforms, and of watchers


class _Depth(threading.local):
    def __init__(self) -> None:
        self.of = [0, 0]


_depth = _Depth()


def _deepen(what: int, change: int) -> int:
    """Change how many calls of a kind go on in this thread, and return how many it were."""
    before = _depth.of[what]
    _depth.of[what] += change
    return before


deepen: Callable[[int, int], int] = _deepen


def count_depth_by(function: Callable[[int, int], int]) -> None:
    """Have ``function`` count in place of ``deepen``: an engine of its own counts its calls and ours together."""
    global deepen
    deepen = function


class tracing:
    """Record in any case, for a call of a transform; hands over whether operations recorded before, and whether the
    call is within another."""

    __slots__ = ("_block",)

    def __enter__(self) -> tuple[bool, bool]:
        before = is_recording()
        self._block = None if before else Block(records=True)
        if self._block:
            self._block.open()
        return before, deepen(TRACING, 1) > 0

    def __exit__(self, *error: object) -> None:
        deepen(TRACING, -1)
        if self._block:
            self._block.close()


class no_grad:
    """Within this context, in this thread or asyncio task, operations compute values and record nothing.

    As a decorator, ``@no_grad()``, it makes a function silent; of a generator or coroutine function each step. A
    ``with`` around a ``yield``, on the other hand, holds for the caller too until the generator goes on, by Python's
    own rules.

    Raises:
        TypeError: if it decorates something else than a function.

    >>> from autograd_mini import Value
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.data, y.args
    (9.0, ())
    """

    def __init__(self) -> None:
        self._blocks: list[Block] = []

    def __enter__(self) -> None:
        block = Block(records=False)
        block.open()
        self._blocks.append(block)

    def __exit__(self, *error: object) -> None:
        block = innermost()
        while block is not None and block not in self._blocks:
            block = block.outer
        block = block or self._blocks[-1]  # entered in another flow, as by a generator that tasks take turns with
        self._blocks.remove(block)
        block.close()

    def __call__(self, function: F) -> F:
        import functools
        import inspect  # decorators are rare
        import types

        if not callable(function) or isinstance(function, type):
            raise TypeError(f"no_grad() decorates a function, got {function!r}; write it above a def")

        awaited = types.coroutine(_silent_steps)

        def silent(*args: Any, **kwargs: Any) -> Any:
            with no_grad():
                return function(*args, **kwargs)

        def silent_generator(*args: Any, **kwargs: Any) -> Any:
            return (yield from _silent_steps(function(*args, **kwargs)))

        async def silent_coroutine(*args: Any, **kwargs: Any) -> Any:
            return await awaited(function(*args, **kwargs))

        async def silent_async_generator(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            step = generator.asend(None)
            while True:
                try:
                    found = await awaited(step)
                except StopAsyncIteration:
                    return
                try:
                    step = generator.asend((yield found))
                except GeneratorExit:
                    await awaited(generator.aclose())
                    raise
                except BaseException as error:
                    step = generator.athrow(error)

        made: Any = silent
        if inspect.isgeneratorfunction(function):
            made = silent_generator
        elif inspect.iscoroutinefunction(function):
            made = silent_coroutine
        elif inspect.isasyncgenfunction(function):
            made = silent_async_generator
        return functools.wraps(function)(made)  # type: ignore[return-value]


def _silent_steps(inner: Any) -> Generator[Any, Any, Any]:
    """Run a generator or coroutine; its steps record nothing, while what its caller does between them does."""
    step, given = inner.send, None
    while True:
        try:
            with no_grad():
                found = step(given)
        except StopIteration as end:
            return end.value
        try:
            step, given = inner.send, (yield found)
        except GeneratorExit:
            with no_grad():
                inner.close()
            raise
        except BaseException as error:
            step, given = inner.throw, error


# ---- Watchers. ------------------------------------------------------------------------------------------------------


class Watcher:
    """What is told of events in the flow of control that it watches; those of no interest are left as they are here.

    A method may raise; then what it was told of fails with that exception. Operations of the method itself are told to
    nobody, unless it opens a ``watching`` of its own. A watcher whose ``watching`` has ended is told nothing more.
    """

    def recorded(self, node: Any, op: Any, args: tuple[Any, ...]) -> None:
        """An operation has a result, ``node``; within ``no_grad`` too, where the node itself has forgotten the rest."""

    def raised(self, op: Any, args: tuple[Any, ...], error: Exception) -> None:
        """An operation has none: it raises ``error``."""

    def compared(self, sign: str, x: Any, y: Any, outcome: bool) -> None:
        """A Value ``x`` was compared with ``y``; a test of truth is ``x != 0.0``."""

    def detached(self, node: Any, way: str) -> None:
        """The number of a node left the graph, by ``item``, ``data``, ``detach``, ``round``, ``floor`` or the like."""

    def before_sweep(self, sweep: Sweep) -> None:
        """A sweep begins. It ends with one of the next two, unless this raises."""

    def swept(self, sweep: Sweep, found: Mapping[Any, Any]) -> None:
        """A sweep has found a number for each node, operands first; nothing was made of them yet."""

    def failed(self, sweep: Sweep, error: BaseException) -> None:
        """A sweep ends with an exception."""


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Within this context ``watcher`` is told of events in this flow of control, after those that watch already."""
    block = Block(watcher=watcher)
    block.open()
    try:
        yield
    finally:
        block.close()


def tell(event: str, *what: Any) -> None:
    """Tell the watchers of this flow of an event."""
    tell_each(look()[1], event, *what)


def tell_each(blocks: Sequence[Block], event: str, *what: Any) -> None:
    """Tell the watchers of these blocks, those that are still open."""
    if not blocks:
        return
    deepen(TELLING, 1)
    try:
        for block in blocks:
            if block.is_open:
                getattr(block.watcher, event)(*what)
    finally:
        deepen(TELLING, -1)


class Sweep:
    """A walk over a graph that watchers are told of: backward with adjoints, or forward with tangents.

    Attributes:
        nodes: where it starts: the roots of a backward sweep, the inputs of a forward one.
        numbers: what it starts with there: cotangents, or tangents.
        since: the epoch at which it ends; what was recorded before is left out.
        on_values: whether it computes Values, which are recorded, in place of floats.
        is_forward: its direction.
    """

    def __init__(
        self, nodes: Sequence[Any], numbers: Sequence[Any], since: int, on_values: bool, is_forward: bool
    ) -> None:  # fmt: skip
        self.nodes, self.numbers, self.since = nodes, numbers, since
        self.on_values, self.is_forward = on_values, is_forward
        self._told: list[Block] = []

    def begin(self) -> None:
        for block in look()[1]:
            try:
                tell_each([block], "before_sweep", self)
            except BaseException as error:
                self.fail(error)
                raise
            self._told.append(block)

    def end(self, found: Mapping[Any, Any]) -> None:
        """Tell all that were told of the beginning; one that raises makes the sweep fail for those after it."""
        found = MappingProxyType(found)
        while self._told:
            block = self._told.pop(0)
            try:
                tell_each([block], "swept", self, found)
            except BaseException as error:
                self.fail(error)
                raise

    def fail(self, error: BaseException) -> None:
        """The same for a sweep that fails. Every one is told, also if one before it raises."""
        while self._told:
            block = self._told.pop(0)
            try:
                tell_each([block], "failed", self, error)
            finally:
                self.fail(error)


class sweeping:
    """Around a sweep, for its watchers; hands over what is to be called with the numbers that it has found."""

    __slots__ = ("_sweep",)

    def __init__(
        self,
        nodes: Sequence[Any],
        numbers: Sequence[Any],
        since: int,
        on_values: bool = False,
        is_forward: bool = False,
    ) -> None:
        is_watched = unusual and look()[1]
        self._sweep = Sweep(nodes, numbers, since, on_values, is_forward) if is_watched else None

    def __enter__(self) -> Callable[[Mapping[Any, Any]], None]:
        if self._sweep is None:
            return _nobody
        self._sweep.begin()
        return self._sweep.end

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and self._sweep is not None:
            self._sweep.fail(error)


def _nobody(found: Mapping[Any, Any]) -> None:
    """Nobody watches."""
