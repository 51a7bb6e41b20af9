"""check_grads, the differences it judges by, and the pytest fixture: right gradients pass, wrong ones are named."""

import copy
import math
import re
import subprocess
import sys
from collections import namedtuple
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from optional import optional

import autograd_mini as ag
from autograd_mini import GradcheckError, Value, trees
from autograd_mini.ops import FUNCTIONS, TABLE, apply
from autograd_mini.ops.row import row
from autograd_mini.testing import check_grads, difference, expressions, points
from autograd_mini.testing.program import VALUES

mpmath = optional("mpmath", "test")

ROWS = [name for name, op in TABLE.items() if op.role != "helper"]
TOTAL = ["add", "sub", "mul", "neg", "exp", "sin", "cos", "tanh", "erf", "sigmoid", "softplus", "sum", "sumprod"]
MPMATH = {"sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)), "softplus": lambda x: mpmath.log1p(mpmath.exp(x))}
Pair = namedtuple("Pair", "left right")


@dataclass
class Body:
    """Its momentum is computed, and must follow the two others."""

    mass: object
    speed: object = 2.0
    momentum: object = field(init=False)

    def __post_init__(self):
        self.momentum = self.mass * self.speed


@contextmanager
def toy_row(value, *partials, name="toy"):
    """A row of the table for the length of a with block."""

    def toy(*args):
        return value(*args)

    toy.__name__ = name
    try:
        yield row(*partials, text=f"{name}({{}})")(toy)
    finally:
        del TABLE[name], FUNCTIONS[name]


def message(f, args, **settings):
    with pytest.raises(GradcheckError) as caught:
        check_grads(f, args, **settings)
    return str(caught.value)


# ---- Differences. ---------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.sampled_from(["exp", "sin", "cos", "tanh", "erf", "softplus", "sigmoid"]), st.floats(-5, 5),
       st.floats(-3, 3), st.sampled_from([-1, 0, 1]))  # fmt: skip
def test_differences_are_right_within_their_error_and_the_error_is_small(name, x, a, side):
    with mpmath.workdps(40):
        f = lambda t: getattr(ag, name)(a * t) + t**3  # noqa: E731
        exact = float(mpmath.diff(lambda t: MPMATH.get(name, getattr(mpmath, name, None))(a * t) + t**3, x))
    found = difference(f, x, 0.1 * max(1.0, abs(x)), side)
    assert abs(found.value - exact) <= found.error
    assert found.error <= 1e-8 * max(found.size, abs(exact))


@pytest.mark.parametrize(
    ("f", "x", "step", "slope"),
    [
        (math.sin, 1e6, 1e5, math.cos(1e6)),
        (lambda x: math.sin(20 * math.pi * x), 0.0, 0.1, 20 * math.pi),  # the first two quotients are 0
        (lambda x: (x + 1e7) - 1e7, 1.0, 0.1, 1.0),  # flat over 1e-9, and noisier than its value shows
        (lambda x: (x + 1e7) - 10000001.0, 1.0, 0.1, 1.0),  # the same where that value is 0
        (lambda x: max(x, 0.0), 1e-4, 0.1, 1.0),
        (lambda x: 1 / x, 0.01, 0.1, -1e4),
        (math.sqrt, 1e-9, 0.1, 0.5 / math.sqrt(1e-9)),
        (lambda x: math.exp(50 * x), 1.0, 0.1, 50 * math.exp(50)),
        (lambda x: 1e-12 * math.sin(x), 1.0, 0.1, 1e-12 * math.cos(1.0)),
        (lambda x: x * x, 0.0, 0.1, 0.0),
        (lambda x: 3.0, 1.0, 0.1, 0.0),
    ],
)
def test_differences_find_their_step(f, x, step, slope):
    found = difference(f, x, step)
    assert abs(found.value - slope) <= found.error <= 1e-6 * max(abs(slope), found.size)


def test_differences_take_twenty_calls_where_all_is_smooth():
    calls = []
    difference(lambda x: calls.append(x) or math.exp(x), 1.0)
    assert 10 <= len(calls) <= 24


def test_a_step_at_which_the_function_fails_is_left_out():
    for k in range(8):
        hole = 1.0 + 0.1 / 2**k
        found = difference(lambda x: 1 / (x != hole) * math.exp(x), 1.0)  # noqa: B023
        assert abs(found.value - math.e) <= found.error < 1e-9


def test_differences_beside_the_edge_of_a_domain():
    assert difference(lambda x: math.sqrt(x) ** 4, 0.0).error == math.inf
    right = difference(lambda x: math.sqrt(x) ** 4, 0.0, side=1)
    assert abs(right.value) <= right.error < 1e-12
    left = difference(lambda x: math.log(-x), -1.0, side=-1)
    assert abs(left.value + 1.0) <= left.error < 1e-9


