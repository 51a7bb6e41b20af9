"""What all transforms share: their arguments, their messages, and what they return."""

import copy
import functools
import gc
import inspect
import multiprocessing
import pickle
import sys
import weakref
from decimal import Decimal

import pytest

import autograd_mini as ag
from autograd_mini import Value, grad, hessian, hvp, jacobian, jvp, trees, value_and_grad, vjp


def assigns(x):
    y = x * x
    x.data = 5.0
    return y


def test_ints_of_numpy_are_argnums_too():
    np = pytest.importorskip("numpy")
    f = lambda x, y: x * y**2  # noqa: E731
    assert grad(f, argnums=np.int64(1))(2.0, 3.0) == 12.0
    assert value_and_grad(f, argnums=(np.int8(-1), np.uint8(0)))(2.0, 3.0) == (18.0, (12.0, 9.0))
    with pytest.raises(ValueError, match="name at least one argument, and each once"):
        grad(f, argnums=(np.int64(0), 0))
    for wrong in (np.float64(1.0), np.bool_(True), np.array([0]), 1.0):
        with pytest.raises(TypeError, match=r"argnums is .* of type .*; choose an int, or a tuple of ints, such as"):
            grad(f, argnums=wrong)


CHANGES = {
    "a list that grows": ([1.0, 2.0], lambda p: p.append(3.0), [2.0, 3.0]),
    "a list that shrinks": ([1.0, 2.0], lambda p: p.pop(), [2.0, 3.0]),
    "a list that is reversed": ([1.0, 2.0], lambda p: p.reverse(), [2.0, 3.0]),
    "a list within a tuple": (([1.0], 2.0), lambda p: p[0].clear(), ([2.0], 3.0)),
    "a dict that gets another order": ({0: 1.0, 1: 2.0}, lambda p: p.update({0: p.pop(0)}), {0: 2.0, 1: 3.0}),
    "a dict of names": ({"a": [1.0], "b": 2.0}, lambda p: p.update(a=p.pop("a")), {"a": [2.0], "b": 3.0}),
    "a dict that loses": ({"a": 1.0, "b": 2.0}, lambda p: p.clear(), {"a": 2.0, "b": 3.0}),
    "numbers that turn into lists": ([1.0, 2.0], lambda p: p.__setitem__(0, [[], 5.0, 6.0]), [2.0, 3.0]),
    "a Value that is taken away": ([Value(1.0), 2.0], lambda p: p.pop(0), [2.0, 3.0]),
}


WAYS = {
    "grad": lambda f, t: grad(f)(t),
    "value_and_grad": lambda f, t: value_and_grad(f)(t)[1],
    "jacobian": lambda f, t: jacobian(f)(t),
    "vjp": lambda f, t: vjp(f, t)[1](1.0)[0],
    "hvp": lambda f, t: hvp(lambda p: f(p) ** 2 / 10.0)(t, trees.map_leaves(lambda x: 1.0, t)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CHANGES)
def test_whatever_a_function_does_to_its_argument_the_derivatives_are_those_of_it_as_it_was(name, way):
    tree, change, expected = copy.deepcopy(CHANGES[name])

    def f(inner):
        first, second = [x for _, x in trees.leaves(inner)]
        change(tree)
        change(inner)
        return 2.0 * first + 3.0 * second

    holds_value = trees.holds_node(tree)
    gradient = WAYS[way](f, tree)
    assert repr(tree) != repr(CHANGES[name][0])
    assert trees.holds_node(gradient) == holds_value
    assert trees.map_leaves(lambda x: getattr(x, "data", x), gradient) == expected
    assert list(gradient) == list(expected) or holds_value


def test_ragged_structures_and_whole_numbers_are_computed_as_floats():
    ragged = [[1], [2, 3.0], [], [[4, [5]]]]
    f = lambda xs: ag.sum(x * x for _, x in trees.leaves(xs))  # noqa: E731
    assert repr(grad(f)(ragged)) == "[[2.0], [4.0, 6.0], [], [[8.0, [10.0]]]]"
    np = pytest.importorskip("numpy")
    for kind in (int, np.int8, np.uint64, bool):
        gradient = grad(lambda a: a @ a)(np.array([1, 0, 1], dtype=kind))
        assert (gradient.dtype, gradient.tolist()) == (float, [2.0, 0.0, 2.0])


# ---- What grad returns. ---------------------------------------------------------------------------------------------


TRANSFORMS = [grad, value_and_grad, jacobian, hessian, hvp]


def cube(x, scale: float = 1.0):
    """The cube of x."""
    return scale * x**3


class Poly:
    """A callable object, which holds its coefficient."""

    def __init__(self, a):
        self.a = a

    def __call__(self, x):
        return self.a * x * x

    def energy(self, x):
        return self.a * x**3

    force = grad(energy, argnums=1)


@grad
def slope_of_square(x):
    return x * x


def sum_of_two(x, y):
    return x + y


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize(
    "f", [cube, Poly(2.0), functools.partial(cube, scale=2.0), Poly(3.0).energy, grad(cube), ag.exp]
)
def test_what_a_transform_returns_is_pickled_and_copied_if_the_function_is(transform, f):
    whole = transform(f)
    args = (3.0, 2.0) if transform is hvp else (3.0,)
    for clone in (*(pickle.loads(pickle.dumps(whole, p)) for p in range(6)), copy.copy(whole), copy.deepcopy(whole)):
        assert clone(*args) == whole(*args)
        assert (clone.__name__, clone.__doc__, repr(type(clone))) == (whole.__name__, whole.__doc__, repr(type(whole)))
        assert repr(clone).startswith(f"{transform.__name__}(")


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian])
def test_options_are_pickled_too(transform):
    both = pickle.loads(pickle.dumps(transform(sum_of_two, (1, 0), has_aux=True)))
    with pytest.raises(ValueError, match=r"argnums is \(1, 0\), but sum_of_two was called with 1 positional argument;"):
        both(1.0)
    with pytest.raises(TypeError, match=rf"{transform.__name__} with has_aux=True needs a function that returns"):
        both(1.0, 2.0)


