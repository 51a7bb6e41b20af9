"""hessian and hvp: against oracles and each other, what is structurally zero, and every order of transforms."""

import itertools
import math
import struct
from fractions import Fraction

import mpmath
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from test_jacobians import Sizes
from twins import native_only, textbook

import autograd_mini as ag
from autograd_mini import Value, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from autograd_mini.core import mode
from autograd_mini.testing import programs
from autograd_mini.testing.oracles import Untrusted, exact_second
from autograd_mini.testing.program import VALUES, Dialect, python

SMOOTH = ["add", "sub", "mul", "div", "neg", "exp", "log", "sqrt", "sin", "cos", "tanh", "erf", "sigmoid", "softplus"]
ERRORS = (ArithmeticError, ValueError)
point = st.floats(0.5, 2.0)


@given(programs(SMOOTH, size=5))
def test_a_hessian_is_that_of_fifty_digits(program):
    try:
        right = exact_second(program)
        found = hessian(lambda xs: program.run(VALUES, xs))(list(program.inputs))
    except (Untrusted, *ERRORS):
        assume(False)
    for row, expected in zip(found, right, strict=True):
        assert all(abs(x - exactly) <= slack for x, (exactly, slack) in zip(row, expected, strict=True))


@given(point, point, point)
def test_a_hessian_agrees_with_mpmath(x, y, z):
    f = lambda x, y, z, lib: lib.sin(x * y) * lib.exp(-z) + lib.sqrt(x + y * z) / (x * x + 1)  # noqa: E731
    found = hessian(lambda p: f(*p, ag))([x, y, z])
    with mpmath.workdps(40):
        for i, j in itertools.product(range(3), repeat=2):
            order = tuple((i == k) + (j == k) for k in range(3))
            right = mpmath.diff(lambda x, y, z: f(x, y, z, mpmath), tuple(map(mpmath.mpf, (x, y, z))), order)
            assert found[i][j] == pytest.approx(float(right), rel=1e-10, abs=1e-10)


@given(programs(SMOOTH, size=6))
def test_a_hessian_is_the_jacobian_of_the_gradient_to_the_last_bit_and_its_columns_are_products(program):
    f = lambda xs: program.run(VALUES, xs)  # noqa: E731
    xs = list(program.inputs)
    try:
        whole = hessian(f)(xs)
        again = jacobian(grad(f))(xs)
    except ERRORS:
        assume(False)
    assert [x.hex() for row in whole for x in row] == [x.hex() for row in again for x in row]
    assume(all(abs(x) < 1e100 for row in whole for x in row))
    unit = lambda i: [float(i == j) for j in range(len(xs))]  # noqa: E731
    size = 1.0 + max(abs(x) for row in whole for x in row)
    for i, column in enumerate(zip(*whole, strict=True)):
        assert hvp(f)(xs, unit(i)) == pytest.approx(list(column), rel=1e-9, abs=1e-9 * size)
        assert jvp(grad(f), (xs,), (unit(i),))[1] == pytest.approx(list(column), rel=1e-9, abs=1e-9 * size)


def banded(xs):
    total = 0.0
    for a, b in itertools.pairwise(xs):
        total = total + 100.0 * (b - a**2) ** 2 + ag.sin(a)
    return total


def test_a_banded_hessian_costs_in_proportion_to_its_entries():
    def visited(n):
        with mode.watching(sizes := Sizes()):
            hessian(banded)([0.5 + 0.1 * (i % 7) for i in range(n)])
        return sizes.visited

    assert visited(80) - visited(60) == visited(60) - visited(40)


def test_a_sparse_hessian_has_the_band():
    pytest.importorskip("scipy")
    xs = [0.5 + 0.1 * (i % 7) for i in range(30)]
    found = hessian(banded, sparse=True)(xs)
    assert found.nnz == 30 + 2 * 29
    assert found.toarray().tolist() == hessian(banded)(xs)
    large = hessian(banded, sparse=True)([0.3] * 3000)
    assert (large.shape, large.nnz) == ((3000, 3000), 3000 + 2 * 2999)


# ---- Structures. ----------------------------------------------------------------------------------------------------


