"""Diagnostics: against loops written out, with relus that are dead by construction, and that it leaves no trace."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import Diagnostics, Value, nn, optim


def points(count, seed=1):
    rng = random.Random(seed)
    inputs = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(count)]
    return [(x, math.sin(2 * x[0]) * x[1]) for x in inputs]


class Own(nn.Module):
    """Parameters of its own, a neuron of its own, and a module."""

    def __init__(self, rng):
        self.scale, self.shifts = Value(1.5), {"a": [Value(0.5)]}
        self.neuron = nn.Neuron(3, rng=rng)
        self.inner = nn.Sequential(nn.Layer(2, 3, activation="tanh", rng=rng))

    def __call__(self, x):
        return self.scale * self.neuron(self.inner(x)) + self.shifts["a"][0]


class Convolution(nn.Module):
    def __init__(self, rng):
        self.net = nn.Sequential(nn.Conv2d(1, 2, 1, rng=rng), nn.ReLU(), nn.Flatten(), nn.Layer(4, 1, rng=rng))

    def __call__(self, x):
        return self.net([[x]])[0]


class Sequence(nn.Module):
    def __init__(self, rng):
        self.cell, self.out = nn.RNNCell(1, 4, nonlinearity="relu", rng=rng), nn.Layer(4, 1, nonlin=False, rng=rng)

    def __call__(self, x):
        h = None
        for part in x:
            h = self.cell([part], h)
        return self.out(h)[0]


class SmoothSequence(Sequence):
    def __init__(self, rng):
        self.cell, self.out = nn.RNNCell(1, 4, rng=rng), nn.Layer(4, 1, nonlin=False, rng=rng)


class Plain(nn.Module):
    def __init__(self, rng):
        self.w = [Value(0.25), Value(-0.5)]

    def __call__(self, x):
        return ag.sumprod(self.w, x)


class Wide(Convolution):
    """A relu over four units of two channels, by another kind of convolution."""

    def __init__(self, rng):
        self.net = nn.Sequential(nn.Conv2d(1, 2, (1, 2), rng=rng), nn.ReLU(), nn.Flatten(), nn.Layer(2, 1, rng=rng))


MODELS = {
    lambda rng: nn.MLP(2, [4, 3, 1], rng=rng): (["layers.0", "layers.1", "layers.2"], ["layers.0", "layers.1"]),
    lambda rng: nn.Neuron(2, rng=rng): (["Neuron"], ["Neuron"]),
    Own: (["Own", "inner.layers.0"], ["Own"]),
    Convolution: (["net.layers.0", "net.layers.3"], ["net.layers.1", "net.layers.3"]),
    Wide: (["net.layers.0", "net.layers.3"], ["net.layers.1", "net.layers.3"]),
    Sequence: (["cell", "out"], ["cell"]),
    SmoothSequence: (["cell", "out"], []),
    Plain: (["Plain"], []),
}


def trained(make, epochs=3, seed=0, **options):
    model = make(random.Random(seed))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    options = {"batch_size": 4, "progress": False, "diagnostics": True, **options}
    return model, ag.fit(model, nn.mse_loss, points(10), optimizer, epochs=epochs, **options)


def is_of(layer, path):
    """Whether the parameter of this path is that layer's, for the models above."""
    layers = (f"{layer}.", "") if layer[0].islower() else ("", "inner.")
    return path.startswith(layers[0]) and not (layers[1] and path.startswith(layers[1]))


def norm(numbers):
    return math.sqrt(math.fsum(x * x for x in numbers))


