"""Pictures of graphs: ``draw`` makes one, and a ``Drawing`` shows and saves it.

The DOT text is written with the ``graphviz`` package and needs no renderer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..arguments import choice, flag, number_within, wrong_type
from ..core import shared
from ..core.serving import Value, topological_order
from ..errors import AutogradError, GraphTooLargeError, RendererError
from ..files import replacing

if TYPE_CHECKING:
    from .renderer import Layout
    from .scene import Scene

_RANKDIRS = ("LR", "TB", "RL", "BT")
_NOTEBOOK_TIMEOUT = 3.0  # a picture nobody asked for must not hold up a notebook


class Drawing:
    """A picture of a graph; it shows itself as the result of a notebook cell.

    Attributes:
        source: the picture as DOT text; the same graph gives the same text.
        timeout: how many seconds the renderer may take, at most.

    >>> x = Value(3.0, label="x")
    >>> draw(x * x).source.startswith("digraph")
    True
    """

    def __init__(self, scene: Scene, rankdir: str, timeout: float) -> None:
        from .dot import source  # here and below: most programs draw nothing

        self._scene, self.timeout = scene, timeout
        self.source = source(scene, rankdir)

    def svg(self) -> str:
        """The picture as SVG text. It has a light and a dark look, of which the viewer's preference chooses.

        Raises:
            RendererNotFoundError: without a renderer on this machine.
            RendererError: if the renderer fails or exceeds the time limit.
        """
        return self._on(self._layout())

    def _layout(self) -> Layout:
        from .renderer import lay_out

        return lay_out(self.source, [node.id for node in self._scene.nodes], self.timeout)

    def _on(self, layout: Layout) -> str:
        from .svg import svg

        return svg(self._scene, layout)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file; a failure to render or to write leaves the file as it was.

        Args:
            path: ends in ``.svg`` for the picture, or in ``.dot`` or ``.gv`` for its source, which needs no renderer.

        Raises:
            TypeError: if ``path`` is no path.
            ValueError: for any other ending, or if ``path`` is no file but a pipe or a device.
            OSError: if it cannot be written.
            RendererError: as ``svg`` does.
        """
        path = os.fsdecode(path)
        ending = os.path.splitext(path)[1].lower()
        if ending not in (".svg", ".dot", ".gv"):
            raise ValueError(
                f"save writes .svg, or the source as .dot or .gv, but the file is {path!r}; "
                "save a .dot file and let a renderer convert it, as in: dot -Tpng graph.dot -o graph.png"
            )
        text = self.svg() if ending == ".svg" else self.source
        with replacing(path) as file:
            file.write(text)

    def _repr_svg_(self) -> str | None:
        """The picture for a notebook; None where there is none."""
        layout = _outcome(self, keep=False)[0]
        return layout and self._on(layout)

    def _repr_html_(self) -> str | None:
        """What a notebook shows where there is no picture: the repr, and why."""
        return _refusal(self, _outcome(self, keep=True)[1])

    def __repr__(self) -> str:
        return "<Drawing: .save('graph.svg') writes it, .svg() is its text or says why there is none, .source is DOT>"


def draw(
    root: Value,
    *,
    names: Mapping[str, Value] | None = None,
    pairs: bool = True,
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
        pairs: whether a dot product shows the factors of each product side by side; if not, it is drawn as if products
            and sum had been computed one by one.
        rankdir: the direction of the computation: "LR" (left to right), "TB" (downwards), "RL" or "BT".
        max_nodes: the most cards (values and plain numbers) to draw.
        max_edges: the most edges into operations to draw.
        timeout: how many seconds the renderer may take when the picture is shown or saved, at most; ``math.inf`` for as
            long as it likes.

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
    from .scene import scene

    names = {} if names is None else names
    _check_root_and_names(root, names)
    choice("rankdir", rankdir, _RANKDIRS)
    number_within("max_nodes", max_nodes, finite=False, at_least=1)
    number_within("max_edges", max_edges, finite=False, at_least=0)
    timeout = number_within("timeout", timeout, finite=False, above=0)
    flag("pairs", pairs)
    order = topological_order(root)
    _check_size(root, order, max_nodes, max_edges)
    return Drawing(scene(order, names, pairs), rankdir, timeout)


def to_svg(
    root: Value,
    *,
    names: Mapping[str, Value] | None = None,
    pairs: bool = True,
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
    drawing = draw(
        root, names=names, pairs=pairs, rankdir=rankdir, max_nodes=max_nodes, max_edges=max_edges, timeout=timeout
    )
    return drawing.svg()


# ---- In a notebook. -------------------------------------------------------------------------------------------------

# It asks for HTML first and for SVG then, so what the renderer gave for the one is kept for the other.
_Outcome = tuple["Layout | None", "str | None"]  # where things are, or why there is no picture
_kept: dict[tuple[str, float], _Outcome] = {}


def _outcome(drawing: Drawing, keep: bool) -> _Outcome:
    """What the renderer gives, which is run for this unless its outcome was kept; ``keep`` it for the next call."""
    key = (drawing.source, drawing.timeout)
    outcome = None if keep else _kept.pop(key, None)
    if outcome is None:
        try:
            outcome = drawing._layout(), None
        except RendererError as error:
            outcome = None, str(error)  # and not the error itself, which holds on to the graph
    _kept.clear()
    if keep:
        _kept[key] = outcome
    return outcome


def _refusal(shown: object, reason: str | None) -> str | None:
    """The repr of what has no picture, and the reason, as HTML text; None if there is no reason."""
    import html

    return reason and f"<pre>{html.escape(repr(shown))}</pre><p>no picture: {html.escape(reason)}</p>"


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
        return draw(value, timeout=_NOTEBOOK_TIMEOUT)._repr_svg_()
    except AutogradError:
        return None


def html_or_none(value: Value) -> str | None:
    """What a notebook shows of a ``value`` without a picture.

    Returns:
        The repr, and why there is no picture, as HTML text; None where there is one.

    >>> x = Value(1.0)
    >>> y = x + x
    >>> x.data = 2.0
    >>> html_or_none(y)  # doctest: +ELLIPSIS
    '<pre>Value(2.0)</pre><p>no picture: Value(2.0) was assigned after Value(2.0) had been computed from it; ...
    """
    try:
        reason = _outcome(draw(value, timeout=_NOTEBOOK_TIMEOUT), keep=True)[1]
    except AutogradError as error:
        reason = str(error)
    return _refusal(value, reason)


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


shared.show_by(svg_or_none, html_or_none)
