"""What a Value turns into: conversions that would drop the gradient silently are refused; and what other programs look
for in it, notebooks and those written for micrograd.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

from . import arrays, shared

if TYPE_CHECKING:
    from typing_extensions import Self


class Conversions:
    """The part of the textbook's ``Value`` that this module is about."""

    __slots__ = ()

    def __float__(self) -> NoReturn:
        shared.refuse_number(self, "float")

    def __int__(self) -> NoReturn:
        shared.refuse_number(self, "int")

    def __index__(self) -> NoReturn:
        shared.refuse_number(self, "index")

    def as_integer_ratio(self) -> NoReturn:
        """Refused, with the words for ``statistics.mean`` and ``Fraction``, which call it."""
        shared.refuse_number(self, "ratio")

    def conjugate(self) -> Self:
        """This value itself, as of every real number; NumPy's ``var``, ``std`` and ``vdot`` call it."""
        return self

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return arrays.call_ufunc(ufunc, method, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return arrays.call_function(function, types, args, kwargs)

    def __floor__(self) -> int:
        return math.floor(shared.number_of(self, "floor"))

    def __ceil__(self) -> int:
        return math.ceil(shared.number_of(self, "ceil"))

    def __trunc__(self) -> int:
        return math.trunc(shared.number_of(self, "trunc"))

    def _repr_svg_(self) -> str | None:
        """The picture a notebook shows; None for large graphs or without a renderer."""
        return shared.picture_of(self)

    def _repr_html_(self) -> str | None:
        """What a notebook shows where there is no picture: the repr, and why."""
        return shared.refusal_of(self)

    @property
    def _prev(self) -> set[Any]:
        """The operands that are Values, by micrograd's name."""
        return shared.operand_set(self)

    @property
    def _op(self) -> str:
        """The sign of the operation, "" for a leaf, by micrograd's name."""
        return shared.sign_of(self)
