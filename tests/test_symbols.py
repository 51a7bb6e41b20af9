"""Partials on symbols: the text is what the partial computes, and a row that does not fit is refused by its name."""

import functools
import inspect
import keyword as keywords
import math
import pkgutil
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wording import said_by

import autograd_mini as ag
from autograd_mini.core import value as textbook
from autograd_mini.core.serving import functions, local_partials
from autograd_mini.ops import FUNCTIONS, TABLE, apply
from autograd_mini.ops.row import expr, fold, libm, new_op
from autograd_mini.ops.symbols import NAMES, Symbol, check, slopes, text
from autograd_mini.testing import points


def f(x):
    return x


def g(x, y):
    return x * y


def total(xs):
    return math.fsum(xs)


# ---- The built-in rows. ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_parts_of_every_row_fit_each_other(name):
    check(TABLE[name], inspect.unwrap(FUNCTIONS[name]))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if slopes(TABLE[name])])
@given(data=st.data())
def test_the_text_of_a_partial_computes_what_the_partial_computes(name, data):
    op = TABLE[name]
    args = data.draw(points(name))
    node = apply(op, *map(ag.Value, args))
    step = len(args) // (op.lists or op.arity)  # of a row of lists, look at the first operand of each
    operands = dict(zip(NAMES[1:], args[::step], strict=False))
    expected = local_partials(node)[::step]
    names = {**FUNCTIONS, **operands, "out": node.data}
    found = [float(eval(text(slope), names)) for slope in slopes(op)]
    assert found == [0.0 if slope is None else slope for slope in expected]


C_KEYWORDS = """
    alignas alignof auto bool break case char const constexpr continue default do double else enum extern false float
    for goto if inline int long nullptr register restrict return short signed sizeof static static_assert struct switch
    thread_local true typedef typeof typeof_unqual union unsigned void volatile while
"""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_name_of_a_row_is_free_in_the_package_on_values_and_in_c(name):
    assert name.isidentifier()
    assert name not in [*C_KEYWORDS.split(), *keywords.kwlist]
    if TABLE[name].role == "function":
        assert vars(ag)[name] is functions[name]
        assert ag.__all__.count(name) == 1
        assert name not in [module.name for module in pkgutil.iter_modules(ag.__path__)]
        assert name not in vars(textbook.Value)  # its methods that are rows are those of Methods


# ---- Symbols. -------------------------------------------------------------------------------------------------------

