"""The exceptions of this package, as a tree.

Exception
├── ValueError, ZeroDivisionError, OverflowError   raised by an operation exactly where floats raise them
├── TypeError                                      a wrong kind of operand or argument
└── AutogradError
    ├── AnomalyError                               a loss, or a number that is watched, is not finite
    ├── GradcheckError                             a derivative is not what differences say, or cannot be checked
    ├── GraphTooLargeError                         a graph has more nodes or edges than a picture can show
    ├── RendererError                              the program that lays out pictures fails or takes too long
    │   └── RendererNotFoundError                  there is no such program
    └── StaleGraphError                            a leaf changed after the graph that uses it was recorded
"""


class AutogradError(Exception):
    """Base of the exceptions that only this package raises."""


class AnomalyError(AutogradError, RuntimeError):
    """The loss of a training is not finite, or, within ``detect_anomaly``, a value or an adjoint."""


class GradcheckError(AutogradError, AssertionError):
    """``ag.testing.check_grads`` found a wrong derivative, or a function whose derivatives it cannot check."""


class GraphTooLargeError(AutogradError, ValueError):
    """A graph has more nodes or edges than ``draw`` was told to accept."""


class RendererError(AutogradError, RuntimeError):
    """The program that lays out pictures failed, or exceeded its time limit."""


class RendererNotFoundError(RendererError):
    """No program that lays out pictures is installed."""


class StaleGraphError(AutogradError, RuntimeError):
    """A leaf's ``data`` was assigned after a node had been computed from it, so the node's value is out of date."""
