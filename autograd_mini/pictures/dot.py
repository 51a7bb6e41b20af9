"""The DOT text of a scene: any renderer of Graphviz' kind draws it, and finds the places for the SVG text.

Every node has the size that its text has in our own font, so that each renderer finds the same places.
"""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

from ..errors import RendererNotFoundError
from . import colours, lettering
from .colours import LIGHT
from .scene import PADDING, SMALL, TEXT, TITLE, Card, Scene, Sign, number

if TYPE_CHECKING:
    import graphviz

ARROW = 6.0  # the length of an arrowhead in points
_MARK = f'COLOR="{LIGHT.mark}"'
_SHAPES = {
    "operation": {"shape": "ellipse", "style": "filled", "fillcolor": LIGHT.circle},
    "term": {"shape": "circle", "style": "filled", "fillcolor": LIGHT.circle},
    "number": {"shape": "box", "style": "rounded"},
    "partial": {},
}


def source(scene: Scene, rankdir: str) -> str:
    """The whole picture as DOT text."""
    try:
        import graphviz  # here, so that importing the package does not load it
    except ModuleNotFoundError as error:
        raise RendererNotFoundError(
            f"a picture is written with the package graphviz, which is not installed ({error}); pip install graphviz"
        ) from None

    dot = graphviz.Digraph(
        "values",
        # nslimit bounds the search for positions: 4 seconds in place of over a minute on 230 cards.
        graph_attr={
            "rankdir": rankdir,
            "nodesep": "0.15",
            "ranksep": "0.3",
            "nslimit": "2",
            "fontname": lettering.FONT,
            "fontcolor": LIGHT.ink,
        },
        node_attr={
            "shape": "none",
            "fixedsize": "true",
            "margin": "0",
            "fontname": lettering.FONT,
            "fontsize": str(TEXT),
            "fontcolor": LIGHT.ink,
            "color": LIGHT.line,
        },
        edge_attr={"color": LIGHT.line, "arrowsize": f"{ARROW / 10}"},
    )
    signs = {node.id: node for node in scene.nodes if isinstance(node, Sign)}
    kinds = {id: sign.kind for id, sign in signs.items()}
    # Operands stand in their order where it matters, and the factors of one product after those of another.
    ordered = {head for tail, head in scene.edges if tail in signs and (signs[tail].place or kinds[tail] == "term")}
    ordered |= {id for id, kind in kinds.items() if kind == "term"}
    for node in scene.nodes:
        if isinstance(node, Card):
            dot.node(node.id, _card(scene, node), **_room(node))
        else:
            _add_sign(dot, node, node.id in ordered)
    for tail, head in scene.edges:
        # Weights keep operations close to what they compute, and partials to the operation.
        if kinds.get(head) == "partial":
            dot.edge(tail, head, arrowhead="none")
        else:
            dot.edge(tail, head, weight="8" if kinds.get(tail) == "operation" else "3")
    legend = _legend(scene)
    if legend:
        # As the label of the graph it lies outside of the layout and cannot disturb it.
        dot.attr(label=legend, labelloc="b", labeljust="l")
    return str(dot.source)


def _add_sign(dot: graphviz.Digraph, sign: Sign, ordered: bool) -> None:
    """Add a sign; what leads to it stands in its order if ``ordered``."""
    text = _html(sign.text) if sign.is_finite else f"<FONT {_MARK}>{_html(sign.text)}</FONT>"
    if sign.place:
        text = f'<FONT POINT-SIZE="{SMALL}" COLOR="{LIGHT.faint}">{sign.place}</FONT> {text}'
    dot.node(
        sign.id,
        f"<{text}>" if text else "",
        **_room(sign),
        **_SHAPES[sign.kind],
        **({"ordering": "in"} if ordered else {}),
    )


def _card(scene: Scene, card: Card) -> str:
    """The label of a value: its title, its number, and its gradient once the graph has one."""
    cells = [f'<FONT POINT-SIZE="{TITLE}">{_html(line)}</FONT>' for line in card.title]
    cells += [f"{key} {_marked(x)}" for key, x in card.rows]
    rows = "".join(f'<TR><TD WIDTH="{PADDING - 2}"></TD><TD ALIGN="LEFT">{cell}</TD></TR>' for cell in cells)
    frame = f'BORDER="1" COLOR="{LIGHT.line}"' if card.is_finite else f'BORDER="2" {_MARK}'
    width, height = card.size
    return (
        f'<<TABLE STYLE="ROUNDED" {frame} BGCOLOR="{colours.card(LIGHT, *scene.shade(card))}" FIXEDSIZE="TRUE" '
        f'WIDTH="{width:.0f}" HEIGHT="{height:.0f}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">'
        f"{rows}</TABLE>>"
    )


def _legend(scene: Scene) -> str:
    lines = list(map(_html, scene.legend))
    if scene.scale:
        cells = [
            f'<TD BGCOLOR="{colours.card(LIGHT, *shade)}" BORDER="1" COLOR="{LIGHT.line}">{x:.2g}</TD>'
            for x, shade in scene.scale
        ]
        row = f'<TR><TD ALIGN="LEFT">colour: grad</TD>{"".join(cells)}</TR>'
        lines.append(f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0">{row}</TABLE>')
    if not scene.is_finite:
        lines.append(f"<FONT {_MARK}>red: not finite</FONT>")
    rows = "".join(f'<TR><TD ALIGN="LEFT">{line}</TD></TR>' for line in lines)
    return rows and f'<<FONT POINT-SIZE="10"><TABLE BORDER="0" CELLSPACING="0" CELLPADDING="2">{rows}</TABLE></FONT>>'


def _marked(x: float) -> str:
    return number(x) if math.isfinite(x) else f"<FONT {_MARK}>{number(x)}</FONT>"


def _html(line: str) -> str:
    r"""A line of text as an HTML-like label takes it.

    Backslashes are doubled because graphviz would replace ``\N`` by the name of the node even there.

    >>> print(_html("a<b\\N"))
    a&lt;b\\N
    """
    return html.escape(line.replace("\\", "\\\\"))


def _room(node: Card | Sign) -> dict[str, str]:
    width, height = node.size
    return {"width": f"{width / 72:.3f}", "height": f"{height / 72:.3f}"}
