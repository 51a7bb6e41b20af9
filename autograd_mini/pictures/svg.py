"""The SVG text of a scene whose nodes have places: of one quality, whichever renderer found them.

Every line of text has the length that it has in our own font, so that it fits its place in any. Colours follow the
viewer's preference for light or dark pages; programs that know no style sheets show the light ones.
"""

from __future__ import annotations

import html
import math

from . import lettering
from .colours import DARK, LIGHT
from .dot import ARROW
from .renderer import Layout, Point
from .scene import KEY, PADDING, SMALL, TEXT, TEXT_LINE, TITLE, TITLE_LINE, Card, Scene, Sign, number

_MARGIN = 6.0
_PIXELS = 4 / 3  # of a style sheet, to a point; some programs do not know points
_LEGEND, _LEGEND_LINE = 10, 16  # the size of its letters in points, and from line to line
_RISE = 0.36  # of the size of letters, by which the line they stand on is below their middle

# What elements of each class are painted with: the attribute, and which colour of a page.
_PAINT = {
    "page": ("fill", "page"),
    "ink": ("fill", "ink"),
    "faint": ("fill", "faint"),
    "bad": ("fill", "mark"),
    "line": ("stroke", "line"),
    "head": ("fill", "line"),
    "marked": ("stroke", "mark"),
    "circle": ("fill", "circle"),
    "plus": ("fill", "plus"),
    "minus": ("fill", "minus"),
}


def svg(scene: Scene, layout: Layout) -> str:
    """The whole picture as SVG text."""
    drawn = [_node(scene, node, layout.places[node.id]) for node in scene.nodes]
    edges = [_edge(curve, has_head) for curve, has_head in _curves(scene, layout)]
    points = [point for _, curve in layout.curves for point in curve]
    for node in scene.nodes:
        (x, y), (width, height) = layout.places[node.id], node.size
        points += [(x - width / 2, y - height / 2), (x + width / 2, y + height / 2)]
    left, top = (min(axis) - _MARGIN for axis in zip(*points, strict=True))
    right, bottom = (max(axis) + _MARGIN for axis in zip(*points, strict=True))
    legend, legend_width, legend_height = _legend(scene, left + _MARGIN, bottom)
    width, height = max(right - left, legend_width + 2 * _MARGIN), bottom - top + legend_height
    view = " ".join(map(_round, (left, top, width, height)))
    page = f'<rect x="{_round(left)}" y="{_round(top)}" width="100%" height="100%" {_paint("page")}/>'
    dark = "".join(f".autograd-mini .{name}{{{key}:{getattr(DARK, of)}}}" for name, (key, of) in _PAINT.items())
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" class="autograd-mini" role="img" width="{_round(_PIXELS * width)}" '
        f'height="{_round(_PIXELS * height)}" viewBox="{view}" font-family="{_FONTS}">',
        f"<title>{html.escape(scene.title)}</title>",
        f"<desc>{html.escape(scene.description)}</desc>",
        f"<style>@media (prefers-color-scheme:dark){{{dark}}}</style>",
        page, *edges, *drawn, *legend, "</svg>", "",
    ])  # fmt: skip


_FONTS = f"{lettering.FONT}, Helvetica, 'Liberation Sans', Arimo, sans-serif"


def _curves(scene: Scene, layout: Layout) -> list[tuple[list[Point], bool]]:
    """The lines of the edges, each with whether it ends in an arrowhead."""
    partials = {node.id for node in scene.nodes if isinstance(node, Sign) and node.kind == "partial"}
    return [(curve, head not in partials) for (_, head), curve in layout.curves]


def _edge(curve: list[Point], has_head: bool) -> str:
    (x, y), *rest = curve
    steps = " ".join(f"{_round(x)},{_round(y)}" for x, y in rest)
    line = f'<path d="M{_round(x)},{_round(y)}C{steps}" fill="none" {_paint("line")}/>'
    if not has_head:
        return line
    x, y = curve[-1]
    # The line ends where the arrowhead begins. Its direction is that from the last point that lies elsewhere.
    before = next((point for point in reversed(curve) if math.dist(point, (x, y)) > 0.1), (x - 1.0, y))
    length = math.dist(before, (x, y))
    dx, dy = (x - before[0]) / length, (y - before[1]) / length
    corners = [(x + ARROW * dx, y + ARROW * dy), (x - 2.1 * dy, y + 2.1 * dx), (x + 2.1 * dy, y - 2.1 * dx)]
    return line + f'<polygon points="{" ".join(f"{_round(x)},{_round(y)}" for x, y in corners)}" {_paint("head")}/>'


def _node(scene: Scene, node: Card | Sign, place: Point) -> str:
    parts = _card(scene, node, place) if isinstance(node, Card) else _sign(node, place)
    kind = "card" if isinstance(node, Card) else node.kind
    return f'<g class="{kind}" data-node="{node.id}"><title>{html.escape(node.tip)}</title>{"".join(parts)}</g>'


