"""Bundles: one operation with several results, whose derivatives are found for all of them at once.

The results are nodes numbered one after the other. The first has the operands; each other one has the first as its only
operand. So a sweep backward, which goes from the youngest node to the oldest, comes to the first when the adjoints of
all results are complete: the others leave theirs with the sweep, and the first asks for the derivatives with all of
them. A sweep forward comes to the first before the others, and the tangents go the same way back.

An operation of one result is a bundle of one node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

from ..ops import Op, number

Memory = dict[Any, Any]  # what nodes of bundles leave with a sweep: by the first node of each bundle


class Call(Protocol):
    """What a bundle came from: a call that knows its derivatives.

    Both methods are given ``results``, the nodes of the bundle, whose ``args`` are the operands. On floats, they take
    and give floats. On Values, what they give records how it depends on operands and results, so that it can be
    differentiated in turn; what does not depend may be a float.
    """

    name: str

    def pull(self, results: Sequence[Any], cotangents: Sequence[Any], on_values: bool) -> Sequence[Any]:
        """The derivatives of the results, weighted by the cotangents, by each operand."""

    def push(self, results: Sequence[Any], tangents: Sequence[Any], on_values: bool) -> Sequence[Any]:
        """How each result changes when the operands move by the tangents."""


class Bundle(Op):
    """The row of one result of one call; it is in no table."""

    def __init__(self, call: Call, values: Sequence[float], place: int = 0) -> None:
        self.call, self.values, self.place = call, values, place
        shown = f"{call.name}[{place}]" if len(values) > 1 else call.name
        super().__init__(
            name=call.name, value=lambda *operands: values[place], partials=_no_partials, text=f"{shown}({{}})",
            domain=((-1.0, 1.0),), kink=None, lists=1, commutative=False, role="function", c=None,
        )  # fmt: skip

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a result of {self.name} cannot be pickled, as the functions that it came from are not kept by name; "
            "pickle what it was computed from, or its .detach()"
        )

    def pass_on(self, node: Any, cotangent: Any, memory: Memory, on_values: bool = False) -> Sequence[Any]:
        """What a sweep backward adds to the adjoint of each operand of ``node``; None for nothing."""
        if self.place:
            memory.setdefault(node.args[0], []).append((self.place, cotangent))
            return [None]
        totals: list[Any] = [cotangent, *[0.0] * (len(self.values) - 1)]
        for place, term in memory.pop(node, []):
            totals[place] = term if _is_nothing(totals[place]) else totals[place] + term
        if all(map(_is_nothing, totals)):
            return [None] * len(node.args)
        return self.call.pull(self._results(node, on_values), totals, on_values)

    def add_to(self, adjoint: dict[Any, float], node: Any, memory: Memory) -> None:
        """Pass on the adjoint of ``node``, on floats."""
        for a, term in zip(node.args, self.pass_on(node, adjoint[node], memory), strict=True):
            if term is not None and a in adjoint:
                adjoint[a] += term

    def tangent(self, node: Any, tangents: Sequence[Any], memory: Memory, on_values: bool = False) -> Any:
        """How ``node`` changes when its operands do by ``tangents``, in a sweep forward."""
        if self.place:
            return memory[node.args[0]][self.place] if node.args[0] in memory else 0.0
        if all(map(_is_nothing, tangents)):
            return 0.0
        memory[node] = self.call.push(self._results(node, on_values), tangents, on_values)
        return memory[node][0]

    def slopes(self, node: Any) -> list[float | None]:
        """The partials of ``node`` by its operands, for pictures and messages; None between the results."""
        return [d if d is None else number(d) for d in self.pass_on(node, 1.0, {})]

    def _results(self, first: Any, on_values: bool) -> list[Any]:
        """The nodes of the bundle. Those but the first may be dead by now, and are made anew where they are needed."""
        if not on_values:
            return [first] * len(self.values)
        return [first, *(self._result(first, place) for place in range(1, len(self.values)))]

    def _result(self, first: Any, place: int) -> Any:
        return type(first)._apply(Bundle(self.call, self.values, place), first)


def _no_partials(*args: Any) -> NoReturn:
    raise TypeError("a result of a bundle has no partials of its own, as the bundle is differentiated as a whole")


def bundle(call: Call, values: Sequence[float], operands: Sequence[Any]) -> list[Any]:
    """Record the results of a call as nodes; as floats, if no operand is a node."""
    record = next((type(a)._apply for a in operands if hasattr(type(a), "_apply")), None)
    if record is None:
        return list(values)
    first = record(Bundle(call, values), *operands)
    return [first, *(record(Bundle(call, values, place), first) for place in range(1, len(values)))]


def _is_nothing(x: Any) -> bool:
    return type(x) is float and x == 0.0
