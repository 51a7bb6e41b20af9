"""NumPy, `statistics` and habits from HIPS autograd: what works on Values as it is, and what to write instead.

``python tests/test_interop.py`` prints the tables, and writes them into autograd_mini/interop/README.md.
"""

import dataclasses
import functools
import math
import re
import statistics
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from optional import Missing, optional

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.interop import numpy as interop
from autograd_mini.ops import TABLE
from autograd_mini.testing import check_grads

np = optional("numpy", "demos")
README = Path(ag.__file__).parent / "interop" / "README.md"
SECTION = re.compile(r"(?<=<!-- numpy: begin -->\n).*?(?=<!-- numpy: end -->)", re.DOTALL)

# v and w are numbers, a and b vectors, m a matrix: of Values, or of floats. x is a vector of floats in both cases.
NUMBERS = {"v": 0.45, "w": 2.1, "a": [0.3, 0.7], "b": [3.2, 4.1], "m": [[2.0, 1.0], [1.0, 3.0]]}

WORKS = {
    "NumPy's numbers": "np.float64(2) * v; np.float32(0.5) - v; np.int64(2) ** v; v / np.float64(3); "
    "np.float64(2) % v; np.float64(2) < v; np.float64(0.5) == v",
    "a Value and an array": "v * x; x * v; x - v; v - x; x / v; v**x; x % v; x // v; v < x; x >= v; v == x; "
    "v * np.array(2.0)",
    "arrays of Values": "a + b; a - v; v - a; a * x; x / a; a**2; a % x; -a; abs(a); a < b; a == a; a >= 0.5",
    "products": "a @ b; m @ a; m @ m; x @ a; np.dot(a, b); np.inner(a, b); np.outer(a, b); np.vdot(a, b); "
    "np.kron(a, b); np.tensordot(m, a, 1); np.einsum('ij,j->i', m, a); np.trace(m); np.convolve(a, b); "
    "np.linalg.matrix_power(m, 2)",
    "sums": "np.sum(a); a.sum(); m.sum(axis=0); np.mean(a); np.mean(m, axis=1); np.average(a, weights=b); np.prod(a); "
    "np.cumsum(a); np.cumprod(a); np.diff(a); np.trapezoid(a); np.sum([v, w])",
    "spread": "np.var(a); np.var(m, axis=0); np.std(a); np.std(a, ddof=1); np.linalg.norm(a); np.linalg.norm(m); "
    "np.linalg.norm(m, axis=1); np.linalg.norm(a, 1); np.linalg.norm(a, np.inf)",
    "order": "np.max(a); np.min(m, axis=0); a.max(); np.argmax(a); np.sort(b); np.argsort(b); np.median(b); "
    "np.quantile(b, [0.25]); np.ptp(a); np.maximum(a, x); np.minimum(a, 0.5); np.fmax(v, w); "
    "np.clip(a, 0.4, 0.6); np.clip(v, 0.1, 0.9)",
    "choice": "np.where(a > 0.5, a, b); np.where(x > 1.5, v, w); np.where(v > 1, v, w); np.select([a > 0.5], [a], v)",
    "ufuncs on a Value": "np.sin(v); np.arctan2(v, w); np.log1p(v); np.hypot(v, w); np.fmod(w, v); np.remainder(w, v); "
    "np.mod(w, v); np.floor_divide(w, v); np.power(v, w); np.sign(v); np.absolute(v); np.reciprocal(w); np.rad2deg(v); "
    "np.deg2rad(v); np.degrees(v); np.radians(v); np.square(v); np.positive(v); np.negative(v); np.cbrt(v); "
    "np.logaddexp(v, w); np.copysign(v, -1.0); np.floor(v); np.sinc(v)",
    "ufuncs on arrays": "np.exp(a); np.arctan2(a, b); np.log1p(a); np.hypot(a, b); np.maximum(a, b); np.fmod(b, a); "
    "np.remainder(b, a); np.floor_divide(b, a); np.power(a, b); np.sign(a); np.absolute(a); np.reciprocal(a); "
    "np.rad2deg(a); np.radians(a); np.square(a); np.positive(a); np.sqrt(m); np.logaddexp(v, a); "
    "np.copysign(v, x - 1.5); np.hypot(v, x); np.arctan2(b, x); np.maximum(x, v); np.isclose(a, x); "
    "np.sinc(a); np.floor(a); np.add.outer(v, a); np.add.reduce(a); np.multiply.accumulate(a)",
    "shape and assignment": "a[0]; m[:, 1]; m.T; a[a > 0.5]; a[::-1]; np.concatenate([a, b]); np.stack([v, w]); "
    "np.append(a, v); np.full(2, v); np.linspace(v, w, 3); np.tril(m); m.reshape(4); np.diag(m); "
    "c = a.copy(); c[0] = v * w; c; c = a.copy(); c += v; c; c = np.zeros(2, dtype=object); c[1] = v; c",
    "Python's own": "sum([v, w]); min(v, w); max([w, v]); sorted([w, v]); math.prod([v, w]); "
    "statistics.median([w, v]); functools.reduce(lambda p, q: p * q, [v, w]); math.floor(v)",
}  # fmt: skip

