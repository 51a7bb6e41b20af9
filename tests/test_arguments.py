"""Checks of arguments: the type of what is refused decides the exception, and every message says what to do."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini import Value
from autograd_mini.arguments import choice, flag, number_within, pair, real, same_names, whole_number

numbers = st.one_of(st.floats(), st.integers(), st.fractions(), st.booleans(), st.just(10**400), st.just(-(10**400)))
no_number = st.sampled_from(["1", None, 1j, [1.0], Value(1.0)])
FITS = {
    "at_least": lambda x, bound: x >= bound,
    "above": lambda x, bound: x > bound,
    "at_most": lambda x, bound: x <= bound,
    "below": lambda x, bound: x < bound,
}
bounds = st.tuples(st.sampled_from([None, "at_least", "above"]), st.sampled_from([None, "at_most", "below"])).flatmap(
    lambda names: st.fixed_dictionaries({name: st.integers(-3, 3) for name in names if name})
)


@given(numbers, bounds, st.booleans())
def test_a_number_is_within_its_bounds_or_a_value_error_names_it_and_them(x, bounds, finite):
    exact = x if isinstance(x, float) else Fraction(x)
    beyond = abs(exact) >= 2**1024
    fits = exact == exact and not (finite and beyond) and all(FITS[k](exact, b) for k, b in bounds.items())
    rounded = (math.inf if exact > 0 else -math.inf) if beyond else float(exact)
    if fits and all(FITS[k](rounded, b) for k, b in bounds.items()):
        assert number_within("x", x, finite=finite, **bounds) == rounded
    else:
        with pytest.raises(ValueError, match=r"^x is .*; choose a ") as caught:
            number_within("x", x, finite=finite, **bounds)
        assert ("finite" in str(caught.value)) == finite
        assert all(f"{k.replace('_', ' ')} {b}" in str(caught.value) for k, b in bounds.items())


@given(no_number)
def test_what_is_no_number_is_a_type_error(x):
    for check in (lambda: number_within("x", x, at_least=0), lambda: real("x", x, "choose a finite number")):
        with pytest.raises(TypeError, match=rf"^x is .* of type {type(x).__name__}; choose a finite number"):
            check()


@given(st.integers(), st.integers(-3, 3), st.none() | st.integers(4, 9))
def test_an_int_lies_between_its_bounds(x, low, below):
    if low <= x < (math.inf if below is None else below):
        assert whole_number("n", x, low, below) == x
    else:
        with pytest.raises(ValueError, match=rf"^n is {x}; choose an int of at least {low}( and below {below})?$"):
            whole_number("n", x, low, below)


@pytest.mark.parametrize("x", [True, 2.0, "2", None, Fraction(2), Value(2.0)])
def test_a_bool_and_a_float_are_no_ints(x):
    for check in (whole_number, pair):
        with pytest.raises(TypeError, match=rf"^n is .* of type {type(x).__name__}; choose an int of at least 1$"):
            check("n", x, low=1)


def test_numbers_of_numpy_are_numbers_and_come_back_as_pythons_but_its_bools_and_arrays_are_none():
    np = pytest.importorskip("numpy", reason="needs the extra demos")
    found = number_within("x", np.float32(0.5)), whole_number("n", np.int64(3), low=1), pair("n", np.int8(2), low=1)
    assert repr(found) == "(0.5, 3, (2, 2))"
    for wrong in (np.bool_(True), np.array(1.0), np.array(1)):
        for check in (number_within, flag, lambda noun, x: whole_number(noun, x, low=1)):
            with pytest.raises(TypeError, match=f"^x is .* of type {type(wrong).__name__}; choose "):
                check("x", wrong)
    with pytest.raises(TypeError, match="^n is .* of type float64; choose an int of at least 1$"):
        whole_number("n", np.float64(2.0), low=1)


@given(st.lists(st.integers(-2, 5), max_size=4), st.integers(-1, 2))
def test_a_pair_is_two_ints_that_are_large_enough(sizes, low):
    if len(sizes) == 2 and min(sizes) >= low:
        assert pair("size", sizes, low) == pair("size", tuple(sizes), low) == tuple(sizes)
    else:
        with pytest.raises(
            ValueError, match=r"^size(\[[01]\])? is .*; choose (an int of at least|one int, or one for)"
        ):
            pair("size", sizes, low)


@pytest.mark.parametrize("x", [0, 1, None, "yes"])
def test_a_flag_is_a_bool_and_nothing_like_it(x):
    assert [flag("on", value) for value in (True, False)] == [True, False]
    with pytest.raises(TypeError, match="^on is .* of type .*; choose True or False$"):
        flag("on", x)


def test_a_choice_is_one_of_the_words():
    assert choice("way", "down", ("up", "down", "left")) == "down"
    with pytest.raises(ValueError, match="^way is 'round'; choose 'up', 'down' or 'left'$"):
        choice("way", "round", ("up", "down", "left"))
    with pytest.raises(TypeError, match=r"^way is \['up'\] of type list; choose 'up' or 'down'$"):
        choice("way", ["up"], {"up": 1, "down": 2})


@given(st.dictionaries(st.text(max_size=2), st.none()), st.lists(st.text(max_size=2), unique=True))
def test_names_are_the_same_in_any_order(given_names, expected):
    if sorted(given_names) == sorted(expected):
        same_names("state", given_names, expected)
    else:
        with pytest.raises(ValueError, match=r"^state has \[.*\], and not \[.*\]; pass what state_dict\(\) returned$"):
            same_names("state", given_names, expected)
