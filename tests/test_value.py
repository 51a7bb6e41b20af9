"""The textbook engine, behaviour by behaviour; what holds for all graphs is in test_laws.py."""

import copy
import itertools
import json
import math
import operator
import pickle
import sys
import threading
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.core import mode, value
from autograd_mini.core.serving import adjoints, local_partials, topological_order


def test_shared_nodes_count_every_path():
    a = Value(3.0)
    b = a + a
    (b + b).backward()
    assert (a.grad, b.grad) == (4.0, 2.0)


def test_a_node_remembers_operation_and_operands_in_order():
    x, y = Value(1.0), Value(2.0)
    out = x - y
    assert (out.op.name, out.args[0] is x, out.args[1] is y) == ("sub", True, True)
    assert (x.op, x.args, (2 - x).args[0]) == (None, (), 2.0)


def test_the_order_visits_operands_first_and_each_node_once():
    a = Value(1.0)
    b = a * a
    c = b + a
    order = topological_order(c * b)
    assert len(order) == 4
    assert [node for node in order if node in (a, b, c)][0] is a
    assert order.index(b) < order.index(c) or b.data == a.data


def test_backward_starts_from_the_gradient_it_is_given():
    x = Value(3.0)
    (x * x).backward(0.5)
    assert x.grad == 3.0


def test_leaves_add_up_over_losses():
    x = Value(2.0)
    (3 * x).backward()
    (x * x).backward()
    assert x.grad == 7.0
    x.zero_grad()
    assert x.grad == 0.0


def test_a_sweep_that_raises_changes_nothing():
    x, y = Value(1.0), Value(2.0)
    out = x * y + y
    out.backward()
    before = [node.grad for node in topological_order(out)]
    y.data = 5.0
    with pytest.raises(ag.StaleGraphError):
        out.backward()
    with pytest.raises(TypeError):
        (x * x).backward("1")
    assert [node.grad for node in topological_order(out, check=False)] == before


def test_a_leaf_assigned_after_use_makes_the_graph_stale_and_a_new_graph_is_fine():
    x = Value(1.0, label="x")
    y = x * x
    x.data = 2.0
    with pytest.raises(ag.StaleGraphError, match=r"Value\(2.0, label='x'\) was assigned after Value\(1.0\) had been"):
        y.backward()
    assert x.grad == 0.0
    (x * x).backward()
    assert x.grad == 4.0


def test_detach_gives_a_leaf_that_passes_nothing_back():
    x = Value(3.0, label="x")
    d = (x * x).detach()
    (d * x).backward()
    assert (x.grad, d.op, x.detach().label) == (9.0, None, "x")


def test_no_grad_records_nothing_ends_with_an_exception_and_holds_for_its_thread_alone():
    x = Value(2.0)
    seen = []
    thread = threading.Thread(target=lambda: seen.append((x * x).args))

    def work():
        with ag.no_grad():
            seen.append((x * x).args)
            thread.start()
            thread.join()
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert (x * x).args == (x, x)
    assert seen == [(), (x, x)]


def test_threads_whose_graphs_share_leaves_lose_no_gradient():
    leaves = [Value(1.0) for _ in range(200)]
    shared = ag.sum(leaves)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads interrupt each other wherever they can
    try:
        threads = [threading.Thread(target=lambda: [(shared * 2.0).backward() for _ in range(50)]) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(before)
    assert {leaf.grad for leaf in leaves} == {400.0}


REAL = [True, 2, Fraction(1, 2), 0.5]
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow]


@pytest.mark.parametrize("f", [*BINARY, divmod, operator.lt, operator.le, operator.gt, operator.ge, operator.eq])
@pytest.mark.parametrize("other", REAL)
def test_operators_take_any_real_number_on_either_side(f, other):
    def plain(x):
        return tuple(v.data for v in x) if isinstance(x, tuple) else x.data if isinstance(x, Value) else x

    assert plain(f(Value(1.5), other)) == f(1.5, other)
    assert plain(f(other, Value(1.5))) == f(other, 1.5)


