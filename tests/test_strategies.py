"""The strategies: what they draw, that it prints as Python that runs, and how it shrinks."""

import ast
import importlib
import math
import os
import subprocess
import sys
import types
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from random import Random

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

import autograd_mini as ag
from autograd_mini import Value, testing
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


@given(values(allow_nan=False, allow_infinity=False), values(allow_nan=False), values(min_value=0.0))
def test_values_can_be_kept_to_numbers(finite, number, positive):
    assert math.isfinite(finite.data)
    assert not math.isnan(number.data)
    assert positive.data >= 0.0


def test_values_by_their_type_reach_nan_and_infinity_as_the_docstring_of_values_says():
    assert "NaN and the infinities are drawn unless" in " ".join(values.__doc__.split())
    assert math.isnan(find(st.from_type(Value), lambda v: math.isnan(v.data)).data)
    assert math.isinf(find(st.from_type(Value), lambda v: math.isinf(v.data)).data)


@given(st.from_type(Value))
def test_hypothesis_draws_values_by_their_type(v):
    assert type(v) is Value
    assert v.label == ""  # those that hypothesis would build by itself have labels


BY_TYPE = "v = st.from_type(ag.Value).example(); assert type(v) is ag.Value and v.label == '', v"


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
@pytest.mark.parametrize(
    "imports",
    [
        "import autograd_mini as ag; from hypothesis import strategies as st",
        "from hypothesis import strategies as st; import autograd_mini as ag",
        "import hypothesis; import autograd_mini as ag; from hypothesis import strategies as st",
        "import autograd_mini.testing.strategies; import autograd_mini as ag; from hypothesis import strategies as st",
    ],
)
def test_values_are_drawn_by_their_type_whatever_is_imported_first(imports, tmp_path):
    done = run_python("-c", f"{imports}; {BY_TYPE}", folder=tmp_path)
    assert done.returncode == 0, done.stderr


def run_python(*command, folder, **environment):
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )


def test_hypothesis_and_pytest_do_not_import_the_package(tmp_path):
    names = "autograd_mini", "autograd_mini.testing", "numpy", "mpmath"
    code = f"import hypothesis, sys; print(*[name for name in {names} if name in sys.modules])"
    assert run_python("-c", code, folder=tmp_path).stdout == "\n"
    (tmp_path / "test_other.py").write_text(
        "import sys\ndef test_other():\n    import hypothesis\n    assert 'autograd_mini' not in sys.modules\n"
    )
    done = run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_other.py", folder=tmp_path)
    assert "1 passed" in done.stdout


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"AUTOGRAD_MINI_ENGINE": "fortran"}, "AUTOGRAD_MINI_ENGINE is native or python, got 'fortran'"),
        ({"PYTHONPATH": "."}, "this package is broken"),
    ],
)
def test_a_package_that_cannot_be_imported_breaks_neither_hypothesis_nor_pytest(broken, message, tmp_path):
    (tmp_path / "autograd_mini").mkdir()
    (tmp_path / "autograd_mini" / "__init__.py").write_text("raise RuntimeError('this package is broken')")
    other = tmp_path / "other"
    other.mkdir()
    (other / "test_other.py").write_text("import hypothesis\ndef test_other():\n    pass\n")
    (other / "test_user.py").write_text("def test_user(check_grads):\n    pass\n")
    environment = {name: str(tmp_path) if name == "PYTHONPATH" else text for name, text in broken.items()}
    command = ["-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    assert run_python(*command, "test_other.py", folder=other, **environment).returncode == 0
    said = run_python(*command, "test_user.py", folder=other, **environment)
    assert message in said.stdout  # who asks for the package is told
    assert "1 error" in said.stdout
    assert run_python("-c", "import hypothesis", folder=other, **environment).returncode == 0


def test_what_the_entry_points_name_is_no_part_of_the_package():
    points = metadata.distribution("autograd-mini").entry_points
    assert {point.group for point in points} == {"hypothesis", "pytest11"}
    for point in points:
        assert point.module.split(".")[0] == "autograd_mini_plugins"
        tree = ast.parse(Path(importlib.import_module(point.module).__file__).read_text())
        for node in tree.body:
            assert not isinstance(node, ast.ImportFrom) or node.module.split(".")[0] != "autograd_mini"


def test_the_hook_does_nothing_without_the_package_and_never_raises(monkeypatch):
    import autograd_mini_plugins

    for module in (None, types.ModuleType("autograd_mini")):  # not there, and half imported
        monkeypatch.setitem(sys.modules, "autograd_mini", module)
        assert autograd_mini_plugins.register() is None
    monkeypatch.setitem(sys.modules, "hypothesis.strategies", None)
    assert ag._tell_hypothesis() is None


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
    program = find(programs(), lambda p: "exp" in p.operations(), random=Random(0))
    assert repr(program).split("\n\n")[1:] == ["def f(x):\n    a = ag.exp(x)\n    return a", "f(ag.Value(0.0))"]


def test_a_loop_shrinks_to_the_shortest_that_fails():
    loops = lambda p: any(isinstance(s, For) and s.count > 2 for s in p.body)  # noqa: E731
    program = find(programs(["mul", "add"]), loops, random=Random(0))
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
