"""The search for the first number that is not finite: which operation made it, of what, and on which line."""

from __future__ import annotations

import math
import os
import sys
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .arguments import flag
from .core.mode import Sweep, Watcher, look, watching
from .core.serving import Value, adjoints, local_partials
from .core.shared import REMEDY, call_text
from .errors import AnomalyError

_BAD_SLOPE = "keep its operands away from where it has such a slope, or branch with a Python if"
_PACKAGE = os.path.dirname(__file__) + os.sep


@contextmanager
def detect_anomaly(*, strict: bool = False) -> Iterator[None]:
    """Within this context, the first number that is not finite is an error, which tells where it arose.

    It holds for this thread or asyncio task. It is for a search, as it remembers the line of every operation: the
    native engine becomes about as slow as the textbook's is without it, and takes several times the memory. A leaf may
    be infinite or NaN. Where an adjoint or a slope is exactly 0.0 nothing is passed on, so the other may be infinite or
    NaN there too.

    Args:
        strict: whether such a product, 0 times infinity or NaN, is an error as well. To take it as 0 is right where a
            branch is not used or a piece is flat. It is wrong behind a removable singularity: the slope of
            ``sqrt(x) ** 2`` at 0 is 1, but 0 is found.

    Raises:
        AnomalyError: if an operation records a value that is infinite or NaN; if in a backward pass, that of ``grad``
            and ``value_and_grad`` too, an adjoint becomes so, and then no gradient has changed. The message names the
            operation, its operands and the line of the program that recorded it.
        TypeError: if ``strict`` is no bool.

    >>> x = Value(0.0, label="x")
    >>> with detect_anomaly():
    ...     y = x.sqrt()
    ...     y.backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    autograd_mini.errors.AnomalyError: the adjoint of Value(0.0, label='x') becomes inf: sqrt(...
    """
    search = _Search(flag("strict", strict))
    with watching(search):
        try:
            yield
        finally:
            search.lines.clear()  # an exception that somebody keeps would keep it all


class _Line(weakref.ref[Any]):
    """Where a node was recorded. It is known by its id: weak dicts compare their keys, and a NaN is not even itself."""

    __slots__ = ("key", "number", "path")

    key: int
    number: int
    path: str


