"""The oracles: that they agree with each other without any engine, and know when not to be trusted."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from autograd_mini.ops import TABLE
from autograd_mini.testing import difference, expressions, oracles, programs
from autograd_mini.testing.oracles import (
    COMPLEX,
    FLOATS,
    Twin,
    Untrusted,
    complex_step,
    exact,
    exact_forms,
    exact_second,
    exact_value,
    known,
    path_sum,
)
from autograd_mini.testing.program import Assign, Call, If, Program, on_floats

mpmath = pytest.importorskip("mpmath", reason="needs the extra test")

ERRORS = (Untrusted, ArithmeticError, ValueError)
EXACT = known(exact_forms())


def judged(oracle, *args):
    try:
        return oracle(*args)
    except ERRORS:
        assume(False)


def near(a, b):
    return abs(a[0] - b[0]) <= a[1] + b[1]


@given(programs([name for name in EXACT if name in FLOATS.names]))
def test_the_exact_derivative_is_that_of_the_path_sum(program):
    for a, b in zip(judged(exact, program), judged(path_sum, program), strict=True):
        assert near(a, b)


@given(programs([name for name in EXACT if name in COMPLEX.names]))
def test_the_exact_derivative_is_that_of_the_complex_step(program):
    for a, b in zip(judged(exact, program), judged(complex_step, program), strict=True):
        assert near(a, (b, 1e-14 * abs(b)))


@given(expressions(EXACT, size=4))
def test_the_exact_derivative_is_that_of_differences_within_their_error(program):
    for i, (right, _) in enumerate(judged(exact, program)):
        x = program.inputs

        def along(t, i=i, x=x):
            return program.run(on_floats(), [*x[:i], t, *x[i + 1 :]])

        estimate = judged(difference, along, x[i])
        assert abs(estimate.value - right) <= 10 * estimate.error + 1e-6 * abs(right) + 1e-50


@given(programs([name for name in EXACT if name in FLOATS.names]))
def test_the_exact_value_is_that_of_floats(program):
    right, tolerance = judged(exact_value, program)
    assert abs(program.run(FLOATS, program.inputs) - right) <= tolerance


@given(st.floats(0.2, 3.0), st.floats(-3.0, 3.0))
def test_derivatives_of_a_known_function(x, y):
    program = Program((x, y), (Assign("a", Call("exp", (Call("mul", ("x", "y")),))),), "a")
    first, second = exact(program), exact_second(program)
    e = math.exp(x * y)
    assert [slope for slope, _ in first] == pytest.approx([y * e, x * e], rel=1e-12, abs=1e-12)
    assert second[0][1][0] == pytest.approx((1 + x * y) * e, rel=1e-11, abs=1e-9)
    assert second[0][1][0] == second[1][0][0]


def test_what_cancels_has_a_tolerance_and_what_is_exact_has_nearly_none():
    ratio = Program((0.7,), (Assign("a", Call("div", ("x", Call("mul", ("x", "x"))))),), "a")
    gone = Program((0.7,), (Assign("a", Call("div", ("x", "x"))),), "a")
    square = Program((0.7,), (Assign("a", Call("mul", ("x", "x"))),), "a")
    assert 1e-16 < exact(gone)[0][1] < 1e-11
    assert exact(gone)[0][0] == pytest.approx(0.0, abs=1e-50)
    assert exact(ratio)[0][1] < 1e-10
    assert exact(square)[0][1] < 1e-11


def one(op, *args, inputs=(0.0,)):
    return Program(inputs, (Assign("a", Call(op, args)),), "a")


UNTRUSTED = [
    (exact, one("relu", "x"), "maximum is too near a kink to judge"),
    (exact, one("abs", "x"), "maximum is too near a kink to judge"),
    (exact, one("maximum", "x", "x"), "maximum is too near a kink to judge"),
    (exact, one("floordiv", "x", 1.0), "floor is too near a kink to judge"),
    (exact, one("floordiv", "x", 1e-12, inputs=(2.5,)), "floor of so large a number jumps all the time"),
    (exact, one("sqrt", "x"), "sqrt is too near the edge of its domain"),
    (exact, one("log", "x"), "log is too near the edge of its domain"),
    (exact, one("pow", "x", 0.5), "a power is about to leave the reals"),
    (exact, Program((0.0,), (If("x", 0, (Assign("x", "x"),), ()),), "x"), "a comparison is too near a kink to judge"),
    (exact, one("tan", "x", inputs=(math.pi / 2,)), "tan is too near a kink to judge"),
    (exact, one("step", "x", 1.0), "no exact form of step"),
    (path_sum, one("step", "x", 1.0), "no plain form of step"),
    (complex_step, one("erf", "x"), "no complex form of erf"),
    (complex_step, one("log", "x"), "log is off its domain"),
    (complex_step, one("pow", "x", 0.5), "a power leaves the reals"),
    (
        path_sum,
        Program((1.0,), tuple(Assign("x", Call("add", ("x", "x"))) for _ in range(20)), "x"),
        "than 10000 paths",
    ),
]


@pytest.mark.parametrize(("oracle", "program", "message"), UNTRUSTED)
def test_an_oracle_says_when_it_cannot_judge(oracle, program, message):
    with pytest.raises(Untrusted, match=message):
        oracle(program)


def test_a_function_of_mpmath_that_leaves_the_reals_is_no_judge():
    with pytest.raises(Untrusted, match="log is off its domain"):
        oracles._namesake(TABLE["log"], mpmath.log)(mpmath.mpf(-1))


def test_the_twin_follows_every_path():
    a = Twin(3.0)
    b = Twin(6.0, [(a, 1.0), (a, 1.0)])
    c = Twin(12.0, [(b, 1.0), (b, 1.0)])
    assert sum(product for node, product in c.paths(0.5) if node is a) == 2.0
