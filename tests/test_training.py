"""The training loop: against a loop written out, interrupted in every way, and with bad input."""

import contextlib
import functools
import itertools
import json
import math
import operator
import os
import random
import re
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_mini as ag
from autograd_mini import nn, optim
from autograd_mini.files import CHECKPOINT, read_json
from autograd_mini.optim import lr_scheduler


def bits(numbers):
    return [struct.pack("<d", x) for x in numbers]


def weights(model):
    return bits(model.state_dict().values())


def points(count, seed=1):
    """Samples of a smooth function of two numbers."""
    rng = random.Random(seed)
    inputs = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(count)]
    return [(x, math.sin(2 * x[0]) * x[1]) for x in inputs]


class Regression(nn.Module):
    """A small net with dropout whose output is one number."""

    def __init__(self, seed=0, p=0.25):
        rng = random.Random(seed)
        self.net = nn.Sequential(nn.Layer(2, 5, activation="tanh", rng=rng), nn.Dropout(p, rng=rng))
        self.last = nn.Neuron(5, nonlin=False, rng=rng)

    def __call__(self, x):
        return self.last(self.net(x))


Point = namedtuple("Point", "x y")


def trained(epochs, data=None, make=optim.Adam, schedule=None, model=None, **options):
    """A model after ``fit``, with the optimiser and the history."""
    model = model or Regression()
    optimizer = make(model.parameters(), lr=0.03)
    scheduler = schedule and schedule(optimizer)
    history = ag.fit(model, nn.mse_loss, data or points(10), optimizer, epochs=epochs, scheduler=scheduler,
                     **{"batch_size": 4, "progress": False, **options})  # fmt: skip
    return model, optimizer, history


# ---- The loop. ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop])
@pytest.mark.parametrize("max_norm", [None, 0.05])
@pytest.mark.parametrize("seed", [None, 0, 7])
def test_fit_gives_the_bits_of_the_loop_written_out(make, max_norm, seed):
    data, validation = points(10), points(5, seed=2)
    model, _, history = trained(3, data, make, lambda o: lr_scheduler.StepLR(o, 2, 0.5), max_norm=max_norm, seed=seed,
                                validation=validation)  # fmt: skip

    twin = Regression()
    optimizer = make(twin.parameters(), lr=0.03)
    losses, compared = [], []
    for epoch in range(3):
        twin.train()
        order = list(range(10))
        if seed is not None:
            random.Random(f"{seed} {epoch}").shuffle(order)
        total = 0.0
        for rows in (order[:4], order[4:8], order[8:]):
            error = nn.mse_loss([twin(data[i][0]) for i in rows], [data[i][1] for i in rows])
            optimizer.zero_grad()
            error.backward()
            if max_norm is not None:
                nn.utils.clip_grad_norm_(twin.parameters(), max_norm)
            optimizer.step()
            total += error.item() * len(rows)
        losses.append(total / 10)
        twin.eval()
        compared.append(nn.mse_loss([twin(x) for x, _ in validation], [t for _, t in validation]).item())
        if epoch == 1:
            optimizer.lr *= 0.5
    assert weights(model) == weights(twin)
    assert history == {"loss": losses, "lr": [0.03, 0.03, 0.015], "validation_loss": compared}
    assert all(type(x) is float for numbers in history.values() for x in numbers)


def test_the_model_trains_in_training_and_ends_in_evaluation():
    model = Regression()
    model.eval()
    seen = []

    def loss(outputs, targets):
        seen.append((model.training, model.net[1].training))
        assert (outputs[0].op is not None) == model.training  # the validation records no graph
        return nn.mse_loss(outputs, targets)

    ag.fit(model, loss, points(4), optim.SGD(model.parameters()), epochs=2, validation=points(1), progress=False)
    assert seen == [(True, True), (False, False)] * 2
    assert not model.training


def test_every_epoch_has_an_order_of_its_own_and_each_sample_once():
    class Last(nn.Neuron):
        def __call__(self, x):
            seen.append(int(x[0]))
            return super().__call__(x)

    seen = []
    model = Last(1)
    data = [([float(i)], 0.0) for i in range(7)]
    for seed in (0, 1, None):
        ag.fit(model, nn.mse_loss, data, optim.SGD(model.parameters(), lr=0.0), epochs=2, batch_size=3, seed=seed,
               progress=False)  # fmt: skip
    orders = [seen[i : i + 7] for i in range(0, len(seen), 7)]
    assert all(sorted(order) == list(range(7)) for order in orders)
    assert len(set(map(tuple, orders[:4]))) == 4
    assert orders[4:] == [list(range(7))] * 2


def test_a_plateau_is_one_of_the_validation_loss_if_there_is_one():
    def schedule(optimizer):
        return lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)

    # The loss falls while the validation loss rises.
    for options, rates in (({}, [0.01] * 4), ({"validation": [([1.0], -5.0)]}, [0.01, 0.01, 0.005, 0.0025])):
        model = nn.Neuron(1, nonlin=False)
        optimizer = optim.SGD(model.parameters(), lr=0.01)
        history = ag.fit(model, nn.mse_loss, [([1.0], 5.0)], optimizer, epochs=4, scheduler=schedule(optimizer),
                         progress=False, **options)  # fmt: skip
        assert history["loss"] == sorted(history["loss"], reverse=True)
        assert history["lr"] == rates


