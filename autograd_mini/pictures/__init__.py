"""Pictures of graphs."""

from .drawing import Drawing, draw, to_svg

__all__ = ["Drawing", "draw", "to_svg"]
__dir__ = __all__.copy  # dir() lists what is public
