"""What a Value turns into, what it refuses to and in which words, and programs that were written for micrograd."""

import cmath
import math
import statistics
import sys
from math import asinh, cos, exp

import pytest

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.core import callers

V = Value(0.5, "v")
BY_ITSELF = r"Value\(0.5, label='v'\) does not turn into a plain number by itself, as its gradient would be lost; "
ANY = r"use .item\(\) for the number, and ag.sin, ag.exp, ... in place of math.sin, math.exp, ..."
reads_calls = pytest.mark.skipif(sys.version_info < (3, 11), reason="bytecode does not tell where calls begin")


def twice(f):
    return lambda x: f(f(x))


CALLS = [
    (lambda: math.sin(V), "use ag.sin in place of math.sin"),
    (lambda: cos(V) + exp(1.0), "use ag.cos in place of math.cos"),
    (lambda: 1.0 + math.exp(math.log(2.0) * 3.0 + math.tanh(V)), "use ag.tanh in place of math.tanh"),
    (lambda: [math.sqrt(x) for x in (1.0, V)], "use ag.sqrt in place of math.sqrt"),
    (lambda: math.exp(*[V]), "use ag.exp in place of math.exp|" + ANY),
    (lambda: math.fsum([1.0, V]), "use ag.sum in place of math.fsum"),
    (lambda: statistics.fmean([1.0, V]), "use ag.sum in place of math.fsum"),
    (lambda: cmath.sin(V), "use ag.sin in place of math.sin"),
    (lambda: math.pow(V, 2.0), r"write it with \*\*"),
    (
        lambda: math.ulp(V),
        r"there is no ag.ulp; use .item\(\) for the number, or give the function a slope with ag.op",
    ),
    (lambda: asinh.__call__(V), ANY),
    (lambda: math.isfinite(V), r"there is no ag.isfinite; use .item\(\) for the number"),
    (lambda: float(V), ANY),
    (lambda: complex(V), ANY),
    (lambda: "%f" % V, ANY),  # noqa: UP031
    (lambda: sum(map(math.sin, [V])), ANY),  # ag.sum is not meant
    (lambda: twice(math.sin)(V), "use ag.sin in place of math.sin|" + ANY),
    (lambda: [math.sin][0](V), ANY),
]


@reads_calls
@pytest.mark.parametrize(("call", "way"), CALLS)
def test_a_function_of_math_that_is_called_on_a_value_is_told_by_name(call, way):
    for _ in range(20):  # the interpreter changes the instructions of a call that it has seen often
        with pytest.raises(TypeError, match=f"^{BY_ITSELF}({way})"):
            call()


def test_without_the_place_of_calls_the_words_serve_for_all(monkeypatch):
    monkeypatch.setattr(callers, "function_called", lambda frame: None)
    for call in (lambda: math.sin(V), lambda: math.ulp(V), lambda: math.pow(V, 2.0)):
        with pytest.raises(TypeError, match=f"^{BY_ITSELF}{ANY}$"):
            call()


INT = r"use int\(v.item\(\)\)$"
COUNT = r"use int\(v.item\(\)\) for a count or an index, and \[x \* v for x in xs\] for a multiple of each number$"
MEAN = r"use .item\(\) for the number, and ag.sum\(xs\) / len\(xs\) for a mean$"
CONVERSIONS = [
    (lambda: int(V), INT),
    (lambda: range(V), COUNT),
    (lambda: [1.0, 2.0] * V, COUNT),
    (lambda: V * (1.0, 2.0), COUNT),
    (lambda: [1.0, 2.0][V], COUNT),
    (lambda: math.factorial(V), COUNT),
    (lambda: round(V, V), COUNT),
    (lambda: hex(V), COUNT),
    (lambda: statistics.mean([V, 1.0]), MEAN),
    (lambda: statistics.variance([1.0, V]), MEAN),
    (lambda: V.as_integer_ratio(), MEAN),
]


@pytest.mark.parametrize(("convert", "way"), CONVERSIONS)
def test_a_conversion_that_would_lose_the_gradient_says_what_to_do(convert, way):
    with pytest.raises(TypeError, match=f"^{BY_ITSELF}{way}"):
        convert()


def test_numpy_and_matplotlib_pass_the_words_on():
    numpy = pytest.importorskip("numpy")
    wrong = [lambda: numpy.array([V], dtype=float), lambda: numpy.float64(V), lambda: numpy.asarray([1.0, V], "f")]
    for convert in wrong:
        with pytest.raises(TypeError, match=BY_ITSELF):
            convert()
    assert numpy.array([V, V]).dtype == object
    figure = pytest.importorskip("matplotlib.figure")
    with pytest.raises(TypeError, match=BY_ITSELF):
        figure.Figure().subplots().plot([V, V])


