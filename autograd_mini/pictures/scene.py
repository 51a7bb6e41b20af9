"""What a picture shows of a graph: cards, signs and edges. DOT text and SVG are written from it.

Values are cards, operations are circles, and edges into an operation show its partials. So the chain rule can be read
off: a card's gradient is the sum, over the edges that leave it, of the gradient of the card behind the operation times
the partial on the edge. What is said about an operation comes from its row of the table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

from ..anomaly import recorded_at
from ..core.serving import Value, local_partials
from ..core.shared import call_text
from ..ops import TABLE, Op
from . import lettering

TITLE, TEXT, SMALL = 14, 12, 9  # sizes of letters in points
TITLE_LINE, TEXT_LINE = 19, 16  # from line to line
PADDING = 8  # around what stands on a card
KEY = lettering.width("grad  ", TEXT)  # the column that says what the numbers on a card are
_ROOM = {"operation": (29, 18, 29), "term": (20, 12, 20), "number": (22, 12, 22), "partial": (8, 6, 16)}

_FAINTEST = 0.1  # how strong a colour is at least, so that its sign can be told


class Card(NamedTuple):
    """A value.

    Attributes:
        id: n0, n1, ... for the nodes of the graph, operands first; n5_v2 is the second term of the sum n5.
        title: what it is called, on lines of bounded length.
        data: its number.
        grad: its gradient; None if the graph has none yet.
        tip: all of it in full precision, and where it comes from.
    """

    id: str
    title: list[str]
    data: float
    grad: float | None
    tip: str

    @property
    def rows(self) -> list[tuple[str, float]]:
        """Its numbers, each with what it is."""
        return [("data", self.data), *([] if self.grad is None else [("grad", self.grad)])]

    @property
    def is_finite(self) -> bool:
        """Whether its numbers are; one that is not so is marked."""
        return all(math.isfinite(x) for _, x in self.rows)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points."""
        titles = [lettering.width(line, TITLE) for line in self.title]
        numbers = [KEY + lettering.width(number(x), TEXT) for _, x in self.rows]
        return max(titles + numbers) + 2 * PADDING, TITLE_LINE * len(titles) + TEXT_LINE * len(numbers) + PADDING


