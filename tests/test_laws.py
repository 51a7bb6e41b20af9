"""The laws of the engine, each a property over random programs. How many: ``--examples``, see tests/README.md."""

import copy
import gc
import math
import pickle
import struct
import sys
from contextlib import contextmanager

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from walks import counted, looks

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.core.serving import topological_order
from autograd_mini.ops import TABLE, apply
from autograd_mini.testing import difference, expressions, points, programs
from autograd_mini.testing.oracles import (
    COMPLEX,
    FLOATS,
    Twin,
    Untrusted,
    complex_step,
    exact,
    exact_forms,
    exact_second,
    exact_value,
    known,
    path_sum,
)
from autograd_mini.testing.program import VALUES, VARIABLES, Call, Dialect, Program, is_count, on_floats, public_rows

pytest.importorskip("mpmath", reason="needs the extra test")

ERRORS = (ArithmeticError, ValueError)
ROWS = public_rows()
PLAIN, EXACT = known(FLOATS), known(exact_forms())  # the rows that have a form there
FEW, SOME, MANY = (settings(max_examples=max(1, n * settings().max_examples // 10)) for n in (1, 10, 30))
CORNERS = (0.0, -0.0, 1.0, -1.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan)
ANY = st.sampled_from(CORNERS) | st.floats()
NUMBERS = ANY | st.integers(-3, 3) | st.booleans() | st.fractions(-3, 3, max_denominator=8)


def bits(x):
    return struct.pack("d", math.nan if x != x else x)


def number(x):
    return x.data if isinstance(x, Value) else float(x)


def outcome(run):
    """The bits of the result, or the type and message of the exception."""
    try:
        return bits(number(run()))
    except ERRORS as error:
        return type(error), str(error)


def same(ours, floats):
    """Equal bits, or an exception of the same type whose message has what Python says and more."""
    if isinstance(floats, bytes) or isinstance(ours, bytes):
        return ours == floats
    return ours[0] is floats[0] and (floats[1] in ours[1] or floats[1] == "not real")


def recorded(program):
    """The program's leaves and its result as Values, if it has one."""
    leaves = [Value(x) for x in program.inputs]
    try:
        return leaves, program.run(VALUES, leaves)
    except ERRORS:
        assume(False)


def judged(oracle, *args):
    """The oracle's answer; programs that it cannot judge are not drawn."""
    try:
        return oracle(*args)
    except (Untrusted, *ERRORS):
        assume(False)


def gradient(program):
    leaves, out = recorded(program)
    out.backward()
    return [leaf.grad for leaf in leaves]


def hessian(program):
    def f(*x):
        return program.run(VALUES, x)

    places = tuple(range(len(program.inputs)))
    return [ag.grad(ag.grad(f, argnums=i), argnums=places)(*program.inputs) for i in places]


def within(found, judgements):
    return all(abs(x - right) <= tolerance for x, (right, tolerance) in zip(found, judgements, strict=True))


def operation(name, point):
    """The program that applies one operation to variables; counts such as the decimals of round are constants."""
    counts = [is_count(TABLE[name], i) for i in range(len(point))]
    inputs = [x for x, count in zip(point, counts, strict=True) if not count]
    names = iter(VARIABLES)
    args = tuple(int(x) if count else next(names) for x, count in zip(point, counts, strict=True))
    return Program(tuple(inputs), (), Call(name, args))


# ---- 1. Float law. --------------------------------------------------------------------------------------------------


@MANY
@given(programs(PLAIN, tame=False))
def test_a_program_gives_the_same_bits_or_exception_as_on_floats(program):
    plainly = outcome(lambda: program.run(FLOATS, program.inputs))
    assert same(outcome(lambda: program.run(VALUES, list(map(Value, program.inputs)))), plainly)


@pytest.mark.parametrize("name", ROWS)
@SOME
@given(data=st.data())
def test_an_operation_gives_the_same_bits_or_exception_as_on_floats_whatever_its_operands(name, data):
    row = TABLE[name]
    sides = [not is_count(row, i) and data.draw(st.booleans()) for i in range(len(row.domain))]
    assume(any(sides))
    kinds = [ANY if value else st.integers(-400, 400) if is_count(row, i) else NUMBERS for i, value in enumerate(sides)]
    args = list(map(data.draw, kinds))
    run = Program((), (), Call(name, tuple(f"a{i}" for i in range(len(args)))))
    values = {f"a{i}": Value(x) if value else x for i, (x, value) in enumerate(zip(args, sides, strict=True))}
    floats = {name: number(x) if isinstance(x, Value) else x for name, x in values.items()}
    judge = FLOATS if name in PLAIN else on_floats()
    plainly = outcome(lambda: run.run(Dialect(judge.spell, {**judge.names, **floats}), ()))
    assert same(outcome(lambda: run.run(Dialect(VALUES.spell, {**VALUES.names, **values}), ())), plainly)


# ---- 3. Gradient law. -----------------------------------------------------------------------------------------------


@MANY
@given(programs(EXACT))
def test_values_and_gradients_are_those_of_fifty_digits(program):
    right = judged(exact, program)
    assert within([recorded(program)[1].data], [exact_value(program)])
    assert within(gradient(program), right)


@SOME
@given(programs(EXACT, size=5))
def test_second_derivatives_are_those_of_fifty_digits(program):
    for row, right in zip(hessian(program), judged(exact_second, program), strict=True):
        assert within(row, right)


@SOME
@given(programs([name for name in EXACT if name in PLAIN]))
def test_gradients_are_the_sum_over_all_paths_of_a_naive_twin(program):
    assert within(gradient(program), judged(path_sum, program))


@SOME
@given(expressions([name for name in EXACT if name in COMPLEX.names]))
def test_gradients_are_those_of_the_complex_step(program):
    tolerances = [tolerance for _, tolerance in judged(exact, program)]
    assert within(gradient(program), list(zip(judged(complex_step, program), tolerances, strict=True)))


@SOME
@given(expressions(EXACT, size=4))
def test_gradients_are_those_of_extrapolated_differences(program):
    judged(exact, program)  # no kink within 1e-6, and differences take no longer steps here
    found = gradient(program)
    for i in range(len(program.inputs)):

        def along(x, i=i):
            return program.run(on_floats(), [*program.inputs[:i], x, *program.inputs[i + 1 :]])

        estimate = judged(difference, along, program.inputs[i])
        assert abs(found[i] - estimate.value) <= 10 * estimate.error + 1e-6 * abs(found[i])


@pytest.mark.parametrize("name", ROWS)
@FEW
@given(data=st.data())
def test_first_and_second_derivatives_of_every_row_are_those_of_fifty_digits_or_of_differences(name, data):
    program = operation(name, data.draw(points(name)))
    if name in EXACT:
        assert within(gradient(program), judged(exact, program))
        for row, right in zip(hessian(program), judged(exact_second, program), strict=True):
            assert within(row, right)
    else:
        ag.testing.check_grads(lambda *x: program.run(VALUES, x), program.inputs)


# ---- 4. Accumulation law. -------------------------------------------------------------------------------------------


@MANY
@given(programs(), st.floats(-10, 10))
def test_backward_twice_doubles_the_leaves_exactly_and_leaves_inner_nodes_as_they_were(program, cotangent):
    leaves, out = recorded(program)
    graph = topological_order(out)
    out.backward(cotangent)
    once = [node.grad for node in graph]
    out.backward(cotangent)
    twice = [2 * g if node.op is None else g for node, g in zip(graph, once, strict=True)]
    assert list(map(bits, [node.grad for node in graph])) == list(map(bits, twice))


@SOME
@given(st.integers(1, 200), st.integers(1, 50))
def test_a_leaf_that_is_used_many_times_doubles_exactly(uses, cotangent):
    x = Value(0.1)
    out = ag.sum([x * (0.1 * i) for i in range(uses)])
    out.backward(cotangent / 7)
    once = x.grad
    out.backward(cotangent / 7)
    assert x.grad == 2 * once


@SOME
@given(programs())
def test_zero_grad_is_idempotent_and_brings_back_the_beginning(program):
    leaves, out = recorded(program)
    graph = topological_order(out)
    out.backward()
    first = [bits(node.grad) for node in graph]
    out.zero_grad()
    out.zero_grad()
    assert all(node.grad == 0.0 for node in graph)
    out.backward()
    assert [bits(node.grad) for node in graph] == first


@SOME
@given(programs())
def test_a_cotangent_of_zero_gives_zero_and_a_power_of_two_scales_exactly(program):
    leaves, out = recorded(program)
    graph = topological_order(out)
    out.backward(0.0)
    assert all(leaf.grad == 0.0 for leaf in leaves)
    out.backward()
    single = [leaf.grad for leaf in leaves]
    assume(all(a.grad == 0.0 or 1e-200 < abs(a.grad) < 1e200 for a in graph))
    out.zero_grad()
    out.backward(4.0)
    assert [leaf.grad for leaf in leaves] == [4.0 * g for g in single]


# ---- 5. Depth law. --------------------------------------------------------------------------------------------------


@settings(max_examples=5)
@given(st.integers(1000, 30_000), st.integers(1, 3))
def test_every_walk_looks_at_each_node_a_bounded_number_of_times(depth, uses):
    x = Value(1.0)
    y = x
    for _ in range(depth):
        y = ag.sum([y] * uses) / uses
        counted(y)
    walks = {"backward": y.backward, "zero_grad": y.zero_grad, "pickle": lambda: pickle.dumps(y),
             "deepcopy": lambda: copy.deepcopy(y), "grad": lambda: ag.core.serving.adjoints([y], [1.0])}  # fmt: skip
    for name, walk in walks.items():
        before = looks()
        walk()
        assert 0 < looks() - before <= 20 * depth, name


def test_every_walk_survives_a_chain_of_a_million_nodes():
    x = Value(1.0)
    y = x
    for _ in range(1_000_000):
        y = y + 1.0
    y.backward()
    assert x.grad == 1.0
    with pytest.raises(ag.GraphTooLargeError, match="1000001|1,000,001"):
        ag.draw(y)
    y.zero_grad()
    assert x.grad == 0.0
    again = pickle.loads(pickle.dumps(y))
    again.backward()
    assert topological_order(again)[0].grad == 1.0
    del again
    assert copy.deepcopy(y).data == 1_000_001.0


# ---- 6. No-cycle law. -----------------------------------------------------------------------------------------------


@FEW  # collecting takes long among all that the tests keep alive
@given(programs())
def test_nothing_is_left_to_the_cyclic_collector(program):
    def use():
        leaves, out = recorded(program)
        out.backward()
        copy.deepcopy(out)
        pickle.dumps([out, *leaves])
        ag.draw(out).source  # noqa: B018

    use()
    gc.collect()
    gc.disable()
    try:
        use()
        found = gc.collect()
    finally:
        gc.enable()
    assert found == 0 or not values_in_cycles(use)


def values_in_cycles(use):
    """The Values among what the collector finds: other libraries may leave cycles of their own."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        use()
        gc.collect()
        return [x for x in gc.garbage if type(x) is Value]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def test_dropping_a_result_drops_its_graph_with_the_collector_off():
    gc.disable()
    try:
        x = Value(1.0)
        references = sys.getrefcount(x)
        y = x
        for _ in range(1000):
            y = ag.sin(y) * x
        y.backward()
        del y
        assert sys.getrefcount(x) == references
    finally:
        gc.enable()


# ---- 7. Picture law. ------------------------------------------------------------------------------------------------


@SOME
@given(programs())
def test_the_same_graph_gives_the_same_picture(program):
    texts = set()
    for _ in range(2):
        _, out = recorded(program)
        out.backward()
        texts.add(ag.draw(out).source)
    texts.add(ag.draw(copy.deepcopy(out)).source)
    assert len(texts) == 1


# ---- 8. Row law. ----------------------------------------------------------------------------------------------------


@contextmanager
def entered(value, **row):
    """An operation of a user, which is in the table for as long as the context lasts."""
    function = ag.operation(**row)(value)
    try:
        yield function
    finally:
        del TABLE[f"{__name__}.{value.__name__}"]


def square_times(x, y):
    if y > 100.0:
        raise ValueError("y is too large")
    return x * x * y


@pytest.fixture
def toy():
    slopes = lambda out, x, y: 2.0 * x * y, lambda out, x, y: x * x
    with entered(square_times, partials=slopes, text="toy({}, {})", domain=((0.5, 2.0), (1.0, 3.0))) as function:
        yield function


def test_a_row_of_a_user_is_known_to_every_machine(toy):
    assert toy(2.0, 3.0) == 12.0
    x, y = Value(2.0, "x"), Value(3.0, "y")
    out = toy(x, y) * 2
    out.backward()
    assert (out.data, x.grad, y.grad) == (24.0, 24.0, 8.0)
    assert ag.value_and_grad(toy, argnums=(0, 1))(2.0, 3.0) == (12.0, (12.0, 4.0))
    assert ag.grad(ag.grad(toy), argnums=(0, 1))(2.0, 3.0) == (6.0, 4.0)
    source = ag.draw(out).source
    assert "toy" in source
    again = pickle.loads(pickle.dumps(copy.deepcopy(out)))
    again.backward()
    assert [leaf.grad for leaf in topological_order(again) if leaf.op is None] == [48.0, 16.0]
    with pytest.raises(ValueError, match=r"toy\(Value\(1.0\), 101.0\): y is too large; keep its operands inside"):
        toy(Value(1.0), 101)
    ag.testing.check_grads(toy, (2.0, 3.0))


@SOME
@given(data=st.data())
def test_the_strategies_draw_a_row_of_a_user(data):
    name = f"{__name__}.cube"
    with entered(cube, partials=(lambda out, x: 3.0 * x * x,), domain=((-2.0, 2.0),), kink=lambda x: (1.0,)):
        assert -2.0 <= data.draw(points(name))[0] <= 2.0
        assert data.draw(points(name, kinks=True)) == (1.0,)
        program = data.draw(expressions([name], size=3))
        assert name in repr(program) or not program.operations()
        assert within(gradient(program), by_complex_step(program))


def cube(x):
    return x * x * x


def by_complex_step(program):
    """The gradient of a program of cubes."""
    cubes = Dialect(on_floats().spell, {f"{__name__}_cube": cube})
    shifted = [[*program.inputs[:i], x + 1e-200j, *program.inputs[i + 1 :]] for i, x in enumerate(program.inputs)]
    slopes = [complex(program.run(cubes, x)).imag / 1e-200 for x in shifted]
    return [(slope, 1e-12 * abs(slope) + 1e-100) for slope in slopes]


@pytest.mark.parametrize("name", ROWS)
def test_every_machine_knows_every_row(name):
    op = TABLE[name]
    args = [int(low) if is_count(op, i) else Value(low + 0.7 * (high - low)) for i, (low, high) in enumerate(op.domain)]
    out = apply(op, *args)
    assert out.op is op
    assert op.role == "operator" or name in ag.__all__
    assert op.role == "operator" or op.lists or is_count(op, 0) or getattr(args[0], name)(*args[1:]).op is op
    out.backward()
    assert pickle.loads(pickle.dumps(out)).op is op
    assert op.symbol in ag.draw(out).source


# ---- Copies. --------------------------------------------------------------------------------------------------------


@SOME
@given(programs(), st.sampled_from([copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]))
def test_values_copied_together_keep_numbers_sharing_and_gradients(program, clone):
    leaves, out = recorded(program)
    out.backward()
    graph = topological_order(out)
    *their_leaves, theirs, same = clone([*leaves, out, out])
    assert theirs is same
    their_graph = topological_order(theirs)
    for a, b in zip(graph, their_graph, strict=True):
        assert (bits(a.data), bits(a.grad), a.op, a.label) == (bits(b.data), bits(b.grad), b.op, b.label)
    for mine, their in zip(leaves, their_leaves, strict=True):
        assert [mine is n for n in graph] == [their is n for n in their_graph]
    out.backward()
    theirs.backward()
    assert [bits(n.grad) for n in graph] == [bits(n.grad) for n in their_graph]


# ---- A machine that grows, changes, copies and differentiates graphs next to the naive twin. ------------------------


class Model(Twin):
    """A twin with what a node has besides: a gradient, and the time at which it was made or assigned."""

    clock = 0

    def __init__(self, data, edges=()):
        super().__init__(data, edges)
        self.grad, self.time = 0.0, Model.clock

    def below(self):
        """This node and all it was computed from, by identity."""
        found = {id(self): self}
        for operand, _ in self.edges:
            found.update(operand.below())
        return found

    def is_stale(self):
        return any(operand.time > n.time for n in self.below().values() for operand, _ in n.edges)


# Slopes of whole numbers, written down by hand, so that every sum is exact in whatever order it is taken.
UNARY = {
    "neg": (lambda x: -x, lambda x: -1.0),
    "abs": (abs, lambda x: float(x > 0) - float(x < 0)),
    "relu": (ag.relu, lambda x: float(x > 0)),
}
BINARY = {
    "add": (lambda x, y: x + y, lambda x, y: (1.0, 1.0)),
    "sub": (lambda x, y: x - y, lambda x, y: (1.0, -1.0)),
    "mul": (lambda x, y: x * y, lambda x, y: (y, x)),
    "maximum": (ag.maximum, lambda x, y: (1.0, 0.0) if x > y else (0.0, 1.0) if x < y else (0.5, 0.5)),
    "sum": (lambda x, y: ag.sum([x, y, x]), lambda x, y: (2.0, 1.0)),
    "sumprod": (lambda x, y: ag.sumprod([x, y], [y, 3]), lambda x, y: (y, x + 3.0)),
}
WHOLE = st.integers(-4, 4).map(float)
PLACE = st.integers(0, 1000)


class Graphs(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.nodes, self.twins = [], []

    def put(self, node, twin):
        assert node.data == twin.data
        if abs(twin.data) <= 1e5 and len(twin.below()) <= 30 and sum(1 for _ in twin.paths()) <= 500:
            self.nodes.append(node)
            self.twins.append(twin)

    def at(self, place):
        return self.nodes[place % len(self.nodes)], self.twins[place % len(self.twins)]

    def check(self):
        assert [n.grad for n in self.nodes] == [t.grad for t in self.twins]
        assert [n.data for n in self.nodes] == [t.data for t in self.twins]

    @rule(x=WHOLE)
    def leaf(self, x):
        self.put(Value(x), Model(x))

    @precondition(lambda self: self.nodes)
    @rule(name=st.sampled_from(sorted(UNARY)), place=PLACE)
    def unary(self, name, place):
        f, slope = UNARY[name]
        node, twin = self.at(place)
        self.put(f(node), Model(number(f(twin.data)), [(twin, slope(twin.data))]))

    @precondition(lambda self: self.nodes)
    @rule(name=st.sampled_from(sorted(BINARY)), left=PLACE, right=PLACE)
    def binary(self, name, left, right):
        f, slopes = BINARY[name]
        (a, ta), (b, tb) = self.at(left), self.at(right)
        edges = list(zip((ta, tb), slopes(ta.data, tb.data), strict=True))
        self.put(f(a, b), Model(number(f(ta.data, tb.data)), edges))

    @precondition(lambda self: self.nodes)
    @rule(name=st.sampled_from(sorted(BINARY)), place=PLACE, x=WHOLE, swap=st.booleans())
    def with_a_number(self, name, place, x, swap):
        f, slopes = BINARY[name]
        node, twin = self.at(place)
        a, b = (x, twin.data) if swap else (twin.data, x)
        out = f(x, node) if swap else f(node, x)
        self.put(out, Model(number(f(a, b)), [(twin, slopes(a, b)[swap])]))

    @precondition(lambda self: self.nodes)
    @rule(place=PLACE, cotangent=WHOLE)
    def backward(self, place, cotangent):
        node, twin = self.at(place)
        if twin.is_stale():
            with pytest.raises(ag.StaleGraphError):
                node.backward(cotangent)
        else:
            node.backward(cotangent)
            for n in twin.below().values():
                n.grad = n.grad if not n.edges else 0.0
            for n, product in twin.paths(cotangent):
                n.grad += product
        self.check()

    @precondition(lambda self: self.nodes)
    @rule(place=PLACE, x=WHOLE)
    def assign(self, place, x):
        node, twin = self.at(place)
        if twin.edges:
            with pytest.raises(AttributeError):
                node.data = x
        else:
            node.data = twin.data = x
            Model.clock += 1
            twin.time = Model.clock
        self.check()

    @precondition(lambda self: self.nodes)
    @rule(place=PLACE)
    def zero(self, place):
        node, twin = self.at(place)
        node.zero_grad()
        for n in twin.below().values():
            n.grad = 0.0
        self.check()

    @precondition(lambda self: self.nodes)
    @rule(place=PLACE)
    def detach(self, place):
        node, twin = self.at(place)
        self.put(node.detach(), Model(twin.data))

    @precondition(lambda self: self.nodes)
    @rule(via=st.sampled_from(["deepcopy", "pickle"]))
    def clone(self, via):
        self.nodes = copy.deepcopy(self.nodes) if via == "deepcopy" else pickle.loads(pickle.dumps(self.nodes))
        self.twins = copy.deepcopy(self.twins)
        self.check()


TestGraphs = Graphs.TestCase
TestGraphs.settings = settings(SOME, stateful_step_count=30)
