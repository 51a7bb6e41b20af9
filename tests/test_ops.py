"""The table's rows by themselves: tails, helper rows and messages. That values and slopes are right on ordinary points
is for test_laws.py, at corners for test_corners.py."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optional import optional
from wording import said_by

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.core.serving import local_partials
from autograd_mini.ops import FUNCTIONS, TABLE, apply, arithmetic, by_name, elementary, ieee, number, row

mpmath = optional("mpmath", "test")

INF, NAN = math.inf, math.nan


def slopes(f, *point):
    leaves = [Value(x) for x in point]
    f(*leaves).backward()
    return [leaf.grad for leaf in leaves]


def same(found, expected):
    return len(found) == len(expected) and all(
        a == b or (a != a and b != b) for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "tanh", "erf", "exp"])
@given(x=st.floats(-700, 700))
def test_in_the_tails_values_and_slopes_keep_their_digits(name, x):
    theirs = {"sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)), "softplus": lambda x: mpmath.log1p(mpmath.exp(x))}
    slope = {
        "sigmoid": lambda x: mpmath.exp(-abs(x)) / (1 + mpmath.exp(-abs(x))) ** 2,
        "softplus": theirs["sigmoid"],
        "tanh": lambda x: 1 / mpmath.cosh(x) ** 2,
        "erf": lambda x: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x),
        "exp": mpmath.exp,
    }
    with mpmath.workdps(50):
        value = float(theirs.get(name, getattr(mpmath, name, None))(mpmath.mpf(x)))
        expected = float(slope[name](mpmath.mpf(x)))
    rel = 1e-15
    assert getattr(ag, name)(x) == pytest.approx(value, rel=rel, abs=1e-307)
    assert slopes(getattr(ag, name), x)[0] == pytest.approx(expected, rel=rel, abs=1e-300)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(data=st.data())
def test_a_partial_never_raises_wherever_its_operation_has_a_value(name, data):
    op = TABLE[name]
    args = data.draw(st.tuples(*[st.floats()] * len(op.domain)))
    try:
        out = apply(op, *map(Value, args))
    except (ArithmeticError, ValueError):
        return
    assert len(local_partials(out)) == len(args)


@given(st.floats(), st.floats())
def test_helper_rows_agree_with_python_where_python_has_an_answer(x, y):
    for helper, plain in ((ieee.ieee_div, lambda: x / y), (ieee.ieee_pow, lambda: math.pow(x, y))):
        try:
            expected = plain()
        except (ArithmeticError, ValueError):
            assert not math.isfinite(helper(x, y))
        else:
            assert same([helper(x, y)], [expected])
    if x > 0:
        assert ieee.ieee_log(x) == math.log(x)


@given(st.floats(), st.sampled_from([0.0, -0.0]) | st.floats())
def test_zeros_are_strong_on_either_side(x, y):
    product = x * y
    expected = 0.0 if math.isnan(product) and 0.0 in (x, y) else product
    assert same([ieee.strong_mul(x, y), ieee.strong_mul(y, x)], [expected, expected])


def test_an_unused_branch_with_an_infinite_slope_passes_nothing_on():
    assert slopes(lambda x: ag.sqrt(x) * 0.0 + x, 0.0) == [1.0]
    assert slopes(lambda x: ag.relu(ag.sqrt(x) - 1.0) + x, 0.0) == [1.0]
    x = Value(0.0)
    (ag.maximum(x, 1.0) + ag.relu(-1.0 - ag.sqrt(x)) + x).backward()
    assert x.grad == 1.0


def test_a_flat_piece_passes_nothing_on_of_an_infinite_adjoint():
    def clipped(x):
        return ag.sqrt(ag.maximum(x, 0.0)) + x

    assert slopes(clipped, -1.0) == [1.0]
    assert ag.grad(ag.grad(clipped))(-1.0) == 0.0


def test_sum_and_sumprod_are_one_node_of_any_width():
    xs = [Value(float(i)) for i in range(1000)]
    total, product = ag.sum(xs), ag.sumprod(xs, xs)
    assert (len(total.args), len(product.args)) == (1000, 2000)
    (total + product).backward()
    assert [x.grad for x in xs] == [1.0 + 2.0 * i for i in range(1000)]
    assert ag.sum([]) == 0.0
    assert ag.sumprod([], []) == 0.0


@given(st.lists(st.floats(), max_size=20))
def test_sum_adds_from_left_to_right_in_plain_doubles(xs):
    total = 0.0
    for x in xs:
        total += x
    assert same([ag.sum(xs), ag.sum(xs and [Value(xs[0]), *xs[1:]]) + 0.0], [total, total + 0.0])


# ---- Older Pythons, NumPy's names, functions that give lists. -------------------------------------------------------


@given(st.floats(-1e300, 1e300))
def test_the_cube_root_of_an_older_python_is_the_root_within_a_unit(x):
    found = elementary._corrected_root(x)
    with mpmath.workdps(50):
        right = mpmath.sign(x) * mpmath.root(abs(mpmath.mpf(x)), 3)
        assert abs(found - right) <= 1.01 * math.ulp(float(right))


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_the_fma_of_an_older_python_is_rounded_once(x, y, z):
    try:
        found = arithmetic._exact_fma(x, y, z)
    except OverflowError:
        with mpmath.workprec(2200):
            assert abs(mpmath.mpf(x) * y + z) >= mpmath.mpf(2) ** 1024 - mpmath.mpf(2) ** 970
        return
    except ValueError:
        assert not all(map(math.isfinite, (x, y, z)))
        return
    if all(map(math.isfinite, (x, y, z))):
        exact = Fraction(x) * Fraction(y) + Fraction(z)
        assert found == float(exact)
        assert exact != 0 or math.copysign(1.0, found) == math.copysign(1.0, x * y + z) or x * y == -z
    else:
        assert same([found], [x * y + z]) or (math.isfinite(x) and math.isfinite(y) and found == z)


SPECIAL_SUMS = [
    ((INF, 0.0, NAN), NAN), ((1e308, 10.0, -INF), -INF), ((0.0, -1.0, 0.0), 0.0), ((-0.0, 1.0, -0.0), -0.0),
    ((1e-300, 1e-300, 0.0), 0.0), ((-1e-300, 1e-300, 0.0), -0.0), ((1.0, -1.0, 1.0), 0.0),
    ((0.1, 10.0, -1.0), 2.0**-54),
]  # fmt: skip


@pytest.mark.parametrize(("args", "expected"), SPECIAL_SUMS)
def test_the_fma_of_an_older_python_is_that_of_a_newer_one(args, expected):
    found = arithmetic._exact_fma(*args)
    assert same([found], [expected])
    assert found != 0.0 or math.copysign(1.0, found) == math.copysign(1.0, expected)


@pytest.mark.parametrize("name", [name for name in TABLE if TABLE[name].numpy])
def test_numpys_functions_call_the_methods_of_their_names(name):
    np = pytest.importorskip("numpy")
    op = TABLE[name]
    x = [Value(0.3 * low + 0.7 * high) for low, high in op.domain]
    out = getattr(np, op.numpy)(*x)
    assert out.op is op
    assert out.data == getattr(ag, name)(*x).data
    assert op.numpy not in ag.__all__


def test_a_length_takes_any_number_of_coordinates_as_function_and_as_method():
    x = Value(3.0)
    assert [ag.hypot(), ag.hypot(x).data, ag.hypot(x, 4.0).data, x.hypot(4.0, 12.0).data] == [0.0, 3.0, 5.0, 13.0]
    assert x.hypot(4).op is TABLE["hypot"]
    assert slopes(ag.hypot, 0.0, 0.0) == slopes(lambda *p: ag.norm(p), 0.0, 0.0) == [0.0, 0.0]


def test_softmax_and_its_logarithm_are_a_node_each_over_one_logsumexp():
    xs = [Value(1.0), Value(2.0), 3.0, Value(-1e3)]
    for results, op in ((ag.softmax(xs), TABLE["ieee_exp"]), (ag.log_softmax(xs), TABLE["sub"])):
        bottoms = {r.args[0].args[1] if op.name == "ieee_exp" else r.args[1] for r in results}
        assert {r.op for r in results} == {op}
        assert [b.op for b in bottoms] == [TABLE["logsumexp"]]
    assert sum(p.data for p in ag.softmax(xs)) == pytest.approx(1.0, rel=1e-15)
    assert [p.data for p in ag.softmax(xs)] == pytest.approx([math.exp(p.data) for p in ag.log_softmax(xs)])
    assert ag.softmax([]) == ag.log_softmax([]) == []
    assert ag.softmax([0.0, 0.0]) == [0.5, 0.5]
    jacobian = ag.grad(lambda x: ag.softmax(x)[0])([0.0, 0.0])
    assert jacobian == pytest.approx([0.25, -0.25])


@given(st.floats(-1e-3, 1e-3))
def test_the_removable_singularity_of_sinc_holds_to_second_order(x):
    assert ag.sinc(x) == pytest.approx(1.0 - (math.pi * x) ** 2 / 6.0, abs=1e-11)
    assert ag.grad(ag.sinc)(x) == pytest.approx(-(math.pi**2) * x / 3.0, rel=1e-5, abs=1e-300)
    assert ag.grad(ag.grad(ag.sinc))(x) == pytest.approx(-(math.pi**2) / 3.0, rel=1e-5)


@given(st.floats(allow_nan=False), st.floats(), st.floats())
def test_where_passes_the_slope_to_the_one_that_is_taken(c, x, y):
    taken, left = (x, y) if c else (y, x)
    assert same([ag.where(c, x, y)], [taken])
    assert slopes(ag.where, c, x, y) == ([0.0, 1.0, 0.0] if c else [0.0, 0.0, 1.0])


def test_no_order_of_derivative_of_the_gamma_function_raises():
    for f in (lambda x: ag.polygamma(99, x), lambda x: ag.polygamma(100, x)):
        assert ag.grad(ag.grad(ag.grad(f)))(2.0) != 0.0
    assert math.isnan(ag.grad(lambda x: ag.polygamma(100, x))(2.0))


MESSAGES = [
    (lambda: ag.digamma(-2.0), ValueError, "digamma has a pole here"),
    (lambda: ag.polygamma(1, 0.0), ValueError, "polygamma has a pole here"),
    (lambda: ag.polygamma(1.5, 2.0), ValueError, "the order of polygamma is a whole number from 0 to 100"),
    (lambda: ag.beta(0.0, 2.0), ValueError, "beta needs positive operands"),
    (lambda: ag.lbeta(1.0, -2.0), ValueError, "lbeta needs positive operands"),
    (lambda: arithmetic._exact_fma(INF, 0.0, 1.0), ValueError, "invalid operation in fma"),
    (lambda: arithmetic._exact_fma(1e308, 10.0, 0.0), OverflowError, "overflow in fma"),
    (lambda: ag.dist([1.0], [1.0, 2.0]), ValueError, "dist needs sequences of equal length, got 1 and 2"),
    (lambda: ag.sumprod([1.0], []), ValueError, "sumprod needs sequences of equal length, got 1 and 0"),
    (lambda: ag.exp("1"), TypeError, "expected a real number or a Value, got '1' of type str; use float"),
    (lambda: ag.exp(1j), TypeError, "expected a real number or a Value, got 1j of type complex"),
    (lambda: ag.sum([1.0, None]), TypeError, "expected a real number or a Value, got None of type NoneType"),
    (lambda: ag.sum([Value(1.0), None]), TypeError, "expected a real number or a Value, got None of type NoneType"),
    (lambda: number([1.0]), TypeError, r"expected a real number or a Value, got \[1.0\] of type list"),
    (lambda: by_name("sine"), KeyError, "no operation is named 'sine'; import the module that defines it, or it may"),
    (
        lambda: row.row(text="exp({})")(ag.exp),
        ValueError,
        "there is a row named 'exp' already; give the new one another",
    ),
    (
        lambda: Value(-8.0, "a") ** (1 / 3),
        ValueError,
        r"Value\(-8.0, label='a'\) \*\* 0.33.*: a negative number to a fr",
    ),
    (
        lambda: Value(1.0) / Value(0.0, "z"),
        ZeroDivisionError,
        r"Value\(1.0\) / Value\(0.0, label='z'\): .*keep the divisor",
    ),
    (
        lambda: ag.exp(Value(1000.0)),
        OverflowError,
        rf"exp\(Value\(1000.0\)\): {said_by(lambda: math.exp(1000.0))}; the result does not fit",
    ),
    (lambda: ag.log(Value(-1.0, "a")), ValueError, r"log\(Value\(-1.0, label='a'\)\): .*; keep its operands inside"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), MESSAGES)
def test_what_cannot_be_computed_is_an_error_that_names_operation_operand_and_remedy(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
