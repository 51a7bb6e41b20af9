"""Pictures: the DOT text says what the graph is, and any renderer can show it, whatever the labels contain."""

import html
import math
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.errors import AutogradError, GraphTooLargeError, RendererError, RendererNotFoundError
from autograd_mini.pictures.drawing import draw, svg_or_none, to_svg

SVG = "{http://www.w3.org/2000/svg}"
NASTY = [
    "\\N",
    "\\G",
    "\\",
    '"',
    "<b>",
    "</TABLE>>",
    "&lt;",
    "&",
    "&#38;",
    "]]>",
    "-->",
    "\0",
    "\n",
    "\r",
    "\ud800",
    "\x85",
    "\u202e",
    "\ufffe",
    "  ",
    "∂σ·",
    "損失",
    "👩\u200d👩\u200d👧",
    "x" * 99,
]
labels = st.lists(st.text(st.characters(exclude_categories=[]), max_size=8) | st.sampled_from(NASTY)).map("".join)


def neuron(label="w"):
    w, x, b = Value(0.5, label=label), Value(-2.0, label="x"), Value(3.0, label="b")
    return ag.tanh(ag.sumprod([w, b], [x, 1.0]) - w / 4.0)


@st.composite
def graphs(draw_from):
    nodes = [Value(x) for x in draw_from(st.lists(st.floats(-3, 3), min_size=1, max_size=3))]
    for _ in range(draw_from(st.integers(0, 8))):
        a, b = draw_from(st.sampled_from(nodes)), draw_from(st.sampled_from([*nodes, 2.0]))
        nodes.append(draw_from(st.sampled_from([a + b, a * b, a - b, a.sin(), ag.sum([a, b, a])])))
    if draw_from(st.booleans()):
        nodes[-1].backward()
    return nodes[-1]


def copied(root):
    """The same graph again, in other objects."""
    copies = {}
    for node in ag.core.serving.topological_order(root):
        args = [copies.get(a, a) if type(a) is Value else a for a in node.args]
        copies[node] = Value._apply(node.op, *args) if node.op else Value(node.data, label=node.label)
        copies[node].grad = node.grad
    return copies[root]


def nodes_of(source):
    """The nodes of DOT text as {id: its attributes as text}."""
    return dict(re.findall(r"^\t(n\w+) \[(.*)\]$", source, re.M))


def edges_of(source):
    return re.findall(r"^\t(n\w+) -> (n\w+)", source, re.M)


def partials_of(source):
    """What stands on the edges into operations, by the id of the operand."""
    onward = dict(edges_of(source))
    return [
        (tail, re.search("label=<(.*?)>( |$)", nodes_of(source)[mid])[1], onward[mid])
        for tail, mid in edges_of(source)
        if re.search(r"_d\d+$", mid)
    ]


def texts_of(svg, node):
    """The lines of text in one node of a picture."""
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        if group.findtext(f"{SVG}title") == node:
            return [text.text.replace("\xa0", " ") for text in group.iter(f"{SVG}text")]
    raise AssertionError(f"no {node} in the picture")


def isolate(monkeypatch, folder):
    """Let programs be found in this folder only."""
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setattr(sysconfig, "get_path", lambda *args: str(folder))


@pytest.fixture(params=["first found", "graphviz-pure"])
def renderer(request, monkeypatch, tmp_path, any_renderer):
    """Whatever renderer is found first, and the embedded one wherever that is another."""
    if request.param == "graphviz-pure":
        here = os.pathsep.join([os.environ["PATH"], sysconfig.get_path("scripts")])
        program = shutil.which("graphviz-pure", path=here)
        if program is None:
            pytest.skip("needs the extra svg")
        (tmp_path / "graphviz-pure").symlink_to(program)
        isolate(monkeypatch, tmp_path)


@pytest.fixture
def fake_dot(monkeypatch, tmp_path):
    """Make the only renderer a Python program that does as told."""
    python = sys.executable

    def make(program):
        script = tmp_path / "dot"
        script.write_text(f"#!{python}\n{program}\n")
        script.chmod(0o755)
        isolate(monkeypatch, tmp_path)

    return make


# ---- What the text says. ---------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(graphs())
def test_the_same_graph_gives_the_same_text(root):
    assert draw(root).source == draw(root).source == draw(copied(root)).source


@settings(deadline=None)
@given(graphs())
def test_every_node_and_every_edge_is_drawn_once(root):
    order = ag.core.serving.topological_order(root)
    source = draw(root).source
    ids = list(nodes_of(source))
    assert len([n for n in ids if re.fullmatch(r"n\d+", n)]) == len(order)
    assert len([n for n in ids if n.endswith("_op")]) == sum(node.op is not None for node in order)
    into_operations = [head for _, head in edges_of(source) if head.endswith("_op")]
    assert len(into_operations) == sum(len(node.args) for node in order)
    assert len(partials_of(source)) >= sum(type(a) is Value for node in order for a in node.args)


