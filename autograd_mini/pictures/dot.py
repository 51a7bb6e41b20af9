"""The DOT text of a graph: values are cards, operations are circles, and edges into an operation show its partials.

So the chain rule can be read off: a card's gradient is the sum, over the edges that leave it, of the gradient of the
card behind the operation times the partial on the edge. What the text says about an operation comes from its row of
the table.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..core.serving import Value, local_partials
from ..ops import Op

if TYPE_CHECKING:
    import graphviz

_FONT = "Arial"  # graphviz-pure has its metrics, and every system has it or a font of the same widths
_TITLE = 14  # the size of titles in points
_INK, _FAINT, _LINE = "#222222", "#4a4a4a", "#8a8a8a"
_BLUE, _ORANGE = (86, 160, 222), (242, 146, 56)  # told apart by colour-blind eyes; black text reads well on both
_DECADES = 3.0  # gradients this many powers of ten below the largest have the faintest colour
_MARK = 'COLOR="#c2185b"'  # for what is not finite
_LINE_LENGTH = 30  # of titles, in characters
_JOINERS = "\u200c\u200d"  # invisible, but they shape emoji and words


def source(order: list[Value], titles: Mapping[Value, str], rankdir: str) -> str:
    """The whole picture: cards n0, n1, ... operands first, each with the operation that computes it."""
    import graphviz  # here, so that importing the package does not load it

    largest = _largest_gradient(order)
    dot = graphviz.Digraph(
        "values",
        # nslimit bounds the search for positions: 4 seconds in place of over a minute on 230 cards.
        graph_attr={
            "rankdir": rankdir,
            "nodesep": "0.2",
            "ranksep": "0.3",
            "nslimit": "2",
            "fontname": _FONT,
            "fontcolor": _INK,
        },
        node_attr={"shape": "plain", "fontname": _FONT, "fontsize": "12", "fontcolor": _INK, "color": _LINE},
        edge_attr={"color": _LINE, "arrowsize": "0.6"},
    )
    ids = {node: f"n{i}" for i, node in enumerate(order)}
    for node in order:
        dot.node(ids[node], _card(node, titles[node], largest))
        if node.op is not None:
            _add_operation(dot, node, node.op, ids)
    legend = _legend(order, largest, _MARK in dot.source)
    if legend:
        # As the label of the graph it lies outside of the layout and cannot disturb it.
        dot.attr(label=legend, labelloc="b", labeljust="l")
    return str(dot.source)


def _add_operation(dot: graphviz.Digraph, node: Value, op: Op, ids: Mapping[Value, str]) -> None:
    """Add n5_op, which computes n5, and its edges: n5_d2 is what stands on the second, n5_c2 a plain number there.

    What stands on an edge is a node of its own that the line runs through, because renderers put labels beside the
    edge, where they seem to belong to its neighbour. Its weight keeps it close to the operation.
    """
    card = ids[node]
    circle = f"{card}_op"
    dot.node(circle, f"<{_html(op.symbol)}>", shape="ellipse", width="0.4", height="0.4", margin="0.06,0.02",
             style="filled", fillcolor="#eeeeee")  # fmt: skip
    dot.edge(circle, card, weight="8")
    for i, (a, slope) in enumerate(zip(node.args, local_partials(node), strict=True), 1):
        texts = [f"{i}:"] * _is_ordered(node)
        if type(a) is Value:
            tail = ids[a]
            texts.append(f"∂ {_number(slope or 0.0)}")
        else:
            tail = f"{card}_c{i}"
            dot.node(tail, f"<{_number(a)}>", shape="box", style="rounded", width="0.3", height="0.3",
                     margin="0.06,0.03")  # fmt: skip
        if texts:
            dot.node(f"{card}_d{i}", f"<{' '.join(texts)}>", fontsize="11")
            dot.edge(tail, f"{card}_d{i}", arrowhead="none")
            tail = f"{card}_d{i}"
        dot.edge(tail, circle, weight="3")


def _card(node: Value, title: str, largest: float | None) -> str:
    """The label of a value: its title, its number, and its gradient once the graph has one."""
    shown = {"data": node._data} if largest is None else {"data": node._data, "grad": node.grad}
    cells = [f'<TD ALIGN="LEFT"><FONT COLOR="{_FAINT}">{key} </FONT>{_number(x)}</TD>' for key, x in shown.items()]
    if title:
        # To the left, so that a line whose width the renderer misjudges still begins inside the card.
        text = f'<FONT POINT-SIZE="{_TITLE}">{_html(title)}<BR ALIGN="LEFT"/></FONT>'
        cells.insert(0, f'<TD ALIGN="LEFT" WIDTH="{_title_width(title)}">{text}</TD>')
    rows = "".join(f"<TR>{cell}</TR>" for cell in cells)
    frame = f'BORDER="1" COLOR="{_LINE}"' if all(map(math.isfinite, shown.values())) else f'BORDER="2" {_MARK}'
    return (
        f'<<TABLE STYLE="ROUNDED" {frame} BGCOLOR="{_fill(node.grad, largest)}" CELLBORDER="0" CELLSPACING="1" '
        f'CELLPADDING="3">{rows}</TABLE>>'
    )


def _legend(order: list[Value], largest: float | None, marked: bool) -> str:
    """What the picture contains and a reader may not know; empty for a lone number."""
    computed = any(node.op is not None for node in order)
    lines = []
    if computed:
        lines.append("∂ on an edge: the local partial ∂out/∂in of the operation")
    if any(_is_ordered(node) for node in order):
        lines.append("1:, 2:, ... on edges: the order of the operands")
    if computed and largest is not None:
        lines.append("grad = sum over outgoing edges of grad · ∂")
    if largest:
        signs = {_sign(node.grad) for node in order if math.isfinite(node.grad)}
        scale = [largest * x for x in (-1.0, -0.1, -0.01, 0.0, 0.01, 0.1, 1.0) if _sign(x) in signs]
        cells = [f'<TD BGCOLOR="{_fill(x, largest)}" BORDER="1" COLOR="{_LINE}">{x:.2g}</TD>' for x in scale]
        cells.insert(0, '<TD ALIGN="LEFT">colour: grad</TD>')
        lines.append(f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0"><TR>{"".join(cells)}</TR></TABLE>')
    if marked:
        lines.append(f"<FONT {_MARK}>red: not finite</FONT>")
    rows = "".join(f'<TR><TD ALIGN="LEFT">{line}</TD></TR>' for line in lines)
    return rows and f'<<FONT POINT-SIZE="10"><TABLE BORDER="0" CELLSPACING="0" CELLPADDING="2">{rows}</TABLE></FONT>>'


def _is_ordered(node: Value) -> bool:
    """Whether the operands of the node must be told apart by number."""
    return node.op is not None and not node.op.commutative and len(node.args) > 1


def titles(order: list[Value], names: Mapping[str, Value]) -> dict[Value, str]:
    """For each value its names in this picture and its label, each once."""
    given: dict[Value, list[str]] = {}
    for name, value in names.items():
        given.setdefault(value, []).append(name)
    return {node: ", ".join(filter(None, dict.fromkeys([*given.get(node, []), node.label]))) for node in order}


def _largest_gradient(order: list[Value]) -> float | None:
    """The largest finite magnitude of a gradient; None if there are no gradients yet, 0.0 if none is finite."""
    if all(node.grad == 0.0 for node in order):
        return None
    return max((abs(node.grad) for node in order if math.isfinite(node.grad)), default=0.0)


def _sign(x: float) -> int:
    return (x > 0.0) - (x < 0.0)


def _fill(grad: float, largest: float | None) -> str:
    """The colour of a card: blue above zero, orange below, the fainter the farther from the largest magnitude.

    >>> _fill(6.0, 6.0), _fill(-0.06, 6.0), _fill(0.0, 6.0)
    ('#56a0de', '#fbdbbd', '#ffffff')
    """
    if not largest or not math.isfinite(grad) or grad == 0.0:
        return "#ffffff"
    # Logarithms one by one, because the quotient may underflow to zero.
    strength = max(0.1, 1.0 + (math.log10(abs(grad)) - math.log10(largest)) / _DECADES)
    return "#" + "".join(f"{round(255 + (c - 255) * strength):02x}" for c in (_BLUE if grad > 0.0 else _ORANGE))


def _number(x: float) -> str:
    """A number in few digits, marked if it is not finite, as an HTML-like label takes it.

    >>> _number(2 / 3), _number(-1e10), _number(float("nan"))
    ('0.6667', '-1e+10', '<FONT COLOR="#c2185b">nan</FONT>')
    """
    return f"{x:.4g}" if math.isfinite(x) else f"<FONT {_MARK}>{x}</FONT>"


def _html(text: str) -> str:
    r"""Any text as an HTML-like label takes it.

    Backslashes are doubled because graphviz would replace ``\N`` by the name of the node even there.

    >>> print(_html("a<b\n\\N"))
    a&lt;b<BR ALIGN="LEFT"/>\\N
    """
    import html  # here and below: most programs draw nothing

    return '<BR ALIGN="LEFT"/>'.join(html.escape(line.replace("\\", "\\\\")) for line in _lines(text))


def _lines(text: str) -> list[str]:
    r"""The text on lines of bounded length, with nothing left out.

    What cannot be seen is spelled as Python would, so that it can neither break the picture nor hide in it.

    >>> _lines("two\nlines\x00")
    ['two', 'lines\\x00']
    """
    import textwrap

    lines = []
    for line in text.split("\n"):
        visible = "".join(c if c.isprintable() or c in _JOINERS else repr(c)[1:-1] for c in line)
        lines += textwrap.wrap(visible, _LINE_LENGTH, drop_whitespace=False, replace_whitespace=False) or [" "]
    return lines


def _title_width(title: str) -> int:
    """The least width in points of the cell for a title.

    graphviz-pure measures anything beyond ASCII as if each byte were a space, and dot measures ``&lt;`` as one sign,
    so such lines could stick out.

    >>> _title_width("loss"), _title_width("損失")
    (28, 28)
    """
    return math.ceil(_TITLE * max(sum(map(_em, line)) for line in _lines(title)))


def _em(c: str) -> float:
    """About how wide a character is, as a part of the size of the font."""
    if c.isascii():
        return 0.5
    return 1.0 if unicodedata.east_asian_width(c) in "WF" else 0.75
