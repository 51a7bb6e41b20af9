"""Nets and losses: shapes, initial weights, hooks, states, losses against 50 digits, and micrograd's training loop."""

import collections
import copy
import functools
import inspect
import itertools
import json
import math
import os
import pickle
import random
import statistics
import types
from collections import namedtuple
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optional import optional

from autograd_mini import Value, fit, nn, value_and_grad
from autograd_mini.core.serving import topological_order
from autograd_mini.nn import MLP, Layer, Module, Neuron
from autograd_mini.optim import SGD

mpmath = optional("mpmath", "test")

logit = st.one_of(st.floats(-40, 40), st.sampled_from([-1000.0, 1000.0, 0.0]))


# ---- Modules. -------------------------------------------------------------------------------------------------------


@given(st.integers(1, 30), st.sampled_from(["relu", "tanh", "sigmoid", "softplus", "linear"]))
def test_a_neuron_is_one_sumprod_and_its_activation(nin, activation):
    neuron = Neuron(nin, activation=activation)
    inner = [node.op.name for node in topological_order(neuron([0.5] * nin)) if node.op]
    assert inner == ["sumprod"] + [activation] * (activation != "linear")


def test_a_layer_gives_a_list_and_an_mlp_unwraps_its_last():
    assert len(Layer(2, 1)([1.0, 2.0])) == 1
    assert type(MLP(2, [3, 1])([1.0, 2.0])) is Value
    assert len(MLP(2, [3, 2])([1.0, 2.0])) == 2


def test_parameters_are_named_by_their_path_and_a_shared_one_counts_once():
    model = MLP(2, [16, 16, 1])
    assert len(model.parameters()) == 337
    names = [name for name, _ in model.named_parameters()]
    assert names[:4] == ["layers.0.neurons.0.w.0", "layers.0.neurons.0.w.1", "layers.0.neurons.0.b",
                         "layers.0.neurons.1.w.0"]  # fmt: skip
    assert len(set(names)) == 337

    class Tied(Module):
        def __init__(self):
            self.first = Neuron(2)
            self.again = {"second": (self.first, Value(0.0))}

    assert [n for n, _ in Tied().named_parameters()] == ["first.w.0", "first.w.1", "first.b", "again.second.1"]


Pair = namedtuple("Pair", "left right")


@dataclass
class Gate:
    """It makes a parameter itself."""

    size: int
    slope: Value
    biases: tuple = field(init=False)

    def __post_init__(self):
        self.biases = tuple(Value(0.0) for _ in range(self.size))


def test_parameters_are_found_in_every_structure():
    module = Module()
    module.plain, module.nested = Value(1.0), [{"a": (Value(2.0),)}, 3.0, {1: Value(3.0)}]
    module.pair, module.gate = Pair(Value(4.0), Neuron(1)), Gate(2, Value(5.0))
    names = ["plain", "nested.0.a.0", "nested.2.1", "pair.left", "pair.right.w.0", "pair.right.b", "gate.slope",
             "gate.biases.0", "gate.biases.1"]  # fmt: skip
    assert [name for name, _ in module.named_parameters()] == names
    assert [path for path, _ in module.named_modules()] == ["", "pair.right"]
    module.load_state_dict({name: float(i) for i, name in enumerate(names)})
    assert (module.pair.left.data, module.gate.biases[1].data) == (3.0, 8.0)


def test_parameters_in_arrays_of_values_are_named_by_their_indices_and_arrays_of_numbers_are_passed_over():
    np = pytest.importorskip("numpy", reason="needs the extra demos")
    module = Module()
    module.data = np.ones((1000, 1000))
    module.weight = np.array([[Value(1.0), Value(2.0)], [None, 3.0]], dtype=object)
    module.parts = np.array([Neuron(1), [Value(5.0)]], dtype=object)
    names = ["weight.0.0", "weight.0.1", "parts.0.w.0", "parts.0.b", "parts.1.0"]
    assert list(module.state_dict()) == names
    (module.weight[0] @ np.array([3.0, 4.0])).backward()
    assert [p.grad for p in module.parameters()] == [3.0, 4.0, 0.0, 0.0, 0.0]


def test_a_parameter_in_an_array_without_axes_has_the_name_of_the_array():
    np = pytest.importorskip("numpy", reason="needs the extra demos")
    module = Module()
    module.z, module.xs, module.named = np.array(Value(1.0)), [np.array(Value(2.0))], {"": Value(3.0)}
    assert module.state_dict() == {"z": 1.0, "xs.0": 2.0, "named.": 3.0}