def test_text_is_formatted_as_that_of_a_float():
    assert (f"{V:.3f}", f"{V:>8}", f"{V:e}", f"{V}") == ("0.500", "     0.5", "5.000000e-01", "Value(0.5, label='v')")


# ---- Programs written for micrograd. --------------------------------------------------------------------------------


def test_operands_and_signs_have_micrograds_names_too():
    x, y = Value(2.0), Value(3.0)
    nodes = [x + y, x * x, x / 2, y**2, -x, x.relu(), ag.sum([x, y, 1.0]), abs(x)]
    assert [v._prev for v in nodes] == [{x, y}, {x}, {x}, {y}, {x}, {x}, {x, y}, {x}]
    assert [v._op for v in nodes] == ["+", "*", "/", "**", "-", "relu", "sum", "abs"]
    assert (x._prev, x._op) == (set(), "")
    with ag.no_grad():
        assert ((x * y)._prev, (x * y)._op) == (set(), "")
    for name in ("_prev", "_op"):
        with pytest.raises(AttributeError):
            setattr(x, name, None)
        with pytest.raises(AttributeError):
            delattr(x, name)


# An expression of every kind that micrograd has; a walk over a graph as its notebook draws one; a classifier.
EXPRESSION = """
from micrograd.engine import Value
p, q = Value(1.5), Value(-0.75)
r = p * q - q ** 3
r += p / 4 + r * 2
r -= (-r + q).relu() + 5
s = (r - 1.0) ** 2 * 0.5 + 3 / (p + 2) + (2 - q) + 1
s.backward()
found = [s.data, p.grad, q.grad, float(f"{r.data:.4f}"), float("%.4f" % r.grad)]
"""
WALK = """
from micrograd.engine import Value
from graphviz import Digraph
def explore(root):
    seen, arrows = set(), set()
    def visit(v):
        if v not in seen:
            seen.add(v)
            for operand in v._prev:
                arrows.add((operand, v))
                visit(operand)
    visit(root)
    return seen, arrows
def picture(root):
    seen, arrows = explore(root)
    dot = Digraph()
    for v in seen:
        dot.node(name=str(id(v)), label="%.4f, %.4f" % (v.data, v.grad), shape="record")
        if v._op:
            dot.node(name=str(id(v)) + v._op, label=v._op)
            dot.edge(str(id(v)) + v._op, str(id(v)))
    for u, v in arrows:
        dot.edge(str(id(u)), str(id(v)) + v._op)
    return dot
x, y = Value(1.0), Value(-2.0)
out = (x * y + x).relu() + y * y + x
out.backward()
dot = picture(out)
found = [len(explore(out)[0]), len(explore(out)[1]), dot.source.count("->"), *sorted(v.data for v in explore(out)[0])]
"""
CLASSIFIER = """
import random
from micrograd import nn
from micrograd.engine import Value
draw = random.Random(3)
points = [[draw.uniform(-1, 1), draw.uniform(-1, 1)] for _ in range(12)]
sides = [1 if a * a + b > 0.3 else -1 for a, b in points]
model = nn.MLP(2, [4, 3, 1])
for p in model.parameters():
    p.data = draw.uniform(-1, 1)
found = [len(model.parameters())]
for k in range(5):
    scores = [model(list(map(Value, point))) for point in points]
    losses = [(1 + -side * score).relu() for side, score in zip(sides, scores)]
    data_loss = sum(losses) * (1.0 / len(losses))
    total = data_loss + 1e-4 * sum((p * p for p in model.parameters()))
    right = [(side > 0) == (score.data > 0) for side, score in zip(sides, scores)]
    model.zero_grad()
    total.backward()
    for p in model.parameters():
        p.data -= (1.0 - 0.9 * k / 100) * p.grad
    found += [total.data, sum(right) / len(right)]
found += [p.data for p in model.parameters()]
"""


@pytest.mark.parametrize("program", [EXPRESSION, WALK, CLASSIFIER])
def test_programs_written_for_micrograd_run_with_another_import_line(program):
    pytest.importorskip("micrograd")
    ours = program.replace("from micrograd.engine import", "from autograd_mini import")
    ours = ours.replace("from micrograd import", "from autograd_mini import")
    here, there = {}, {}
    exec(ours, here)
    exec(program, there)
    assert here["Value"] is Value is not there["Value"]
    assert here["found"] == pytest.approx(there["found"], rel=1e-9)
