"""detect_anomaly: what it finds, what it says, that both engines say the same, and that all else is as without it."""

import copy
import gc
import linecache
import math
import pickle
import re
import sys
import threading
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_engine import (
    ARITY,
    LIBRARY,
    Wild,
    as_number,
    bits,
    derived,
    native_only,
    numbers,
    run_wild,
    told,
    wild_programs,
)
from twins import textbook

import autograd_mini as ag
from autograd_mini import Value

BOTH = (textbook, ag)
HERE = __file__
INF, NAN = math.inf, math.nan
DOMAIN = "; keep its operands inside the domain, or branch with a Python if"
SLOPE = "; keep its operands away from where it has such a slope, or branch with a Python if"
TOO_LARGE = "; the result does not fit a float; rescale, or use a stable form such as softplus or sigmoid"


def said(run, *args):
    """The message of the anomaly that this ends in."""
    with pytest.raises(ag.AnomalyError) as found:
        run(*args)
    return str(found.value)


def said_by_both(run):
    """The message, in which the engines agree."""
    mine, theirs = [told(lambda package=package: run(package)) for package in BOTH]
    assert mine == theirs
    assert mine[0] == "AnomalyError"
    return mine[1]


def line(text):
    """Where that line of this file is, as messages show it."""
    found = [i for i, x in enumerate(linecache.getlines(HERE), 1) if x.strip() == text]
    assert len(found) == 1
    return f"recorded at {HERE}:{found[0]}, `{text}`"


# ---- What is said. --------------------------------------------------------------------------------------------------


def product(ag):
    x = ag.Value(1e308, label="x")
    with ag.detect_anomaly():
        return x * 10  # product


def difference(ag):
    x = ag.Value(INF, label="x")
    with ag.detect_anomaly():
        return x - INF  # difference


def total(ag):
    terms = [ag.Value(1.0), ag.Value(-INF, label="spoilt"), *[2.0] * 8]
    with ag.detect_anomaly():
        return ag.sum(terms)  # total


def registered_row(ag):
    @ag.operation(partials=(None,), text="mine({})")
    def mine(x):
        return NAN

    with ag.detect_anomaly():
        return mine(ag.Value(1.0))  # registered


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (product, "Value(1e+308, label='x') * 10.0 is inf, " + line("return x * 10  # product") + TOO_LARGE),
        (
            difference,
            f"Value(inf, label='x') - inf is nan, {line('return x - INF  # difference')}; "
            "as its operand Value(inf, label='x') is not finite; find out where that comes from",
        ),
        (
            total,
            "sum(Value(1.0), Value(-inf, label='spoilt'), 2.0, 2.0, ... 10 operands) is -inf, "
            + line("return ag.sum(terms)  # total")
            + "; as its operand Value(-inf, label='spoilt') is not finite; find out where that comes from",
        ),
        (registered_row, "mine(Value(1.0)) is nan, " + line("return mine(ag.Value(1.0))  # registered") + DOMAIN),
    ],
)
def test_an_operation_whose_value_is_not_finite_is_named_with_its_operands_and_its_line(run, message):
    assert said_by_both(run) == message


def slope(ag):
    x = ag.Value(0.0, label="x")
    with ag.detect_anomaly():
        y = ag.sqrt(x)  # slope
        y.label = "y"
        (2 * y + 1).backward()


def large_slope(ag):
    x = ag.Value(1e-200, label="x")
    with ag.detect_anomaly():
        y = 1 / x  # large slope
        y.backward(0.5)


def large_sum(ag):
    x = ag.Value(1.0, label="x")
    with ag.detect_anomaly():
        y = x * 1e308  # large sum
        (y + 0.5 * y).backward(1.5)


def nan_slope(ag):
    x = ag.Value(2.0, label="exponent")
    with ag.detect_anomaly():
        (ag.Value(-3.0) ** x).backward()  # nan slope


def beginning(ag):
    with ag.detect_anomaly():
        (2.0 * ag.Value(3.0)).backward(INF)