COPIED = r"float\(\) argument|does not turn into a plain number by itself"
NO_OBJECTS = "not supported for the input types"
REFUSED = "takes no Values; use .item"
# What NumPy cannot do on Values, what to write, and what it raises.
INSTEAD = [
    ("np.logaddexp(a, b)", "np.frompyfunc(ag.logaddexp, 2, 1)(a, b)", NO_OBJECTS),
    ("np.copysign(a, b)", "np.frompyfunc(ag.copysign, 2, 1)(a, b)", NO_OBJECTS),
    ("np.arctan2(x, a)", "np.frompyfunc(ag.atan2, 2, 1)(x, a)", "'float' object has no attribute 'arctan2'"),
    ("np.hypot(x, a)", "np.frompyfunc(ag.hypot, 2, 1)(x, a)", "'float' object has no attribute 'hypot'"),
    ("np.sinc(a - a)", "np.frompyfunc(ag.sinc, 1, 1)(a - a)", "no callable sin"),
    ("np.sin(np.array([v, 1.0]))", "np.frompyfunc(ag.sin, 1, 1)(np.array([v, 1.0]))", "no callable sin"),
    ("np.round(w, 1)", "round(w, 1)", "no callable rint"),
    ("np.divmod(w, v)", "divmod(w, v)", REFUSED),
    ("np.float_power(v, w)", "v**w", REFUSED),
    ("np.modf(w)", "(ag.fmod(w, 1.0), w - ag.fmod(w, 1.0))", REFUSED),
    ("np.heaviside(v, 0.5)", "ag.where(v, v > 0, 0.5)", REFUSED),
    ("np.isnan(v)", "math.isnan(v.item())", REFUSED),
    ("np.isnan(a)", "np.isnan(ag.data(a))", NO_OBJECTS),
    ("np.isfinite(a)", "np.isfinite(ag.data(a))", NO_OBJECTS),
    ("np.signbit(v)", "np.signbit(v.item())", REFUSED),
    ("np.isclose(a, b)", "np.isclose(ag.data(a), ag.data(b))", NO_OBJECTS),
    ("np.allclose(a, a)", "np.allclose(ag.data(a), ag.data(a))", NO_OBJECTS),
    ("math.isclose(v, w)", "math.isclose(v.item(), w.item())", "use .item"),
    ("np.interp(v, [0.0, 1.0], [3.0, 5.0])", "3.0 + (v - 0.0) * (5.0 - 3.0) / (1.0 - 0.0)", COPIED),
    ("np.gradient(b)", "np.concatenate([np.diff(b[:2]), (b[2:] - b[:-2]) / 2, np.diff(b[-2:])])", COPIED),
    ("np.linalg.solve(m, a)", "ag.solve(m, a)", "Cannot cast ufunc 'solve"),
    ("np.linalg.inv(m)", "np.stack([ag.solve(m, row) for row in np.eye(2)]).T", "Cannot cast ufunc 'inv"),
    ("np.linalg.det(m)", "m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]", "Cannot cast ufunc 'det"),
    ("np.linalg.norm(a, 3)", "np.sum(np.abs(a) ** 3) ** (1 / 3)", "has no attribute 'dtype'"),
    ("np.array([v, w], dtype=float)", "np.array([v, w])", COPIED),
    ("c = np.zeros(2); c[0] = v; c", "c = np.zeros(2, dtype=object); c[0] = v; c", COPIED),
    ("c = np.zeros(2); c += v; c", "c = np.zeros(2); c = c + v; c", "Cannot cast ufunc 'add' output"),
    ("math.fsum([v, w])", "ag.sum([v, w])", "use ag.sum in place of math.fsum|" + COPIED),
    ("statistics.mean([v, w])", "ag.sum([v, w]) / 2", r"ag.sum\(xs\) / len\(xs\) for a mean"),
    ("statistics.fmean([v, w])", "ag.sum([v, w]) / 2", "use ag.sum in place of math.fsum|" + COPIED),
]  # fmt: skip


