"""What ``fit`` tells of parameters that it cannot train: those that a loss needs, and those that none does."""

import random
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import nn, optim

DATA = [([float(i), 1.0 - i], float(i % 3)) for i in range(6)]


class Line(nn.Module):
    """Two weights; what ``hold`` puts in between is not found by a walk."""

    def __init__(self, hold=lambda w: w):
        self.w, self.b = hold([ag.Value(0.5), ag.Value(0.25)]), ag.Value(0.0)
        self.read = lambda w: w

    def __call__(self, x):
        return ag.sumprod([*self.read(self.w), self.b], [*x, 1.0])


def told(model, loss=nn.mse_loss, parameters=None, data=DATA, **options):
    """The warnings of a training, all of which are at its call."""
    optimizer = optim.SGD(parameters or model.parameters(), lr=0.01)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        ag.fit(model, loss, data, optimizer, **{"epochs": 3, "batch_size": 2, "progress": False, **options})
    assert all((w.filename, w.category) == (__file__, UserWarning) for w in found)
    return [str(w.message) for w in found]


class Box:
    """Somebody's class."""

    def __init__(self, content):
        self.content = content


def test_a_training_that_moves_all_that_it_uses_tells_nothing(tmp_path):
    for model in (Line(), nn.MLP(2, [3, 1]), nn.Sequential(nn.Layer(2, 3), nn.Dropout(0.9), nn.LayerNorm(3))):
        loss = (
            nn.mse_loss if type(model) is not nn.Sequential else lambda ys, ts: nn.mse_loss(ys, [[0.5] * 3] * len(ys))
        )
        assert told(model, loss, checkpoint=tmp_path / type(model).__name__) == []
        assert told(model, loss, checkpoint=tmp_path / type(model).__name__, epochs=5, seed=0) == []


@pytest.mark.parametrize(
    ("hold", "read"),
    [
        (Box, lambda box: box.content),
        (lambda w: lambda: w, lambda function: function()),
        (lambda w: Box({"w": w}), lambda box: box.content["w"]),
    ],
)
def test_parameters_that_the_model_does_not_hold_are_told_once(hold, read):
    model = Line(hold)
    model.read = read
    before = [w.data for w in read(model.w)]
    (message,) = told(model)
    assert message == (
        "the loss depends on Value(0.5), Value(0.25), which the model does not hold, so they are neither trained nor "
        "saved; make them attributes of the model, or plain numbers if they are to stay"
    )
    assert [w.data for w in read(model.w)] == before


def test_a_constant_of_a_loss_is_told_and_what_is_made_on_the_way_and_the_data_are_not():
    factor = ag.Value(2.0)
    (message,) = told(Line(), lambda y, t: nn.mse_loss(y, t) * factor)
    assert message.startswith("the loss depends on Value(2.0), which the model does not hold")
    assert told(Line(), lambda y, t: nn.mse_loss(y, t) * ag.Value(2.0)) == []
    data = [([ag.Value(1.0), 2.0], ag.Value(3.0)), ((0.5, ag.Value(4.0)), 1.0)]
    assert told(Line(), data=data) == []


def test_parameters_that_the_optimizer_does_not_have_are_told_by_name(tmp_path):
    model = nn.MLP(2, [3, 1], rng=random.Random(0))
    message = (
        "the loss depends on 'layers.0.neurons.0.w.0', 'layers.0.neurons.0.w.1', 'layers.0.neurons.0.b', "
        "'layers.0.neurons.1.w.0', 'layers.0.neurons.1.w.1' and 4 more, which the optimizer does not have and leaves "
        "as they are; make it of model.parameters(), or filter this warning if that is meant"
    )
    last = model.layers[1].parameters()
    for epochs in (2, 4):  # a call that continues from a checkpoint tells it again
        assert told(model, parameters=last, checkpoint=tmp_path / "run.json", epochs=epochs) == [message]
    assert told(model, parameters=last, checkpoint=tmp_path / "run.json", epochs=4) == []  # which trains nothing


@pytest.mark.parametrize("batch_size", [1, 2, 6])
def test_parameters_on_which_no_loss_depends_are_told_after_the_first_epoch(batch_size):
    class Wasteful(Line):
        def __init__(self):
            super().__init__()
            self.unused, self.sometimes, self.numbers = nn.Neuron(1), ag.Value(1.0), ag.Value(3.0)

        def __call__(self, x):
            extra = self.sometimes if x[0] == 5.0 else 0.0  # of one sample only
            return super().__call__(x) * self.numbers.item() + extra

    (message,) = told(Wasteful(), batch_size=batch_size)
    assert message == (
        "no loss of the first epoch depends on 'unused.w.0', 'unused.b', 'numbers', so they got no gradient and stay "
        "as they are; use them in the model's __call__, without .item() and .data, or leave them out of the optimizer"
    )


def test_parameters_that_a_model_makes_in_its_first_call_are_told():
    class Lazy(Line):
        def __call__(self, x):
            if not hasattr(self, "late"):
                self.late = ag.Value(1.0)
            return super().__call__(x) * self.late

    (message,) = told(Lazy())
    assert message.startswith("the loss depends on 'late', which the optimizer does not have")


def test_a_gradient_of_zero_is_a_gradient():
    model = nn.Sequential(nn.Layer(2, 2), nn.Neuron(2))
    model.load_state_dict(dict.fromkeys(model.state_dict(), -1.0))
    assert told(model, lambda ys, ts: ag.sum(ys)) == []


def test_a_warning_that_is_an_error_leaves_the_model_as_it_was():
    model = Line()
    before = model.state_dict()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="the loss depends on 'b', which the optimizer does not have and leaves"):
            ag.fit(model, nn.mse_loss, DATA, optim.SGD(model.w, lr=0.1), epochs=2, progress=False)
    assert model.state_dict() == before


@given(st.data())
def test_every_parameter_is_moved_or_told(data):
    """Some are used, some are in the optimiser, some are held: whatever stays as it is has been told."""
    values = [ag.Value(float(i + 1)) for i in range(6)]
    indices = st.sets(st.integers(0, 5))
    used = data.draw(indices.filter(len))
    trained = data.draw(indices.filter(lambda s: s & used))
    held = trained | data.draw(indices)
    model = nn.ReLU()
    model.parts = {str(i): values[i] for i in sorted(held)}
    box = Box(values)

    def loss(outputs, targets):
        return ag.sum([box.content[i] ** 2 for i in sorted(used)])

    parameters = [values[i] for i in sorted(trained)]
    messages = "".join(told(model, loss, parameters=parameters, data=[([], 0.0)], epochs=1))
    moved = {i for i, v in enumerate(values) if v.data != i + 1.0}
    assert moved == used & trained
    for i in (used | trained) - moved:
        name = f"'parts.{i}'" if i in held else f"Value({i + 1.0})"
        assert name in messages or " more" in messages
    for i in moved:
        assert f"'parts.{i}'" not in messages
