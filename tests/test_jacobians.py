"""jacobian: both directions, what is structurally zero, structures of every kind, sparse matrices."""

import math
from collections import namedtuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Value, grad, jacobian, jvp, vjp
from autograd_mini.core import mode
from autograd_mini.testing import programs
from autograd_mini.testing.oracles import Untrusted, exact
from autograd_mini.testing.program import VALUES

ERRORS = (ArithmeticError, ValueError)
Pair = namedtuple("Pair", "left right")


@given(programs())
def test_a_row_is_the_derivative_of_fifty_digits(program):
    try:
        right = exact(program)
        (found,) = jacobian(lambda xs: [program.run(VALUES, xs)])(list(program.inputs))
    except (Untrusted, *ERRORS):
        assume(False)
    assert all(abs(x - expected) <= slack for x, (expected, slack) in zip(found, right, strict=True))


def mixed(xs):
    """Each result depends on some neighbours, and now and then on all that came before."""
    total, out = 0.0, []
    for i, x in enumerate(xs):
        out.append(ag.sin(x) * xs[i - 1] + xs[(i * 7) % len(xs)] / (2.0 + x * x))
        if i % 10 == 0:
            total = total + ag.tanh(out[-1])
            out.append(total * ag.exp(-x))
    return out


@settings(max_examples=10)
@given(st.integers(30, 160), st.floats(0.1, 3.0))
def test_both_directions_find_the_same_matrix(n, scale):
    point = [math.sin(scale * i) for i in range(n)]
    backward = jacobian(mixed)(point)
    unit = lambda i: [float(i == j) for j in range(n)]  # noqa: E731
    columns = [jvp(mixed, (point,), (unit(i),))[1] for i in range(n)]
    assert len(backward) > n
    for row, across in zip(backward, zip(*columns, strict=True), strict=True):
        assert row == pytest.approx(list(across), rel=1e-13, abs=1e-14)  # the terms of a sum are of the order of 1


def test_many_results_of_few_inputs_are_swept_forward_and_few_of_many_backward():
    sweeps = []

    class Directions(mode.Watcher):
        def before_sweep(self, sweep):
            sweeps.append(sweep.is_forward)

    with mode.watching(Directions()):
        tall = jacobian(lambda x: [x[0] * i + x[1] * x[1] for i in range(32)])([3.0, 2.0])
        wide = jacobian(lambda x: [x[0], x[1] * x[2]])([1.0, 2.0, 3.0])
    assert tall == [[float(i), 4.0] for i in range(32)]
    assert wide == [[1.0, 0.0, 0.0], [0.0, 3.0, 2.0]]
    assert sweeps == [True, True, False, False]


class Sizes(mode.Watcher):
    """How many nodes all sweeps have visited."""

    def __init__(self):
        self.visited = 0

    def swept(self, sweep, found):
        self.visited += len(found)


def test_a_row_costs_what_its_result_was_computed_from():
    def visited(n):
        with mode.watching(sizes := Sizes()):
            made = jacobian(lambda xs: [a * b + ag.sin(a) for a, b in zip(xs, xs[1:], strict=False)])([1.0] * n)
        assert len(made) == n - 1
        return sizes.visited

    assert visited(41) == 2 * visited(21)


# ---- Structures. ----------------------------------------------------------------------------------------------------


def test_each_number_of_the_result_becomes_a_structure_like_the_argument():
    f = lambda p: {"u": p.left * p.right[0], "v": (p.right[1], 5)}  # noqa: E731
    assert jacobian(f)(Pair(2.0, [3.0, 4.0])) == {
        "u": Pair(3.0, [2.0, 0.0]),
        "v": (Pair(0.0, [0.0, 1.0]), Pair(0.0, [0.0, 0.0])),
    }
    g = lambda x, y: [x * y, x]  # noqa: E731
    assert jacobian(g)(2.0, 3.0) == [3.0, 1.0]
    assert jacobian(g, (1, 0))(2.0, 3.0) == [(2.0, 3.0), (0.0, 1.0)]
    assert jacobian(lambda x: x * x)(3.0) == 6.0
    assert jacobian(lambda x: [])([1.0]) == []
    assert jacobian(lambda x: 1.0)([]) == []
    assert jacobian(lambda x: (x[0], {"seen": x[0]}), has_aux=True)([1.0]) == ([1.0], {"seen": 1.0})


