"""The methods of ``Value`` that follow from the table; ``methods.pyi``, written at build, lists them for type checkers.

A row that is a public function of numbers is a method too: ``x.exp()``, ``x.maximum(y)``; where NumPy spells it in
another way, also by that name, ``x.arcsin()``, which ``np.arcsin(x)`` calls. Those of lists are none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ops import TABLE, Op


class Methods:
    """The rows of the table as methods; the object is the first operand."""

    __slots__ = ()


def _method(op: Op) -> Callable[..., Any]:
    def of_one(self: Any) -> Any:
        return self._apply(op, self)

    def of_two(self: Any, other: Any) -> Any:
        return self._apply(op, self, other)

    def of_three(self: Any, second: Any, third: Any) -> Any:
        return self._apply(op, self, second, third)

    def of_any(self: Any, *others: Any) -> Any:
        return self._apply(op, self, *others)

    made = (of_any, of_one, of_two, of_three)[op.arity]
    made.__name__, made.__qualname__ = op.name, f"Value.{op.name}"
    others = (" and any others", "", " and ``other``", " and the others")[op.arity]
    made.__doc__ = f"``ag.{op.name}`` of this value{others}."
    return made


for _op in TABLE.values():
    if _op.role == "function" and (_op.arity or _op.spread):
        for _name in filter(None, (_op.name, _op.numpy)):
            setattr(Methods, _name, _method(_op))