@pytest.mark.parametrize("lr", [0.02, 1.0, 3.0])
def test_early_stopping_keeps_the_weights_of_the_best_epoch(lr):
    """With a large rate the loss goes up and down; the best epoch is found by a run that ends with it."""
    options = {
        "data": points(6),
        "validation": points(4, seed=3),
        "make": lambda p, lr=None, at=lr: optim.SGD(p, lr=at),
    }
    model, _, stopped = trained(40, patience=3, **options)
    losses = trained(40, **options)[2]["validation_loss"]
    ends = next((i for i in range(3, 40) if min(losses[: i - 2]) <= min(losses[i - 2 : i + 1])), 39)
    assert stopped["validation_loss"] == losses[: ends + 1]
    best = losses.index(min(losses[: ends + 1]))
    assert weights(model) == weights(trained(best + 1, **options)[0])


def test_a_nan_in_the_validation_loss_is_never_better():
    answers = iter([math.nan, 3.0, math.nan, 2.0, math.nan, math.nan, 9.0])
    model = nn.Neuron(1)

    def loss(outputs, targets):
        return nn.mse_loss(outputs, targets) if model.training else next(answers)

    history = ag.fit(model, loss, [([1.0], 1.0)], optim.SGD(model.parameters()), epochs=9, validation=[([1.0], 1.0)],
                     patience=2, progress=False)  # fmt: skip
    assert bits(history["validation_loss"]) == bits([math.nan, 3.0, math.nan, 2.0, math.nan, math.nan])


def test_one_sample_and_sequences_of_different_lengths_can_be_learnt():
    class Parity(nn.Module):
        def __init__(self):
            rng = random.Random(0)
            self.cell, self.out = nn.GRUCell(1, 4, rng=rng), nn.Neuron(4, nonlin=False, rng=rng)

        def __call__(self, sequence):
            h = None
            for x in sequence:
                h = self.cell([x], h)
            return self.out(h)

    model = Parity()
    data = [
        ([float(b) for b in case], float(sum(case) % 2))
        for n in (1, 2, 3)
        for case in itertools.product((0, 1), repeat=n)
    ]
    history = ag.fit(model, nn.mse_loss, data, optim.Adam(model.parameters(), lr=0.05), epochs=60, batch_size=5,
                     progress=False)  # fmt: skip
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    one = trained(200, [([0.5, -0.5], 0.25)], model=Regression(p=0.0))[2]["loss"]
    assert one[-1] < 1e-3 * one[0]


# ---- Checkpoints. ---------------------------------------------------------------------------------------------------

SCHEDULES = [
    None,
    lambda o: lr_scheduler.StepLR(o, 2),
    lambda o: lr_scheduler.LinearLR(o, total_iters=3),
    lambda o: lr_scheduler.CosineAnnealingLR(o, 4),
    lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0),
]


@given(
    stops=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    make=st.sampled_from([optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop]),
    schedule=st.sampled_from(SCHEDULES),
    options=st.fixed_dictionaries(
        {"seed": st.sampled_from([None, 3]), "max_norm": st.sampled_from([None, 0.1])},
        optional={"validation": st.just(points(3, seed=4)), "batch_size": st.integers(1, 12)},
    ),
    patient=st.booleans(),
)
def test_a_resumed_training_has_the_bits_of_an_uninterrupted_one(
    tmp_path_factory, stops, make, schedule, options, patient
):
    if patient and "validation" in options:
        options = {**options, "patience": 2}
    path = tmp_path_factory.mktemp("run") / "run.json"
    whole, optimizer, history = trained(6, make=make, schedule=schedule, **options)
    for epochs in [*sorted(stops), 6]:
        # Other initial weights and another state of the dropout must not matter: all comes from the file.
        model = Regression(seed=0 if not path.exists() else 9)
        model, resumed, again = trained(epochs, make=make, schedule=schedule, model=model, checkpoint=path, **options)
    assert weights(model) == weights(whole)
    assert again == history
    assert resumed.state_dict() == optimizer.state_dict()


def test_dropouts_with_sources_of_their_own_and_without_resume_exactly(tmp_path):
    def model():
        rng = random.Random(5)
        noise = nn.Dropout(0.5), nn.Dropout(0.5, rng=random.Random(6)), nn.Dropout(0.2, rng=random.Random(7))
        return nn.Sequential(nn.Layer(2, 6, rng=rng), *noise, nn.Neuron(6, nonlin=False, rng=rng))

    random.seed(1)
    whole = trained(4, model=model())[0]
    random.seed(1)
    trained(2, model=model(), checkpoint=tmp_path / "run.json")
    random.seed(2)
    assert weights(trained(4, model=model(), checkpoint=tmp_path / "run.json")[0]) == weights(whole)


def test_a_finished_training_is_not_trained_again(tmp_path):
    model, _, history = trained(3, validation=points(2), patience=3, checkpoint=tmp_path / "run.json")
    before = (tmp_path / "run.json").read_bytes()
    again, _, same = trained(3, validation=points(2), patience=3, checkpoint=tmp_path / "run.json")
    assert (weights(again), same) == (weights(model), history)
    assert (tmp_path / "run.json").read_bytes() == before


PROGRAM = """
import sys, time
sys.path.insert(0, {here!r})
from test_training import *
model, _, history = trained(60, points(200), validation=points(20, 2), checkpoint={path!r}, batch_size=8,
                            schedule=lambda o: lr_scheduler.CosineAnnealingLR(o, 60))
print(json.dumps([model.state_dict(), history]))
"""