@pytest.mark.parametrize("other", ["1", None, 1j, Decimal(1), [1.0], object()])
@pytest.mark.parametrize("f", BINARY)
def test_operators_leave_other_types_to_python(f, other):
    for wrong in (lambda: f(Value(1.0), other), lambda: f(other, Value(1.0))):
        with pytest.raises(TypeError):
            wrong()
    assert Value(1.0) != other
    with pytest.raises(TypeError, match="not supported between"):
        Value(1.0) < other  # noqa: B015


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_comparisons_are_those_of_the_numbers_and_give_bools(x, y):
    for f in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        assert f(Value(x), Value(y)) is f(x, y)
    assert bool(Value(x)) is bool(x)


@given(st.floats(-1e6, 1e6), st.integers(-450, 450))
def test_rounding_to_int_and_to_decimals(x, n):
    v = Value(x)
    assert (math.floor(v), math.ceil(v), math.trunc(v), round(v)) == (
        math.floor(x), math.ceil(x), math.trunc(x), round(x))  # fmt: skip
    assert type(round(v)) is int
    assert round(v, n).data == round(x, n)


def test_text_shows_number_and_label():
    assert repr(Value(1.0, label="a")) == "Value(1.0, label='a')"
    assert f"{Value(1 / 3):.3f}" == "0.333"
    assert f"{Value(1.0)}" == str(Value(1.0)) == "Value(1.0)"


def test_nan_and_infinity_are_numbers():
    assert math.isnan(Value(math.nan).data)
    assert (Value(math.inf) + 1).data == math.inf
    assert all(math.isnan(f(Value(math.nan), 1.0).data) for f in (ag.maximum, ag.minimum))
    assert math.isnan(ag.relu(Value(math.nan)).data)


def test_hash_is_identity_although_equality_is_of_numbers():
    x, y = Value(1.0), Value(1.0)
    assert x == y
    assert len({x, y}) == 2
    assert y in [x]


def test_builtin_sum_works():
    xs = [Value(1.0), Value(2.0)]
    total = sum(xs)
    total.backward()
    assert (total.data, xs[0].grad, xs[1].grad) == (3.0, 1.0, 1.0)


def test_numpy_numbers_and_arrays_and_functions_work():
    numpy = pytest.importorskip("numpy", reason="needs the extra demos")

    x = Value(2.0)
    assert (numpy.float64(3.0) * x).data == (x * numpy.float64(3.0)).data == 6.0
    array = x * numpy.array([1.0, 2.0])
    assert [v.data for v in array] == [2.0, 4.0]
    numpy.exp(numpy.array([x]))[0].backward()
    assert x.grad == math.exp(2.0)
    with pytest.raises(TypeError, match="a Value holds one real number, got array"):
        Value(numpy.array([1.0]))


def test_a_copy_is_a_new_node_of_the_same_graph():
    x = Value(2.0)
    y = x * x
    copy.copy(y).backward()
    assert x.grad == 4.0


def test_copies_keep_the_difference_between_fresh_and_stale():
    x = Value(1.0)
    stale = x * x
    x.data = 2.0
    fresh = x * x
    for clone in (copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))):
        with pytest.raises(ag.StaleGraphError):
            clone(stale).backward()
        clone(fresh).backward()


def test_two_values_keep_their_common_leaf_in_one_pickle():
    x = Value(1.0, label="x")
    y, z, w = pickle.loads(pickle.dumps((x + 1, x * 2, x)))
    (y * z).backward()
    assert (w.grad, w.label) == (6.0, "x")


def test_a_notebook_shows_small_graphs_and_the_repr_of_large_ones(any_renderer):
    x = Value(1.0)
    assert "<svg" in (x + 1.0)._repr_svg_()
    assert ag.sum([x] * 1000)._repr_svg_() is None


