"""Pictures of graphs: values are cards, operations are circles, and every edge into an operation shows its partial.

So the chain rule can be read off: a card's gradient is the sum, over the edges that leave it, of the gradient of the
card behind the operation times the partial on the edge.

The DOT text is written with the ``graphviz`` package and needs no renderer. SVG is laid out by a ``dot`` program or by
``graphviz-pure``, whichever is found first. What the text says about an operation comes from its row of the table.
"""

from __future__ import annotations

import math
import os
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._engine import Value, local_partials, topological_order
from .errors import AutogradError, GraphTooLargeError, RendererError, RendererNotFoundError
from .ops import Op

if TYPE_CHECKING:
    import graphviz

_FONT = "Arial"  # graphviz-pure has its metrics, and every system has it or a font of the same widths
_TITLE = 14  # the size of titles in points
_INK, _FAINT, _LINE = "#222222", "#4a4a4a", "#8a8a8a"
_BLUE, _ORANGE = (86, 160, 222), (242, 146, 56)  # told apart by colour-blind eyes; black text reads well on both
_DECADES = 3.0  # gradients this many powers of ten below the largest have the faintest colour
_MARK = 'COLOR="#c2185b"'  # for what is not finite
_RANKDIRS = ("LR", "TB", "RL", "BT")
_LINE_LENGTH = 30  # of titles, in characters
_JOINERS = "\u200c\u200d"  # invisible, but they shape emoji and words
_NOTEBOOK_TIMEOUT = 3.0  # a picture nobody asked for must not hold up a notebook