def test_killed_at_ten_random_moments_a_training_ends_with_the_same_bits(tmp_path):
    def start(path):
        code = PROGRAM.format(here=str(Path(__file__).parent), path=str(path))
        return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)

    path = tmp_path / "killed.json"
    uninterrupted = start(tmp_path / "whole.json").communicate()[0]
    kills, stretch = 0, 0.3
    seen = []
    while kills < 10:
        process = start(path)
        begun = path.stat().st_mtime_ns if path.exists() else 0
        while (path.stat().st_mtime_ns if path.exists() else 0) == begun and process.poll() is None:
            time.sleep(0.001)  # until it has begun to train, as most of the time Python only starts
        time.sleep(random.uniform(0.0, stretch))
        if process.poll() is None:
            process.kill()
            kills += 1
        elif kills < 10:  # it got through: start afresh, and kill sooner
            path.unlink()
            stretch /= 2
        process.communicate()
        seen.append(len(json.loads(path.read_text())["history"]["loss"]) if path.exists() else 0)
    assert start(path).communicate()[0] == uninterrupted
    assert len(uninterrupted) > 1000
    assert max(seen) > 0


def test_a_full_disk_leaves_the_old_checkpoint_whole_and_the_model_with_the_last_epoch(tmp_path, full_disk):
    path = tmp_path / "run.json"
    trained(2, checkpoint=path)
    old = path.read_bytes()
    model = Regression()
    with (
        full_disk(),
        pytest.raises(
            OSError,
            match=r"the checkpoint of epoch 3 cannot be written: No space left on device; the one before it is whole",
        ),
    ):
        trained(5, model=model, checkpoint=path)
    assert path.read_bytes() == old
    assert sorted(os.listdir(tmp_path)) == ["run.json"]
    assert weights(model) == weights(trained(3)[0])
    assert weights(trained(5, checkpoint=path)[0]) == weights(trained(5)[0])


def test_a_checkpoint_that_cannot_be_written_is_found_before_the_training(tmp_path):
    model = Regression()
    before = weights(model)
    with pytest.raises(
        OSError,
        match="the checkpoint of epoch 0 cannot be written: No such file or directory; name a file in a folder that",
    ):
        trained(1, model=model, checkpoint=tmp_path / "missing" / "run.json")
    assert weights(model) == before


def sealed(content):
    """A file with this content and its checksum."""
    checksum = f"{zlib.crc32(json.dumps(content).encode()):08x}"
    return json.dumps({"format": "autograd_mini checkpoint", "version": 1, "checksum": checksum, **content})


def content_of(text):
    """What a file holds, without what it says of it."""
    return {name: part for name, part in json.loads(text).items() if name not in ("format", "version", "checksum")}


def damaged(change):
    """What puts a change into the content of a file, unnoticed by its checksum."""

    def apply(text):
        content = content_of(text)
        assert text == sealed(content)
        change(content)
        return sealed(content)

    return apply


def put(*places, new):
    def change(content):
        *way, last = places
        functools.reduce(operator.getitem, way, content)[last] = new

    return damaged(change)


class Wider(Regression):
    def __init__(self):
        super().__init__()
        self.net, self.last = nn.Sequential(nn.Layer(2, 6), nn.Dropout(0.0)), nn.Neuron(6)


def refused(path, message, model=None, **options):
    """A training does not continue from the file, and leaves all as it is."""
    model = model or Regression()
    optimizer = optim.Adam(model.parameters(), lr=0.03)
    before, state, kept = weights(model), optimizer.state_dict(), path.read_bytes()
    draws = [rng.getstate() for rng in [model.net[1].rng]]
    with pytest.raises(ValueError, match=message):
        trained(4, model=model, make=lambda parameters, lr: optimizer, checkpoint=path, **options)
    assert (weights(model), optimizer.state_dict()) == (before, state)
    assert [rng.getstate() for rng in [model.net[1].rng]] == draws
    assert path.read_bytes() == kept
    assert not model.training or model.net[1].training


DELETE = ".*; name another file, or delete it to train from the start$"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:-10], "run.json does not hold a checkpoint: .*"),
        (lambda text: "[" * 100_000, "run.json does not hold a checkpoint: .*"),
        (
            lambda text: text.replace('"epochs": 2', '"epochs": 3'),
            "run.json does not hold a checkpoint: it is damaged, as its content has another checksum",
        ),
        (lambda text: "3.0", "checkpoint .*run.json does not belong to this training: it is not one of fit"),
        (lambda text: "{}", "it is not one of fit"),
        (lambda text: json.dumps({"w.0": 1.0}), "it is not one of fit"),
        (put("model", "last.b", new=None), r"state\['last.b'\] is None of type NoneType"),
        (put("model", "last.b", new=10**400), r"state\['last.b'\] is beyond all floats"),
        (put("best", new="x"), "state is 'x' of type str"),
        (put("best", new={}), "the state does not fit Regression: missing"),
        (put("best", "last.b", new="x"), r"state\['last.b'\] is 'x' of type str"),
        (put("history", "loss", new=[1.0]), "its history has 1 epochs of loss, and it has 2"),
        (put("history", "loss", new=["a", "b"]), "loss in its history is 'a' of type str"),
        (put("history", "validation_loss", 0, new=10**400), "validation_loss in its history is beyond all floats"),
        (put("history", new=[]), r"its history is \[\]"),
        (
            damaged(lambda s: s.update(epochs=0, history={"loss": {}, "lr": {}, "validation_loss": {}})),
            "its history is {'loss': {}, 'lr': {}, 'validation_loss': {}}",
        ),
        (damaged(lambda s: s["history"].pop("validation_loss")), "its history has .*, and not "),
        (put("history", "grad_norm/last", new=[1.0, 2.0]), r"its history has \['grad_norm/last', 'loss', 'lr', 'valid"),
        (put("epochs", new="2"), "not supported between instances of 'str' and 'int'"),
        (put("epochs", new=2.0), "slice indices must be integers"),
        (put("random", new=[]), r"zip\(\) argument"),
        (put("random", 0, 1, new=[1, 2]), "state vector is the wrong size"),
        (put("random", 0, 1, 3, new=2**70), ""),
        (put("random", 0, 1, 3, new=-1), ""),
        (put("optimizer", "step", new=-1), "step.* is -1; choose an int"),
        (put("optimizer", "state", "exp_avg", 0, new=10**400), r"exp_avg\[0\] is beyond all floats"),
        (put("optimizer", new=None), "not subscriptable"),
        (put("settings", new={}), "KeyError: 'samples'"),
        (put("settings", new=[]), "list indices"),
        (put("begun_with", "optimizer", new=[]), ""),
        (put("begun_with", new=1.0), ""),
    ],
)
def test_a_damaged_checkpoint_is_refused_and_changes_nothing(tmp_path, damage, message):
    path = tmp_path / "run.json"
    trained(2, checkpoint=path, validation=points(2), patience=9)
    path.write_text(damage(path.read_text()))
    refused(path, message + DELETE, validation=points(2), patience=9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            sealed({}).replace('"version": 1', '"version": 2'),
            "run.json holds a checkpoint of version 2, and this autograd_mini reads those up to 1; update it$",
        ),
        (
            json.dumps({"format": "autograd_mini weights", "version": 1, "content": {}}),
            r"run.json holds saved weights and not a checkpoint; load it with the .load\(\) of a module$",
        ),
    ],
)
def test_a_file_that_is_no_checkpoint_of_ours_is_refused_by_name(tmp_path, text, message):
    path = tmp_path / "run.json"
    path.write_text(text)
    refused(path, message)


