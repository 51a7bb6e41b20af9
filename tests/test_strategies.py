"""The strategies: what they draw, that it prints as Python that runs, and how it shrinks."""

import ast
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from autograd_mini import Value, _hypothesis, testing
from autograd_mini.core.serving import topological_order
from autograd_mini.ops import TABLE
from autograd_mini.testing import expressions, points, programs, values
from autograd_mini.testing.program import VALUES, Assign, Call, For, If, Program, public_rows, python, text

ROWS = public_rows()
KINKED = [name for name in ROWS if TABLE[name].kink is not None]


def calls(x):
    """All calls in an expression or in the statements of a program."""
    if isinstance(x, Program):
        return [c for s in (*x.body, Assign("", x.result)) for c in calls(s)]
    if isinstance(x, Call):
        return [x, *(c for a in x.args for c in calls(a))]
    inner = {Assign: ("value",), For: ("body",), If: ("then", "otherwise")}.get(type(x), ())
    parts = [p for name in inner for p in (getattr(x, name) if name != "value" else [x.value])]
    return [c for p in parts for c in calls(p)]


def run(program):
    return program.run(VALUES, list(map(Value, program.inputs)))


# ---- Values. --------------------------------------------------------------------------------------------------------


@given(values(-1.0, 2.0))
def test_values_are_leaves_within_their_bounds(v):
    assert type(v) is Value
    assert v.op is None
    assert -1.0 <= v.data <= 2.0


def test_values_reach_nan_and_infinity_unless_told_otherwise():
    assert math.isnan(find(values(), lambda v: v.data != v.data).data)
    assert math.isinf(find(values(allow_nan=False), lambda v: math.isinf(v.data)).data)
    with pytest.raises(InvalidArgument, match="min_value"):
        find(values(2.0, 1.0), bool)


@given(st.from_type(Value))
def test_hypothesis_draws_values_by_their_type(v):
    assert type(v) is Value
    assert v.label == ""  # those that hypothesis would build by itself have labels


def test_the_hook_loads_nothing_and_never_raises(monkeypatch):
    tree = ast.parse(Path(_hypothesis.__file__).read_text())
    assert not any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in tree.body)
    code = "import hypothesis, sys; print('autograd_mini.testing.strategies' in sys.modules, 'mpmath' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False False\n"
    monkeypatch.setitem(sys.modules, "hypothesis.strategies", None)
    assert _hypothesis.register() is None


@pytest.mark.parametrize(
    ("use", "library"),
    [("ag.testing.values()", "hypothesis"), ("from autograd_mini.testing import oracles; oracles.exact_value("
     "ag.testing.program.Program((1.0,), (), 'x'))", "mpmath")],
)  # fmt: skip
def test_without_the_libraries_an_error_says_what_to_install(use, library):
    block = f"import sys; sys.modules['{library}'] = None"
    code = f"{block}; import autograd_mini as ag; import autograd_mini.testing.program; {use}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"need{'' if library == 'hypothesis' else 's'} {library}: pip install 'autograd-mini[test]'" in result.stderr


# ---- Points. --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROWS)
@given(data=st.data())
def test_points_lie_inside_the_domain_and_away_from_kinks(name, data):
    row = TABLE[name]
    point = data.draw(points(row))
    assert all(low <= x <= high for x, (low, high) in zip(point, row.domain, strict=True))
    assert not row.near_kink(*point)
    assert math.isfinite(row.value(*point))


@pytest.mark.parametrize("name", KINKED)
@given(data=st.data())
def test_points_on_kinks_are_on_them_and_have_a_value(name, data):
    row = TABLE[name]
    point = data.draw(points(name, kinks=True))
    assert row.near_kink(*point, gap=1e-12)
    assert math.isfinite(row.value(*point))


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: points("exp", kinks=True), ValueError, "exp has no kinks; leave kinks=True out"),
        (lambda: points("sine"), KeyError, "no operation is named 'sine'"),
        (lambda: expressions(["add", "sine"]), KeyError, "no operation is named 'sine'"),
        (lambda: expressions([]), ValueError, "a program needs at least one operation to use; name some"),
        (lambda: points(3), TypeError, "op is 3 of type int; pass a row of the table or its name"),
        (lambda: expressions(["add", 3]), TypeError, "op is 3 of type int; pass a row of the table or its name"),
        (lambda: expressions(3), TypeError, "ops is 3 of type int; pass a list of rows or of their names"),
        (lambda: expressions("sin"), TypeError, "ops is 'sin' of type str; pass a list of rows or of their names"),
        (lambda: points("relu", kinks=1), TypeError, "kinks is 1 of type int; choose True or False"),
        (lambda: programs(tame=1), TypeError, "tame is 1 of type int; choose True or False"),
        (lambda: programs(size=0), ValueError, "size is 0; choose an int of at least 1"),
        (lambda: programs(size=2.0), TypeError, "size is 2.0 of type float; choose an int of at least 1"),
        (lambda: testing.strategy, AttributeError, "has no attribute 'strategy'"),
    ],
)
def test_impossible_requests_are_refused_at_once(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


# ---- Adapters. ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("namesakes", "has", "call"),
    [
        ("library.{name}({})", {"exp", "maximum"}, "library.exp(a * b)"),
        ("{}.{name}()", {name for name in ROWS if TABLE[name].arity == 1}, "(a * b).exp()"),
        (None, set(), "ag.exp(a * b)"),
    ],
)
def test_the_functions_of_an_engine_that_are_named_as_rows_are_found_by_trying(namesakes, has, call):
    library = "import types, autograd_mini as ag\nlibrary = types.SimpleNamespace(exp=ag.exp, maximum=ag.maximum)"
    engine = testing.Adapter("mine", library, leaf="ag.Value({x})", namesakes=namesakes)
    (lacks,) = testing.check_engine(engine, only="no such property")
    functions = {name for name in ROWS if TABLE[name].role == "function"}
    assert functions - set(lacks.split(", ")) == has & functions
    assert engine.spell("exp", ["a * b"]) == call


