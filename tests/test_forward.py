"""jvp: against grad and vjp, its structures, and how it nests."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Value, grad, jvp, vjp
from autograd_mini.testing import programs
from autograd_mini.testing.oracles import Untrusted, exact
from autograd_mini.testing.program import VALUES

numbers = st.floats(-3, 3)


@given(programs(), st.lists(numbers, min_size=9, max_size=9))
def test_jvp_finds_the_derivative_of_fifty_digits_along_a_direction(program, direction):
    try:
        right = exact(program)
        value, found = jvp(lambda xs: program.run(VALUES, xs), (program.inputs,), (tuple(direction[: len(right)]),))
    except (Untrusted, ArithmeticError, ValueError):
        assume(False)
    assert type(value) is type(found) is float
    expected = math.fsum(d * x for d, (x, _) in zip(direction, right, strict=False))
    allowed = sum(abs(d) * (slack + 1e-12 * abs(x)) for d, (x, slack) in zip(direction, right, strict=False))
    assert abs(found - expected) <= allowed + 1e-300


def test_results_and_tangents_have_the_structure_of_the_result():
    f = lambda p, y: {"a": p["x"] * y, "b": [y, 3, (p["z"][0],)]}  # noqa: E731
    out, moved = jvp(f, ({"x": 3, "z": [5.0]}, 2.0), ({"z": [7.0], "x": 1}, 10.0))
    assert out == {"a": 6.0, "b": [2.0, 3.0, (5.0,)]}
    assert moved == {"a": 32.0, "b": [10.0, 0.0, (7.0,)]}
    assert jvp(lambda x: 7, [1.0], [1.0]) == (7.0, 0.0)
    np = pytest.importorskip("numpy")
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    out, moved = jvp(lambda x: matrix @ x, (np.array([1, 2]),), (np.array([1.0, 10.0]),))
    assert (out.dtype, out.tolist(), moved.dtype, moved.tolist()) == (float, [5.0, 11.0], float, [21.0, 43.0])


def test_jvp_and_vjp_are_transposes_of_each_other():
    f = lambda x, y: [ag.sin(x) * y, x / y, ag.sqrt(x * x + y)]  # noqa: E731
    tangents, cotangents = (0.3, -0.7), [1.5, -2.0, 0.25]
    moved = jvp(f, (1.2, 0.8), tangents)[1]
    pulled = vjp(f, 1.2, 0.8)[1](cotangents)
    left = sum(c * t for c, t in zip(cotangents, moved, strict=True))
    assert left == pytest.approx(sum(c * t for c, t in zip(pulled, tangents, strict=True)), rel=1e-14)


def test_tangents_of_an_inner_call_are_not_those_of_an_outer_one():
    """Perturbation confusion: the inner derivative of x * y by y is x, whose derivative is 1."""
    inner = lambda x: jvp(lambda y: x * y, (2.0,), (1.0,))[1]  # noqa: E731
    assert jvp(lambda x: x * inner(x), (3.0,), (1.0,)) == (9.0, 6.0)
    assert grad(lambda x: x * inner(x))(3.0) == 6.0
    assert jvp(lambda x: x * grad(lambda y: x * y)(2.0), (3.0,), (1.0,)) == (9.0, 6.0)
    assert jvp(lambda x: jvp(lambda y: x * x * y * y, (x,), (1.0,))[1], (2.0,), (1.0,)) == (16.0, 24.0)


def test_values_among_tangents_can_be_differentiated_by():
    t = Value(5.0)
    out, moved = jvp(lambda x: x**3, (2.0,), (t * t,))
    moved.backward()
    assert (out.data, moved.data, t.grad) == (8.0, 300.0, 120.0)
    assert grad(lambda t: jvp(lambda x: x**3, (2.0,), (t * t,))[1])(5.0) == 120.0
    with ag.no_grad():
        assert jvp(lambda x: x**3, (2.0,), (t,)) == (8.0, 60.0)


def test_what_a_function_does_to_its_tangents_comes_too_late():
    tangents = [[1.0, 2.0]]
    assert jvp(lambda xs: (tangents[0].clear(), xs[0] * xs[1])[1], ([3.0, 4.0],), tangents) == (12.0, 10.0)


F = lambda *args: args  # noqa: E731
MESSAGES = [
    (lambda: jvp(1.0, (1.0,), (1.0,)), TypeError, "the f of jvp is 1.0 of type float; pass the function itself"),
    (lambda: jvp(F, 1.0, 1.0), TypeError, "primals is 1.0 of type float; pass a tuple with an entry for each argument"),
    (
        lambda: jvp(F, (1.0,), 1.0),
        TypeError,
        "tangents is 1.0 of type float; pass a tuple with an entry for each argum",
    ),
    (lambda: jvp(F, (), ()), ValueError, r"tangents is \(\); pass one for each of the 0 primals, and at least one"),
    (lambda: jvp(F, (1.0,), (1.0, 2.0)), ValueError, r"tangents is \(1.0, 2.0\); pass one for each of the 1 primals"),
    (lambda: jvp(F, ([1.0],), (1.0,)), TypeError, r"tangents\[0\] is 1.0 of type float; give it the structure of prim"),
    (
        lambda: jvp(F, ([1.0],), ((1.0,),)),
        TypeError,
        r"tangents\[0\] is \(1.0,\) of type tuple; .* a list stands there",
    ),
    (lambda: jvp(F, ([1.0],), ([1.0, 2.0],)), ValueError, r"tangents\[0\] is \[1.0, 2.0\]; .* which has 1 parts there"),
    (
        lambda: jvp(F, ({"a": [1.0]},), ({"a": [None]},)),
        TypeError,
        r"tangents\[0\]\['a'\]\[0\] is None .*; put a number th",
    ),
    (lambda: jvp(F, ({"a": 1.0},), ({},)), ValueError, r"tangents\[0\] is \{\}; .*, which has the keys \['a'\] there"),
    (
        lambda: jvp(F, (1.0,), (1j,)),
        TypeError,
        r"tangents\[0\] is 1j of type complex; put a number there, as in primals",
    ),
    (
        lambda: jvp(lambda x: {x}, (1.0,), (1.0,)),
        TypeError,
        r"<lambda> returned \{Value.* of type set; return numbers in",
    ),
]


@pytest.mark.parametrize(("wrong", "error", "message"), MESSAGES)
def test_bad_input_is_an_error_that_says_what_and_what_to_do(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_an_array_of_another_shape_is_no_tangent():
    np = pytest.importorskip("numpy")
    with pytest.raises(
        ValueError, match=r"tangents\[0\] is array.*; give it the structure of primals.* the shape \(2,\)"
    ):
        jvp(F, (np.zeros(2),), (np.zeros(3),))
