"""Values and derivatives of every row to the last digits: the quick form of accuracy.py, and its judge by itself."""

import math

import accuracy
import pytest
from accuracy import EXACT, EXPLAINED, KNOWN, LIMIT, Unjudged, exact, units
from mpmath import mp, mpf

from autograd_mini.ops import TABLE
from autograd_mini.testing.program import public_rows

ROWS = public_rows()


def test_every_row_has_a_judge_and_nothing_else_has():
    assert set(EXACT) == set(ROWS)
    assert {name for name, _ in EXPLAINED} | set(KNOWN) <= set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_values_and_derivatives_keep_their_digits(name):
    for kind, found in zip(accuracy.KIND, accuracy.worst(name, 40, seed=1), strict=True):
        assert found.units <= LIMIT, f"the {kind} of {name}{found.point} by {found.places}"


@pytest.mark.parametrize("name", ROWS)
def test_enough_points_can_be_judged(name):
    points = list(accuracy.points(TABLE[name], 12, accuracy.random.Random(1)))
    assert len(points) == 12

    def judged(point):
        try:
            exact(name, point, (len(point) - 1,))
        except Unjudged:
            return False
        return True

    assert sum(map(judged, points)) >= 6


@pytest.mark.parametrize(("name", "places"), [(name, places) for name in KNOWN for places in KNOWN[name]])
def test_known_derivatives_are_those_of_differences(name, places, monkeypatch):
    points = list(accuracy.points(TABLE[name], 60, accuracy.random.Random(2)))[1::2]  # those inside the domain
    known = [exact(name, point, places) for point in points]
    monkeypatch.delitem(KNOWN, name)
    for point, right in zip(points, known, strict=True):
        found = exact(name, point, places)
        assert abs(found - right) <= abs(right) * mpf(10) ** -15


def test_a_difference_is_the_derivative_however_small_it_is():
    for x in (1e-300, 1e-5, 0.5, 3.0, 700.0):
        assert units(math.exp(x), exact("exp", (x,), (0,))) < 1.0
        assert units(math.exp(x), exact("exp", (x,), (0, 0))) < 1.0
    with mp.workdps(40):
        right = 4 * mp.exp(mpf(-600))
        assert abs(exact("tanh", (300.0,), (0,)) / right - 1) < 1e-17
        assert abs(exact("sigmoid", (-700.0,), (0, 0)) / mp.exp(-700) - 1) < 1e-17


def test_units_are_those_of_the_last_place():
    assert units(1.0, mpf(1)) == 0.0
    assert units(1.0 + 4 * math.ulp(1.0), mpf(1)) == 4.0
    assert units(1e300, mpf(1e300) * (1 + mpf(2) ** -50)) > 3.0
    assert units(math.nan, mpf(1)) == units(math.inf, mpf(1)) == units(-math.inf, mpf(10) ** 400) == math.inf
    assert units(math.inf, mpf(10) ** 400) == 0.0
    assert units(1e-321, mpf(0)) < 1.0 < LIMIT < units(2e-320, mpf(0))
    assert units(1e-10, mpf(0), 1e6) < 1.0 < units(1e-9, mpf(0), 1.0)


def test_the_judge_knows_where_it_cannot_judge():
    for name, point, places in [("log", (-1.0,), ()), ("pow", (-8.0, 0.5), (0,)), ("pow", (-2.0, 2.0), (1,))]:
        with pytest.raises(Unjudged):
            exact(name, point, places)


def test_the_table_is_put_between_its_marks():
    text = "a\n<!-- accuracy: begin -->\nold\n<!-- accuracy: end -->\nb\n"
    made = "".join(line + "\n" for line in accuracy.table(["add", "pow"], 10, 0))
    assert "| `pow` | " in made
    assert "second: x**(y-1)*(1 + y*log(x)) crosses 0: units of x**(y-1) |" in made
    assert accuracy.with_table(text, made) == f"a\n<!-- accuracy: begin -->\n{made}<!-- accuracy: end -->\nb\n"
    with pytest.raises(ValueError, match="there is no section between the marks"):
        accuracy.with_table("a", made)