X, Y = Symbol(name="x"), Symbol(name="y")
OPERATORS = [
    (lambda x, y: x + y, "x + y", "x + 2", "2 + x"),
    (lambda x, y: x - y, "x - y", "x - 2", "2 - x"),
    (lambda x, y: x * y, "x * y", "x * 2", "2 * x"),
    (lambda x, y: x / y, "x / y", "x / 2", "2 / x"),
    (lambda x, y: x // y, "x // y", "x // 2", "2 // x"),
    (lambda x, y: x % y, "x % y", "x % 2", "2 % x"),
    (lambda x, y: x**y, "x ** y", "x ** 2", "2 ** x"),
]


@pytest.mark.parametrize(("operator", "both", "right", "left"), OPERATORS)
def test_pythons_operators_make_symbols_with_a_symbol_on_either_side(operator, both, right, left):
    assert [repr(operator(X, Y)), repr(operator(X, 2)), repr(operator(2, X))] == [both, right, left]


PRINTED = [
    (+X, "x"),
    (-abs(-X), "-abs(-x)"),
    (-(X + Y), "-(x + y)"),
    ((X + Y) * (X - 1), "(x + y) * (x - 1)"),
    (-2.5 * X, "(-2.5) * x"),
    (X * ag.sin(X * Y), "x * sin(x * y)"),
    (ag.sigmoid(X), "sigmoid(x)"),
    (ag.sum([X, 2, Y]), "sum([x, 2, y])"),
    (ag.sumprod([X, 2], [0.1, Y]), "sumprod([x, 2], [0.1, y])"),
    (X * 1e-20, "x * 1e-20"),
    (None, "0"),
    (-0.5, "-0.5"),
    (math.inf, "inf"),
]


@pytest.mark.parametrize(("symbol", "expected"), PRINTED)
def test_symbols_print_as_python_with_the_parentheses_they_need(symbol, expected):
    assert text(symbol) == expected


def test_slopes_are_named_as_one_likes():
    assert list(map(text, slopes(TABLE["div"], ("q", "a", "b")))) == ["1 / b", "(-q) / b"]
    assert list(map(text, slopes(TABLE["sumprod"]))) == ["y", "x"]
    assert slopes(new_op("all", total, lambda out, *xs: [1.0 for _ in xs], "all({})", None, None, lists=1)) is None


# ---- Rows that do not fit. ------------------------------------------------------------------------------------------

BRANCHES = "it branches on its arguments; use step, sign, maximum or a row of its own in place of a branch"
NUMBERS = "it needs plain numbers; write it with the operations of autograd_mini, not with those of math"
BY_X = r"the partial of \w+\.f by x cannot be run on symbols: "
PARTIALS = [
    (lambda out, x: 1.0 if x else 0.0, BRANCHES),
    (lambda out, x: float(x > 0.0) if x == x else x, BRANCHES),
    (lambda out, x: 1.0 if out <= 0.0 else 0.0, BRANCHES),
    (lambda out, x: max(x, 0.0), BRANCHES),
    (lambda out, x: x in (0.0, 1.0), BRANCHES),
    (lambda out, x: float(x), NUMBERS),
    (lambda out, x: math.sin(x), NUMBERS),
    (lambda out, x: math.floor(x), NUMBERS),
    (lambda out, x: round(x), NUMBERS),
    (lambda out, x: round(x, 2), NUMBERS),
    (lambda out, x: int(x), NUMBERS),
    (lambda out, x: range(x), NUMBERS),
    (lambda out, x: len(x), NUMBERS),
    (lambda out, x: x + "1", "expected a real number or a Value, got '1' of type str"),
    (lambda out, x: ag.maximum(x, None), "expected a real number or a Value, got None of type NoneType"),
    (lambda out, x: ag.maximum(x), "maximum does not take 1 operands"),
    (lambda out, x: pow(x, 2, 3), "pow does not take 3 operands"),
    (lambda out, x: x.data, "'Symbol' object has no attribute 'data'"),
    (lambda out, x: 1.0 / 0.0, said_by(lambda: 1.0 / 0.0)),
    (lambda out, x: missing(x), "name 'missing' is not defined"),  # noqa: F821
]


@pytest.mark.parametrize(("partial", "message"), PARTIALS)
def test_a_partial_that_cannot_be_run_on_symbols_is_refused(partial, message):
    with pytest.raises(TypeError, match=BY_X + message):
        ag.operation(partials=(partial,))(f)


@pytest.mark.parametrize("partial", [lambda out, x: None, lambda out, x: "1", lambda out, x: 1j, lambda out, x: [x]])
def test_a_partial_that_gives_no_number_is_refused(partial):
    with pytest.raises(TypeError, match=r"the partial of \w+\.f by x gives .* of type \w+; it is to give one number"):
        ag.operation(partials=(partial,))(f)


def keyword(x, *, scale):
    return x * scale


def optional(x, y=2.0):
    return x * y


def starred(*xs):
    return xs[0]


async def later(x):
    return x


def one_by_one(x):
    yield x


async def later_one_by_one(x):
    yield x


ONE, TWO = (lambda out, x: 1.0,), (lambda out, x, y: y, lambda out, x, y: x)
LIST = lambda out, *xs: [1.0 for _ in xs]  # noqa: E731


def misfit(value, message, **row):
    return pytest.param(value, row, message, id=message)


ROWS = [
    misfit(g, "TypeError: the function of NAME takes (x, y), but there are partials for 1; it is to", partials=ONE),
    misfit(f, "TypeError: the function of NAME takes (x), but there are partials for 2; it is to", partials=TWO),
    misfit(keyword, "TypeError: the function of NAME takes (x, *, scale), but there are partials for 1", partials=ONE),
    misfit(optional, "TypeError: the function of NAME takes (x, y=2.0), but there are partials for 2", partials=TWO),
    misfit(optional, "TypeError: the function of NAME takes (x, y=2.0), but there are partials for 1", partials=ONE),
    misfit(starred, "TypeError: the function of NAME takes (*xs), but there are partials for 1", partials=ONE),
    misfit(g, "TypeError: the function of NAME takes (x, y), but there are partials for 1", partials=LIST),
    misfit(math.hypot, "TypeError: the function of NAME is <built-in function hypot>, which does not", partials=TWO),
    misfit(f, "ValueError: NAME has 0 arguments; a row has one, two or three, or one or two lists", partials=()),
    misfit(f, "ValueError: NAME has 4 arguments; a row has one, two or three, or one or two lists", partials=ONE * 4),
    misfit(f, "TypeError: the partials of NAME are [None]; give a tuple of functions, or one", partials=[None]),
    misfit(f, "TypeError: the partials of NAME are None; give a tuple of functions, or one", partials=None),
    misfit(f, "TypeError: the partial of NAME by x is 0.0, which does not tell its arguments", partials=(0.0,)),
    misfit(f, "TypeError: the partial of NAME by x is <built-in function hypot>, which", partials=(math.hypot,)),
    misfit(f, "TypeError: the partial of NAME by x takes (x), but it is called with out, x", partials=(lambda x: x,)),
    misfit(g, "TypeError: the partial of NAME by y takes (out, x), but it is called with out", partials=(None, *ONE)),
    misfit(total, "TypeError: the partials of NAME give [1]; give a list of as", partials=lambda out, *xs: [1]),
    misfit(total, "TypeError: the partials of NAME give x0; give a list of as many", partials=lambda out, *xs: xs[0]),
    misfit(total, "TypeError: a partial of NAME gives ['x0'] of", partials=lambda out, *xs: [["x0"] for _ in xs]),
    misfit(total, "TypeError: the partials of NAME cannot be run on symbols: ", partials=lambda out, x, y: [x, y]),
    misfit(total, "TypeError: the partials of NAME cannot be run on symbols: it br", partials=lambda *xs: [max(xs)]),
    misfit(f, "ValueError: the domain of NAME is (); give an interval for each operand", partials=ONE, domain=()),
    misfit(g, "ValueError: the domain of NAME is ((0.0, 1.0),); give an", partials=TWO, domain=[(0.0, 1.0)]),
    misfit(total, "ValueError: the domain of NAME is (); give an interval", partials=LIST, domain=()),
    misfit(g, "ValueError: the domain of NAME has 0.0; give pairs of finite numbers", partials=TWO, domain=(0.0, 1.0)),
    misfit(f, "ValueError: the domain of NAME has (1.0, 0.0); give pairs", partials=ONE, domain=[(1.0, 0.0)]),
    misfit(f, "ValueError: the domain of NAME has (0.0, inf); give pairs", partials=ONE, domain=[(0.0, math.inf)]),
    misfit(f, "ValueError: the domain of NAME has (nan, 1.0); give pairs", partials=ONE, domain=[(math.nan, 1.0)]),
    misfit(f, "ValueError: the domain of NAME has ('0', '1'); give pairs", partials=ONE, domain=[("0", "1")]),
    misfit(f, "ValueError: the kink of NAME gives 0.0; give a tuple with a number", partials=ONE, kink=lambda x: 0.0),
    misfit(g, "ValueError: the kink of NAME gives (0.0,); give a tuple", partials=TWO, kink=lambda x, y: (x,)),
    misfit(g, "TypeError: the kink of NAME cannot be run on the middle of its d", partials=TWO, kink=lambda x: (x,)),
    misfit(f, "ValueError: the text of NAME is ''; write one {} for each operand, and no oth", partials=ONE, text=""),
    misfit(f, "ValueError: the text of NAME is 'f({}, {})'; write one {}", partials=ONE, text="f({}, {})"),
    misfit(f, "ValueError: the text of NAME is 'f{({})'; write one {}", partials=ONE, text="f{({})"),
    misfit(f, "ValueError: the text of NAME is 'f({x})'; write one {}", partials=ONE, text="f({x})"),
    misfit(total, "ValueError: the text of NAME is '{} + {}'; write one {} for all o", partials=LIST, text="{} + {}"),
    misfit(f, "TypeError: the text of NAME is 3 of type int; give a str with {} for each op", partials=ONE, text=3),
    misfit(f, "TypeError: the domain of NAME is 3 of type int; give a list with an", partials=ONE, domain=3),
    misfit(f, "TypeError: the kink of NAME is 3 of type int; give a function of as", partials=ONE, kink=3),
    misfit(later, "TypeError: NAME is async or a generator; an operation gives one float, so", partials=ONE),
    misfit(one_by_one, "TypeError: NAME is async or a generator; an operation gives one float", partials=ONE),
    misfit(later_one_by_one, "TypeError: NAME is async or a generator; an operation gives", partials=ONE),
]  # fmt: skip


@pytest.mark.parametrize(("value", "row", "message"), ROWS)
def test_a_row_whose_parts_do_not_fit_is_refused_by_its_name_and_not_entered(value, row, message):
    before = dict(TABLE)
    with pytest.raises((TypeError, ValueError)) as caught:
        ag.operation(**row)(value)
    name = f"{value.__module__}.{value.__qualname__}"
    assert f"{caught.type.__name__}: {caught.value}".startswith(message.replace("NAME", name))
    assert before == TABLE


def dot(xs, ys):
    return math.fsum(x * y for x, y in zip(xs, ys, strict=True))


@pytest.mark.parametrize(
    ("value", "partials", "lists", "error", "message"),
    [
        (dot, ONE, 2, TypeError, "dot takes 2 lists of operands; give one partial for each, not 1"),
        (total, TWO, 1, TypeError, "total takes 1 lists of operands; give one partial for each, not 2"),
        (total, ONE * 3, 3, ValueError, "total has 3 arguments; a row has one, two or three, or one or two lists of"),
        (
            dot,
            (None, lambda out, x: x),
            2,
            TypeError,
            r"the partial of dot by y takes \(out, x\), but it is called with",
        ),
    ],
)
def test_a_row_of_lists_has_a_partial_for_each_list(value, partials, lists, error, message):
    row = new_op(value.__name__, value, partials, f"{value.__name__}({{}})", None, None, lists)
    with pytest.raises(error, match=message):
        check(row, value)


@pytest.mark.parametrize(
    ("name", "value", "partials", "row", "message"),
    [
        ("f", f, ONE, {"role": "method"}, "the role of f is 'method'; choose 'function', 'operator', 'helper'"),
        ("f", f, ONE, {"c": fold("x")}, r"f takes single numbers, .*; write c=expr\(...\) or libm\(...\)"),
        ("total", total, ONE, {"lists": 1, "c": libm("exp")}, r"total takes lists, .*; write c=fold\(...\)"),
        ("dot", dot, TWO, {"lists": 2, "c": expr("x")}, r"dot takes lists, which is not .*; write c=fold\(...\)"),
        ("mul", g, TWO, {"role": "operator"}, r"mul has no c, but the native engine .*; write c=expr\(...\)"),
        ("neg", f, ONE, {"role": "operator"}, r"neg has no c, but the native engine .*; write c=expr\(...\)"),
        ("f", f, ONE, {"numpy": "exp"}, "f is exp in NumPy, but there is a row of that name"),
        ("f", f, ONE, {"spread": True}, r"the function of f takes \(x\), but there are partials for 1"),
        ("exp", f, ONE, {}, "the function of exp has no docstring; write one, as its documentation is made from it"),
    ],
)
def test_a_built_in_row_that_the_engines_could_not_use_is_refused(name, value, partials, row, message):
    text = f"{name}({{}})" if len(partials) == 1 or "lists" in row else f"{name}({{}}, {{}})"
    with pytest.raises((TypeError, ValueError), match=message):
        check(new_op(name, value, partials, text, None, None, **row), value)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("a", "the function of .*given gave 'a' of type str; it must give one float"),
        (None, "the function of .*given gave None of type NoneType; it must give one float"),
        (1j, "the function of .*given gave 1j of type complex; it must give one float"),
        (
            ag.Value(2.0),
            r"the function of .*given gave Value\(2.0\), a Value; it must compute with plain floats, so use",
        ),
    ],
)
@pytest.mark.parametrize("x", [1.0, 1, ag.Value(1.0)])
def test_a_function_that_gives_no_number_is_refused_by_its_name_on_floats_as_on_values(x, out, message):
    def given(x):
        return out

    with pytest.raises(TypeError, match=message):
        ag.operation(partials=ONE)(given)(x)


class Number(float):
    """A float by another type, as NumPy has."""


@pytest.mark.parametrize("out", [2, True, Fraction(1, 2), Number(0.5)])
def test_a_real_number_that_a_function_gives_becomes_a_float(out):
    def given(x):
        return out

    made = ag.operation(partials=ONE)(given)
    assert [type(made(x)) for x in (1.0, 1)] == [float, float]
    assert made(1.0) == made(ag.Value(1.0)).data == out
    assert type(made(ag.Value(1.0)).data) is float


def test_partials_may_be_any_functions_that_can_be_called_so():
    shifted = functools.partial(lambda shift, out, x: x + shift, 1.0)
    for partial in (shifted, lambda *_: 1.0, lambda out, x, factor=2.0: factor * x, lambda out, x: True):
        check(new_op("f", f, (partial,), "f({})", None, None), f)