def test_differences_at_corners_jumps_and_infinite_slopes_say_what_the_docstring_says():
    corner = difference(lambda x: max(x, 0.0), 0.0)
    assert (corner.value, corner.error < 1e-12) == (0.5, True)
    assert [difference(lambda x: max(x, 0.0), 0.0, side=s).value for s in (-1, 1)] == [0.0, 1.0]
    jump = difference(math.floor, 2.0)
    assert jump.error >= abs(jump.value) > 1.0
    infinite = difference(math.sqrt, 0.0, side=1)
    assert infinite.error >= abs(infinite.value) > 1.0


@pytest.mark.parametrize("step", [0.0, -1.0, math.inf, math.nan])
def test_differences_refuse_a_wrong_step_or_side(step):
    with pytest.raises(ValueError, match=f"step is {step}; choose a finite number above 0"):
        difference(math.sin, 1.0, step)
    with pytest.raises(ValueError, match="side is 2; choose -1, 0 or 1"):
        difference(math.sin, 1.0, side=2)


# ---- Right gradients pass. ------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(expressions(TOTAL, size=6))
def test_smooth_programs_pass_or_bend_too_sharply_to_be_judged(program):
    try:
        check_grads(lambda xs: program.run(VALUES, xs), (list(program.inputs),))
    except OverflowError:
        assume(False)
    except GradcheckError as error:  # a softplus of -1e6 * x, say, is not smooth to differences
        assert "is wrong" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_every_row_passes_away_from_its_kinks(name, data):
    point = data.draw(points(name))
    # Products of smaller numbers underflow: the function is flat there, whatever its derivative.
    assume(all(x == 0.0 or abs(x) > 1e-70 for x in point))
    if name == "round":
        check_grads(lambda x: round(x, 0), point[:1])
    elif name == "polygamma":  # of whole orders
        check_grads(lambda x: ag.polygamma(point[0], x), point[1:])
    else:
        check_grads(lambda *xs: apply(TABLE[name], *xs), point)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_higher_orders_pass(order):
    check_grads(lambda x, y: ag.sin(x * y) * ag.exp(-x) + ag.log(y) / x, (0.7, 1.9), order=order)


def test_a_constant_passes():
    check_grads(lambda x: 7, (1.0,))
    check_grads(lambda x: x * 0.0, (1.0,))
    check_grads(lambda x: x - x, ([1.0, 2.0][0],))
    w = Value(3.0)
    check_grads(lambda x: w * w, (1.0,))


def test_rounding_errors_of_what_cancels_are_no_mistake():
    check_grads(lambda x: ag.sin(x) ** 2 + ag.cos(x) ** 2 - 1.0, (0.4,))
    check_grads(lambda x: ag.minimum(x, -1.8) / x, (-2.9,))
    check_grads(lambda x, y: x * y, (0.0, 5e-324))


@pytest.mark.parametrize("scale", [1e-150, 1e-12, 1.0, 1e12, 1e150])
def test_the_size_of_a_function_does_not_matter(scale):
    check_grads(lambda x: scale * ag.sin(x), (1.0,))
    assert "is wrong" in message(lambda x: scale * x * x.item(), (1.0,))


@pytest.mark.parametrize("x", [1e-9, 1e-3, 1e3, 1e6])
def test_the_size_of_an_argument_does_not_matter(x):
    check_grads(lambda x: x**3 - 2 * x, (x,))
    check_grads(lambda x: ag.log(x), (x,))
    check_grads(lambda x: 1 / x, (x,))
    check_grads(lambda x, y: y * ag.log(x), (x, 1.0))


STRUCTURES = [
    (3.0,),
    (3,),
    (True,),
    (Fraction(1, 3),),
    (Value(3.0),),
    ([1.0, 2.0],),
    ([],  2.0),
    ({"w": [1.0, (2, Value(0.5))], "b": {}, 3: Pair(Fraction(1, 2), [True])},),
    (1.0, [2.0], {"a": (3.0,)}, Pair(4.0, Value(5.0))),
    (Body(2.0), [Body(3, Value(0.5))]),
]  # fmt: skip


def numbers_in(tree):
    return [x for _, x in trees.leaves(tree)]


@pytest.mark.parametrize("args", STRUCTURES)
def test_every_structure_is_checked_and_left_alone(args):
    def f(*args):
        return ag.sin(ag.sum(x * x * 0.1 * (k + 1) for k, x in enumerate(numbers_in(args))))

    before, kept = copy.deepcopy(args), numbers_in(args)
    check_grads(f, args)
    assert repr(args) == repr(before)
    assert all(x is y for x, y in zip(numbers_in(args), kept, strict=True))
    assert all(x.grad == 0.0 for x in kept if isinstance(x, Value))


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ((3.0,), "argument 0"),
        ((1.0, Value(2.0)), "argument 1"),
        (({"w": [1.0, 2.0, 3.0, 4.0]},), "argument 0['w'][3]"),
        (([1.0, (2, Pair(1, {"a": 2.5}))],), "argument 0[1][1].right['a']"),
        ((1.0, [Body(1.0, 3.0)]), "argument 1[0].speed"),
    ],
)
def test_a_wrong_entry_is_named_by_its_path(args, path):
    def f(*args):
        *right, wrong = numbers_in(args)
        return ag.sum(x * x for x in right) + wrong * wrong.item()

    x = args[-1].data if isinstance(args[-1], Value) else float(numbers_in(args)[-1])
    text = message(f, args)
    assert f"the derivative of f by {path} is wrong\n  order 1, mode rev: the reverse sweep\n" in text
    assert f"expected {2 * x:g}, by differences, give or take " in text
    assert f"got      {x!r}\n  they differ by {x:g}, the tolerance is {2e-6 * x:.1e}\n" in text


