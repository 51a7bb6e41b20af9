"""Derivatives along a direction, by one sweep forward over the recording of a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import trees
from ..arguments import wrong_type, wrong_value
from ..core import mode
from ..core.serving import Value, push
from .calls import Recording, checked_function, numbers_like, outputs_of, settled, weights


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The result of ``f``, and how it changes when the arguments move: the product of the Jacobian and a vector.

    Args:
        f: a function whose result is numbers in nested structures.
        primals: a tuple or list of its arguments, all of which are differentiated by.
        tangents: the direction, with the structure of ``primals``.

    Returns:
        ``(f(*primals), tangents of it)``, both in the structure of the result. All are floats; they are Values, and can
        be differentiated further, where Values are among the arguments or tangents, or within another transform.

    Raises:
        TypeError: if ``f`` is no function or returns something else than numbers, or if ``primals`` or ``tangents``
            are no tuple or list, hold something that is no number, or have different structures.
        ValueError: if one has more parts than the other, or there are none.
        StaleGraphError: if ``f`` used a Value and then assigned it.

    >>> jvp(lambda x, y: [x * y, y], (3.0, 2.0), (1.0, 10.0))
    ([6.0, 2.0], [32.0, 10.0])
    """
    checked_function("jvp", f)
    for noun, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise wrong_type(noun, given, "pass a tuple with an entry for each argument of f")
    if not primals or len(tangents) != len(primals):
        raise wrong_value("tangents", tangents, f"pass one for each of the {len(primals)} primals, and at least one")
    direction = numbers_like(tuple(primals), tuple(tangents), "tangents", "primals")
    with mode.tracing() as state:
        call = Recording(state, f, tuple(range(len(primals))), tuple(primals), {}, "primals")
        direction, further = weights(direction, call.further, state[0])
        outputs = outputs_of(f, call.out)
        roots = [x for x in outputs if isinstance(x, Value)]
        moved = iter(push(call.inputs, direction, roots, call.start, further))
        zero: Any = Value(0.0) if further else 0.0
        changes = [next(moved) if isinstance(x, Value) else zero for x in outputs]
    return settled(call.out, further), trees.rebuild(call.out, iter(changes))