# ---- Gradients and updates. -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("max_norm", [None, 0.01])
@given(seed=st.integers(0, 20))
def test_fit_gives_the_numbers_of_a_loop_written_out(make, max_norm, seed):
    layers = MODELS[make][0]
    history = trained(make, seed=seed, max_norm=max_norm)[1]
    twin = make(random.Random(seed))
    names = dict(twin.named_parameters())
    own = {layer: [p for path, p in names.items() if is_of(layer, path)] for layer in layers}
    assert sum(map(len, own.values())) == len(names)
    optimizer = optim.SGD(twin.parameters(), lr=0.1)
    data = points(10)
    for epoch in range(3):
        order = list(range(10))
        random.Random(f"0 {epoch}").shuffle(order)
        norms, ratios = {layer: [] for layer in layers}, {layer: [] for layer in layers}
        for rows in (order[:4], order[4:8], order[8:]):
            error = nn.mse_loss([twin(data[i][0]) for i in rows], [data[i][1] for i in rows])
            optimizer.zero_grad()
            error.backward()
            before = {layer: [p.data for p in own[layer]] for layer in layers}
            for layer in layers:
                norms[layer].append(norm(p.grad for p in own[layer]))
            if max_norm is not None:
                nn.utils.clip_grad_norm_(twin.parameters(), max_norm)
            optimizer.step()
            for layer in layers:
                change = norm(p.data - x for p, x in zip(own[layer], before[layer], strict=True))
                ratios[layer].append(change / norm(before[layer]))
        for layer in layers:
            assert history[f"grad_norm/{layer}"][epoch] == pytest.approx(sum(norms[layer]) / 3, rel=1e-12)
            assert history[f"update_ratio/{layer}"][epoch] == pytest.approx(sum(ratios[layer]) / 3, rel=1e-9)


whole = st.integers(-1000, 1000)


@given(st.lists(st.tuples(whole, whole), min_size=1, max_size=6), st.integers(-6, 3))
def test_the_ratio_of_a_step_of_sgd_is_exactly_that_of_gradient_and_weights(numbers, exponent):
    model = Plain(None)
    model.w = [Value(w) for w, _ in numbers]
    optimizer = optim.SGD(model.parameters(), lr=2.0**exponent)
    with Diagnostics(model, optimizer) as diagnostics:
        for p, (_, gradient) in zip(model.w, numbers, strict=True):
            p.grad = gradient
        diagnostics.after_backward()
        optimizer.step()
        diagnostics.after_step()
        size, slope = math.hypot(*[w for w, _ in numbers]), math.hypot(*[g for _, g in numbers])
        expected = 2.0**exponent * slope / size if size else math.inf if slope else 0.0
        assert diagnostics.end_epoch() == {"grad_norm/Plain": slope, "update_ratio/Plain": expected}


def test_gradients_vanish_in_a_deep_net_of_sigmoids_and_not_in_a_shallow_one_and_explode_with_large_weights():
    def norms(depth, scale, activation):
        model = nn.MLP(2, [4] * depth + [1], activation=activation, rng=random.Random(0))
        for p in model.parameters():
            p.data *= scale
        data = points(8)
        history = ag.fit(model, nn.mse_loss, data, optim.SGD(model.parameters(), lr=1e-9), epochs=1, progress=False,
                         diagnostics=True)  # fmt: skip
        return [numbers[0] for name, numbers in history.items() if name.startswith("grad_norm/")]

    deep = norms(10, 1.0, "sigmoid")
    assert len(deep) == 11
    assert all(x < y for x, y in zip(deep[:8], deep[1:9], strict=True))
    assert deep[0] < 1e-6 * deep[-1]
    assert norms(1, 1.0, "sigmoid")[0] > 1e-3
    assert norms(10, 4.0, "linear")[0] > 1e6


def test_the_gradient_is_measured_before_it_is_clipped():
    free, clipped = [trained(Sequence, epochs=1, batch_size=10, max_norm=m)[1] for m in (None, 1e-3)]
    for name in ("cell", "out"):
        assert free[f"grad_norm/{name}"] == clipped[f"grad_norm/{name}"]
        assert clipped[f"update_ratio/{name}"][0] < 0.1 * free[f"update_ratio/{name}"][0]