def test_arrays_make_arrays_whose_axes_are_those_of_the_result_and_then_of_the_argument():
    np = pytest.importorskip("numpy")
    matrix = np.arange(6.0).reshape(2, 3)
    found = jacobian(lambda x: matrix @ x)(np.array([1.0, 2.0, 3.0]))
    assert (found.dtype, found.tolist()) == (float, matrix.tolist())
    outer = jacobian(lambda x: x[:, None] * x[None, :])(np.array([2, 3]))
    assert outer.shape == (2, 2, 2)
    assert outer.tolist() == [[[4.0, 0.0], [3.0, 2.0]], [[3.0, 2.0], [0.0, 6.0]]]
    tall = jacobian(lambda x: np.array([x[0] * i for i in range(20)]))(np.array([2.0]))
    assert (tall.shape, tall.ravel().tolist()) == ((20, 1), [float(i) for i in range(20)])
    ragged = np.fromiter([[1.0, 2.0], [3.0]], dtype=object)
    found = jacobian(lambda x: np.fromiter([[x[0][1], x[1][0]], [x[0][0]]], dtype=object))(ragged)
    assert [[list(row) for row in part] for part in found] == [
        [[[0.0, 1.0], [0.0]], [[0.0, 0.0], [1.0]]],
        [[[1.0, 0.0], [0.0]]],
    ]
    both = jacobian(lambda p: {"sum": p["x"].sum() * p["s"], "all": p["x"] * p["s"]})({"x": np.ones(2), "s": 3.0})
    assert both["sum"]["x"].tolist() == [3.0, 3.0]
    assert both["sum"]["s"] == 2.0
    assert both["all"]["x"].tolist() == [[3.0, 0.0], [0.0, 3.0]]
    assert both["all"]["s"].tolist() == [1.0, 1.0]
    assert jacobian(lambda x: np.array([]))(np.ones(2)).shape == (0, 2)
    assert jacobian(lambda x: x * 2.0)(np.zeros((0, 2))).shape == (0, 2, 0, 2)
    assert jacobian(lambda x: [x[0], x[1] ** 2])(np.array([1.0, 3.0]))[1].tolist() == [0.0, 6.0]
    assert jacobian(lambda x: x * x)(np.array(3.0)).tolist() == 6.0
    inner = jacobian(lambda x: x * x)(np.array([Value(3.0), 1.0]))
    assert (inner.dtype, inner[0, 0].data, inner[0, 1].data) == (object, 6.0, 0.0)


def test_jacobians_nest():
    assert jacobian(jacobian(lambda x: x**3))(2.0) == 12.0
    assert grad(lambda x: jacobian(lambda y: [x * y, y * y])(x)[0])(3.0) == 1.0
    third = jacobian(jacobian(jacobian(lambda xs: xs[0] ** 2 * xs[1])))([2.0, 3.0])
    assert third == [[[0.0, 2.0], [2.0, 0.0]], [[2.0, 0.0], [0.0, 0.0]]]
    x = Value(3.0)
    jacobian(lambda y: [y**2, y])(x)[0].backward()
    assert x.grad == 2.0


