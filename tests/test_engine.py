"""The engine law: the textbook and the native engine agree, number for number and message for message; and how one of
them is chosen. Both run here in one process: the package is loaded a second time, under another name, with the
textbook engine.
"""

import contextlib
import copy
import gc
import io
import itertools
import math
import operator
import os
import pickle
import shutil
import struct
import subprocess
import sys
import threading
import weakref
from decimal import Decimal
from fractions import Fraction
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from numbers import Real
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twins import native_only, textbook
from wording import said_by

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.core import value
from autograd_mini.ops import FUNCTIONS, TABLE
from autograd_mini.ops.row import halves, new_op
from autograd_mini.ops.symbols import Symbol
from autograd_mini.testing import programs
from autograd_mini.testing.program import Dialect, python

PACKAGE = Path(ag.__file__).parent
IS_BUILT = any((PACKAGE / "core" / "native" / f"_native{suffix}").exists() for suffix in EXTENSION_SUFFIXES)

BOTH = (textbook, ag)


OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
    "neg": operator.neg,
    "abs": abs,
    "round": lambda x: round(x, 1),
}
ROWS = [name for name, op in TABLE.items() if op.role != "helper"]
ARITY = {name: len(op.domain) for name, op in TABLE.items()} | {"round": 1}


def taking_numbers(function, lists):
    """A function of the table that takes its operands one by one, also where they come in lists."""
    return (lambda *xs: function(*halves(xs, lists))) if lists else function


def lists_of(name):
    return 0 if TABLE[name].spread else TABLE[name].lists


def library(package):
    """The operations of the programs, from one of the two packages."""

    def of_floats(operator):
        """Plain numbers among themselves as floats: a power of large ints would take for ever."""

        def apply(*xs):
            return operator(*xs) if any(type(x) is package.Value for x in xs) else operator(*map(float, xs))

        return apply

    return {
        **{name: of_floats(operator) for name, operator in OPERATORS.items()},
        **{name: taking_numbers(getattr(package, name), lists_of(name)) for name in ROWS if name not in OPERATORS},
    }


LIBRARY = {package: library(package) for package in BOTH}


def bits(x):
    return struct.pack("d", math.nan if x != x else x)


def told(run):
    """What a run gives, as something that can be compared: data, or the type and the words of an exception."""
    try:
        return run()
    except Exception as error:
        return type(error).__name__, str(error)


def described(package, root):
    """Everything there is to know about a graph."""
    order = package.core.serving.topological_order(root, check=False)
    place = {id(node): i for i, node in enumerate(order)}
    return [
        (
            node.op and node.op.name,
            [place.get(id(a), "left out") if type(a) is package.Value else bits(a) for a in node.args],
            bits(node.data),
            bits(node.grad),
            node.label,
            repr(node),
            [None if slope is None else bits(slope) for slope in package.core.serving.local_partials(node)],
        )
        for node in order
    ]


def as_number(x):
    """A result, whatever it is, as something to compare."""
    if isinstance(x, (list, tuple)):
        return [as_number(v) for v in x]
    if isinstance(x, dict):
        return {k: as_number(v) for k, v in x.items()}
    if hasattr(type(x), "_apply"):
        return "Value", bits(x.data)
    return type(x).__name__, repr(x)


CORNERS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 5e-324, 2.2e-308, 1e308, 1e16 + 2, math.inf, -math.inf, math.nan)
numbers = st.one_of(st.floats(-3, 3), st.sampled_from(CORNERS), st.floats())


def numpy_numbers():
    if not find_spec("numpy"):
        return st.nothing()
    import numpy

    return st.one_of(st.floats(-3, 3).map(numpy.float64), st.integers(-9, 9).map(numpy.int64),
                     st.floats(-3, 3, width=32).map(numpy.float32))  # fmt: skip


plain = st.one_of(
    numbers,
    st.integers(-3, 3),
    st.sampled_from([10**400, 2**53 + 1, -(2**63), 2**31]),
    st.booleans(),
    st.fractions(-3, 3, max_denominator=8),
    st.deferred(numpy_numbers),
)
steps = st.lists(
    st.tuples(st.sampled_from(ROWS), st.lists(st.integers(0, 40), min_size=4, max_size=4)),
    min_size=1,
    max_size=9,
)


class Wild(NamedTuple):
    """Steps over earlier results, by position counted modulo: unlike ``programs()``, with operands of every type."""

    leaves: list
    constants: list
    steps: list


wild_programs = st.builds(Wild, st.lists(numbers, min_size=1, max_size=3), st.lists(plain, max_size=2), steps)


def run_wild(program, package, leaves):
    known = [*leaves, *program.constants]
    for name, positions in program.steps:
        known.append(LIBRARY[package][name](*[known[p % len(known)] for p in positions[: ARITY[name]]]))
    return known[-1]


def derived(program, package, order):
    """The program as a function of its leaves, and what differentiates it as often as ``order`` says."""

    def f(xs):
        return run_wild(program, package, xs)

    g = package.value_and_grad(f)
    for _ in range(order - 1):
        g = package.value_and_grad(lambda xs, g=g: package.sum(g(xs)[1]))
    return f, g


def whole_story(package, out, gradient):
    """The graph of a result before and after each thing that is done with it."""
    before = described(package, out)
    out.backward(gradient)
    after = described(package, out)
    found = package.core.serving.adjoints([out], [gradient])
    out.backward()
    again = described(package, out)
    out.zero_grad()
    return before, after, [bits(x) for x in found.values()], again, described(package, copy.deepcopy(out))


@native_only
@settings(max_examples=3 * settings().max_examples)
@given(programs(tame=False), numbers)
def test_both_engines_agree_on_programs_with_loops_and_branches(program, gradient):
    def run(package):
        leaves = [package.Value(x) for x in program.inputs]
        out = program.run(Dialect(python, {"ag": package, "Fraction": Fraction}), leaves)
        return whole_story(package, out, gradient)

    assert told(lambda: run(ag)) == told(lambda: run(textbook))


@native_only
@settings(max_examples=3 * settings().max_examples)
@given(wild_programs, numbers)
def test_both_engines_record_the_same_graph_and_find_the_same_gradients(program, gradient):
    def run(package):
        leaves = [package.Value(x, label=f"x{i}") for i, x in enumerate(program.leaves)]
        out = run_wild(program, package, leaves)
        if type(out) is not package.Value:
            return as_number(out)
        return whole_story(package, out, gradient)

    assert told(lambda: run(ag)) == told(lambda: run(textbook))


@native_only
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, where its numbers overflow among themselves
@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=200)
@given(data=st.data())
def test_both_engines_agree_on_every_operation_wherever_it_is_applied(name, data):
    count = ARITY[name]
    args = data.draw(st.tuples(*[plain] * count))
    nodes = data.draw(st.tuples(*[st.booleans()] * count))

    def run(package):
        operands = [package.Value(x) if is_node else x for x, is_node in zip(args, nodes, strict=True)]
        out = LIBRARY[package][name](*operands)
        if type(out) is not package.Value:
            return as_number(out)
        out.backward()
        return described(package, out)

    assert told(lambda: run(ag)) == told(lambda: run(textbook))


@native_only
@settings(max_examples=300)
@given(wild_programs, st.integers(1, 3))
def test_both_engines_agree_on_derivatives_of_derivatives(program, order):
    program = program._replace(steps=program.steps[:5])

    def run(package):
        f, g = derived(program, package, order)
        plain_result = g(program.leaves)
        linked = package.value_and_grad(f)([package.Value(x) for x in program.leaves])
        graphs = [described(package, x) for x in linked[1]]
        return as_number(plain_result), as_number(linked), graphs

    mine, theirs = told(lambda: run(ag)), told(lambda: run(textbook))
    assert mine == theirs