def test_modules_that_hold_each_other_are_walked_once():
    parent, child = Module(), Module()
    parent.first, parent.children, parent.last = Value(1.0), [child], Value(3.0)
    child.parents, child.weight = {"up": parent}, Value(2.0)
    assert list(parent.state_dict()) == ["first", "children.0.weight", "last"]
    assert list(child.state_dict()) == ["parents.up.first", "parents.up.last", "weight"]
    assert list(parent.modules()) == [parent, child]
    parent.eval()
    assert not child.training
    assert (
        repr(parent) == "Module, 3 parameters:\n  children.0: Module, 3 parameters:\n    parents.up: ..., 3 parameters"
    )


class Bag(Module):
    """Holds what it is given in some container."""

    def __init__(self, content):
        self.first, self.bag = Value(1.0), content


@dataclass
class Loose:
    """A parameter that is no field."""

    size: int

    def __post_init__(self):
        self.extra = Value(self.size)


class OfTheClass(Module):
    shared = [Value(1.0)]


class Slotted(Module):
    __slots__ = ("slot",)

    def __init__(self, x):
        self.slot = x


def arrays(x):
    """In arrays of NumPy that are no structures."""
    numpy = pytest.importorskip("numpy")
    matrix = numpy.empty((1, 1), dtype=object).view(numpy.matrix)
    matrix[0, 0] = x
    record = numpy.array([(x, 1.0)], dtype=[("w", object), ("n", float)])
    return [numpy.ma.array([x], dtype=object), matrix, record]


HIDDEN = {
    "set": lambda x: {x},
    "frozenset": lambda x: frozenset([x]),
    "deque": lambda x: collections.deque([x]),
    "UserList": lambda x: collections.UserList([x]),
    "UserDict": lambda x: collections.UserDict(a=x),
    "mappingproxy": lambda x: types.MappingProxyType({"a": [x]}),
    "dict_values": lambda x: {"a": x}.values(),
    "the keys of a dict": lambda x: {x: 1.0},
    "MaskedArray": lambda x: arrays(x)[0],
    "matrix": lambda x: arrays(x)[1],
    "ndarray": lambda x: arrays(x)[2],
    "no field of its dataclass": lambda x: Loose(1),
}


@pytest.mark.parametrize("within", [lambda x: x, lambda x: [1.0, {"a": x}], lambda x: collections.deque([[x], 2.0])])
@pytest.mark.parametrize("make", [lambda: Value(0.0), lambda: Neuron(1)], ids=["parameter", "module"])
@pytest.mark.parametrize("noun", HIDDEN)
def test_what_the_walk_would_lose_is_refused_by_whoever_walks_first(tmp_path, noun, make, within):
    module = Bag(within(HIDDEN[noun](make())))
    for walk in (
        module.parameters,
        module.named_parameters,
        module.named_modules,
        module.modules,
        module.state_dict,
        module.zero_grad,
        module.eval,
        lambda: module.load_state_dict({}, strict=False),
        lambda: module.save(tmp_path / "model.json"),
        lambda: nn.Sequential(module).parameters(),
    ):
        with pytest.raises(TypeError, match=r"bag.* is .* and holds .*, which would be neither trained nor saved"):
            walk()
    assert module.training
    assert os.listdir(tmp_path) == []
    assert repr(module) == "Bag()"  # it has to be shown


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            Bag({Value(2.0)}),
            r"^bag of Bag is of type set and holds Value\(2.0\), which would be neither trained nor save",
        ),
        (Bag([collections.deque([Neuron(2)])]), r"^bag.0 of Bag is of type deque and holds a Neuron, which"),
        (Bag({"a": {Value(2.0): 1}}), r"^bag.a.keys\(\) of Bag is the keys of a dict and holds Value\(2.0\), which"),
        (Bag(Loose(3)), r"^bag.extra of Bag is no field of its dataclass and holds Value\(3.0\)"),
        (OfTheClass(), r"^shared of OfTheClass is an attribute of the class and holds Value\(1.0\)"),
        (Slotted([Value(4.0)]), r"^slot of Slotted is a slot and holds Value\(4.0\)"),
        (Bag([OfTheClass()]), r"^bag.0.shared of Bag is an attribute of the class and holds Value\(1.0\)"),
    ],
)
def test_a_refusal_names_the_place_the_container_and_the_parameter(module, message):
    remedy = ".*; make it an attribute of a module, by itself or in a list, tuple, dict, field of a dataclass, or NumPy"
    with pytest.raises(TypeError, match=message + remedy):
        module.parameters()


def test_containers_that_lose_nothing_are_attributes_like_any_other():
    module = Bag({1.0, "a", None})
    module.numbers, module.text, module.far = collections.deque([1.0, 2.0]), "text", range(10**12)
    module.draw, module.call, module.kind = random.Random(0), math.sin, Neuron
    module.known, module.by_parameter = {module.first}, {module.first: "first"}
    module.last = collections.deque([module.first * 2.0])  # no parameter
    module.endless, module.parents = itertools.count(), {module}
    module.files = types.MappingProxyType({"a": b"b", "c": collections.UserList([bytearray(2)])})
    assert module.state_dict() == {"first": 1.0}
    own = OfTheClass()
    own.shared = [Value(5.0)]
    assert own.state_dict() == {"shared.0": 5.0}