def gradient(ag):
    with ag.detect_anomaly():
        ag.grad(lambda xs: xs[0].sqrt() + xs[1])([0.0, 1.0])  # gradient


def value_and_gradient(ag):
    with ag.detect_anomaly():
        ag.value_and_grad(ag.sqrt)(ag.Value(0.0))  # linked


def second_derivative(ag):
    with ag.detect_anomaly():
        ag.grad(ag.grad(lambda x: x**1.5))(0.0)  # second derivative


def recorded_before(ag):
    y = ag.Value(0.0, label="x").sqrt()
    with ag.detect_anomaly():
        y.backward()


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (
            slope,
            f"the adjoint of Value(0.0, label='x') becomes inf: sqrt(Value(0.0, label='x')), "
            f"{line('y = ag.sqrt(x)  # slope')}, is Value(0.0, label='y') and passes on its adjoint 2.0 times the "
            f"slope inf{SLOPE}",
        ),
        (
            large_slope,
            f"the adjoint of Value(1e-200, label='x') becomes -inf: 1.0 / Value(1e-200, label='x'), "
            f"{line('y = 1 / x  # large slope')}, is Value(1e+200) and passes on its adjoint 0.5 times the "
            f"slope -inf{SLOPE}",
        ),
        (
            large_sum,
            f"the adjoint of Value(1.0, label='x') becomes inf: Value(1.0, label='x') * 1e+308, "
            f"{line('y = x * 1e308  # large sum')}, is Value(1e+308) and passes on its adjoint 2.25 times the "
            f"slope 1e+308{TOO_LARGE}",
        ),
        (
            nan_slope,
            f"the adjoint of Value(2.0, label='exponent') becomes nan: Value(-3.0) ** Value(2.0, label='exponent'), "
            f"{line('(ag.Value(-3.0) ** x).backward()  # nan slope')}, is Value(9.0) and passes on its adjoint 1.0 "
            f"times the slope nan{SLOPE}",
        ),
        (beginning, "the adjoint of Value(6.0) is inf from the start; pass a finite gradient"),
        (
            gradient,
            f"the adjoint of Value(0.0) becomes inf: sqrt(Value(0.0)), "
            f"{line('ag.grad(lambda xs: xs[0].sqrt() + xs[1])([0.0, 1.0])  # gradient')}, is Value(0.0) and passes on "
            f"its adjoint 1.0 times the slope inf{SLOPE}",
        ),
        (
            value_and_gradient,
            f"the adjoint of Value(0.0) becomes inf: sqrt(Value(0.0)), "
            f"{line('ag.value_and_grad(ag.sqrt)(ag.Value(0.0))  # linked')}, is Value(0.0) and passes on its adjoint "
            f"1.0 times the slope inf{SLOPE}",
        ),
        (
            second_derivative,
            f"the adjoint of Value(0.0) becomes inf: power_slope(Value(0.0), 1.5), "
            f"{line('ag.grad(ag.grad(lambda x: x**1.5))(0.0)  # second derivative')}, is Value(0.0) and passes on its "
            f"adjoint 1.0 times the slope inf{SLOPE}",
        ),
        (
            recorded_before,
            "the adjoint of Value(0.0, label='x') becomes inf: sqrt(Value(0.0, label='x')), recorded outside of "
            f"detect_anomaly, is Value(0.0) and passes on its adjoint 1.0 times the slope inf{SLOPE}",
        ),
    ],
)
def test_the_first_adjoint_that_is_not_finite_is_named_with_the_edge_that_makes_it(run, message):
    assert said_by_both(run) == message


def test_an_adjoint_that_several_users_make_too_large_together_tells_what_there_was_before():
    x = Value(1e-10, label="x")
    with ag.detect_anomaly():
        y = ag.sum([x * 1e308, x * 1.5e308])
        message = said(y.backward)
    assert (
        "passes on its adjoint 1.0 times the slope 1e+308, to 1.5e+308 from others; the result does not fit" in message
    )