@dataclass(frozen=True, repr=False)
class Drawing:
    """A picture of a graph; it shows itself as the result of a notebook cell.

    Attributes:
        source: the picture as DOT text; the same graph gives the same text.
        timeout: how many seconds the renderer may take.

    >>> x = Value(3.0, label="x")
    >>> draw(x * x).source.startswith("digraph")
    True
    """

    source: str
    timeout: float = 20.0

    def svg(self) -> str:
        """The picture as SVG text.

        Raises:
            RendererNotFoundError: without a renderer on this machine.
            RendererError: if the renderer fails or exceeds the time limit.
        """
        return _render(self.source, self.timeout)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file; a failure to render leaves the file as it was.

        Args:
            path: ends in ``.svg`` for the picture, or in ``.dot`` or ``.gv`` for its source, which needs no renderer.

        Raises:
            ValueError: for any other ending.
            RendererError: as ``svg`` does.
        """
        ending = os.path.splitext(path)[1].lower()
        if ending not in (".svg", ".dot", ".gv"):
            raise ValueError(
                f"save writes .svg, or the source as .dot or .gv, but the file is {os.fspath(path)!r}; "
                "save a .dot file and let a renderer convert it, as in: dot -Tpng graph.dot -o graph.png"
            )
        text = self.svg() if ending == ".svg" else self.source
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def _repr_svg_(self) -> str | None:
        """The picture for a notebook; None, so that it shows the repr, where rendering fails."""
        try:
            return self.svg()
        except RendererError:
            return None

    def __repr__(self) -> str:
        return "<Drawing: .save('graph.svg') writes it, .svg() is its text or says why there is none, .source is DOT>"


def draw(
    root: Value,
    *,
    names: Mapping[str, Value] | None = None,
    rankdir: str = "LR",
    max_nodes: int = 200,
    max_edges: int = 400,
    timeout: float = 20.0,
) -> Drawing:
    """Draw the graph that ``root`` was computed from.

    Gradients are shown once there is one, that is after ``backward``.

    Args:
        root: the result to draw.
        names: names of values in this picture, besides their labels, such as ``dict(model.named_parameters())``;
            values outside the graph do no harm.
        rankdir: the direction of the computation: "LR" (left to right), "TB" (downwards), "RL" or "BT".
        max_nodes: the most cards (values and plain numbers) to draw.
        max_edges: the most edges into operations to draw.
        timeout: how many seconds the renderer may take when the picture is shown or saved.

    Returns:
        A drawing; nothing is rendered before it is shown or saved.

    Raises:
        GraphTooLargeError: above ``max_nodes`` or ``max_edges``.
        StaleGraphError: if a leaf was assigned after the graph was recorded.
        TypeError: if ``root`` is no Value, or ``names`` does not map names to Values.
        ValueError: for an unknown ``rankdir``.

    >>> x = Value(3.0, label="x")
    >>> "∂ 3" in draw(x * x).source
    True
    """
    names = {} if names is None else names
    _check_arguments(root, names, rankdir)
    order = topological_order(root)
    _check_size(root, order, max_nodes, max_edges)
    return Drawing(_source(order, _titles(order, names), rankdir), timeout)


def to_svg(
    root: Value,
    *,
    names: Mapping[str, Value] | None = None,
    rankdir: str = "LR",
    max_nodes: int = 200,
    max_edges: int = 400,
    timeout: float = 20.0,
) -> str:
    """The picture of ``root`` as SVG text; arguments and errors are those of ``draw`` and ``Drawing.svg``.

    >>> to_svg(Value(1.0) + 2.0, max_nodes=2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autograd_mini.errors.GraphTooLargeError: the graph of Value(3.0) has 3 nodes and 2 edges, ...
    """
    return draw(root, names=names, rankdir=rankdir, max_nodes=max_nodes, max_edges=max_edges, timeout=timeout).svg()


def svg_or_none(value: Value) -> str | None:
    """The picture of ``value`` for a notebook.

    Returns:
        SVG text, or None for a graph that is too large or stale, or where no renderer does it in a few seconds.

    >>> x = Value(1.0)
    >>> y = x + x
    >>> x.data = 2.0  # now y is out of date
    >>> svg_or_none(y) is None
    True
    """
    try:
        return to_svg(value, timeout=_NOTEBOOK_TIMEOUT)
    except AutogradError:
        return None


# ---- Checks. --------------------------------------------------------------------------------------------------------


def _check_arguments(root: object, names: object, rankdir: str) -> None:
    if type(root) is not Value:
        raise TypeError(f"draw takes a Value, got {root!r} of type {type(root).__name__}; pass the result to be drawn")
    if not isinstance(names, Mapping):
        raise TypeError(f"names is a dict of Values by name, got a {type(names).__name__}; put it into dict(...)")
    for name, value in names.items():
        if type(name) is not str or type(value) is not Value:
            raise TypeError(f"names maps names to Values, as in {{'w': w}}, got {name!r} for {value!r}")
    if rankdir not in _RANKDIRS:
        raise ValueError(f"rankdir is one of {', '.join(_RANKDIRS)}, got {rankdir!r}")


def _check_size(root: Value, order: list[Value], max_nodes: int, max_edges: int) -> None:
    edges = sum(len(node.args) for node in order)
    nodes = len(order) + sum(type(a) is not Value for node in order for a in node.args)
    if nodes > max_nodes or edges > max_edges:
        raise GraphTooLargeError(
            f"the graph of {root!r} has {nodes} nodes and {edges} edges, "
            f"more than max_nodes={max_nodes} or max_edges={max_edges}; draw a value in the middle of it, "
            "or .detach() an operand where the picture shall begin, or raise the limits (renderers get slow)"
        )


# ---- The DOT text. --------------------------------------------------------------------------------------------------


def _source(order: list[Value], titles: Mapping[Value, str], rankdir: str) -> str:
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
    shown = {"data": node.data} if largest is None else {"data": node.data, "grad": node.grad}
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


def _titles(order: list[Value], names: Mapping[str, Value]) -> dict[Value, str]:
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


# ---- The renderer. --------------------------------------------------------------------------------------------------


def _render(source: str, timeout: float) -> str:
    """Lay out DOT text as SVG text in a program of its own, which is stopped at the time limit."""
    import subprocess  # here and below: takes longer to import than the package, and most programs draw nothing

    program = _find_renderer()
    try:
        done = subprocess.run([program, "-Tsvg"], input=source.encode(), capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise RendererError(
            f"{program} did not lay the graph out within {timeout:g} s; draw a value in the middle of it, .detach() an "
            "operand where the picture shall begin, raise timeout=, or save the source as .dot and "
            "try another renderer: dot and graphviz-pure differ much in what they are slow at"
        ) from None
    except OSError as error:
        raise RendererError(f"{program} does not start ({error}); reinstall it, or take it off the PATH") from error
    svg = done.stdout.decode(errors="replace")
    if done.returncode != 0 or "</svg>" not in svg:
        said = " / ".join(done.stderr.decode(errors="replace").splitlines()[:3]) or "no message"
        raise RendererError(
            f"{program} gave no picture, exit code {done.returncode}: {said}; save the source as .dot "
            "and try another renderer on it, or take this one off the PATH"
        )
    return svg


def _find_renderer() -> str:
    """The path of the first of dot and graphviz-pure that is installed.

    pip puts programs beside Python or into the user's folder of scripts, which need not be on the PATH.
    """
    import shutil
    import sysconfig

    beside = [
        os.path.dirname(sys.executable),
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")),
    ]
    path = os.pathsep.join(filter(None, [os.environ.get("PATH"), *beside]))
    program = shutil.which("dot", path=path) or shutil.which("graphviz-pure", path=path)
    if program is None:
        raise RendererNotFoundError(
            "a picture needs a renderer, and neither dot nor graphviz-pure was found; pip install graphviz-pure, or "
            "install Graphviz (apt install graphviz, brew install graphviz, https://graphviz.org/download) with its "
            "dot on the PATH; .source and .save('graph.dot') work without"
        )
    return program
