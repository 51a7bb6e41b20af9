"""The search for the first number that is not finite: which operation made it, of what, and on which line.

The engines show every node that they record, and the adjoints of every sweep before anything is made of them, to the
watcher of the thread; inside of ``detect_anomaly`` that is the one of this module.
"""

from __future__ import annotations

import math
import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._engine import Value, adjoints, local_partials, set_watcher, watcher
from .errors import AnomalyError
from .ops import number
from .value import REMEDY, call_text

_BAD_SLOPE = "keep its operands away from where it has such a slope, or branch with a Python if"
_PACKAGE = os.path.dirname(__file__) + os.sep


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Within this context, in this thread, the first number that is not finite is an error, which tells where it arose.

    For a search, as it remembers the line of every operation: programs take about twice as long with the textbook
    engine, ten times and more with the native one, and several times the memory. A leaf may be infinite or NaN. Where
    an adjoint is exactly 0.0 nothing is passed on, so a slope may be infinite or NaN there too.

    Raises:
        AnomalyError: if an operation records a value that is infinite or NaN; if in a backward pass, that of ``grad``
            and ``value_and_grad`` too, an adjoint becomes so, and then no gradient has changed. The message names the
            operation, its operands and the line of the program that recorded it.

    >>> x = Value(0.0, label="x")
    >>> with detect_anomaly():
    ...     y = x.sqrt()
    ...     y.backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    autograd_mini.errors.AnomalyError: the adjoint of Value(0.0, label='x') becomes inf: sqrt(...
    """
    if watcher() is not None:  # within such a block already, which watches on
        yield
        return
    watch = _Watch()
    set_watcher(watch)
    try:
        yield
    finally:
        set_watcher(None)
        watch.lines.clear()  # an exception that somebody keeps would keep it all


@contextmanager
def judged_beforehand(root: Value, start: int) -> Iterator[None]:
    """Around a sweep over Values: its adjoints are looked at first, as floats, and not the single steps it records.

    A step may well be infinite, for a slope is computed before it meets an adjoint of zero.
    """
    watch = watcher()
    if not isinstance(watch, _Watch):
        yield
        return
    adjoints(root, since=start)
    before, watch.is_judging = watch.is_judging, False
    try:
        yield
    finally:
        watch.is_judging = before


class _Line(weakref.ref[Any]):
    """Where a node was recorded. It is known by its id: weak dicts compare their keys, and a NaN is not even itself."""

    __slots__ = ("key", "number", "path")

    key: int
    number: int
    path: str


class _Watch:
    """The watcher of a thread: where nodes were recorded, for as long as they live, and what to say of a bad one."""

    def __init__(self) -> None:
        lines: dict[int, _Line] = {}
        self.lines = lines
        self._forget = lambda line: lines.pop(line.key, None)
        self.is_judging = True

    def recorded(self, node: Any) -> None:
        line = self.lines[id(node)] = _Line(node, self._forget)
        line.key = id(node)
        line.path, line.number = _user_line()
        if self.is_judging and not math.isfinite(node.data):
            spoilt = [a for a in node.args if not math.isfinite(a if type(a) is float else a.data)]
            if spoilt:
                why = f"as its operand {spoilt[0]!r} is not finite; find out where that comes from"
            else:
                why = REMEDY[ValueError if math.isnan(node.data) else OverflowError]
            raise AnomalyError(f"{call_text(node.op, node.args)} is {node.data!r}, {self._where(node)}; {why}")

    def swept(self, adjoint: dict[Any, float]) -> None:
        if all(map(math.isfinite, adjoint.values())):
            return
        users: list[Any] = []
        for node in reversed(adjoint):  # users first, as the sweep went
            if not math.isfinite(adjoint[node]):
                self._refuse(node, adjoint, users)
            users.append(node)

    def _refuse(self, node: Any, adjoint: dict[Any, float], users: list[Any]) -> None:
        """Raise for a node whose adjoint is not finite, while those of all its users are."""
        edges = [
            (user, number(slope))
            for user in users
            if adjoint[user] != 0.0
            for a, slope in zip(user.args, local_partials(user), strict=False)
            if a is node and slope is not None
        ]
        total = 0.0
        for user, slope in edges:
            so_far, total = total, total + adjoint[user] * slope
            if not math.isfinite(total):
                added = f", to {so_far!r} from others" if so_far else ""
                why = REMEDY[OverflowError] if math.isfinite(slope) else _BAD_SLOPE
                raise AnomalyError(
                    f"the adjoint of {node!r} becomes {total!r}: {call_text(user.op, user.args)}, "
                    f"{self._where(user)}, is {user!r} and passes on its adjoint {adjoint[user]!r} times "
                    f"the slope {slope!r}{added}; {why}"
                )
        raise AnomalyError(f"the adjoint of {node!r} is {adjoint[node]!r} from the start; pass a finite gradient")

    def _where(self, node: Any) -> str:
        """The line that recorded a node, as messages show it."""
        line = self.lines.get(id(node))
        if line is None:
            return "recorded outside of detect_anomaly"
        import linecache  # programs without anomalies read no sources

        text = linecache.getline(line.path, line.number).strip()
        return f"recorded at {line.path}:{line.number}" + (f", `{text}`" if text else "")


def _user_line() -> tuple[str, int]:
    """The file and line that are being executed outside of this package."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
