"""Schedules of the learning rate, against PyTorch's numbers, against closed forms, and against bad input."""

import inspect
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini import Value
from autograd_mini.arguments import number_within
from autograd_mini.optim import SGD, Adam, lr_scheduler
from autograd_mini.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, ReduceLROnPlateau, StepLR

STORED = json.loads(Path(__file__).with_name("data").joinpath("torch_lr_scheduler.json").read_text())
RUNS, LOSSES = STORED["runs"], STORED["losses"]
KINDS = {kind.__name__: kind for kind in (StepLR, LinearLR, CosineAnnealingLR, ReduceLROnPlateau)}


def optimizer_at(lr):
    return SGD([Value(1.0)], lr=lr)


def start(name):
    optimizer = optimizer_at(0.1)
    return optimizer, [KINDS[kind](optimizer, **hyper) for kind, hyper in RUNS[name]["schedules"]]


def advance(optimizer, schedules, name, t):
    optimizer.lr = RUNS[name]["changes"].get(str(t), optimizer.lr)
    for schedule in schedules:
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(LOSSES[t])
        else:
            schedule.step()


# ---- PyTorch's numbers. ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_every_rate_is_pytorchs_to_the_last_bit(name):
    optimizer, schedules = start(name)
    rates = [optimizer.lr]
    for t in range(len(LOSSES)):
        advance(optimizer, schedules, name, t)
        rates.append(optimizer.lr)
        assert schedules[0].get_last_lr() == [optimizer.lr]
    assert [rate.hex() for rate in rates] == [float(rate).hex() for rate in RUNS[name]["rates"]]
    assert len(set(rates)) > 1


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.filterwarnings("ignore")
def test_every_rate_is_that_of_the_torch_that_is_installed(name):
    torch = pytest.importorskip("torch")
    theirs = torch.optim.SGD([torch.tensor(1.0)], lr=0.1)
    group = theirs.param_groups[0]
    their_schedules = [
        getattr(torch.optim.lr_scheduler, kind)(theirs, **hyper) for kind, hyper in RUNS[name]["schedules"]
    ]
    optimizer, schedules = start(name)
    for t in range(len(LOSSES)):
        advance(optimizer, schedules, name, t)
        group["lr"] = RUNS[name]["changes"].get(str(t), group["lr"])
        for schedule in their_schedules:
            schedule.step(*[LOSSES[t]] * ("Plateau" in type(schedule).__name__))
        assert optimizer.lr == group["lr"]


@pytest.mark.parametrize("kind", KINDS)
def test_names_order_and_defaults_are_pytorchs(kind):
    ours = list(inspect.signature(KINDS[kind]).parameters.values())
    theirs = STORED["defaults"][kind][: len(ours)]
    assert [[p.name, None if p.default is p.empty else p.default] for p in ours] == theirs


# ---- Closed forms. --------------------------------------------------------------------------------------------------

rate = st.floats(1e-3, 1e3)
steps = st.integers(0, 50)


def after(schedule, count):
    for _ in range(count):
        schedule.step()
    assert schedule.last_epoch == count
    return schedule.optimizer.lr


