"""Operations with several results, on both engines: one visit with all adjoints, forward, higher orders, copies."""

import copy
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twins import textbook

import autograd_mini as ag


class Polar:
    """``r cos t`` and ``r sin t`` as one call; ``visits`` counts how often it is asked for derivatives."""

    name = "polar"

    def __init__(self, package):
        self.package, self.visits = package, 0

    def _slopes(self, results, on_values):
        r, t = (a if on_values else getattr(a, "data", a) for a in results[0].args)
        self.visits += 1
        sin, cos = self.package.sin(t), self.package.cos(t)
        return [[cos, -r * sin], [sin, r * cos]]

    def pull(self, results, cotangents, on_values):
        slopes = self._slopes(results, on_values)
        return [sum((c * row[k] for c, row in zip(cotangents, slopes, strict=True)), 0.0) for k in range(2)]

    def push(self, results, tangents, on_values):
        return [
            sum((d * t for d, t in zip(row, tangents, strict=True)), 0.0) for row in self._slopes(results, on_values)
        ]


def polar(package, r, t, call=None):
    numbers = [getattr(x, "data", x) for x in (r, t)]
    values = [numbers[0] * math.cos(numbers[1]), numbers[0] * math.sin(numbers[1])]
    return package.core.bundles.bundle(call or Polar(package), values, [r, t])


def plain(package, r, t):
    return [r * package.cos(t), r * package.sin(t)]


def close(x):
    return pytest.approx(x, rel=1e-12, abs=1e-12)


@pytest.fixture(params=["serving", "textbook"])
def package(request):
    return ag if request.param == "serving" else textbook


def test_the_results_are_visited_once_when_all_adjoints_are_there(package):
    call = Polar(package)
    r, t = package.Value(2.0), package.Value(0.5)
    x, y = polar(package, r, t, call)
    out = x * y + package.exp(y) + x
    out.backward()
    assert call.visits == 1
    other = [package.Value(2.0), package.Value(0.5)]
    x, y = plain(package, *other)
    (x * y + package.exp(y) + x).backward()
    assert [r.grad, t.grad] == close([v.grad for v in other])


@pytest.mark.parametrize("used", [0, 1])
def test_one_result_alone_serves(package, used):
    r, t = package.Value(2.0), package.Value(0.5)
    polar(package, r, t)[used].backward(3.0)
    assert [r.grad, t.grad] == close(
        [[3 * math.cos(0.5), -6 * math.sin(0.5)], [3 * math.sin(0.5), 6 * math.cos(0.5)]][used]
    )


@given(
    st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=2),
    st.lists(st.sampled_from(["x*y", "x", "y", "y/(2+x*x)", "polar"]), min_size=1, max_size=4),
)
def test_derivatives_of_all_kinds_are_those_of_the_parts(point, ways):
    def program(package, bundled):
        def f(p):
            x, y = p
            for way in ways:
                if way == "polar":
                    x, y = (polar if bundled else plain)(package, x, y)
                else:
                    x, y = y, {"x*y": x * y, "x": x, "y": y, "y/(2+x*x)": y / (2.0 + x * x)}[way]
            return x * x + 3.0 * y

        def second(p):
            return package.sum(package.grad(f)(p))

        leaves = [package.Value(v) for v in point]
        out = f(leaves)
        serving = package.core.serving
        moved = serving.push(leaves, [1.0, -2.0], [out])
        noted = serving.push(leaves, [1.0, -2.0], [out], on_values=True)
        return [*package.grad(f)(point), *package.grad(second)(point), *moved, *(v.data for v in noted)]

    found = program(ag, True)
    assert found == pytest.approx(program(ag, False), rel=1e-9, abs=1e-9)
    assert found == program(textbook, True)


def test_a_sweep_that_raises_in_a_bundle_changes_nothing(package):
    class Broken(Polar):
        def pull(self, results, cotangents, on_values):
            raise RuntimeError("not today")

    r, t = package.Value(2.0), package.Value(0.5)
    x, y = polar(package, r, t, Broken(package))
    with pytest.raises(RuntimeError, match="not today"):
        (x + y).backward()
    assert [v.grad for v in (r, t, x, y)] == [0.0] * 4


def test_copies_of_results_add_up(package):
    r, t = package.Value(2.0), package.Value(0.5)
    x, y = polar(package, r, t)
    again = copy.copy(y)
    (y + again + x).backward()
    assert r.grad == close(2 * math.sin(0.5) + math.cos(0.5))
    clone = copy.deepcopy([x * y, r, t])
    clone[1].grad = clone[2].grad = 0.0
    clone[0].backward()
    assert [v.grad for v in clone[1:]] == close([4 * math.cos(0.5) * math.sin(0.5), 4 * math.cos(1.0)])


def test_pickling_is_refused_with_the_way_out(package):
    x, y = polar(package, package.Value(2.0), package.Value(0.5))
    for node in (x, y, x * y):
        with pytest.raises(TypeError, match=r"a result of polar cannot be pickled.*pickle what it was computed from"):
            pickle.dumps(node)
    assert pickle.loads(pickle.dumps(x.detach())).data == x.data


def test_stale_operands_are_told(package):
    r, t = package.Value(2.0), package.Value(0.5)
    _, y = polar(package, r, t)
    r.data = 3.0
    with pytest.raises(package.StaleGraphError, match="assigned after"):
        y.backward()


def test_of_floats_and_without_recording_results_are_plain(package):
    assert polar(package, 2.0, 0.5) == close([2 * math.cos(0.5), 2 * math.sin(0.5)])
    with package.no_grad():
        x, y = polar(package, package.Value(2.0), 0.5)
    assert x.args == y.args == ()


def test_pictures_and_anomaly_detection_know_bundles():
    r, t = ag.Value(2.0), ag.Value(0.5)
    x, y = polar(ag, r, t)
    out = x * y
    assert "polar[0]" in ag.draw(out).source
    assert "polar[1]" in ag.draw(out).source
    with ag.detect_anomaly():
        out.backward()
    assert r.grad == close(4 * math.cos(0.5) * math.sin(0.5))
