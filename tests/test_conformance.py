"""Conformance runs: ours is clean, micrograd's known faults show up by themselves, adapters may lack things."""

import contextlib
import io
import subprocess
import sys

import pytest

from autograd_mini.testing import ADAPTERS, Adapter, check_engine
from autograd_mini.testing.adapters import adapter
from autograd_mini.testing.conformance import main
from autograd_mini.testing.oracles import exact_forms

EXAMPLES = 30


def findings(engine, examples=EXAMPLES, only=""):
    found = list(check_engine(engine, examples, only=only))
    lacks = [f for f in found if isinstance(f, str)]
    return {f.title: f.example for f in found if not isinstance(f, str)}, lacks


@pytest.fixture(scope="module")
def micrograd():
    return findings(ADAPTERS["micrograd"], 200)


def test_this_engine_holds_every_property_and_lacks_nothing():
    found, lacks = findings(ADAPTERS["autograd_mini"])
    assert len(found) > 40
    assert {title: example for title, example in found.items() if example is not None} == {}
    assert lacks == []


FAULTS = {
    "backward twice doubles the gradients of leaves": ["y.backward()\ny.backward()\nx.grad  # expected"],
    "backward works at any depth": ["for _ in range(", "RecursionError"],
    "a deep copy has gradients": ["copy.deepcopy", "x.grad  # expected 0.2, got 0"],
    "a pickle has gradients": ["pickle.dumps", "Can't pickle local object"],
    "x ** y": ["out = x ** y", "AssertionError: only supporting int/float powers for now"],
    "a leaf assigned before backward is noticed": ["x.data = ", "or an exception, got"],
    "an array does not become the data of a node": ["np.array([1.0, 2.0])", "isinstance(y, type(x))  # expected False"],
    "what is no number is refused as data": ["Value(", "expected an exception, got none"],
    "nothing is left to the cyclic garbage collector": ["found  # expected 0, got"],
}


@pytest.mark.parametrize("title", FAULTS)
def test_micrograds_known_faults_show_up_shrunk_and_printed(micrograd, title):
    if "np." in FAULTS[title][0]:
        pytest.importorskip("numpy", reason="needs the extra demos")
    example = micrograd[0][title]
    assert example.startswith(("from micrograd.engine import Value", "import"))
    assert all(part in example for part in FAULTS[title])
    assert len(example.splitlines()) <= 9 or "gc" in example


def test_a_printed_example_runs_alone_and_fails_as_it_says(micrograd):
    example = micrograd[0]["backward twice doubles the gradients of leaves"]
    *script, question = example.splitlines()
    expression, expected, got = question.replace("# expected ", "#").replace(", got ", "#").split("#")
    code = "\n".join([*script, f"print({expression.strip()})"])
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == got
    assert expected != got


def test_what_an_engine_lacks_is_reported_as_lacking_not_failing(micrograd):
    found, lacks = micrograd
    assert all(name in lacks[0].split(", ") for name in ("exp", "floordiv", "sumprod", "x < y"))
    assert not any("exp(" in title for title in found)
    assert found["x + y"] is None
    assert found["gradients of expressions with sharing"] is None


# An engine as one would write it in an afternoon, and ways to get it wrong.
TOY = """
class V:
    def __init__(self, data, args=(), slopes=()):
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            raise TypeError(data)
        self.data, self.args, self.slopes, self.grad = data, args, slopes, 0.0
    def __mul__(self, other):
        other = other if isinstance(other, V) else V(float(other))
        return V(self.data * other.data, (self, other), (other.data, self.data))
    def __add__(self, other):
        other = other if isinstance(other, V) else V(float(other))
        return V(self.data + other.data, (self, other), (1.0, 1.0))
    def backward(self, cotangent=1.0):
        self.grad += cotangent
        for a, slope in zip(self.args, self.slopes):
            a.backward(cotangent * slope)
    __radd__, __rmul__ = __add__, __mul__
"""
WRONG = {
    "x * y": ("(other.data, self.data))", "(self.data, other.data))"),
    "x + y": ("(1.0, 1.0)", "(1.0, -1.0)"),
    "gradients of expressions with sharing": ("self.grad += cotangent", "self.grad = cotangent"),
}


@pytest.mark.parametrize("title", WRONG)
def test_a_fault_of_a_toy_engine_is_found_where_it_is(title):
    whole = Adapter("toy", TOY, leaf="V({x})", assign=None)
    assert findings(whole, only=title)[0][title] is None
    broken = Adapter("toy", TOY.replace(*WRONG[title]), leaf="V({x})", assign=None)
    assert "# expected" in findings(broken, only=title)[0][title]


def test_an_operation_without_an_exact_form_is_judged_alone_by_differences(monkeypatch):
    monkeypatch.delitem(exact_forms().names, "mul")
    alone, together = "x * y", "gradients of expressions with sharing"
    engine = Adapter("toy", TOY, leaf="V({x})", assign=None)
    assert findings(engine, only=alone)[0][alone] is findings(engine, only=together)[0][together] is None
    broken = Adapter("toy", TOY.replace(*WRONG[alone]), leaf="V({x})", assign=None)
    assert "x.grad  # expected" in findings(broken, only=alone)[0][alone]
    assert findings(broken, only=together)[0][together] is None


def test_engines_that_only_differentiate_functions_are_held_to_what_applies():
    gradient = "(lambda v, g: (v, list(g)))(*ag.value_and_grad(f, argnums=tuple(range({n})))({inputs}))"
    ours = ADAPTERS["autograd_mini"]
    engine = Adapter("functional", "import autograd_mini as ag", leaf=None, gradient=gradient, functions=ours.functions)
    found, lacks = findings(engine, 20)
    assert set(found.values()) == {None}
    assert "gradients through loops and branches" in found
    assert lacks == ["leaves with gradients"]


def cli(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as error:
        code = main(arguments)
    return code, out.getvalue(), error.getvalue()


def test_the_command_prints_findings_and_its_exit_code_tells():
    code, out, _ = cli("autograd_mini", "--only", "twice", "--examples", "5")
    assert code == 0
    assert "holds  backward twice" in out
    assert out.endswith("1 properties hold, 0 fail\n")
    code, out, _ = cli("micrograd", "--only", "twice")
    assert code == 1
    assert "FAILS  backward twice" in out
    assert "           y.backward()\n           y.backward()\n" in out
    assert "lacks  floordiv" in out


def test_the_command_finds_an_adapter_in_a_module(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from autograd_mini.testing import Adapter\n"
        "mine = Adapter('micrograd', 'from micrograd.engine import Value', functions={'relu': '{}.relu()'})\n"
        "other = 1\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert adapter("mine:mine").name == "micrograd"
    assert cli("mine:other")[::2] == (2, "mine:other is 1, not an Adapter; see autograd_mini.testing.Adapter\n")
    assert cli("absent:mine")[2].startswith("cannot import absent: No module named 'absent'; run from the folder")


@pytest.mark.parametrize(
    ("name", "message"),
    [("nothing", "no engine is known as 'nothing'; known are autograd_mini, micrograd, torch, autograd, tinygrad"),
     ("absent", "absent is not installed: pip install absent")],
)  # fmt: skip
def test_engines_that_are_not_to_be_had_are_refused(name, message, monkeypatch):
    monkeypatch.setitem(ADAPTERS, "absent", Adapter("absent", "import absent"))
    if name == "nothing":
        monkeypatch.delitem(ADAPTERS, "absent")
    code, _, error = cli(name)
    assert code == 2
    assert error.startswith(message)