class Backwards(tuple):
    """A tuple that is no exact one, and tells its items in another order than it holds them."""

    def __iter__(self):
        return reversed(tuple(self[:]))


CONTAINERS = (tuple, list, iter, Backwards, lambda xs: (x for x in xs), lambda xs: dict(enumerate(xs)).values())
factors = st.lists(st.tuples(plain, plain, st.sampled_from([None, 0, 1]), st.sampled_from([None, 0, 1])), max_size=5)


@native_only
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=3 * settings().max_examples)
@given(st.tuples(numbers, numbers), factors, st.sampled_from(CONTAINERS), st.sampled_from(CONTAINERS), st.booleans())
def test_both_engines_take_operands_out_of_whatever_holds_them(leaves, pairs, first, second, longer):
    """Whichever items are numbers of any type and whichever are Values, of which each may be there several times."""

    def run(package):
        known = [package.Value(x) for x in leaves]
        p = [a if i is None else known[i] for a, _, i, _ in pairs]
        q = [b if i is None else known[i] for _, b, _, i in pairs] + [1.0] * longer
        inner = package.sum(first(p))
        out = package.sumprod(first([*p, inner, 3]), second([*q, 2, inner]))
        return whole_story(package, out, 0.5) if type(out) is package.Value else as_number(out)

    assert told(lambda: run(ag)) == told(lambda: run(textbook))


@native_only
@given(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), factors)
def test_both_engines_differentiate_sums_over_shared_tuples_twice(leaves, pairs):
    def run(package):
        def f(xs):
            p = tuple([a if i is None else xs[i] for a, _, i, _ in pairs]) + (xs[0], 2)
            q = tuple([b if i is None else xs[i] for _, b, _, i in pairs]) + (xs[1], xs[0])
            return package.sumprod(p, q) * package.sumprod(q, q) + package.sumprod(p, q)

        return as_number(package.value_and_grad(lambda xs: package.sum(package.grad(f)(xs)))(list(leaves)))

    assert told(lambda: run(ag)) == told(lambda: run(textbook))


trees = st.recursive(
    st.one_of(numbers, st.integers(-3, 3), st.booleans(), st.fractions(-2, 2), st.none(), st.text(max_size=1)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=2), st.integers(0, 3)), inner, max_size=3),
    ),
    max_leaves=8,
)


