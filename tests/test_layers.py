"""Layers for images and sequences: PyTorch's numbers, definitions written out, properties, and bad input."""

import copy
import importlib.util
import json
import math
import pickle
import random
import statistics
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Value, nn
from autograd_mini.core.serving import topological_order
from autograd_mini.optim import Adam

DATA = Path(__file__).with_name("data")
CASES = json.loads(DATA.joinpath("torch_nn.json").read_text())["cases"]


def numbers(x):
    """The numbers in nested lists, tuples or Values, in order."""
    if isinstance(x, (list, tuple)):
        return [number for part in x for number in numbers(part)]
    return [x.data if isinstance(x, Value) else x]


def grads(x):
    return [g for part in x for g in grads(part)] if isinstance(x, (list, tuple)) else [x.grad]


def leaves(x):
    return [leaves(part) for part in x] if isinstance(x, (list, tuple)) else Value(x)


def state_of(parameters):
    """A state with our paths from nested lists by PyTorch's names."""
    if not isinstance(parameters, (dict, list)):
        return {"": parameters}
    items = parameters.items() if isinstance(parameters, dict) else enumerate(parameters)
    return {f"{key}.{path}".rstrip("."): x for key, part in items for path, x in state_of(part).items()}


def image(rng, *size):
    return [image(rng, *size[1:]) for _ in range(size[0])] if size else rng.uniform(-1.0, 1.0)


def nodes(outputs):
    """The operations of which some outputs were made, each node once."""
    found = {node for out in outputs for node in topological_order(out)}
    return sorted(node.op.name for node in found if node.op)


# ---- PyTorch's numbers. ---------------------------------------------------------------------------------------------


def check_case(case):
    kind = case["layer"]
    layer = getattr(nn, kind)(*([] if kind == "Flatten" else case["args"]), **case["kwargs"])
    layer.load_state_dict(state_of(case["parameters"]))
    inputs = case["inputs"] if kind == "Embedding" else leaves(case["inputs"])
    given_inputs = [inputs[0], tuple(inputs[1:])] if len(inputs) == 3 else inputs
    outputs = layer(*given_inputs)
    assert numbers(outputs) == pytest.approx(numbers(case["outputs"]), rel=1e-12, abs=1e-12)
    flat = nn.Flatten()(outputs if isinstance(outputs, tuple) else [outputs])
    ag.sumprod(flat, numbers(case["cotangents"])).backward()
    if kind != "Embedding":
        assert grads(inputs) == pytest.approx(numbers(case["input_grads"]), rel=1e-12, abs=1e-12)
    assert [name for name, _ in layer.named_parameters()] == list(state_of(case["parameters"]))
    theirs = numbers(list(case["parameter_grads"].values()))
    assert [p.grad for p in layer.parameters()] == pytest.approx(theirs, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_pytorchs(name):
    check_case(CASES[name])


@pytest.fixture(scope="module")
def torch_case():
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("make_torch_nn", DATA / "make_torch_nn.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.case


small = st.integers(1, 3)
pairs = st.one_of(small, st.tuples(small, small).map(list))


@st.composite
def cases(draw):
    """Layers of all kinds with arguments and sizes that fit."""
    kind = draw(st.sampled_from(["Conv2d", "MaxPool2d", "AvgPool2d", "RNNCell", "GRUCell", "LSTMCell", "LayerNorm"]))
    a, b, bias = draw(small), draw(small), draw(st.booleans())
    kernel, stride = draw(pairs), draw(pairs)
    size = [a, draw(st.integers(3, 6)), draw(st.integers(3, 6))]
    if kind == "Conv2d":
        return kind, [a, b, kernel, stride, draw(st.integers(0, 2))], {"bias": bias}, [size]
    if "Pool" in kind:
        half = min(kernel if isinstance(kernel, list) else [kernel]) // 2
        return kind, [kernel, stride, draw(st.integers(0, half))], {}, [[*size, *(["whole"] * bias)]]
    if kind == "LayerNorm":
        return kind, [a + 1], {"bias": bias}, [[a + 1]]
    return kind, [a, b, bias], {}, [[a], *([[b]] * (2 if kind == "LSTMCell" else 1))][: draw(st.sampled_from([1, 3]))]


@settings(max_examples=100, deadline=None)
@given(cases())
def test_values_and_gradients_are_those_of_the_torch_that_is_installed(torch_case, drawn):
    check_case(torch_case(*drawn))


def test_a_net_of_layers_has_the_loss_and_the_gradients_of_pytorchs():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(3, 2, 2),
        torch.nn.Tanh(), torch.nn.Flatten(0), torch.nn.Linear(8, 3),
    ).double()  # fmt: skip
    ours = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 2, 2),
        nn.Tanh(), nn.Flatten(), nn.Layer(8, 3, nonlin=False),
    )  # fmt: skip
    linear = theirs[-1]
    order = [*theirs[0].parameters(), *theirs[3].parameters()]
    both = [x for p in order for x in p.flatten().tolist()]
    for row, b in zip(linear.weight.tolist(), linear.bias.tolist(), strict=True):
        both += [*row, b]
    for p, x in zip(ours.parameters(), both, strict=True):
        p.data = x
    pixels = image(random.Random(1), 1, 6, 6)
    loss = nn.cross_entropy([ours(pixels)], [2])
    loss.backward()
    expected = torch.nn.functional.cross_entropy(
        theirs(torch.tensor(pixels, dtype=torch.float64))[None], torch.tensor([2])
    )
    expected.backward()
    assert loss.data == pytest.approx(expected.item(), rel=1e-12)
    slopes = [x for p in order for x in p.grad.flatten().tolist()]
    for row, b in zip(linear.weight.grad.tolist(), linear.bias.grad.tolist(), strict=True):
        slopes += [*row, b]
    assert [p.grad for p in ours.parameters()] == pytest.approx(slopes, rel=1e-12, abs=1e-12)


