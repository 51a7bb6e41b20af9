"""The table of operations: what each computes, and its partial derivatives. Nothing else in the package knows one.

``row.py`` has the row itself; the rows are in the modules that are imported below, in the order of the table, and
partials of one may name rows of those before it. At a kink the table states the answer: relu'(0) = 0, abs'(0) = 0,
equal operands of maximum and minimum share the slope half and half, sqrt'(0) = inf, and x**p at x = 0 as its row says.
"""

from __future__ import annotations

import os  # not pathlib, which takes longer to import than the table
import zlib

# The order of the table.
# isort: off
from . import ieee, arithmetic, elementary, special, normal, factorials, pieces, folds  # noqa: F401
# isort: on

from .row import FUNCTIONS, ON_LISTS, TABLE, Op, apply, by_name, number

__all__ = ["FUNCTIONS", "ON_LISTS", "TABLE", "Op", "apply", "by_name", "number", "table_hash"]


def table_hash() -> int | None:
    """What tells one state of this folder from another, whatever its line ends are; None if there is only bytecode."""
    folder = os.path.dirname(__file__)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    sources = [name for name in names if name.endswith(".py")]
    if not sources:
        return None
    found = 0
    for name in sources:
        with open(os.path.join(folder, name), "rb") as file:
            found = zlib.crc32(name.encode() + file.read().replace(b"\r\n", b"\n"), found)
    return found
