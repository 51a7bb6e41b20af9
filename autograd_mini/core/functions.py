"""The public functions of the table, of the engine that serves: ``exp``, ``sumprod``, and whatever rows there are.

``functions.pyi``, written at build, lists them for type checkers.
"""

from .serving import functions, on_lists

__all__ = sorted([*functions, *on_lists])

globals().update(functions, **on_lists)