def test_a_decorated_function_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(slope_of_square)) is slope_of_square
    assert copy.copy(slope_of_square) is slope_of_square
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(grad(lambda x: x))


def test_processes_of_a_pool_differentiate():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(grad(Poly(2.0)), [1.0, 2.0]) == [4.0, 8.0]
        assert pool.map(value_and_grad(ag.sqrt), [4.0]) == [(2.0, 0.25)]


def test_what_a_transform_returns_has_signature_docstring_and_attributes_of_the_function():
    cube.unit = "m3"
    try:
        slope = grad(cube)
    finally:
        del cube.unit
    assert inspect.signature(slope) == inspect.signature(cube)
    assert (slope.__doc__, slope.unit, slope.__wrapped__, slope.__module__) == (cube.__doc__, "m3", cube, __name__)
    assert [t(cube).__name__ for t in TRANSFORMS] == [f"{t.__name__}_of_cube" for t in TRANSFORMS]
    assert str(inspect.signature(hvp(cube))) == "(x: 'Any', v: 'Any', /, *args: 'Any', **kwargs: 'Any') -> 'Any'"
    assert grad(grad(cube)).__name__ == "grad_of_grad_of_cube"
    assert grad(Poly(1.0)).__name__ == "grad_of_Poly"
    assert repr(grad(ag.exp)) == f"grad({ag.exp!r})"
    assert slope(2.0, scale=2.0) == 24.0


def test_attributes_of_a_function_do_not_disturb_its_transforms():
    class Named:
        _name, _f, _options, function = "mine", None, None, None

        def __init__(self):
            self._name, self._f, self._options, self.function = "mine", 1, 2, 3

        def __call__(self, x):
            return x**3

    for transform in TRANSFORMS:
        made = transform(Named())
        assert (made.__name__, made.function) == (f"{transform.__name__}_of_Named", 3)
        assert made(*([2.0, 1.0] if transform is hvp else [2.0])) in (12.0, (8.0, 12.0))


TYPED = """
from collections.abc import Callable
from typing import Any, assert_type
import autograd_mini as ag

def f(x: float) -> float: return x * x
def g(xs: list[float], k: int = 2) -> float: return xs[0] * k
def on_values(x: ag.Value) -> ag.Value: return x * x

a: Callable[[float], float] = ag.grad(f)
b: Callable[[float], float] = ag.grad(ag.grad(f))
c: Callable[[float], tuple[float, float]] = ag.value_and_grad(f)
assert_type(ag.grad(g)([1.0], k=3), list[float])
assert_type(ag.value_and_grad(g)([1.0], 3), tuple[float, list[float]])
assert_type(ag.grad(on_values)(1.0), Any)
assert_type(ag.grad(lambda x: x * x)(1.0), Any)
assert_type(ag.grad(lambda x, y: x * y, (0, 1))(1.0, 2.0), Any)
assert_type(ag.grad(f, has_aux=True)(1.0), Any)
assert_type(ag.hessian(g, sparse=True)([1.0]), Any)
wrong: str = ag.grad(f)(1.0)
"""


def test_type_checkers_read_what_a_transform_returns(tmp_path):
    api = pytest.importorskip("mypy.api")
    if sys.version_info < (3, 11):
        pytest.skip("assert_type is newer")
    (tmp_path / "typed.py").write_text(TYPED)
    out, _, code = api.run(["--strict", "--config-file=", "--follow-imports=silent", str(tmp_path / "typed.py")])
    errors = [line for line in out.splitlines() if ": error:" in line]
    assert code == 1
    assert len(errors) == 1
    assert 'expression has type "float", variable has type "str"' in errors[0]


def test_a_transform_makes_methods():
    poly = Poly(5.0)
    assert poly.force(2.0) == 60.0
    assert Poly.force(poly, 2.0) == 60.0
    assert inspect.signature(poly.force) == inspect.signature(poly.energy)
    assert Poly.force is Poly.__dict__["force"]