def test_fields_that_a_dataclass_computes_are_computed_from_the_numbers_at_hand():
    check_grads(lambda body: body.momentum * body.mass, (Body(3.0, 1.5),))
    text = message(lambda body: body.momentum * body.speed.item(), (Body(3.0, 1.5),))
    assert "by argument 0.speed is wrong" in text


def test_arrays_reach_the_function_as_arrays_and_their_entries_are_named():
    np = pytest.importorskip("numpy", reason="needs the extra demos")

    def f(x, y):
        assert (type(x), x.shape, type(y), y.shape) == (np.ndarray, (2, 2), np.ndarray, ())
        return (x @ x).sum() * np.sin(y * 1.0)

    args = (np.array([[0.5, 2.0], [1.0, -1.0]]), np.array(1))
    check_grads(f, args)
    assert (args[0].tolist(), args[1].dtype.kind) == ([[0.5, 2.0], [1.0, -1.0]], "i")
    text = message(lambda p: p["w"][1, 0] * p["w"][1, 0].item(), ({"w": args[0]},))
    assert "by argument 0['w'][1, 0] is wrong" in text
    with pytest.raises(GradcheckError, match=r"argument 0\[1\] was Value\(2.0\) and is now 5; let it work on a copy"):
        check_grads(lambda x: x.__setitem__(1, 5) or x[0], (np.array([1.0, 2.0]),))
    with pytest.raises(TypeError, match=r"argument 0\.left is array\(\['a'\].* of type ndarray; leave what is"):
        check_grads(abs, (Pair(np.array(["a"]), 1.0),))


def test_it_works_within_no_grad_and_leaves_grads_of_constants_alone():
    w = Value(3.0)
    (w * w).backward()
    with ag.no_grad():
        check_grads(lambda x: w * x * x, (2.0,))
        assert "is wrong" in message(lambda x: w * x * x.item(), (2.0,))
    assert (w.data, w.grad) == (3.0, 6.0)


def test_a_function_may_use_grad_within():
    check_grads(lambda x: x * ag.grad(lambda y: ag.sin(x * y))(2.0), (0.3,))


def test_callables_of_any_kind_are_named():
    class Model:
        def __call__(self, x):
            return x * x.item()

    assert "the derivative of Model by argument 0 is wrong" in message(Model(), (1.0,))


@pytest.mark.parametrize(("modes", "most"), [(("fwd",), 60), (("rev",), 1100)])
def test_how_often_the_function_is_called(modes, most):
    calls = []

    def f(xs):
        calls.append(1)
        return ag.sum(x * x for x in xs)

    check_grads(f, ([1.0] * 50,), order=1, modes=modes)
    assert len(calls) <= most


# Functions of numbers around 1 with right gradients, and some with wrong ones, each with its point.
RIGHT = [
    (lambda z: ag.exp(-(z[0] ** 2)), [1.0]),
    (lambda z: ag.tanh(z[0]), [2.0]),
    (lambda z: 1 / z[0] + ag.log(z[0]), [0.3]),
    (lambda z: z[0] ** 3 - 2 * z[0], [0.7]),
    (lambda z: ag.sqrt(z[0]), [0.01]),
    (lambda z: ag.sin(z[0] * z[1]) + z[1] ** 2, [0.5, -1.2]),
    (lambda z: z[0] * z[1] + ag.sin(z[0]), [0.0, 1.3]),
    (lambda z: 3.0 + ag.cos(z[0]), [1.0]),
    (lambda z: 5.0 + (z[0] - 1.0) ** 2, [1.0]),
    (lambda z: 1e3 + ag.sin(z[0]), [1.0]),
    (lambda z: 1e6 + 1e-6 * ag.exp(-(z[0] ** 2)), [1.0]),  # over longer steps a constant
    (lambda z: ag.relu(z[0] - 1.0), [2.5]),
    (lambda z: ag.sin(z[0]) ** 2 + ag.cos(z[0]) ** 2 - 1.0, [0.4]),
    (lambda z: z[0] - z[0], [1.0]),
]
WRONG = [
    (lambda z: z[0] * z[0].item(), [1.0]),
    (lambda z: ag.exp(-(z[0].item() ** 2)) + 0.0 * z[0], [1.0]),
    (lambda z: ag.sin(z[0]) + 1e-3 * z[0].item(), [0.6]),
    (lambda z: 100.0 + ag.sin(z[0]) + 1e-3 * z[0].item(), [0.6]),
    (lambda z: ag.sin(z[0] * z[1].item()) + z[1] ** 2, [0.5, -1.2]),
    (lambda z: z[0] * z[1] + ag.sin(z[0].item()), [0.0, 1.3]),
    (lambda z: math.sin(z[0].item()), [1.0]),
]
in_other_units = st.floats(-21, 12).map(lambda power: 10.0**power)


