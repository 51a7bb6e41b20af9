"""The row law: five operations and the helper that one of them needs are appended to one file of a copy of the package,
and every machine knows them. The checks run in processes of their own, on each engine that there is here.
"""

import contextlib
import inspect
import io
import itertools
import math
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import Phase, find, settings

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.ops import FUNCTIONS, TABLE
from autograd_mini.testing import expressions, points, programs

mpmath = pytest.importorskip("mpmath", reason="needs the extra test")

TESTS = Path(__file__).parent
ENGINES = ["python", *["native"] * (ag.engine == "native")]
ROWS = '''

from .elementary import tan
from .ieee import ieee_div, step, strong_mul


@row(
    lambda out, x: out * tan(x),
    text="sec({})",
    domain=((-1.2, 1.2),),
    kink=lambda x: (x - math.remainder(x - math.pi / 2.0, math.pi),),
    c=expr("1.0 / cos(x)"),
    numpy="rint",
)
def sec(x: float) -> float:
    """1 / cos(x).

    >>> sec(0.0)
    1.0
    """
    return 1.0 / math.cos(x)


@row(
    lambda out, x: out * psi(0.0, x + 1.0),
    text="Γ({})",
    domain=((0.5, 4.0),),
)
def fac(x: float) -> float:
    """x! for any number; ValueError at its poles.

    >>> fac(4.0)
    24.0
    """
    return math.gamma(x + 1.0)


@row(
    None,
    lambda out, n, x: psi(n + 1.0, x),
    text="psi({}, {})",
    domain=((0.0, 0.0), (0.5, 4.0)),
    role="helper",
)
def psi(n: float, x: float) -> float:
    """The derivative of order n + 1 of log(fac(x)) up to order 20; 0.0 where fac itself is.

    >>> round(psi(1.0, 1.0) - math.pi**2 / 6.0, 12)
    0.0
    """
    if not 0.0 <= n < 20.0 or not -200.0 < x < math.inf:
        return 0.0 if x <= -200.0 else math.nan
    order, out = int(n), 0.0
    factor = (-1.0) ** (order + 1) * math.factorial(order)
    while x < 20.0:
        out, x = out + ieee_div(factor, x ** (order + 1)), x + 1.0
    out += factor * 0.5 * x ** -(order + 1) + (factor / order * x**-order if order else math.log(x))
    for k, bernoulli in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66), 1):
        rising = math.factorial(2 * k + order - 1) / math.factorial(2 * k)
        out += (-1.0) ** (order + 1) * bernoulli * rising * x ** -(2 * k + order)
    return out


@row(
    lambda out, x, y: strong_mul(x, ieee_div(1.0, out)),
    lambda out, x, y: strong_mul(y, ieee_div(1.0, out)),
    text="length2({}, {})",
    kink=lambda x, y: (0.0, 0.0),
    commutative=True,
)
def length2(x: float, y: float) -> float:
    """The length of the vector (x, y); its slopes at the origin are 0.

    >>> length2(3.0, 4.0)
    5.0
    """
    return math.hypot(x, y)


@row(
    lambda out, x: strong_mul(x, ieee_div(1.0, out)),
    text="length({})",
    domain=((-5.0, 5.0),) * 3,
    kink=lambda *xs: (0.0,) * len(xs),
    lists=1,
    commutative=True,
)
def length(xs: list[float]) -> float:
    """The length of a vector of any number of dimensions; its slopes at the origin are 0.

    >>> length([2.0, 3.0, 6.0])
    7.0
    """
    return math.hypot(*xs)


@row(
    lambda out, x: step(x, -1.0) * step(1.0, x),
    text="hardtanh({})",
    kink=lambda x: (math.copysign(1.0, x),),
    c=expr("x <= -1.0 ? -1.0 : x >= 1.0 ? 1.0 : x"),
)
def hardtanh(x: float) -> float:
    """x, but no less than -1 and no more than 1; its slopes at these are 0.

    >>> hardtanh(0.5), hardtanh(3.0)
    (0.5, 1.0)
    """
    return -1.0 if x <= -1.0 else 1.0 if x >= 1.0 else x
'''


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of the repository's package with the new rows, built for the native engine if that serves here."""
    root = tmp_path_factory.mktemp("rows")
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TESTS.parent / name, root)
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
    shutil.copytree(TESTS.parent / "autograd_mini", root / "autograd_mini", ignore=ignored)
    with open(root / "autograd_mini" / "ops" / "special.py", "a", encoding="utf-8") as file:
        file.write(ROWS)
    if ag.engine == "native":
        run(root, "python", "setup.py", "build_ext", "--inplace")
    return root


