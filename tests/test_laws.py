"""The laws of the engine, each a property over random programs."""

import copy
import gc
import math
import pickle
import struct
import sys

import mpmath
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from programs import ARITY, FLOAT, MPMATH, VALUE, exact, programs
from walks import counted, looks

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini._engine import local_partials, topological_order
from autograd_mini.ops import TABLE

ERRORS = (ArithmeticError, ValueError)
SMOOTH = [name for name in VALUE if name not in ("floordiv", "mod", "round")]
ROWS = [name for name, op in TABLE.items() if not op.helper]
CORNERS = (0.0, -0.0, 1.0, -1.0, 5e-324, math.inf, -math.inf, math.nan)
ANY = st.sampled_from(CORNERS) | st.floats()


def bits(x):
    return struct.pack("d", math.nan if x != x else x)


def outcome(run):
    """The bits of the result or the type of the exception."""
    try:
        out = run()
    except ERRORS as error:
        return type(error)
    return bits(out.data if isinstance(out, Value) else float(out))


def recorded(program):
    """The program's leaves and its result as Values, if it has one."""
    leaves = [Value(x) for x in program.leaves]
    try:
        out = program.run(VALUE, leaves)
    except ERRORS:
        assume(False)
    assume(isinstance(out, Value))
    return leaves, out


# ---- 1. Float law. --------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(programs())
def test_a_program_gives_the_same_bits_or_exception_as_on_floats(program):
    on_floats = outcome(lambda: program.run(FLOAT, program.leaves))
    assert outcome(lambda: program.run(VALUE, list(map(Value, program.leaves)))) == on_floats


@pytest.mark.parametrize("name", VALUE)
@given(data=st.data())
def test_an_operation_gives_the_same_bits_or_exception_as_on_floats_wherever_it_is_applied(name, data):
    args = data.draw(st.tuples(*[ANY] * ARITY.get(name, 2)))
    on_floats = outcome(lambda: FLOAT[name](*args))
    assert outcome(lambda: VALUE[name](*map(Value, args))) == on_floats
    assert outcome(lambda: VALUE[name](args[0], *map(Value, args[1:]))) == on_floats
    assert outcome(lambda: VALUE[name](Value(args[0]), *args[1:])) == on_floats


# ---- 3. Gradient law. -----------------------------------------------------------------------------------------------


def slope(f, x, side):
    """A one-sided difference at 90 digits with a step of 1e-40; some 40 digits are right wherever f is smooth."""
    h = mpmath.mpf(10) ** -40 * side
    return (f(x + h) - f(x)) / h


def true_slopes(f, x):
    """The derivative at x, if f is smooth there."""
    with mpmath.workdps(90):
        left, right = slope(f, x, -1), slope(f, x, 1)
        assume(mpmath.isfinite(left) and abs(left - right) <= mpmath.mpf(10) ** -30 * (1 + abs(left)))
        return float((left + right) / 2)


def largest(graph):
    """The largest number that took part in the sweep, because what cancels leaves its rounding; NaN if one did."""
    numbers = [1.0]
    for node in graph:
        slopes = [slope for slope in local_partials(node) if slope is not None]
        numbers += [node.data, node.grad, *slopes, *[node.grad * slope for slope in slopes]]
    return math.nan if any(x != x for x in numbers) else max(map(abs, numbers))