@settings(deadline=None)
@given(graphs())
def test_the_chain_rule_can_be_read_off_the_picture(root):
    """Each gradient shown is the sum over outgoing edges of gradient times partial, in the digits shown."""
    source = draw(root).source
    if "grad" not in source:
        return
    grads = {n: float(g) for n, g in re.findall(r"^\t(n\d+) \[.*grad </FONT>(.+?)</TD>", source, re.M)}
    slack = dict.fromkeys(grads, 1e-9)
    sums = dict.fromkeys(grads, 0.0)
    for tail, text, circle in partials_of(source):
        if "∂" in text:
            partial = float(text.rpartition("∂ ")[2])
            above = grads[circle.removesuffix("_op")]
            sums[tail] += above * partial
            slack[tail] += 2e-3 * abs(above * partial)
    top = f"n{len(grads) - 1}"
    assert grads.pop(top) == 1.0
    assert all(abs(grads[n] - sums[n]) <= slack[n] + 1e-3 * abs(grads[n]) for n in grads)


def test_a_square_has_two_edges_with_their_partials():
    x = Value(3.0, label="x")
    assert partials_of(draw(x * x).source) == [("n0", "∂ 3", "n1_op")] * 2


def test_operands_are_numbered_where_order_matters_only():
    a, b = Value(1.0), Value(4.0)
    assert [text for _, text, _ in partials_of(draw(a - b).source)] == ["1: ∂ 1", "2: ∂ -1"]
    assert [text for _, text, _ in partials_of(draw(a + b).source)] == ["∂ 1", "∂ 1"]
    assert [text for _, text, _ in partials_of(draw(2.0 / b).source)] == ["1:", "2: ∂ -0.125"]
    assert [text for _, text, _ in partials_of(draw(b.sqrt()).source)] == ["∂ 0.25"]
    text = [text for _, text, _ in partials_of(draw(ag.sumprod([a, b], [b, 5.0])).source)]
    assert text == ["1: ∂ 4", "2: ∂ 5", "3: ∂ 1", "4:"]