# ---- Images. --------------------------------------------------------------------------------------------------------


@st.composite
def convolutions(draw):
    sizes = draw(st.tuples(small, small, small, small, small, small, st.integers(0, 2), st.integers(0, 2)))
    channels, out, rows, columns, down, right, above, left = sizes
    bias, rng = draw(st.booleans()), random.Random(draw(st.integers(0, 99)))
    conv = nn.Conv2d(channels, out, (rows, columns), (down, right), (above, left), bias=bias, rng=rng)
    return conv, image(rng, channels, draw(st.integers(rows, 5)), draw(st.integers(columns, 5)))


@given(convolutions())
def test_convolution_is_its_definition(drawn):
    conv, pixels = drawn
    (rows, columns), (down, right), (above, left) = conv.kernel_size, conv.stride, conv.padding
    height, width = len(pixels[0]), len(pixels[0][0])
    outputs = conv(pixels)
    assert len(outputs[0]) == (height + 2 * above - rows) // down + 1
    assert len(outputs[0][0]) == (width + 2 * left - columns) // right + 1
    for o, plane in enumerate(outputs):
        for i, line in enumerate(plane):
            for j, out in enumerate(line):
                expected = conv.bias[o].data if conv.bias else 0.0
                for c in range(conv.in_channels):
                    for k in range(rows):
                        for m in range(columns):
                            y, x = i * down - above + k, j * right - left + m
                            if 0 <= y < height and 0 <= x < width:
                                expected += conv.weight[o][c][k][m].data * pixels[c][y][x]
                assert out.data == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(convolutions())
def test_a_pixel_of_a_convolution_is_one_sumprod(drawn):
    conv, pixels = drawn
    flat = nn.Flatten()(conv(pixels))
    assert nodes(flat) == ["sumprod"] * len(flat)


def test_images_of_several_sizes_may_alternate():
    conv = nn.Conv2d(1, 1, 2)
    rng = random.Random(0)
    first, second = image(rng, 1, 4, 4), image(rng, 1, 4, 5)
    expected = numbers(conv(first))
    assert len(numbers(conv(second))) == 12
    assert numbers(conv(first)) == expected


@given(st.integers(1, 3), pairs, pairs, st.floats(-10.0, 10.0), st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))
def test_pooling_a_constant_gives_it_back(channels, kernel, stride, x, pool):
    pooled = pool(kernel, stride)([[[x] * 5] * 4] * channels)
    assert len(pooled) == channels
    assert numbers(pooled) == pytest.approx([x] * len(numbers(pooled)), rel=1e-15)


