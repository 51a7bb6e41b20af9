"""The exceptions of this package, as a tree.

    Exception
    ├── ValueError, ZeroDivisionError, OverflowError   raised by an operation exactly where floats raise them
    ├── TypeError                                      a wrong kind of operand or argument
    └── AutogradError
        └── StaleGraphError                            a leaf changed after the graph that uses it was recorded
"""


class AutogradError(Exception):
    """Base of the exceptions that only this package raises."""


class StaleGraphError(AutogradError, RuntimeError):
    """A leaf's ``data`` was assigned after a node had been computed from it, so the node's value is out of date."""
