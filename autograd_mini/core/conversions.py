"""What a Value turns into: conversions that would drop the gradient silently are refused; and what other programs look
for in it, notebooks and those written for micrograd.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn

from . import shared


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