@given(st.integers(0, 99), pairs, st.sampled_from([0, 1]))
def test_max_pooling_commutes_with_what_increases_and_makes_no_node(seed, kernel, padding):
    padding = min(padding, min(kernel if isinstance(kernel, list) else [kernel]) // 2)
    pool, pixels = nn.MaxPool2d(kernel, padding=padding), leaves(image(random.Random(seed), 2, 5, 4))
    pooled = pool(pixels)
    given_ids = {id(x) for x in nn.Flatten()(pixels)}
    assert all(id(x) in given_ids for x in nn.Flatten()(pooled))
    assert numbers(nn.Tanh()(pooled)) == numbers(pool(nn.Tanh()(pixels)))


@pytest.mark.parametrize("place", range(4))
def test_a_nan_under_the_window_comes_through(place):
    plane = [[1.0, math.inf], [-2.0, 0.0]]
    plane[place // 2][place % 2] = math.nan
    for pool in (nn.MaxPool2d(2), nn.AvgPool2d(2)):
        assert math.isnan(pool([plane])[0][0][0])


@given(st.integers(0, 99))
def test_average_pooling_over_the_whole_image_is_the_mean(seed):
    pixels = image(random.Random(seed), 2, 3, 4)
    means = [statistics.fmean(numbers(plane)) for plane in pixels]
    assert numbers(nn.AvgPool2d((3, 4))(pixels)) == pytest.approx(means, rel=1e-12)


def test_arrays_and_tuples_are_images_too():
    np = pytest.importorskip("numpy", reason="needs the extra demos")

    conv, pixels = nn.Conv2d(2, 1, 2), image(random.Random(0), 2, 3, 3)
    for other in (np.array(pixels), tuple(tuple(map(tuple, plane)) for plane in pixels)):
        assert numbers(conv(other)) == numbers(conv(pixels))
        assert numbers(nn.AvgPool2d(2)(other)) == numbers(nn.AvgPool2d(2)(pixels))


# ---- Sequences. -----------------------------------------------------------------------------------------------------


def test_a_looked_up_row_is_the_parameters_themselves_but_not_their_list():
    table = nn.Embedding(4, 3)
    row = table(2)
    assert all(a is b for a, b in zip(row, table.weight[2], strict=True))
    row.clear()
    assert len(table.weight[2]) == 3
    for v in nn.Flatten()(table([[0, 1], [1, 1]])):
        v.backward()
    assert [row[0].grad for row in table.weight] == [1.0, 3.0, 0.0, 0.0]


def test_an_index_may_be_numpys():
    np = pytest.importorskip("numpy", reason="needs the extra demos")

    table = nn.Embedding(4, 3)
    assert numbers(table(np.array([3, 1]))) == numbers([table(3), table(1)])


def cell_with(kind, biases, hidden):
    """A cell whose weights are zero and whose gates are as the biases say."""
    cell = kind(2, hidden)
    cell.load_state_dict(dict.fromkeys(cell.state_dict(), 0.0))
    for i, b in enumerate(biases):
        for unit in range(hidden):
            cell.bias_ih[i * hidden + unit].data = b
    return cell


states = st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=4)


@given(states)
def test_a_gru_with_open_update_gate_keeps_its_state(h):
    assert numbers(cell_with(nn.GRUCell, [0.0, 1000.0, 0.3], len(h))([1.0, 2.0], h)) == h


@given(states, st.floats(-2.0, 2.0))
def test_a_gru_with_closed_update_gate_forgets_its_state(h, n):
    out = cell_with(nn.GRUCell, [0.0, -1000.0, n], len(h))([1.0, 2.0], h)
    assert numbers(out) == [math.tanh(n)] * len(h)


@given(states)
def test_an_lstm_that_forgets_and_takes_in_nothing_keeps_its_cell(c):
    cell = cell_with(nn.LSTMCell, [-1000.0, 1000.0, 0.5, 1000.0], len(c))
    h, kept = cell([1.0, 2.0], ([0.1] * len(c), c))
    assert numbers(kept) == c
    assert numbers(h) == [math.tanh(x) for x in c]


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        (nn.RNNCell, {"sumprod": 1, "tanh": 1}),
        (nn.GRUCell, {"sumprod": 5, "sigmoid": 2, "tanh": 1, "sub": 1}),
        (nn.LSTMCell, {"sumprod": 5, "sigmoid": 3, "tanh": 2, "mul": 1}),
    ],
)
def test_a_step_of_a_cell_is_a_few_nodes_for_each_unit(kind, made):
    out = kind(6, 5)([0.5] * 6)
    out = out[0] if kind is nn.LSTMCell else out
    assert nodes(out) == sorted([name for name, count in made.items() for _ in range(5 * count)])


# ---- Layer norm and dropout. ----------------------------------------------------------------------------------------

spread = st.lists(st.floats(-100.0, 100.0), min_size=2, max_size=8).filter(lambda x: statistics.pvariance(x) > 1e-3)


@given(spread)
def test_layer_norm_gives_mean_0_and_variance_1(x):
    out = numbers(nn.LayerNorm(len(x), eps=0)(leaves(x)))
    assert statistics.fmean(out) == pytest.approx(0.0, abs=1e-12)
    assert statistics.pvariance(out) == pytest.approx(1.0, rel=1e-12)


@given(spread, st.floats(-10.0, 10.0), st.floats(0.1, 10.0))
def test_layer_norm_does_not_see_shift_and_scale(x, shift, scale):
    norm = nn.LayerNorm(len(x), eps=0)
    assert numbers(norm([scale * v + shift for v in x])) == pytest.approx(numbers(norm(x)), rel=1e-9, abs=1e-9)


@given(st.floats(0.0, 0.95), st.integers(0, 99))
def test_dropout_keeps_the_mean_and_drops_the_share_it_says(p, seed):
    ones = [[1.0] * 40] * 100
    out = numbers(nn.Dropout(p, rng=random.Random(seed))(ones))
    kept = sum(x != 0.0 for x in out)
    assert set(out) <= {0.0, 1.0 / (1.0 - p)}
    assert kept / 4000 == pytest.approx(1.0 - p, abs=5 * math.sqrt(p * (1.0 - p) / 4000) + 1e-12)


@given(st.integers(0, 99))
def test_the_mask_is_given_by_the_seed_and_changes_from_call_to_call(seed):
    one, other = (nn.Dropout(rng=random.Random(seed)) for _ in range(2))
    x = [1.0] * 60
    first = one(x)
    assert first == other(x)
    assert first != one(x)
    copied = copy.deepcopy(one)
    assert copied(x) == one(x)


def test_without_a_source_the_module_random_decides():
    dropout = pickle.loads(pickle.dumps(nn.Dropout()))
    random.seed(3)
    first = dropout([1.0] * 50)
    assert first == nn.Dropout(rng=random.Random(3))([1.0] * 50)