def sum_of_squares(package, tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        return package.sum([sum_of_squares(package, x) for x in tree])
    return tree * tree


@native_only
@settings(max_examples=300)
@given(st.lists(trees, min_size=1, max_size=3), st.data())
def test_both_engines_take_arguments_apart_alike(args, data):
    argnum = st.integers(-4, 3)
    argnums = data.draw(st.one_of(argnum, st.lists(argnum, max_size=3).map(tuple)))

    def run(package):
        f = package.value_and_grad(lambda *xs: sum_of_squares(package, xs), argnums)
        return as_number(f(*args))

    assert told(lambda: run(ag)) == told(lambda: run(textbook))


INSIDE = [lambda x: [x], lambda x: (x,), lambda x: {"x": x}, lambda x: Pair(x, 1.0), lambda x: Fraction(x), lambda x: x]


class Pair(NamedTuple):
    x: object
    y: object


@native_only
@pytest.mark.parametrize("outer", range(len(INSIDE)))
@pytest.mark.parametrize("inner", range(len(INSIDE)))
def test_calls_within_calls_know_each_other_whichever_engine_runs_them(inner, outer):
    """Some arguments are left to the page of Python, others are not."""

    def number(x):
        while not isinstance(x, Value):
            x = x["x"] if isinstance(x, dict) else x[0]
        return x

    def slope(x):
        found = ag.grad(lambda p: x * number(p) * number(p))(INSIDE[inner](3.0))
        return number(found)

    found = ag.grad(lambda p: slope(number(p)) * number(p))(INSIDE[outer](2.0))
    while not isinstance(found, float):
        found = found["x"] if isinstance(found, dict) else found[0]
    assert found == 24.0


@pytest.mark.parametrize("package", BOTH)
@pytest.mark.parametrize("last", [True, Fraction(4), "s", None])
def test_a_list_that_gets_another_kind_of_number_meanwhile_keeps_its_gradients(package, last):
    def f(xs):
        numbers[1] = last
        return xs[0] * xs[1]

    numbers = [2.0, 3.0]
    assert package.grad(f)(numbers) == [3.0, 2.0]


# ---- The same behaviour in detail. ----------------------------------------------------------------------------------

AWKWARD = [
    lambda ag: ag.Value("1"),
    lambda ag: ag.Value(1.0, 2.0),
    lambda ag: ag.Value(1.0, label=None),
    lambda ag: ag.Value(data=2.0, label="x"),
    lambda ag: ag.Value(Fraction(1, 3), "third"),
    lambda ag: ag.Value(10**400),
    lambda ag: ag.Value(ag.Value(1.0)),
    lambda ag: ag.Value(1.0) + "a",
    lambda ag: ag.Value(1.0) + 10**400,
    lambda ag: 10**400 + ag.Value(1.0),
    lambda ag: ag.Value(1.0) + 1j,
    lambda ag: pow(ag.Value(1.0), 2, 3),
    lambda ag: ag.Value(2.0) ** 0.5,
    lambda ag: ag.Value(-8.0, "a") ** (1 / 3),
    lambda ag: ag.Value(0.0) ** -1,
    lambda ag: ag.Value(1e200) ** 2,
    lambda ag: 0.0 ** ag.Value(-2.0, "b"),
    lambda ag: ag.Value(1.0) / 0,
    lambda ag: 1 / ag.Value(-0.0),
    lambda ag: 7 % ag.Value(0.0),
    lambda ag: divmod(ag.Value(7.0), -2),
    lambda ag: divmod(7, ag.Value(0.0)),
    lambda ag: divmod(ag.Value(7.0), "x"),
    lambda ag: ag.Value(1e308) * 10,
    lambda ag: ag.Value(math.inf) - math.inf,
    lambda ag: round(ag.Value(2.675), 2),
    lambda ag: round(ag.Value(2.5)),
    lambda ag: round(ag.Value(math.inf)),
    lambda ag: round(ag.Value(2.5), 10**30),
    lambda ag: round(ag.Value(2.5), 1.0),
    lambda ag: math.floor(ag.Value(math.nan)),
    lambda ag: math.ceil(ag.Value(1.2)),
    lambda ag: float(ag.Value(1.0)),
    lambda ag: int(ag.Value(1.0)),
    lambda ag: complex(ag.Value(1.0)),
    lambda ag: math.sin(ag.Value(1.0)),
    lambda ag: f"{ag.Value(1.5):.3f} {ag.Value(1.5)} {ag.Value(1.5)!r:>12}",
    lambda ag: f"{ag.Value(1.5):nonsense}",
    lambda ag: ag.Value(1.5).__format__(3),
    lambda ag: ag.Value(1.5).__format__(None),
    lambda ag: ag.Value(1.0) < "a",
    lambda ag: ag.Value(1.0) == "a",
    lambda ag: ag.Value(0.5) == Fraction(1, 2),
    lambda ag: ag.Value(2.0**53) == 2**53 + 1,
    lambda ag: ag.Value(math.nan) != ag.Value(math.nan),
    lambda ag: ag.Value(1.0).backward("1"),
    lambda ag: ag.Value(1.0).backward(gradient=True),
    lambda ag: ag.Value(1.0).backward(10**400),
    lambda ag: setattr(ag.Value(1.0), "grad", None),
    lambda ag: setattr(ag.Value(1.0), "data", "x"),
    lambda ag: setattr(-ag.Value(1.0), "data", 1.0),
    lambda ag: setattr(ag.Value(1.0), "label", b"x"),
    lambda ag: ag.exp("x"),
    lambda ag: ag.exp(1000.0),
    lambda ag: ag.exp(ag.Value(1000.0, "big")),
    lambda ag: ag.log(0),
    lambda ag: ag.log(ag.Value(0.0)),
    lambda ag: ag.sqrt(True),
    lambda ag: ag.maximum(1, 2),
    lambda ag: ag.maximum(1.0, None),
    lambda ag: ag.maximum(None, ag.Value(1.0)),
    lambda ag: ag.Value(1.0).maximum("x"),
    lambda ag: ag.Value(2.0).minimum(Fraction(1, 2)),
    lambda ag: ag.sum([]),
    lambda ag: ag.sum(iter([ag.Value(1.0), 2, Fraction(1, 2)])),
    lambda ag: ag.sum([1.0, None]),
    lambda ag: ag.sum([1e308, 1e308, ag.Value(-1e308)]),
    lambda ag: ag.sumprod([1.0], []),
    lambda ag: ag.sumprod(q=[1.0], p=[ag.Value(2.0)]),
    lambda ag: ag.sumprod([math.inf], [ag.Value(0.0)]),
    lambda ag: ag.sumprod([], []),
    lambda ag: type("Mine", (ag.Value,), {}),
    lambda ag: ag.Value._apply(ag.ops.TABLE["select"], 1.0, ag.Value(2.0), 3),
    lambda ag: ag.Value._apply(ag.ops.TABLE["add"], 1.0, 2.0).args,
    lambda ag: ag.Value._apply(ag.ops.TABLE["exp"], 1.0).args,
]


@native_only
@pytest.mark.parametrize("number", range(len(AWKWARD)))
def test_both_engines_answer_alike_and_in_the_same_words(number):
    def run(package):
        out = AWKWARD[number](package)
        if type(out) is package.Value:
            out.backward()
            return described(package, out)
        return as_number(out)

    assert told(lambda: run(ag)) == told(lambda: run(textbook))


# ---- Whatever they are given. ---------------------------------------------------------------------------------------

SIGNALLING = struct.unpack("<d", struct.pack("<Q", 0x7FF4000000000001))[0]


class Sulky:
    """Looks like something to iterate over and is not."""

    def __init__(self, error):
        self.error = error

    def __iter__(self):
        raise self.error


class Hostile:
    """Is registered as a real number, and answers as it likes."""

    def __init__(self, answer):
        self.answer = answer

    def __float__(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def __repr__(self):
        return f"Hostile({self.answer!r})"


Real.register(Hostile)

STRANGE = [
    10**400, -(10**400), 2**63, True, False, Fraction(1, 3), Fraction(10**400, 3),
    SIGNALLING, -math.nan, math.inf, -0.0, Hostile(1.5), Hostile(1), Hostile("x"), Hostile(SIGNALLING),
    Hostile(TypeError("not today")), Hostile(ZeroDivisionError("zero")), Sulky(TypeError("not today")),
    Sulky(KeyError()), None, "1", "%f", 1j, Decimal("1.5"), [1.0], (2.0, 3), [None, 1.0], {}, range(3), object,
]  # fmt: skip


def things():
    """An operand: what it is made of, and whether it is a Value of that."""
    found = [st.floats(-3, 3), st.sampled_from(CORNERS), st.sampled_from(STRANGE), st.integers(-3, 3), numpy_numbers()]
    if find_spec("numpy"):
        import numpy

        odd = [numpy.longdouble(1.5), numpy.bool_(True), numpy.float16(0.5), numpy.complex128(1j), numpy.uint8(3)]
        found.append(st.sampled_from(odd))
    return st.tuples(st.one_of(found), st.booleans())


IN_PLACE = [
    getattr(operator, f"i{name.strip('_')}") for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
]
COMPARE = [operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge]
ONE = [name for name in ROWS if name not in OPERATORS and ARITY[name] == 1]
TWO = [name for name in ROWS if name not in OPERATORS and TABLE[name].arity == 2]


def with_a_value(f):
    """An operator, where one of its operands is a Value: the powers of large ints take for ever."""
    return lambda ag, x, y, z: f(x, y) if ag.Value in (type(x), type(y)) else None


VERBS = [
    *[with_a_value(f) for f in (*IN_PLACE, *COMPARE, divmod, operator.pow, operator.mod)],
    *[lambda ag, x, y, z, f=f: f(x) for f in (operator.neg, abs, bool, float, int, math.floor, operator.index, list)],
    *[lambda ag, x, y, z, name=name: getattr(ag, name)(x) for name in ONE],
    *[lambda ag, x, y, z, name=name: getattr(ag, name)(x, y) for name in TWO],
    *[lambda ag, x, y, z, name=name: getattr(x, name)(y) for name in TWO],
    *[lambda ag, x, y, z, name=name: getattr(x, name)(other=y) for name in TWO],
    *[lambda ag, x, y, z, name=name: getattr(x, name)(y, z) for name in TWO],
    *[lambda ag, x, y, z, name=name: getattr(ag, name)(x, y=y) for name in TWO],
    lambda ag, x, y, z: pow(x, y, z) if ag.Value in map(type, (x, y, z)) else None,
    lambda ag, x, y, z: pow(x, 2, None),
    lambda ag, x, y, z: round(x, y),
    lambda ag, x, y, z: round(x),
    lambda ag, x, y, z: [1.0] * x if type(x) is ag.Value else None,
    lambda ag, x, y, z: range(x),
    lambda ag, x, y, z: ag.sum(x),
    lambda ag, x, y, z: ag.sum([x, y, z]),
    lambda ag, x, y, z: ag.sum(terms=(x, y)),
    lambda ag, x, y, z: ag.sum(x, y),
    lambda ag, x, y, z: ag.sumprod(x, [y]),
    lambda ag, x, y, z: ag.sumprod([x, y], [y, z]),
    lambda ag, x, y, z: ag.sumprod([x], q=[y, z]),
    lambda ag, x, y, z: ag.sumprod(q=(x,), p=(y,)),
    lambda ag, x, y, z: ag.Value(x),
    lambda ag, x, y, z: ag.Value(x, label=y),
    lambda ag, x, y, z: ag.Value(data=x),
    lambda ag, x, y, z: x.backward(y),
    lambda ag, x, y, z: x.backward(gradient=y),
    lambda ag, x, y, z: x.backward(),
    lambda ag, x, y, z: x.zero_grad(),
    lambda ag, x, y, z: setattr(x, "data", y),
    lambda ag, x, y, z: setattr(x, "grad", y),
    lambda ag, x, y, z: setattr(x, "label", y),
    lambda ag, x, y, z: ag.core.serving.local_partials(x),
    lambda ag, x, y, z: list(ag.core.serving.adjoints([x], [y]).values()),
    lambda ag, x, y, z: list(ag.core.serving.adjoints([x, y], z).values()),
    lambda ag, x, y, z: ag.core.serving.pull([x], [y], [z]),
    lambda ag, x, y, z: ag.core.serving.push([x], [y], [z]),
    lambda ag, x, y, z: ag.core.serving.pull([x], [y], [z], on_values=True),
    lambda ag, x, y, z: x.as_integer_ratio() if type(x) is ag.Value else None,
    lambda ag, x, y, z: x.conjugate() if type(x) is ag.Value else None,
    lambda ag, x, y, z: sorted(a.data for a in x._prev),
    lambda ag, x, y, z: x._op,
    lambda ag, x, y, z: math.sin(x),
    lambda ag, x, y, z: "%f" % x,  # noqa: UP031
]  # fmt: skip


def in_order(package, x):
    """A result, with all there is to say about it."""
    if isinstance(x, (list, tuple)):
        return [in_order(package, part) for part in x]
    if type(x) is package.Value:
        return "Value", bits(x.data), bits(x.grad), x.label, x.op and x.op.name
    if type(x) is float:
        return "float", bits(x)
    return type(x).__module__, type(x).__name__, repr(x)


def told_whatever(package, run):
    """The same of a run; of a call that does not fit the signature, where the words are the interpreter's, the type."""
    try:
        return in_order(package, run())
    except Exception as error:
        said = str(error).replace(textbook.__name__, ag.__name__)
        return type(error).__name__, "a keyword" if "keyword argument" in said else said


# A verb, its operands by place, and whether it happens within no_grad.
sentence = st.tuples(st.sampled_from(range(len(VERBS))), *[st.integers(0, 9)] * 3, st.booleans())


@native_only
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
@settings(max_examples=10 * settings().max_examples)
@given(
    st.lists(things(), min_size=3, max_size=5),
    st.lists(sentence, min_size=1, max_size=6),
)
def test_both_engines_answer_alike_whatever_they_are_given(operands, sentences):
    def story(package):
        known, heard = [], []
        for x, is_value in operands:  # what a leaf is made of may be refused
            heard.append(told_whatever(package, lambda x=x, v=is_value: known.append(package.Value(x) if v else x)))
        for verb, *places, is_silent in sentences:
            if known:
                chosen = [known[place % len(known)] for place in places]
                with package.no_grad() if is_silent else contextlib.nullcontext():
                    run = lambda: VERBS[verb](package, *chosen)  # noqa: B023, E731
                    heard.append(told_whatever(package, lambda run=run: known.append(run()) or known[-1]))
        heard.append([in_order(package, x) for x in known])
        return heard

    for mine, theirs in zip(story(ag), story(textbook), strict=True):
        assert mine == theirs


class Liar:
    def __init__(self, answer):
        self.answer = answer

    def __float__(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


for register in (Liar,):
    __import__("numbers").Real.register(register)


@pytest.mark.parametrize("answer", [1.5, 1, "x", None, KeyError("no"), ZeroDivisionError("zero")])
def test_operands_that_are_registered_as_real_but_misbehave_are_errors(answer):
    ways = [
        lambda ag: ag.Value(Liar(answer)),
        lambda ag: ag.Value(1.0) + Liar(answer),
        lambda ag: Liar(answer) * ag.Value(1.0),
        lambda ag: ag.exp(Liar(answer)),
        lambda ag: ag.sum([Liar(answer), ag.Value(1.0)]),
        lambda ag: ag.sumprod([Liar(answer)], [ag.Value(1.0)]),
        lambda ag: ag.maximum(ag.Value(1.0), Liar(answer)),
        lambda ag: (ag.Value(1.0) * 2).backward(Liar(answer)),
        lambda ag: setattr(ag.Value(1.0), "grad", Liar(answer)),
        lambda ag: setattr(ag.Value(1.0), "data", Liar(answer)),
        lambda ag: ag.grad(lambda x: x * Liar(answer))(2.0),
        lambda ag: ag.grad(lambda x: x)(Liar(answer)),
        lambda ag: ag.grad(lambda x: Liar(answer))(2.0),
    ]
    for way in ways:
        results = [told(lambda way=way, package=package: as_number(way(package))) for package in BOTH]
        assert results[0] == results[1]
        assert answer == 1.5 or results[0][0] not in ("Value", "float")


def test_an_operand_that_changes_the_list_it_is_in_does_no_harm():
    class Vandal(Liar):
        def __float__(self):
            terms.clear()
            gc.collect()
            return 1.0

    __import__("numbers").Real.register(Vandal)
    terms = [Value(1.0), Vandal(1.0), *[Value(float(i)) for i in range(100)]]
    assert ag.sum(terms).data == 1.0 + 1.0 + sum(range(100))
    terms = [Value(1.0), Vandal(1.0), Value(2.0)]
    assert ag.sumprod(terms, [1.0, 1.0, 1.0]).data == 4.0
    tree = [1.0, Vandal(1.0), 2.0]
    terms = tree
    assert ag.grad(lambda xs: xs[0] * xs[2])(tree) == [2.0, 0.0, 1.0]
    assert tree == []


def test_an_argument_that_is_taken_apart_while_it_is_searched_for_values_does_no_harm():
    class Vandal(list):
        def __iter__(self):
            argument.clear()
            return iter(())

    argument = [[Vandal(), 1.0, 2.0]]
    assert ag.grad(lambda x, y: x * x)(3.0, argument) == 6.0
    assert argument == []


class Secretive(type):
    def __getattr__(cls, name):
        raise KeyError(name)


class Classless:
    @property
    def __class__(self):
        raise KeyError("no class")


@pytest.mark.parametrize("make", [lambda: Secretive("Nameless", (), {})(), lambda: Classless()])
@pytest.mark.parametrize("apply", [operator.add, operator.lt, operator.eq, divmod, lambda x, y: y * x])
def test_an_operand_that_does_not_tell_what_it_is_is_an_error(make, apply):
    results = [told(lambda package=package: apply(package.Value(1.0), make())) for package in BOTH]
    assert results[0] == results[1]
    assert results[0][0] == "KeyError"


class Turncoat:
    """Looks like a Value of another engine; is a real number from when it has been asked so many times."""

    _apply = None

    def __init__(self, patience):
        self.patience = patience

    def __float__(self):
        return 2.0

    def __repr__(self):
        return "a turncoat"

    @property
    def __class__(self):
        self.patience -= 1
        return float if self.patience < 0 else Turncoat


@pytest.mark.parametrize("patience", range(8))
@pytest.mark.parametrize("apply", [operator.lt, operator.eq, operator.ne, divmod, operator.mod, lambda x, y: y**x])
def test_an_operand_that_changes_what_it_is_is_one_or_the_other(apply, patience):
    results = [
        told(lambda package=package: as_number(apply(package.Value(1.5), Turncoat(patience)))) for package in BOTH
    ]
    assert results[0] == results[1]
    assert results[0][0] != "SystemError"
    assert "NotImplemented" not in str(results[0])


# ---- What others see, and do, while C fills a container or reads one. -----------------------------------------------


@native_only
def test_a_list_of_partials_is_not_shown_before_it_is_full():
    class Spy(Hostile):
        def __float__(self):
            seen.extend(len(x) for x in gc.get_objects() if type(x) is list and len(x) == 1237)
            return 1.0

    Real.register(Spy)
    seen = []
    spying = new_op(
        "spying", lambda xs: 0.0, lambda out, *xs: [Spy(0)] * 3 + [1.0] * 1234, "spying({})", None, None, lists=1
    )
    node = Value._apply(spying, *[Value(1.0)] * 1237)
    assert ag.core.serving.local_partials(node) == [1.0] * 1237
    assert len(seen) == 3  # the list that the partials came in, each time, and no other


@pytest.mark.parametrize("spoil", [list.clear, list.pop, lambda slopes: slopes.extend([0.0] * 9)])
def test_who_gets_hold_of_the_list_of_slopes_can_spoil_nothing(spoil):
    class Vandal(dict):
        def __copy__(self):
            for x in gc.get_objects():
                if type(x) is list and len(x) == 8 and x[:3] == [1.0, 12345.678, 3.0]:
                    spoil(x)
            return Vandal(self)

    def f(a, b, c):
        return ag.sumprod([*a, *b[0].values(), *c], [1.0, 12345.678, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])

    second = [Vandal(x=1.0, y=2.0)]  # which only Python takes apart
    with contextlib.suppress(RuntimeError):
        gradient = ag.grad(f, argnums=(0, 1, 2))([1.0] * 3, second, [1.0] * 3)
        assert gradient == ([1.0, 12345.678, 3.0], [{"x": 4.0, "y": 5.0}], [6.0, 7.0, 8.0])


# ---- Values of two engines. -----------------------------------------------------------------------------------------


MIXED = [
    lambda x, y: x + y,
    lambda x, y: y * x,
    lambda x, y: x < y,
    lambda x, y: x == y,
    lambda x, y: divmod(x, y),
    lambda x, y: ag.maximum(x, y),
    lambda x, y: ag.sum([x, y]),
    lambda x, y: ag.sumprod([x], [y]),
    lambda x, y: x.maximum(y),
    lambda x, y: x.backward(y),
    lambda x, y: setattr(x, "data", y),
]


@pytest.mark.parametrize("mix", MIXED)
def test_values_of_two_engines_do_not_mix(mix):
    mine, theirs = ag.Value(1.0, "mine"), textbook.Value(2.0, "theirs")
    for x, y in ((mine, theirs), (theirs, mine)):
        with pytest.raises(
            TypeError, match=r"Value\(.*belongs to the other engine, and Values of two engines do not mix"
        ):
            mix(x, y)
    with pytest.raises(TypeError, match="data is already a Value"):
        Value(theirs)
    with pytest.raises(TypeError, match="returned Value.* of type Value"):
        ag.grad(lambda x: theirs)(1.0)
    with pytest.raises(TypeError, match="which cannot be differentiated by"):
        ag.grad(lambda x: x)(theirs)


# ---- Copies. --------------------------------------------------------------------------------------------------------


def graph_of(cls, functions):
    x, w = cls(2.0, label="x"), cls(-0.5, label="w")
    row = (x, 3, 0.5, w)
    products = [functions.sumprod([x, 1.0], [w, w]), functions.sumprod(row, row), functions.sumprod(row, (w, w, x, 2))]
    out = functions.sum([functions.exp(w), x * w, *products, 2 - x, round(x / 3, 2)])
    out.backward()
    return [out, x, w, 1.5]


@native_only
@pytest.mark.parametrize("cls", [value.Value, Value])
def test_pickles_are_carried_across_engines(cls):
    """Whatever wrote a pickle, it arrives in the engine that serves, with sharing and gradients."""
    written = graph_of(cls, SimpleNamespace(**FUNCTIONS))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        out, x, w, number = pickle.loads(pickle.dumps(written, protocol))
        assert type(out) is type(x) is Value
        assert number == 1.5
        assert (x.label, x.grad.hex(), w.grad.hex()) == ("x", written[1].grad.hex(), written[2].grad.hex())
        assert any(node is x for node in ag.core.serving.topological_order(out))
        out.backward()
        assert x.grad == 2.0 * written[1].grad


def test_a_pickle_of_assigned_leaves_keeps_its_gradients_in_a_new_process():
    x = Value(1.0)
    for i in range(5):
        x.data = float(i)
    text = pickle.dumps(x * x).hex()
    code = (
        f"import pickle, autograd_mini as ag; y = pickle.loads(bytes.fromhex('{text}')); y.backward(); "
        "print(y.args[0].grad, ag.core.serving.adjoints([y], [1.0])[y.args[0]])"
    )
    for engine in {"python", ag.engine}:
        assert run_python(code, AUTOGRAD_MINI_ENGINE=engine).stdout.split() == ["8.0", "8.0"]


@pytest.mark.parametrize("package", BOTH)
def test_copies_of_the_nodes_of_one_graph_grow_as_their_number(package):
    def size(n):
        nodes = [package.Value(1.0)]
        while len(nodes) < n:
            nodes.append(nodes[-1] * 1.0)
        copies = copy.deepcopy(nodes), pickle.loads(pickle.dumps(nodes))
        for found in copies:
            assert all(later.args[0] is earlier for earlier, later in itertools.pairwise(found))
        return len(pickle.dumps(nodes))

    assert size(2000) < 5 * size(500)


class Computing:
    """Computes while it is being pickled."""

    def __init__(self, package):
        self.a = package.Value(3.0)

    def __getstate__(self):
        self.a.data = 4.0
        return {"a": self.a, "loss": self.a * self.a}


@pytest.mark.parametrize("package", BOTH)
def test_what_is_computed_while_a_pickle_is_made_or_between_two_of_one_pickler_arrives(package):
    y = package.Value(2.0) * 3.0
    first, second = pickle.loads(pickle.dumps([y, Computing(package)]))
    second.loss.backward()
    assert (first.data, second.a.grad) == (6.0, 8.0)
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer)
    pickler.dump(y)
    end = buffer.tell()
    pickler.dump(z := y * 2.0)
    assert pickle.loads(pickle.dumps(z * 2.0)).data == 24.0  # while that one is still alive
    buffer.seek(0)
    unpickler = pickle.Unpickler(buffer)
    assert (unpickler.load().data, buffer.tell()) == (6.0, end)
    assert unpickler.load().data == 12.0


def test_a_deep_copy_stays_with_its_engine():
    for cls in (value.Value, Value):
        assert type(copy.deepcopy(cls(1.0) * 2)) is type(copy.copy(cls(1.0) * 2)) is cls


def test_a_copy_of_a_sum_of_one_term_keeps_its_operand():
    x = Value(2.0)
    total = ag.sum([x])
    for clone in (copy.copy(total), copy.deepcopy(total), pickle.loads(pickle.dumps(total))):
        clone.backward()
        assert [(a.data, a.grad) for a in clone.args] == [(2.0, 1.0)]


ADD = TABLE["add"]
DAMAGED = [
    (ADD, (), 1.0, 0.0, "", 0),
    (ADD, (1.0,), 1.0, 0.0, "", 0),
    (ADD, (1.0, 2.0, 3.0), 1.0, 0.0, "", 0),
    (ADD, [1.0, 2.0], 1.0, 0.0, "", 0),
    (ADD, (1.0, "x"), 1.0, 0.0, "", 0),
    (ADD, (1.0, None), 1.0, 0.0, "", 0),
    (ADD, None, 1.0, 0.0, "", 0),
    ("add", (1.0, 2.0), 1.0, 0.0, "", 0),
    (TABLE["sumprod"], (1.0, 2.0, 3.0), 1.0, 0.0, "", 0),
    (TABLE["sum"], (), 1.0, 0.0, "", 0),
    (None, (1.0,), 1.0, 0.0, "", 0),
    (None, (), "x", 0.0, "", 0),
    (None, (), 1.0, None, "", 0),
    (None, (), 1.0, 0.0, 3, 0),
    (None, (), 1.0, 0.0, "", 2**52),
    (None, (), 1.0, 0.0, "", 10**30),
    (None, (), 1.0, 0.0, "", -(10**30)),
    (None, (), 1.0, 0.0, "", "0"),
    (None, (), 1.0, 0.0, ""),
]


@pytest.mark.parametrize("parts", DAMAGED)
@pytest.mark.parametrize("cls", [value.Value, Value])
def test_a_damaged_pickle_is_an_error(cls, parts):
    with pytest.raises((TypeError, ValueError)):
        cls._restore(*parts)


def test_what_a_pickle_may_hold_can_be_used():
    """Operands that no program would give a node are legal, and every walk goes over them."""
    for op, args in ((ADD, (1.0, 2.0)), (TABLE["exp"], (1.0,)), (TABLE["sum"], (1.0, 2.0))):
        out = Value._restore(op, args, 3.0, 0.5, "out", -3)
        assert (out.op, out.args, out.data, out.grad, out.label) == (op, args, 3.0, 0.5, "out")
        out.backward()
        assert ag.core.serving.local_partials(out) == [None] * len(args)
        assert copy.deepcopy(out).args == args


@given(st.data())
def test_a_pickle_with_damaged_bytes_is_an_error_or_a_value(data):
    x = Value(1.0, label="x")
    text = bytearray(pickle.dumps([x * x + ag.sum([x, 2.0, x]), x]))
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = pickle.loads(bytes(text))
    except Exception:
        return
    for out in found if isinstance(found, list) else [found]:
        if type(out) is Value:
            told(out.backward)
            assert isinstance(repr(out), str)


# ---- Rows registered at run time. -----------------------------------------------------------------------------------


def test_a_row_registered_at_run_time_is_recorded_differentiated_and_copied():
    @ag.operation(partials=(lambda out, x: 3.0 * x * x,))
    def cube(x):
        return x * x * x

    x = Value(2.0)
    y = cube(x) * cube(3.0)
    y.backward()
    assert (y.data, x.grad, y.args[0].op.name) == (216.0, 324.0, f"{__name__}.{cube.__wrapped__.__qualname__}")
    assert ag.grad(ag.grad(cube))(2.0) == 12.0
    assert ag.grad(ag.grad(ag.grad(cube)))(2.0) == 6.0
    clone = pickle.loads(pickle.dumps(y))
    clone.backward()
    assert copy.deepcopy(y).args[0].op is y.args[0].op
    assert "cube" in ag.draw(y).source


def registered(value, partials):
    """An operation whose row leaves the table again at once."""
    value.__name__ = value.__qualname__ = "mine"
    made = ag.operation(partials=partials, text="mine({})")(value)
    del TABLE[f"{__name__}.mine"]
    return made


def test_a_row_of_any_number_of_operands_runs_in_python():
    mine = registered(lambda xs: math.prod(xs), lambda out, *xs: [out / x for x in xs])
    x, y = Value(2.0), Value(3.0)
    out = mine([x, 5.0, y, x])
    out.backward()
    assert (out.data, x.grad, y.grad) == (60.0, 60.0, 20.0)
    assert ag.grad(ag.grad(lambda x: mine([x, x, x])))(2.0) == 12.0


@pytest.mark.parametrize("answer", ["x", 1j, [1.0], KeyError("no"), ValueError("no"), UnicodeError("no")])
def test_a_row_or_a_partial_that_misbehaves_is_an_error_and_changes_nothing(answer):
    def misbehave(*args):
        if args and isinstance(args[0], Symbol):  # while it is checked
            return 1.0
        if isinstance(answer, Exception):
            raise answer
        return answer

    x = Value(2.0)
    with pytest.raises((TypeError, KeyError, ValueError)):
        registered(lambda x: misbehave(), (lambda out, x: 1.0,))(x)
    flat = registered(lambda x: x, (lambda out, x: misbehave(out),))
    y = x * 3.0 + flat(x) * x
    before = [node.grad for node in ag.core.serving.topological_order(y)]
    with pytest.raises((TypeError, KeyError, ValueError)):
        y.backward()
    assert [node.grad for node in ag.core.serving.topological_order(y)] == before
    with pytest.raises((TypeError, KeyError, ValueError)):
        ag.grad(ag.grad(lambda x: flat(x) * x))(2.0)


def test_a_partial_may_call_backward_and_make_graphs_in_the_middle_of_a_sweep():
    x, other = Value(2.0), Value(5.0)
    inner = other * other * x

    def slope(out, x):
        inner.backward()
        return ag.grad(lambda z: z**3)(1.0)

    mine = registered(lambda x: x, (slope,))
    x.grad = other.grad = 0.0  # the slope was run when it was checked
    y = mine(x) * mine(x) + inner
    y.backward()
    # The leaf x receives 3*2 + 3*2 from y's own sweep and 25 from inner, and 25 from each of the two sweeps inside.
    assert x.grad == 12.0 + 25.0 + 2 * 25.0
    assert other.grad == 20.0 * 3


def test_a_partial_may_let_go_of_the_graph_that_is_being_swept():
    held = []

    def slope(out, x):
        held.clear()
        gc.collect()
        return 2.0

    mine = registered(lambda x: x, (slope,))
    x = Value(3.0)
    sweeps = [
        lambda: held.pop().backward(),
        lambda: ag.core.serving.adjoints([held.pop()], [1.0]),
        lambda: ag.core.serving.local_partials(held.pop().args[0]),
    ]
    for sweep in sweeps:
        held.append(mine(x * 1.0) * x)
        sweep()
    assert x.grad == 3.0 * 2.0 + 3.0
    assert ag.grad(lambda x: mine(x * 1.0) * x)(3.0) == 9.0


def test_who_gets_hold_of_the_list_of_variables_can_spoil_nothing():
    def spoil(x):
        """Puts into the list what is no Value, and more than was there."""
        for found in gc.get_referrers(x):
            if type(found) is list and len(found) == 1:
                found.extend(["text"] * 1000)

    def f(x):
        spoil(x)
        return x * mine(x)

    variable = []
    mine = registered(lambda x: x, (lambda out, x: (variable and spoil(variable[0])) or 1.0,))
    assert ag.grad(f)(3.0) == 6.0
    assert ag.grad(lambda x: variable.append(x) or x * mine(x))(3.0) == 6.0


# ---- Threads. -------------------------------------------------------------------------------------------------------


def in_threads(count, work):
    before, errors = sys.getswitchinterval(), []

    def guarded(k):
        try:
            work(k)
        except BaseException as error:
            errors.append(error)

    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=guarded, args=(k,)) for k in range(count)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(before)
    assert not errors


def test_threads_with_roots_that_share_a_graph_find_the_right_gradients():
    mine = registered(lambda x: x * x, (lambda out, x: 2.0 * x,))
    leaves = [Value(float(i)) for i in range(50)]
    shared = ag.sum([mine(x) for x in leaves])
    in_threads(4, lambda k: [(shared * 2.0).backward() for _ in range(50)])
    assert [x.grad for x in leaves] == [200 * 2.0 * 2.0 * x.data for x in leaves]


def test_threads_with_graphs_of_their_own_and_no_grad_of_their_own():
    def work(k):
        for i in range(100):
            x = Value(float(k))
            with ag.no_grad():
                assert (x * x).args == ()
                if i % 10 == 0:
                    assert ag.grad(lambda x: x * x * x)(float(k)) == 3.0 * k * k
            y = ag.sin(x) * x
            assert len(y.args) == 2
            y.backward()
            assert x.grad == math.cos(k) * k + math.sin(k)

    in_threads(4, work)


def test_a_thread_that_ends_within_no_grad_leaves_the_others_alone():
    def work(k):
        ag.no_grad().__enter__()

    in_threads(2, work)
    x = Value(1.0)
    assert (x * x).args == (x, x)


# ---- The class. -----------------------------------------------------------------------------------------------------


@native_only
def test_help_shows_the_native_class_as_the_textbook_one():
    import inspect

    for name, theirs in vars(value.Value).items():
        if callable(theirs) and not name.startswith("__"):
            mine = getattr(Value, name)
            assert mine.__doc__ == (theirs.__doc__ if name != "_restore" and name != "_apply" else mine.__doc__), name
            assert list(inspect.signature(mine).parameters) == list(
                inspect.signature(getattr(value.Value, name)).parameters
            )
    assert list(inspect.signature(Value).parameters) == list(inspect.signature(value.Value).parameters)
    assert str(inspect.signature(Value, follow_wrapped=False)) == "(data, label='')"
    if sys.version_info < (3, 13):  # which does not look behind a class any more
        assert inspect.getsource(Value) == inspect.getsource(value.Value)
    assert not hasattr(Value(1.0), "__wrapped__")
    assert Value.__doc__ == value.Value.__doc__
    for name in ("exp", "maximum", "sum", "sumprod"):
        assert getattr(ag, name).__doc__ == getattr(textbook, name).__doc__
        inspect.signature(getattr(ag, name))
    assert Value.__name__ == Value.__qualname__ == "Value"
    assert {n for n in dir(value.Value) if n[0] != "_"} == {n for n in dir(Value) if n[0] != "_"}


@pytest.mark.parametrize("name", [name for name in ROWS if TABLE[name].role == "function"])
@pytest.mark.parametrize("package", BOTH)
def test_functions_are_pickled_by_name_and_tell_their_signature(package, name):
    import inspect

    function = getattr(package, name)
    assert pickle.loads(pickle.dumps(function)) is function
    twin = getattr(textbook, name)
    assert list(inspect.signature(function).parameters) == list(inspect.signature(twin).parameters)
    assert function.__name__ == name


def test_what_a_class_cannot_have_done_to_it_is_an_error():
    class Mixin:
        def __init_subclass__(cls):
            pass

    for bases in ((Value,), (Mixin, Value)) if ag.engine == "native" else ((Value,),):
        with pytest.raises(
            TypeError, match="Value is final and cannot be subclassed; hold a Value in a class of your own"
        ):
            type("Mine", bases, {})
    x = Value(1.0)
    with pytest.raises(AttributeError):
        x.anything = 1
    with pytest.raises(TypeError):
        Value()
    with pytest.raises(TypeError):
        Value(1.0, "a", 2)
    with pytest.raises(TypeError):
        Value(1.0, colour="red")


@native_only
def test_attributes_cannot_be_deleted_or_made_to_lie():
    x = Value(1.0)
    for name in ("data", "grad", "label", "op", "args"):
        with pytest.raises(AttributeError):
            delattr(x, name)
    for name in ("op", "args"):
        with pytest.raises(AttributeError):
            setattr(x, name, None)
    with pytest.raises(TypeError):
        object.__new__(Value)
    with pytest.raises(TypeError):
        object.__setattr__(x, "__class__", int)


def test_weak_references_end_with_the_value_and_their_callbacks_may_do_anything():
    seen = []

    def callback(reference):
        seen.append(reference())
        x = Value(1.0)
        for _ in range(100):
            x = x * 1.0
        x.backward()

    x = Value(1.0)
    chain, references = x, []
    for _ in range(50):
        chain = chain + 1.0
        references.append(weakref.ref(chain, callback))
    del chain
    assert seen == [None] * 50
    assert all(r() is None for r in references)
    assert weakref.ref(x)() is x


def test_a_long_chain_dies_without_recursion_whatever_lets_go_of_it():
    x = Value(1.0)
    for i in range(200_000):
        x = x + 1.0 if i % 1000 else ag.sum([x, x, 1.0])
    reference = weakref.ref(x)
    del x
    assert reference() is None


def test_a_long_chain_of_sums_dies_without_recursion_whatever_lets_go_of_it():
    x = Value(1.0)
    for held in (False, True):
        seen, y, row = [], x, ()
        for i in range(100_000):
            row = (y, 0.5, 1)
            y = ag.sumprod(row, (x, y, 2)) if i % 2 else ag.sum(row)
            if i % 1000 == 0:
                seen.append(weakref.ref(y, lambda _: ag.sumprod((x, x), (x, 1.0)).backward()))
        if held:  # the tuple outlives the node, and dies by itself
            del y
            assert seen[-1]() is not None
            del row
        else:
            del row, y
        assert [r() for r in seen] == [None] * 100


@native_only
def test_a_node_takes_eighty_bytes():
    x = Value(1.0)
    many = ag.sumprod((x,) * 50, (x,) * 50)
    assert sys.getsizeof(x) == sys.getsizeof(x * 2.0) == sys.getsizeof(many) == sys.getsizeof(ag.sum([x] * 50)) == 80


@native_only
def test_the_collector_has_nothing_to_look_for_in_operands():
    x = Value(1.0)
    first, second, terms = (x, 1.0), (2, x), (x, x)
    assert all(map(gc.is_tracked, (first, second, terms)))
    nodes = [ag.sumprod(first, second), ag.sum(terms)]
    assert not any(map(gc.is_tracked, (first, second, terms, *nodes)))


@native_only
@given(st.permutations(range(6)))
def test_nodes_share_the_tuples_that_they_were_computed_from(order):
    x = Value(3.0)
    row, inputs = (x, 2.5, 1, x), (0.5, x, x, 4)
    before = [sys.getrefcount(thing) for thing in (row, inputs, x)]
    nodes = [ag.sumprod(row, inputs) for _ in range(3)] + [ag.sumprod(row, row), ag.sum(row), ag.sum(inputs)]
    assert [sys.getrefcount(thing) for thing in (row, inputs, x)] == [before[0] + 6, before[1] + 4, before[2]]
    assert nodes[0].args == (x, 2.5, 1.0, x, 0.5, x, x, 4.0)
    assert {type(a) for a in nodes[0].args} == {Value, float}
    expected = [[0.5, None, None, 4.0, None, 2.5, 1.0, None]] * 3 + [
        [3.0, None, None, 3.0] * 2, [1.0, None, None, 1.0], [None, 1.0, 1.0, None]]  # fmt: skip
    for place in order:
        assert ag.core.serving.local_partials(nodes[place]) == expected[place]
        nodes[place] = None
    assert [sys.getrefcount(thing) for thing in (row, inputs, x)] == before


def test_a_sum_over_a_list_keeps_what_was_in_it():
    x, y = Value(2.0), Value(3.0)
    row, inputs = [x, y], [y, 1.0]
    out = ag.sumprod(row, inputs) + ag.sum(row)
    row.clear()
    inputs[:] = [None]
    out.backward()
    assert (x.grad, y.grad) == (4.0, 4.0)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("record", [lambda xs: ag.sumprod(xs[:2], xs[2:]), lambda xs: ag.sum(xs)])
def test_an_operand_that_is_assigned_later_is_found_in_whichever_tuple_it_is(record, place):
    xs = tuple([Value(float(i), f"x{i}") for i in range(4)])
    Value(0.0).data = 1.0
    out = record(xs)
    out.backward()
    xs[place].data = 5.0
    for root in (out, pickle.loads(pickle.dumps(out)), copy.deepcopy(out)):
        with pytest.raises(ag.StaleGraphError, match=f"label='x{place}'.* was assigned after"):
            root.backward()
    xs[0].data = 6.0
    with pytest.raises(ag.StaleGraphError, match=f"label='x{place}'.* was assigned after"):
        out.backward()  # the last one in the graph is named


@native_only
def test_a_sum_of_products_refuses_factors_without_partner():
    x = Value(1.0)
    with pytest.raises(TypeError, match="_apply takes a row of the table and its operands"):
        Value._apply(TABLE["sumprod"], x, x, x)
    assert Value._apply(TABLE["sumprod"], x, x, 2.0, x).args == (x, x, 2.0, x)


# ---- Which engine serves. -------------------------------------------------------------------------------------------


def run_python(code, folder=None, **environment):
    """Run code in a process of its own, with a package from ``folder`` if one is given."""
    path = {"PYTHONPATH": str(folder or PACKAGE.parent)}
    clean = {k: v for k, v in os.environ.items() if k != "AUTOGRAD_MINI_ENGINE"}
    return subprocess.run(
        [sys.executable, "-c", code], env={**clean, **path, **environment}, capture_output=True, text=True, cwd=folder
    )


ENGINE = "import autograd_mini as ag; print(ag.engine)"


def test_an_environment_variable_chooses_the_engine():
    assert run_python(ENGINE, AUTOGRAD_MINI_ENGINE="python").stdout.split() == ["python"]
    wrong = run_python(ENGINE, AUTOGRAD_MINI_ENGINE="fortran")
    assert "ImportError: AUTOGRAD_MINI_ENGINE is native or python, got 'fortran'" in wrong.stderr


@native_only
def test_the_native_engine_serves_where_it_was_built():
    assert run_python(ENGINE).stdout.split() == ["native"]
    assert run_python(ENGINE, AUTOGRAD_MINI_ENGINE="native").stdout.split() == ["native"]


@pytest.fixture
def package(tmp_path):
    """A copy of the package that a test may damage."""
    shutil.copytree(PACKAGE, tmp_path / "autograd_mini", ignore=shutil.ignore_patterns("__pycache__", "build_note.txt"))
    return tmp_path / "autograd_mini"


def test_without_the_native_engine_the_textbook_serves_and_the_report_says_why(package):
    for built in (package / "core" / "native").glob("_native.*"):
        if built.suffix != ".pyi":
            built.unlink()
    done = run_python(ENGINE, package.parent)
    assert (done.stdout.split(), done.stderr) == (["python"], "")
    missing = run_python(ENGINE, package.parent, AUTOGRAD_MINI_ENGINE="native")
    assert (
        "asks for the native engine, which is not built; build it with a C compiler by `pip install .`"
        in missing.stderr
    )
    assert "; without that variable `python -m autograd_mini` says why it is missing" in missing.stderr
    (package / "core" / "native" / "build_note.txt").write_text("the compiler is out of order")
    report = run_python("import runpy; runpy.run_module('autograd_mini', run_name='__main__')", package.parent).stdout
    assert "engine: python" in report
    assert "not built: the compiler is out of order" in report
    assert "renderer: " in report


@native_only
def test_a_native_engine_of_another_table_does_not_serve(package):
    with open(package / "ops" / "pieces.py", "a") as file:
        file.write("# another table\n")
    done = run_python(ENGINE, package.parent)
    assert done.stdout.split() == ["python"]
    unfit = "does not serve: it was built from another table of operations"
    assert done.stderr.startswith(f"<string>:1: RuntimeWarning: the native engine {unfit}; build it with a C compiler")
    assert "the textbook engine serves, which is slower" in done.stderr
    for names in ({}, {"__name__": None}, {"__name__": "program"}):  # a program within another program
        done = run_python(f"exec({ENGINE!r}, {names})", package.parent)
        assert (done.stdout.split(), done.stderr.count("RuntimeWarning")) == (["python"], 1)
    asked = run_python(ENGINE, package.parent, AUTOGRAD_MINI_ENGINE="native")
    assert f"ImportError: the native engine {unfit}" in asked.stderr
    report = run_python("import runpy; runpy.run_module('autograd_mini', run_name='__main__')", package.parent).stdout
    assert f"native engine: {unfit}\nbuild it with a C compiler" in report


@native_only
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("ops/special.py", "softplus", "soft_plus"), ("core/shared.py", "plain_result", "number_result")],
)
def test_a_native_engine_built_from_other_sources_does_not_serve(package, file, old, new):
    path = package / file
    path.write_text(path.read_text().replace(old, new))
    asked = run_python("import autograd_mini.core.serving", package.parent, AUTOGRAD_MINI_ENGINE="native")
    said = "the native engine does not serve: it was built from another state of the sources around it; build it"
    assert f"ImportError: {said}" in asked.stderr


