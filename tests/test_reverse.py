"""grad, value_and_grad and vjp: structures, orders, nesting, and what surrounds a call."""

import math
import threading
from collections import namedtuple
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from optional import optional
from walks import counted, looks

import autograd_mini as ag
from autograd_mini import Value, grad, value_and_grad, vjp
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


# ---- aux. -----------------------------------------------------------------------------------------------------------


def with_trace(x, y=2.0):
    square = x * x
    return square * y, {"square": square, "note": "seen", "list": [x, 1]}


def test_aux_is_handed_through_as_plain_numbers():
    aux = {"square": 9.0, "note": "seen", "list": [3.0, 1]}
    assert grad(with_trace, has_aux=True)(3.0) == (12.0, aux)
    assert value_and_grad(with_trace, has_aux=True)(3.0, y=3.0) == ((27.0, aux), 18.0)
    assert value_and_grad(with_trace, (0, 1), has_aux=True)(3.0, 2.0) == ((18.0, aux), (12.0, 9.0))
    assert type(grad(with_trace, has_aux=True)(3.0)[1]["square"]) is float


@dataclass
class Particle:
    mass: float
    speed: float
    energy: float = field(init=False)

    def __post_init__(self):
        self.energy = 0.5 * self.mass * self.speed**2


def test_what_a_dataclass_among_results_computes_is_computed_of_plain_numbers():
    f = lambda v: (v * v, Particle(2.0 * v, v))  # noqa: E731
    assert grad(f, has_aux=True)(3.0)[1].energy == 27.0
    out, pullback = vjp(lambda v: Particle(2.0 * v, v), 3.0)
    assert (out, type(out.energy)) == (Particle(6.0, 3.0), float)
    assert pullback(Particle(1.0, 10.0)) == (12.0,)


def test_aux_of_an_inner_call_can_be_differentiated_further():
    assert grad(lambda x: grad(with_trace, has_aux=True)(x)[1]["square"] * x)(3.0) == 27.0
    slope, aux = grad(with_trace, has_aux=True)(x := Value(3.0))
    (slope * aux["square"]).backward()
    assert x.grad == 4.0 * 9.0 + 12.0 * 6.0


@pytest.mark.parametrize("wrong", [3.0, (1.0,), [1.0, 2.0], (1.0, 2.0, 3.0)])
def test_a_function_with_aux_returns_a_pair(wrong):
    message = (
        r"grad with has_aux=True needs a function that returns \(out, aux\), but f returned .* of type .*; return a"
    )

    def f(x):
        return wrong

    with pytest.raises(TypeError, match=message):
        grad(f, has_aux=True)(1.0)
    with pytest.raises(TypeError, match="has_aux is 1 of type int; choose True or False"):
        grad(f, has_aux=1)


# ---- vjp. -----------------------------------------------------------------------------------------------------------


def test_vjp_pulls_cotangents_in_the_structure_of_the_result_to_the_structure_of_the_arguments():
    out, pullback = vjp(lambda p, y: {"a": p["x"] * y, "b": [y, 3, p["z"][0]]}, {"x": 3, "z": (5.0,)}, 2.0)
    assert out == {"a": 6.0, "b": [2.0, 3.0, 5.0]}
    assert all(type(x) is float for x in (out["a"], *out["b"]))
    assert pullback({"b": [10.0, 7.0, 1], "a": 1.0}) == ({"x": 2.0, "z": (1.0,)}, 13.0)
    assert pullback({"a": 0.0, "b": [0.0, 1.0, 0.0]}) == ({"x": 0.0, "z": (0.0,)}, 0.0)


def test_vjp_is_differentiated_by_its_arguments_and_by_its_cotangents():
    f = lambda x: x**3  # noqa: E731
    assert grad(lambda x: vjp(f, x)[1](1.0)[0])(2.0) == 12.0
    _, pullback = vjp(f, 2.0)
    assert grad(lambda c: pullback(c * c)[0])(5.0) == 120.0
    assert type(pullback(1.0)[0]) is float
    with ag.no_grad():
        assert vjp(f, Value(2.0))[1](Value(1.0)) == (12.0,)


@given(programs(SMOOTH, size=6))
def test_vjp_of_one_number_is_grad_to_the_last_bit(program):
    f = lambda xs: program.run(VALUES, xs)  # noqa: E731
    try:
        gradient = grad(f)(list(program.inputs))
    except (ArithmeticError, ValueError):
        assume(False)
    assert [x.hex() for x in vjp(f, list(program.inputs))[1](1.0)[0]] == [x.hex() for x in gradient]


VJP_MESSAGES = [
    (lambda: vjp(2.0), TypeError, "the f of vjp is 2.0 of type float; pass the function itself"),
    (lambda: vjp(abs), ValueError, r"primals is \(\); pass the arguments of f behind it"),
    (lambda: vjp(abs, ["x"]), TypeError, r"primals\[0\]\[0\] is 'x' of type str, which cannot be differentiated by"),
    (
        lambda: vjp(lambda x: [x, None], 1.0),
        TypeError,
        r"but <lambda> returned None of type NoneType at \[1\]; return num",
    ),
    (
        lambda: vjp(lambda x: None, 1.0),
        TypeError,
        "returned None of type NoneType; return .*, as a def without a return",
    ),
    (
        lambda: vjp(lambda x: [x], 1.0)[1](1.0),
        TypeError,
        "cotangents is 1.0 of type float; give it the structure of the r",
    ),
    (
        lambda: vjp(lambda x: [x], 1.0)[1]([1.0, 2.0]),
        ValueError,
        r"cotangents is \[1.0, 2.0\]; .* which has 1 parts there",
    ),
    (
        lambda: vjp(lambda x: {"a": [x]}, 1.0)[1]({"a": ["1"]}),
        TypeError,
        r"cotangents\['a'\]\[0\] is '1' of type str; put",
    ),
    (
        lambda: vjp(lambda x: {"a": x}, 1.0)[1]({"b": 1.0}),
        ValueError,
        r"cotangents is \{'b': 1.0\}; .* has the keys \['a'\]",
    ),
    (
        lambda: vjp(lambda x: x, 1.0)[1](1j),
        TypeError,
        "cotangents is 1j of type complex; put a number there, as in the res",
    ),
]


@pytest.mark.parametrize(("wrong", "error", "message"), VJP_MESSAGES)
def test_bad_input_of_vjp_is_an_error_that_says_what_and_what_to_do(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