def test_the_gradient_passes_where_the_number_did():
    x = [Value(2.0) for _ in range(50)]
    out = nn.Dropout(0.4, rng=random.Random(0))(x)
    ag.sum(out).backward()
    assert [v.grad for v in x] == [o.data / 2.0 for o in out]
    assert {v.grad for v in x} == {0.0, 1.0 / 0.6}


def test_in_evaluation_dropout_is_the_identity_and_draws_nothing():
    rng = random.Random(0)
    before, x = rng.getstate(), [[Value(1.0)], [Value(2.0)]]
    assert nn.Dropout(0.9, rng=rng).eval()(x) is x
    assert nn.Dropout(0.0, rng=rng)(x) is x
    assert rng.getstate() == before


# ---- Modules of modules. --------------------------------------------------------------------------------------------


class Net(nn.Module):
    """One of every kind."""

    def __init__(self, seed):
        rng = random.Random(seed)
        self.front = nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1, rng=rng), nn.ReLU(), nn.AvgPool2d(2), nn.MaxPool2d(1), nn.Flatten(),
            nn.LayerNorm(8), nn.Dropout(0.5, rng=rng),
        )  # fmt: skip
        self.words = nn.Embedding(3, 8, rng=rng)
        self.cells = {"rnn": nn.RNNCell(8, 4, rng=rng), "rest": [nn.GRUCell(4, 3, rng=rng), nn.LSTMCell(3, 2, rng=rng)]}
        self.head = nn.MLP(2, [2, 1], rng=rng)

    def __call__(self, pixels, word):
        h = self.cells["rnn"](self.front(pixels))
        h = self.cells["rnn"](self.words(word), h)
        gru, lstm = self.cells["rest"]
        return self.head(lstm(gru(h))[0])


def test_the_repr_shows_the_parts_and_how_many_parameters_each_has():
    net = Net(0)
    assert repr(net) == (
        "Net, 259 parameters:\n"
        "  front: Sequential, 36 parameters:\n"
        "    layers.0: Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1)), 20 parameters\n"
        "    layers.1: ReLU()\n"
        "    layers.2: AvgPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))\n"
        "    layers.3: MaxPool2d(kernel_size=(1, 1), stride=(1, 1), padding=(0, 0))\n"
        "    layers.4: Flatten()\n"
        "    layers.5: LayerNorm(8, eps=1e-05), 16 parameters\n"
        "    layers.6: Dropout(p=0.5)\n"
        "  words: Embedding(3, 8), 24 parameters\n"
        "  cells.rnn: RNNCell(8, 4), 56 parameters\n"
        "  cells.rest.0: GRUCell(4, 3), 81 parameters\n"
        "  cells.rest.1: LSTMCell(3, 2), 56 parameters\n"
        "  head: MLP of [Layer(2, 2, relu), Layer(2, 1, linear)], 9 parameters"
    ).replace("259", str(len(net.parameters())))
    assert len(net.parameters()) == 36 + 24 + 56 + 81 + 56 + 9
    assert repr(nn.RNNCell(1, 2, False, "relu")) == "RNNCell(1, 2, bias=False, nonlinearity=relu)"
    assert repr(nn.Conv2d(1, 2, (1, 2), bias=False)) == "Conv2d(1, 2, kernel_size=(1, 2), stride=(1, 1), bias=False)"
    assert repr(nn.LayerNorm(2, elementwise_affine=False)) == "LayerNorm(2, eps=1e-05, elementwise_affine=False)"
    assert repr(nn.LayerNorm(2, 0.5, bias=False)) == "LayerNorm(2, eps=0.5, bias=False)"


def test_a_shared_part_counts_once_in_the_whole():
    layer = nn.Layer(2, 2)
    assert repr(nn.Sequential(layer, layer)).startswith("Sequential, 6 parameters:")
    assert len(list(nn.Sequential(layer, layer).modules())) == 4


def test_train_and_eval_reach_every_part():
    net = Net(0)
    kinds = [type(m).__name__ for m in net.modules()]
    assert kinds[:4] == ["Net", "Sequential", "Conv2d", "ReLU"]
    assert kinds.count("Neuron") == 3
    assert all(m.training for m in net.modules())
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.train() is net
    assert all(m.training for m in net.modules())
    net.train(False)
    assert not any(m.training for m in net.modules())


@pytest.mark.parametrize("carry", ["save", "copy", "pickle"])
def test_a_net_that_was_carried_computes_the_same(tmp_path, carry):
    net, pixels = Net(0).eval(), image(random.Random(1), 1, 4, 4)
    if carry == "save":
        other = Net(1).eval()
        assert other(pixels, 2).data != net(pixels, 2).data
        net.save(tmp_path / "net.json")
        other.load(tmp_path / "net.json")
    else:
        other = copy.deepcopy(net) if carry == "copy" else pickle.loads(pickle.dumps(net))
    assert other(pixels, 2).data == net(pixels, 2).data
    other.parameters()[0].data += 1.0
    assert other(pixels, 2).data != net(pixels, 2).data