def split(cell):
    """The expressions of a line; what is assigned belongs to the expression that follows."""
    found, before = [], ""
    for part in cell.split("; "):
        before += part
        if re.match(r"c(\[\d\])? \+?= ", part):
            before += "; "
        else:
            found.append(before)
            before = ""
    return found


WORKING = [expression for cell in WORKS.values() for expression in split(cell)]


def run(code, tree):
    """What the last expression gives, with these numbers by their names."""
    *statements, last = code.split("; ")
    names = {"np": np, "ag": ag, "math": math, "statistics": statistics, "functools": functools}
    names |= {**tree, "x": np.array([1.0, 2.0])}
    exec("; ".join(statements), names)
    return eval(last, names)


def given():
    return {name: np.array(x) if isinstance(x, list) else np.float64(x) for name, x in NUMBERS.items()}


def flat(result):
    """The numbers of a result in a list."""
    if isinstance(result, (list, tuple)):
        return [x for part in result for x in flat(part)]
    return np.asarray(result).ravel().tolist()


def weighted(results):
    """One number to differentiate, to which each result contributes in its own way."""
    return sum(x * (k + 1.5) for k, x in enumerate(results))


def differences(code):
    """The slope of ``weighted`` by each number, from NumPy's own floats."""
    found = []
    for name, x in NUMBERS.items():
        for i in range(np.size(x)):
            ends = []
            for step in (1e-6, -1e-6):
                tree = given()
                moved = np.array(x, dtype=float)
                moved.ravel()[i] += step
                tree[name] = moved if isinstance(x, list) else np.float64(moved)
                ends.append(weighted(flat(run(code, tree))))
            found.append((ends[0] - ends[1]) / 2e-6)
    return found


