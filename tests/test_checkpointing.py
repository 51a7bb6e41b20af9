"""Parts of a graph that are computed again: the derivatives are those of the whole graph, and memory is less."""

import gc
import itertools
import math

import pytest
from hypothesis import given
from twins import textbook

import autograd_mini as ag
from autograd_mini.core.serving import push, topological_order
from autograd_mini.testing import programs


@given(programs())
def test_derivatives_are_those_of_the_whole_graph(program):
    from autograd_mini.testing.program import VALUES

    def told(wrap):
        def f(leaves):
            return wrap(lambda inner: program.run(VALUES, inner))(leaves)

        try:
            leaves = [ag.Value(x) for x in program.inputs]
            out = f(leaves)
            out.backward()
            moved = push(leaves, [1.0] * len(leaves), [out])
            second = ag.grad(lambda x: ag.sum(ag.grad(f)(x)))(list(program.inputs))
            return [repr(x) for x in (out.data, *(v.grad for v in leaves), *moved, *second)]
        except (ArithmeticError, ValueError) as error:
            return type(error), str(error)

    assert told(ag.recompute) == told(lambda f: f)


def loss(wrap, w, z, x):
    def step(s):
        for _ in range(3):
            s = {"q": s["q"] + 0.1 * w * s["p"], "p": s["p"] - 0.1 * z * ag.sin(s["q"])}
        return s

    s = {"q": x, "p": x * x}
    for _ in range(4):
        s = wrap(step)(s)
    return s["q"] * s["p"]


@pytest.mark.parametrize("package", [ag, textbook])
def test_what_a_function_captures_is_differentiated_by_be_it_computed_from_each_other(package):
    def told(wrap):
        w, x = package.Value(0.3), package.Value(0.7)
        z = w * w + 2.0  # captured too, and computed from what is captured
        out = loss(wrap, w, z, x)
        out.backward()
        serving = package.core.serving
        moved = serving.push([x, w], [1.0, 2.0], [out]) + serving.push([x, w], [1.0, 2.0], [out], on_values=True)
        mixed = package.grad(lambda v: package.grad(lambda u: loss(wrap, u, u * u + 2.0, v))(0.3))(0.7)
        return [w.grad, x.grad, mixed, *(getattr(m, "data", m) for m in moved)]

    assert told(package.recompute) == pytest.approx(told(lambda f: f), rel=1e-12)


def test_only_operands_and_results_are_kept():
    def steps(x):
        for _ in range(1000):
            x = x + 0.001 * ag.sin(x)
        return x

    out = ag.Value(1.0)
    for _ in range(10):
        out = ag.recompute(steps)(out)
    assert len(topological_order(out)) == 11
    whole = ag.grad(lambda x: [x := steps(x) for _ in range(10)][-1])(1.0)
    root = topological_order(out)[0]
    out.backward()
    assert root.grad == whole


def test_memory_is_given_back():
    def step(x):
        return ag.tanh(x) * 1.1

    def run():
        x = ag.Value(0.5)
        y = x
        for _ in range(50):
            y = ag.recompute(step)(y)
        y.backward()
        return x.grad

    run()
    gc.collect()
    before = len(gc.get_objects())
    gc.disable()
    try:
        for _ in range(20):
            run()
        assert len(gc.get_objects()) - before < 100
    finally:
        gc.enable()


def test_without_values_or_without_recording_it_is_the_function():
    calls = []

    def f(x, *, scale):
        calls.append(x)
        return x * scale

    assert ag.recompute(f)(2.0, scale=3.0) == 6.0
    with ag.no_grad():
        assert ag.recompute(f)(ag.Value(2.0), scale=3.0).args == ()
    assert len(calls) == 2
    assert ag.recompute(f).__name__ == "f"
    assert ag.recompute(lambda x: 5.0)(ag.Value(1.0)) == 5.0
    assert ag.grad(ag.recompute(lambda x: x))(3.0) == 1.0


def test_a_function_of_chance_is_found_out():
    counter = itertools.count()
    out = ag.recompute(lambda x: x * next(counter))(ag.Value(2.0))
    with pytest.raises(RuntimeError, match=r"gave \[2.0\] when it was computed again, and \[0.0\] before; .*random"):
        out.backward()


def test_nan_is_no_chance():
    x = ag.Value(math.nan)
    ag.recompute(lambda v: v * 2.0)(x).backward()
    assert x.grad == 2.0


def test_what_is_no_function_or_gives_no_numbers_is_refused():
    with pytest.raises(TypeError, match="f is 3 of type int; pass a function"):
        ag.recompute(3)
    with pytest.raises(TypeError, match=r"f\(...\)\[1\] is 'no' of type str; let f return numbers"):
        ag.recompute(lambda x: [x, "no"])(ag.Value(1.0))
