"""Text in pictures: lines of bounded length, and how wide they are in the font that pictures ask for."""

from __future__ import annotations

import unicodedata

FONT = "Arial"  # graphviz-pure has its metrics, and every system has it or a font of the same widths
LINE_LENGTH = 30  # in characters
_JOINERS = "\u200c\u200d"  # invisible, but they shape emoji and words

# In thousandths of the size of the font, from the space to the tilde; Adobe's metrics of Helvetica, and Arial's.
_ASCII = """
    278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584
    584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667
    611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500
    722 500 500 500 334 260 334 584
"""
_WIDTHS = {chr(code): int(width) / 1000 for code, width in enumerate(_ASCII.split(), 32)}
_WIDTHS |= {"∂": 0.49, "·": 0.33, "σ": 0.58, "\xa0": 0.28}


def lines(text: str) -> list[str]:
    r"""The text on lines of bounded length, with nothing left out; none for the empty text.

    >>> lines("two\nlines\x00")
    ['two', 'lines\\x00']
    """
    import textwrap  # most programs draw nothing

    found = []
    for line in visible(text).split("\n") if text else []:
        found += textwrap.wrap(line, LINE_LENGTH, drop_whitespace=False, replace_whitespace=False) or [" "]
    return found


def visible(text: str) -> str:
    r"""The text with what cannot be seen but line ends spelled as Python would, so that it can neither break a picture
    nor hide in it.

    >>> visible("\ud800 \0")
    '\\ud800 \\x00'
    """
    return "".join(c if c.isprintable() or c in _JOINERS or c == "\n" else repr(c)[1:-1] for c in text)


def width(text: str, size: float) -> float:
    """How wide a line is, in the unit of the size of its font; beyond ASCII about so.

    >>> width("loss", 10), width("損失", 10)
    (17.78, 20.0)
    """
    return round(size * sum(map(_em, text)), 2)


def _em(c: str) -> float:
    """The width of a character as a part of the size of the font."""
    if c in _WIDTHS:
        return _WIDTHS[c]
    if unicodedata.category(c) in ("Mn", "Me", "Cf"):  # they stand on others, or join them
        return 0.0
    return 1.0 if unicodedata.east_asian_width(c) in "WF" else 0.65
