"""Pictures of graphs: ``draw`` makes one, and a ``Drawing`` shows and saves it.

The DOT text is written with the ``graphviz`` package and needs no renderer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..arguments import choice, number_within, wrong_type
from ..core import shared
from ..core.serving import Value, topological_order
from ..errors import AutogradError, GraphTooLargeError, RendererError
from ..files import replacing
from . import dot
from .renderer import render

_RANKDIRS = ("LR", "TB", "RL", "BT")
_NOTEBOOK_TIMEOUT = 3.0  # a picture nobody asked for must not hold up a notebook


class Drawing:
    """A picture of a graph; it shows itself as the result of a notebook cell.

    Attributes:
        source: the picture as DOT text; the same graph gives the same text.
        timeout: how many seconds the renderer may take.

    >>> x = Value(3.0, label="x")
    >>> draw(x * x).source.startswith("digraph")
    True
    """

    def __init__(self, source: str, timeout: float = 20.0) -> None:
        self.source, self.timeout = source, timeout

    def svg(self) -> str:
        """The picture as SVG text.

        Raises:
            RendererNotFoundError: without a renderer on this machine.
            RendererError: if the renderer fails or exceeds the time limit.
        """
        return render(self.source, self.timeout)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file; a failure to render or to write leaves the file as it was.

        Args:
            path: ends in ``.svg`` for the picture, or in ``.dot`` or ``.gv`` for its source, which needs no renderer.

        Raises:
            ValueError: for any other ending, or if ``path`` is no file but a pipe or a device.
            OSError: if it cannot be written.
            RendererError: as ``svg`` does.
        """
        ending = os.path.splitext(path)[1].lower()
        if ending not in (".svg", ".dot", ".gv"):
            raise ValueError(
                f"save writes .svg, or the source as .dot or .gv, but the file is {os.fspath(path)!r}; "
                "save a .dot file and let a renderer convert it, as in: dot -Tpng graph.dot -o graph.png"
            )
        text = self.svg() if ending == ".svg" else self.source
        with replacing(path) as file:
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
        TypeError: if ``root`` is no Value, ``names`` does not map names to Values, or another argument is of the wrong
            type.
        ValueError: for an unknown ``rankdir``, or a limit that nothing could meet.

    >>> x = Value(3.0, label="x")
    >>> "∂ 3" in draw(x * x).source
    True
    """
    names = {} if names is None else names
    _check_root_and_names(root, names)
    choice("rankdir", rankdir, _RANKDIRS)
    number_within("max_nodes", max_nodes, finite=False, at_least=1)
    number_within("max_edges", max_edges, finite=False, at_least=0)
    timeout = number_within("timeout", timeout, above=0)
    order = topological_order(root)
    _check_size(root, order, max_nodes, max_edges)
    return Drawing(dot.source(order, dot.titles(order, names), rankdir), timeout)


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


def _check_root_and_names(root: object, names: object) -> None:
    if type(root) is not Value:
        raise wrong_type("root", root, "pass the Value to be drawn, such as a loss")
    if not isinstance(names, Mapping):
        raise wrong_type("names", names, "pass a dict of Values by name, as in {'w': w}")
    for name, value in names.items():
        if type(name) is not str:
            raise wrong_type("a name in names", name, "pass a dict of Values by name, as in {'w': w}")
        if type(value) is not Value:
            raise wrong_type(f"names[{name!r}]", value, "pass a dict of Values by name, as in {'w': w}")


def _check_size(root: Value, order: list[Value], max_nodes: int, max_edges: int) -> None:
    edges = sum(len(node.args) for node in order)
    nodes = len(order) + sum(type(a) is not Value for node in order for a in node.args)
    if nodes > max_nodes or edges > max_edges:
        raise GraphTooLargeError(
            f"the graph of {root!r} has {nodes} nodes and {edges} edges, "
            f"more than max_nodes={max_nodes} or max_edges={max_edges}; draw a value in the middle of it, "
            "or .detach() an operand where the picture shall begin, or raise the limits (renderers get slow)"
        )


shared.show_by(svg_or_none)
