"""Nested arguments: round trips, maps, paths and structures of everything that holds numbers, and gradients by them."""

import copy
import math
import re
from collections import OrderedDict, UserDict, UserList, defaultdict, deque, namedtuple
from dataclasses import FrozenInstanceError, InitVar, dataclass, field
from fractions import Fraction
from functools import cached_property
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Value, trees

np = pytest.importorskip("numpy", reason="needs the extra demos") if find_spec("numpy") else None
needs_numpy = pytest.mark.skipif(np is None, reason="needs the extra demos")
Pair = namedtuple("Pair", "left right")


class Typed(NamedTuple):
    x: Any


@dataclass
class Body:
    """It computes a field from the others."""

    mass: Any
    speed: Any = 1.0
    momentum: Any = field(init=False)

    def __post_init__(self):
        self.momentum = [self.mass, self.speed]


@dataclass(frozen=True)
class Frozen:
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Slotted:
    x: Any


class Named(dict):
    """A dict whose entries are attributes too."""

    __getattr__ = dict.__getitem__


number = st.one_of(st.floats(-100, 100), st.integers(-9, 9), st.booleans(), st.just(Fraction(1, 3)))
keys = st.text(max_size=2) | st.integers() | st.tuples(st.integers()) | st.none()


def array_of(x, shape, kind):
    made = np.empty(shape, dtype=kind)
    for i in np.ndindex(shape):
        made[i] = kind(x)
    return made


def holding(part):
    """Structures of such parts."""
    kinds = [
        st.lists(part, max_size=3),
        st.lists(part, max_size=3).map(tuple),
        st.dictionaries(keys, part, max_size=3),
        st.dictionaries(keys, part, max_size=3).map(OrderedDict),
        st.builds(Pair, part, part),
        st.builds(Typed, part),
        st.builds(Body, part, part),
        st.builds(Frozen, part, part),
        st.builds(Slotted, part),
    ]
    return st.one_of(kinds)


shapes = st.sampled_from([(), (2,), (0, 3), (2, 1, 2)])
arrays = st.nothing() if np is None else st.builds(
    array_of, st.integers(-9, 9), shapes, st.sampled_from([float, int, Fraction, Value])
)  # fmt: skip
structures = st.recursive(number | arrays | st.builds(Value, st.floats(-100, 100)), holding, max_leaves=8)


def same(x, y):
    """Equal in all but the kind of numbers in an array."""
    if trees.is_array(x):
        return type(x) is type(y) and x.shape == y.shape and all(map(same, x.ravel().tolist(), y.ravel().tolist()))
    if isinstance(x, Body):
        return type(y) is Body and same(x.momentum, y.momentum) and same(x.momentum, [x.mass, x.speed])
    if trees.is_tree(x):
        mine, other = trees.children(x), trees.children(y)
        return type(x) is type(y) and len(mine) == len(other) and all(
            k == j and same(a, b) for (k, a), (j, b) in zip(mine, other, strict=True)
        )  # fmt: skip
    return x is y or (type(x) is type(y) and x == y)


def numbers_in(tree):
    return [x for _, x in trees.leaves(tree)]


# ---- Walks. ---------------------------------------------------------------------------------------------------------


@given(structures)
def test_a_structure_is_rebuilt_from_its_leaves(tree):
    made = trees.rebuild(tree, iter(numbers_in(tree)))
    assert same(made, tree)
    assert trees.structure(made) == trees.structure(tree)


@given(structures)
def test_a_map_of_the_identity_is_a_copy(tree):
    made = trees.map_leaves(lambda x: x, tree)
    assert same(made, tree)
    assert not trees.is_tree(tree) or made is not tree or made == ()


@given(structures)
def test_a_map_goes_over_the_leaves_in_order(tree):
    seen = []
    trees.map_leaves(seen.append, tree)
    assert repr(seen) == repr(numbers_in(tree))


@given(structures)
def test_paths_are_python(tree):
    for at, part in trees.parts(tree):
        found = eval(f"tree{at}", {"tree": tree})
        if found is not part:  # an array makes its numbers when it is asked for them
            assert type(found.item()) is type(part)
            assert found.item() == part


