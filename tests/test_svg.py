"""Pictures as SVG: they can be read on light and dark pages, with any font, and by those who do not see them."""

import itertools
import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_draw import SVG, edges_of, graphs, labels, neuron, texts_of

import autograd_mini as ag
from autograd_mini import Value, draw, to_svg
from autograd_mini.core.serving import topological_order
from autograd_mini.pictures import lettering
from autograd_mini.pictures.colours import DARK, LIGHT, card
from autograd_mini.pictures.renderer import Layout
from autograd_mini.pictures.scene import Card, scene, shade
from autograd_mini.pictures.svg import svg

PAGES = [LIGHT, DARK]
JUST_NOTICED = 2.3  # Mahy et al., Evaluation of uniform color spaces developed after the adoption of CIELAB, 1994


def written(root, names=None, pairs=True):
    """The SVG text of a graph whose nodes stand in a row, and its scene."""
    made = scene(topological_order(root), names or {}, pairs)
    places = {node.id: (200.0 * i, 0.0) for i, node in enumerate(made.nodes)}
    return svg(made, Layout(places, [(edge, [(0.0, 0.0)] * 4) for edge in made.edges])), made


def groups_of(text):
    return [group for group in ET.fromstring(text).iter(f"{SVG}g") if group.get("data-node")]


# ---- Colours. --------------------------------------------------------------------------------------------------------