def test_paths_of_parameters():
    names = [name for name, _ in Net(0).named_parameters()]
    assert names[:2] == ["front.layers.0.weight.0.0.0.0", "front.layers.0.weight.0.0.0.1"]
    assert {"front.layers.5.bias.7", "words.weight.2.7", "cells.rnn.bias_hh.3", "cells.rest.1.weight_ih.7.2",
            "head.layers.0.neurons.1.w.0"} <= set(names)  # fmt: skip


def test_every_parameter_takes_part_and_has_the_slope_of_differences():
    net, pixels = Net(3).eval(), image(random.Random(1), 1, 4, 4)
    net(pixels, 2).backward()
    rng = random.Random(0)
    direction = {p: rng.uniform(-1.0, 1.0) for p in net.parameters()}
    slope = math.fsum(d * p.grad for p, d in direction.items())
    start, h, values = net.state_dict(), 1e-4, []
    for step in (h, -h, h / 2, -h / 2):
        net.load_state_dict(start)
        for p, d in direction.items():
            p.data += step * d
        values.append(net(pixels, 2).data)
    coarse, fine = (values[0] - values[1]) / (2 * h), (values[2] - values[3]) / h
    assert slope == pytest.approx((4 * fine - coarse) / 3, rel=1e-8)
    used = [p for name, p in net.named_parameters() if not name.startswith(("words.weight.0", "words.weight.1"))]
    assert sum(p.grad != 0.0 for p in used) > 0.7 * len(used)


@pytest.mark.parametrize(
    ("layer", "call", "replace"),
    [
        (nn.Conv2d(1, 1, 1), [[[1.0]]], lambda m, v: setattr(m, "weight", ((((v,),),),))),
        (nn.Conv2d(1, 1, 1), [[[1.0]]], lambda m, v: setattr(m, "bias", (v,))),
        (nn.Embedding(1, 1), 0, lambda m, v: setattr(m, "weight", ((v,),))),
        (nn.RNNCell(1, 1), [1.0], lambda m, v: setattr(m, "weight_ih", ((v,),))),
        (nn.GRUCell(1, 1), [1.0], lambda m, v: setattr(m, "bias_hh", (*m.bias_hh[:2], v))),
        (nn.LSTMCell(1, 1), [1.0], lambda m, v: setattr(m, "weight_hh", (*m.weight_hh[:3], (v,)))),
        (nn.LayerNorm(1), [1.0], lambda m, v: m.bias.__setitem__(0, v)),
        (nn.Layer(1, 1), [1.0], lambda m, v: m.neurons[0].w.__setitem__(0, v)),
    ],
)
def test_a_call_uses_the_values_that_parameters_gives(layer, call, replace):
    for _ in range(3):
        layer(call)  # whatever it keeps for the next call
        parameter = Value(7.0)
        replace(layer, parameter)
        assert any(p is parameter for p in layer.parameters())
        assert holds(layer(call), parameter)
        assert holds(copy.copy(layer)(call), parameter)


def holds(out, parameter):
    return any(node is parameter for root in nn.Flatten()(out) for node in topological_order(root))


def as_lists(x):
    return list(map(as_lists, x)) if isinstance(x, tuple) else x


