"""Nets and losses: shapes, initial weights, hooks, states, losses against 50 digits, and micrograd's training loop."""

import copy
import functools
import inspect
import json
import math
import os
import pickle
import random
import statistics
from collections import namedtuple
from dataclasses import dataclass, field
from fractions import Fraction

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_mini import Value, nn, value_and_grad
from autograd_mini.core.serving import topological_order
from autograd_mini.nn import MLP, Layer, Module, Neuron

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
    np = pytest.importorskip("numpy")
    module = Module()
    module.data = np.ones((1000, 1000))
    module.weight = np.array([[Value(1.0), Value(2.0)], [None, 3.0]], dtype=object)
    module.parts = np.array([Neuron(1), [Value(5.0)]], dtype=object)
    names = ["weight.0.0", "weight.0.1", "parts.0.w.0", "parts.0.b", "parts.1.0"]
    assert list(module.state_dict()) == names
    (module.weight[0] @ np.array([3.0, 4.0])).backward()
    assert [p.grad for p in module.parameters()] == [3.0, 4.0, 0.0, 0.0, 0.0]


def test_a_parameter_in_an_array_without_axes_has_the_name_of_the_array():
    np = pytest.importorskip("numpy")
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
    np = pytest.importorskip("numpy")  # comes with matplotlib

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
        "expected a real number or a Value, got 'a'",
    ),
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


@pytest.mark.parametrize(
    ("logits", "target", "loss", "gradient"),
    [
        ([0.3, -math.inf, 0.3], 0, math.log(2.0), [-0.5, 0.0, 0.5]),
        ([0.3, -math.inf, -math.inf], 0, 0.0, [0.0, 0.0, 0.0]),
        ([-math.inf, 1.7], 1, 0.0, [0.0, 0.0]),
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
