"""The C module as type checkers and editors see it: the class and the functions are those of the pages of Python."""

from collections.abc import Callable
from typing import Any

from ..derivatives import Differentiating as Differentiating
from ..derivatives import pull as pull
from ..derivatives import pull_each as pull_each
from ..derivatives import push as push
from ..mode import new_epoch as new_epoch
from ..value import Value as Value
from ..value import adjoints as adjoints
from ..value import local_partials as local_partials
from ..value import topological_order as topological_order

functions: dict[str, Callable[..., Any]]
table_hash: int
compiler: str

def set_unusual(count: int, /) -> None: ...
def deepen(what: int, change: int, /) -> int: ...
def counts() -> dict[str, int]: ...