def test_every_flipped_bit_of_a_checkpoint_is_refused_or_changes_nothing(tmp_path):
    path, data = tmp_path / "run.json", [([0.5], 0.25)]

    def run(epochs):
        model = nn.Neuron(1, nonlin=False, rng=random.Random(0))
        optimizer = optim.Adam(model.parameters())
        history = ag.fit(model, nn.mse_loss, data, optimizer, epochs=epochs, checkpoint=path, validation=data,
                         patience=5, progress=False)  # fmt: skip
        return model.state_dict(), optimizer.state_dict(), history

    run(2)
    good = path.read_bytes()
    whole, content, accepted = run(3), content_of(good), 0
    for place in range(8 * len(good)):
        text = bytearray(good)
        text[place // 8] ^= 1 << place % 8
        path.write_bytes(text)
        model = nn.Neuron(1)
        before = model.state_dict()
        try:
            found = read_json(path, CHECKPOINT, "")
        except ValueError:
            if place % 16 == 0:
                with pytest.raises(ValueError, match="run.json"):
                    model.load(path, strict=False)
                assert model.state_dict() == before
        else:
            assert repr(found) == repr(content)
            assert run(3) == whole
            accepted += 1
    assert accepted < 0.02 * 8 * len(good)  # an exponent's e, and what is between the parts


# Whatever a person changes, and what the message says of it.
CHANGES = [
    ({"make": optim.SGD}, {"make": lambda p, lr: optim.SGD(p, lr=0.5)}, "begun with lr=0.03, and this call has 0.5"),
    (
        {"make": optim.Adam},
        {"make": lambda p, lr: optim.Adam(p, lr=lr, betas=(0.5, 0.5))},
        r"begun with betas=\[0.9, 0.999\], and this call has \[0.5, 0.5\]",
    ),
    ({}, {"make": lambda p, lr: optim.Adam(p, lr=0.003)}, "it was begun with lr=0.03, and this call has 0.003"),
    ({}, {"batch_size": 5}, "it was made with batch_size=4, and this call has 5"),
    ({}, {"seed": None}, "it was made with seed=0, and this call has None"),
    ({}, {"max_norm": 1.0}, "it was made with max_norm=None, and this call has 1.0"),
    ({}, {"data": points(11)}, "it was made with samples=10, and this call has 11"),
    ({}, {"validation": points(1)}, "it was made with validation=0, and this call has 1"),
    ({}, {"diagnostics": True}, "it was made with diagnostics=False, and this call has True"),
    ({}, {"epochs": 1}, r"it has 2 epochs already, and this call asks for 1 in all \(epochs=3 would be 1 more\)"),
    ({}, {"schedule": SCHEDULES[1]}, "only one of the two has a scheduler"),
    (
        {"schedule": lambda o: lr_scheduler.CosineAnnealingLR(o, 3)},
        {"schedule": lambda o: lr_scheduler.CosineAnnealingLR(o, 6)},
        "begun with T_max=3, and this call has 6",
    ),
    (
        {"schedule": lambda o: lr_scheduler.StepLR(o, 3)},
        {"schedule": lambda o: lr_scheduler.CosineAnnealingLR(o, 3)},
        "begun with scheduler=StepLR, and this call has CosineAnnealingLR",
    ),
]


@pytest.mark.parametrize(("first", "then", "message"), CHANGES)
def test_after_a_change_a_training_goes_on_by_the_calls_that_the_refusal_names(tmp_path, first, then, message):
    path, other = tmp_path / "run.json", tmp_path / "other.json"
    model, optimizer, _ = trained(2, checkpoint=path, model=Regression(p=0.0), **first)
    kept, then = path.read_bytes(), {"epochs": 4, **first, **then}
    make = then.pop("make", optim.Adam)
    with pytest.raises(ValueError, match="run.json is of another training: .*" + message) as refusal:
        trained(checkpoint=path, make=make, model=Regression(seed=7, p=0.0), **then)
    calls = f"call model.load('{path}') and optimizer.load('{path}') and then fit with another file for its checkpoint"
    assert str(refusal.value).endswith(f"; to go on from it with the change, {calls}")

    def with_the_objects_of_before(parameters, lr):
        again = make(parameters, lr=lr)
        again.load_state_dict({**optimizer.state_dict(), "hyper": again.state_dict()["hyper"]})
        return again

    def by_the_calls(parameters, lr):
        again = make(parameters, lr=lr)
        again.load(path)
        return again

    fresh = Regression(seed=8, p=0.0)
    fresh.load(path)
    gone_on = trained(make=by_the_calls, model=fresh, checkpoint=other, **then)
    expected = trained(make=with_the_objects_of_before, model=model, **then)
    assert (weights(gone_on[0]), gone_on[2]) == (weights(expected[0]), expected[2])
    assert gone_on[1].state_dict() == expected[1].state_dict()
    assert path.read_bytes() == kept
    # The same program once more, as after an interruption, continues from the new file.
    fresh.load(path)
    again = trained(make=by_the_calls, model=fresh, checkpoint=other, **then)
    assert (weights(again[0]), again[2]) == (weights(gone_on[0]), gone_on[2])


@pytest.mark.parametrize(
    ("model", "make", "message", "calls"),
    [
        (Wider, optim.Adam, "it has the parameters of another model", "model.load({path!r}, strict=False)"),
        (Regression, optim.SGD, "it was begun with optimizer=Adam, and this call has SGD", "model.load({path!r})"),
    ],
)
def test_of_another_model_or_optimizer_the_weights_can_be_taken_over(tmp_path, model, make, message, calls):
    path, model = tmp_path / "run.json", model()
    saved = trained(2, checkpoint=path)[0].state_dict()
    with pytest.raises(ValueError, match=message) as refusal:
        trained(4, checkpoint=path, model=model, make=make)
    call = calls.format(path=str(path))
    assert f"; to go on from it with the change, call {call} and then fit with another file" in str(refusal.value)
    eval(call, {"model": model})
    common = set(saved) & set(model.state_dict())
    assert {name: model.state_dict()[name] for name in common} == {name: saved[name] for name in common}
    trained(4, checkpoint=tmp_path / "other.json", model=model, make=make)


@pytest.mark.parametrize(
    ("write", "kind", "message"),
    [
        (lambda path: nn.Neuron(2).save(path), ValueError, "holds saved weights and not a checkpoint; load it with"),
        (lambda path: path.write_text("{"), ValueError, "does not hold a checkpoint: .*; name another file"),
        (lambda path: path.write_text("{}"), ValueError, "does not hold a checkpoint: it has no 'optimizer'; name"),
        (lambda path: path.write_text("[]"), ValueError, "does not hold a checkpoint: it has no 'optimizer'; name"),
        (lambda path: path.write_text(sealed({"optimizer": 1})), TypeError, "state is 1 of type int; pass what state_"),
        (lambda path: path.write_text(sealed({"optimizer": {}})), ValueError, r"state has \[\], and not \['optimizer'"),
        (lambda path: trained(1, checkpoint=path, make=optim.SGD), ValueError, "state belongs to the optimizer 'SGD'"),
        (
            lambda path: ag.fit(net := nn.Neuron(2), nn.mse_loss, points(2), optim.Adam(net.parameters()), epochs=1,
                                checkpoint=path, progress=False),
            ValueError,
            "exp_avg is of 3 parameters, and this optimizer has 21; load it for the parameters it was saved for",
        ),
        (lambda path: None, OSError, "No such file"),
    ],
)  # fmt: skip
def test_an_optimizer_loads_from_a_checkpoint_of_its_kind_only_and_is_else_as_it_was(tmp_path, write, kind, message):
    path = tmp_path / "run.json"
    write(path)
    optimizer = trained(1)[1]
    before = optimizer.state_dict()
    with pytest.raises(kind, match=message):
        optimizer.load(path)
    assert optimizer.state_dict() == before


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_training_goes_on_with_the_same_objects(tmp_path, schedule):
    """Their hyper-parameters are those of the end of the first part, as the schedule moved them."""
    model = Regression()
    optimizer = optim.Adam(model.parameters(), lr=0.03)
    scheduler = schedule and schedule(optimizer)
    for epochs in (2, 4):
        ag.fit(model, nn.mse_loss, points(10), optimizer, epochs=epochs, batch_size=4, scheduler=scheduler,
               checkpoint=tmp_path / "run.json", progress=False)  # fmt: skip
    assert weights(model) == weights(trained(4, schedule=schedule)[0])


def test_fewer_epochs_than_the_checkpoint_has_are_refused(tmp_path):
    trained(3, checkpoint=tmp_path / "run.json")
    model = Regression(seed=5)
    before = weights(model)
    with pytest.raises(ValueError, match="it has 3 epochs already, and this call asks for 2 in all"):
        trained(2, model=model, checkpoint=tmp_path / "run.json")
    assert weights(model) == before


def test_the_architecture_is_compared_and_not_only_the_names(tmp_path):
    for activation, message in (("tanh", None), ("relu", "it was made with model=")):
        model = nn.Sequential(nn.Layer(2, 3, activation=activation), nn.Neuron(3))
        if message:
            with pytest.raises(ValueError, match=message):
                trained(2, model=model, checkpoint=tmp_path / "run.json")
        else:
            trained(1, model=model, checkpoint=tmp_path / "run.json")


def test_a_source_whose_state_cannot_be_saved_is_refused_for_a_checkpoint_only(tmp_path):
    class Halves:
        def uniform(self, a, b):
            return 0.5

    system = nn.Sequential(nn.Layer(2, 3), nn.Dropout(0.1, rng=random.SystemRandom()), nn.Neuron(3))
    with pytest.raises(TypeError, match="cannot keep the state of <random.SystemRandom"):
        trained(1, model=system, checkpoint=tmp_path / "run.json")
    model = nn.Sequential(nn.Layer(2, 3), nn.Dropout(0.1, rng=Halves()), nn.Neuron(3))
    with pytest.raises(
        TypeError, match=r"a checkpoint cannot keep the state of <.*Halves.*give its modules rng=random.Random"
    ):
        trained(1, model=model, checkpoint=tmp_path / "run.json")
    assert len(trained(1, model=model)[2]["loss"]) == 1


# ---- Ctrl-C. --------------------------------------------------------------------------------------------------------


def pressing(times, on_call):
    """A loss during whose given call Ctrl-C is pressed once or more."""
    calls = itertools.count(1)

    def loss(outputs, targets):
        if next(calls) == on_call:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.001)  # lets the handler run
        return nn.mse_loss(outputs, targets)

    return loss


