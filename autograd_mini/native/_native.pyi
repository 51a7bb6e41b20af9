"""The C module as type checkers and editors see it: the class and the functions are those of value.py and ops.py."""

from collections.abc import Callable
from typing import Any

from ..ops import cos as cos
from ..ops import erf as erf
from ..ops import exp as exp
from ..ops import log as log
from ..ops import maximum as maximum
from ..ops import minimum as minimum
from ..ops import relu as relu
from ..ops import sigmoid as sigmoid
from ..ops import sin as sin
from ..ops import softplus as softplus
from ..ops import sqrt as sqrt
from ..ops import sum_ as sum_
from ..ops import sumprod as sumprod
from ..ops import tan as tan
from ..ops import tanh as tanh
from ..value import Value as Value
from ..value import adjoints as adjoints
from ..value import local_partials as local_partials
from ..value import new_epoch as new_epoch
from ..value import topological_order as topological_order

table_hash: int
compiler: str

def set_recording(on: bool, /) -> bool: ...
def set_watched(on: bool, /) -> None: ...
def unchecked_order(root: Value, /) -> list[Value]: ...
def differentiate(
    f: Callable[..., Any], argnums: int | tuple[int, ...], args: tuple[Any, ...], kwargs: dict[str, Any], /
) -> tuple[Any, Any]: ...
def looks() -> int: ...