@given(structures, structures)
def test_structures_are_equal_just_if_their_leaves_have_the_same_paths_and_the_same_things_hold_them(one, two):
    def shape(tree):
        return [(at, type(x) if trees.is_tree(x) else None, getattr(x, "shape", None)) for at, x in trees.parts(tree)]

    assert (trees.structure(one) == trees.structure(two)) == (shape(one) == shape(two))
    other = trees.map_leaves(lambda x: 5.0, one)
    assert trees.structure(other) == trees.structure(one)
    assert hash(trees.structure(other)) == hash(trees.structure(one))


@given(structures)
def test_a_node_is_found_wherever_it_is(tree):
    assert trees.holds_node(tree) == any(isinstance(x, Value) for x in numbers_in(tree))


@given(structures)
def test_what_is_no_structure_is_a_leaf(tree):
    for leaf in ("text", b"bytes", {1.0}, range(3), None, math, Body):
        wrapped = [tree, {"x": (leaf,)}]
        assert list(trees.leaves(wrapped))[-1] == ("[1]['x'][0]", leaf)
        assert trees.map_leaves(lambda x: x, wrapped)[1]["x"][0] is leaf


def test_dicts_and_lists_of_other_types_keep_what_they_can():
    class Stack(list):
        pass

    tree = [Named(w=1.0, b=[2.0]), defaultdict(float, a=3.0), Stack([4.0])]
    for made in (trees.map_leaves(lambda x: -x, tree), trees.rebuild(tree, iter([-1.0, -2.0, -3.0, -4.0]))):
        assert made == [{"w": -1.0, "b": [-2.0]}, {"a": -3.0}, [-4.0]]
        assert [type(part) for part in made] == [Named, defaultdict, Stack]
        assert (made[0].b, made[1]["missing"], made[1].default_factory) == ([-2.0], 0.0, float)
    assert tree == [{"w": 1.0, "b": [2.0]}, {"a": 3.0}, [4.0]]


def test_a_map_constructs_dataclasses_and_rebuild_copies_them():
    body = trees.map_leaves(lambda x: 2 * x, Body(3.0, 5.0))
    assert (body.mass, body.momentum) == (6.0, [6.0, 10.0])
    body = trees.rebuild(Body(3.0, 5.0), iter([1.0, 2.0]))
    assert (body.mass, body.speed, body.momentum) == (1.0, 2.0, [3.0, 5.0])
    frozen = trees.rebuild(Frozen(3.0, Slotted(5.0)), iter([1.0, 2.0]))
    assert frozen == Frozen(1.0, Slotted(2.0))
    with pytest.raises(FrozenInstanceError):
        frozen.a = 3.0

    @dataclass
    class Positive:
        x: float

        def __post_init__(self):
            if self.x <= 0.0:
                raise ValueError("x is not positive")

    assert trees.rebuild(Positive(1.0), iter([-1.0])).x == -1.0
    with pytest.raises(ValueError, match="x is not positive"):
        trees.map_leaves(lambda x: -x, Positive(1.0))


def test_dataclasses_that_compute_nothing_are_made_without_their_constructor():
    @dataclass
    class Scaled:
        k: Any
        scale: InitVar[float]
        notes: list = field(default_factory=list, init=False)
        unset: Any = field(init=False)

        @cached_property
        def twice(self):
            return 2 * self.k

    @dataclass(init=False)
    class Own:
        x: Any

        def __init__(self, one, other):
            self.x = float(one + other)

    scaled = Scaled(1.5, 2.0)
    scaled.notes.append("note")
    assert scaled.twice == 3.0
    for made in (trees.map_leaves(lambda x: -x, scaled), trees.rebuild(scaled, iter([-1.5]))):
        assert (made.k, made.notes, made.twice, hasattr(made, "unset")) == (-1.5, ["note"], -3.0, False)
    assert ag.grad(lambda s: s.k * s.twice)(scaled).k == 6.0
    assert ag.grad(lambda own: own.x**2)(Own(1.0, 2.0)).x == 6.0


@dataclass
class Gear:
    """It changes what it is given."""

    teeth: Any
    angle: Any = 90.0

    def __post_init__(self):
        self.angle *= 0.5