def scaled(f, point, a, b):
    """The same function where its arguments are measured in a unit of the size ``a``, and its result in ``b``."""
    return lambda xs: b * f([x / a for x in xs]), ([a * z for z in point],)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(RIGHT), in_other_units, in_other_units)
def test_right_gradients_pass_in_all_units(case, a, b):
    check_grads(*scaled(*case, a, b))


def test_what_cancels_in_a_slope_leaves_rounding_errors_in_every_unit():
    for power in range(1, 60):
        a, b = 10 ** (-power / 2.9), 10 ** (power / 5.3)
        check_grads(*scaled(lambda z: ag.sin(z[0]) ** 2 + ag.cos(z[0]) ** 2 - 1.0, [0.4], a, b))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(WRONG), st.sampled_from(["rev", "fwd"]), in_other_units, in_other_units)
def test_wrong_gradients_are_wrong_in_all_units(case, mode, a, b):
    assert " is wrong\n  order 1, " in message(*scaled(*case, a, b), modes=(mode,))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([-1.0, 0.0, 0.5, 1.001]), in_other_units, in_other_units)
def test_wrong_gradients_of_the_second_order_are_wrong_in_all_units(factor, a, b):
    def second(out, x):
        return -factor * ag.sin(x)

    with toy_row(math.cos, second, name="cosine") as cosine, toy_row(math.sin, lambda out, x: cosine(x)) as toy:
        f, point = scaled(lambda z: toy(z[0]), [0.8], a, b)
        check_grads(f, point, order=1)
        assert " is wrong\n  order 2, " in message(f, point)


@settings(max_examples=50, deadline=None)
@given(in_other_units, st.floats(-1, 1))
def test_a_zero_has_no_unit_and_finds_it(a, offset):
    check_grads(lambda x: ag.sin(x / a) * ag.exp(-((x / a) ** 2)), (0.0,), order=1)
    check_grads(lambda x: offset + ag.sin(x), (0.0,))
    assert "is wrong" in message(lambda x: ag.sin(x.item() / a) * ag.exp(-((x / a) ** 2)), (0.0,))
    assert "is wrong" in message(lambda x: offset + ag.sin(x) * 2.0 - math.sin(x.item()), (0.0,))


@settings(max_examples=50, deadline=None)
@given(st.floats(-36, 0).map(lambda power: 10.0**power))
def test_a_tiny_number_that_f_adds_to_1_is_judged_over_longer_steps(x):
    check_grads(lambda x: 1.0 + 3.0 * x + x * x, (x,))
    check_grads(ag.cos, (x,))
    assert "is wrong" in message(lambda x: 1.0 + 3.0 * x + 3e-4 * x.item(), (x,))
    assert "is wrong" in message(lambda w: ag.exp(w[0]) + w[1].item() * w[1], ([x, 1.0],), modes=("rev",))


# ---- Wrong gradients are caught. ------------------------------------------------------------------------------------

coefficient = st.integers(-30, 30).map(lambda tenths: tenths / 10)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(coefficient, min_size=2, max_size=5),
    st.floats(-2, 2),
    st.sampled_from([-1.0, 0.0, 0.5, 2.0, 1 - 1e-4, 1 + 1e-4]),
    st.sampled_from(["rev", "fwd"]),
)
def test_a_wrong_factor_is_caught_in_any_polynomial_and_the_right_one_passes(coefficients, x, factor, mode):
    def value(x):
        return math.fsum(c * x**k for k, c in enumerate(coefficients))

    def slope(out, x):
        return ag.sum(k * c * x ** (k - 1) for k, c in enumerate(coefficients) if k)

    size = math.fsum(abs(c) * max(1.0, abs(x)) ** k for k, c in enumerate(coefficients))
    assume(abs(slope(None, x)) > 1e-3 * size)
    with toy_row(value, slope) as toy:
        check_grads(lambda x: toy(x) + x, (x,), modes=(mode,))
    with toy_row(value, lambda out, x: factor * slope(out, x)) as toy:
        text = message(toy, (x,), modes=(mode,))
    assert text.startswith("the derivative of toy by argument 0 is wrong\n")
    assert f"order 1, mode {mode}: " in text