@given(st.data())
def test_modules_may_form_any_graph(data):
    """Each is found once, whoever holds whom; a walk that knows only whom they hold says which ones those are."""
    count = data.draw(st.integers(1, 6))
    modules = [Bag(float(i)) for i in range(count)]
    reached = {i: {i} for i in range(count)}
    for i, module in enumerate(modules):
        reached[i] |= set(data.draw(st.lists(st.integers(0, count - 1), max_size=4)))
        module.bag = [{"a": modules[j]} for j in reached[i]]
        module.bag.append(module.bag)  # and structures, any graph too
    for _ in range(count):
        reached = {i: set().union(*(reached[j] for j in held)) for i, held in reached.items()}
    for i, module in enumerate(modules):
        expected = {id(modules[j]) for j in reached[i]}
        assert sorted(map(id, module.modules())) == sorted(expected)
        assert sorted(map(id, module.parameters())) == sorted(id(modules[j].first) for j in reached[i])
        assert len(module.state_dict()) == len(expected)


def test_a_chain_of_modules_may_be_long():
    last = Bag(None)
    for _ in range(3000):
        last = Bag([last])
    assert len(last.parameters()) == len(last.state_dict()) == len(list(last.modules())) == 3001
    assert not last.eval().bag[0].training


def test_weights_come_from_the_given_source_or_from_the_module_random():
    assert MLP(3, [4, 1], rng=random.Random(5)).state_dict() == MLP(3, [4, 1], rng=random.Random(5)).state_dict()
    random.seed(5)
    assert MLP(3, [4, 1]).state_dict() == MLP(3, [4, 1], rng=random.Random(5)).state_dict()


@pytest.mark.parametrize(("activation", "gain"), [("relu", 2.0), ("tanh", 25 / 9), ("linear", 1.0), ("sigmoid", 1.0)])
def test_initial_weights_have_the_spread_that_suits_the_activation(activation, gain):
    neuron = Neuron(5000, activation=activation, rng=random.Random(0))
    assert statistics.variance([w.data for w in neuron.w]) == pytest.approx(gain / 5000, rel=0.05)
    assert neuron.b.data == 0.0


