"""Pictures: the DOT text says what the graph is, and any renderer can show it, whatever the labels contain."""

import contextlib
import html
import math
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autograd_mini as ag
import autograd_mini.pictures.renderer
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
# A renderer that puts everything in one row.
PLAIN = """
import re, sys
print("graph 1 1 1")
for i, name in enumerate(re.findall(r"^\\t(n\\w+) \\[", sys.stdin.read(), re.M)): print("node", name, i, 1, 1, 1, "...")
print("stop")
"""
labels = st.lists(st.text(st.characters(exclude_categories=[]), max_size=8) | st.sampled_from(NASTY)).map("".join)


def neuron(label="w"):
    w, x, b = Value(0.5, label=label), Value(-2.0, label="x"), Value(3.0, label="b")
    return ag.tanh(ag.sumprod([w, b], [x, 1.0]) - w / 4.0)


@st.composite
def graphs(draw_from):
    nodes = [Value(x) for x in draw_from(st.lists(st.floats(-3, 3), min_size=1, max_size=3))]
    dot = lambda a, b: ag.sumprod([a, b, 2.0, a], [b, b, b, 1.0])  # noqa: E731
    for _ in range(draw_from(st.integers(0, 8))):
        a, b = draw_from(st.sampled_from(nodes)), draw_from(st.sampled_from([*nodes, 2.0]))
        nodes.append(draw_from(st.sampled_from([a + b, a * b, a - b, a.sin(), ag.sum([a, b, a]), dot(a, b)])))
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
    """What stands on the edges into operations and terms, by the ids of the operand and of what it goes into."""
    onward, nodes = dict(edges_of(source)), nodes_of(source)
    return [(tail, text_of(nodes[mid]), onward[mid]) for tail, mid in edges_of(source) if re.search(r"_d\d*$", mid)]


def text_of(attributes):
    """The label of a node without its marks."""
    return re.sub("<[^>]*>", "", re.search("label=<(.*)> [a-z]+=", attributes)[1]).strip()


def texts_of(svg, node):
    """The lines of text in one node of a picture."""
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        if group.get("data-node") == node:
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
    assert all(ids.count(n) == 1 for edge in edges_of(source) for n in edge)
    assert len(set(edges_of(source))) == len(edges_of(source))
    partials = [text for _, text, _ in partials_of(source) if "∂" in text]
    assert len(partials) == sum(type(a) is Value for node in order for a in node.args)


@settings(deadline=None)
@given(graphs(), st.booleans())
def test_the_chain_rule_can_be_read_off_the_picture(root, pairs):
    """Each gradient shown is the sum over outgoing edges of gradient times partial, in the digits shown."""
    source = draw(root, pairs=pairs).source
    if "grad" not in source:
        return
    grads = {n: float(g) for n, g in re.findall(r"^\t(n\d+(?:_v\d+)?) \[.*grad (.+?)</TD>", source, re.M)}
    slack = dict.fromkeys(grads, 1e-9)
    sums = dict.fromkeys(grads, 0.0)
    for tail, text, circle in partials_of(source):
        if "∂" in text:
            partial = float(text.rpartition("∂ ")[2])
            above = grads[re.sub(r"_op$|_t\d+$", "", circle)]
            sums[tail] += above * partial
            slack[tail] += 2e-3 * abs(above * partial)
    top = max(grads, key=lambda n: ("_" not in n, int(re.match(r"n(\d+)", n)[1])))
    assert grads.pop(top) == 1.0
    assert all(abs(grads[n] - sums[n]) <= slack[n] + 1e-3 * abs(grads[n]) for n in grads)


def test_a_square_has_two_edges_with_their_partials():
    x = Value(3.0, label="x")
    assert partials_of(draw(x * x).source) == [("n0", "∂ 3", "n1_op")] * 2


def test_operands_are_numbered_where_order_matters_only():
    a, b = Value(1.0), Value(4.0)
    assert [text for _, text, _ in partials_of(draw(a - b).source)] == ["1 ∂ 1", "2 ∂ -1"]
    assert [text for _, text, _ in partials_of(draw(a + b).source)] == ["∂ 1", "∂ 1"]
    assert [text for _, text, _ in partials_of(draw(2.0 / b).source)] == ["1", "2 ∂ -0.125"]
    assert [text for _, text, _ in partials_of(draw(b.sqrt()).source)] == ["∂ 0.25"]


