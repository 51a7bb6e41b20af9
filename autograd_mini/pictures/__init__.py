"""Pictures of graphs."""

from .drawing import Drawing, draw, to_svg

__all__ = ["Drawing", "draw", "to_svg"]