def test_zero_grad_sets_all_gradients_to_zero():
    model = MLP(2, [3, 1])
    model([1.0, 2.0]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert all(p.grad == 0.0 for p in model.parameters())


# ---- Hooks. ---------------------------------------------------------------------------------------------------------


class Double(Module):
    def __call__(self, x, times=2):
        """Some number of times x."""
        return [times * v for v in x]


class Longer(Double):
    def __call__(self, x, times=2):
        return [*super().__call__(x, times), 0.0]


class Longest(Longer):
    def __call__(self, x):
        return [*super().__call__(x, times=3), 1.0]


class Silent(Longer):
    pass


class Mixed:
    """Another's class, which is no module."""

    def __call__(self, x):
        return super().__call__(x)


class Mixture(Mixed, Double):
    pass


@pytest.mark.parametrize(
    ("kind", "output"),
    [
        (Double, [2.0, 4.0]),
        (Longer, [2.0, 4.0, 0.0]),
        (Longest, [3.0, 6.0, 0.0, 1.0]),
        (Silent, [2.0, 4.0, 0.0]),
        (Mixture, [2.0, 4.0]),
    ],
)
def test_a_hook_is_told_once_of_a_call_whatever_it_computes_by_super(kind, output):
    seen = []
    module, bystander = kind(), kind()
    for base in (Double, Longer):  # some class above may have hooks already
        base().register_forward_hook(lambda *told: seen.append(told))
    module.register_forward_hook(lambda *told: seen.append(told))
    x = [1.0, 2.0]
    assert module(x) == output
    assert len(seen) == 1
    assert seen[0] == (module, (x,), output)
    assert seen[0][1][0] is x
    bystander(x)
    assert len(seen) == 1


@given(st.lists(st.tuples(st.sampled_from(["register", "remove", "call"]), st.integers(0, 3))))
def test_hooks_are_called_in_the_order_of_their_registration_until_they_are_removed(steps):
    module, called = Double(), []
    handles, alive = {}, []
    for number, (step, name) in enumerate(steps):
        if step == "register":
            handles.setdefault(name, []).append(
                module.register_forward_hook(lambda module, args, output, number=number: called.append(number))
            )
            alive.append((name, number))
        elif step == "remove":
            for handle in handles.get(name, []):
                handle.remove()
            alive = [(other, number) for other, number in alive if other != name]
        else:
            called.clear()
            module([1.0])
            assert called == [number for _, number in alive]


def test_what_a_hook_returns_takes_the_place_of_the_output():
    model = nn.Sequential(Double(), nn.Tanh(), Double())
    seen = []
    model[0].register_forward_hook(lambda module, args, output: [x + 1.0 for x in output])
    model[0].register_forward_hook(lambda module, args, output: seen.append(output))
    model[2].register_forward_hook(lambda module, args, output: [])
    model.register_forward_hook(lambda module, args, output: seen.append(output) or (output, module))
    assert model([0.0]) == ([], model)
    assert seen == [[1.0], []]


def test_hooks_are_told_the_positional_arguments_and_calls_by_keyword_work():
    module, seen = Double(), []
    module.register_forward_hook(lambda module, args, output: seen.append((args, output)))
    assert module([1.0], times=3) == module([1.0], 3) == [3.0]
    assert seen == [(([1.0],), [3.0]), (([1.0], 3), [3.0])]


def test_neurons_tell_their_hooks_though_a_layer_does_not_call_them():
    model = MLP(2, [3, 1], activation="tanh", rng=random.Random(0))
    plain, x, seen = model([0.5, -1.0]), [0.5, -1.0], []
    first, last = model.layers[0].neurons[1], model.layers[1].neurons[0]
    handle = first.register_forward_hook(lambda *told: seen.append(told))
    assert model(x).data == plain.data
    assert [(module, args, output.data) for module, args, output in seen] == [(first, (x,), first(x).data)]
    seen.clear()
    last.register_forward_hook(lambda module, args, output: output * 2.0)
    assert model(x).data == 2.0 * plain.data
    assert len(seen) == 1
    handle.remove()
    model(x)
    assert len(seen) == 1


def test_a_module_that_calls_itself_is_told_of_each_call_and_an_embedding_of_one():
    class Depth(Module):
        def __call__(self, x):
            return 1 + max(map(self, x), default=0)

    for module, input, calls in ((Depth(), [[[]], []], 4), (nn.Embedding(3, 2), [[0, 1], 2], 1)):
        seen = []
        module.register_forward_hook(lambda module, args, output, seen=seen: seen.append(output))
        output = module(input)
        assert len(seen) == calls
        assert seen[-1] is output


def test_an_error_in_a_hook_or_in_the_module_passes_through():
    module, seen = Double(), []
    fails = module.register_forward_hook(lambda module, args, output: output["first"])
    module.register_forward_hook(lambda module, args, output: seen.append(output))
    with pytest.raises(TypeError, match="list indices must be integers"):
        module([1.0])
    fails.remove()
    with pytest.raises(TypeError, match="'int' object is not iterable"):
        module(3)
    assert seen == []
    assert module([1.0]) == [2.0]
    assert seen == [[2.0]]


def test_hooks_may_remove_and_register_hooks():
    module, seen = Double(), []

    def once(module, args, output):
        seen.append("once")
        handle.remove()
        handle.remove()
        module.register_forward_hook(lambda *told: seen.append("then"))

    handle = module.register_forward_hook(once)
    module([1.0])
    module([1.0])
    assert seen == ["once", "then"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_has_no_hooks(copied):
    model, seen = nn.Sequential(Layer(1, 2), Double()), []
    x = [1.0]
    plain = [y.data for y in model(x)]
    handles = [
        module.register_forward_hook(lambda module, args, output: seen.append(module)) for module in model.modules()
    ]
    other = copied(model)
    assert [y.data for y in other(x)] == plain
    assert other not in seen
    if copied is not copy.copy:  # which has the same layers
        assert seen == []
    other.register_forward_hook(lambda module, args, output: seen.append("other"))
    seen.clear()
    model(x)
    assert seen == [*model[0].neurons, model[0], model[1], model]
    for handle in handles:
        handle.remove()
    seen.clear()
    other(x)
    assert seen == ["other"]


def test_hooks_are_no_parameters_and_not_shown():
    model = nn.Sequential(Layer(1, 2), nn.ReLU())
    state, text, modules = model.state_dict(), repr(model), list(model.named_modules())

    class Hook(Module):
        def __init__(self):
            self.weight, self.inner = Value(1.0), Neuron(1)

        def __call__(self, module, args, output):
            return None

    for module in model.modules():
        module.register_forward_hook(Hook())
    model([1.0])
    assert (model.state_dict(), repr(model), list(model.named_modules())) == (state, text, modules)


def test_a_class_pays_nothing_before_its_first_hook_and_is_the_same_after_it():
    class Fresh(Module):
        def __call__(self, x: float, *, scale: float = 1.0) -> float:
            "What it says."
            return x * scale

    class Other(Fresh):
        __call__ = functools.wraps(Fresh.__call__)(lambda self, *args, **kwargs: Fresh.__call__(self, *args, **kwargs))

    call = vars(Fresh)["__call__"]
    before = inspect.signature(call), call.__doc__, call.__qualname__, inspect.getsource(call)
    Other().register_forward_hook(print)
    assert vars(Fresh)["__call__"] is call
    seen, module = [], Fresh()
    for _ in range(2):
        module.register_forward_hook(lambda module, args, output: seen.append(output))
        told = vars(Fresh)["__call__"]
        assert inspect.unwrap(told) is told.__wrapped__ is call
        assert (inspect.signature(told), told.__doc__, told.__qualname__, inspect.getsource(told)) == before
    assert module(2.0, scale=3.0) == 6.0
    assert seen == [6.0, 6.0]
    copied = type("Copied", (Fresh,), {"__call__": functools.wraps(told)(lambda self, x: -x)})()
    copied.register_forward_hook(lambda module, args, output: seen.append(output))
    assert copied(2.0) == seen[-1] == -2.0


# ---- States. --------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(allow_nan=False), min_size=5, max_size=5))
def test_a_state_goes_through_json_to_the_last_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("state") / "model.json"
    model, other = Neuron(4), Neuron(4)
    for p, x in zip(model.parameters(), numbers, strict=True):
        p.data = x
    model.save(path)
    other.load(path)
    assert [p.data.hex() for p in other.parameters()] == [x.hex() for x in numbers]


WRONG_STATES = [
    ([1.0], TypeError, r"state is \[1.0\] of type list; pass what state_dict\(\) returned"),
    ({"w.0": 1.0}, ValueError, "does not fit Neuron: missing 'w.1', 'b', unexpected nothing; build the module with"),
    ({"w.0": 1.0, "w.1": 1.0, "b": 1.0, "c": 1.0}, ValueError, "missing nothing, unexpected 'c'"),
    ({f"x{i}": 1.0 for i in range(9)}, ValueError, "unexpected 'x0', 'x1', 'x2', 'x3', 'x4' and 4 more"),
    ({"w.0": 1.0, "w.1": None, "b": 1.0}, TypeError, r"state\['w.1'\] is None of type NoneType; pass what state_dict"),
]


@pytest.mark.parametrize(("state", "error", "message"), WRONG_STATES)
def test_a_wrong_state_is_an_error_and_nothing_is_loaded(tmp_path, state, error, message):
    neuron = Neuron(2)
    before = neuron.state_dict()
    with pytest.raises(error, match=message):
        neuron.load_state_dict(state)
    (tmp_path / "state.json").write_text(json.dumps(state))
    with pytest.raises(error, match=message):
        neuron.load(tmp_path / "state.json")
    assert neuron.state_dict() == before


def test_nothing_is_loaded_into_a_module_that_holds_a_computed_value():
    module = Module()
    module.first = Value(1.0)
    module.scaled = module.first * 2.0
    with pytest.raises(ValueError, match="scaled of Module is computed by mul, so it cannot be assigned; make it"):
        module.load_state_dict({"first": 5.0, "scaled": 5.0})
    assert module.first.data == 1.0


def test_without_strict_common_paths_are_loaded():
    neuron = Neuron(2)
    second = neuron.w[1].data
    neuron.load_state_dict({"w.0": 7, "other": 1.0}, strict=False)
    assert [w.data for w in neuron.w] == [7.0, second]


@pytest.mark.parametrize("text", ["", '{"w.0": 1.0, "w.1"', "no json", "\x00"])
def test_a_damaged_file_is_an_error_and_nothing_is_loaded(tmp_path, text):
    neuron = Neuron(2)
    before = neuron.state_dict()
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(ValueError, match=r"model.json does not hold saved weights: .*; save it again with .save"):
        neuron.load(tmp_path / "model.json")
    assert neuron.state_dict() == before


def test_a_save_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "model.json"
    model = Neuron(2)
    model.save(path)
    before = path.read_text()
    model.w[0].data = 9.0

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        model.save(path)
    assert path.read_text() == before


# ---- Losses. --------------------------------------------------------------------------------------------------------


def check_loss(ours, theirs, inputs):
    """Value and gradient agree with a function on mpmath numbers, to a relative 1e-11 however small they are."""
    leaves = [Value(x) for x in inputs]
    loss = ours(leaves)
    loss.backward()
    with mpmath.workdps(900):  # so that 1 - exp(-1000) is not 1
        exact = [mpmath.mpf(x) for x in inputs]
        assert loss.data == pytest.approx(float(theirs(exact)), rel=1e-11, abs=1e-300)
        for i, leaf in enumerate(leaves):
            h = mpmath.mpf(10) ** -440
            moved = [[x + s * h if j == i else x for j, x in enumerate(exact)] for s in (1, -1)]
            slope = float((theirs(moved[0]) - theirs(moved[1])) / (2 * h))
            assert leaf.grad == pytest.approx(slope, rel=1e-11, abs=1e-300)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(logit, st.integers(0, 1)), min_size=1, max_size=3))