def interrupted(times, model, **options):
    """During the second batch of the third epoch, of three batches each."""
    optimizer = optim.Adam(model.parameters(), lr=0.03)
    return ag.fit(model, pressing(times, 8), points(10), optimizer, epochs=9, batch_size=4,
                  progress=False, **options)  # fmt: skip


def test_ctrl_c_ends_the_training_after_the_batch_at_hand(tmp_path):
    model, twin = Regression(), Regression()
    with pytest.raises(KeyboardInterrupt, match="fit was interrupted after 2 of 9 epochs"):
        interrupted(1, model, checkpoint=tmp_path / "run.json")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(json.loads((tmp_path / "run.json").read_text())["history"]["loss"]) == 2
    assert not model.training

    optimizer = optim.Adam(twin.parameters(), lr=0.03)
    ag.fit(twin, nn.mse_loss, points(10), optimizer, epochs=2, batch_size=4, progress=False)
    twin.train()
    order = list(range(10))
    random.Random("0 2").shuffle(order)
    for rows in (order[:4], order[4:8]):
        error = nn.mse_loss([twin(points(10)[i][0]) for i in rows], [points(10)[i][1] for i in rows])
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert weights(model) == weights(twin)
    assert weights(trained(9, checkpoint=tmp_path / "run.json")[0]) == weights(trained(9)[0])