def test_flat_edges_show_zero():
    assert partials_of(draw(Value(7.0) // 2.0).source)[0][1] == "1: ∂ 0"


def test_plain_numbers_are_cards_of_their_own():
    nodes = nodes_of(draw(Value(1.0) * 2.5).source)
    assert "label=<2.5>" in nodes["n1_c2"]


@pytest.mark.parametrize("name", sorted(ag.ops.TABLE))
def test_every_row_of_the_table_can_be_drawn(name):
    op = ag.ops.TABLE[name]
    root = Value._apply(op, *[Value(0.75 * low + 0.25 * high) for low, high in op.domain])
    source = draw(root).source
    assert f"label=<{html.escape(op.symbol)}>" in nodes_of(source)[f"n{len(op.domain)}_op"]
    assert len(partials_of(source)) == len(op.domain)


def test_gradients_appear_after_backward_only():
    x = Value(3.0, label="x")
    y = x * x
    assert "grad" not in draw(y).source
    y.backward()
    assert "grad </FONT>6<" in draw(y).source
    y.zero_grad()
    assert "grad" not in draw(y).source


def test_names_come_on_top_of_labels():
    w, x = Value(1.0, label="w"), Value(2.0)
    source = draw(w * x, names={"layer.w": w, "w": w, "input": x, "elsewhere": Value(0.0)}).source
    assert ">layer.w, w<" in nodes_of(source)["n0"]
    assert ">input<" in nodes_of(source)["n1"]
    assert "elsewhere" not in source
    assert (w.label, x.label) == ("w", "")


def test_rankdir():
    assert "rankdir=LR" in draw(Value(1.0)).source
    assert "rankdir=TB" in draw(Value(1.0), rankdir="TB").source


def test_colours_tell_sign_and_size():
    a, b, c, d = Value(1.0), Value(1.0), Value(1.0), Value(1.0)
    (100.0 * a - 100.0 * b + 0.001 * c + 0.0 * d).backward()
    root = a * b * c * d
    fill = [re.search('BGCOLOR="#(..)(..)(..)"', nodes_of(draw(root).source)[n]).groups() for n in ("n0", "n1", "n2")]
    (red_a, _, blue_a), (red_b, _, blue_b), (red_c, _, blue_c) = ([int(x, 16) for x in f] for f in fill)
    assert red_a < blue_a
    assert red_b > blue_b
    assert red_a < red_c < blue_c


def test_extreme_gradients_have_colours():
    a, b = Value(1.0), Value(1.0)
    a.grad, b.grad = 1e308, 5e-324
    assert len(set(re.findall('BGCOLOR="(#.*?)"', nodes_of(draw(a * b).source)["n0"]))) == 1


def test_the_legend_says_what_the_picture_contains():
    assert "labelloc" not in draw(Value(1.0)).source
    x = Value(2.0)
    y = x * x
    source = draw(y).source
    assert "local partial ∂out/∂in" in source
    assert not re.search("order of|colour|outgoing|not finite", source)
    y.backward()
    source = draw(y).source
    assert "grad = sum over outgoing edges of grad · ∂" in source
    assert re.findall(r'BORDER="1" COLOR="\S+">([^<]+)</TD>', source) == ["0.04", "0.4", "4"]
    assert "order of the operands" in draw(y / 3.0).source
    y = 1.0 * x - 0.0 * x
    y.backward()
    assert re.findall(r'BORDER="1" COLOR="\S+">([^<]+)</TD>', draw(y).source) == [
        "-5",
        "-0.5",
        "-0.05",
        "0.05",
        "0.5",
        "5",
    ]


def test_what_is_not_finite_is_marked():
    a = Value(math.nan)
    y = a * math.inf + Value(0.0).sqrt()
    y.backward()
    source = draw(y).source
    assert "red: not finite" in source
    mark = re.search(r"<FONT (COLOR=\S+)>red: not finite", source)[1]
    assert f'BORDER="2" {mark}' in nodes_of(source)["n0"]
    assert f"data </FONT><FONT {mark}>nan<" in nodes_of(source)["n0"]
    assert f"grad </FONT><FONT {mark}>inf<" in nodes_of(source)["n0"]
    assert f"label=<<FONT {mark}>inf</FONT>>" in nodes_of(source)["n2_c2"]
    assert f"∂ <FONT {mark}>inf" in partials_of(source)[0][1]


# ---- Labels are text, whatever they contain. -------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(label=labels)
def test_any_label_arrives_in_the_picture(renderer, label):
    drawing = draw(neuron(label))
    drawing.source.encode()
    *title, data = texts_of(drawing.svg(), "n0")[:-1]
    visible = "".join(c if c.isprintable() or c in "\u200c\u200d\n" else repr(c)[1:-1] for c in label)
    assert "".join(title).replace(" ", "") == visible.replace("\n", "").replace(" ", "")
    assert data.strip() == "data"


def test_labels_as_people_write_them(renderer):
    assert texts_of(to_svg(Value(1.0, label='a  <b> & "c" \\N &lt;\nline 2')), "n0")[:2] == [
        'a  <b> & "c" \\N &lt;',
        "line 2",
    ]


def test_signs_arrive_in_the_picture(renderer):
    x = Value(0.0, label="x")
    y = x.sigmoid()
    y.backward()
    svg = to_svg(y)
    assert texts_of(svg, "n1_op") == ["σ"]
    assert texts_of(svg, "n1_d1") == ["∂ 0.25"]
    assert "grad · ∂" in svg


def test_wide_characters_get_room(renderer):
    svg = to_svg(Value(1.0, label="損" * 20))
    assert float(re.search(r'<svg width="(\d+)pt"', svg)[1]) > 20 * 14


# ---- Showing and saving. ---------------------------------------------------------------------------------------------


def test_save(tmp_path, any_renderer):
    drawing = draw(neuron())
    drawing.save(tmp_path / "g.svg")
    drawing.save(str(tmp_path / "g.dot"))
    assert (tmp_path / "g.svg").read_text(encoding="utf-8") == drawing.svg() == to_svg(neuron())
    assert (tmp_path / "g.dot").read_text(encoding="utf-8") == drawing.source
    ET.parse(tmp_path / "g.svg")
    with pytest.raises(ValueError, match=r"save writes \.svg, .*'g\.png'; save a \.dot file and .* dot -Tpng"):
        drawing.save("g.png")


def test_a_drawing_shows_itself_and_says_how_to_save_it(any_renderer):
    drawing = draw(neuron())
    assert drawing._repr_svg_() == drawing.svg()
    assert repr(drawing).startswith("<Drawing: .save('graph.svg') writes it")
    assert svg_or_none(neuron()) == drawing.svg()


def test_nothing_is_imported_before_something_is_drawn():
    code = "import sys, autograd_mini.pictures; sys.exit('graphviz' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---- Errors. ---------------------------------------------------------------------------------------------------------


def test_a_million_nodes_are_counted():
    y = Value(1.0)
    for _ in range(1_000_000):
        y = y + 1.0
    with pytest.raises(GraphTooLargeError, match="has 2000001 nodes and 2000000 edges, more than max_nodes=200"):
        draw(y)


def test_both_limits_hold():
    a = Value(1.0, label="a")
    y = ag.sum([a] * 401)
    with pytest.raises(GraphTooLargeError, match=r"2 nodes and 401 edges, .* max_edges=400; draw a value in the mid"):
        draw(y)
    assert svg_or_none(y) is None
    assert len(partials_of(draw(y, max_edges=401).source)) == 401
    with pytest.raises(GraphTooLargeError, match=r"Value\(2\.0\) has 3 nodes and 2 edges, .* \.detach\(\) an operand"):
        draw(a + 1.0, max_nodes=2)
    draw(a + 1.0, max_nodes=3, max_edges=2)


def test_arguments_are_checked():
    x = Value(1.0)
    with pytest.raises(TypeError, match="root is 'x' of type str; pass the Value to be drawn"):
        draw("x")
    with pytest.raises(
        TypeError, match=r"a name in names is Value\(1\.0\) of type Value; pass a dict of Values by name"
    ):
        draw(x, names={x: "x"})
    with pytest.raises(TypeError, match=r"names\['x'\] is 1\.0 of type float; pass a dict of Values by name"):
        draw(x, names={"x": 1.0})
    with pytest.raises(TypeError, match=r"names is \[.*\] of type list; pass a dict of Values by name"):
        draw(x, names=[("x", x)])
    with pytest.raises(ValueError, match="rankdir is 'left'; choose 'LR', 'TB', 'RL' or 'BT'"):
        draw(x, rankdir="left")
    with pytest.raises(TypeError, match="timeout is None of type NoneType; choose a finite number above 0"):
        draw(x, timeout=None)
    with pytest.raises(ValueError, match="max_nodes is 0; choose a number of at least 1"):
        draw(x, max_nodes=0)
    with pytest.raises(TypeError, match="max_edges is 'all' of type str; choose a number of at least 0"):
        draw(x, max_edges="all")
    assert "rankdir" in draw(x, max_nodes=math.inf, max_edges=0).source


def test_a_stale_graph_is_not_drawn():
    x = Value(1.0)
    y = x * x
    x.data = 2.0
    with pytest.raises(ag.StaleGraphError, match="drawing it"):
        draw(y)
    assert svg_or_none(y) is None


def test_without_a_renderer_there_is_still_the_source(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path)
    drawing = draw(neuron())
    drawing.save(tmp_path / "g.gv")
    with pytest.raises(RendererNotFoundError, match=r"pip install graphviz-pure, or install Graphviz .*\.source"):
        drawing.save(tmp_path / "g.svg")
    assert not (tmp_path / "g.svg").exists()
    assert drawing._repr_svg_() is None
    assert svg_or_none(neuron()) is None


def test_a_renderer_beside_python_is_found(monkeypatch, tmp_path, fake_dot):
    fake_dot("print('<svg></svg>')")
    monkeypatch.setenv("PATH", "")
    assert draw(Value(1.0)).svg() == "<svg></svg>\n"


def test_a_slow_renderer_is_stopped(fake_dot):
    fake_dot("import time; time.sleep(60)")
    drawing = draw(neuron(), timeout=0.2)
    with pytest.raises(RendererError, match=r"did not lay the graph out within 0\.2 s; draw a value .* raise timeout="):
        drawing.svg()
    assert drawing._repr_svg_() is None
    with pytest.raises(RendererError, match=r"within 0\.1 s"):
        to_svg(neuron(), timeout=0.1)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import sys; sys.exit('bad input\\nline 2')", "gave no picture, exit code 1: bad input / line 2; save the"),
        ("print('<svg></svg>'); raise SystemExit(3)", "gave no picture, exit code 3: no message; save the source"),
        ("print('hello')", "gave no picture, exit code 0: no message"),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe')", "gave no picture, exit code 0"),
    ],
)
def test_a_failing_renderer_is_an_error(fake_dot, program, message):
    fake_dot(program)
    with pytest.raises(RendererError, match=message):
        to_svg(neuron())
    assert draw(neuron())._repr_svg_() is None
    assert svg_or_none(neuron()) is None


def test_a_renderer_that_cannot_start_is_an_error(tmp_path, fake_dot):
    fake_dot("")
    (tmp_path / "dot").write_text("#!/no/such/interpreter\n")
    with pytest.raises(RendererError, match="does not start .*; reinstall it"):
        to_svg(neuron())


def test_the_errors_are_ours():
    assert issubclass(GraphTooLargeError, AutogradError)
    assert issubclass(GraphTooLargeError, ValueError)
    assert issubclass(RendererNotFoundError, RendererError)
    assert issubclass(RendererError, AutogradError)