def test_binary_cross_entropy_keeps_its_digits_in_the_tails(pairs):
    targets = [t for _, t in pairs]

    def theirs(xs):
        p = [1 / (1 + mpmath.exp(-x)) for x in xs]
        return -mpmath.fsum(mpmath.log(q if t else 1 - q) for q, t in zip(p, targets, strict=True)) / len(xs)

    check_loss(lambda xs: nn.binary_cross_entropy_with_logits(xs, targets), theirs, [x for x, _ in pairs])


@settings(max_examples=30, deadline=None)
@given(st.lists(logit, min_size=2, max_size=4), st.integers(0, 1))
def test_cross_entropy_keeps_its_digits_in_the_tails(row, target):
    def theirs(xs):
        weights = [mpmath.exp(x) for x in xs]
        return -mpmath.log(weights[target] / mpmath.fsum(weights))

    check_loss(lambda xs: nn.cross_entropy([xs], [target]), theirs, row)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=5))
def test_mean_squared_error_and_l2_are_what_their_names_say(pairs):
    xs, ts = [x for x, _ in pairs], [t for _, t in pairs]
    leaves = [Value(x) for x in xs]
    loss = nn.mse_loss(leaves, ts)
    loss.backward()
    assert loss.data == pytest.approx(statistics.fmean((x - t) ** 2 for x, t in pairs))
    assert [v.grad for v in leaves] == pytest.approx([2 * (x - t) / len(xs) for x, t in pairs])
    assert nn.l2(xs) == pytest.approx(math.fsum(x * x for x in xs))


