"""Every row of the table at its corners: the engine's answers are those written down in corners.py."""

import math
import struct

import pytest
from corners import CORNERS, STANDARD

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.ops import TABLE, apply
from autograd_mini.testing.oracles import FLOATS
from autograd_mini.testing.program import is_count, public_rows

ROWS = public_rows()
ALL = [(name, corner) for name in CORNERS for corner in CORNERS[name]]
WITH_VALUE = [(name, corner) for name, corner in ALL if isinstance(corner.value, float)]
WITHOUT = [(name, corner) for name, corner in ALL if not isinstance(corner.value, float)]
FLOAT_LAW = {**FLOATS.names, "round": lambda x, n: round(x, int(n))}
# A derivative is a few steps of arithmetic, each good to 1.1e-16; a subnormal on the way costs digits, but no more than
# ABSOLUTE.
RELATIVE, ABSOLUTE = 2e-15, 1e-320


def each(corners):
    return pytest.mark.parametrize(
        ("name", "corner"), [pytest.param(name, c, id=f"{name}{c.args}".replace(",)", ")")) for name, c in corners]
    )


def bits(x):
    return struct.pack("d", math.nan if x != x else x)


def function(name):
    return lambda *args: apply(TABLE[name], *args)


def agree(found, expected):
    """The same number but for rounding, the same infinity, or both NaN."""
    if math.isfinite(expected):
        return math.isfinite(found) and math.isclose(found, expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return bits(found) == bits(expected)


def test_every_row_has_its_corners():
    assert set(CORNERS) == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_an_answer_at_each_standard_point_in_each_operand(name):
    for i, numbers in enumerate(zip(*[corner.args for corner in CORNERS[name]], strict=True)):
        if is_count(TABLE[name], i):
            continue
        missing = {bits(x) for x in STANDARD} - {bits(x) for x in numbers}
        assert not missing, f"operand {i} of {name} is never {[struct.unpack('d', b)[0] for b in missing]}"


@pytest.mark.parametrize("name", [name for name in ROWS if TABLE[name].kink])
def test_every_row_with_kinks_has_an_answer_on_one(name):
    finite = [corner.args for corner in CORNERS[name] if all(map(math.isfinite, corner.args)) and corner.first]
    assert any(TABLE[name].near_kink(*args, gap=0.0) for args in finite)


@pytest.mark.parametrize("name", ROWS)
def test_every_answer_has_a_reason_and_none_is_given_twice(name):
    assert all(corner.why.strip() for corner in CORNERS[name])
    points = [tuple(map(bits, corner.args)) for corner in CORNERS[name]]
    assert len(set(points)) == len(points)


@each(WITH_VALUE)
def test_the_value_is_the_one_written_down_and_has_the_bits_of_float_arithmetic(name, corner):
    found = function(name)(*corner.args)
    assert bits(found) == bits(FLOAT_LAW.get(name, TABLE[name].value)(*corner.args))
    assert bits(function(name)(*map(Value, corner.args)).data) == bits(found)
    assert found == pytest.approx(corner.value, rel=RELATIVE, abs=0.0, nan_ok=True)
    assert found != 0.0 or bits(found) == bits(corner.value)


@each(WITHOUT)
def test_where_there_is_no_value_the_exception_is_the_one_written_down(name, corner):
    f = function(name)
    calls = [f, lambda *args: f(*map(Value, args)), ag.grad(f), ag.grad(ag.grad(f))]
    for call in calls:
        with pytest.raises(corner.value) as caught:
            call(*corner.args)
        assert caught.type is corner.value


@each(WITH_VALUE)
def test_first_derivatives_are_the_ones_written_down(name, corner):
    f, count = function(name), len(corner.args)
    leaves = [Value(x) for x in corner.args]
    f(*leaves).backward()
    together = ag.grad(f, tuple(range(count)))(*corner.args)
    for i, expected in enumerate(corner.first):
        for found in (leaves[i].grad, together[i], ag.grad(f, i)(*corner.args)):
            assert agree(found, expected), f"by operand {i}: expected {expected}, got {found}: {corner.why}"


@each(WITH_VALUE)
def test_second_derivatives_are_the_ones_written_down(name, corner):
    f, every = function(name), tuple(range(len(corner.args)))
    for i, row in enumerate(corner.second):
        together = ag.grad(lambda *args, i=i: ag.grad(f, every)(*args)[i], every)(*corner.args)
        for j, expected in enumerate(row):
            for found in (together[j], ag.grad(ag.grad(f, i), j)(*corner.args)):
                assert agree(found, expected), f"by {i}, then {j}: expected {expected}, got {found}: {corner.why}"
