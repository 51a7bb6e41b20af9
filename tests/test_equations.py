"""Linear systems of Values, and functions that equations define, against derivatives known in closed form."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini.core.serving import push


def close(x, rel=1e-9):
    return pytest.approx(x, rel=rel, abs=1e-12)


def newton(f, x):
    """A root in plain floats, until nothing changes."""
    for _ in range(200):
        step = f(x) / ag.grad(f)(x)
        if x - step == x:
            break
        x -= step
    return x


WEIGHT = ag.Value(1.0)


# ---- Linear systems. ------------------------------------------------------------------------------------------------


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.floats(-2.0, 2.0), min_size=n * n + n, max_size=n * n + n)))
def test_a_solution_fulfils_its_equations(numbers):
    n = int((math.isqrt(4 * len(numbers) + 1) - 1) // 2)
    a = [[x + 10.0 * (i == j) for j, x in enumerate(numbers[i * n : i * n + n])] for i in range(n)]
    b = numbers[n * n :]
    x = ag.solve(a, b)
    assert [math.fsum(p * q for p, q in zip(row, x, strict=True)) for row in a] == pytest.approx(b, abs=1e-12)


def test_the_derivative_of_a_solution_is_that_of_cramers_rule():
    def by_cramer(p):
        (a, b), (c, d), e, f = p[0], p[1], p[2], p[3]
        return (e * d - b * f) / (a * d - b * c)

    point = [[2.0, 1.0], [1.0, 3.0], 3.0, 5.0]
    found = ag.grad(lambda p: ag.solve(p[:2], p[2:])[0])(point)
    for ours, right in zip(found, ag.grad(by_cramer)(point), strict=True):
        assert ours == close(right)


def test_rows_in_other_units_and_zeros_on_the_diagonal_are_no_matter():
    assert ag.solve([[1e-30, 0.0], [0.0, 1e30]], [1e-30, 1e30]) == [1.0, 1.0]
    assert ag.solve([[0.0, 1.0], [1.0, 0.0]], [2.0, 3.0]) == [3.0, 2.0]
    assert ag.solve([], []) == []


def test_an_array_gives_an_array():
    numpy = pytest.importorskip("numpy", reason="needs numpy, which the extra demos brings")
    found = ag.solve(numpy.array([[2.0, 1.0], [1.0, 3.0]]), numpy.array([3.0, 5.0]))
    assert isinstance(found, numpy.ndarray)
    assert found.tolist() == close([0.8, 1.4])


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([[1.0, 2.0]], [1.0], r"the shape of a is \[1, 2\]; give a square matrix"),
        ([[1.0]], [1.0, 2.0], "the length of b is 2; give one number for each of the 1 rows of a"),
        ([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0], "singular to working precision: column 1 depends on those before it"),
        ([[0.1, 0.3], [0.3, 0.9]], [1.0, 2.0], "singular to working precision"),
        ([[math.nan]], [1.0], "singular to working precision"),
    ],
)
def test_what_cannot_be_solved_is_refused(a, b, message):
    with pytest.raises(ValueError, match=message):
        ag.solve(a, b)


# ---- Implicit functions. --------------------------------------------------------------------------------------------


def bisect(f, low, high):
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if f(middle) < 0 else (low, middle)
    return high


@given(st.floats(0.1, 50.0))
def test_the_cube_root_by_bisection_has_all_derivatives(p):
    root = ag.implicit(lambda x, p: x**3 - p, lambda p: bisect(lambda x: x**3 - p, 0.0, 10.0))
    orders = [ag.grad(root), ag.grad(ag.grad(root)), ag.grad(ag.grad(ag.grad(root)))]
    assert [f(p) for f in orders] == [close(ag.grad(lambda p: p ** (1 / 3))(p)),
                                      close(-2 / 9 * p ** (-5 / 3)), close(10 / 27 * p ** (-8 / 3))]  # fmt: skip
    x = ag.Value(p)
    assert push([x], [2.0], [root(x)]) == [close(2 / 3 * p ** (-2 / 3))]


def test_keplers_equation():
    def residual(anomaly, p):
        return anomaly - p["e"] * ag.sin(anomaly) - p["m"]

    eccentric = ag.implicit(residual, lambda p: newton(lambda x: residual(x, p), p["m"]))
    e, m = 0.3, 1.2
    x = eccentric({"e": e, "m": m})
    slope = 1 / (1 - e * math.cos(x))
    assert ag.grad(eccentric)({"e": e, "m": m}) == {"e": close(math.sin(x) * slope), "m": close(slope)}
    assert eccentric({"e": e, "m": 0.0}) == 0.0


@given(st.floats(4.0, 9.0), st.floats(-1.5, 1.5))
def test_two_unknowns_as_a_bundle(a, b):
    assume(abs(b) > 0.01)

    def closed(p):  # x² + y² = a and x y = b
        s, d = ag.sqrt(p[0] + 2 * p[1]), ag.sqrt(p[0] - 2 * p[1])
        return (s + d) / 2, (s - d) / 2

    def residual(u, p):
        return [u[0] * u[0] + u[1] * u[1] - p[0], u[0] * u[1] - p[1]]

    by_equations = ag.implicit(residual, closed)

    def seen(f):
        def out(p):
            x, y = f(p)
            return x * ag.sin(y) + y

        second = ag.grad(lambda p: ag.grad(out)(p)[0])([a, b])
        leaves = [ag.Value(a), ag.Value(b)]
        moved = push(leaves, [1.0, 2.0], [out(leaves)], on_values=True)[0]
        return [*ag.grad(out)([a, b]), *second, moved.data, *ag.grad(lambda p: ag.sum(ag.grad(out)(p)))([a, b])]

    assert seen(by_equations) == pytest.approx(seen(closed), rel=1e-6, abs=1e-7)


def test_a_fixed_point_and_an_event_time_and_the_lowest_point_of_an_inner_problem():
    def dottie(p):
        x = 1.0
        while x != (x := ag.cos(p * x)):
            pass
        return x

    fixed = ag.implicit(lambda x, p: x - ag.cos(p * x), dottie)
    x = fixed(1.0)
    assert ag.grad(fixed)(1.0) == close(-x * math.sin(x) / (1 + math.sin(x)))

    height = lambda t, v: v * t - 4.905 * t * t  # noqa: E731
    flight = ag.implicit(height, lambda v: bisect(lambda t: -height(t, v), 0.1, 100.0))
    assert ag.grad(flight)(20.0) == close(1 / 4.905)

    # The weight w that minimises (w - a)² + k w², which is a / (1 + k), by what its gradient is zero at.
    inner = lambda w, a, k: (w - a) ** 2 + k * w**2  # noqa: E731
    best = ag.implicit(lambda w, a, k: ag.grad(inner)(w, a, k), lambda a, k: a / (1 + k))
    assert ag.grad(best, (0, 1))(3.0, 0.5) == (close(1 / 1.5), close(-3 / 1.5**2))
    assert ag.grad(ag.grad(best, 1), 1)(3.0, 0.5) == close(2 * 3 / 1.5**3)


def test_within_a_gradient_the_solver_still_computes_with_floats():
    seen = []

    def solve(p):
        x = newton(lambda x: x * x - p, 1.0)
        seen.append(type(x))
        return x

    root = ag.implicit(lambda x, p: x * x - p, solve)
    assert ag.grad(lambda p: ag.grad(root)(p) * p)(4.0) == close(0.125)
    assert set(seen) == {float}


def test_units_are_no_matter():
    root = ag.implicit(lambda x, p: x * x - p, math.sqrt)
    for scale in (1e-40, 1e-12, 1e12, 1e40):
        assert ag.grad(root)(scale) == close(0.5 / math.sqrt(scale))
        with pytest.raises(ValueError, match="let solve go on"):
            ag.implicit(lambda x, p: x * x - p, lambda p: 1.001 * math.sqrt(p) + 1e-11)(scale)


@pytest.mark.parametrize(
    ("residual", "solve", "error", "message"),
    [
        (3.0, math.sqrt, TypeError, "residual is 3.0 of type float; pass a function"),
        (math.sin, 3.0, TypeError, "solve is 3.0 of type float; pass a function"),
        (lambda x, p: x * x - p, lambda p: p, ValueError,
         r"residual is \[12.0\] at the solution \[4.0\].*change unknown 0 by -1.5; let solve go on"),
        (lambda x, p: (x - p) ** 2, lambda p: p, ValueError, r"singular at the solution: \[\[0.0\]\].*double root"),
        (lambda x, p: [x - p, x], lambda p: p, ValueError, "residual gave 2 equations for 1 unknowns"),
        (lambda x, p: "zero", lambda p: p, TypeError, r"residual\(...\) is 'zero' of type str; let residual return"),
        (lambda x, p: x - p, lambda p: math.nan, ValueError, r"solve\(...\) is nan; the solver found no solution"),
        (lambda x, p: x - p, lambda p: [None], TypeError, r"solve\(...\)\[0\] is None of type NoneType; let solve"),
        (lambda x, p: WEIGHT * x - p, lambda p: p, ValueError,
         r"residual depends on Value\(1.0\), which is no parameter; pass it as one, and to solve"),
    ],
)  # fmt: skip
def test_what_is_no_implicit_function_is_refused(residual, solve, error, message):
    with pytest.raises(error, match=message):
        ag.implicit(residual, solve)(4.0)


@pytest.mark.parametrize("tol", [0.0, -1.0, math.nan, "1e-8"])
def test_a_tolerance_is_a_positive_number(tol):
    with pytest.raises((TypeError, ValueError), match="tol is"):
        ag.implicit(lambda x, p: x - p, float, tol=tol)