def test_ctrl_c_with_patience_leaves_the_best_weights(tmp_path):
    model = Regression()
    path = tmp_path / "run.json"
    with pytest.raises(KeyboardInterrupt, match="fit was interrupted after 2 of 9 epochs"):
        interrupted(1, model, validation=[([0.0, 0.0], 1e9)], patience=9, checkpoint=path)
    losses = json.loads(path.read_text())["history"]["validation_loss"]
    assert weights(model) == weights(trained(1 + losses.index(min(losses)))[0])


def test_ctrl_c_in_the_last_epoch_interrupts_nothing():
    model = Regression()
    optimizer = optim.Adam(model.parameters(), lr=0.03)

    def loss(outputs, targets):
        if not model.training:
            os.kill(os.getpid(), signal.SIGINT)
        return nn.mse_loss(outputs, targets)

    history = ag.fit(model, loss, points(10), optimizer, epochs=1, batch_size=4, validation=points(1), progress=False)
    assert len(history["loss"]) == 1
    assert weights(model) == weights(trained(1)[0])


def test_ctrl_c_twice_interrupts_at_once_and_goes_back_to_the_last_epoch():
    model = Regression()
    with pytest.raises(KeyboardInterrupt):
        interrupted(2, model)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert weights(model) == weights(trained(2)[0])


def test_a_program_that_handles_signals_itself_and_another_thread_keep_their_ways():
    noted = []
    before = signal.signal(signal.SIGINT, lambda *_: noted.append(1))
    try:
        assert len(interrupted(1, Regression())["loss"]) == 9
    finally:
        signal.signal(signal.SIGINT, before)
    assert noted == [1]
    results = []
    thread = threading.Thread(target=lambda: results.append(trained(2)))
    thread.start()
    thread.join()
    assert weights(results[0][0]) == weights(trained(2)[0])


# ---- The progress bar. ----------------------------------------------------------------------------------------------


def test_the_bar_shows_epoch_and_loss_where_tqdm_is_installed(capsys, monkeypatch):
    pytest.importorskip("tqdm", reason="needs the extra demos")
    trained(2, progress=True)
    shown = capsys.readouterr().err
    assert re.search(r"epoch 2, loss \d", shown)
    assert "6/6" in shown
    trained(2, progress=False)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    trained(2, progress=True)
    assert capsys.readouterr().err == ""


def test_a_resumed_bar_begins_where_it_was(tmp_path, capsys):
    pytest.importorskip("tqdm", reason="needs the extra demos")
    trained(3, checkpoint=tmp_path / "run.json")
    trained(4, checkpoint=tmp_path / "run.json", progress=True)
    shown = capsys.readouterr().err
    assert "9/12" in shown
    assert "12/12" in shown


# ---- Bad input. -----------------------------------------------------------------------------------------------------