class _Search(Watcher):
    """Where nodes were recorded, for as long as they live, and what to say of a bad one."""

    def __init__(self, strict: bool) -> None:
        lines: dict[int, _Line] = {}
        self.lines = lines
        self._forget = lambda line: lines.pop(line.key, None)
        self._strict = strict
        self._in_sweeps = 0  # how many sweeps over Values go on

    def recorded(self, node: Any, op: Any, args: tuple[Any, ...]) -> None:
        if node.op is None:  # nothing will be differentiated through it
            return
        line = self.lines[id(node)] = _Line(node, self._forget)
        line.key = id(node)
        line.path, line.number = _user_line()
        if not self._in_sweeps and not math.isfinite(node._data):
            spoilt = [a for a in args if not math.isfinite(_plain(a))]
            if spoilt:
                why = f"as its operand {spoilt[0]!r} is not finite; find out where that comes from"
            else:
                why = REMEDY[ValueError if math.isnan(node._data) else OverflowError]
            raise AnomalyError(f"{call_text(op, args)} is {node._data!r}, {self._where(node)}; {why}")

    def before_sweep(self, sweep: Sweep) -> None:
        """A sweep over Values is not judged by the single steps that it records: one may well be infinite, for a slope
        is computed before it meets an adjoint of zero. Backward it is judged before, as floats."""
        if sweep.on_values and not sweep.is_forward:
            self._judge(adjoints(sweep.nodes, list(map(_plain, sweep.numbers)), sweep.since))
        self._in_sweeps += sweep.on_values

    def swept(self, sweep: Sweep, found: Mapping[Any, Any]) -> None:
        self._in_sweeps -= sweep.on_values
        if sweep.is_forward:
            self._judge_forward(sweep, {node: _plain(tangent) for node, tangent in found.items()})
        elif not sweep.on_values:
            self._judge(found)

    def failed(self, sweep: Sweep, error: BaseException) -> None:
        self._in_sweeps -= sweep.on_values

    def _judge_forward(self, sweep: Sweep, tangent: Mapping[Any, float]) -> None:
        """Raise for the first node with a tangent that is not finite, or at a product that was taken as 0."""
        given = set(sweep.nodes)
        for node, x in tangent.items():
            for a, slope in [] if node in given else zip(node.args, local_partials(node), strict=True):
                if slope is not None and a in tangent:
                    product = tangent[a] * slope
                    zero = self._strict and math.isnan(product) and 0.0 in (tangent[a], slope)
                    if zero or (not math.isfinite(x) and not math.isfinite(product)):
                        verb = "leaves out a product that is no number" if zero else f"becomes {x!r}"
                        raise AnomalyError(
                            f"the tangent of {node!r} {verb}: {call_text(node.op, node.args)}, {self._where(node)}, "
                            f"takes the tangent {tangent[a]!r} of {a!r} times the slope {slope!r}; {_BAD_SLOPE}"
                        )

    def _judge(self, adjoint: Mapping[Any, float]) -> None:
        users: list[Any] = []
        if not all(map(math.isfinite, adjoint.values())):
            for node in reversed(list(adjoint)):  # users first, as the sweep went
                if not math.isfinite(adjoint[node]):
                    self._refuse(node, adjoint, users)
                users.append(node)
        if self._strict:
            for node in reversed(list(adjoint)):
                self._refuse_strong_zeros(node, adjoint)

    def _refuse(self, node: Any, adjoint: Mapping[Any, float], users: list[Any]) -> None:
        """Raise for a node whose adjoint is not finite, while those of all its users are."""
        edges = [
            (user, slope)
            for user in users
            if adjoint[user] != 0.0
            for a, slope in zip(user.args, local_partials(user), strict=False)
            if a is node and slope
        ]
        total = 0.0
        for user, slope in edges:
            so_far, total = total, total + adjoint[user] * slope
            if not math.isfinite(total):
                added = f", to {so_far!r} from others" if so_far else ""
                why = REMEDY[OverflowError] if math.isfinite(slope) else _BAD_SLOPE
                raise AnomalyError(
                    f"the adjoint of {node!r} becomes {total!r}: {self._passes(user, adjoint, slope)}{added}; {why}"
                )
        raise AnomalyError(f"the adjoint of {node!r} is {adjoint[node]!r} from the start; pass a finite gradient")

    def _refuse_strong_zeros(self, user: Any, adjoint: Mapping[Any, float]) -> None:
        """Raise if a product of a node's adjoint and a slope was taken as 0."""
        for a, slope in zip(user.args, local_partials(user), strict=True):
            if a in adjoint and slope is not None and math.isnan(adjoint[user] * slope):
                raise AnomalyError(
                    f"the adjoint of {a!r} leaves out a product that is no number: "
                    f"{self._passes(user, adjoint, slope)}, which counts as 0; {_BAD_SLOPE}"
                )

    def _passes(self, user: Any, adjoint: Mapping[Any, float], slope: float) -> str:
        return (
            f"{call_text(user.op, user.args)}, {self._where(user)}, is {user!r} and passes on its adjoint "
            f"{adjoint[user]!r} times the slope {slope!r}"
        )

    def _where(self, node: Any) -> str:
        """The line that recorded a node, as messages show it."""
        return self.line_of(node) or "recorded outside of detect_anomaly"

    def line_of(self, node: Any) -> str:
        """The same; empty if it is not known."""
        line = self.lines.get(id(node))
        if line is None:
            return ""
        import linecache  # programs without anomalies read no sources

        text = linecache.getline(line.path, line.number).strip()
        return f"recorded at {line.path}:{line.number}" + (f", `{text}`" if text else "")


def recorded_at(node: Any) -> str:
    """The line that recorded a node, as messages show it; empty outside of ``detect_anomaly``."""
    searches = [block.watcher for block in look()[1] if isinstance(block.watcher, _Search)]
    return next(filter(None, (search.line_of(node) for search in searches)), "")


def _plain(x: Any) -> float:
    return x._data if isinstance(x, Value) else float(x)


def _user_line() -> tuple[str, int]:
    """The file and line that are being executed outside of this package."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