def _card(scene: Scene, card: Card, place: Point) -> list[str]:
    width, height = card.size
    x, y = place[0] - width / 2, place[1] - height / 2
    sign, strength = scene.shade(card)
    parts = [_rect(x, y, width, height, 8, _paint("page"))]
    if sign:
        colour = f'{_paint("plus" if sign > 0 else "minus")} fill-opacity="{strength}"'
        parts.append(_rect(x, y, width, height, 8, colour))
    frame = _paint("line") if card.is_finite else f'{_paint("marked")} stroke-width="2"'
    parts.append(_rect(x, y, width, height, 8, f'fill="none" {frame}'))
    x, y = x + PADDING, y + PADDING / 2
    for line in card.title:
        parts.append(_text(line, x, y + TITLE_LINE / 2, TITLE, "ink"))
        y += TITLE_LINE
    for key, value in card.rows:
        parts.append(_text(key, x, y + TEXT_LINE / 2, TEXT, "ink"))
        parts.append(_text(number(value), x + KEY, y + TEXT_LINE / 2, TEXT, "ink" if math.isfinite(value) else "bad"))
        y += TEXT_LINE
    return parts


def _sign(sign: Sign, place: Point) -> list[str]:
    (x, y), (width, height) = place, sign.size
    parts = []
    if sign.kind in ("operation", "term"):
        parts.append(f'<ellipse cx="{_round(x)}" cy="{_round(y)}" rx="{_round(width / 2)}" ry="{_round(height / 2)}" '
                     f'{_paint("circle", "line")}/>')  # fmt: skip
    elif sign.kind == "number":
        parts.append(_rect(x - width / 2, y - height / 2, width, height, 6, _paint("page", "line")))
    prefix, text = lettering.width(sign.prefix, SMALL), lettering.width(sign.text, TEXT)
    start = x - (prefix + text) / 2
    if prefix:
        parts.append(_text(sign.prefix.strip(), start, y, SMALL, "faint"))
    if text:
        parts.append(_text(sign.text, start + prefix, y, TEXT, "ink" if sign.is_finite else "bad"))
    return parts


def _legend(scene: Scene, x: float, y: float) -> tuple[list[str], float, float]:
    """The legend with its corner at a point, its width and its height."""
    lines = [(line, "ink") for line in scene.legend] + [("red: not finite", "bad")] * (not scene.is_finite)
    parts = [_text(line, x, y + (i + 0.5) * _LEGEND_LINE, _LEGEND, paint) for i, (line, paint) in enumerate(lines)]
    right = max((lettering.width(line, _LEGEND) for line, _ in lines), default=0.0)
    y += len(lines) * _LEGEND_LINE
    if scene.scale:
        words = "colour: grad"
        parts.append(_text(words, x, y + _LEGEND_LINE / 2, _LEGEND, "ink"))
        at = x + lettering.width(words, _LEGEND) + PADDING
        for value, (sign, strength) in scene.scale:
            text = f"{value:.2g}"
            width = lettering.width(text, _LEGEND) + 2 * PADDING
            colour = f'{_paint("minus" if sign < 0 else "plus", "line")} fill-opacity="{strength}"'
            parts.append(_rect(at, y, width, _LEGEND_LINE, 0, colour))
            parts.append(_text(text, at + PADDING, y + _LEGEND_LINE / 2, _LEGEND, "ink"))
            at += width
        right = max(right, at - x)
        y += _LEGEND_LINE
    return parts, right, (len(lines) + bool(scene.scale)) * _LEGEND_LINE + _MARGIN * bool(parts)


def _rect(x: float, y: float, width: float, height: float, radius: float, attributes: str) -> str:
    where = f'x="{_round(x)}" y="{_round(y)}" width="{_round(width)}" height="{_round(height)}"'
    return f'<rect {where} rx="{radius}" {attributes}/>'


def _text(line: str, x: float, middle: float, size: float, paint: str) -> str:
    """A line of text that begins at ``x``, as long as it is in our font."""
    # Spaces that do not break are kept where there are several.
    return (
        f'<text x="{_round(x)}" y="{_round(middle + _RISE * size)}" font-size="{size}" {_paint(paint)} '
        f'textLength="{_round(lettering.width(line, size))}" lengthAdjust="spacingAndGlyphs">'
        f"{html.escape(line).replace(' ', '&#160;')}</text>"
    )


def _paint(*names: str) -> str:
    """The classes of an element, and its colours on a light page."""
    colours = " ".join(f'{key}="{getattr(LIGHT, of)}"' for key, of in map(_PAINT.__getitem__, names))
    return f'class="{" ".join(names)}" {colours}'


def _round(x: float) -> str:
    return f"{x:.2f}".rstrip("0").rstrip(".")