def test_a_mistake_in_one_partial_of_two_is_named():
    with toy_row(lambda x, y: x * y, lambda out, x, y: y, lambda out, x, y: y) as toy:
        assert "by argument 1 is wrong" in message(toy, (2.0, 3.0))
        assert "along a direction of all 2 numbers is wrong" in message(toy, (2.0, 3.0), modes=("fwd",))


def test_a_mistake_of_the_second_order_is_found_at_order_2_only():
    def cut(out, x):
        return math.cos(x.item() if isinstance(x, Value) else x)

    with toy_row(math.sin, cut) as toy:
        check_grads(toy, (1.0,), order=1)
        text = message(toy, (1.0,), order=2)
    assert text.startswith("the derivative of the order 1 slope of toy by argument 0 is wrong\n  order 2, mode rev: ")
    assert "the result is cut off from this argument: .item(), .data or a number took its place" in text


def test_a_mistake_of_the_third_order_is_found_at_order_3_only():
    def cut(out, x):
        return -math.sin(x.item() if isinstance(x, Value) else x)

    with toy_row(math.cos, cut) as cosine, toy_row(math.sin, lambda out, x: cosine(x), name="sine") as sine:
        check_grads(sine, (1.0,), order=2)
        assert "the order 2 slope of sine by argument 0 is wrong\n  order 3, mode rev" in message(sine, (1.0,), order=3)


def test_a_mistake_that_only_the_sweep_over_values_makes_is_found_by_fwd():
    with toy_row(math.sin, lambda out, x: ag.cos(x) * (2.0 if isinstance(x, Value) else 1.0)) as toy:
        check_grads(toy, (1.0,), order=1, modes=("rev",))
        text = message(toy, (1.0,), order=1)
    assert "order 1, mode fwd: the sweep over Values, differentiated by its cotangent" in text


def test_tolerances_decide():
    with toy_row(math.exp, lambda out, x: 1.001 * out) as toy:
        check_grads(toy, (1.0,), rtol=1e-2)
        check_grads(toy, (1.0,), atol=0.1)
        assert "the tolerance is 2.7e-04" in message(toy, (1.0,), rtol=1e-4, atol=0.0)
    assert "cannot be judged: the differences are too uncertain" in message(ag.exp, (1.0,), rtol=0.0, atol=0.0)


# ---- Functions that do more than compute. ---------------------------------------------------------------------------

w = Value(2.0, label="w")
calls = [0]


def appends(xs):
    xs.append(1.0)
    return xs[0]


def deletes(p):
    return p.pop("b") * p["a"]


def replaces(xs):
    xs[1] = xs[1] * 2
    return xs[0] * xs[1]


def assigns_data(x):
    x.data = 5.0
    return x * x


def assigns_grad(p):
    (p["a"] ** 2).backward()
    return p["a"] * p["b"]


def updates_weight(x):
    out = w * x
    w.grad += 1.0
    return out


def counts(x):
    calls[0] += 1
    return x * calls[0]


SIDE_EFFECTS = [
    (appends, ([1.0, 2.0],), r"appends changes its arguments: argument 0\[2\] was added; let it work on a copy"),
    (deletes, ({"a": 1.0, "b": 2.0},), r"deletes changes its arguments: argument 0\['b'\] was removed"),
    (replaces, ([1.0, 2.0],), r"argument 0\[1\] was Value\(2.0\) and is now Value\(4.0\)"),
    (assigns_data, (1.0,), r"argument 0 had \(data, grad\) = \(1.0, 0.0\) and now has \(5.0, 0.0\)"),
    (assigns_grad, ({"a": 1.0, "b": 2.0},), r"argument 0\['a'\] had \(data, grad\) = \(1.0, 0.0\) and now has"),
    (updates_weight, (1.0,), r"updates_weight changes Value\(2.0, label='w'\), which it closes over: it had"),
    (counts, (1.0,), r"counts is noisy: two calls with the same arguments gave the values \d+.0 and \d+.0; fix the"),
]


@pytest.mark.parametrize(("f", "args", "text"), SIDE_EFFECTS)
def test_side_effects_are_named_and_the_callers_arguments_stay(f, args, text):
    before = copy.deepcopy(args)
    with pytest.raises(GradcheckError, match=text):
        check_grads(f, args)
    assert args == before


def test_values_in_the_arguments_are_not_those_that_the_function_gets():
    x = Value(1.0, label="x")
    with pytest.raises(GradcheckError, match="argument 0 had"):
        check_grads(assigns_data, (x,))
    assert (x.data, x.grad, x.label) == (1.0, 0.0, "x")


def test_a_gradient_that_differs_between_calls_is_noise_too():
    count = iter(range(100))
    with toy_row(math.sin, lambda out, x: float(next(count))) as toy:
        text = message(toy, (1.0,))
    assert "toy is noisy: two calls with the same arguments gave the derivatives by argument 0 0.0 and 1.0" in text