@pytest.mark.parametrize("name", ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
@pytest.mark.parametrize("kind", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_parameters_may_be_lists_of_the_users_own_that_change_between_calls(kind, name):
    def output(cell):
        return nn.Flatten()(cell([0.5, -1.0]))

    cell = kind(2, 1, rng=random.Random(0))
    before = numbers(output(cell))
    setattr(cell, name, as_lists(getattr(cell, name)))
    assert numbers(output(cell)) == before
    for rows in ([*getattr(cell, name)], (*getattr(cell, name),)):  # a tuple of lists is no fixed one either
        setattr(cell, name, rows)
        output(cell)
        for mine in (cell, copy.deepcopy(cell)):
            row, parameter = getattr(mine, name), Value(7.0)
            if isinstance(row[0], list):
                row[0][0] = parameter
            elif isinstance(row, list):
                row[0] = parameter
            else:
                setattr(mine, name, (parameter, *row[1:]))
            assert holds(output(mine), parameter)


@pytest.mark.parametrize("layer", [nn.Conv2d(1, 1, 1), nn.GRUCell(1, 1)])
def test_what_a_layer_keeps_for_the_next_call_is_no_part_of_it(layer):
    call = [[[1.0]]] if isinstance(layer, nn.Conv2d) else [1.0]
    names, size = [name for name, _ in layer.named_parameters()], len(pickle.dumps(layer))
    layer(call)
    assert [name for name, _ in layer.named_parameters()] == names
    assert len(pickle.dumps(layer)) == size
    for clone in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        out = nn.Flatten()(clone(call))[0]
        leaves = [node for node in topological_order(out) if node.op is None]
        assert {id(p) for p in clone.parameters()} >= {id(leaf) for leaf in leaves}
        assert not {id(p) for p in layer.parameters()} & {id(leaf) for leaf in leaves}


@pytest.mark.skipif(ag.engine != "native", reason="the textbook's nodes have operands of their own")
@pytest.mark.parametrize(
    ("layer", "call"), [(nn.Conv2d(1, 2, 2), [[[1.0, 2.0, 3.0]] * 2]), (nn.RNNCell(3, 2), [1.0, 2.0, 3.0])]
)
def test_calls_share_the_rows_of_a_layer(layer, call):
    outputs = [layer(call)]
    once = [sys.getrefcount(p) for p in layer.parameters()]
    outputs += [layer(call) for _ in range(10)]
    assert [sys.getrefcount(p) for p in layer.parameters()] == once


@pytest.mark.parametrize(
    ("make", "bound"),
    [
        (lambda rng: nn.Conv2d(8, 20, 5, rng=rng), 1 / math.sqrt(200)),
        (lambda rng: nn.Embedding(80, 40, rng=rng), math.sqrt(3.0)),
        (lambda rng: nn.RNNCell(30, 40, rng=rng), 1 / math.sqrt(40)),
        (lambda rng: nn.GRUCell(30, 40, rng=rng), 1 / math.sqrt(40)),
        (lambda rng: nn.LSTMCell(30, 40, rng=rng), 1 / math.sqrt(40)),
    ],
)
def test_initial_weights_are_uniform_between_bounds_and_given_by_the_seed(make, bound):
    weights = list(make(random.Random(0)).state_dict().values())
    assert weights == list(make(random.Random(0)).state_dict().values())
    assert 0.99 * bound < max(map(abs, weights)) <= bound
    assert statistics.fmean(weights) == pytest.approx(0.0, abs=0.05 * bound)
    assert statistics.variance(weights) == pytest.approx(bound**2 / 3, rel=0.1)


@given(st.lists(st.lists(st.floats(-5, 5), min_size=1, max_size=3), min_size=1, max_size=3))
def test_activations_work_number_by_number(x):
    for module, f in ((nn.ReLU(), ag.relu), (nn.Tanh(), ag.tanh), (nn.Sigmoid(), ag.sigmoid)):
        assert module(x) == [[f(number) for number in row] for row in x]
        assert module(x[0][0]) == f(x[0][0])
        assert module(x[0]) == [f(number) for number in x[0]]


def test_sequential_feeds_each_module_with_what_the_one_before_gives():
    first, second = nn.Layer(2, 3), nn.MLP(3, [2, 1])
    model = nn.Sequential(first, second, nn.Sigmoid())
    assert model([0.5, -0.5]).data == ag.sigmoid(second(first([0.5, -0.5]))).data
    assert (len(model), model[0], model[-2]) == (3, first, second)
    assert list(model) == model.layers


# ---- Learning. ------------------------------------------------------------------------------------------------------


def test_a_convolutional_net_learns_to_tell_upright_from_level_strokes():
    rng = random.Random(0)
    samples = []
    for i in range(24):
        plane, at = [[rng.uniform(0.0, 0.3) for _ in range(5)] for _ in range(5)], rng.randrange(5)
        for j in range(5):
            plane[j if i % 2 else at][at if i % 2 else j] += 1.0
        samples.append(([plane], i % 2))
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool2d(5), nn.Flatten(),
        nn.Layer(4, 2, nonlin=False, rng=rng),
    )  # fmt: skip
    optimizer = Adam(model.parameters(), lr=0.1)
    for _ in range(30):
        loss = nn.cross_entropy([model(x) for x, _ in samples], [t for _, t in samples])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    assert all((model(x)[1] > model(x)[0]) == bool(t) for x, t in samples)


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_a_cell_learns_to_remember_the_first_letter(kind):
    rng = random.Random(1)
    letters, cell, head = nn.Embedding(3, 3, rng=rng), kind(3, 4, rng=rng), nn.Neuron(4, nonlin=False, rng=rng)
    words = [(first, rng.randrange(3), rng.randrange(3)) for first in (0, 1, 0, 1, 0, 1, 0, 1)]
    targets = [word[0] for word in words]

    def read(word):
        h = None
        for letter in word:
            h = cell(letters(letter), h)
        return head(h[0] if kind is nn.LSTMCell else h)

    parameters = [*letters.parameters(), *cell.parameters(), *head.parameters()]
    optimizer = Adam(parameters, lr=0.1)
    for _ in range(40):
        loss = nn.binary_cross_entropy_with_logits([read(word) for word in words], targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert [int(read(word) > 0) for word in words] == targets


# ---- Bad input. -----------------------------------------------------------------------------------------------------

CONV = r"Conv2d\(2, 1, kernel_size=\(3, 3\), stride=\(1, 1\)\)"
THREE_DEEP = r" takes an image as lists nested three deep, \[channel\]\[row\]\[column\], got a "
MESSAGES = [
    (lambda: nn.Conv2d(0, 1, 3), ValueError, "in_channels is 0; choose an int of at least 1"),
    (lambda: nn.Conv2d(1, True, 3), TypeError, "out_channels is True of type bool; choose an int of at least 1"),
    (lambda: nn.Conv2d(1, 1, 0), ValueError, "kernel_size is 0; choose an int of at least 1"),
    (
        lambda: nn.Conv2d(1, 1, (3, 3, 3)),
        ValueError,
        r"kernel_size is \(3, 3, 3\); choose one int, or one for rows",
    ),
    (
        lambda: nn.Conv2d(1, 1, (3, 2.0)),
        TypeError,
        r"kernel_size\[1\] is 2.0 of type float; choose an int of at least 1",
    ),
    (lambda: nn.Conv2d(1, 1, 3, 1.5), TypeError, "stride is 1.5 of type float; choose an int"),
    (lambda: nn.Conv2d(1, 1, 3, (0, 1)), ValueError, r"stride\[0\] is 0; choose an int of at least 1"),
    (lambda: nn.Conv2d(1, 1, 3, padding=-1), ValueError, "padding is -1; choose an int of at least 0"),
    (lambda: nn.Conv2d(1, 1, 3, padding="same"), TypeError, "padding is 'same' of type str; choose an int"),
    (lambda: nn.Conv2d(1, 1, 3, bias=None), TypeError, "bias is None of type NoneType; choose True or False"),
    (
        lambda: nn.Conv2d(1, 1, 3, rng=5),
        TypeError,
        r"rng is 5 of type int; pass a source of random numbers such as random.R",
    ),
    (lambda: nn.Conv2d(1, 1, 3, dilation=2), TypeError, "unexpected keyword argument 'dilation'"),
    (lambda: nn.Conv2d(2, 1, 3)([[[0.0] * 3] * 3]), ValueError, CONV + " takes an image of 2 channels, got 1"),
    (
        lambda: nn.Conv2d(2, 1, 3)([[[0.0] * 3] * 2] * 2),
        ValueError,
        CONV + " takes an image of at least 3 x 3 pixels, got 2 x 3",
    ),
    (
        lambda: nn.Conv2d(1, 1, (5, 3), padding=(1, 4))([[[0.0]] * 2]),
        ValueError,
        "takes an image of at least 3 x 1 pixels, got 2 x 1",
    ),
    (lambda: nn.Conv2d(1, 1, 1)([[[]]]), ValueError, "takes an image of at least 1 x 1 pixels, got 1 x 0"),
    (
        lambda: nn.Conv2d(2, 1, 3)([[[0.0] * 3] * 3, [[0.0] * 3] * 4]),
        ValueError,
        "channels of an image are of one size; channel 0 has 3 rows, and channel 1 has 4",
    ),
    (
        lambda: nn.Conv2d(2, 1, 3)([[[0.0] * 3] * 3, [[0.0] * 3, [0.0] * 2, [0.0] * 3]]),
        ValueError,
        "rows of an image are of one length; row 0 of channel 0 has 3 pixels, and row 1 of channel 1 has 2",
    ),
    (
        lambda: nn.Conv2d(2, 1, 3)([[0.0] * 3] * 3),
        TypeError,
        CONV + THREE_DEEP + r"list nested 2 deep; write \[image\] for an image of one channel",
    ),
    (
        lambda: nn.MaxPool2d(2)([[[[0.0] * 3] * 3]]),
        TypeError,
        THREE_DEEP + r"list nested 4 deep; for a batch write \[model\(x\) for x in batch\]",
    ),
    (lambda: nn.AvgPool2d(2)(Value(1.0)), TypeError, THREE_DEEP + "Value nested 0 deep; write"),
    (lambda: nn.AvgPool2d(2)([]), TypeError, THREE_DEEP + "list nested 1 deep; write"),
    (lambda: nn.AvgPool2d(2)([[[1.0, 2.0], 3.0]]), TypeError, THREE_DEEP + "list nested 2 deep; write"),
    (lambda: nn.AvgPool2d(2)([["ab", "cd"]]), TypeError, THREE_DEEP + "list nested 2 deep; write"),
    (lambda: nn.MaxPool2d(2)([[[1.0, 2.0]]]), ValueError, "takes an image of at least 2 x 2 pixels, got 1 x 2"),
    (lambda: nn.MaxPool2d(2)([[["a", "b"], ["c", "d"]]]), TypeError, "expected a real number or a Value, got 'a'"),
    (lambda: nn.Conv2d(1, 1, 1)([[["a"]]]), TypeError, "expected a real number or a Value, got 'a'"),
    (lambda: nn.MaxPool2d(2.5), TypeError, "kernel_size is 2.5 of type float; choose an int"),
    (lambda: nn.AvgPool2d(2, 0), ValueError, "stride is 0; choose an int of at least 1"),
    (
        lambda: nn.MaxPool2d((2, 5), padding=2),
        ValueError,
        r"padding is 2; choose at most half of the kernel_size \(2, 5\)",
    ),
    (lambda: nn.Embedding(0, 1), ValueError, "num_embeddings is 0; choose an int of at least 1"),
    (lambda: nn.Embedding(1, "3"), TypeError, "embedding_dim is '3' of type str; choose an int of at"),
    (
        lambda: nn.Embedding(3, 2)(3),
        IndexError,
        r"Embedding\(3, 2\) takes indices from 0 to 2, got 3; count the things there are before building it",
    ),
    (lambda: nn.Embedding(3, 2)([0, -1]), IndexError, "takes indices from 0 to 2, got -1"),
    (lambda: nn.Embedding(3, 2)("ab"), TypeError, "takes an index or lists of them, got 'ab' of type str"),
    (lambda: nn.Embedding(3, 2)([1.0]), TypeError, "takes an index or lists of them, got 1.0 of type float"),
    (lambda: nn.RNNCell(0, 1), ValueError, "input_size is 0; choose an int of at least 1"),
    (lambda: nn.GRUCell(1, -1), ValueError, "hidden_size is -1; choose an int of at least 1"),
    (lambda: nn.LSTMCell(1, 1, 2), TypeError, "bias is 2 of type int; choose True or False"),
    (lambda: nn.RNNCell(1, 1, True, "gelu"), ValueError, "nonlinearity is 'gelu'; choose 'tanh' or 'relu'"),
    (lambda: nn.RNNCell(1, 1, nonlinearity=[]), TypeError, r"nonlinearity is \[\] of type list; choose 'tanh' or"),
    (lambda: nn.GRUCell(1, 1, nonlinearity="tanh"), TypeError, "unexpected keyword argument 'nonlinearity'"),
    (lambda: nn.RNNCell(2, 3)([1.0]), ValueError, r"RNNCell\(2, 3\) takes 2 inputs, got 1"),
    (lambda: nn.GRUCell(2, 3)(1.0), TypeError, r"GRUCell\(2, 3\) takes a list of 2 numbers, got 1.0 of type float"),
    (
        lambda: nn.GRUCell(2, 3)([1.0] * 2, [0.0] * 2),
        ValueError,
        r"GRUCell\(2, 3\) takes a hidden state of 3 numbers, got 2",
    ),
    (
        lambda: nn.RNNCell(2, 3)([1.0] * 2, 0.5),
        TypeError,
        r"RNNCell\(2, 3\) takes a hidden state as a list of 3 numbers, got 0.5 of type float",
    ),
    (
        lambda: nn.GRUCell(2, 1)([1.0] * 2, [[0.5]]),
        TypeError,
        r"GRUCell\(2, 1\) takes a hidden state as a list of 1 numbers, got \[\[0.5\]\] of type list; for a batch",
    ),
    (
        lambda: nn.LSTMCell(2, 3)([1.0] * 2, ([0.0] * 3, [0.0])),
        ValueError,
        r"LSTMCell\(2, 3\) takes a cell state of 3 numbers, got 1",
    ),
    (
        lambda: nn.LSTMCell(2, 3)([1.0] * 2, [0.0] * 3),
        TypeError,
        r"LSTMCell\(2, 3\) takes a pair \(h, c\) of hidden state and cell state, got \[0.0, 0.0, 0.0\]",
    ),
    (lambda: nn.Dropout(1.0), ValueError, "p is 1.0; choose a finite number of at least 0 and below 1"),
    (lambda: nn.Dropout(-0.1), ValueError, "p is -0.1; choose a finite number of at least 0 and below 1"),
    (lambda: nn.Dropout(math.nan), ValueError, "p is nan; choose a finite number of at least 0 and below 1"),
    (lambda: nn.Dropout("0.5"), TypeError, "p is '0.5' of type str; choose a finite number of at least 0 and"),
    (lambda: nn.Dropout(rng=0), TypeError, r"rng is 0 of type int; pass a source of random numbers such as random.R"),
    (
        lambda: nn.LayerNorm((2, 3)),
        TypeError,
        r"normalized_shape is \(2, 3\) of type tuple; choose an int of at least 1",
    ),
    (lambda: nn.LayerNorm(2, -1e-5), ValueError, "eps is -1e-05; choose a finite number of at least 0"),
    (lambda: nn.LayerNorm(2, elementwise_affine=1), TypeError, "elementwise_affine is 1 of type int; choose True or"),
    (lambda: nn.LayerNorm(2, bias=0), TypeError, "bias is 0 of type int; choose True or False"),
    (lambda: nn.LayerNorm(2)([1.0]), ValueError, r"LayerNorm\(2, eps=1e-05\) takes 2 inputs, got 1"),
    (lambda: nn.LayerNorm(2, eps=0)([Value(1.0)] * 2), ZeroDivisionError, "1.0 / Value"),
    (lambda: nn.Sequential(), ValueError, "Sequential needs at least one module, got none; pass them in order"),
    (
        lambda: nn.Sequential(nn.ReLU(), math.tanh),
        TypeError,
        r"modules\[1\] is <built-in function tanh> of type builtin_function_or_method; pass modules such as ReLU\(\)",
    ),
    (lambda: nn.Flatten()(Value(1.0)), TypeError, r"Flatten\(\) takes lists, got Value\(1.0\) of type Value"),
    (lambda: nn.ReLU()([["a"]]), TypeError, "expected a real number or a Value, got 'a'"),
    (lambda: nn.Module().train(1), TypeError, "mode is 1 of type int; choose True or False"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), MESSAGES)
def test_bad_input_is_an_error_that_says_what_and_what_to_do(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
