"""The public functions of the table, of the engine that serves: ``exp``, ``sumprod``, and whatever rows there are.

``functions.pyi``, written at build, lists them for type checkers.
"""

from .serving import functions

__all__ = sorted(functions)

globals().update(functions)