def test_hinge_loss_counts_what_is_inside_the_margin():
    leaves = [Value(0.25), Value(-2.0), Value(3.0)]
    loss = nn.hinge_loss(leaves, [1, -1, -1])
    loss.backward()
    assert loss.data == pytest.approx((0.75 + 0.0 + 4.0) / 3)
    assert [v.grad for v in leaves] == pytest.approx([-1 / 3, 0.0, 1 / 3])


def test_targets_may_be_values_too():
    target = Value(0.25)
    nn.binary_cross_entropy_with_logits([2.0], [target]).backward()
    assert target.grad == pytest.approx(-2.0)


# ---- Learning. ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arrays", [False, True])
def test_the_moons_loop_of_micrograd_runs_as_it_stands(arrays):
    np = pytest.importorskip("numpy", reason="needs the extra demos")

    rng = random.Random(3)
    X, y = [], []
    for i in range(50):
        t = math.pi * rng.random()
        X.append([math.cos(t), math.sin(t)] if i % 2 else [1 - math.cos(t), 0.5 - math.sin(t)])
        y.append(1 if i % 2 else -1)
    if arrays:
        X, y = np.array(X), np.array(y)
    random.seed(1337)
    model = MLP(2, [16, 16, 1])

    def loss():
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores, strict=True)]
        return data_loss + reg_loss, sum(accuracy) / len(accuracy)

    first, _ = loss()
    for k in range(100):
        total_loss, acc = loss()
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
    assert total_loss.data < 0.1 * first.data
    assert acc >= 0.96


