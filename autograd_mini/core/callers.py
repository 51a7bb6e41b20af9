"""Who asks for a plain number: a function in C, such as ``math.sin``, leaves no frame, but its call stands in the
bytecode of its caller. Messages alone read it.
"""

from __future__ import annotations

import functools
import sys
from types import FrameType
from typing import Any


def function_called(frame: FrameType) -> str | None:
    """The last part of the name of the function that a frame is calling, ``sin`` in ``math.sin(x)``; None if it is
    not called by a name, or before Python 3.11, whose bytecode does not say which instructions a call is made of."""
    if sys.version_info < (3, 11):
        return None
    import dis

    *before, call = [i for i in dis.get_instructions(frame.f_code) if i.offset <= frame.f_lasti]
    begin = _begin(call)
    if not call.opname.startswith(_CALLS) or None in begin:
        return None
    # The function is what begins where the call does, the last of it what gives the whole.
    made = [i for i in before if _begin(i) == begin and i.opname not in _NOTHING]
    is_named = made and made[-1].opname.startswith("LOAD_") and type(made[-1].argval) is str
    return made[-1].argval if is_named else None


_CALLS = ("CALL", "PRECALL")  # Python 3.11 makes a call that it has seen often in the latter
_NOTHING = ("PUSH_NULL", "PRECALL", "KW_NAMES", "NOP")  # what may stand between a function and its call


def _begin(instruction: Any) -> tuple[int | None, int | None]:
    """Line and column of the source that an instruction was made of."""
    return instruction.positions.lineno, instruction.positions.col_offset


@functools.cache
def in_math() -> frozenset[str]:
    """The names of the functions of ``math``."""
    import math

    return frozenset(name for name, x in vars(math).items() if callable(x) and not name.startswith("_"))