def same_as_on_floats(code, original):
    """Whether ``code`` on Values has the numbers of ``original`` on NumPy's floats, and their slopes."""
    tree = ag.values(given())
    results = flat(run(code, tree))
    expected = flat(run(original, given()))
    if isinstance(expected[0], bool):
        assert list(map(bool, results)) == expected
        return
    assert ag.data(results) == pytest.approx(expected, rel=1e-12)
    total = weighted(results)
    if isinstance(total, Value):
        total.backward()
    slopes = [x for part in ag.gradients(tree).values() for x in flat(part)]
    assert slopes == pytest.approx(differences(original), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("code", WORKING)
def test_numpy_works_on_values_as_on_floats_slopes_included(code):
    same_as_on_floats(code, code)


@pytest.mark.parametrize(("code", "instead", "words"), INSTEAD, ids=[code for code, *_ in INSTEAD])
def test_what_cannot_work_raises_and_there_is_another_way(code, instead, words):
    with pytest.raises((TypeError, AttributeError), match=words):
        run(code, ag.values(given()))
    same_as_on_floats(instead, code)


def test_the_table_knows_enough():
    assert len(WORKING) > 150
    assert len({*WORKING}) == len(WORKING)
    assert len(ROWS) > 30 or isinstance(np, Missing)


# ---- NumPy's functions by the rows of their names. -------------------------------------------------------------------

ROWS = [
    (op, name)
    for op in TABLE.values()
    if op.role == "function" and not isinstance(np, Missing)
    for name in filter(None, (op.name, op.numpy))
    if isinstance(getattr(np, name, None), np.ufunc) and name != "remainder"
]


def ufunc_of(op, name):
    """The ufunc of this name, and points for it within the domain."""
    ufunc = getattr(np, name)
    return ufunc, [0.3 * low + 0.7 * high - i for i, (low, high) in enumerate(op.domain[: ufunc.nin])]


@pytest.mark.parametrize(("op", "name"), ROWS)
def test_every_ufunc_that_has_a_row_records_it_on_a_value(op, name):
    ufunc, at = ufunc_of(op, name)
    points = ag.values(at)
    out, expected = ufunc(*points), getattr(ag, op.name)(*ag.values(at))
    assert isinstance(out, Value)
    assert out.data == expected.data == pytest.approx(ufunc(*at))
    out.backward()
    slopes = ag.value_and_grad(getattr(ag, op.name), argnums=tuple(range(len(at))))(*at)[1]
    assert tuple(ag.gradients(points)) == slopes
    if len(at) == 2:
        assert [x.data for x in ufunc(points[0], np.array(at))] == [getattr(ag, op.name)(at[0], y) for y in at]


@pytest.mark.parametrize(("op", "name"), ROWS)
def test_every_ufunc_that_has_a_row_takes_arrays_or_is_in_the_table(op, name):
    ufunc, at = ufunc_of(op, name)
    arrays = [ag.values(np.array([y, y])) for y in at]
    if any(code.startswith(f"np.{name}(a,") for code, *_ in INSTEAD):
        with pytest.raises(TypeError, match=NO_OBJECTS):
            ufunc(*arrays)
    else:
        assert [y.data for y in ufunc(*arrays)] == [getattr(ag, op.name)(*at)] * 2


def test_of_arrays_numpy_compares_where_a_row_shares_and_keeps_nan():
    assert ag.grad(lambda p: np.maximum(p[0], p[1]))([1.0, 1.0]) == [0.5, 0.5]
    assert ag.grad(lambda p: np.maximum(p, 1.0)[0])(np.array([1.0])).tolist() == [1.0]
    assert ag.grad(np.max)(np.array([1.0, 1.0])).tolist() == [1.0, 0.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.maximum(ag.values(np.array([math.nan])), 1.0) == 1.0
    assert math.isnan(np.maximum(Value(math.nan), 1.0).data)


def test_remainders_are_those_of_numpy():
    assert (
        np.remainder(5.0, 3.0) == np.remainder(Value(5.0), 3.0) == np.remainder(5.0, ag.values(np.array([3.0]))) == 2.0
    )
    assert ag.remainder(Value(5.0), 3.0) == math.remainder(5.0, 3.0) == -1.0


def test_a_ufunc_of_scipy_finds_its_row_too():
    special = pytest.importorskip("scipy.special", reason="needs the extra gallery")
    for name, at in (("gamma", 2.5), ("erf", 0.3), ("expm1", 0.3), ("ndtr", -0.4), ("digamma", 1.5)):
        if TABLE.get(getattr(special, name).__name__) is None:
            with pytest.raises(TypeError, match=REFUSED):
                getattr(special, name)(Value(at))
        else:
            assert getattr(special, name)(Value(at)).op is TABLE[name]


def test_values_are_no_places_to_write_to():
    words = "add got a Value as its out or where; pass an array of objects as out, one of bools as where"
    with pytest.raises(TypeError, match=words):
        np.add(1.0, 2.0, out=Value(1.0))
    with pytest.raises(TypeError, match=words):
        np.add(np.ones(2), Value(1.0), where=Value(1.0))
    out = np.zeros(2, dtype=object)
    np.add(np.ones(2), Value(1.0), out=out)
    assert np.logaddexp(np.zeros(2), Value(0.0), out=out[::-1], where=[True, False])[0] == math.log(2.0)
    assert ag.data(out).tolist() == [2.0, math.log(2.0)]
    np.add.at(out, 1, Value(1.0))
    assert out[1] == math.log(2.0) + 1.0


def test_a_function_with_arguments_of_its_own_is_left_to_numpy():
    assert np.clip(Value(0.5), 0.7, None) == 0.7
    with pytest.raises(ValueError, match="0d arrays"):  # NumPy's words for the place of what is not zero
        np.where(Value(0.5))
    assert np.clip(Value(0.5), 0.1, 0.4).op is TABLE["clip"]
    assert ag.data(np.where([True, False], Value(0.5), 2.0)).tolist() == [0.5, 2.0]


def test_nothing_is_recorded_where_nothing_is_to_be():
    with ag.no_grad():
        assert np.sinc(Value(0.5)).op is np.logaddexp(Value(0.5), 1.0).op is None


def test_a_value_is_its_own_conjugate():
    x = Value(0.5)
    assert x.conjugate() is x


# ---- Arrays of Values and back. --------------------------------------------------------------------------------------


@dataclasses.dataclass
class Point:
    x: float
    y: float


def test_numbers_become_values_and_values_numbers_and_gradients_in_any_structure():
    tree = {"w": [1, 2.5], "p": Point(3.0, True), "t": (4.0,), "e": []}
    made = ag.values(tree)
    assert made["w"][0].args == ()
    assert repr(made) == (
        "{'w': [Value(1.0), Value(2.5)], 'p': Point(x=Value(3.0), y=Value(1.0)), 't': (Value(4.0),), 'e': []}"
    )
    assert ag.data(made) == {"w": [1.0, 2.5], "p": Point(3.0, 1.0), "t": (4.0,), "e": []}
    (made["w"][0] * made["p"].x * 2).backward()
    assert ag.gradients(made) == {"w": [6.0, 0.0], "p": Point(2.0, 0.0), "t": (0.0,), "e": []}
    assert ag.data([made["w"][0] * 2, 7]) == [2.0, 7.0]
    assert repr([ag.values(2), ag.data(2), ag.gradients(Value(2.0))]) == "[Value(2.0), 2.0, 0.0]"


def test_an_array_keeps_its_shape_and_integers_become_floats():
    made = ag.values(np.arange(6).reshape(2, 3))
    assert (made.dtype, made.shape) == (object, (2, 3))
    assert len({id(x) for x in made.ravel()}) == 6
    ag.sum(made[1] * made[0]).backward()
    back, slopes = ag.data(made), ag.gradients(made)
    assert (back.dtype, back.tolist()) == (float, [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    assert (slopes.dtype, slopes.tolist()) == (float, [[3.0, 4.0, 5.0], [0.0, 1.0, 2.0]])


def test_numbers_become_values_without_numpy():
    code = "import sys, autograd_mini as ag; print(ag.data(ag.values([1, 2.0])), 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[1.0, 2.0] False\n"


V = Value(1.0)
WRONG = [
    (lambda: ag.values([1.0, V]), r"tree\[1\] is Value\(1.0\) of type Value; give real numbers; ag.data has"),
    (lambda: ag.values({"w": "1"}), r"tree\['w'\] is '1' of type str; give real numbers"),
    (lambda: ag.values(1j), r"tree is 1j of type complex; give real numbers"),
    (lambda: ag.values(None), "tree is None of type NoneType; give real numbers"),
    (lambda: ag.data([V, None]), r"tree\[1\] is None of type NoneType; give Values and real numbers"),
    (lambda: ag.data(Point(V, "y")), "tree.y is 'y' of type str; give Values and real numbers"),
    (lambda: ag.gradients([V, 1.0]), r"tree\[1\] is 1.0 of type float; give Values, as nothing else has a grad"),
    (lambda: ag.gradients(ag.sin), "tree is <.*sin.*>.* of type .*function.*; give Values"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_what_holds_something_else_is_refused_by_its_place(call, words):
    with pytest.raises(TypeError, match=f"^{words}"):
        call()


def test_the_room_has_the_public_names():
    assert [getattr(ag, name) for name in ("data", "gradients", "values")] == [
        interop.data,
        interop.gradients,
        interop.values,
    ]


# ---- Habits from HIPS autograd: its scalar operations, and the example on its front page. ----------------------------

AWAY, UNIT = (1.1, -1.1, 0.37), (0.1, 0.2, -0.6)
SCALARS = [
    *[(name, AWAY) for name in ("abs", "absolute", "sign", "radians", "sin", "cos", "tan", "sinh", "cosh", "tanh")],
    *[(name, AWAY) for name in ("exp", "expm1", "exp2", "arctan", "arcsinh", "negative", "rad2deg", "degrees")],
    ("deg2rad", AWAY),
    *[(name, UNIT) for name in ("arcsin", "arccos", "arctanh", "sinc")],
    *[(name, (0.4, 1.7, 8.3)) for name in ("log", "log2", "log10", "log1p", "sqrt", "reciprocal", "sinc")],
    ("arccosh", (1.2, 2.9)),
]  # fmt: skip
PAIRS = [
    "power",
    "mod",
    "divide",
    "true_divide",
    "multiply",
    "add",
    "subtract",
    "maximum",
    "minimum",
    "arctan2",
    "hypot",
]


@pytest.mark.parametrize(("name", "points"), SCALARS)
def test_scalar_operations_of_hips_autograd_have_their_slopes(name, points):
    function = getattr(np, name)
    for at in points:
        check_grads(lambda x: 3.0 * function(x) + 0.25 * x * x, (at,))


@pytest.mark.parametrize("name", PAIRS)
def test_operations_on_two_numbers_of_hips_autograd_have_their_slopes(name):
    function = getattr(np, name)
    for p, q in ((1.7, 0.6), (0.35, 0.8), (np.float64(2.3), np.float64(1.4))):
        check_grads(lambda x, y: function(x, y) + 0.25 * x * y, (p, q))
        check_grads(lambda x, q=q: function(x, q) + 0.25 * x * x, (p,))
        check_grads(lambda y, p=p: function(p, y) + 0.25 * y * y, (q,))


def test_corners_of_hips_autograd():
    assert ag.grad(lambda x: 3.0 * np.abs(x))(0.0) == 0.0
    constant = lambda x: np.power(x, 0.0)  # noqa: E731
    assert [ag.grad(constant)(0.0), ag.grad(ag.grad(constant))(0.0)] == [0.0, 0.0]
    assert ag.grad(lambda y: np.power(0.0, y))(0.7) == 0.0


def hyperbolic(x):
    return (1.0 - np.exp(-2 * x)) / (1.0 + np.exp(-(2 * x)))


def test_the_front_page_of_hips_autograd():
    assert ag.grad(hyperbolic)(1.0) == pytest.approx(0.419974341614026, rel=1e-14)
    assert ag.grad(hyperbolic)(1.0) == pytest.approx((hyperbolic(1.0001) - hyperbolic(0.9999)) / 0.0002, rel=1e-7)
    x = np.linspace(-7, 7, 21)
    t = np.tanh(x)
    closed = [1 - t**2, -2 * t * (1 - t**2), (6 * t**2 - 2) * (1 - t**2), (16 * t - 24 * t**3) * (1 - t**2)]
    f = hyperbolic
    for expected in closed:
        f = ag.grad(f)
        found = np.vectorize(f)(x)  # their elementwise_grad
        assert found.dtype == float
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-8)


# ---- The tables in words. --------------------------------------------------------------------------------------------


def cell(code):
    return "`" + code.replace("|", "\\|") + "`"


def tables():
    lines = ["| what | works as on floats |", "|---|---|"]
    lines += [f"| {topic} | {', '.join(map(cell, split(code)))} |" for topic, code in WORKS.items()]
    lines += ["", "| in place of | which raises, write |", "|---|---|"]
    lines += [f"| {cell(code)} | {cell(instead)} |" for code, instead, _ in INSTEAD]
    return "\n".join(lines) + "\n"


def test_the_document_has_the_tables():
    assert SECTION.search(README.read_text(encoding="utf-8"))[0] == tables()


if __name__ == "__main__":
    print(tables(), end="")
    README.write_text(SECTION.sub(lambda _: tables(), README.read_text(encoding="utf-8")), encoding="utf-8")