@pytest.mark.parametrize("package", BOTH)
def test_a_user_that_passes_nothing_on_is_not_to_blame(package):
    x = package.Value(0.0)
    with package.detect_anomaly():
        y = package.sqrt(x)  # to blame
        y = y + 0.0 * package.sqrt(x)
        with pytest.raises(package.AnomalyError, match="# to blame"):
            y.backward()


def test_the_line_is_that_of_the_program_and_not_of_the_modules_it_calls():
    net = ag.nn.MLP(1, [2, 1])
    for p in net.parameters():
        p.data = 1e200
    with ag.detect_anomaly():
        message = said(lambda: net([1.0]))  # the program
    assert line("message = said(lambda: net([1.0]))  # the program") in message


def test_code_without_a_file_has_a_line_number_and_no_text():
    with ag.detect_anomaly():
        message = said(exec, compile("\n\nx * 10", "<typed in>", "exec"), {"x": Value(1e308)})
    assert "is inf, recorded at <typed in>:3; the result" in message


def test_the_exception_is_one_of_ours_and_a_runtime_error():
    assert issubclass(ag.AnomalyError, ag.AutogradError)
    assert issubclass(ag.AnomalyError, RuntimeError)


# ---- What is no anomaly. --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", BOTH)
def test_leaves_floats_copies_and_what_is_not_recorded_are_no_operations(package):
    bad = package.Value(INF) + 1.0
    with package.detect_anomaly():
        leaf = package.Value(NAN, label="made so")
        leaf.data = INF
        assert package.maximum(1e308 * 10, 1.0) == INF
        assert package.sum([INF, NAN]) != 0.0
        for clone in (bad.detach(), copy.copy(bad), copy.deepcopy(bad), pickle.loads(pickle.dumps(bad))):
            assert clone.data == INF
        with package.no_grad():
            assert (leaf + 1.0).data == INF
        assert (package.tanh(leaf) + package.minimum(leaf, 2.0)).data == 3.0
        assert "Value(inf, label='made so') + 1.0 is inf" in told(lambda: leaf + 1.0)[1]


@pytest.mark.parametrize("package", BOTH)
def test_an_infinite_slope_behind_an_adjoint_of_zero_is_none_in_any_order(package):
    def f(x):
        return 0.0 * package.sqrt(x) + x * x * x

    with package.detect_anomaly():
        x = package.Value(0.0)
        f(x).backward()
        assert x.grad == 0.0
        assert package.grad(f)(0.0) == 0.0
        assert package.grad(package.grad(f))(0.0) == 0.0
        assert package.grad(package.grad(package.grad(f)))(0.0) == 6.0
        assert package.grad(lambda x: x * package.sqrt(x))(package.Value(0.0)).data == 0.0  # 0.5 / 0.0 on the way
        with pytest.raises(package.AnomalyError, match=r"is inf, recorded at"):  # and steps are judged again after it
            package.Value(1e308) * 10


@pytest.mark.parametrize("package", BOTH)
def test_a_row_whose_partials_are_python_is_watched_as_any_other(package):
    @package.operation(partials=(lambda out, x: INF,), text="mine({})")
    def mine(x):
        return x

    with package.detect_anomaly():
        x, y = package.Value(1.0, "x"), package.Value(2.0, "y")
        out = mine(x) * y + 0.0 * mine(y)
        with pytest.raises(package.AnomalyError, match=r"of Value\(1.0, label='x'\) becomes inf: mine\(Value\(1.0"):
            out.backward()


# ---- Laws. ----------------------------------------------------------------------------------------------------------


def first_bad_step(program, package):
    """Where a program records the first number that is not finite, by running it step by step; None if nowhere."""
    known = [*map(package.Value, program.leaves), *program.constants]
    for i in range(len(program.steps)):
        out = run_wild(Wild([], [], program.steps[i : i + 1]), package, known)
        if type(out) is package.Value and not math.isfinite(out.data):
            return i
        known.append(out)
    return None