def test_a_result_may_be_an_input_or_come_twice():
    assert jacobian(lambda xs: [xs[0], xs[0], xs[1]])([1.0, 2.0]) == [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    assert jacobian(lambda xs: [7, xs[0] * 2.0, 8.0, xs[0]])([1.0]) == [[0.0], [2.0], [0.0], [1.0]]
    captured = Value(5.0) * 2.0
    assert jacobian(lambda xs: [captured, xs[0] * captured])([1.0]) == [[0.0], [10.0]]


# ---- Sparse. --------------------------------------------------------------------------------------------------------


def differences(xs):
    return [b * b - a for a, b in zip(xs, xs[1:], strict=False)]


def test_a_sparse_matrix_holds_what_is_not_structurally_zero():
    pytest.importorskip("scipy")
    point = [1.0, 0.0, 3.0, 4.0]
    found = jacobian(differences, sparse=True)(point)
    assert (found.format, found.shape, found.dtype) == ("csr", (3, 4), float)
    assert found.toarray().tolist() == jacobian(differences)(point)
    assert found.nnz == 6  # that of b at 0.0 too, which is zero at this point alone
    assert found.has_canonical_format
    tall = jacobian(lambda xs: [xs[i % 2] for i in range(20)], sparse=True)((1.0, 2.0))
    assert (tall.shape, tall.nnz) == ((20, 2), 20)
    made, aux = jacobian(lambda xs: (xs, 7), sparse=True, has_aux=True)([1.0, 2.0])
    assert (made.toarray().tolist(), aux) == ([[1.0, 0.0], [0.0, 1.0]], 7)
    assert jacobian(lambda xs: [], sparse=True)([1.0]).shape == (0, 1)


def test_sparse_matrices_are_of_flat_numbers():
    pytest.importorskip("scipy")
    np = pytest.importorskip("numpy")
    message = (
        r"jacobian_of_\w+ with sparse=True needs flat numbers, but the {} is a {} that is not; pass and return a li"
    )

    def same(x):
        return x

    def first(x):
        return x[0]

    for wrong, noun, kind in [
        (lambda: jacobian(same, sparse=True)(1.0), "argument", "float"),
        (lambda: jacobian(same, sparse=True)([[1.0]]), "argument", "list"),
        (lambda: jacobian(same, sparse=True)({"a": 1.0}), "argument", "dict"),
        (lambda: jacobian(same, sparse=True)(np.ones((2, 2))), "argument", "ndarray"),
        (lambda: jacobian(first, sparse=True)([1.0]), "result", "Value"),
        (lambda: jacobian(same, (0,), sparse=True)([1.0]), "argument", "tuple"),
    ]:
        with pytest.raises(ValueError, match=message.format(noun, kind)):
            wrong()
    with pytest.raises(
        ValueError, match="sparse=True holds floats, but the call has Values or is within another transf"
    ):
        jacobian(same, sparse=True)([Value(1.0)])
    with pytest.raises(TypeError, match="sparse is 1 of type int; choose True or False"):
        jacobian(same, sparse=1)


def test_without_scipy_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scipy.sparse", None)
    with pytest.raises(
        ImportError, match="jacobian_of_differences with sparse=True needs SciPy; .* `pip install scipy`"
    ):
        jacobian(differences, sparse=True)([1.0, 2.0])


# ---- Bad input, and the world around. -------------------------------------------------------------------------------

MESSAGES = [
    (
        lambda: jacobian(lambda x: "a")(1.0),
        TypeError,
        "<lambda> returned 'a' of type str; return numbers in nested lists",
    ),
    (
        lambda: jacobian(lambda x: [x, [1j]])(1.0),
        TypeError,
        r"returned 1j of type complex at \[1\]\[0\]; return numbers in",
    ),
    (
        lambda: jacobian(lambda x: None)(1.0),
        TypeError,
        "returned None of type NoneType; .*, as a def without a return giv",
    ),
    (lambda: jacobian(lambda x: x)("a"), TypeError, r"args\[0\] is 'a' of type str, which cannot be differentiated by"),
    (
        lambda: jacobian(lambda x: x, 3)(1.0),
        ValueError,
        "argnums is 3, but <lambda> was called with 1 positional argum",
    ),
    (lambda: jacobian(lambda x: [1.0 / (x - x)])(1.0), ZeroDivisionError, "divisor"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), MESSAGES)
def test_bad_input_is_an_error_that_says_what_and_what_to_do(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
    x = Value(1.0)
    assert type(grad(lambda y: x * y)(2.0)) is float  # nothing is left behind


def test_a_result_that_is_out_of_date_is_an_error():
    def stale(xs):
        out = [x * x for x in xs]
        xs[0].data = 7.0
        return out

    for transform in (jacobian, lambda f: lambda xs: vjp(f, xs)[1]([1.0, 1.0])):
        with pytest.raises(ag.StaleGraphError, match=r"Value\(7.0\) was assigned after Value\(1.0\) had been computed"):
            transform(stale)([1.0, 2.0])


def test_scipy_takes_them_as_they_are():
    optimize = pytest.importorskip("scipy.optimize")
    np = pytest.importorskip("numpy")

    def residuals(x):
        return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])

    start = np.array([-1.2, 1.0])
    assert optimize.least_squares(residuals, start, jac=jacobian(residuals)).x == pytest.approx([1.0, 1.0], abs=1e-8)
    assert optimize.root(residuals, start, jac=jacobian(residuals)).x == pytest.approx([1.0, 1.0], abs=1e-8)
    curve = lambda t, a, b: a * np.exp(-b * t)  # noqa: E731
    times = np.linspace(0.0, 1.0, 9)
    slopes = lambda t, a, b: np.array(jacobian(lambda p: curve(t, *p))(np.array([a, b])))  # noqa: E731
    found, _ = optimize.curve_fit(curve, times, curve(times, 2.0, 3.0), p0=[1.0, 1.0], jac=slopes)
    assert found == pytest.approx([2.0, 3.0])