MESSAGES = [
    (lambda: Neuron(0), ValueError, "nin is 0; choose an int of at least 1"),
    (lambda: Neuron(2.0), TypeError, "nin is 2.0 of type float; choose an int of at least 1"),
    (lambda: Neuron(2, 1), TypeError, "nonlin is 1 of type int; choose True or False"),
    (lambda: Neuron(2).load_state_dict({}, "no"), TypeError, "strict is 'no' of type str; choose True or False"),
    (lambda: Layer(2, -1), ValueError, "nout is -1; choose an int of at least 1"),
    (
        lambda: MLP(2, []),
        ValueError,
        r"an MLP needs at least one layer, got no sizes; pass nouts such as \[16, 16, 1\]",
    ),
    (
        lambda: Neuron(2, activation="gelu"),
        ValueError,
        "activation is 'gelu'; choose 'linear', 'relu', 'sigmoid', 'softplus' or 'tanh'",
    ),
    (lambda: Neuron(2, activation=math.tanh), TypeError, "activation is <built-in function tanh> of type"),
    (lambda: Neuron(2, rng=0), TypeError, r"rng is 0 of type int; pass a source of random numbers such as random.R"),
    (lambda: Neuron(2)([1.0]), ValueError, r"Neuron\(2, relu\) takes 2 inputs, got 1"),
    (lambda: MLP(2, [1])([1.0] * 3), ValueError, r"Neuron\(2, linear\) takes 2 inputs, got 3"),
    (lambda: Neuron(2)(Value(1.0)), TypeError, r"takes a list of 2 numbers, got Value\(1.0\) of type Value"),
    (lambda: Neuron(1)(["a"]), TypeError, "expected a real number or a Value, got 'a'"),
    (
        lambda: Module().register_forward_hook(3),
        TypeError,
        "hook is 3 of type int; pass a function of the module, its arguments and its output",
    ),
    (lambda: Module()(1.0), TypeError, "Module defines no __call__, the method that computes its output"),
    (lambda: nn.mse_loss([], []), ValueError, "a loss compares as many inputs as targets, at least one; got 0 and 0"),
    (
        lambda: nn.mse_loss(1.0, [1.0]),
        TypeError,
        "input is 1.0 of type float; pass a list with an entry for each sample",
    ),
    (
        lambda: nn.mse_loss([1.0], iter([1])),
        TypeError,
        "target is <list_iterator .*> of type list_iterator; pass a list with",
    ),
    (
        lambda: nn.cross_entropy([1.0], [0]),
        TypeError,
        r"input\[0\] is 1.0 of type float; pass a list of logits",
    ),
    (
        lambda: nn.cross_entropy([[1.0, 2.0]], [0.5]),
        TypeError,
        r"target\[0\] is 0.5 of type float; pass the index",
    ),
    (
        lambda: nn.binary_cross_entropy_with_logits([1.0], ["a"]),
        TypeError,
        r"target\[0\] is 'a' of type str; this loss takes one number for each sample",
    ),
    (
        lambda: nn.binary_cross_entropy_with_logits([[Value(1.0)]], [1]),
        TypeError,
        r"input\[0\] is \[Value\(1.0\)\] of type list; this loss takes one number for each sample",
    ),
    (
        lambda: nn.hinge_loss([Value(1.0), [Value(1.0)]], [1, 1]),
        TypeError,
        r"input\[1\] is \[Value\(1.0\)\] of type list; this loss takes one number for each sample",
    ),
    (
        lambda: nn.mse_loss([Value(1.0), 2.0], [1.0, None]),
        TypeError,
        r"target\[1\] is None of type NoneType; this loss takes one number for each sample",
    ),
    (
        lambda: nn.mse_loss([[Value(1.0)]], [1.0]),
        ValueError,
        r"input\[0\] is a list of 1 and target\[0\] is a number; a loss compares .*, so make target\[0\] a list of 1$",
    ),
    (
        lambda: nn.mse_loss([[Value(1.0), 2.0]], [[1.0, [2.0]]]),
        ValueError,
        r"input\[0\]\[1\] is a number and target\[0\]\[1\] is a list of 1; .*, so make target\[0\]\[1\] a number$",
    ),
    (lambda: nn.mse_loss([[]], [[]]), ValueError, "a loss compares numbers, at least one; got lists without any"),
    (lambda: nn.mse_loss(Value(1.0), 1.0), TypeError, r"input is Value\(1.0\) of .* for each sample, \[x\] for one$"),
    (lambda: nn.mse_loss({"a": 1.0}, [1.0]), TypeError, "input is {'a': 1.0} of type dict; pass a list with an entry"),
    (lambda: nn.cross_entropy(["ab"], [0]), TypeError, r"input\[0\] is 'ab' of type str; pass a list of logits"),
    (lambda: nn.l2(MLP(1, [1])), TypeError, r"parameters is the MLP itself and not its parameters; pass model.param"),
    (lambda: nn.l2(nn.Sequential(Neuron(1))), TypeError, r"parameters is the Sequential itself and not its parameters"),
    (lambda: nn.l2(MLP(1, [1]).parameters), TypeError, "parameters is the method parameters itself and not what it re"),
    (lambda: nn.l2(Value(1.0)), TypeError, r"parameters is Value\(1.0\) of type Value; pass a list of Values, such as"),
    (lambda: MLP(2, 3), TypeError, r"nouts is 3 of type int; pass the sizes of the layers, such as \[16, 16, 1\]"),
    (lambda: MLP(2, "31"), TypeError, "nouts is '31' of type str; pass the sizes of the layers"),
    (
        lambda: nn.Sequential([Neuron(1), Neuron(1)]),
        TypeError,
        r"modules\[0\] is \[.*\] of type list; pass modules one by one, Sequential\(\*modules\)",
    ),
    (
        lambda: type("Net", (Module,), {"forward": lambda self, x: x})()(1.0),
        TypeError,
        "Net defines no __call__, the method that computes its output; rename its method forward$",
    ),
    (lambda: Neuron(1).load({"w.0": 1.0}), TypeError, "path is {'w.0': 1.0} of type dict; pass the name of a file"),
    (lambda: Neuron(1).load(0), TypeError, "path is 0 of type int; pass the name of a file"),
    (lambda: Neuron(1).save(None), TypeError, "path is None of type NoneType; pass the name of a file"),
    (lambda: nn.hinge_loss([1.0], [1, 1]), ValueError, "at least one; got 1 and 2"),
    (lambda: nn.hinge_loss([1.0], [0]), ValueError, r"target\[0\] is 0; the hinge loss takes the labels -1 and 1"),
    (
        lambda: nn.binary_cross_entropy_with_logits([1.0], [2]),
        ValueError,
        r"target\[0\] is 2; a probability lies between",
    ),
    (lambda: nn.cross_entropy([[1.0]], [0]), ValueError, r"input\[0\] has 1 logits; cross entropy needs one for each"),
    (
        lambda: nn.cross_entropy([[1.0, 2.0]], [2]),
        ValueError,
        r"target\[0\] is 2; there are 2 classes, counted fro",
    ),
    (lambda: nn.cross_entropy([[1.0, 2.0]], [-1]), ValueError, r"target\[0\] is -1; there are 2 classes"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), MESSAGES)