@settings(max_examples=3 * settings().max_examples)
@given(wild_programs)
def test_the_first_step_whose_value_is_not_finite_ends_the_program(program):
    def run(package, steps):
        with package.detect_anomaly():
            return run_wild(program._replace(steps=steps), package, list(map(package.Value, program.leaves)))

    try:
        bad = first_bad_step(program, ag)
    except (ArithmeticError, ValueError):  # the program itself is in error, and the block changes nothing about that
        results = [told(lambda package=package: run(package, program.steps)) for package in BOTH]
        assert results[0] == results[1]
        return
    steps = program.steps if bad is None else program.steps[:bad]
    for package in BOTH:
        if steps:
            run(package, steps)
        if bad is not None:
            with pytest.raises(package.AnomalyError, match=r" is (-?inf|nan), recorded at .*test_engine.py:"):
                run(package, program.steps[: bad + 1])
    assert told(lambda: as_number(run(ag, program.steps))) == told(lambda: as_number(run(textbook, program.steps)))


def labelled(package, program):
    """The result of a program, every node of its graph with a label and a gradient of its own."""
    leaves = [package.Value(x) for x in program.leaves]
    out = run_wild(program, package, leaves)
    if type(out) is not package.Value:
        return None
    for i, node in enumerate(package.core.serving.topological_order(out)):
        node.label, node.grad = f"node {i}", float(i)
    return out


def worst(package, out, gradient):
    """The first node whose adjoint is not finite, by the chain rule from users to operands."""
    order = package.core.serving.topological_order(out)[::-1]
    adjoint = {id(node): 0.0 for node in order} | {id(out): gradient}
    for node in order:
        if not math.isfinite(adjoint[id(node)]):
            return node
        for a, slope in zip(node.args, package.core.serving.local_partials(node), strict=True):
            if slope is not None and adjoint[id(node)]:
                adjoint[id(a)] += adjoint[id(node)] * slope
    return None


@settings(max_examples=3 * settings().max_examples)
@given(wild_programs, st.one_of(st.just(1.0), numbers))
def test_a_backward_pass_names_the_first_bad_node_and_changes_nothing_or_is_as_without_the_block(program, gradient):
    def grads(package, out):
        return [bits(node.grad) for node in package.core.serving.topological_order(out)]

    def run(package):
        out, outside = labelled(package, program), labelled(package, program)
        if out is None:
            return None
        before, bad = grads(package, out), worst(package, out, gradient)
        with package.detect_anomaly():
            message = told(lambda: out.backward(gradient))
        if bad is None:
            outside.backward(gradient)
            assert message is None
            assert grads(package, out) == grads(package, outside)
        else:
            assert message[0] == "AnomalyError"
            assert message[1].startswith(f"the adjoint of {bad!r} ")
            assert grads(package, out) == before
        return message

    assert told(lambda: run(ag)) == told(lambda: run(textbook))


@settings(max_examples=3 * settings().max_examples)
@given(wild_programs, st.integers(1, 3))
def test_gradients_of_any_order_are_those_of_outside_and_both_engines_agree(program, order):
    program = program._replace(steps=program.steps[:5])

    def run(package):
        _, g = derived(program, package, order)
        value, slopes = g(program.leaves)
        return bits(value), [bits(x) for x in slopes], all(map(math.isfinite, [value, *slopes]))

    def watched(package):
        with package.detect_anomaly():
            return run(package)

    inside, outside = told(lambda: watched(ag)), told(lambda: run(ag))
    assert inside == told(lambda: watched(textbook))
    if inside[0] != "AnomalyError":
        assert inside == outside


@pytest.mark.parametrize("package", BOTH)
@pytest.mark.parametrize("name", LIBRARY[ag])
def test_each_operation_of_the_table_is_watched(name, package):
    run, x = LIBRARY[package][name], [package.Value(INF)] * ARITY[name]
    try:
        data = run(*x).data
    except ValueError as error:
        data, expected, text = math.nan, ValueError, str(error)
    else:
        expected, text = package.AnomalyError, "as its operand Value(inf) is not finite"
    with package.detect_anomaly():
        if math.isfinite(data):
            assert run(*x).data == data
        else:
            with pytest.raises(expected, match=re.escape(text)):
                run(*x)