def test_a_sweep_that_is_not_linear_in_its_cotangent_is_reported():
    slopes = iter([2.0, 2.0, 2.0, 3.0])  # two calls of grad, then the cotangents 1 and 2
    with toy_row(lambda x: 2.0 * x, lambda out, x: next(slopes)) as toy:
        text = message(toy, (1.0,))
    assert "the sweep through toy is not linear: by argument 0, the cotangents 0.0, 1.0 and 2.0 gave" in text
    assert "0.0, 2.0 and 6.0, and grad 2.0; this is an error of the engine or of a row" in text


def test_a_gradient_below_the_smallest_normal_number_need_not_double_exactly():
    check_grads(lambda x: x * 1e-200 * 1e-120, (1.0,), order=1, atol=1e-300)


# ---- Kinks, edges and holes. ----------------------------------------------------------------------------------------


def python_corner(x):
    return x if x > 1.0 else 3.0 - 2.0 * x


def half_line(x):
    if x < 0.0:
        raise ValueError("x is negative")
    return x * x + 3 * x


def island(x):
    if x != 1.0:
        raise ZeroDivisionError("nowhere but at 1")
    return x * 2.0


def rough(x):
    return x + 1e-3 * math.sin(1e15 * x.item())


UNJUDGED = [
    (
        ag.relu,
        (Value(0.0, label="x"),),
        "the derivative of relu by argument 0 does not exist: the slope is 0 on the left and 1 on the right",
        "there is a corner at the point or very near it; choose a point farther away",
        "at a kink, or near one, of relu(Value(0.0, label='x')), where differences prove little",
    ),
    (abs, (0.0,), "does not exist: the slope is -1 on the left and 1 on the right", "abs(Value(0.0))"),
    (
        lambda x: abs(x - 1.0),
        (1.0 + 1e-10,),
        "the order 1 slope of <lambda> by argument 0 cannot be judged: there is a kink at the point or near it",
        "order 2, mode rev",
        "or near one, of abs(Value(1.0",
    ),
    (ag.maximum, (2.0, 2.0), "does not exist: the slope is 0 on the left", "maximum(Value(2.0), Value(2.0))"),
    (
        lambda x: ag.sum(ag.relu(k * x) for k in range(1, 6)),
        (0.0,),
        "of relu(Value(0.0)), relu(Value(0.0)), relu(Value(0.0)) and 2 more, where",
    ),
    (
        lambda x: x * abs(x),
        (0.0,),
        "the order 1 slope of <lambda> by argument 0 does not exist: the slope is -2 on the left and 2 on the right",
        "order 2, mode rev",
    ),
    (python_corner, (1.0,), "does not exist: the slope is -2 on the left and 1 on the right"),
    (lambda x: x // 2.0, (4.0,), "by argument 0 does not exist: there is a jump\n", "floordiv(Value(4.0), 2.0)"),
    (lambda x: round(x, 0), (0.5,), "by argument 0 does not exist: there is a jump\n", "round(Value(0.5), 0"),
    (
        rough,
        (1.0,),
        "the derivative of rough by argument 0 cannot be judged: the differences are too uncertain",
        "the function may be rough or singular here; choose another point, or larger rtol and atol",
    ),
    (
        island,
        (1.0,),
        "cannot be judged: the function cannot be evaluated around the point",
        "choose a point inside its domain",
        "beside the point it raises ZeroDivisionError: nowhere but at 1",
    ),
    (ag.sqrt, (0.0,), "the derivative of sqrt by argument 0 is inf, which differences cannot confirm", "ValueError"),
    (lambda x: ag.sqrt(x - x), (1.0,), "is nan, which differences cannot confirm", "choose another point"),
    (lambda x: x * math.inf, (1.0,), "<lambda> is inf at this point, where it has no derivative; choose another"),
    (lambda x: x * math.nan, (1.0,), "<lambda> is nan at this point, where it has no derivative; choose another"),
    (lambda x: math.sin(x.item()), (1.0,), "is wrong", "the result is cut off from this argument: .item(), .data"),
    (lambda x, y: y * x.data, (1.0, 2.0), "by argument 0 is wrong", "cut off from this argument"),
    (lambda x: x * 0.0 + x.item(), (1.0,), "is wrong", "got      0.0", "look for .item(), .data and plain numbers"),
    (lambda x: ag.cos(ag.exp(x)), (80.0,), "cannot be judged: the differences are too uncertain"),
    (lambda x: x * x.item(), (1.0,), "is wrong", "look for .item(), .data and plain numbers that stand for a Value"),
]


@pytest.mark.parametrize(("f", "args", "texts"), [(f, args, texts) for f, args, *texts in UNJUDGED])
def test_what_cannot_be_judged_says_why(f, args, texts):
    found = message(f, args)
    assert all(text in found for text in texts), found


@pytest.mark.parametrize("unit", [1e-21, 1e-6, 1.0, 1e12])
def test_the_hint_of_a_kink_is_given_for_points_near_one_only_in_the_unit_of_the_argument(unit):
    wrong = lambda x: ag.relu(x / unit - 1.0) * x.item()  # noqa: E731
    assert "kink" in message(wrong, (1.005 * unit,))
    assert "kink" not in message(wrong, (1.5 * unit,))
    assert "kink" not in message(lambda x: ag.relu(x) * x.item(), (unit,))


def test_at_a_kink_no_numbers_are_compared_that_agree():
    for f, point, *_ in UNJUDGED:
        text = message(f, point)
        assert "they differ by 0," not in text, text
        assert ("they differ by" in text) == ("expected " in text), text


def test_kinks_that_do_not_matter_pass():
    check_grads(lambda x: ag.maximum(x, x), (1.0,))
    check_grads(lambda x: x * abs(x), (0.0,), order=1)
    check_grads(lambda x: ag.relu(x - 1.0) * 0.0 + x, (1.0,))
    check_grads(ag.relu, (1e-3,))


def test_an_edge_of_the_domain_is_checked_from_inside():
    check_grads(half_line, (0.0,))
    check_grads(lambda x: ag.sqrt(x) * ag.sqrt(x) ** 3, (1e-12,), order=1)
    check_grads(ag.log, (1e-5,))
    text = message(lambda x: half_line(x) * (1 + 0.0 * x) - x + x.item(), (0.0,))
    assert "is wrong" in text
    assert "beside the point it raises ValueError: x is negative" in text


def test_an_exception_at_the_point_passes_through():
    error = RuntimeError("mine")

    def f(x):
        raise error

    with pytest.raises(RuntimeError) as caught:
        check_grads(f, (1.0,))
    assert caught.value is error
    with pytest.raises(ZeroDivisionError):
        check_grads(lambda x: 1 / x, (0.0,))


def test_an_exception_beside_the_point_that_is_no_matter_of_domains_passes_through():
    def f(x):
        return x if x == 1.0 else [][0]

    with pytest.raises(IndexError):
        check_grads(f, (1.0,))


# ---- Results that are found by comparisons. -------------------------------------------------------------------------


def cube_root(p, steps):
    low, high = 0.0, 10.0
    for _ in range(steps):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if middle**3 > p else (middle, high)
    return 0.5 * (low + high)


@pytest.mark.parametrize("steps", [8, 12, 16, 20, 25, 30, 40, 60])
@pytest.mark.parametrize("modes", [("rev",), ("fwd",), ("fwd", "rev")])
def test_a_root_by_bisection_is_no_function_without_slope(steps, modes):
    text = message(lambda p: cube_root(p, steps), (8.0,), modes=modes)
    assert "is 0 by every argument, but it is not constant" in text or "is wrong" in text
    assert "compared" in text


def counted(x, y):
    """A while loop on floats: how often it ran is all that is left of its arguments."""
    n = 0
    while y > 1e-2 * x:
        y, n = y * 0.99, n + 1
    return n / 7


def nearest(x):
    return min([0.97, 1.0, 1.03], key=lambda grid: abs(grid - x.item()))


def looked_up(xs):
    return sum(0.125 for x in xs for knot in (0.99, 1.01, 1.05) if x > knot)


@pytest.mark.parametrize(("f", "args"), [(counted, (1.0, 3.0)), (nearest, (1.0,)), (looked_up, ([1.0, 1.02],))])
def test_other_results_that_only_comparisons_lead_to_are_reported_with_numbers(f, args):
    text = message(f, args)
    assert f"the derivative of {f.__name__} is 0 by every argument, but it is not constant\n  order 1" in text
    low, high = map(float, re.search(r"nearby it gave (\S+) and (\S+)\n", text).groups())
    assert low < high
    assert "compared and no more, as in a root by bisection, which leaves no slope" in text
    assert "for what equations define, such as a root, use ag.implicit" in text


def test_functions_that_are_constant_around_the_point_or_flat_in_the_table_pass():
    check_grads(lambda x: 1.0 if x > 0.0 else 2.0, (0.5,))
    check_grads(lambda x: x // 0.01, (0.505,))
    check_grads(lambda x, y: y * (2.0 if x > 0.501 else 3.0), (0.5, 1.0), order=1, modes=("rev",))


# ---- Bad input. -----------------------------------------------------------------------------------------------------

BAD = [
    ((3.0, (1.0,)), TypeError, "f is 3.0 of type float; pass a function, and not its value"),
    ((abs, 2.0), TypeError, r"args is 2.0 of type float; pass a tuple of the function's arguments, for a single arg"),
    ((abs, [2.0]), TypeError, r"args is \[2.0\] of type list; pass a tuple .*, for a single argument x \(x,\)"),
    ((abs, ()), ValueError, r"args is \(\); pass at least one number to differentiate by"),
    ((abs, ([], {})), ValueError, r"args is \(\[\], \{\}\); pass at least one number to differentiate by"),
    ((abs, ([1.0, "a"],)), TypeError, r"argument 0\[1\] is 'a' of type str; leave what is no number out of args and"),
    ((abs, (math.nan,)), ValueError, "argument 0 is nan; choose a point with finite numbers"),
    ((abs, (Pair(0.0, 10**400),)), ValueError, r"argument 0\.right is inf; choose a point with finite numbers"),
    ((abs, ({"a": Value(-math.inf)},)), ValueError, r"argument 0\['a'\] is -inf; choose a point with finite"),
    ((lambda x: [x], (1.0,)), TypeError, r"<lambda> returned \[Value\(1.0\)\] of type list; return a single number"),
    ((lambda x: None, (1.0,)), TypeError, "<lambda> returned None of type NoneType; return a single number"),
    ((abs, (1.0,), 0), ValueError, "order is 0; choose an int of at least 1"),
    ((abs, (1.0,), 1.0), TypeError, "order is 1.0 of type float; choose an int of at least 1"),
    ((abs, (1.0,), True), TypeError, "order is True of type bool; choose an int of at least 1"),
    ((abs, (1.0,), 1, ("rev", "back")), ValueError, r"modes\[1\] is 'back'; choose 'rev' or 'fwd'"),
    ((abs, (1.0,), 1, (1,)), TypeError, r"modes\[0\] is 1 of type int; choose 'rev' or 'fwd'"),
    ((abs, (1.0,), 1, "rev"), TypeError, r"modes is 'rev' of type str; choose \('rev',\), \('fwd',\) or both"),
    ((abs, (1.0,), 1, 3), TypeError, r"modes is 3 of type int; choose \('rev',\), \('fwd',\) or both"),
    ((abs, (1.0,), 1, ()), ValueError, r"modes is \(\); choose \('rev',\), \('fwd',\) or both"),
    ((abs, (1.0,), 1, ("rev",), -1e-6), ValueError, "rtol is -1e-06; choose a finite number of at least 0"),
    ((abs, (1.0,), 1, ("rev",), math.nan), ValueError, "rtol is nan; choose a finite number of at least 0"),
    ((abs, (1.0,), 1, ("rev",), 1e-6, -1), ValueError, "atol is -1; choose a finite number of at least 0"),
    ((abs, (1.0,), 1, ("rev",), "0"), TypeError, "rtol is '0' of type str; choose a finite number of at"),
]


@pytest.mark.parametrize(("call", "error", "text"), BAD)
def test_bad_input_is_an_error_that_says_what_and_what_to_do(call, error, text):
    with pytest.raises(error, match=text):
        check_grads(*call)


# ---- The fixture. ---------------------------------------------------------------------------------------------------

FIXTURE_TEST = """
import autograd_mini as ag

def test_right(check_grads):
    check_grads(lambda x: ag.sin(x) * x, (0.5,))

def test_wrong(check_grads):
    check_grads(lambda x: x * x.item(), (0.5,))
"""


def test_pytest_finds_the_fixture_by_its_entry_point(tmp_path):
    (tmp_path / "test_user.py").write_text(FIXTURE_TEST)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(tmp_path)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "1 failed, 1 passed" in result.stdout
    assert "GradcheckError: the derivative of <lambda> by argument 0 is wrong" in result.stdout


PLAIN_TEST = """
import autograd_mini as ag
from autograd_mini.testing import check_grads, difference

def loses(x):
    return x * x.item()

def raises(x):
    return ag.log(x - 2.0)

def test_wrong():
    check_grads(loses, (0.5,))  # here wrong

def test_changed():
    check_grads(lambda xs: xs.append(1.0) or xs[0], ([0.5],))  # here changed

def test_kink():
    check_grads(abs, (0.0,))  # here kink

def test_refused():
    check_grads(loses, (0.5,), order=0)  # here refused

def test_no_tuple():
    check_grads(loses, 0.5)  # here no tuple

def test_no_step():
    difference(abs, 0.5, step=-1.0)  # here no step

def test_exception():
    check_grads(raises, (0.5,))  # here exception
"""


def test_pytest_shows_the_line_that_calls_and_not_our_source(tmp_path):
    (tmp_path / "test_user.py").write_text(PLAIN_TEST)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "-q", "test_user.py"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert "7 failed" in said
    for what in ("wrong", "changed", "kink", "refused", "no tuple", "no step", "exception"):
        assert re.search(f"^> .*# here {what}$", said, re.MULTILINE), what
    assert "    return ag.log(x - 2.0)\n" in said
    for module in ("check", "differences", "arguments"):
        assert f"{module}.py:" not in said, said


def test_what_plugins_load_is_light_and_no_part_of_the_package(tmp_path):
    code = (
        "import pytest, sys; old = set(sys.modules); import autograd_mini_plugins.fixtures; "
        "print(*set(sys.modules) - old)"
    )
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) == {"autograd_mini_plugins", "autograd_mini_plugins.fixtures"}