W = Value(3.0, "w")
MESSAGES = [
    (lambda: Value("1"), TypeError, "a Value holds one real number, got '1' of type str"),
    (lambda: Value(None), TypeError, "a Value holds one real number, got None of type NoneType"),
    (lambda: Value(1j), TypeError, "a Value holds one real number, got 1j of type complex"),
    (lambda: Value([1.0]), TypeError, r"a Value holds one real number, got \[1.0\] of type list"),
    (lambda: Value(Value(1.0)), TypeError, r"data is already a Value, Value\(1.0\); use .detach\(\)"),
    (lambda: Value(1.0, label=3), TypeError, "label is a str, got 3 of type int"),
    (lambda: setattr(Value(1.0), "grad", "x"), TypeError, "grad holds a real number, got 'x' of type str"),
    (lambda: setattr(Value(1.0), "data", "x"), TypeError, "expected a real number or a Value, got 'x' of type str"),
    (
        lambda: setattr(-Value(1.0), "data", 2.0),
        AttributeError,
        r"data of a computed Value is read-only: Value\(-1.0\) c",
    ),
    (lambda: float(Value(1.0)), TypeError, "as its gradient would be lost; use .item"),
    (lambda: int(Value(1.0)), TypeError, r"as its gradient would be lost; use int\(v.item\(\)\)"),
    (
        lambda: setattr(W, "data", W - 0.1 * W.grad),
        TypeError,
        r"data is a plain number, got the Value Value\(3.0\); use "
        r".item\(\) for its number, or optim.SGD to take steps",
    ),
    (lambda: setattr(W, "grad", W), TypeError, r"grad is a plain number, got the Value .*'w'\); use .item\(\) for its"),
    (lambda: (W * W).backward(W), TypeError, r"gradient is a plain number, got the Value .*'w'\); use .item\(\) for"),
    (lambda: adjoints([W], [W]), TypeError, r"what a sweep starts with is a plain number, got the Value .*'w'\); use"),
    (lambda: adjoints([3.0], [1.0]), TypeError, "expected a Value, got 3.0 of type float"),
    (lambda: topological_order(3.0), TypeError, "expected a Value, got 3.0 of type float"),
    (lambda: local_partials(None), TypeError, "expected a Value, got None of type NoneType"),
    (lambda: W + 1j, TypeError, "got 1j of type complex; compute with its real and its imaginary part"),
    (lambda: Decimal(1) * W, TypeError, r"got Decimal\('1'\) of type Decimal; use float\(x\)"),
    (lambda: W / "2", TypeError, r"got '2' of type str; use float\(x\) to read a number, and f'{v}' to write one"),
    (lambda: "w: " + W, TypeError, r"got 'w: ' of type str; use float\(x\) to read a number, and f'{v}' to write one"),
    (lambda: None - W, TypeError, "got None of type NoneType; it may be what a function without return gave"),
    (lambda: ag.exp(None), TypeError, "got None of type NoneType; it may be what a function without return gave"),
    (lambda: ag.exp([W]), TypeError, "got .* of type list; apply it to one number at a time"),
    (
        lambda: ag.sum([W, None]),
        TypeError,
        r"a real number or a Value, got None of type NoneType at terms\[1\]; ",
    ),
    (
        lambda: ag.sumprod([W, 1], [2, "x"]),
        TypeError,
        r"a real number or a Value, got 'x' of type str at q\[1\]; ",
    ),
    (
        lambda: ag.sumprod(q=[W], p=[1j]),
        TypeError,
        r"a real number or a Value, got 1j of type complex at p\[0\]; ",
    ),
    (lambda: W[0], TypeError, "'Value' object is not subscriptable"),
    (lambda: len(W), TypeError, r"object of type 'Value' has no len\(\)"),
    (lambda: json.dumps(W), TypeError, "Object of type Value is not JSON serializable"),
    (lambda: type("Mine", (Value,), {}), TypeError, "Value is final and cannot be subclassed; hold a Value in a class"),
    (lambda: setattr(Value(1.0), "name", "x"), AttributeError, "name"),
    (lambda: (Value(1.0) * 2).backward(None), TypeError, "expected a real number or a Value, got None"),
    (lambda: round(Value(1.0), 0.5), TypeError, "'float' object cannot be interpreted as an integer"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), MESSAGES)