# ---- The block. -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", BOTH)
def test_blocks_nest_and_end_with_exceptions(package):
    def is_watched():
        try:
            return (package.Value(1e308) * 10).data != INF
        except package.AnomalyError:
            return True

    with package.detect_anomaly():
        y = package.Value(0.0).sqrt()  # in the outer block
        with pytest.raises(KeyError), package.detect_anomaly():
            {}[is_watched()]
        assert is_watched()
        with package.detect_anomaly():
            assert "# in the outer block" in told(y.backward)[1]
        with package.no_grad():
            assert not is_watched()
            assert "label='v'" in told(lambda: package.grad(lambda x: package.Value(INF, "v") + x)(1.0))[1]
        assert is_watched()
    assert not is_watched()
    with package.no_grad(), package.detect_anomaly():
        assert not is_watched()
    with pytest.raises(KeyError), package.detect_anomaly():
        raise KeyError
    assert not is_watched()
    y.backward()
    assert (package.Value(1.0) + y).args[1] is y


@pytest.mark.parametrize("package", BOTH)
def test_the_block_holds_for_its_thread_alone(package):
    results = {}
    inside, done = threading.Event(), threading.Event()

    def other():
        inside.wait(10)
        x = package.Value(0.0)
        y = x.sqrt()
        y.backward()
        results["other"] = (package.Value(1e308) * 10).data, x.grad
        results["node"] = y
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with package.detect_anomaly():
        inside.set()
        assert done.wait(10)
        assert "recorded outside of detect_anomaly" in told(results["node"].backward)[1]
        assert "10.0 is inf" in told(lambda: package.Value(1e308) * 10)[1]
    thread.join()
    assert results["other"] == (INF, INF)


@pytest.mark.parametrize("package", BOTH)
def test_a_thread_that_ends_within_the_block_leaves_the_others_alone(package):
    thread = threading.Thread(target=lambda: package.detect_anomaly().__enter__())
    thread.start()
    thread.join()
    x = package.Value(1e308)
    assert (x * 10).args == (x, 10.0)


@pytest.mark.parametrize("package", BOTH)
def test_it_keeps_no_node_alive_and_no_line_after_the_block(package):
    gc.disable()
    try:
        with package.detect_anomaly():
            watch = package.core.mode.innermost().watcher
            x = package.Value(2.0)
            for _ in range(100):
                y = package.sum([x * x, 1.0])
                y.backward()
                assert len(watch.lines) == 2
            nodes = [weakref.ref(y), weakref.ref(x)]
            del y
            assert len(watch.lines) == 0
            assert nodes[0]() is None
            kept = said_of(package, lambda: package.sqrt(x * 0.0).backward())
            assert kept.__traceback__ is not None
            z = x * x  # noqa: F841
            assert len(watch.lines) > 0
        assert len(watch.lines) == 0
        assert package.core.mode.innermost() is None
        del kept, watch
    finally:
        gc.enable()


def said_of(package, run):
    try:
        run()
    except package.AnomalyError as error:
        return error
    raise AssertionError


@native_only
def test_a_node_is_as_large_as_before():
    with ag.detect_anomaly():
        assert sys.getsizeof(Value(1.0) * 2) == 80


def test_fit_tells_which_operation_became_too_large_and_changes_nothing():
    model = ag.nn.Layer(1, 1, nonlin=False)
    for p in model.parameters():
        p.data = 1.0
    data = [([1e150], 0.0), ([2e150], 1.0)]
    optimizer = ag.optim.SGD(model.parameters(), lr=1.0)

    def squares(outputs, targets):
        return ag.sum([(out[0] - y) * (out[0] - y) for out, y in zip(outputs, targets, strict=True)]) * 1e-10

    with ag.detect_anomaly():
        message = said(lambda: ag.fit(model, squares, data, optimizer, epochs=3, batch_size=1, progress=False))
    text = "message = said(lambda: ag.fit(model, squares, data, optimizer, epochs=3, batch_size=1, progress=False))"
    assert message.startswith("data[1]: sumprod(Value(-")
    assert f" is -inf, {line(text)}; the result" in message
    assert [p.data for p in model.parameters()] == [1.0, 1.0]
