"""The colours of pictures, on a light page and on a dark one.

Letters have a contrast of at least 4.5 to 1 with whatever they stand on (WCAG 2.2, 1.4.3), on both pages, and lines one
of 3 to 1. Blue and orange are told apart by colour-blind eyes.
"""

from __future__ import annotations

from typing import NamedTuple


class Page(NamedTuple):
    """Colours by what they are for.

    Attributes:
        page: the ground.
        ink: letters.
        faint: letters of less weight, on the ground.
        line: lines and frames.
        circle: the ground of operations.
        mark: for what is not finite.
        plus: the strongest colour of a card with a gradient above zero; weaker ones are mixed with the ground.
        minus: the same below zero.
    """

    page: str
    ink: str
    faint: str
    line: str
    circle: str
    mark: str
    plus: str
    minus: str


LIGHT = Page("#ffffff", "#1b1b1b", "#616161", "#808080", "#ececec", "#c2185b", "#3f8fd8", "#e87814")
DARK = Page("#1e1e1e", "#f2f2f2", "#a6a6a6", "#8a8a8a", "#3a3a3a", "#ff7fab", "#1b66a8", "#964f00")


def card(page: Page, sign: int, strength: float) -> str:
    """The colour of a card.

    >>> card(LIGHT, 1, 1.0), card(LIGHT, -1, 0.1), card(LIGHT, 0, 0.0)
    ('#3f8fd8', '#fdf2e8', '#ffffff')
    """
    strongest = page.plus if sign > 0 else page.minus
    mixed = (round(a + (b - a) * strength) for a, b in zip(_rgb(page.page), _rgb(strongest), strict=True))
    return "#" + "".join(f"{x:02x}" for x in mixed)


def _rgb(colour: str) -> bytes:
    return bytes.fromhex(colour[1:])
