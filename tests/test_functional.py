"""grad and value_and_grad: structures, orders, nesting, and what surrounds a call."""

import math
import threading
from collections import namedtuple
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from optional import optional
from walks import counted, looks

import autograd_mini as ag
from autograd_mini import Value, grad, value_and_grad
from autograd_mini.testing import programs
from autograd_mini.testing.program import VALUES

mpmath = optional("mpmath", "test")

SMOOTH = ["add", "sub", "mul", "div", "neg", "exp", "log", "sqrt", "sin", "cos", "tanh", "erf", "sigmoid", "softplus"]
point = st.floats(0.5, 2.0)


@given(point, st.integers(1, 4))
def test_higher_orders_agree_with_mpmath(x, order):
    f = lambda x, lib: lib.sin(x) * lib.exp(-x * x) + lib.tanh(x) / x**1.5  # noqa: E731
    g = lambda x: f(x, ag)  # noqa: E731
    for _ in range(order):
        g = grad(g)
    with mpmath.workdps(50):
        expected = float(mpmath.diff(lambda x: f(x, mpmath), mpmath.mpf(x), order))
    assert g(x) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(programs(SMOOTH, size=6))
def test_grad_is_backward_to_the_last_bit(program):
    leaves = [Value(x) for x in list(program.inputs)]
    try:
        out = program.run(VALUES, leaves)
    except (ArithmeticError, ValueError):
        assume(False)
    out.backward()
    value, gradient = value_and_grad(lambda xs: program.run(VALUES, xs))(list(program.inputs))
    assert value == out.data
    assert [g.hex() for g in gradient] == [leaf.grad.hex() for leaf in leaves]


@given(programs(SMOOTH, size=5))
def test_the_sweep_over_values_finds_the_same_first_derivatives(program):
    try:
        first = grad(lambda xs: program.run(VALUES, xs))(list(program.inputs))
        again = grad(lambda xs: program.run(VALUES, xs))([Value(x) for x in list(program.inputs)])
    except (ArithmeticError, ValueError):
        assume(False)
    assert [g.data for g in again] == pytest.approx(first, rel=1e-12, abs=1e-300, nan_ok=True)


def test_an_inner_grad_sees_the_outer_variable():
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0
    assert grad(lambda x: grad(lambda y: x * x * y * y)(x))(2.0) == 24.0
    assert grad(lambda x: x * grad(lambda y: 3 * y)(x))(2.0) == 3.0


def test_gradients_have_the_structure_of_the_argument():
    Pair = namedtuple("Pair", "left right")
    tree = {"a": [1.0, (2, Fraction(1, 2))], "b": Pair(3.0, True), "c": []}
    gradient = grad(lambda t: t["a"][0] * t["a"][1][0] * t["a"][1][1] + t["b"].left * t["b"].right)(tree)
    assert gradient == {"a": [1.0, (0.5, 2.0)], "b": Pair(1.0, 3.0), "c": []}
    assert type(gradient["b"]) is Pair
    assert all(type(g) is float for g in (gradient["a"][0], *gradient["a"][1], *gradient["b"]))
    assert tree == {"a": [1.0, (2, Fraction(1, 2))], "b": Pair(3.0, True), "c": []}


def test_argnums_choose_the_arguments():
    f = lambda x, y, *, scale: scale * x * y**2  # noqa: E731
    assert grad(f)(2.0, 3.0, scale=1.0) == 9.0
    assert grad(f, argnums=1)(2.0, 3.0, scale=1.0) == 12.0
    assert grad(f, argnums=-1)(2.0, 3.0, scale=2.0) == 24.0
    assert value_and_grad(f, argnums=(1, 0))(2.0, 3.0, scale=1.0) == (18.0, (12.0, 9.0))


def test_ints_of_numpy_are_argnums_too():
    np = pytest.importorskip("numpy", reason="needs the extra demos")
    f = lambda x, y: x * y**2  # noqa: E731
    assert grad(f, argnums=np.int64(1))(2.0, 3.0) == 12.0
    assert value_and_grad(f, argnums=(np.int8(-1), np.uint8(0)))(2.0, 3.0) == (18.0, (12.0, 9.0))
    with pytest.raises(ValueError, match="argnums names each argument once and at least one"):
        grad(f, argnums=(np.int64(0), 0))
    for wrong in (np.float64(1.0), np.bool_(True), [0], 1.0):
        with pytest.raises(TypeError, match="argnums is an int or a tuple of ints, got "):
            grad(f, argnums=wrong)


def test_what_does_not_depend_has_gradient_zero():
    assert value_and_grad(lambda x: 7)(1.0) == (7.0, 0.0)
    assert grad(lambda xs: xs[0])([1.0, 2.0]) == [1.0, 0.0]
    outer = Value(1.0) * 2
    assert grad(lambda x: outer)(1.0) == 0.0