def test_bad_input_is_an_error_that_says_what_and_what_to_do(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_what_no_grad_computed_has_nothing_to_differentiate_and_says_so():
    x = Value(2.0, "x")
    with ag.no_grad():
        results = [x * x, -x, x.exp(), ag.maximum(x, 1.0), ag.sum([x, x, 1.0]), round(x, 1), divmod(x, 2)[1]]
        made = [Value(3.0), x.detach()]
    for out in results:
        before = out.grad
        for _ in range(2):
            with pytest.raises(ValueError, match=r"Value\(.*\) was computed within no_grad, which records nothing, so"):
                out.backward()
        assert (out.grad, x.grad) == (before, 0.0)
        (3.0 * out).backward()  # it serves as a leaf
        assert out.grad == 3.0
    for leaf in [*made, x, results[0].detach()]:
        leaf.backward()
        assert leaf.grad == 1.0


def test_partials_of_a_node_that_is_stale_are_refused():
    x, y = Value(2.0), Value(3.0, "y")
    nodes = [5.0 % y, y.sin(), x * y, ag.sum([x, y, 1.0])]
    y.data = 0.0
    for node in nodes:
        with pytest.raises(ag.StaleGraphError, match="label='y'.* was assigned after"):
            local_partials(node)
    assert local_partials(y * x) == [2.0, 0.0]


def test_a_power_takes_a_modulus_only_to_refuse_it():
    x = Value(2.0)
    for power in (x.__pow__, x.__rpow__):
        assert power(3.0).data == power(3.0, None).data
        assert power(3.0, 5) is NotImplemented
    with pytest.raises(TypeError):
        pow(3, x, 5)
    with pytest.raises(TypeError):
        pow(x, 3, 5)


# ---- All or nothing. ------------------------------------------------------------------------------------------------


def interrupted(run, at):
    """Run something, and press Ctrl-C at step ``at`` of the interpreter within value.py; whether it came there."""
    steps = itertools.count()

    def trace(frame, event, argument):
        if frame.f_code.co_filename != value.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and next(steps) == at:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def second_time(out):
    """Where the leaves have a gradient already."""
    out.backward()
    return out.backward


def zeroing(out):
    out.backward()
    return out.zero_grad


@pytest.mark.parametrize("begin", [lambda out: out.backward, second_time, zeroing])
def test_ctrl_c_cannot_part_the_gradients_of_the_textbook(begin, monkeypatch):
    def grads(order):
        return tuple(v.grad for v in order)

    interrupted(value.Value(1.0).sin().backward, 0)  # Python 3.12 traces instructions only from the second time on
    seen, complete = set(), False
    for at in itertools.count():
        monkeypatch.setattr(value, "_committing", mode.Lock())  # as traces interrupt where signals cannot
        x, y = value.Value(2.0), value.Value(3.0)
        out = x * y + x.exp()
        run = begin(out)
        order = value.topological_order(out)
        before = grads(order)
        complete = not interrupted(run, at)
        seen.add(grads(order))
        if complete:
            break
    assert at > 50
    assert seen == {before, grads(order)}
    assert len(seen) == 2


def test_of_several_nodes_that_are_stale_the_youngest_is_named():
    x, y = Value(1.0, "x"), Value(2.0, "y")
    old = x * 3.0
    young = y * 5.0
    root = old + young
    x.data, y.data = 4.0, 4.0
    with pytest.raises(ag.StaleGraphError, match=r"label='y'\) was assigned after Value\(10.0\) had been computed"):
        root.backward()


def test_a_copy_is_newer_than_operands_that_it_is_given():
    x = Value(2.0)
    y = x * x
    z = y * 3.0
    younger = x * 5.0  # than all that is copied
    clone = copy.deepcopy(z, {id(y): younger})
    (clone * 1.0 + younger).backward()
    assert clone.args == (younger, 3.0)
    assert (younger.grad, x.grad) == (4.0, 20.0)