@given(rate, st.integers(1, 9), st.floats(0.1, 1.0), steps)
def test_step_lr_has_a_power_of_gamma(lr, size, gamma, count):
    got = after(StepLR(optimizer_at(lr), size, gamma), count)
    assert got == pytest.approx(lr * gamma ** (count // size), rel=1e-13)


@given(rate, st.floats(0.01, 1.0), st.floats(0.01, 1.0), st.integers(1, 30), steps)
def test_linear_lr_is_a_line_and_then_stays(lr, first, last, total, count):
    got = after(LinearLR(optimizer_at(lr), first, last, total), count)
    assert got == pytest.approx(lr * (first + (last - first) * min(count, total) / total), rel=1e-12)


@given(rate, st.integers(1, 30), st.floats(0.0, 0.9), steps)
def test_cosine_annealing_is_a_cosine(lr, top, low, count):
    got = after(CosineAnnealingLR(optimizer_at(lr), top, low * lr), count)
    wave = (1 + math.cos(math.pi * count / top)) / 2
    # Each step divides by what is left of the wave, so PyTorch's rule loses digits near the bottom.
    assert got == pytest.approx(lr * (low + (1 - low) * wave), rel=1e-9, abs=1e-9 * lr)


@given(st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=30), st.integers(0, 5), st.sampled_from(["min", "max"]))
def test_a_plateau_is_more_steps_without_improvement_than_patience(metrics, patience, mode):
    schedule = ReduceLROnPlateau(optimizer_at(1.0), mode, 0.5, patience, threshold=0, eps=0)
    reductions, waited, best = 0, 0, None
    for metric in metrics:
        schedule.step(metric)
        if best is None or (metric < best if mode == "min" else metric > best):
            best, waited = metric, 0
        else:
            waited += 1
        if waited > patience:
            reductions, waited = reductions + 1, 0
        assert (schedule.best, schedule.num_bad_epochs, schedule.optimizer.lr) == (best, waited, 0.5**reductions)


# ---- State. ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [0, 1, 13])
@pytest.mark.parametrize("name", RUNS)
def test_a_state_carried_by_json_continues_to_the_last_bit(name, cut):
    uninterrupted, schedules = start(name)
    for t in range(cut):
        advance(uninterrupted, schedules, name, t)
    saved = [schedule.state_dict() for schedule in schedules]
    carried = json.loads(json.dumps(saved))
    assert carried == saved
    resumed = optimizer_at(7.0)
    others = [KINDS[kind](resumed, **({"T_max": 3} if "Cos" in kind else {"step_size": 3} if "Step" in kind else {}))
              for kind, _ in RUNS[name]["schedules"]]  # fmt: skip
    for schedule, state in zip(others, carried, strict=True):
        schedule.load_state_dict(state)
    assert resumed.lr == uninterrupted.lr
    for t in range(cut, len(LOSSES)):
        advance(uninterrupted, schedules, name, t)
        advance(resumed, others, name, t)
        assert resumed.lr == uninterrupted.lr
    assert [s.state_dict() for s in others] == [s.state_dict() for s in schedules]


def test_state_dicts_as_documented():
    optimizer = optimizer_at(0.5)
    schedule = StepLR(optimizer, 1, gamma=1)
    schedule.step()
    assert schedule.state_dict() == {
        "scheduler": "StepLR",
        "lr": 0.5,
        "hyper": {"step_size": 1, "gamma": 1.0},
        "progress": {"last_epoch": 1, "base_lr": 0.5},
    }
    schedule.state_dict()["hyper"]["gamma"] = 3.0
    assert schedule.gamma == 1.0
    assert ReduceLROnPlateau(optimizer).state_dict()["progress"] == {
        "last_epoch": 0, "best": math.inf, "num_bad_epochs": 0, "cooldown_counter": 0
    }  # fmt: skip


def test_hyper_parameters_can_be_read_and_assigned():
    schedule = StepLR(optimizer_at(1.0), 1)
    schedule.gamma = 1 / 4
    schedule.step()
    assert (schedule.optimizer.lr, schedule.step_size) == (0.25, 1)


def test_the_base_class_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        LRScheduler(optimizer_at(1.0))


def test_every_schedule_works_with_every_optimizer():
    optimizer = Adam([Value(1.0)], lr=0.5)
    StepLR(optimizer, 1).step()
    assert optimizer.lr == 0.05
    assert set(KINDS) <= set(vars(lr_scheduler))


# ---- Bad input. -----------------------------------------------------------------------------------------------------

AT_LEAST_0 = "choose a finite number of at least 0"
BAD_HYPER = [
    (StepLR, {"step_size": 0}, ValueError, "step_size is 0; choose an int of at least 1"),
    (StepLR, {"step_size": 2.0}, TypeError, "step_size is 2.0 of type float; choose an int of at least 1"),
    (StepLR, {"step_size": 2, "gamma": -1}, ValueError, f"gamma is -1; {AT_LEAST_0}"),
    (LinearLR, {"start_factor": 0}, ValueError, "start_factor is 0; choose a finite number above 0 and at most 1"),
    (LinearLR, {"start_factor": 1.5}, ValueError, "start_factor is 1.5; choose a finite number above 0 and at most 1"),
    (LinearLR, {"end_factor": -1}, ValueError, "end_factor is -1; choose a finite number of at least 0 and at most 1"),
    (
        LinearLR,
        {"end_factor": "1"},
        TypeError,
        "end_factor is '1' of type str; choose a finite number of at least 0 and at most 1",
    ),
    (LinearLR, {"total_iters": 0}, ValueError, "total_iters is 0; choose an int of at least 1"),
    (CosineAnnealingLR, {"T_max": -1}, ValueError, "T_max is -1; choose an int of at least 1"),
    (CosineAnnealingLR, {"T_max": True}, TypeError, "T_max is True of type bool; choose an int of at least 1"),
    (CosineAnnealingLR, {"T_max": 1, "eta_min": -1}, ValueError, f"eta_min is -1; {AT_LEAST_0}"),
    (ReduceLROnPlateau, {"mode": "low"}, ValueError, "mode is 'low'; choose 'min' or 'max'"),
    (ReduceLROnPlateau, {"threshold_mode": 1}, TypeError, "threshold_mode is 1 of type int; choose 'rel' or 'abs'"),
    (ReduceLROnPlateau, {"factor": 1.0}, ValueError, f"factor is 1.0; {AT_LEAST_0} and below 1"),
    (ReduceLROnPlateau, {"patience": -1}, ValueError, "patience is -1; choose an int of at least 0"),
    (ReduceLROnPlateau, {"threshold": -1}, ValueError, f"threshold is -1; {AT_LEAST_0}"),
    (ReduceLROnPlateau, {"cooldown": 0.5}, TypeError, "cooldown is 0.5 of type float; choose an int of at least 0"),
    (ReduceLROnPlateau, {"min_lr": -1}, ValueError, f"min_lr is -1; {AT_LEAST_0}"),
    (ReduceLROnPlateau, {"eps": -1}, ValueError, f"eps is -1; {AT_LEAST_0}"),
]


def refusal(error, do):
    with pytest.raises(error) as caught:
        do()
    assert caught.type is error
    return str(caught.value)


@pytest.mark.parametrize(("kind", "hyper", "error", "message"), BAD_HYPER)
def test_a_bad_hyper_parameter_is_refused_and_changes_nothing(kind, hyper, error, message):
    optimizer = optimizer_at(0.5)
    assert refusal(error, lambda: kind(optimizer, **hyper)) == message
    assert optimizer.lr == 0.5


def test_a_bad_assignment_is_refused_and_changes_nothing():
    schedule = StepLR(optimizer_at(1.0), 5)
    assert refusal(TypeError, lambda: setattr(schedule, "step_size", None)) == (
        "step_size is None of type NoneType; choose an int of at least 1"
    )
    assert schedule.step_size == 5


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_is_no_optimizer_is_refused(kind):
    required = {StepLR: [1], CosineAnnealingLR: [1]}.get(kind, [])
    assert refusal(TypeError, lambda: kind([0.1], *required)) == (
        "optimizer is [0.1] of type list; pass one such as SGD([w, b], lr=0.1)"
    )


@pytest.mark.parametrize("metric", [Value(1.0), "1", None])
def test_a_metric_is_a_plain_number(metric):
    schedule = ReduceLROnPlateau(optimizer_at(1.0))
    before = schedule.state_dict()
    assert refusal(TypeError, lambda: schedule.step(metric)) == (
        f"metrics is {metric!r} of type {type(metric).__name__}; pass a plain number such as loss.item()"
    )
    assert schedule.state_dict() == before


def saved(**changes):
    return {**ReduceLROnPlateau(optimizer_at(0.5)).state_dict(), **changes}


def progress(**changes):
    return {**saved()["progress"], **changes}


BAD_STATES = [
    (None, TypeError, "state is None of type NoneType; pass what state_dict() returned"),
    (
        {"lr": 0.5},
        ValueError,
        "state has ['lr'], and not ['scheduler', 'lr', 'hyper', 'progress']; pass what state_dict() returned",
    ),
    (
        StepLR(optimizer_at(0.5), 1).state_dict(),
        ValueError,
        "state belongs to the schedule 'StepLR', and this is 'ReduceLROnPlateau'; "
        "load it into a schedule of its own class",
    ),
    (saved(lr=-1), ValueError, f"lr is -1; {AT_LEAST_0}"),
    (
        saved(hyper=[]),
        TypeError,
        "state['hyper'] is [] of type list; pass what state_dict() returned",
    ),
    (
        saved(hyper={**saved()["hyper"], "mode": "up"}),
        ValueError,
        "mode is 'up'; choose 'min' or 'max'",
    ),
    (
        saved(progress={"last_epoch": 0}),
        ValueError,
        "state['progress'] has ['last_epoch'], and not ['last_epoch', 'best', 'num_bad_epochs', "
        "'cooldown_counter']; pass what state_dict() returned",
    ),
    (
        saved(progress=progress(cooldown_counter=-1)),
        ValueError,
        "cooldown_counter is -1; choose an int of at least 0 and below 9007199254740992",
    ),
    (
        saved(progress=progress(best=None)),
        TypeError,
        "best is None of type NoneType; pass what state_dict() returned",
    ),
    (
        saved(progress=progress(best=10**400)),
        ValueError,
        "best is beyond all floats; pass what state_dict() returned",
    ),
]


@pytest.mark.parametrize(("state", "error", "message"), BAD_STATES)
def test_a_bad_state_is_refused_and_changes_nothing(state, error, message):
    schedule = ReduceLROnPlateau(optimizer_at(0.25), patience=3)
    schedule.step(2.0)
    before = schedule.state_dict()
    assert refusal(error, lambda: schedule.load_state_dict(state)) == message
    assert schedule.state_dict() == before


def test_a_rate_that_the_optimizer_refuses_leaves_the_schedule_as_it_was():
    class Careful(SGD):
        def _checked(self, hyper):
            return super()._checked({**hyper, "lr": number_within("lr", hyper["lr"], at_least=0, at_most=0.5)})

    bold, careful = (StepLR(make([Value(1.0)], lr=0.5), 3) for make in (SGD, Careful))
    bold.optimizer.lr, bold.gamma = 0.75, 0.25
    before = careful.state_dict()
    with pytest.raises(ValueError, match="lr is 0.75; choose a finite number of at least 0 and at most 0.5"):
        careful.load_state_dict(bold.state_dict())
    assert careful.state_dict() == before


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("level", [3.0, 1e-9, 0.0, -1e-9, -3.0])
@pytest.mark.parametrize("drift", [0.0, 1e-6])
def test_what_stays_as_it_is_never_counts_as_better(mode, level, drift):
    worse = drift if mode == "min" else -drift
    optimizer = optimizer_at(1.0)
    schedule = ReduceLROnPlateau(optimizer, mode, factor=0.5, patience=2)
    for i in range(9):
        schedule.step(level + worse * i)
    assert optimizer.lr == 0.25
    assert schedule.best == level


@pytest.mark.parametrize("level", [3.0, -3.0])
def test_what_is_better_by_less_than_the_threshold_is_no_improvement_on_either_side_of_zero(level):
    schedule = ReduceLROnPlateau(optimizer_at(1.0), threshold=0.1)
    for metrics, best in ((level, level), (level - 0.29, level), (level - 0.31, level - 0.31)):
        schedule.step(metrics)
        assert schedule.best == best
