"""The two primitives, pull and push: against each other, against oracles, and one engine against the other."""

import math
import struct
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from twins import native_only, textbook

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.core import mode
from autograd_mini.core.serving import adjoints, new_epoch, pull, pull_each, push, topological_order
from autograd_mini.testing import programs
from autograd_mini.testing.oracles import Untrusted, exact
from autograd_mini.testing.program import Dialect, python

INF, NAN = math.inf, math.nan
ERRORS = (ArithmeticError, ValueError)
numbers = st.floats(-3, 3)


def bits(x):
    return struct.pack("d", NAN if x != x else x)


def recorded(program, package=ag):
    dialect = Dialect(python, {"ag": package, "Fraction": Fraction})
    leaves = [package.Value(x) for x in program.inputs]
    try:
        return leaves, program.run(dialect, leaves)
    except ERRORS:
        assume(False)


# ---- What they are. -------------------------------------------------------------------------------------------------


@given(programs(), st.data())
def test_both_directions_find_the_derivatives_of_fifty_digits(program, data):
    leaves, out = recorded(program)
    try:
        right = exact(program)
    except (Untrusted, *ERRORS):
        assume(False)
    direction = data.draw(st.lists(numbers, min_size=len(leaves), max_size=len(leaves)))
    backward = pull([out], [1.0], leaves)
    (forward,) = push(leaves, direction, [out])
    assert all(abs(g - x) <= tolerance for g, (x, tolerance) in zip(backward, right, strict=True))
    expected = math.fsum(d * x for d, (x, _) in zip(direction, right, strict=True))
    allowed = sum(abs(d) * (tolerance + 1e-12 * abs(x)) for d, (x, tolerance) in zip(direction, right, strict=True))
    assert abs(forward - expected) <= allowed + 1e-300


@given(programs(), st.lists(numbers, min_size=3, max_size=3), st.data())
def test_the_cotangents_of_what_the_tangents_reach_are_the_tangents_of_what_the_cotangents_reach(program, c, data):
    """<cotangents, push(tangents)> = <pull(cotangents), tangents>: one is the transpose of the other."""
    leaves, out = recorded(program)
    graph = topological_order(out)
    roots = [out, *data.draw(st.lists(st.sampled_from(graph), min_size=2, max_size=2))]
    tangents = data.draw(st.lists(numbers, min_size=len(leaves), max_size=len(leaves)))
    moved, found = push(leaves, tangents, roots), pull(roots, c, leaves)
    one = [a * b for a, b in zip(c, moved, strict=True)]
    other = [a * b for a, b in zip(found, tangents, strict=True)]
    assume(all(math.isfinite(x) and abs(x) < 1e100 for x in [*one, *other]))
    size = sum(abs(n.data) + 1 for n in graph) * (1 + sum(map(abs, [*one, *other, *moved, *found])))
    assert math.fsum(one) == pytest.approx(math.fsum(other), rel=1e-9, abs=1e-9 * size)


@given(programs(), numbers)
def test_pull_is_backward_without_committing(program, cotangent):
    leaves, out = recorded(program)
    found = pull([out], [cotangent], leaves)
    assert all(leaf.grad == 0.0 for leaf in leaves)
    out.backward(cotangent)
    assert list(map(bits, found)) == [bits(0.0 + leaf.grad) for leaf in leaves]
    assert [bits(x) for x in adjoints([out], [cotangent]).values()] == [bits(n.grad) for n in topological_order(out)]


@given(programs(), st.data())
def test_several_roots_are_as_the_sum_of_them_weighted(program, data):
    leaves, out = recorded(program)
    graph = topological_order(out)
    roots = data.draw(st.lists(st.sampled_from(graph), max_size=4))
    weights = data.draw(st.lists(numbers, min_size=len(roots), max_size=len(roots)))
    together = pull(roots, weights, leaves)
    alone = [pull([root], [w], leaves) for root, w in zip(roots, weights, strict=True)]
    for i, slope in enumerate(together):
        terms = [found[i] for found in alone]
        if all(map(math.isfinite, terms)):
            assert slope == pytest.approx(math.fsum(terms), rel=1e-9, abs=1e-9 * (1 + sum(map(abs, terms))))