class Sign(NamedTuple):
    """A node of a picture that is a line of text.

    Attributes:
        id: the operation n5_op computes the card n5, n5_t2 the second product of that sum of products; n5_d2 stands on
            the edge from the second operand, and n5_c2 is that operand itself if it is a plain number.
        kind: what it is.
        text: what is written there.
        place: a number in front of it that tells operands apart; 0 for none.
        is_finite: whether its number is; one that is not so is marked.
        tip: more about it.
    """

    id: str
    kind: Literal["operation", "term", "number", "partial"]
    text: str
    place: int = 0
    is_finite: bool = True
    tip: str = ""

    @property
    def prefix(self) -> str:
        """What stands in front of the text, in small letters."""
        return f"{self.place} " if self.place else ""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points."""
        text = lettering.width(self.text, TEXT) + lettering.width(self.prefix, SMALL)
        least, margin, height = _ROOM[self.kind]
        return max(least, text + margin), height


class Scene(NamedTuple):
    """A picture in which nothing has a place yet.

    Attributes:
        nodes: cards and signs in the order in which they are computed.
        edges: the ids of tail and head. An edge with a partial on it is two, with the sign between them.
        largest: the largest finite magnitude of a gradient; None if there are no gradients yet, 0.0 if none is finite.
        legend: what the picture contains and a reader may not know.
        title: what the picture is of.
        description: the same in words, for those who do not see it.
    """

    nodes: list[Card | Sign]
    edges: list[tuple[str, str]]
    largest: float | None
    legend: list[str]
    title: str
    description: str

    def shade(self, card: Card) -> tuple[int, float]:
        """The sign and the strength of the colour of a card; one that is marked has none."""
        return shade(card.grad, self.largest) if card.is_finite and card.grad and self.largest else (0, 0.0)

    @property
    def scale(self) -> list[tuple[float, tuple[int, float]]]:
        """Gradients that a legend of the colours shows, each with the sign and the strength of its colour."""
        grads = [node.grad for node in self.nodes if isinstance(node, Card) and node.grad is not None]
        signs = {_sign(grad) for grad in grads if math.isfinite(grad)}
        steps = (-1.0, -0.1, -0.01, 0.0, 0.01, 0.1, 1.0) if self.largest else ()
        return [(x * (self.largest or 0.0), shade(x, 1.0)) for x in steps if _sign(x) in signs]

    @property
    def is_finite(self) -> bool:
        """Whether nothing is marked."""
        return all(node.is_finite for node in self.nodes)


def shade(grad: float, largest: float) -> tuple[int, float]:
    """The sign of a gradient, and how strong its colour is: as the root of its part of the largest magnitude, so that
    a gradient and its double differ much, and small ones are still seen.

    >>> shade(6.0, 6.0), shade(-1.5, 6.0), shade(0.0, 6.0)
    ((1, 1.0), (-1, 0.55), (0, 0.0))
    """
    if grad == 0.0:
        return 0, 0.0
    return _sign(grad), round(_FAINTEST + (1.0 - _FAINTEST) * math.sqrt(abs(grad) / largest), 3)


def scene(order: list[Value], names: Mapping[str, Value], pairs: bool) -> Scene:
    """The scene of a graph.

    Args:
        order: its nodes, operands first.
        names: names of values in this picture, besides their labels.
        pairs: whether a sum of products shows the factors of each side by side; else each product is an operation with
            a card of its own.
    """
    builder = _Builder(order, names, pairs)
    for node in order:
        builder.add(node)
    return builder.finished()


class _Builder:
    """Makes a scene, one node of the graph after the other."""

    def __init__(self, order: list[Value], names: Mapping[str, Value], pairs: bool) -> None:
        self.titles = _titles(order, names)
        self.ids = {node: f"n{i}" for i, node in enumerate(order)}
        self.largest = _largest_gradient(order)
        self.pairs = pairs
        self.nodes: list[Card | Sign] = []
        self.edges: list[tuple[str, str]] = []
        self.words: list[str] = []

    def add(self, node: Value) -> None:
        """Add a value, and what computes it."""
        id, title = self.ids[node], self.titles[node]
        how = call_text(node.op, node.args, self.called) if node.op else ""
        self.words.append(f"{self.called(node)}{how and f' = {how}'}: {number(node._data)}{self.and_grad(node.grad)}")
        in_full = [f"data = {node._data!r}", "" if self.largest is None else f"grad = {node.grad!r}"]
        origin = [call_text(node.op, node.args), recorded_at(node)] if node.op else []
        self.add_card(id, title, node._data, node.grad, [title, *in_full, *origin])
        if node.op:
            slopes = [slope or 0.0 for slope in local_partials(node)]
            term = _term(node.op)
            if term is None:
                self.add_operation(id, node.op)
                ordered = not node.op.commutative and len(node.args) > 1
                for i, (a, slope) in enumerate(zip(node.args, slopes, strict=True), 1):
                    self.add_operand(id, i, a, slope, f"{id}_op", i * ordered)
            else:
                self.add_terms(node, node.op, term, slopes)

    def add_terms(self, node: Value, op: Op, term: Op, slopes: list[float]) -> None:
        """Add a sum of terms of two operands each."""
        id, count = self.ids[node], len(node.args) // 2
        self.add_operation(id, op if self.pairs else _SUM)
        for i, (a, b) in enumerate(zip(node.args[:count], node.args[count:], strict=True), 1):
            head, there = f"{id}_op", f"{id}_v{i}"
            operands = [(i, a, slopes[i - 1]), (i + count, b, slopes[i + count - 1])]
            if not self.pairs:
                data = term.value(_plain(a), _plain(b))
                self.add_card(there, "", data, node.grad, [f"data = {data!r}", call_text(term, (a, b))])
                self.add_operation(there, term)
                self.add_edge(there, head, f"{there}_d", 1.0, 0)
                head = f"{there}_op"
            elif (type(a) is Value) == (type(b) is Value):
                head = f"{id}_t{i}"
                self.nodes.append(Sign(head, "term", term.symbol, tip=call_text(term, (a, b))))
                self.edges.append((head, f"{id}_op"))
            else:  # a value times a number, which is the partial
                operands = [operand for operand in operands if type(operand[1]) is Value]
            for k, x, slope in operands:
                self.add_operand(id, k, x, slope, head, 0)

    def add_card(self, id: str, title: str, data: float, grad: float, tip: list[str]) -> None:
        shown = None if self.largest is None else grad
        text = lettering.visible("\n".join(filter(None, tip)))
        self.nodes.append(Card(id, lettering.lines(title), data, shown, text))

    def add_operation(self, id: str, op: Op) -> None:
        """Add what computes the card of that name."""
        self.nodes.append(Sign(f"{id}_op", "operation", op.symbol, tip=op.name))
        self.edges.append((f"{id}_op", id))

    def add_operand(self, id: str, i: int, a: Value | float, slope: float, head: str, place: int) -> None:
        """Add the edge from operand ``i`` of a card to what uses it; a plain number has no partial."""
        if type(a) is Value:
            self.add_edge(self.ids[a], head, f"{id}_d{i}", slope, place)
            return
        tail = f"{id}_c{i}"
        self.nodes.append(Sign(tail, "number", number(a), is_finite=math.isfinite(a), tip=repr(a)))
        if place:
            self.nodes.append(Sign(f"{id}_d{i}", "partial", "", place))
            self.edges += [(tail, f"{id}_d{i}"), (f"{id}_d{i}", head)]
        else:
            self.edges.append((tail, head))

    def add_edge(self, tail: str, head: str, id: str, slope: float, place: int) -> None:
        """Add an edge through its partial, a node because renderers put labels beside the edge, where they seem to
        belong to its neighbour."""
        self.nodes.append(Sign(id, "partial", f"∂ {number(slope)}", place, math.isfinite(slope), f"∂ = {slope!r}"))
        self.edges += [(tail, id), (id, head)]

    def called(self, a: Value | float) -> str:
        """What the description calls an operand."""
        return (self.titles[a] or self.ids[a]) if type(a) is Value else number(a)

    def and_grad(self, grad: float) -> str:
        return "" if self.largest is None else f", gradient {number(grad)}"

    def finished(self) -> Scene:
        legend = []
        if self.edges:
            legend.append("∂ on an edge: the local partial ∂out/∂in of the operation")
            if any(isinstance(node, Sign) and node.place for node in self.nodes):
                legend.append("1, 2, ... on edges: the order of the operands")
            if self.largest is not None:
                legend.append("grad = sum over outgoing edges of grad · ∂")
        *_, root = self.titles
        title = f"the graph of {self.called(root)} = {number(root._data)}"
        words = lettering.visible("\n".join(self.words))
        return Scene(self.nodes, self.edges, self.largest, legend, lettering.visible(title), words)


def _titles(order: list[Value], names: Mapping[str, Value]) -> dict[Value, str]:
    """For each value its names in this picture and its label, each once."""
    given: dict[Value, list[str]] = {}
    for name, value in names.items():
        given.setdefault(value, []).append(name)
    return {node: ", ".join(filter(None, dict.fromkeys([*given.get(node, []), node.label]))) for node in order}


def _term(op: Op) -> Op | None:
    """The operation on two operands whose results ``op`` adds up, as the table says; None if it is no such sum."""
    if op.lists != 2 or op.c is None or not op.c.fold:
        return None
    rows = [row for row in TABLE.values() if row.arity == 2 and row.role != "helper" and row.c]
    return next((row for row in rows if row.c and row.c.text == op.c.text), None)


_SUM = next(row for row in TABLE.values() if row.lists == 1 and row.c and row.c.fold and row.c.text == "x")


def _largest_gradient(order: list[Value]) -> float | None:
    if all(node.grad == 0.0 for node in order):
        return None
    return max((abs(node.grad) for node in order if math.isfinite(node.grad)), default=0.0)


def _plain(a: Value | float) -> float:
    return a._data if type(a) is Value else float(a)


def _sign(x: float) -> int:
    return (x > 0.0) - (x < 0.0)


def number(x: float) -> str:
    """A number in few digits.

    >>> number(2 / 3), number(-1e10), number(float("nan"))
    ('0.6667', '-1e+10', 'nan')
    """
    return f"{x:.4g}"