def test_the_factors_of_a_product_stand_side_by_side():
    w, v, x, b = Value(0.5), Value(-2.0), Value(3.0), Value(1.0)
    root = ag.sumprod([w, v, b, 2.0, 3.0], [x, x, 1.0, v, 4.0])
    source = draw(root).source
    assert partials_of(source) == [
        ("n0", "∂ 3", "n4_t1"),
        ("n2", "∂ 0.5", "n4_t1"),
        ("n1", "∂ 3", "n4_t2"),
        ("n2", "∂ -2", "n4_t2"),
        ("n3", "∂ 1", "n4_op"),  # a value times a number: that is the partial
        ("n1", "∂ 2", "n4_op"),
    ]
    assert [tail for tail, head in edges_of(source) if head == "n4_t5"] == ["n4_c5", "n4_c10"]
    assert [tail for tail, head in edges_of(source) if head == "n4_op"] == [
        "n4_t1", "n4_t2", "n4_d3", "n4_d9", "n4_t5",
    ]  # fmt: skip
    assert "order of the operands" not in source


def test_products_and_sum_stand_one_by_one_if_asked_for():
    w, v, x = Value(0.5), Value(-2.0), Value(3.0)
    root = ag.sumprod([w, v], [x, 7.0])
    root.backward()
    apart = draw(root, pairs=False).source
    y = ag.sum([w * x, v * 7.0])
    y.zero_grad()
    y.backward()
    written = draw(y).source
    assert sorted(text for _, text, _ in partials_of(apart)) == sorted(text for _, text, _ in partials_of(written))
    for pattern in (r"data (\S+?)</TD>", r"grad (\S+?)</TD>", r"label=<(\S+?)> "):
        assert sorted(re.findall(pattern, apart)) == sorted(re.findall(pattern, written))
    assert len(nodes_of(apart)) == len(nodes_of(written))
    assert draw(w * x, pairs=False).source == draw(w * x).source


def test_lists_that_are_no_sum_of_products_are_numbered():
    @ag.ops.row.row(lambda out, x, y: 2.0 * (x - y), lambda out, x, y: 2.0 * (y - x), text="distance({})", lists=2)
    def distance(p, q):
        return sum((x - y) ** 2 for x, y in zip(p, q, strict=True))

    a, b = Value(1.0), Value(4.0)
    assert [text for _, text, _ in partials_of(draw(distance([a], [b])).source)] == ["1 ∂ -6", "2 ∂ 6"]