def test_results_have_the_structure_of_the_argument_in_that_of_the_argument():
    f = lambda p: p["x"] ** 2 * p["y"][0]  # noqa: E731
    p = {"x": 3.0, "y": (2.0,)}
    assert hessian(f)(p) == {"x": {"x": 4.0, "y": (6.0,)}, "y": ({"x": 6.0, "y": (0.0,)},)}
    assert hvp(f)(p, {"y": (10.0,), "x": 1.0}) == {"x": 64.0, "y": (6.0,)}
    g = lambda x, y, k=1.0: k * x * x * y  # noqa: E731
    assert hessian(g)(3.0, 2.0) == 4.0
    assert hessian(g, (0, 1))(3.0, 2.0, k=2.0) == ((8.0, 12.0), (12.0, 0.0))
    assert hvp(g)(3.0, 1.0, 2.0, k=2.0) == 8.0
    assert hvp(g, 1)(3.0, 1.0, 2.0) == 0.0
    assert hvp(g, (0, 1))(3.0, (1.0, 10.0), 2.0) == (64.0, 6.0)
    assert hessian(lambda x: 7)(1.0) == hvp(lambda x: 7)(1.0, 1.0) == 0.0
    assert hessian(lambda x: 1.0)([]) == hvp(lambda x: 1.0)([], []) == []
    assert hessian(lambda x: (x * x, {"seen": x}), has_aux=True)(3.0) == (2.0, {"seen": 3.0})