# ---- Expressions and programs. --------------------------------------------------------------------------------------


@given(expressions(tame=False) | programs(tame=False))
def test_what_is_printed_is_what_is_run(program):
    outcomes = []
    *start, call = repr(program).splitlines()
    for once in (lambda: run(program), lambda: printed("\n".join(start), call)):
        try:
            out = once()
            outcomes.append(str(out.data if isinstance(out, Value) else out))
        except (ArithmeticError, ValueError) as error:
            outcomes.append(repr(error))
    assert outcomes[0] == outcomes[1]


def printed(code, call):
    names = {}
    exec(code, names)
    return eval(call, names)


@settings(max_examples=300)
@given(programs())
def test_tame_programs_stay_in_their_domains_and_depend_on_an_input(program):
    out = run(program)
    assert type(out) is Value
    assert abs(out.data) <= 1e6 or any(isinstance(s, If) for s in program.body)


@given(expressions(["mul", "sin"], size=4))
def test_only_the_operations_that_were_asked_for_are_used(program):
    assert program.operations() <= {"mul", "sin"}
    assert all(isinstance(s, Assign) for s in program.body)
    assert len(program.body) <= 4


def exists(strategy, condition):
    """An example of the strategy with that property, as it comes: shrinking takes long."""
    return find(strategy, condition, settings=settings(max_examples=2000, phases=[Phase.generate], database=None))


def uses(program, kind, side):
    return any(len(c.args) == 2 and type(c.args[side]) is kind for c in calls(program))


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("kind", [int, bool, float, Fraction, Call])
def test_operands_of_every_kind_stand_on_either_side(kind, side):
    assert exists(expressions(), lambda p: uses(p, kind, side))


def test_results_are_shared():
    assert exists(expressions(), lambda p: len(inner(topological_order(run(p)))) < len(inner(paths(run(p)))))


def inner(nodes):
    return [node for node in nodes if node.op]


def paths(node):
    yield node
    for a in node.args:
        if isinstance(a, Value):
            yield from paths(a)


@pytest.mark.parametrize("kind", [For, If])
def test_programs_have_loops_and_branches(kind):
    assert exists(programs(), lambda p: any(isinstance(s, kind) for s in p.body))


def test_examples_shrink_to_a_line_of_python():
    program = find(programs(), lambda p: "exp" in p.operations())
    assert repr(program).split("\n\n")[1:] == ["def f(x):\n    a = ag.exp(x)\n    return a", "f(ag.Value(0.0))"]


def test_a_loop_shrinks_to_the_shortest_that_fails():
    program = find(programs(["mul", "add"]), lambda p: any(isinstance(s, For) and s.count > 2 for s in p.body))
    assert program.source() == "def f(x):\n    for _ in range(3):\n        x = x * x\n    return x"


PRINTED = [
    (Call("pow", (-2.0, "x")), "(-2.0) ** x"),
    (Call("neg", (Call("neg", ("x",)),)), "-(-x)"),
    (Call("mul", (Call("add", ("x", 1)), Call("exp", (Call("add", ("x", 1)),)))), "(x + 1) * ag.exp(x + 1)"),
    (Call("sumprod", ("x", "y", True, Fraction(1, 2))), "ag.sumprod([x, y], [True, Fraction(1, 2)])"),
    (Call("round", (Call("abs", ("x",)), 1)), "round(abs(x), 1)"),
    (Call("maximum", (math.inf, -math.inf)), 'ag.maximum(float("inf"), float("-inf"))'),
    (Call("add", ("x", math.nan)), 'x + float("nan")'),
    (Call("ieee_div", ("x", 2.0)), 'ag.ops.apply(ag.ops.TABLE["ieee_div"], x, 2.0)'),
]


@pytest.mark.parametrize(("expression", "expected"), PRINTED)
def test_expressions_print_with_the_parentheses_they_need_and_no_more(expression, expected):
    assert text(expression, python) == expected