def test_a_value_as_argument_gives_a_value_that_can_be_differentiated_further():
    x = Value(2.0)
    slope = grad(lambda y: y**3)(x)
    slope.backward()
    assert (slope.data, x.grad) == (12.0, 12.0)


def test_values_that_f_closes_over_are_constants_and_keep_their_grad():
    w = Value(3.0)
    assert grad(lambda x: w * x)(2.0) == 3.0
    assert type(grad(lambda x: w * x)(2.0)) is float
    assert w.grad == 0.0


def test_grad_works_within_no_grad_and_does_not_end_it():
    with ag.no_grad():
        assert grad(lambda x: x * x)(3.0) == 6.0
        assert grad(grad(lambda x: x * x))(3.0) == 2.0
        assert grad(lambda x: x * x)(Value(3.0)) == 6.0
        assert (Value(1.0) * 2).args == ()


def test_an_exception_within_f_leaves_no_trace():
    x = Value(1.0)
    with ag.no_grad(), pytest.raises(ZeroDivisionError):
        grad(lambda x: 1 / (x - x))(1.0)
    assert (x * x).args == (x, x)
    assert type(grad(lambda y: x * y)(2.0)) is float


def test_zero_times_infinity_of_an_unused_branch_is_zero_in_every_order():
    f = lambda x: ag.relu(ag.sqrt(x) - 1.0) + x * x  # noqa: E731
    assert (grad(f)(0.0), grad(grad(f))(0.0)) == (0.0, 2.0)


def test_an_inner_call_does_not_walk_what_was_recorded_before_it():
    inner_looks = []

    def f(x):
        for _ in range(300):
            before = looks()
            slope = grad(lambda y: counted(y * y))(x)
            inner_looks.append(looks() - before)
            x = counted(x - 0.1 * slope)
        return x

    assert grad(f)(1.0) == pytest.approx(0.8**300)
    assert 0 < min(inner_looks) <= max(inner_looks) <= 20


def test_an_argument_that_loses_numbers_while_the_function_runs_is_an_error():
    xs = [1.0, 2.0]
    with pytest.raises(
        RuntimeError, match="an argument lost numbers while the function ran; let it change copies only"
    ):
        grad(lambda x: (xs.pop(), x[0])[1])(xs)


def test_deep_functions():
    def f(x):
        for _ in range(100_000):
            x = x + 1.0
        return x

    assert grad(f)(0.0) == 1.0
    assert grad(lambda x: grad(lambda y: f(y) * y)(x))(3.0) == 2.0


def test_threads_do_not_disturb_each_other():
    results = []

    def work(k):
        for _ in range(50):
            results.append((k, grad(grad(lambda x: ag.sin(x) * x**k))(1.0)))

    threads = [threading.Thread(target=work, args=(k,)) for k in (2, 3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 100
    for k, second in results:
        expected = k * (k - 1) * math.sin(1) + 2 * k * math.cos(1) - math.sin(1)
        assert second == pytest.approx(expected, rel=1e-12)


def assigns(x):
    y = x * x
    x.data = 5.0
    return y


MESSAGES = [
    (lambda: grad(3.0), TypeError, "grad takes a function, got 3.0 of type float; pass f itself, not its value"),
    (lambda: grad(abs, argnums="x"), TypeError, "argnums is an int or a tuple of ints, got 'x'"),
    (lambda: grad(abs, argnums=True), TypeError, "argnums is an int or a tuple of ints, got True"),
    (lambda: grad(abs, argnums=()), ValueError, r"argnums names each argument once and at least one, got \(\)"),
    (lambda: grad(abs, argnums=(0, 0)), ValueError, r"argnums names each argument once and at least one, got \(0, 0\)"),
    (lambda: grad(abs, argnums=1)(1.0), ValueError, "argnums asks for positional argument 1, but the call has 1"),
    (lambda: grad(lambda x: x)(x=1.0), ValueError, "pass what you differentiate by without its keyword"),
    (lambda: grad(abs)("1"), TypeError, "argument 0 is '1' of type str, which cannot be differentiated by"),
    (lambda: grad(abs)({"a": [1.0, None]}), TypeError, r"argument 0\['a'\]\[1\] is None of type NoneType"),
    (lambda: grad(lambda x: [x])(1.0), TypeError, r"<lambda> returned \[Value\(1.0\)\] of type list; return a single"),
    (lambda: grad(assigns)(1.0), ag.StaleGraphError, r"Value\(5.0\) was assigned after Value\(1.0\) had been computed"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), MESSAGES)
def test_bad_input_is_an_error_that_says_what_and_what_to_do(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_results_carry_the_name_of_the_function():
    assert (grad(assigns).__name__, value_and_grad(assigns).__name__) == (
        "grad_of_assigns",
        "value_and_grad_of_assigns",
    )