@given(programs(size=6), numbers)
def test_on_values_they_give_the_same_numbers_and_record_them(program, weight):
    leaves, out = recorded(program)
    assume(all(abs(n.data) < 1e3 for n in topological_order(out)))
    c = Value(weight)
    found = pull([out], [c], leaves, on_values=True)
    moved = push(leaves, [c] * len(leaves), [out], on_values=True)[0]
    plain, once = pull([out], [weight], leaves), pull([out], [1.0], leaves)
    assume(all(map(math.isfinite, [*plain, *once])))
    assert [v.data for v in found] == pytest.approx(plain, rel=1e-9, abs=1e-9, nan_ok=True)
    assert moved.data == pytest.approx(push(leaves, [weight] * len(leaves), [out])[0], rel=1e-9, abs=1e-9, nan_ok=True)
    # Both are linear in c, so their derivative by c is what they give for 1.
    for v, expected in zip(found, once, strict=True):
        assert pull([v], [1.0], [c])[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert pull([moved], [1.0], [c])[0] == pytest.approx(math.fsum(once), rel=1e-6, abs=1e-6)


# ---- The engine law. ------------------------------------------------------------------------------------------------


@native_only
@given(programs(tame=False), st.data())
def test_both_engines_find_the_same_bits_in_both_directions(program, data):
    places = data.draw(st.lists(st.integers(0, 20), max_size=3))
    start = data.draw(st.integers(0, 20))
    weights = data.draw(st.lists(st.floats(), min_size=len(places), max_size=len(places)))
    tangents = data.draw(st.lists(st.floats(), min_size=len(program.inputs), max_size=len(program.inputs)))

    def told(package):
        leaves, out = recorded(program, package)
        serving = package.core.serving
        graph = serving.topological_order(out)
        roots = [graph[i % len(graph)] for i in places]
        until = graph[start % len(graph)]._epoch
        results = []
        for on_values, since in ((False, -(2**63)), (False, until), (True, -(2**63)), (True, until)):
            runs = (
                (serving.pull, roots, weights, [*leaves, *graph[::2]]),
                (serving.push, [*roots, *leaves], [*weights, *tangents], graph),
            )
            for run, *arguments in runs:
                try:
                    results.append([bits(getattr(x, "data", x)) for x in run(*arguments, since, on_values)])
                except ERRORS as error:
                    results.append((type(error), str(error)))
        return results

    assert told(ag) == told(textbook)


# ---- Details. -------------------------------------------------------------------------------------------------------


def test_an_input_has_the_tangent_it_is_given_whatever_it_was_computed_from():
    x = Value(2.0)
    y = x * x
    z = y * x
    assert push([y], [1.0], [z]) == [2.0]
    assert push([x, y], [1.0, 0.0], [z, y]) == [4.0, 0.0]
    assert push([x], [1.0], [z, x, y]) == [12.0, 1.0, 4.0]


def test_what_does_not_depend_on_an_input_has_derivative_zero():
    x, y = Value(2.0), Value(3.0)
    assert pull([x * x], [1.0], [y]) == [0.0]
    assert push([y], [1.0], [x * x]) == [0.0]
    assert [type(v) for v in pull([x * x], [1.0], [y], on_values=True)] == [Value]
    assert pull([], [], [x]) == [0.0]
    assert push([], [], [x * x]) == [0.0]


@pytest.mark.parametrize("on_values", [False, True])
def test_a_sweep_ends_at_the_epoch_it_is_given_where_inputs_are_as_leaves(on_values):
    def numbers(found):
        return [getattr(x, "data", x) for x in found]

    x, w = Value(2.0), Value(7.0)
    old = x * w
    start = new_epoch()
    y = old * 3.0 + w
    assert numbers(pull([y], [1.0], [x, old, y, w, old], start, on_values)) == [0.0, 3.0, 1.0, 1.0, 3.0]
    assert numbers(pull([y], [1.0], [x, w], on_values=on_values)) == [21.0, 7.0]
    inner = Value(5.0)
    z = old * inner
    assert numbers(pull([z], [1.0], [x, inner], start, on_values)) == [0.0, 14.0]
    assert numbers(push([x, inner], [1.0, 1.0], [z], start, on_values)) == [14.0]
    assert numbers(push([w, old], [10.0, 1.0], [y], start, on_values)) == [13.0]


@pytest.mark.parametrize("package", [ag, textbook])
def test_where_a_sweep_starts_may_be_older_than_where_it_ends(package):
    serving = package.core.serving
    x = package.Value(3.0)
    u = x * x
    start = serving.new_epoch()
    y = u * 2.0
    assert serving.pull([u], [1.0], [u, x], start) == [1.0, 0.0]
    assert serving.pull([y, u], [1.0, 10.0], [u], start) == serving.pull([u, y], [10.0, 1.0], [u], start) == [12.0]
    assert serving.push([u], [1.0], [y], start) == [2.0]
    assert serving.push([u], [1.0], [y, u], start) == serving.push([u], [1.0], [u, y], start)[::-1] == [2.0, 1.0]
    assert serving.push([x], [1.0], [y, u], start) == [0.0, 0.0]
    assert [n.data for n in serving.topological_order(y, u, since=start)] == [9.0, 18.0]


def test_a_stale_graph_has_no_derivative_in_either_direction():
    x = Value(2.0)
    y = x * x
    x.data = 3.0
    for run in (lambda: pull([y], [1.0], [x]), lambda: push([x], [1.0], [y]), lambda: adjoints([y], [1.0])):
        with pytest.raises(ag.StaleGraphError, match="assigned after"):
            run()


# ---- Rows. ----------------------------------------------------------------------------------------------------------


@given(programs(tame=False), st.data())
def test_a_row_is_the_pull_of_its_root_alone_and_has_what_it_was_computed_from(program, data):
    leaves, out = recorded(program)
    roots = [out, *data.draw(st.lists(st.sampled_from(topological_order(out)), max_size=40))]
    since = data.draw(st.sampled_from([mode.BEGINNING, leaves[-1]._epoch + 1]))
    mixed = data.draw(st.booleans())  # nodes and leaves, in any order, as far as they are leaves in C
    inputs = [*leaves, *topological_order(out)[::3]] if mixed else leaves
    inputs = list(dict.fromkeys(inputs))
    try:
        rows = pull_each(roots, inputs, since)
    except ERRORS:
        assume(False)
    for root, (places, slopes) in zip(roots, rows, strict=True):
        assert {inputs[i] for i in places} == set(inputs) & set(topological_order(root, since=since))
        dense = pull([root], [1.0], inputs, since)
        assert list(map(bits, slopes)) == [bits(dense[i]) for i in places]


@native_only
@given(programs(tame=False), st.lists(st.integers(0, 50), max_size=40))
def test_both_engines_find_the_same_rows(program, chosen):
    def told(package):
        leaves, out = recorded(program, package)
        graph = package.core.serving.topological_order(out)
        try:
            rows = package.core.serving.pull_each([graph[i % len(graph)] for i in chosen], leaves)
        except ERRORS as error:
            return type(error), str(error)
        return [(places, list(map(bits, slopes))) for places, slopes in rows]

    assert told(ag) == told(textbook)


@pytest.mark.parametrize("package", [ag, textbook])
def test_rows_of_slopes_that_python_computes(package):
    @package.operation(partials=(lambda out, x, y: 2.0 * x * y, lambda out, x, y: x * x))
    def square_times(x, y):
        return x * x * y

    serving = package.core.serving
    x, y, z = package.Value(3.0), package.Value(2.0), package.Value(5.0)
    roots = [square_times(x, y) * z, square_times(x, x), z, square_times(2.0, z) + square_times(y, 1.0)]
    assert serving.pull_each(roots, [x, y, z]) == [
        ([0, 1, 2], [60.0, 45.0, 18.0]),
        ([0], [27.0]),
        ([2], [1.0]),
        ([1, 2], [4.0, 4.0]),
    ]

    @package.operation(partials=(lambda out, x: package.log(x),))
    def poor(x):
        return x

    with pytest.raises(ValueError, match="math domain error"):
        serving.pull_each([x * y, poor(package.Value(-1.0) * y)], [x, y])


@pytest.mark.parametrize("package", [ag, textbook])
def test_a_lane_does_not_disturb_its_neighbours(package):
    """Each lane alone has a strong zero, an infinity, a NaN; and there are more roots than lanes."""
    serving = package.core.serving
    x, y = package.Value(0.0), package.Value(4.0)
    zero = package.sqrt(x) * 0.0
    roots = [zero, package.sqrt(x), y * NAN, y * INF, x * y, package.sqrt(y) * x, zero * INF] * 7
    rows = serving.pull_each(roots, [x, y])
    for root, (places, slopes) in zip(roots, rows, strict=True):
        dense = serving.pull([root], [1.0], [x, y])
        assert list(map(bits, slopes)) == [bits(dense[i]) for i in places]
    assert [bits(rows[i][1][0]) for i in (0, 1)] == [bits(0.0), bits(INF)]


@pytest.mark.parametrize("package", [ag, textbook])
def test_leaves_that_are_no_inputs_have_no_place(package):
    a, b, c = leaves = [package.Value(x) for x in (2.0, 3.0, 5.0)]
    slopes = [15.0, 10.0, 6.0]
    for chosen in ([], [0], [1], [2], [0, 2], [2, 1], [0, 1, 2]):
        rows = package.core.serving.pull_each([a * b * c, c * a], [leaves[i] for i in chosen])
        assert dict(zip(*rows[0], strict=True)) == {place: slopes[i] for place, i in enumerate(chosen)}
        assert len(rows[1][0]) == len(set(chosen) & {0, 2})


@pytest.mark.parametrize("package", [ag, textbook])
def test_watchers_see_a_sweep_for_each_row(package):
    seen = []

    class Roots(package.core.mode.Watcher):
        def swept(self, sweep, found):
            seen.append((sweep.nodes, sweep.numbers, len(found)))

    x = package.Value(3.0)
    roots = [x * x, x + 1.0]
    with package.core.mode.watching(Roots()):
        assert package.core.serving.pull_each(roots, [x]) == [([0], [6.0]), ([0], [1.0])]
    assert seen == [((roots[0],), (1.0,), 2), ((roots[1],), (1.0,), 2)]


@pytest.mark.parametrize("package", [ag, textbook])
def test_rows_of_what_is_no_value_or_out_of_date_are_errors(package):
    x = package.Value(2.0)
    y = x * x
    serving = package.core.serving
    assert serving.pull_each([], [x]) == []
    assert serving.pull_each([y], []) == [([], [])]
    with pytest.raises(TypeError, match=r"expected a Value, got 1\.0 of type float"):
        serving.pull_each([1.0], [x])
    x.data = 3.0
    with pytest.raises(package.StaleGraphError, match="assigned after"):
        serving.pull_each([x, y], [x])


# ---- Strong zeros, both ways. ---------------------------------------------------------------------------------------

FLAT = {
    "a branch that is not used": (lambda x: ag.sqrt(x) * 0.0 + x * 2.0, 0.0, 2.0),
    "a flat piece before an infinite slope": (lambda x: ag.sqrt(ag.maximum(x, 0.0)), -1.0, 0.0),
    "a relu before it": (lambda x: ag.sqrt(ag.relu(x)), -1.0, 0.0),
    "a difference of equals": (lambda x: ag.sqrt((x - x) * (x - x)), 1.0, 0.0),
    "a norm at the origin": (lambda x: ag.sqrt(x * x), 0.0, 0.0),
    "a removable singularity, which is wrong": (lambda x: ag.sqrt(x) ** 2, 0.0, 0.0),
}


@pytest.mark.parametrize("name", FLAT)
def test_neither_an_adjoint_of_zero_nor_a_slope_of_zero_makes_a_nan(name):
    f, point, slope = FLAT[name]
    x = Value(point)
    f(x).backward()
    assert x.grad == slope
    assert ag.grad(f)(point) == slope
    assert push([x], [1.0], [f(x)]) == [slope]
    assert pull([f(x)], [1.0], [x], on_values=True)[0].data == slope
    assert push([x], [1.0], [f(x)], on_values=True)[0].data == slope
    assert not math.isnan(ag.grad(ag.grad(f))(point))


@given(st.sampled_from([0.0, -0.0, 1.0, -2.0, INF, -INF, NAN]), st.sampled_from([0.0, -0.0, 1.0, INF, -INF, NAN]))
def test_an_edge_passes_on_the_product_of_ieee_but_zero_for_zero_times_infinity(adjoint, slope):
    x = Value(1.0)
    y = x * slope
    product = adjoint * slope
    expected = 0.0 if math.isnan(product) and 0.0 in (adjoint, slope) else product
    assert bits(pull([y], [adjoint], [x])[0]) == bits(0.0 + expected)
    assert bits(push([x], [adjoint], [y])[0]) == bits(0.0 + expected)
    assert pull([y], [Value(adjoint)], [x], on_values=True)[0].data == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", [name for name in FLAT if "difference" not in name])
def test_a_strict_search_for_anomalies_reports_each_product_taken_as_zero(name):
    f, point, _ = FLAT[name]
    for run in (lambda: f(Value(point)).backward(), lambda: ag.grad(f)(point), lambda: ag.grad(ag.grad(f))(point)):
        with ag.detect_anomaly(strict=True), pytest.raises(ag.AnomalyError, match=r"leaves out a product|becomes"):
            run()
    y = f(Value(point))
    with ag.detect_anomaly():  # where an adjoint on the way is infinite, that is the first thing to be told
        if name in ("a flat piece before an infinite slope", "a relu before it", "a norm at the origin"):
            with pytest.raises(ag.AnomalyError, match="becomes inf"):
                y.backward()
        else:
            y.backward()


def test_a_strict_search_names_the_edge_and_the_way_out():
    x = Value(-1.0, label="v")
    with ag.detect_anomaly(strict=True):
        y = ag.sqrt(ag.maximum(x, 0.0))
        with pytest.raises(ag.AnomalyError) as caught:
            y.backward()
    assert str(caught.value).startswith("the adjoint of Value(0.0) becomes inf: sqrt(")
    with ag.detect_anomaly(strict=True), pytest.raises(ag.AnomalyError) as caught:
        (ag.sqrt(x + 1.0) * 0.0).backward()
    assert "the adjoint of Value(0.0) leaves out a product that is no number: sqrt(Value(0.0))" in str(caught.value)
    assert "times the slope inf, which counts as 0; keep its operands away" in str(caught.value)
    with pytest.raises(TypeError, match="strict"), ag.detect_anomaly(strict="yes"):
        pass


def test_a_search_for_anomalies_judges_sweeps_forward_too():
    x = Value(0.0, label="x")
    y = ag.sqrt(x)
    for on_values in (False, True):
        with ag.detect_anomaly(), pytest.raises(ag.AnomalyError, match=r"the tangent of .* becomes inf: sqrt\(Value"):
            push([x], [1.0], [y], on_values=on_values)
        flat = ag.sqrt(x * x)
        assert push([x], [1.0], [flat]) == [0.0]
        for root in (flat, y * x):
            with ag.detect_anomaly(strict=True), pytest.raises(ag.AnomalyError, match=r"the tangent of Value\(0\.0"):
                push([x], [1.0], [root], on_values=on_values)
        with ag.detect_anomaly(strict=True):
            assert [getattr(t, "data", t) for t in push([x], [2.0], [x * 3.0], on_values=on_values)] == [6.0]


@pytest.mark.parametrize("package", [ag, textbook])
def test_what_is_no_value_has_no_derivative(package):
    serving = package.core.serving
    for run in (serving.adjoints, lambda a, b: serving.pull(a, b, []), lambda a, b: serving.push(a, b, [])):
        with pytest.raises(TypeError, match=r"expected a Value, got 1\.0 of type float"):
            run([1.0], [1.0])
        with pytest.raises(ValueError, match="there are 2 numbers for 1 nodes; give one for each"):
            run([package.Value(1.0)], [1.0, 2.0])