# ---- Dead relus. ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", MODELS)
def test_the_relus_and_layers_that_are_reported_are_those_there_are(make):
    layers, relus = MODELS[make]
    history = trained(make)[1]
    wanted = [f"{kind}/{name}" for kind in ("grad_norm", "update_ratio") for name in layers]
    assert list(history) == ["loss", "lr", *wanted, *[f"dead_relus/{name}" for name in relus]]
    assert all(type(x) is float for numbers in history.values() for x in numbers)
    assert all(len(numbers) == 3 for numbers in history.values())


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.booleans())
def test_neurons_that_are_dead_by_construction_are_counted(dead, as_layer):
    if as_layer:
        model = nn.Sequential(nn.Layer(2, len(dead), rng=random.Random(0)), nn.Neuron(len(dead), nonlin=False))
        neurons, name = model[0].neurons, "dead_relus/layers.0"
    else:

        class Bag(nn.Module):
            def __init__(self):
                self.neurons = [nn.Neuron(2) for _ in dead]

            def __call__(self, x):
                return ag.sum([neuron(x) for neuron in self.neurons])

        model, name = Bag(), "dead_relus/Bag"
        neurons = model.neurons
    for neuron, is_dead in zip(neurons, dead, strict=True):
        neuron.b.data = -100.0 if is_dead else 100.0
    history = ag.fit(model, nn.mse_loss, points(5), optim.SGD(model.parameters(), lr=1e-9), epochs=2,
                     diagnostics=True, progress=False)  # fmt: skip
    assert history[name] == [1.0 - (len(dead) - sum(dead)) / len(dead)] * 2


def once(model, *inputs):
    """What is said of the relus of a model that is called with these inputs in one epoch."""
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    with Diagnostics(model, optimizer) as diagnostics:
        for x in inputs:
            model(x)
        diagnostics.after_backward()
        diagnostics.after_step()
        return {k: x for k, x in diagnostics.end_epoch().items() if k.startswith("dead_relus/")}


class Relus(nn.Module):
    """A relu of whatever comes."""

    def __init__(self):
        self.w, self.relu = Value(1.0), nn.ReLU()

    def __call__(self, x):
        return self.relu(x)


@given(st.lists(st.lists(st.sampled_from([-1.0, 0.0, -0.0, 2.0, math.nan]), min_size=6, max_size=6), max_size=4))
def test_a_unit_is_dead_if_it_is_zero_for_every_sample(samples):
    shaped = [[[x[:2], x[2:4]], [x[4:], [-1.0, 1.0]]] for x in samples]
    dead = sum(all(x[i] <= 0.0 for x in samples) for i in range(6)) + 1
    expected = dead / 8 if samples else 0.0
    assert once(Relus(), *shaped) == {"dead_relus/relu": pytest.approx(expected)}
    values = [[[list(map(Value, row)) for row in channel] for channel in image] for image in shaped]
    assert once(Relus(), *values) == {"dead_relus/relu": pytest.approx(expected)}


def test_numbers_alone_and_lists_of_different_lengths_are_units_by_position():
    assert once(Relus(), -1.0) == {"dead_relus/relu": 1.0}
    assert once(Relus(), -1.0, Value(1.0)) == {"dead_relus/relu": 0.0}
    assert once(Relus(), [-1.0], [-1.0, 1.0, -1.0, 1.0]) == {"dead_relus/relu": 0.5}
    assert once(Relus(), [-1.0, 1.0, -1.0, 1.0], [1.0]) == {"dead_relus/relu": 0.25}


def test_the_units_of_a_recurrent_cell_are_alive_if_they_are_in_any_step():
    cell = nn.RNNCell(1, 2, nonlinearity="relu", bias=False, rng=random.Random(0))
    state = {"weight_ih.0.0": 1.0, "weight_ih.1.0": -1.0}
    cell.load_state_dict(dict.fromkeys(cell.state_dict(), 0.0) | state)

    class Reader(nn.Module):
        def __init__(self):
            self.cell = cell

        def __call__(self, xs):
            h = None
            for x in xs:
                h = self.cell([x], h)

    assert once(Reader(), [1.0, 2.0]) == {"dead_relus/cell": 0.5}
    assert once(Reader(), [1.0, -2.0]) == {"dead_relus/cell": 0.0}
    assert once(Reader(), [0.0]) == {"dead_relus/cell": 1.0}


def test_samples_of_the_validation_and_of_earlier_epochs_do_not_count():
    model = nn.Sequential(nn.Layer(1, 1), nn.Neuron(1, nonlin=False))
    relu = model[0].neurons[0]
    relu.w[0].data, relu.b.data = 1.0, 0.0
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    history = ag.fit(model, nn.mse_loss, [([-1.0], 0.0)], optimizer, epochs=2, validation=[([1.0], 0.0)],
                     diagnostics=True, progress=False)  # fmt: skip
    assert history["dead_relus/layers.0"] == [1.0, 1.0]
    inputs = iter([1.0, -1.0, -1.0])

    class Changing(nn.Module):
        def __init__(self):
            self.net = model

        def __call__(self, x):
            return self.net([next(inputs)])

    history = ag.fit(Changing(), nn.mse_loss, [([1.0], 0.0)], optimizer, epochs=3, diagnostics=True, progress=False)
    assert history["dead_relus/net.layers.0"] == [0.0, 1.0, 1.0]