def call(model=None, loss=nn.mse_loss, data=None, optimizer=None, **options):
    model = Regression() if model is None else model
    optimizer = optim.SGD(model.parameters()) if optimizer is None else optimizer
    return ag.fit(
        model, loss, points(3) if data is None else data, optimizer, **{"epochs": 1, "progress": False, **options}
    )


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"data": []}, ValueError, r"data is empty; pass at least one pair \(input, target\)"),
        ({"validation": []}, ValueError, "validation is empty"),
        ({"data": iter(points(3))}, TypeError, r"data is a list of pairs .*, got a list_iterator; write list\(zip"),
        (
            {"data": ([[0.0, 0.0]] * 3, [0.0] * 3)},
            TypeError,
            r"data\[0\] is no pair \(input, target\) but a list of 3; write list\(zip",
        ),
        ({"data": [([0.0, 0.0], 1.0), 5.0]}, TypeError, r"data\[1\] is no pair \(input, target\) but a float; write"),
        (
            {"data": [([0.0, 0.0], 1.0), ([0.0, math.nan], 1.0)]},
            ValueError,
            r"data\[1\] has nan at input\[1\]; drop the row or fill in",
        ),
        ({"data": [([0.0, 0.0], -math.inf)]}, ValueError, r"data\[0\] has -inf at target; drop"),
        (
            {"data": [({"a": [0.0, ag.Value(math.nan)]}, 1.0)]},
            ValueError,
            r"data\[0\] has Value\(nan\) at input\['a'\]\[1\]; drop the row or fill in a number",
        ),
        (
            {"data": [([10**400, Point(1.0, math.inf), "text", None], 1.0)]},
            ValueError,
            r"data\[0\] has inf at input\[1\].y; drop",
        ),
        ({"validation": [([0.0, 0.0], math.nan)]}, ValueError, r"validation\[0\] has nan at target"),
        ({"epochs": 0}, ValueError, "epochs is 0; choose an int of at least 1"),
        ({"epochs": 1.5}, TypeError, "epochs is 1.5"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"seed": "a"}, TypeError, "seed is 'a' of type str; choose an int of at least 0"),
        ({"max_norm": -1}, ValueError, "max_norm is -1"),
        ({"patience": 0, "validation": points(1)}, ValueError, "patience is 0"),
        ({"max_norm": 0.0}, ValueError, "max_norm is 0.0; choose a finite number above 0"),
        ({"checkpoint": True}, TypeError, "checkpoint is True of type bool; pass the name of a file"),
        ({"patience": 3}, ValueError, "patience is a number of epochs .*; pass validation too"),
        ({"progress": 1}, TypeError, "progress is 1 of type int; choose True or False"),
        ({"loss": None}, TypeError, "loss is None of type NoneType; pass a function such as nn.cross_entropy"),
        (
            {"optimizer": "Adam"},
            TypeError,
            r"optimizer is 'Adam' of type str; pass one such as optim.Adam\(model.parameters\(\)\)",
        ),
        (
            {"optimizer": optim.SGD([ag.Value(1.0)])},
            ValueError,
            "the optimizer has none of the model's parameters; make it of",
        ),
        ({"scheduler": 0.1}, TypeError, "scheduler is 0.1 of type float; pass one such as optim.lr_scheduler.StepLR"),
        (
            {"scheduler": lr_scheduler.StepLR(optim.SGD([ag.Value(1.0)]), 1)},
            ValueError,
            "the scheduler belongs to another optimizer",
        ),
        ({"shuffle": True}, TypeError, "unexpected keyword argument 'shuffle'"),
        (
            {"loss": lambda outputs, targets: 0.5},
            TypeError,
            r"the loss is 0.5 of type float, from which there is no way back",
        ),
        (
            {"loss": lambda outputs, targets: nn.mse_loss(outputs, targets).item()},
            TypeError,
            r"the loss is .* of type float, .* to the weights; return a Value, and compute without .item\(\)",
        ),
        (
            {"loss": lambda outputs, targets: None},
            TypeError,
            r"data\[0\]: the loss is None of type NoneType; have its function return one number, such as nn.mse",
        ),
        (
            {"loss": lambda outputs, targets: outputs},
            TypeError,
            r"data\[0\]: the loss is \[Value\(.*\)\] of type list; have its function return one number",
        ),
        (
            {"loss": lambda outputs, targets: ag.Value(0.5)},
            ValueError,
            r"the loss Value\(0.5\) was computed from no parameter",
        ),
    ],
)
def test_bad_arguments_are_refused(options, kind, message):
    with pytest.raises(kind, match=message):
        call(**options)


def test_a_parameter_of_the_optimizer_alone_is_refused():
    model = Regression()
    with pytest.raises(
        ValueError, match=r"the optimizer has Value\(1.5\), which is no parameter of the model; make it an"
    ):
        call(model, optimizer=optim.SGD([*model.parameters(), ag.Value(1.5)]))


def test_a_part_of_the_model_can_be_trained_alone():
    model = Regression()
    before = weights(model)
    with pytest.warns(UserWarning, match="the loss depends on 'net.layers.0.neurons.0.w.0', .* and 10 more, which"):
        call(model, optimizer=optim.SGD(model.last.parameters()), epochs=3)
    count = len(model.net.parameters())
    assert weights(model)[:count] == before[:count]
    assert weights(model)[count:] != before[count:]
    assert {p.grad for p in model.parameters()} == {0.0}


def test_a_model_must_be_a_module():
    with pytest.raises(TypeError, match=r"model is <function .* of type function; pass an nn.Module"):
        ag.fit(lambda x: x, nn.mse_loss, points(3), optim.SGD([ag.Value(1.0)]), epochs=1)


def test_training_without_recording_is_refused():
    with (
        ag.no_grad(),
        pytest.raises(ValueError, match=r"was computed from no parameter; leave ag.no_grad\(\) for the training"),
    ):
        call()