@settings(max_examples=300)
@given(programs(names=SMOOTH, size=8))
def test_gradients_agree_with_fifty_digit_differences(program):
    leaves, out = recorded(program)
    out.backward()
    graph = topological_order(out)
    size = largest(graph)
    assume(size < 1e3)
    for i, leaf in enumerate(leaves):

        def along(x, i=i):
            with mpmath.workdps(90):
                constants, program.constants = program.constants, [exact(c) for c in program.constants]
                try:
                    numbers = [exact(v) for v in program.leaves]
                    numbers[i] = x
                    return program.run(MPMATH, numbers)
                except ERRORS:
                    assume(False)
                finally:
                    program.constants = constants

        assert leaf.grad == pytest.approx(true_slopes(along, exact(leaf.data)), rel=1e-9, abs=1e-12 * size**2)


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=30)
@given(data=st.data())
def test_first_and_second_derivatives_of_every_row_agree_with_fifty_digit_differences(name, data):
    op = TABLE[name]
    point = data.draw(st.tuples(*[st.floats(low, high) for low, high in op.domain[: ARITY.get(name, 2)]]))
    assume(not op.near_kink(*op_arguments(name, point)))
    for i in range(len(point)):

        def ours(x, i=i):
            return VALUE[name](*point[:i], x, *point[i + 1 :])

        def theirs(x, i=i):
            return MPMATH[name](*map(exact, point[:i]), x, *map(exact, point[i + 1 :]))

        with mpmath.workdps(60):
            first, second = mpmath.diff(theirs, exact(point[i]), 1), mpmath.diff(theirs, exact(point[i]), 2)
        assert ag.grad(ours)(point[i]) == pytest.approx(float(first), rel=1e-11, abs=1e-11)
        assert ag.grad(ag.grad(ours))(point[i]) == pytest.approx(float(second), rel=1e-10, abs=1e-10)


def op_arguments(name, point):
    return (*point, 1.0) if name == "round" else point


# ---- 4. Accumulation law. -------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(programs(), st.floats(-10, 10))
def test_backward_twice_doubles_the_leaves_exactly_and_leaves_inner_nodes_as_they_were(program, gradient):
    leaves, out = recorded(program)
    graph = topological_order(out)
    out.backward(gradient)
    once = [node.grad for node in graph]
    out.backward(gradient)
    twice = [2 * g if node.op is None else g for node, g in zip(graph, once, strict=True)]
    assert list(map(bits, [node.grad for node in graph])) == list(map(bits, twice))


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


@given(programs(names=SMOOTH))
def test_a_cotangent_of_zero_gives_zero_and_a_power_of_two_scales_exactly(program):
    leaves, out = recorded(program)
    out.backward(0.0)
    assert all(leaf.grad == 0.0 for leaf in leaves)
    out.backward()
    single = [leaf.grad for leaf in leaves]
    assume(all(g == 0.0 or 1e-200 < abs(g) < 1e200 for g in single))
    assume(all(a.grad == 0.0 or 1e-200 < abs(a.grad) < 1e200 for a in topological_order(out)))
    out.zero_grad()
    out.backward(4.0)
    assert [leaf.grad for leaf in leaves] == [4.0 * g for g in single]


# ---- 5. Depth law. --------------------------------------------------------------------------------------------------


@settings(max_examples=5, deadline=None)
@given(st.integers(1000, 30_000), st.integers(1, 3))
def test_every_walk_looks_at_each_node_a_bounded_number_of_times(depth, uses):
    x = Value(1.0)
    y = x
    for _ in range(depth):
        y = ag.sum([y] * uses) / uses
        counted(y)
    walks = {"backward": y.backward, "zero_grad": y.zero_grad, "pickle": lambda: pickle.dumps(y),
             "deepcopy": lambda: copy.deepcopy(y), "grad": lambda: ag.functional.adjoints(y)}  # fmt: skip
    for name, walk in walks.items():
        before = looks()
        walk()
        assert 0 < looks() - before <= 12 * depth, name


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


@settings(max_examples=50)
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
        assert not any(type(x) is Value for x in gc.garbage)
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


@settings(max_examples=50)
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


@pytest.mark.parametrize("name", ROWS)
def test_every_machine_knows_every_row(name):
    op = TABLE[name]
    args = [Value(low + 0.7 * (high - low)) for low, high in op.domain[: ARITY.get(name, 2)]]
    out = VALUE[name](*args)
    assert out.op is op
    assert hasattr(Value, name) or hasattr(Value, f"__{name}__") or name in ("div", "sum", "sumprod")
    out.backward()
    assert pickle.loads(pickle.dumps(out)).op is op
    assert op.symbol in ag.draw(out).source


# ---- Copies. --------------------------------------------------------------------------------------------------------


@settings(max_examples=100)
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