def run(house, engine, *command):
    """What a command of Python prints that sees the copy."""
    path = os.pathsep.join(map(str, (house, TESTS)))
    environment = {**os.environ, "PYTHONPATH": path, "AUTOGRAD_MINI_ENGINE": engine}
    done = subprocess.run([sys.executable, *command], cwd=house, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def call(house, engine, function):
    """What a function of this module gives where the package is the copy, as text."""
    return run(house, engine, "-c", f"import test_rows; print(test_rows.{function.__name__}())")


# ---- What is checked in the copy. -----------------------------------------------------------------------------------

NAMES = ("sec", "fac", "length2", "length", "hardtanh")


def functions_methods_and_stubs():
    from autograd_mini.core import stubs

    written = stubs.functions(ag.ops)
    for name, parameters in zip(NAMES, (["x"], ["x"], ["x", "y"], ["xs"], ["x"]), strict=True):
        function = getattr(ag, name)
        assert name in ag.__all__
        assert name in dir(ag)
        assert list(inspect.signature(function).parameters) == parameters
        assert f">>> {name}(" in function.__doc__
        assert f"def {name}({parameters[0]}: " in written
        assert hasattr(Value, name) == (name != "length") == (f"    def {name}(self" in stubs.methods(ag.ops))
    assert "psi" not in dir(ag) + ag.__all__ + dir(Value)
    assert "rint" not in ag.__all__
    assert Value(0.7).rint().op is TABLE["sec"]
    assert "    def rint(self" in stubs.methods(ag.ops)
    assert (
        Value(3.0).length2(4.0).data == ag.length2(3.0, Value(4.0)).data == ag.length(xs=[3.0, Value(4.0)]).data == 5.0
    )


EXACT = {
    "sec": mpmath.sec,
    "fac": mpmath.fac,
    "length2": mpmath.hypot,
    "length": lambda *xs: mpmath.sqrt(mpmath.fsum(x * x for x in xs)),
    "hardtanh": lambda x: min(mpmath.mpf(1), max(mpmath.mpf(-1), x)),
}


POINTS = [
    ("sec", (0.7,)),
    ("fac", (3.3,)),
    ("fac", (-2.4,)),
    ("length2", (0.3, -2.0)),
    ("length", (1.0, -2.0, 0.5)),
    ("length", (-3.0,)),
    ("hardtanh", (0.4,)),
    ("hardtanh", (-1.5,)),
]


def on_operands(name):
    """The function of a row, which takes the operands one by one."""
    function = getattr(ag, name)
    return (lambda *xs: function(xs)) if TABLE[name].lists else function


def values_and_derivatives():
    for name, point in POINTS:
        f, places = on_operands(name), tuple(range(len(point)))
        assert f(*point) == pytest.approx(float(EXACT[name](*point)), rel=1e-14)
        first = ag.grad(f, places)
        for i in places:
            orders = tuple(int(i == j) for j in places)
            assert first(*point)[i] == pytest.approx(slope(name, point, orders), rel=1e-12, abs=1e-12)
            second = ag.grad(lambda *xs, i=i, first=first: first(*xs)[i], places)(*point)
            for j in places:
                orders = tuple((i == k) + (j == k) for k in places)
                assert second[j] == pytest.approx(slope(name, point, orders), rel=1e-10, abs=1e-10)
    assert ag.grad(ag.length2, (0, 1))(0.0, 0.0) == (0.0, 0.0)
    assert ag.grad(ag.length)([0.0, 0.0]) == [0.0, 0.0]
    with pytest.raises(ValueError, match=r"Γ\(Value\(-1.0\)\): .*; keep its operands inside the domain"):
        ag.fac(Value(-1.0))


def slope(name, point, orders):
    with mpmath.workdps(50):
        return float(mpmath.diff(EXACT[name], tuple(map(mpmath.mpf, point)), orders))


def bits_at_ordinary_and_odd_points():
    numbers = (0.0, -0.0, 0.7, -2.5, 1.0, -1.0, 5e-324, 1.7e308, math.inf, -math.inf, math.nan)
    found = []
    for name in NAMES:
        f = on_operands(name)
        for point in itertools.product(numbers, repeat=TABLE[name].arity or 3):
            leaves = list(map(Value, point))
            try:
                out = f(*leaves)
            except (ArithmeticError, ValueError) as error:
                found.append(repr(error))
                continue
            out.backward()
            second = ag.grad(lambda xs, f=f: ag.sum(ag.grad(lambda xs: f(*xs))(xs)))(list(point))
            found += [bits(x) for x in (f(*point), out.data, *[leaf.grad for leaf in leaves], *second)]
    return found


def bits(x):
    return struct.pack("d", math.nan if x != x else x).hex()


def pictures():
    x, y = Value(0.5, label="x"), Value(2.0, label="y")
    source = ag.draw(ag.length2(ag.sec(x), ag.fac(y)) + ag.length([x, y]) * ag.hardtanh(x)).source
    assert all(sign in source for sign in ("sec", "Γ", "length2", "length", "hardtanh"))


def strategies():
    assert 0.5 <= example(points("fac"), lambda point: point[0] > 1.0)[0] <= 4.0
    assert example(points("hardtanh", kinks=True), lambda point: point[0] < 0.0) == (-1.0,)
    assert example(expressions(["length", "length2"]), lambda p: p.operations() == {"length", "length2"})
    program = example(programs(), lambda p: {"sec", "length"} <= p.operations())
    assert "ag.sec(" in repr(program)
    assert "ag.length([" in repr(program)


def example(strategy, condition):
    return find(strategy, condition, settings=settings(max_examples=5000, phases=[Phase.generate], database=None))


def conformance():
    from autograd_mini.testing.conformance import main

    for text in [*[f"ag.{name}(" for name in NAMES], "gradients"]:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert main(["autograd_mini", "--examples", "20", "--only", text]) == 0, out.getvalue()
        assert "holds  " in out.getvalue()


def the_table_of_operations():
    from test_readme import operation_table

    lines = operation_table().splitlines()
    for line in (
        "| `sec(x)` | `out * tan(x)` |",
        "| `fac(x)` | `out * psi(0, x + 1)` |",
        "| `length2(x, y)` | `x * (1 / out), y * (1 / out)` |",
        "| `length(xs)` | `xs * (1 / out)` |",
        "| `hardtanh(x)` | `step(x, -1) * step(1, x)` |",
    ):
        assert line in lines


def fac(x):
    return math.gamma(x)


def an_operation_of_a_user_with_the_name_of_a_new_one():
    before = TABLE["fac"], FUNCTIONS["fac"], ag.fac
    mine = ag.operation(partials=(None,))(fac)
    assert (TABLE["fac"], FUNCTIONS["fac"], ag.fac) == before
    assert mine(Value(2.0)).op is TABLE["test_rows.fac"]
    assert ag.grad(mine)(2.0) == 0.0 != ag.grad(ag.fac)(2.0)


CHECKS = [functions_methods_and_stubs, values_and_derivatives, pictures, strategies, conformance,
          the_table_of_operations, an_operation_of_a_user_with_the_name_of_a_new_one]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_machine_knows_the_new_rows(house, engine, check):
    assert call(house, engine, check) == "None\n"


@pytest.mark.parametrize("engine", ENGINES)
def test_the_laws_hold_for_the_new_rows(house, engine):
    suites = [str(TESTS / f"test_{name}.py") for name in ("laws", "ops", "strategies", "symbols")]
    options = ["-q", "-p", "no:cacheprovider", "--examples", "20", "-k", " or ".join((*NAMES, "psi"))]
    assert " failed" not in run(house, engine, "-m", "pytest", *options, *suites)


@pytest.mark.skipif(ag.engine == "python", reason="the textbook engine serves")
def test_both_engines_have_the_same_bits(house):
    first, second = (call(house, engine, bits_at_ordinary_and_odd_points) for engine in ENGINES)
    assert first == second