@dataclass
class Spring:
    """It computes from what it does not keep."""

    k: Any
    scale: InitVar[float] = 1.0
    limit: ClassVar[float] = 2.0

    def __post_init__(self, scale):
        self.force = self.k * scale


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (
            {"g": [Gear(3)]},
            r"p\['g'\]\[0\] is of type Gear, whose __post_init__ changes the field 'angle'; have it com",
        ),
        (
            Frozen(1.0, Spring(2.0, 3.0)),
            r"p\.b is of type Spring, which does not keep its InitVar 'scale'; make 'scale'",
        ),
    ],
)
def test_dataclasses_that_cannot_be_made_again_are_refused_with_the_path(tree, text):
    with pytest.raises(TypeError, match=text):
        trees.map_leaves(lambda x: x, tree, "p")
    with pytest.raises(TypeError, match=re.sub("^p", r"args\\[0\\]", text)):
        ag.grad(square)(tree)
    with pytest.raises(TypeError, match=r"^the argument is of type Gear, whose"):
        trees.map_leaves(lambda x: x, Gear(3))


@needs_numpy
@pytest.mark.parametrize("kind", [float, int, object])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
def test_an_array_is_mapped_to_floats_or_to_objects(kind, shape):
    tree = np.arange(float(math.prod(shape))).reshape(shape).astype(kind)
    floats = trees.map_leaves(lambda x: float(x), tree)
    assert (floats.dtype, floats.shape, floats.tolist()) == (float, shape, tree.tolist())
    values = trees.map_leaves(lambda x: Value(x), tree)
    assert values.shape == shape
    assert values.dtype == (object if math.prod(shape) else float)
    lists = trees.map_leaves(lambda x: [x, x], tree)
    assert lists.shape == shape
    assert [x for _, x in trees.leaves(lists)] == [x for _, y in trees.leaves(tree) for x in (y, y)]


def test_a_structure_that_changes_while_it_is_walked_is_that_of_before():
    tree = {"a": [1.0, 2.0], "b": 3.0, "c": Body(4.0)}

    def disturb(x):
        tree["a"].clear()
        tree.pop("b", None)
        tree[x] = 5.0
        return -x

    assert trees.map_leaves(disturb, tree) == {"a": [-1.0, -2.0], "b": -3.0, "c": Body(-4.0, -1.0)}
    tree = [1.0, [2.0], 3.0]
    for at, _ in trees.leaves(tree):
        tree[0:0] = [at]
    assert tree == ["[2]", "[1][0]", "[0]", 1.0, [2.0], 3.0]


def test_a_structure_within_itself_is_a_recursion_error():
    tree = [1.0]
    tree.append({"again": tree})
    for walk in (
        lambda: list(trees.leaves(tree)),
        lambda: trees.map_leaves(lambda x: x, tree),
        lambda: trees.rebuild(tree, iter([1.0] * 100_000)),
        lambda: trees.structure(tree),
        lambda: trees.holds_node(tree),
        lambda: ag.grad(lambda xs: xs[0])(tree),
    ):
        with pytest.raises(RecursionError):
            walk()


# ---- Gradients. -----------------------------------------------------------------------------------------------------


def square(tree):
    return ag.sum(x * x for x in numbers_in(tree))


@given(structures)
def test_the_gradient_has_the_structure_of_the_argument(tree):
    before = copy.deepcopy(tree)
    gradient = ag.grad(square)(tree)
    assert trees.structure(gradient) == trees.structure(tree)
    assert [float(getattr(g, "data", g)) for g in numbers_in(gradient)] == [
        2.0 * float(getattr(x, "data", x)) for x in numbers_in(tree)
    ]
    assert repr(tree) == repr(before)


def test_what_a_dataclass_computes_from_its_fields_takes_part():
    @dataclass
    class Particle:
        mass: float
        speed: float
        energy: float = field(init=False)

        def __post_init__(self):
            self.energy = 0.5 * self.mass * self.speed**2

    gradient = ag.grad(lambda p: p.energy * p.mass)(Particle(3.0, 2.0))
    assert (gradient.mass, gradient.speed) == (2 * 0.5 * 3.0 * 4.0, 3.0**2 * 2.0)