def test_flat_edges_show_zero():
    assert partials_of(draw(Value(7.0) // 2.0).source)[0][1] == "1 ∂ 0"


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
    assert "grad 6<" in draw(y).source
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
    assert f"data <FONT {mark}>nan<" in nodes_of(source)["n0"]
    assert f"grad <FONT {mark}>inf<" in nodes_of(source)["n0"]
    assert f"label=<<FONT {mark}>inf</FONT>>" in nodes_of(source)["n2_c2"]
    assert f"<FONT {mark}>∂ inf" in nodes_of(source)["n2_d1"]


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
    assert "grad\xa0·\xa0∂" in "".join(ET.fromstring(svg).itertext())


def test_wide_characters_get_room(renderer):
    svg = to_svg(Value(1.0, label="損" * 20))
    assert float(ET.fromstring(svg).get("width")) > 20 * 14 * 4 / 3


# ---- Showing and saving. ---------------------------------------------------------------------------------------------


def test_save(tmp_path, any_renderer):
    drawing = draw(neuron())
    drawing.save(tmp_path / "g.svg")
    drawing.save(str(tmp_path / "g.dot"))
    assert (tmp_path / "g.svg").read_text(encoding="utf-8") == drawing.svg() == to_svg(neuron())
    assert (tmp_path / "g.dot").read_text(encoding="utf-8") == drawing.source
    ET.parse(tmp_path / "g.svg")
    for path in ("g.png", b"g.png", Path("g.png")):
        with pytest.raises(ValueError, match=r"save writes \.svg, .* is 'g\.png'; save a \.dot file and .* dot -Tpng"):
            drawing.save(path)
    with pytest.raises(TypeError, match="expected str, bytes or os.PathLike object, not int"):
        drawing.save(1)


@pytest.mark.parametrize("name", ["with space", "ü∂損", "'\"%s", "-o"])
def test_any_path_will_do(fake_dot, tmp_path, monkeypatch, name):
    folder = tmp_path / name
    folder.mkdir()
    fake_dot(PLAIN)
    (tmp_path / "dot").rename(folder / "dot")
    isolate(monkeypatch, folder)
    draw(neuron()).save(folder / f"{name}.svg")
    draw(neuron()).save(os.fsencode(folder / f"{name}.gv"))
    monkeypatch.chdir(folder)
    draw(neuron()).save(f"{name}.dot")
    assert sorted(os.listdir(folder)) == sorted(["dot", f"{name}.svg", f"{name}.gv", f"{name}.dot"])
    (folder / "dot").write_text("#!/no/such/interpreter\n")
    with pytest.raises(RendererError, match=re.escape(repr(str(folder / "dot")))):
        draw(neuron()).svg()


def test_a_drawing_shows_itself_and_says_how_to_save_it(any_renderer):
    drawing = draw(neuron())
    assert drawing._repr_svg_() == drawing.svg()
    assert repr(drawing).startswith("<Drawing: .save('graph.svg') writes it")
    assert svg_or_none(neuron()) == drawing.svg()


# ---- In a notebook. --------------------------------------------------------------------------------------------------


def stale():
    x = Value(1.0, label="<x>")
    y = x * x
    x.data = 2.0
    return y


@pytest.fixture
def shown(request):
    """What a notebook shows of an object, by kind of text; the order is IPython's."""

    def forms(x):
        found = {"text/plain": repr(x), "text/html": x._repr_html_(), "image/svg+xml": x._repr_svg_()}
        return {kind: text for kind, text in found.items() if text is not None}

    if request.param == "IPython":
        formatters = pytest.importorskip("IPython.core.formatters", reason="no IPython is here")
        return lambda x: formatters.DisplayFormatter().format(x)[0]
    return forms


@pytest.mark.parametrize("shown", ["its protocol", "IPython"], indirect=True)
def test_a_notebook_shows_the_picture_or_why_there_is_none(shown, fake_dot, tmp_path, monkeypatch, capfd):
    fake_dot("import sys; sys.exit('no <luck>')")
    html = shown(neuron())["text/html"]
    assert re.match(r"<pre>Value\(-?\d\.\d+\)</pre><p>no picture: .*, exit code 1: no &lt;luck&gt;; save the", html)
    assert re.match("<pre>&lt;Drawing: .*</pre><p>no picture: .* gave no picture", shown(draw(neuron()))["text/html"])
    assert "no picture: Value(2.0, label=&#x27;&lt;x&gt;&#x27;) was assigned after" in shown(stale())["text/html"]
    assert "has 2 nodes and 401 edges" in shown(ag.sum([Value(1.0)] * 401))["text/html"]
    fake_dot(PLAIN)
    assert shown(neuron())["image/svg+xml"] == to_svg(neuron())
    assert list(shown(neuron())) == list(shown(draw(neuron()))) == ["text/plain", "image/svg+xml"]
    (tmp_path / "dot").unlink()
    assert "neither dot nor graphviz-pure was found" in shown(neuron())["text/html"]
    monkeypatch.setitem(sys.modules, "graphviz", None)
    assert "the package graphviz, which is not installed" in shown(neuron())["text/html"]
    assert capfd.readouterr() == ("", "")  # where IPython tells of exceptions


@pytest.mark.parametrize("shown", ["its protocol"], indirect=True)
@pytest.mark.parametrize("root", [neuron, lambda: draw(neuron())])
@pytest.mark.parametrize("then", [PLAIN, "raise SystemExit(1)"])
def test_a_notebook_runs_the_renderer_once_for_each_time_it_shows(shown, fake_dot, tmp_path, root, then):
    fake_dot(f"with open({str(tmp_path / 'log')!r}, 'a') as log: log.write('.')\n{then}")
    root = root()
    for runs in (1, 2, 3):
        shown(root)
        assert (tmp_path / "log").read_text() == "." * runs
    for runs in (4, 5):
        root._repr_svg_()
        assert (tmp_path / "log").read_text() == "." * runs
    for runs in (6, 7):  # some show nothing else if there is HTML
        root._repr_html_()
        assert (tmp_path / "log").read_text() == "." * runs


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
    with pytest.raises(TypeError, match="timeout is None of type NoneType; choose a number above 0"):
        draw(x, timeout=None)
    for timeout in (0, -1.0, math.nan):
        with pytest.raises(ValueError, match=f"timeout is {timeout}; choose a number above 0"):
            draw(x, timeout=timeout)
    with pytest.raises(TypeError, match="pairs is 1 of type int; choose True or False"):
        draw(x, pairs=1)
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
    fake_dot(PLAIN)
    monkeypatch.setenv("PATH", "")
    assert draw(Value(1.0)).svg().startswith("<svg ")


def test_a_slow_renderer_is_stopped(fake_dot):
    fake_dot("import time; time.sleep(60)")
    drawing = draw(neuron(), timeout=0.2)
    with pytest.raises(RendererError, match=r"did not lay the graph out within 0\.2 s; draw a value .* raise timeout="):
        drawing.svg()
    assert drawing._repr_svg_() is None
    with pytest.raises(RendererError, match=r"within 0\.1 s"):
        to_svg(neuron(), timeout=0.1)


@pytest.mark.parametrize("timeout", [math.inf, 1e300, 10**400], ids=["inf", "1e300", "10**400"])
def test_a_renderer_may_take_as_long_as_it_likes(fake_dot, timeout):
    fake_dot(PLAIN)
    assert to_svg(neuron(), timeout=timeout).startswith("<svg ")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_renderer_that_prints_without_end_is_stopped(fake_dot, monkeypatch, stream):
    monkeypatch.setattr(autograd_mini.pictures.renderer, "_MOST_BYTES", 1_000_000)
    fake_dot(f"import sys, time\nwhile True: sys.{stream}.write('</svg>' * 1000); time.sleep(0.0001)")
    with pytest.raises(RendererError, match="printed more than 1000000 bytes; draw a value in the middle of the graph"):
        to_svg(neuron())


CHILD = """
import os, signal, sys, time
pipe = open({fifo!r}, "wb", 0)
if not os.fork():
    {child}
    time.sleep(4)
    pipe.write(b"alive")
    os._exit(0)
pipe.write(b"begun")
{then}
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
@pytest.mark.parametrize("child", ["pass", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
@pytest.mark.parametrize(
    ("then", "error", "message"),
    [
        ("time.sleep(60)", RendererError, "did not lay the graph out within 1 s"),
        ("while True: sys.stdout.write('x' * 9999); time.sleep(0.0001)", RendererError, "printed more than"),
        ("sys.exit(1)", RendererError, "gave no picture"),
        (PLAIN, None, None),
        ("time.sleep(0.5); os.kill(os.getppid(), signal.SIGINT); time.sleep(60)", KeyboardInterrupt, "^$"),
    ],
)
def test_the_children_of_a_renderer_end_with_it(fake_dot, monkeypatch, tmp_path, child, then, error, message):
    monkeypatch.setattr(autograd_mini.pictures.renderer, "_MOST_BYTES", 1_000_000)
    os.mkfifo(tmp_path / "fifo")
    with open(os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK), "rb") as pipe:
        fake_dot(CHILD.format(fifo=str(tmp_path / "fifo"), child=child, then=then))
        with pytest.raises(error, match=message) if error else contextlib.nullcontext():
            to_svg(neuron(), timeout=1.0 if then == "time.sleep(60)" else 20.0)
        os.set_blocking(pipe.fileno(), True)
        assert pipe.read() in (b"begun", b"")  # to the end, when nobody has it open


def test_a_renderer_reads_what_it_likes(fake_dot):
    """A picture that does not fit the buffer of a pipe, and a program that reads nothing of it."""
    fake_dot(PLAIN)
    y = ag.sum([Value(1.0, label="x" * 1000) for _ in range(190)])
    assert len(draw(y).source) > 200_000
    assert to_svg(y, timeout=math.inf).startswith("<svg ")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import sys; sys.exit('bad input\\nline 2')", "gave no picture, exit code 1: bad input / line 2; save the"),
        (PLAIN + "raise SystemExit(3)", "gave no picture, exit code 3: no message; save the source"),
        ("print('hello')", "gave no picture, exit code 0: no message"),
        ("print('graph 1 1 1\\nstop')", "gave no picture, exit code 0: no message"),
        (PLAIN.replace('"stop"', '"edge n0 n1 2 0 0 1 1"'), "gave no picture, exit code 0: no message"),
        (PLAIN.replace('print("stop")', 'print("edge n0 n1 2 0 0 1 1\\\\nstop")'), "gave no picture, exit code 0"),
        (PLAIN.replace(" i, 1,", " 'here', 1,"), "gave no picture, exit code 0: no message"),
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


def test_what_a_renderer_says_is_cut(fake_dot):
    fake_dot("import sys; sys.exit('long ' * 100_000)")
    with pytest.raises(RendererError, match="exit code 1: long long") as caught:
        to_svg(neuron())
    assert len(str(caught.value)) < 1500


def test_without_a_place_for_temporary_files_there_is_a_message(fake_dot, monkeypatch):
    fake_dot(PLAIN)

    def nowhere():
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "TemporaryFile", nowhere)
    with pytest.raises(RendererError, match=r"needs a folder for temporary files: .*'/tmp'\]; set TMPDIR"):
        to_svg(neuron())
    assert "set TMPDIR" in neuron()._repr_html_()


def test_without_the_package_that_writes_the_source_there_is_a_message(monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(RendererNotFoundError, match=r"the package graphviz, which is not installed .*; pip install"):
        draw(neuron())


# What other platforms lack, taken away from this one, and what is said of it; None where a picture is drawn.
PLATFORMS = {
    "no user scheme": (
        "sysconfig._INSTALL_SCHEMES.pop(sysconfig.get_preferred_scheme('user'), 0)",
        None,
    ),
    "no folder of users": ("sysconfig.get_config_vars()['userbase'] = None", None),
    "no user and no home": ("sys.modules['pwd'] = None; os.environ.pop('HOME', 0)", None),
    "no PATH": ("os.environ.pop('PATH', 0)", None),
    "an unknown interpreter": ("sys.executable = None", None),
    "a nameless interpreter": ("sys.executable = ''", None),
    "no threads": ("import _thread; _thread.start_new_thread = threading._start_new_thread = refuse", None),
    "a browser": ("sys.platform = 'emscripten'", "on emscripten cannot start any; .source and .save("),
    "WebAssembly elsewhere": ("sys.platform = 'wasi'", "on wasi cannot start any; .source and .save("),
    "no programs": ("subprocess.Popen.__init__ = refuse", "does not start ([Errno 58] not here); reinstall it"),
    "no fork": ("_posixsubprocess.fork_exec = subprocess._fork_exec = refuse", "does not start ([Errno 58] not here);"),
    "no temporary files": (
        "tempfile.TemporaryFile = refuse",
        "needs a folder for temporary files: [Errno 58] not here;",
    ),
}
ELSEWHERE = """
import _posixsubprocess, os, subprocess, sys, sysconfig, tempfile, threading
def refuse(*args, **named): raise OSError(58, "not here")
{change}
import autograd_mini as ag
from autograd_mini import __main__
x = ag.Value(3.0, label="x")
drawing = ag.draw(x * x)
assert drawing.source.startswith("digraph")
__main__.main()
try:
    assert drawing.svg() and (x * x)._repr_html_() is None
except ag.RendererError as error:
    assert (x * x)._repr_svg_() is None and "no picture" in (x * x)._repr_html_()
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="takes away what POSIX has")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_pictures_and_the_report_work_on_any_platform(platform, any_renderer):
    change, message = PLATFORMS[platform]
    if "pwd" in change and sys.version_info < (3, 11):
        pytest.skip("sysconfig of Python 3.10 itself needs it")
    path = os.pathsep.join([os.environ["PATH"], sysconfig.get_path("scripts")])
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE.format(change=change)],
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path},
    )
    assert (done.returncode, done.stderr) == (0, "")
    *report, last = done.stdout.splitlines()
    if message:
        assert message in last
    else:
        assert last.startswith("renderer: ")


def test_the_errors_are_ours():
    assert issubclass(GraphTooLargeError, AutogradError)
    assert issubclass(GraphTooLargeError, ValueError)
    assert issubclass(RendererNotFoundError, RendererError)
    assert issubclass(RendererError, AutogradError)
