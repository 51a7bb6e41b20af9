"""Nets and losses: shapes, initial weights, states, losses against 50 digits, and micrograd's own training loop."""

import json
import math
import os
import random
import statistics

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_mini import Value, nn
from autograd_mini._engine import topological_order
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
    ([1.0], TypeError, r"a state maps names to numbers, got \[1.0\] of type list"),
    ({"w.0": 1.0}, ValueError, "does not fit Neuron: missing 'w.1', 'b', unexpected nothing; build the module with"),
    ({"w.0": 1.0, "w.1": 1.0, "b": 1.0, "c": 1.0}, ValueError, "missing nothing, unexpected 'c'"),
    ({f"x{i}": 1.0 for i in range(9)}, ValueError, "unexpected 'x0', 'x1', 'x2', 'x3', 'x4' and 4 more"),
    ({"w.0": 1.0, "w.1": None, "b": 1.0}, TypeError, "the state holds None of type NoneType for 'w.1', not a number"),
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
    with pytest.raises(ValueError, match=r"model.json is no saved state: .*; save it again with .save\(\)"):
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
    import numpy as np  # comes with matplotlib

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
    (lambda: Neuron(0), ValueError, "nin is a positive int, got 0"),
    (lambda: Neuron(2.0), ValueError, "nin is a positive int, got 2.0"),
    (lambda: Layer(2, -1), ValueError, "nout is a positive int, got -1"),
    (
        lambda: MLP(2, []),
        ValueError,
        r"an MLP needs at least one layer, got no sizes; pass nouts such as \[16, 16, 1\]",
    ),
    (
        lambda: Neuron(2, activation="gelu"),
        ValueError,
        "there is no activation 'gelu'; take one of linear, relu, sigmo",
    ),
    (lambda: Neuron(2, activation=math.tanh), ValueError, "there is no activation <built-in function tanh>"),
    (lambda: Neuron(2, rng=0), TypeError, r"rng is a source of random numbers such as random.Random\(0\), got 0"),
    (lambda: Neuron(2)([1.0]), ValueError, r"Neuron\(2, relu\) takes 2 inputs, got 1"),
    (lambda: MLP(2, [1])([1.0] * 3), ValueError, r"Neuron\(2, linear\) takes 2 inputs, got 3"),
    (lambda: Neuron(2)(Value(1.0)), TypeError, r"takes a list of 2 numbers, got Value\(1.0\) of type Value"),
    (lambda: Neuron(1)(["a"]), TypeError, "expected a real number or a Value, got 'a'"),
    (lambda: Module()(1.0), TypeError, "Module defines no __call__, the method that computes its output"),
    (lambda: nn.mse_loss([], []), ValueError, "a loss compares as many inputs as targets, at least one; got 0 and 0"),
    (
        lambda: nn.mse_loss(1.0, [1.0]),
        TypeError,
        "input is a list with an entry for each sample, got 1.0 of type float",
    ),
    (
        lambda: nn.mse_loss([1.0], iter([1])),
        TypeError,
        "target is a list with an entry for each sample, got <list_iter",
    ),
    (lambda: nn.cross_entropy([1.0], [0]), TypeError, r"input\[0\] is a list of logits, one for each class, got 1.0"),
    (lambda: nn.cross_entropy([[1.0, 2.0]], [0.5]), TypeError, r"target\[0\] is the index of a class, got 0.5 of type"),
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
        r"target\[0\] is 2, but there are 2 classes, counted fro",
    ),
    (lambda: nn.cross_entropy([[1.0, 2.0]], [-1]), ValueError, r"target\[0\] is -1, but there are 2 classes"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), MESSAGES)
def test_bad_input_is_an_error_that_says_what_and_what_to_do(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