def linear(colour):
    """The channels of a colour in proportion to light (sRGB, IEC 61966-2-1)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in channels]


def contrast(a, b):
    """The contrast ratio of WCAG 2.2."""
    low, high = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in map(linear, (a, b)))
    return (high + 0.05) / (low + 0.05)


def difference(a, b):
    """How differently two colours look: their distance in CIE 1976 L*a*b*."""
    labs = []
    for r, g, b_ in map(linear, (a, b)):
        x = (0.4124 * r + 0.3576 * g + 0.1805 * b_) / 0.9505
        y = 0.2126 * r + 0.7152 * g + 0.0722 * b_
        z = (0.0193 * r + 0.1192 * g + 0.9505 * b_) / 1.089
        x, y, z = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
        labs.append((116 * y - 16, 500 * (x - y), 200 * (y - z)))
    return math.dist(*labs)


def test_the_judges_of_colours_know_what_is_known():
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert difference("#ffffff", "#000000") == pytest.approx(100, abs=0.1)
    assert difference("#ff0000", "#00ff00") == pytest.approx(170.6, abs=0.5)


@pytest.mark.parametrize("page", PAGES)
def test_letters_can_be_read_on_whatever_they_stand_on(page):
    for sign, percent in itertools.product((-1, 0, 1), range(101)):
        assert contrast(page.ink, card(page, sign, percent / 100)) >= 4.5
    for letters, ground in [
        (page.ink, page.page),
        (page.faint, page.page),
        (page.mark, page.page),
        (page.ink, page.circle),
    ]:
        assert contrast(letters, ground) >= 4.5
    assert min(contrast(page.line, page.page), contrast(page.mark, page.page)) >= 3


@pytest.mark.parametrize("page", PAGES)
def test_a_gradient_and_its_double_have_different_colours(page):
    for sign in (-1.0, 1.0):
        for exponent in range(4):
            one, two = (card(page, *shade(sign * x * 0.5**exponent, 2.0)) for x in (1.0, 2.0))
            assert difference(one, two) >= 2 * JUST_NOTICED
        assert difference(card(page, *shade(sign, 2.0)), card(page, *shade(2.0 * sign, 2.0))) >= 5 * JUST_NOTICED
    assert difference(card(page, 1, 1.0), card(page, -1, 1.0)) >= 40
    assert difference(card(page, 1, 0.1), card(page, -1, 0.1)) >= 3


def test_cards_have_the_colours_of_their_gradients():
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    y = a * b * c
    y.backward()
    a.grad, b.grad, c.grad = -6.0, math.nan, 0.0
    text, made = written(y)
    painted = {}
    for group in groups_of(text):
        painted[group.get("data-node")] = [
            (rect.get("class"), rect.get("fill-opacity"), rect.get("stroke-width")) for rect in group.iter(f"{SVG}rect")
        ]
    assert painted["n0"] == [("page", None, None), ("minus", "1.0", None), ("line", None, None)]
    assert painted["n1"] == [("page", None, None), ("marked", None, "2")]
    assert painted["n2"] == [("page", None, None), ("line", None, None)]
    assert painted["n4"] == [("page", None, None), ("plus", str(shade(1.0, 6.0)[1]), None), ("line", None, None)]
    assert made.largest == 6.0


def test_whatever_is_painted_has_a_colour_for_dark_pages():
    y = Value(0.0).sqrt() - Value(1.0) / 2.0 + ag.sumprod([Value(1.0), Value(2.0)], [Value(3.0), Value(1.0)])
    y.backward()
    text, _ = written(y)
    dark = dict(re.findall(r"\.autograd-mini \.(\w+)\{(\w+:#\w+)\}", text))
    seen = set()
    for element in ET.fromstring(text).iter():
        colours = {f"{key}:{element.get(key)}" for key in ("fill", "stroke") if "#" in (element.get(key) or "")}
        if colours:
            names = element.get("class").split()
            assert {dark[name].partition(":")[0] for name in names} == {c.partition(":")[0] for c in colours}
            seen |= set(names)
            assert colours <= {f"{key}:{colour}" for key in ("fill", "stroke") for colour in LIGHT}
    assert seen == set(dark)
    assert {colour.partition(":")[2] for colour in dark.values()} == set(DARK)


# ---- Text. -----------------------------------------------------------------------------------------------------------


def extent(text):
    """Where a line of text begins and ends, whatever its font."""
    assert text.get("lengthAdjust") == "spacingAndGlyphs"
    return float(text.get("x")), float(text.get("x")) + float(text.get("textLength"))


@given(graphs(), labels, st.booleans())
def test_text_fits_its_place_in_any_font(root, label, pairs):
    text, made = written(root, {label: root}, pairs)
    sizes = {node.id: node.size for node in made.nodes}
    for i, group in enumerate(groups_of(text)):
        (width, height), lines = sizes[group.get("data-node")], list(group.iter(f"{SVG}text"))
        assert len(lines) == sum(len(words) > 0 for words in texts_of(text, group.get("data-node")))
        for line in lines:
            begin, end = extent(line)
            assert 200 * i - width / 2 <= begin < end <= 200 * i + width / 2 + 0.02
            assert -height / 2 <= float(line.get("y")) - 0.72 * float(line.get("font-size"))
            assert float(line.get("y")) <= height / 2
        rows = [line for line in lines if line.get("class") != "faint"]
        for above, below in itertools.pairwise(rows):
            gap = float(below.get("y")) - float(above.get("y"))
            assert gap >= float(below.get("font-size")) or (gap == 0 and extent(above)[1] < extent(below)[0])


def test_the_picture_has_room_for_all_that_is_in_it():
    for root in (Value(1.0), neuron()):
        text, _ = written(root)
        left, top, width, height = map(float, ET.fromstring(text).get("viewBox").split())
        for line in ET.fromstring(text).iter(f"{SVG}text"):
            begin, end = extent(line)
            assert left < begin < end < left + width
            assert top < float(line.get("y")) < top + height
        for rect in list(ET.fromstring(text).iter(f"{SVG}rect"))[1:]:
            x, y, w, h = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
            assert left < x < x + w < left + width
            assert top < y < y + h < top + height


def test_widths_are_those_of_the_font():
    assert lettering.width("Value", 1000) == 667 + 556 + 222 + 556 + 556
    assert lettering.width("", 12) == lettering.width("\u0301\u200d", 12) == 0.0
    assert lettering.width("損失", 12) == 24.0


# ---- In words. -------------------------------------------------------------------------------------------------------


def test_tips_have_full_precision_and_the_line_of_the_program():
    with ag.detect_anomaly():
        x = Value(1 / 3, label="x")
        y = x * x  # the line that is shown
        y.backward()
        tips = {group.get("data-node"): group.findtext(f"{SVG}title") for group in groups_of(written(y)[0])}
    assert tips["n0"] == "x\ndata = 0.3333333333333333\ngrad = 0.6666666666666666"
    *first, line = tips["n1"].split("\n")
    assert first == [
        f"data = {(1 / 3) ** 2!r}",
        "grad = 1.0",
        "Value(0.3333333333333333, label='x') * Value(0.3333333333333333, label='x')",
    ]
    assert re.fullmatch(r"recorded at .*test_svg\.py:\d+, `y = x \* x  # the line that is shown`", line)
    assert (tips["n1_op"], tips["n1_d1"]) == ("mul", "∂ = 0.3333333333333333")
    assert "recorded" not in written(y)[0]


def test_a_picture_says_what_it_shows_to_those_who_do_not_see_it():
    w, x = Value(0.5, label="w"), Value(3.0)
    y = ag.relu(ag.sumprod([w, 2.0], [x, 1.0]))
    root = ET.fromstring(written(y, {"input": x, "result": y})[0])
    assert root.get("role") == "img"
    assert [root[0].tag, root[1].tag] == [f"{SVG}title", f"{SVG}desc"]
    assert root[0].text == "the graph of result = 3.5"
    assert root[1].text.split("\n") == [
        "w: 0.5",
        "input: 3",
        "n2 = sumprod(w, 2, input, 1): 3.5",
        "result = relu(n2): 3.5",
    ]
    y.backward()
    assert "w: 0.5, gradient 3\ninput: 3, gradient 0.5\n" in written(y, {"input": x})[0]


@given(labels)
def test_any_label_gives_a_text_that_can_be_read(label):
    x = Value(1.0, label=label)
    text, _ = written(x * x)
    assert ET.fromstring(text.encode()).tag == f"{SVG}svg"


# ---- With a renderer. ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
@pytest.mark.parametrize("pairs", [True, False])
def test_lines_lead_from_node_to_node(any_renderer, rankdir, pairs):
    y = neuron()
    y.backward()
    drawing = draw(y, rankdir=rankdir, pairs=pairs)
    layout = drawing._layout()
    sizes = {node.id: node.size for node in drawing._scene.nodes}
    assert sorted(edge for edge, _ in layout.curves) == sorted(edges_of(drawing.source))
    for edge, curve in layout.curves:
        for node, (x, y) in zip(edge, (curve[0], curve[-1]), strict=True):
            (cx, cy), (width, height) = layout.places[node], sizes[node]
            outside = max(abs(x - cx) - width / 2, abs(y - cy) - height / 2)
            assert -0.3 * min(width, height) <= outside <= 8


def test_nodes_do_not_overlap_and_operands_stand_in_their_order(any_renderer):
    rows = [Value(float(i), label=f"w{i}") for i in range(1, 6)], [Value(float(i), label=f"x{i}") for i in range(5)]
    drawing = draw(ag.sumprod(*rows) / Value(2.0))
    places = drawing._layout().places
    boxes = [(*places[node.id], *node.size) for node in drawing._scene.nodes]
    for (x, y, w, h), (x2, y2, w2, h2) in itertools.combinations(boxes, 2):
        assert abs(x - x2) >= (w + w2) / 2 or abs(y - y2) >= (h + h2) / 2
    cards = {
        node.title[0]: places[node.id][1] for node in drawing._scene.nodes if isinstance(node, Card) and node.title
    }
    assert sorted(cards, key=cards.get) == [name for i in range(5) for name in (f"w{i + 1}", f"x{i}")]


def test_arrowheads_stand_where_operations_begin(any_renderer):
    text = to_svg(Value(1.0).exp())
    heads = [head.get("class") for head in ET.fromstring(text).iter(f"{SVG}polygon")]
    assert len(heads) == 2  # into the operation, and into its result; none into the partial
    assert len(list(ET.fromstring(text).iter(f"{SVG}path"))) == 3