def test_bad_input_is_an_error_that_says_what_and_what_to_do(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    "make",
    [
        lambda: MLP(2, [3, 1]),
        lambda: Layer(2, 3),
        lambda: Neuron(2),
        lambda: nn.Sequential(Layer(2, 2), nn.ReLU()),
        lambda: nn.LayerNorm(2),
        lambda: nn.RNNCell(2, 3),
        lambda: nn.GRUCell(2, 3),
        lambda: nn.LSTMCell(2, 3),
    ],
)
def test_a_batch_is_refused_with_the_way_to_call_for_each(make, size):
    batch = [[1.0, 2.0]] * size
    message = (
        r"takes one sample, a list of 2 numbers, got a list of lists; for a batch write \[model\(x\) for x in batch\]"
    )
    for x in (batch, tuple(batch), collections.deque(batch)):
        with pytest.raises(TypeError, match=message):
            make()(x)


def test_a_sample_with_one_possible_class_is_trained_on_like_any_other():
    model = Layer(1, 2, nonlin=False)
    before = model.state_dict()

    def loss(outputs, targets):
        return nn.cross_entropy([[row[0], -math.inf] for row in outputs], targets)

    history = fit(model, loss, [([1.0], 0)], SGD(model.neurons[0].parameters()), epochs=2, progress=False)
    assert history["loss"] == [0.0, 0.0]
    assert model.state_dict() == before


@pytest.mark.parametrize(
    ("logits", "target", "loss", "gradient"),
    [
        ([0.3, -math.inf, 0.3], 0, math.log(2.0), [-0.5, 0.0, 0.5]),
        ([0.3, -math.inf, -math.inf], 0, 0.0, [0.0, 0.0, 0.0]),
        ([-math.inf, 1.7], 1, 0.0, [0.0, 0.0]),
        ([-math.inf, math.inf], 1, 0.0, [0.0, 0.0]),
        ([-math.inf, 0.0, 0.0], 0, math.inf, None),
        ([-math.inf, -math.inf], 0, math.nan, None),
    ],
)
def test_classes_may_be_impossible(logits, target, loss, gradient):
    found, slopes = value_and_grad(lambda row: nn.cross_entropy([row], [target]))(logits)
    assert found == pytest.approx(loss, nan_ok=True)
    assert gradient is None or slopes == pytest.approx(gradient)


@pytest.mark.parametrize(
    "parts",
    [
        {"table": {1: Value(1.0), "1": Value(2.0)}},
        {"table": {"a.b": Value(1.0), "a": {"b": Value(2.0)}}},
        {"a": {"b": Value(1.0)}, "a.b": Value(2.0)},
        {"layers": {True: Neuron(1), "True": Neuron(1)}},
    ],
)
def test_parameters_of_one_name_are_refused(parts):
    model = Module()
    for name, part in parts.items():
        setattr(model, name, part)
    for walk in (model.named_parameters, model.parameters, model.state_dict, lambda: model.load_state_dict({})):
        with pytest.raises(ValueError, match=r"two parameters of Module are both called '.*', and a saved state would"):
            walk()


@pytest.mark.parametrize("number", [10**400, -(10**400), Fraction(10**400, 3)])
def test_a_number_beyond_all_floats_is_refused_and_nothing_is_assigned(number, tmp_path):
    model = Neuron(2, nonlin=False)
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"state\['b'\] is beyond all floats; pass what state_dict\(\) returned"):
        model.load_state_dict({**dict.fromkeys(before, 7.0), "b": number})
    assert model.state_dict() == before
    model.load_state_dict({**before, "b": -math.inf})
    assert model.state_dict()["b"] == -math.inf