def test_arrays_make_arrays():
    np = pytest.importorskip("numpy")
    matrix = np.array([[2.0, 1.0], [1.0, 4.0]])
    f = lambda x: 0.5 * (x @ matrix @ x)  # noqa: E731
    found = hessian(f)(np.array([1, 2]))
    assert (found.dtype, found.tolist()) == (float, matrix.tolist())
    product = hvp(f)(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    assert (product.dtype, product.tolist()) == (float, [12.0, 41.0])
    assert hessian(lambda x: (x**2).sum())(np.ones((2, 2))).shape == (2, 2, 2, 2)


# ---- Orders. --------------------------------------------------------------------------------------------------------

FIRST = {
    "grad": grad,
    "value_and_grad": lambda f: lambda x: value_and_grad(f)(x)[1],
    "jacobian": jacobian,
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    "hessian": hessian,
    "hvp": lambda f: lambda x: hvp(f)(x, 1.0),
}
TWICE = ("hessian", "hvp")
COEFFICIENTS = [3, -1, 4, 1, -5, 9, 2, 6]


def polynomial(x):
    total = 0.0
    for c in reversed(COEFFICIENTS):
        total = total * x + c
    return total


@pytest.mark.parametrize("x", [2.0, -3.0, 0.0])
@pytest.mark.parametrize("names", [*itertools.pairwise(FIRST), ("jvp", "grad"), ("grad", "jvp"), ("vjp", "jacobian")])
def test_six_orders_of_a_polynomial_are_exact_whatever_finds_them(names, x):
    f, order = polynomial, 0
    for name in itertools.cycle(names):
        if order + 1 + (name in TWICE) > 6:
            break
        f, order = FIRST[name](f), order + 1 + (name in TWICE)
        expected = sum(
            c * math.perm(k, order) * int(x) ** (k - order) for k, c in enumerate(COEFFICIENTS) if k >= order
        )
        assert f(x) == expected
    assert order >= 5


@pytest.mark.parametrize("inner", FIRST)
@pytest.mark.parametrize("outer", FIRST)
def test_any_transform_of_any_other_sees_the_outer_variable(outer, inner):
    """d/dx of x y**3 by y at y = 2, which is x times 12, or times 12 in second order; and that times x."""
    factor = 12.0
    f = lambda x: x * FIRST[inner](lambda y: x * y**3)(2.0)  # noqa: E731
    assert FIRST[outer](f)(5.0) == (2.0 * factor if outer in TWICE else 2.0 * factor * 5.0)


def test_values_among_the_arguments_give_values():
    x, v = Value(3.0), Value(1.0)
    product = hvp(lambda y: y**3)(x, v)
    product.backward()
    assert (product.data, x.grad, v.grad) == (18.0, 6.0, 18.0)
    assert grad(lambda v: hvp(lambda y: y**3)(3.0, v * v))(5.0) == 180.0
    curvature = hessian(lambda y: y**4)(x)
    assert (type(curvature), curvature.data) == (Value, 108.0)
    with ag.no_grad():
        assert hvp(lambda y: y**3)(x, v) == 18.0


@native_only
@given(programs(SMOOTH, size=5, tame=False), st.lists(st.floats(-2, 2), min_size=9, max_size=9))
def test_both_engines_find_the_same_bits(program, direction):
    def told(package):
        dialect = Dialect(python, {"ag": package, "Fraction": Fraction})
        f = lambda xs: program.run(dialect, xs)  # noqa: E731
        xs, v = list(program.inputs), direction[: len(program.inputs)]
        ways = (
            lambda: package.hessian(f)(xs),
            lambda: package.hvp(f)(xs, v),
            lambda: package.jacobian(lambda p: [p, f(p)])(xs),
            lambda: package.jvp(f, (xs,), (v,)),
            lambda: package.vjp(lambda p: (f(p), f(p)), xs)[1]((direction[0], 2.0)),
            lambda: package.jvp(package.grad(f), (xs,), (v,)),
            lambda: package.grad(lambda t: package.jvp(f, (xs,), ([t, *v[1:]],))[1])(1.0),
        )
        for way in ways:
            try:
                yield [struct.pack("d", math.nan if x != x else x) for _, x in package.trees.leaves(way())]
            except ERRORS as error:
                yield type(error), str(error)

    assert list(told(ag)) == list(told(textbook))


MESSAGES = [
    (
        lambda: hvp(abs)(1.0, [1.0]),
        TypeError,
        r"v is \[1.0\] of type list; put a number there, as in what is differentiat",
    ),
    (
        lambda: hvp(sum)([1.0, 2.0], [1.0]),
        ValueError,
        r"v is \[1.0\]; give it the structure of .*, which has 2 parts there",
    ),
    (
        lambda: hvp(sum)([1.0, 2.0], (1.0, 2.0)),
        TypeError,
        r"v is \(1.0, 2.0\) of type tuple; .* where a list stands there",
    ),
    (lambda: hvp(sum)([1.0, 2.0], [1.0, "a"]), TypeError, r"v\[1\] is 'a' of type str; put a number there"),
    (lambda: hvp(abs, 1)(1.0, 1.0), ValueError, "argnums is 1, but abs was called with 1 positional argument"),
    (
        lambda: hessian(lambda x: None)(1.0),
        TypeError,
        "returned None of type NoneType; return a single number, as a def",
    ),
    (
        lambda: hessian(abs, sparse=True)(1.0),
        ValueError,
        "hessian_of_abs with sparse=True needs flat numbers, but the arg",
    ),
    (lambda: hessian(sum, 1)([1.0]), ValueError, "argnums is 1, but sum was called with 1 positional argument"),
    (lambda: hessian(ag.sqrt)(-1.0), ValueError, "sqrt"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), MESSAGES)
def test_bad_input_is_an_error_that_says_what_and_what_to_do(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_scipy_takes_them_as_they_are():
    optimize = pytest.importorskip("scipy.optimize")
    np = pytest.importorskip("numpy")

    def rosenbrock(x):
        return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()

    start = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    for method, how in [
        ("Newton-CG", {"jac": grad(rosenbrock), "hessp": hvp(rosenbrock)}),
        ("trust-krylov", {"jac": grad(rosenbrock), "hessp": hvp(rosenbrock)}),
        ("trust-exact", {"jac": grad(rosenbrock), "hess": hessian(rosenbrock)}),
        ("trust-constr", {"jac": grad(rosenbrock), "hess": hessian(rosenbrock, sparse=True)}),
    ]:
        assert optimize.minimize(rosenbrock, start, method=method, **how).x == pytest.approx(np.ones(5), abs=1e-3)
    found = optimize.minimize(value_and_grad(rosenbrock), start, jac=True)
    assert found.x == pytest.approx(np.ones(5), abs=1e-3)