@pytest.mark.parametrize(
    ("model", "loss", "row", "kind", "message"),
    [
        (
            lambda: nn.MLP(2, [3]),
            nn.cross_entropy,
            ([0.0, 1.0], 3),
            ValueError,
            r"data\[5\]: target\[0\] is 3; there are 3 classes",
        ),
        (
            lambda: nn.MLP(2, [3]),
            nn.cross_entropy,
            ([0.0, 1.0], 0.5),
            TypeError,
            r"data\[5\]: target\[0\] is 0.5 of type float; pass the index",
        ),
        (
            lambda: nn.MLP(2, [3]),
            nn.cross_entropy,
            ([0.0, 1.0, 2.0], 0),
            ValueError,
            r"data\[5\]: .* takes 2 inputs, got 3",
        ),
        (
            lambda: nn.MLP(2, [3]),
            lambda ys, ts: sum(ag.log(ag.sum(y) - ag.sum(y) + t) for y, t in zip(ys, ts, strict=True)),
            ([0.0, 0.0], 0),
            ValueError,
            r"data\[5\]: .*log",
        ),
    ],
)
def test_a_sample_that_is_refused_is_named_and_nothing_is_half_changed(model, loss, row, kind, message):
    """Whichever batch it is in, and in the validation too."""
    data = [([i / 7, i / 9], 1 + i % 2) for i in range(12)]
    for batch_size, seed, name in itertools.product((1, 5, 12), (None, 0), ("data", "validation")):
        net = model()
        optimizer = optim.Adam(net.parameters())
        before, state = weights(net), optimizer.state_dict()
        parts = {"data": data, "validation": data[:2]}
        parts[name] = [*data[:5], row, *data[6:]]
        with pytest.raises(kind, match=message.replace("data", name)):
            call(net, loss, optimizer=optimizer, batch_size=batch_size, seed=seed, **parts)
        assert (weights(net), optimizer.state_dict()) == (before, state)


def test_of_several_refused_samples_the_first_is_named_whatever_their_order():
    data = [([0.0, 0.0], i % 3) for i in range(20)]
    data[4] = data[7] = data[15] = ([0.0, 0.0], 3)
    for seed in range(5):
        with pytest.raises(ValueError, match=r"data\[4\]: target\[0\] is 3"):
            call(nn.MLP(2, [3]), nn.cross_entropy, data=data, batch_size=20, seed=seed)


def test_arrays_serve_as_data_and_those_of_one_number_as_numbers():
    numpy = pytest.importorskip("numpy", reason="needs the extra demos")
    data = points(10)
    inputs, targets = numpy.array([x for x, _ in data]), numpy.array([t for _, t in data])
    assert weights(trained(2, list(zip(inputs, targets, strict=True)))[0]) == weights(trained(2, data)[0])
    with pytest.raises(TypeError, match=r"data\[0\]: .*takes a list of 2 numbers"):
        call(nn.Neuron(2), data=[(numpy.array(1.0), 0.0)])
    with pytest.raises(ValueError, match=r"data\[0\] has nan at target; drop the row"):
        call(data=[([1.0, 1.0], numpy.array(math.nan))])


def test_an_image_smaller_than_the_kernel_is_named():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Neuron(2))
    data = [([[[0.0] * 3] * 3], 0.0), ([[[0.0] * 3] * 2], 0.0)]
    with pytest.raises(ValueError, match=r"data\[1\]: .*takes an image of at least 3 x 3 pixels, got 2 x 3"):
        call(net, data=data)


@pytest.mark.parametrize("resumed", [False, True])
def test_an_error_in_a_later_epoch_goes_back_to_the_epoch_before(tmp_path, resumed):
    path = tmp_path / "run.json" if resumed else None
    if resumed:
        trained(2, checkpoint=path)
    calls = itertools.count(7 if resumed else 1)

    def loss(outputs, targets):
        if next(calls) == 8:
            raise RuntimeError("the eighth batch")
        return nn.mse_loss(outputs, targets)

    model = Regression()
    optimizer = optim.Adam(model.parameters(), lr=0.03)
    with pytest.raises(RuntimeError, match="the eighth batch"):
        ag.fit(model, loss, points(10), optimizer, epochs=9, batch_size=4, checkpoint=path, progress=False)
    twin, expected, _ = trained(2)
    assert weights(model) == weights(twin)
    assert optimizer.state_dict() == expected.state_dict()


def test_what_dropout_draws_goes_back_too():
    model, twin = Regression(), Regression()

    def loss(outputs, targets):
        raise RuntimeError("no loss")

    with pytest.raises(RuntimeError, match="no loss"):
        call(model, loss)
    assert model.net[1].rng.getstate() == twin.net[1].rng.getstate()
    assert not model.training
    assert {p.grad for p in model.parameters()} == {0.0}


def test_weights_that_are_not_finite_are_no_end_of_an_epoch(tmp_path):
    model = nn.Neuron(2, nonlin=False, rng=random.Random(0))
    before = weights(model)
    optimizer = optim.SGD(model.parameters(), lr=1e308)
    with pytest.raises(ag.AnomalyError, match=r"w.0 became -?inf in epoch 1; lower the learning rate, or call"):
        call(model, lambda y, t: 100 * nn.mse_loss(y, t), optimizer=optimizer, checkpoint=tmp_path / "run.json")
    assert weights(model) == before
    assert json.loads((tmp_path / "run.json").read_text())["epochs"] == 0


def test_the_sample_whose_loss_is_not_finite_is_named():
    data = [([1.0, 1.0], 0.5), ([1.0, 1.0], 1e200), ([0.0, 1.0], 1.0)]
    for context in (contextlib.nullcontext, ag.detect_anomaly):
        with context(), pytest.raises(ag.AnomalyError, match=r"^data\[1\]: "):
            call(data=data)


def test_a_loss_that_is_not_finite_is_an_anomaly():
    model = Regression(p=0.0)
    before = weights(model)
    with pytest.raises(
        ag.AnomalyError, match=r"data\[0\]: the loss is inf; lower the learning rate or set max_norm, or call fit under"
    ):
        call(model, data=[([1.0, 1.0], 1e200)])
    assert weights(model) == before