def test_what_grad_returns_goes_with_what_it_was_made_of():
    def make():
        f = lambda x: slope and x  # noqa: E731
        slope = grad(f)
        return weakref.ref(f), weakref.ref(slope)

    gone = make()
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


F = lambda x: x  # noqa: E731
MESSAGES = [
    *[
        (
            lambda t=t: t(3.0),
            TypeError,
            f"the f of {t.__name__} is 3.0 of type float; pass the function itself, not its",
        )
        for t in TRANSFORMS
    ],
    *[
        (lambda t=t: t(abs, [0, 2]), TypeError, r"argnums is \[0, 2\] of type list; choose .* such as \(0, 2\)")
        for t in TRANSFORMS
    ],
    *[
        (
            lambda t=t: t(F, 1)(1.0, 1j, 2.0),
            TypeError,
            r"args\[1\] is 1j of type complex, which .*; pass the real and the",
        )
        for t in [grad, value_and_grad, jacobian, hessian]
    ],
    (lambda: hvp(F, 1)(1.0, 1.0, 1j), TypeError, r"args\[1\] is 1j of type complex, which .*; pass the real and the"),
    (lambda: jvp(F, (1j,), (1.0,)), TypeError, r"primals\[0\] is 1j of type complex, which .*; pass the real and the"),
    *[
        (
            lambda t=t: t(lambda x: [x])(1.0),
            TypeError,
            r"returned \[Value\(1.0\)\] of type list; return a single number",
        )
        for t in [grad, value_and_grad, hessian]
    ],
    (
        lambda: hvp(lambda x: [x])(1.0, 1.0),
        TypeError,
        r"returned \[Value\(1.0\)\] of type list; return a single number",
    ),
    (lambda: grad(abs, argnums="x"), TypeError, r"argnums is 'x' of type str; choose an int, or a tuple of ints, such"),
    (lambda: grad(abs, argnums=True), TypeError, "argnums is True of type bool; choose an int, or a tuple of ints"),
    (lambda: grad(abs, argnums=[0, 2]), TypeError, r"argnums is \[0, 2\] of type list; choose .* such as \(0, 2\)"),
    (lambda: grad(abs, argnums=()), ValueError, r"argnums is \(\); name at least one argument, and each once"),
    (lambda: grad(abs, argnums=(0, 0)), ValueError, r"argnums is \(0, 0\); name at least one argument, and each once"),
    (
        lambda: grad(abs, 2)(3.0),
        ValueError,
        "argnums is 2, but abs was called with 1 positional argument; choose an int of at least -1 and below 1, and "
        "pass what you differentiate by without its keyword",
    ),
    (
        lambda: grad(cube, -3)(3.0, 1.0),
        ValueError,
        "is -3, but cube was called with 2 positional arguments; choose an int",
    ),
    (
        lambda: grad(F)(x=1.0),
        ValueError,
        "with 0 positional arguments; pass what you differentiate by without its keywo",
    ),
    (
        lambda: grad(F, (0, -1))(1.0),
        ValueError,
        r"argnums is \(0, -1\), but <lambda> was called with 1 .*; name each once",
    ),
    (lambda: grad(F, 10**30)(1.0), ValueError, "argnums is 1000000000000000000000000000000, but <lambda> was called"),
    (
        lambda: grad(abs)("1"),
        TypeError,
        r"args\[0\] is '1' of type str, which cannot .* by; turn it into a number with fl",
    ),
    (
        lambda: grad(abs)({"a": [1.0, None]}),
        TypeError,
        r"args\[0\]\['a'\]\[1\] is None of type NoneType.*; put a number",
    ),
    (
        lambda: grad(F)({"w": [1.0, 2.0, 1j]}),
        TypeError,
        r"args\[0\]\['w'\]\[2\] is 1j of type complex, which cannot be differentiated by; pass the real and the ima",
    ),
    (
        lambda: grad(F, 1)(1.0, (Decimal("1.5"),)),
        TypeError,
        r"args\[1\]\[0\] is Decimal\('1.5'\) of type Decimal.*; turn",
    ),
    (
        lambda: grad(F)([{1.0}]),
        TypeError,
        r"args\[0\]\[0\] is \{1.0\} of type set, which .*; pass numbers in nested lists",
    ),
    (lambda: grad(lambda x: [x])(1.0), TypeError, r"<lambda> returned \[Value\(1.0\)\] of type list; return a single"),
    (
        lambda: grad(lambda x: None)(1.0),
        TypeError,
        "but <lambda> returned None of type NoneType; return a single number, as a def",
    ),
    (lambda: grad(lambda x: 1j)(1.0), TypeError, "returned 1j of type complex; return a single"),
    (lambda: grad(assigns)(1.0), ag.StaleGraphError, r"Value\(5.0\) was assigned after Value\(1.0\) had been computed"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), MESSAGES)
def test_bad_input_is_an_error_that_says_what_and_what_to_do(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