@needs_numpy
@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: np.array(["a", "b"]), r"args\[0\] is array\(\['a', 'b'\].* of type ndarray, which cannot be differ"),
        (lambda: {"z": np.array([[1j]])}, r"args\[0\]\['z'\] is array\(.* of type ndarray, which cannot"),
        (lambda: Frozen(1.0, np.array([1.0, None])), r"args\[0\]\.b\[1\] is None of type NoneType, which cannot"),
        (lambda: [np.array("a")], r"args\[0\]\[0\] is array\('a'.* of type ndarray"),
        (
            lambda: [np.ma.array([1.0], mask=[True])],
            r"(?s)args\[0\]\[0\] is masked_array\(.* of type MaskedArray, which",
        ),
        (lambda: Typed(np.matrix([[1.0]])), r"args\[0\]\.x is matrix\(\[\[1\.\]\]\) of type matrix, which cannot"),
        (lambda: np.zeros(1, dtype=[("x", float)]), r"args\[0\] is array\(.*'x'.* of type ndarray, which cannot"),
        (lambda: Pair(1.0, np.array([print], dtype=object)), r"args\[0\]\.right\[0\] is <built-in function print> of"),
        (
            lambda: np.array(["2024-01-01"], dtype="datetime64[D]"),
            r"args\[0\] is array\(\['2024-01-01'\], .* of type ndarray",
        ),
    ],
)
def test_arrays_of_something_else_are_refused_with_the_path(make, text):
    with pytest.raises(TypeError, match=text):
        ag.grad(square)(make())


@needs_numpy
def test_an_array_reaches_the_function_as_an_array_of_values_and_the_gradient_is_one_of_floats():
    def f(x):
        assert (type(x), x.dtype, x.shape) == (np.ndarray, object, (2, 2))
        return (x @ x).sum() + np.tanh(x[0, 0])

    for kind in (float, int, np.float32, object):
        gradient = ag.grad(f)(np.array([[1, 2], [3, 4]], dtype=kind))
        assert gradient.dtype == float
        assert gradient.ravel().tolist() == pytest.approx([7 + 1 - math.tanh(1) ** 2, 11.0, 9.0, 13.0])
    assert ag.grad(lambda x: x * x)(np.array(3)).tolist() == 6.0


class Mark:
    """Something to look for."""


@given(st.data())
def test_contents_finds_what_is_in_containers_of_any_kind_at_any_depth_and_looks_at_nothing_twice(data):
    wraps = [
        lambda x: [x, 1.0],
        lambda x: (x,),
        lambda x: {x} if isinstance(x, Mark) else [x],
        lambda x: deque([2.0, x]),
        lambda x: {"a": x},
        lambda x: {x: "a"} if isinstance(x, Mark) else UserDict(a=x),
        lambda x: UserList([x, "text", b"bytes", range(10**15)]),
        lambda x: {"a": x}.values(),
        lambda x: MappingProxyType({1: x}),
        lambda x: Body(x, speed=0.0),
        lambda x: Pair(x, None),
    ]
    marks = [Mark() for _ in range(data.draw(st.integers(0, 4)))]
    whole = []
    for mark in marks:
        part = mark
        for wrap in data.draw(st.lists(st.sampled_from(wraps), max_size=5)):
            part = wrap(part)
        whole.append(part)
    whole.append(whole)
    assert {id(x) for x in trees.contents(whole, (Mark,))} == set(map(id, marks))
    assert list(trees.contents([iter(marks), (x for x in marks), lambda: marks], (Mark,))) == []


@needs_numpy
def test_contents_looks_into_arrays_of_objects_whatever_their_kind():
    mark = Mark()
    record = np.array([(1.0, mark)], dtype=[("number", float), ("mark", object)])
    masked = np.ma.array([[mark, None]], dtype=object, mask=[[False, True]])
    for array in (np.array([[mark]]), record, masked, np.array(mark)):
        assert list(trees.contents({"a": array}, (Mark,))) == [mark]
    assert list(trees.contents(np.ma.ones((1000, 1000)), (float,))) == []