@native_only
def test_a_native_engine_that_lacks_a_function_does_not_serve(package):
    init = package / "core" / "native" / "__init__.py"
    init.write_text(init.read_text().replace("from ._native import (\n", "from ._native import (\n    missing,\n"))
    done = run_python(ENGINE, package.parent)
    assert done.stdout.split() == ["python"]
    assert "the native engine does not serve: cannot import name 'missing' from " in done.stderr
    assert "; build it with a C compiler by `pip install .`" in done.stderr


@native_only
def test_a_subinterpreter_gets_the_textbook_and_does_the_main_one_no_harm():
    code = """
try:
    import _interpreters as sub
except ImportError:
    import _xxsubinterpreters as sub
import autograd_mini as ag
other = sub.create()
sub.run_string(other, "import autograd_mini as ag; print(ag.engine, ag.grad(ag.sin)(0.0))")
sub.destroy(other)
print(ag.engine)
ag.log(ag.Value(-1.0))
"""
    done = run_python(code)
    assert done.stdout.split() == ["python", "1.0", "native"]
    assert "RuntimeWarning: the native engine does not serve: " in done.stderr
    assert f"ValueError: log(Value(-1.0)): {said_by(lambda: math.log(-1.0))}; keep" in done.stderr


@pytest.mark.skipif(not IS_BUILT, reason="the native engine is not built")
@pytest.mark.parametrize("asked", ["", "native", "python"])
def test_without_the_interpreters_lock_the_native_engine_does_not_serve(asked):
    code = """
import sys
sys._is_gil_enabled = lambda: False  # as of a free-threaded interpreter with PYTHON_GIL=0
import autograd_mini as ag
print(ag.engine, ag.grad(ag.sin)(0.0))
import runpy
runpy.run_module("autograd_mini", run_name="__main__")
"""
    done = run_python(code, AUTOGRAD_MINI_ENGINE=asked)
    said = "it needs the interpreter's lock, which PYTHON_GIL=0 or -X gil=0 keeps switched off"
    if asked == "native":
        assert f"ImportError: the native engine does not serve: {said}\n" in done.stderr
        return
    assert done.stdout.startswith("python 1.0\n")
    warned = f"RuntimeWarning: the native engine does not serve: {said}; the textbook engine serves, which is slower"
    assert (warned in done.stderr) == (asked == "")
    assert f"native engine: does not serve: {said}\nrenderer" in done.stdout


@native_only
def test_the_report_says_what_serves():
    report = run_python("import runpy; runpy.run_module('autograd_mini', run_name='__main__')").stdout
    assert "engine: native" in report
    assert "native engine: built with " in report