def test_modules_and_neurons_in_two_places_count_once():
    neuron, other, layer = nn.Neuron(1), nn.Neuron(1), nn.Layer(1, 1)

    class Twice(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Sequential(layer), nn.Sequential(layer)
            self.neurons, self.same = [neuron, other], {"as": neuron}
            self.c = nn.Sequential(Holder())

        def __call__(self, x):
            return self.a(x)[0] + self.b(x)[0] + neuron(x) + other(x)

    class Holder(nn.Module):
        def __init__(self):
            self.neuron = neuron

    neuron.b.data = -100.0
    other.b.data = layer.neurons[0].b.data = 100.0
    assert once(Twice(), [1.0]) == {
        "dead_relus/Twice": 0.5,
        "dead_relus/a.layers.0": 0.0,
        "dead_relus/c.layers.0": 1.0,
    }
    assert type(neuron) is nn.Neuron


# ---- No trace. ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", MODELS)
def test_a_training_is_the_same_with_and_without(make):
    (watched, history), (free, plain) = trained(make), trained(make, diagnostics=False)
    assert watched.state_dict() == free.state_dict()
    assert {name: history[name] for name in ("loss", "lr")} == plain


class Stop(BaseException):
    pass


@pytest.mark.parametrize("error", [None, KeyError, Stop, KeyboardInterrupt])
def test_modules_are_what_they_were_however_the_training_ends(error):
    class Mine(nn.Layer):
        """A layer of one's own."""

    model = nn.Sequential(Mine(2, 3), nn.ReLU(), nn.Sequential(nn.Neuron(3)))
    classes, text = [type(m) for m in model.modules()], repr(model)
    names = list(model.state_dict())

    def loss(outputs, targets):
        assert all(bool(m._forward_hooks) == isinstance(m, (nn.Neuron, nn.ReLU)) for m in model.modules())
        assert [type(m) for m in model.modules()] == classes
        assert repr(model) == text
        assert list(model.state_dict()) == names
        if error:
            raise error
        return nn.mse_loss(outputs, targets)

    def train():
        ag.fit(model, loss, points(3), optim.SGD(model.parameters(), lr=0.1), epochs=1, diagnostics=True,
               progress=False)  # fmt: skip

    if error:
        with pytest.raises(error):
            train()
    else:
        train()
    assert [type(m) for m in model.modules()] == classes
    assert not any(m._forward_hooks for m in model.modules())
    assert vars(model).keys() == {"layers", "training"}


def test_hooks_of_others_may_raise_and_come_and_go():
    model = Relus()
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    before = model.relu.register_forward_hook(lambda module, args, output: [-x for x in output])
    with Diagnostics(model, optimizer) as diagnostics:

        def fails(module, args, output):
            raise KeyError("mine")

        after = model.relu.register_forward_hook(fails)
        with pytest.raises(KeyError, match="mine"):
            model([1.0, -1.0])
        after.remove()
        assert model([-1.0, -1.0]) == [0.0, 0.0]
        before.remove()
        diagnostics.after_backward()
        diagnostics.after_step()
        assert diagnostics.end_epoch()["dead_relus/relu"] == 0.5
    assert not model.relu._forward_hooks


def test_two_that_do_not_end_in_order_see_what_happens_while_they_watch():
    model = Relus()
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    first, second = Diagnostics(model, optimizer), Diagnostics(model, optimizer)
    first.__enter__()
    model([1.0, -1.0, -1.0])
    second.__enter__()
    model([-1.0, 1.0, -1.0])
    for diagnostics, dead in ((first, 1 / 3), (second, 1 / 3)):
        diagnostics.after_backward()
        diagnostics.after_step()
        diagnostics.__exit__(None, None, None)
        model([1.0, 1.0, -1.0])
        assert diagnostics.end_epoch()["dead_relus/relu"] == pytest.approx(dead)
    assert not model.relu._forward_hooks


def test_two_may_watch_the_same_model():
    model = Relus()
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    with Diagnostics(model, optimizer) as outer:
        assert once(model, [1.0, -1.0]) == {"dead_relus/relu": 0.5}
        model([1.0, 1.0])
        outer.after_backward()
        outer.after_step()
        assert outer.end_epoch()["dead_relus/relu"] == 0.0
    assert type(model.relu) is nn.ReLU


def test_a_resumed_training_has_the_diagnostics_of_an_uninterrupted_one(tmp_path):
    path = tmp_path / "run.json"
    trained(Sequence, epochs=2, checkpoint=path)
    assert trained(Sequence, epochs=4, checkpoint=path)[1] == trained(Sequence, epochs=4)[1]
    with pytest.raises(ValueError, match="it was made with diagnostics=True, and this call has False"):
        trained(Sequence, epochs=5, checkpoint=path, diagnostics=False)


# ---- On its own. ----------------------------------------------------------------------------------------------------


def test_parameters_that_are_not_trained_are_left_out():
    model = nn.MLP(1, [2, 2, 1])
    trainable = model.layers[1].parameters()[:-1]
    optimizer = optim.SGD(trainable, lr=0.5)
    with Diagnostics(model, optimizer) as diagnostics:
        for p in model.parameters():
            p.data, p.grad = 2.0, 1.0
        diagnostics.after_backward()
        optimizer.step()
        diagnostics.after_step()
        seen = {k: x for k, x in diagnostics.end_epoch().items() if k[0] != "d"}
        assert seen == {"grad_norm/layers.1": math.sqrt(5), "update_ratio/layers.1": pytest.approx(0.25)}


def test_the_last_backward_before_a_step_counts():
    model = Plain(None)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    with Diagnostics(model, optimizer) as diagnostics:
        for _ in range(2):
            for _ in range(3):
                (model.w[0] * 2.0).backward()
                diagnostics.after_backward()
            optimizer.step()
            diagnostics.after_step()
            optimizer.zero_grad()
        assert diagnostics.end_epoch()["grad_norm/Plain"] == 6.0


@pytest.mark.parametrize(
    ("run", "error", "message"),
    [
        (lambda m, o: Diagnostics(3, o), TypeError, r"^model is 3 of type int; pass an nn\.Module$"),
        (lambda m, o: Diagnostics(m, 3), TypeError, r"^optimizer is 3 of type int; pass one such as optim.Adam"),
        (
            lambda m, o: Diagnostics(m, optim.SGD([Value(1.0)])),
            ValueError,
            r"^the optimizer has none of the model's parameters; make it of model\.parameters\(\)$",
        ),
        (
            lambda m, o: Diagnostics(m, o).after_backward(),
            RuntimeError,
            r"^relus are watched within `with Diagnostics\(...\) as diagnostics:` only; train in there$",
        ),
        (
            lambda m, o: Diagnostics(m, o).__enter__().__enter__(),
            RuntimeError,
            "^this one is watching already; make a Diagnostics of its own for each `with`$",
        ),
        (
            lambda m, o: Diagnostics(m, o).after_step(),
            RuntimeError,
            "^the weights before the step are not known; call after_backward between backward and step$",
        ),
        (
            lambda m, o: Diagnostics(m, o).end_epoch(),
            RuntimeError,
            "^there was no step in this epoch; call after_backward and after_step around each$",
        ),
        (
            lambda m, o: ag.fit(m, nn.mse_loss, [([1.0], 1.0)], o, epochs=1, diagnostics="yes"),
            TypeError,
            "^diagnostics is 'yes' of type str; choose True or False$",
        ),
    ],
)
def test_misuse_is_an_error(run, error, message):
    model = nn.Neuron(1)
    with pytest.raises(error, match=message):
        run(model, optim.SGD(model.parameters()))


def test_paths_of_modules_begin_the_names_of_their_parameters():
    for make in MODELS:
        model = make(random.Random(0))
        paths = dict(model.named_modules())
        assert list(paths.values()) == list(model.modules())
        assert paths[""] is model
        for path, module in paths.items():
            for name, p in module.named_parameters():
                assert dict(model.named_parameters())[f"{path}.{name}" if path else name] is p
