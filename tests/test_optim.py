"""The optimisers, against PyTorch's numbers, against closed forms, and against bad input."""

import inspect
import json
import math
import random
import struct
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optional import optional

from autograd_mini import Value, nn
from autograd_mini.optim import SGD, Adam, AdamW, Optimizer, RMSprop

mpmath = optional("mpmath", "test")

STORED = json.loads(Path(__file__).with_name("data").joinpath("torch_optim.json").read_text())
RUNS = STORED["runs"]
KINDS = {"SGD": SGD, "Adam": Adam, "AdamW": AdamW, "RMSprop": RMSprop}


def bits(numbers):
    """The floats as they are in memory, with all NaNs made one."""
    return [struct.pack("d", math.nan if x != x else x) for x in numbers]


def data(params):
    return [p.data for p in params]


def step(optimizer, gradients):
    for p, g in zip(optimizer.params, gradients, strict=True):
        p.grad = g
    optimizer.step()


def start(run):
    return KINDS[run["optimizer"]]([Value(x) for x in run["start"]], **run["hyper"])


def assign(optimizer, changes):
    for name, value in changes.items():
        setattr(optimizer, name, value)


# ---- PyTorch's numbers. ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
def test_every_step_is_pytorchs_to_the_last_bit(name):
    optimizer = start(RUNS[name])
    for expected in RUNS[name]["steps"]:
        assign(optimizer, expected["change"])
        step(optimizer, expected["grad"])
        assert bits(data(optimizer.params)) == bits(expected["data"])
        state = optimizer.state_dict()["state"]
        for slot, contents in expected["state"].items():
            assert bits(state[slot]) == bits(contents)


@pytest.mark.parametrize("name", [name for name in RUNS if "edges" not in name])
def test_a_whole_descent_is_pytorchs(name):
    """Here the gradients are our own, whose sums may round otherwise than torch's."""
    optimizer = start(RUNS[name])
    x, y, z = optimizer.params
    for expected in RUNS[name]["steps"]:
        assign(optimizer, expected["change"])
        optimizer.zero_grad()
        loss = 100 * (y - x * x) ** 2 + (1 - x) ** 2 + 100 * (z - y * y) ** 2 + (1 - y) ** 2
        loss.backward()
        optimizer.step()
        assert data(optimizer.params) == pytest.approx(expected["data"], rel=1e-12, abs=0.0)


@pytest.mark.parametrize("name", [name for name in RUNS if "edges" not in name])
def test_every_step_is_that_of_the_torch_that_is_installed(name):
    """Its square root is MKL's and its kernels may fuse operations, so the last bits are its own."""
    torch = pytest.importorskip("torch")
    kind, hyper = RUNS[name]["optimizer"], RUNS[name]["hyper"]
    optimizer = start(RUNS[name])
    x = torch.tensor(RUNS[name]["start"], dtype=torch.float64, requires_grad=True)
    arguments = {h: tuple(v) if isinstance(v, list) else v for h, v in hyper.items()}
    theirs = getattr(torch.optim, kind)([x], **arguments)
    for t in range(50):
        gradients = [math.sin(t + 0.5), 1e-3 * math.cos(3 * t), 1e3 * math.sin(2 * t) - t]
        x.grad = torch.tensor(gradients, dtype=torch.float64)
        theirs.step()
        step(optimizer, gradients)
        assert data(optimizer.params) == pytest.approx(x.tolist(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_names_order_and_defaults_are_pytorchs(kind):
    ours = list(inspect.signature(KINDS[kind]).parameters.values())[1:]
    theirs = STORED["defaults"][kind][: len(ours)]
    assert [p.name for p in ours] == [name for name, _ in theirs]
    assert [p.default for p in ours] == [tuple(d) if isinstance(d, list) else d for _, d in theirs]


# ---- Closed forms: exact fractions and 50 digits, no code shared. ---------------------------------------------------

moderate = st.floats(-100.0, 100.0).filter(lambda g: g == 0.0 or abs(g) > 1e-6)
histories = st.lists(moderate, min_size=1, max_size=8)
share = st.floats(0.0, 0.99)


def weighted(gradients, remains, first, later):
    """The running average unrolled: the sum of what each gradient still weighs after the last step, as a Fraction."""
    last = len(gradients) - 1
    weights = [(first if i == 0 else later) * Fraction(remains) ** (last - i) for i in range(last + 1)]
    return sum((w * Fraction(g) for w, g in zip(weights, gradients, strict=True)), Fraction(0))


@given(moderate, histories, st.floats(0.0, 1.0))
def test_plain_sgd_subtracts_the_scaled_gradient(x, gradients, lr):
    optimizer = SGD([Value(x)], lr=lr)
    for g in gradients:
        step(optimizer, [g])
        x = x - lr * g
        assert bits(data(optimizer.params)) == bits([x])


@given(moderate, histories, st.floats(0.0, 1.0), share.filter(bool), share, st.booleans())
def test_momentum_is_the_sum_over_all_gradients(x, gradients, lr, momentum, dampening, nesterov):
    dampening = 0.0 if nesterov else dampening
    optimizer = SGD([Value(x)], lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov)
    exact, scale = Fraction(x), abs(x) + 1.0
    for t, g in enumerate(gradients, start=1):
        direction = weighted(gradients[:t], momentum, 1, 1 - Fraction(dampening))
        if nesterov:
            direction = Fraction(g) + Fraction(momentum) * direction
        exact -= Fraction(lr) * direction
        scale += 2.0 * sum(map(abs, gradients[:t]))
        step(optimizer, [g])
        assert float(abs(exact - Fraction(optimizer.params[0].data))) <= 1e-14 * scale


@given(moderate, histories, st.floats(0.0, 1.0), share, st.floats(0.0, 0.999), st.floats(1e-8, 1.0))
def test_adam_is_algorithm_1_unrolled(x, gradients, lr, beta1, beta2, eps):
    optimizer = Adam([Value(x)], lr=lr, betas=(beta1, beta2), eps=eps)
    with mpmath.workdps(50):
        exact, scale = mpmath.mpf(x), abs(x) + 1.0
        for t, g in enumerate(gradients, start=1):
            squares = [Fraction(g) ** 2 for g in gradients[:t]]
            b1, b2 = Fraction(beta1), Fraction(beta2)
            m = weighted(gradients[:t], b1, 1 - b1, 1 - b1) / (1 - b1**t)
            v = weighted(squares, b2, 1 - b2, 1 - b2) / (1 - b2**t)
            m, v = (mpmath.mpf(q.numerator) / q.denominator for q in (m, v))
            exact -= mpmath.mpf(lr) * m / (mpmath.sqrt(v) + mpmath.mpf(eps))
            step(optimizer, [g])
            # m may cancel, so each step's rounding is relative to the largest gradient there was, over the denominator.
            scale += lr * max(map(abs, gradients[:t])) / float(mpmath.sqrt(v) + eps) / (1.0 - beta1)
            assert abs(exact - mpmath.mpf(optimizer.params[0].data)) <= 1e-14 * scale / (1.0 - beta2)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 0.5), st.integers(1, 30))
def test_adam_walks_at_the_learning_rate_under_a_constant_gradient(g, lr, steps):
    optimizer = Adam([Value(0.0), Value(0.0)], lr=lr, eps=0.0)
    for _ in range(steps):
        step(optimizer, [g, -g])
    assert data(optimizer.params) == pytest.approx([-steps * lr, steps * lr], rel=1e-11)


@given(moderate, histories, st.floats(0.0, 1.0), share, st.floats(1e-8, 1.0), share)
def test_rmsprop_is_its_formula_unrolled(x, gradients, lr, alpha, eps, momentum):
    optimizer = RMSprop([Value(x)], lr=lr, alpha=alpha, eps=eps, momentum=momentum)
    with mpmath.workdps(50):
        exact, scale, moved = mpmath.mpf(x), abs(x) + 1.0, mpmath.mpf(0)
        for t, g in enumerate(gradients, start=1):
            squares = [Fraction(g) ** 2 for g in gradients[:t]]
            v = weighted(squares, alpha, 1 - Fraction(alpha), 1 - Fraction(alpha))
            root = mpmath.sqrt(mpmath.mpf(v.numerator) / v.denominator) + mpmath.mpf(eps)
            moved = mpmath.mpf(momentum) * moved + mpmath.mpf(g) / root
            exact -= mpmath.mpf(lr) * moved
            step(optimizer, [g])
            scale += lr * t * float(abs(g) / root) / (1.0 - momentum) + float(abs(moved))
            assert abs(exact - mpmath.mpf(optimizer.params[0].data)) <= 1e-14 * scale / (1.0 - alpha)


def test_a_variance_that_rounds_below_zero_counts_as_zero():
    optimizer = RMSprop([Value(0.0)], alpha=0.3, centered=True)
    for _ in range(32):
        step(optimizer, [0.1])
    (v,), (m,), _ = optimizer.state_dict()["state"].values()
    assert v < m * m
    before = optimizer.params[0].data
    step(optimizer, [0.1])
    assert optimizer.params[0].data == before - optimizer.lr * 0.1 / optimizer.eps


@given(moderate, histories, st.floats(0.0, 1.0), share)
def test_adamw_shrinks_the_parameter_and_then_is_adam(x, gradients, lr, weight_decay):
    decoupled, plain = AdamW([Value(x)], lr=lr, weight_decay=weight_decay), Adam([Value(x)], lr=lr)
    for g in gradients:
        plain.params[0].data *= 1.0 - lr * weight_decay
        step(plain, [g])
        step(decoupled, [g])
        assert bits(data(decoupled.params)) == bits(data(plain.params))


@pytest.mark.parametrize("kind", ["SGD", "Adam", "RMSprop"])
def test_weight_decay_is_the_gradient_of_the_quadratic_penalty(kind):
    a, b = Value(1.5), Value(1.5)
    decaying, plain = KINDS[kind]([a], lr=0.1, weight_decay=0.25), KINDS[kind]([b], lr=0.1)
    for g in (1.0, -0.5, 0.0):
        step(decaying, [g])
        b.grad = g
        (0.25 / 2 * b * b).backward()
        plain.step()
        assert a.data == pytest.approx(b.data, rel=1e-15)
    assert a.data != 1.5


@pytest.mark.parametrize("kind", KINDS)
def test_without_weight_decay_an_infinite_parameter_is_no_part_of_the_gradient(kind):
    optimizer = KINDS[kind]([Value(math.inf)])
    step(optimizer, [1.0])
    assert optimizer.params[0].data == math.inf


# ---- Gradients, hyper-parameters and state. -------------------------------------------------------------------------


@given(st.lists(st.floats(), min_size=1, max_size=5))
def test_zero_grad_clears_the_parameters_alone_and_is_idempotent(gradients):
    params, other = [Value(1.0) for _ in gradients], Value(1.0)
    optimizer, other.grad = SGD(params), 3.0
    for p, g in zip(params, gradients, strict=True):
        p.grad = g
    for _ in range(2):
        optimizer.zero_grad()
        assert [p.grad for p in params] == [0.0] * len(params)
        assert (other.grad, data(params)) == (3.0, [1.0] * len(params))


unit = st.floats(0.0, 0.99)
configurations = st.one_of(
    st.tuples(
        st.just(SGD), st.fixed_dictionaries({"lr": unit, "momentum": unit, "dampening": unit, "weight_decay": unit})
    ),
    st.tuples(st.just(SGD), st.fixed_dictionaries({"momentum": st.floats(0.1, 0.99), "nesterov": st.just(True)})),
    st.tuples(
        st.just(Adam),
        st.fixed_dictionaries({"lr": unit, "betas": st.tuples(unit, unit), "eps": unit, "weight_decay": unit}),
    ),
    st.tuples(st.just(AdamW), st.fixed_dictionaries({"lr": unit, "weight_decay": unit})),
    st.tuples(
        st.just(RMSprop),
        st.fixed_dictionaries({"alpha": unit, "eps": unit, "momentum": unit, "centered": st.booleans()}),
    ),
)
pairs = st.lists(st.tuples(st.floats(), st.floats()), max_size=4)


@given(configurations, pairs, pairs)
def test_a_state_carried_by_json_continues_to_the_last_bit(configuration, before, after):
    kind, hyper = configuration
    uninterrupted = kind([Value(1.0), Value(-2.0)], **hyper)
    for gradients in before:
        step(uninterrupted, gradients)
    saved = uninterrupted.state_dict()
    carried = json.loads(json.dumps(saved))
    assert json.dumps(carried) == json.dumps(saved)  # as texts, since NaN is not equal to itself
    resumed = kind([p.detach() for p in uninterrupted.params])
    resumed.load_state_dict(carried)
    for gradients in after:
        step(uninterrupted, gradients)
        step(resumed, gradients)
        assert bits(data(resumed.params)) == bits(data(uninterrupted.params))
    assert json.dumps(resumed.state_dict()) == json.dumps(uninterrupted.state_dict())


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_is_no_view(kind):
    hyper = {"momentum": 0.5} if kind == "SGD" else {}
    optimizer = KINDS[kind]([Value(1.0)], **hyper)
    step(optimizer, [1.0])
    saved = optimizer.state_dict()
    text = json.dumps(saved)
    resumed = KINDS[kind]([Value(1.0)])
    resumed.load_state_dict(saved)
    step(optimizer, [2.0])
    assert json.dumps(saved) == text
    for contents in saved["state"].values():
        contents.clear()
    assert json.dumps(resumed.state_dict()) == text


def test_state_dict_of_sgd_as_documented():
    optimizer = SGD([Value(1.0), Value(2.0)], lr=1, momentum=0.5)
    step(optimizer, [3.0, -4.0])
    assert optimizer.state_dict() == {
        "optimizer": "SGD",
        "step": 1,
        "hyper": {"lr": 1.0, "momentum": 0.5, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False},
        "state": {"momentum_buffer": [3.0, -4.0]},
    }


def test_state_dict_of_adam_as_documented():
    optimizer = Adam([Value(1.0), Value(2.0)], betas=(0.5, 0.75))
    step(optimizer, [4.0, -8.0])
    assert optimizer.state_dict() == {
        "optimizer": "Adam",
        "step": 1,
        "hyper": {"lr": 1e-3, "betas": [0.5, 0.75], "eps": 1e-8, "weight_decay": 0.0},
        "state": {"exp_avg": [2.0, -4.0], "exp_avg_sq": [4.0, 16.0]},
    }


def test_state_dict_of_rmsprop_as_documented():
    optimizer = RMSprop([Value(1.0), Value(2.0)], alpha=0.75, eps=0, momentum=0.5, centered=True)
    step(optimizer, [4.0, 0.0])
    state = optimizer.state_dict()
    assert state["hyper"] == {
        "lr": 1e-2, "alpha": 0.75, "eps": 0.0, "weight_decay": 0.0, "momentum": 0.5, "centered": True
    }  # fmt: skip
    assert list(state["state"]) == ["square_avg", "grad_avg", "momentum_buffer"]
    assert (state["state"]["square_avg"], state["state"]["grad_avg"]) == ([4.0, 0.0], [1.0, 0.0])
    assert state["state"]["momentum_buffer"][0] == pytest.approx(4.0 / math.sqrt(3.0))
    assert math.isnan(state["state"]["momentum_buffer"][1])  # 0 / 0, as eps is 0


def test_whole_numbers_in_a_state_become_floats():
    optimizer = SGD([Value(1.0)])
    optimizer.load_state_dict({**optimizer.state_dict(), "state": {"momentum_buffer": [3]}})
    assert [type(b) for b in optimizer.state_dict()["state"]["momentum_buffer"]] == [float]


def test_parameters_may_come_from_an_iterator_and_are_told_apart_by_identity():
    twins = [Value(1.0), Value(1.0)]
    optimizer = SGD(iter(twins))
    assert [id(p) for p in optimizer.params] == [id(p) for p in twins]


def test_hyper_parameters_can_be_read_and_assigned():
    adam, sgd = Adam([Value(1.0)]), SGD([Value(1.0)])
    adam.lr, adam.betas, adam.eps, adam.weight_decay = 1, (0, Fraction(1, 2)), 0.5, 2
    assert (adam.lr, adam.betas, adam.eps, adam.weight_decay) == (1.0, (0.0, 0.5), 0.5, 2.0)
    sgd.lr, sgd.momentum, sgd.nesterov, sgd.weight_decay = 1, 0.5, True, 2
    sgd.nesterov = False
    sgd.dampening = -0.25
    assert (sgd.lr, sgd.momentum, sgd.nesterov, sgd.dampening, sgd.weight_decay) == (1.0, 0.5, False, -0.25, 2.0)


def test_the_base_class_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        Optimizer([Value(1.0)])


# ---- Bad input. -----------------------------------------------------------------------------------------------------

AT_LEAST_0 = "choose a finite number of at least 0"
BAD_HYPER = [
    (SGD, {"lr": -1}, ValueError, f"lr is -1; {AT_LEAST_0}"),
    (SGD, {"lr": math.nan}, ValueError, f"lr is nan; {AT_LEAST_0}"),
    (SGD, {"lr": math.inf}, ValueError, f"lr is inf; {AT_LEAST_0}"),
    (SGD, {"lr": 10**310}, ValueError, f"lr is {10**310}; {AT_LEAST_0}"),
    (SGD, {"lr": "0.1"}, TypeError, f"lr is '0.1' of type str; {AT_LEAST_0}"),
    (SGD, {"lr": Value(0.1)}, TypeError, f"lr is Value(0.1) of type Value; {AT_LEAST_0}"),
    (SGD, {"momentum": -0.5}, ValueError, f"momentum is -0.5; {AT_LEAST_0}"),
    (SGD, {"dampening": -math.inf}, ValueError, "dampening is -inf; choose a finite number"),
    (SGD, {"dampening": -(10**310)}, ValueError, f"dampening is -{10**310}; choose a finite number"),
    (SGD, {"dampening": None}, TypeError, "dampening is None of type NoneType; choose a finite number"),
    (SGD, {"weight_decay": -1e-9}, ValueError, f"weight_decay is -1e-09; {AT_LEAST_0}"),
    (SGD, {"nesterov": 1}, TypeError, "nesterov is 1 of type int; choose True or False"),
    (
        SGD,
        {"nesterov": True},
        ValueError,
        "Nesterov momentum requires a momentum and zero dampening: momentum is 0.0 and dampening 0.0; "
        "choose momentum=0.9, dampening=0, say",
    ),
    (
        SGD,
        {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
        ValueError,
        "Nesterov momentum requires a momentum and zero dampening: momentum is 0.9 and dampening 0.1; "
        "choose momentum=0.9, dampening=0, say",
    ),
    (Adam, {"lr": -1}, ValueError, f"lr is -1; {AT_LEAST_0}"),
    (Adam, {"eps": -1e-8}, ValueError, f"eps is -1e-08; {AT_LEAST_0}"),
    (Adam, {"weight_decay": -2}, ValueError, f"weight_decay is -2; {AT_LEAST_0}"),
    (
        Adam,
        {"betas": (1.0, 0.999)},
        ValueError,
        f"betas[0] is 1.0; {AT_LEAST_0} and below 1",
    ),
    (
        Adam,
        {"betas": (0.9, -0.1)},
        ValueError,
        f"betas[1] is -0.1; {AT_LEAST_0} and below 1",
    ),
    # Below 1, but not once it is a float.
    (
        Adam,
        {"betas": (0.9, 1 - Fraction(1, 10**30))},
        ValueError,
        f"betas[1] is {1 - Fraction(1, 10**30)!r}; {AT_LEAST_0} and below 1",
    ),
    (AdamW, {"weight_decay": -0.1}, ValueError, f"weight_decay is -0.1; {AT_LEAST_0}"),
    (RMSprop, {"lr": -1}, ValueError, f"lr is -1; {AT_LEAST_0}"),
    (RMSprop, {"alpha": 1.0}, ValueError, f"alpha is 1.0; {AT_LEAST_0} and below 1"),
    (RMSprop, {"alpha": -0.5}, ValueError, f"alpha is -0.5; {AT_LEAST_0} and below 1"),
    (RMSprop, {"eps": None}, TypeError, f"eps is None of type NoneType; {AT_LEAST_0}"),
    (RMSprop, {"momentum": -0.5}, ValueError, f"momentum is -0.5; {AT_LEAST_0}"),
    (RMSprop, {"weight_decay": math.nan}, ValueError, f"weight_decay is nan; {AT_LEAST_0}"),
    (RMSprop, {"centered": 1}, TypeError, "centered is 1 of type int; choose True or False"),
    (Adam, {"betas": 0.9}, TypeError, "betas is 0.9 of type float; choose a pair of numbers, such as (0.9, 0.999)"),
    (
        Adam,
        {"betas": (0.9, 0.99, 0.999)},
        ValueError,
        "betas is (0.9, 0.99, 0.999); choose a pair of numbers, such as (0.9, 0.999)",
    ),
]


def refusal(error, call):
    """The message of the exception that the call raises, which must be of that very type."""
    with pytest.raises(error) as caught:  # noqa: PT011 - the callers compare the whole message
        call()
    assert caught.type is error
    return str(caught.value)


@pytest.mark.parametrize(("kind", "hyper", "error", "message"), BAD_HYPER)
def test_a_bad_hyper_parameter_is_refused_at_once(kind, hyper, error, message):
    assert refusal(error, lambda: kind([Value(1.0)], **hyper)) == message


@pytest.mark.parametrize(("kind", "hyper", "error", "message"), BAD_HYPER)
def test_a_bad_assignment_is_refused_and_changes_nothing(kind, hyper, error, message):
    name, value = list(hyper.items())[-1]
    optimizer = kind([Value(1.0)])
    if len(hyper) > 1:
        optimizer.momentum, optimizer.nesterov = 0.9, True
    before = optimizer.state_dict()
    assert refusal(error, lambda: setattr(optimizer, name, value)) == message
    assert optimizer.state_dict() == before


class Listed(nn.Module):
    """A module that is a sequence of its parts."""

    def __iter__(self):
        return iter([Value(1.0)])


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_bad_parameters_are_refused_at_once(kind):
    w, b = Value(1.0, label="w"), Value(2.0)
    assert refusal(ValueError, lambda: kind([])) == (
        "params is empty: there is nothing to optimize; an iterator is used up after one pass, so pass a list, "
        "or call model.parameters() afresh"
    )
    assert refusal(TypeError, lambda: kind(w)) == (
        "params is Value(1.0, label='w') of type Value; pass a list of Values, such as [w, b] or model.parameters()"
    )
    assert refusal(TypeError, lambda: kind({w, b})) == (
        "params is a set, whose order changes from run to run; pass a list, as saved states need one"
    )
    flat = "pass a flat list of Values such as model.parameters()"
    assert refusal(TypeError, lambda: kind([w, 2.0])) == f"params[1] is 2.0 of type float; {flat}"
    assert refusal(TypeError, lambda: kind({"w": w})) == f"params[0] is 'w' of type str; {flat}"
    assert (
        refusal(TypeError, lambda: kind([("w", w)]))
        == f"params[0] is ('w', Value(1.0, label='w')) of type tuple; {flat}"
    )
    model, itself = nn.MLP(2, [1]), "itself and not its parameters; pass model.parameters()"
    assert refusal(TypeError, lambda: kind(model)) == f"params is the MLP {itself}"
    assert refusal(TypeError, lambda: kind(nn.Sequential(model))) == f"params is the Sequential {itself}"
    assert refusal(TypeError, lambda: kind(Listed())) == f"params is the Listed {itself}"
    assert refusal(TypeError, lambda: kind([model])) == f"params[0] is the MLP {itself}"
    assert refusal(TypeError, lambda: kind(nn.MLP)) == (
        "params is the class MLP and not its parameters; pass model.parameters()"
    )
    assert refusal(TypeError, lambda: kind(model.parameters)) == (
        "params is the method parameters itself and not what it returns; call it: model.parameters()"
    )
    assert refusal(ValueError, lambda: kind([b, w, w])) == (
        "params[2] is Value(1.0, label='w'), the same Value as params[1]; list it once, "
        "or each step would change it twice"
    )
    assert refusal(ValueError, lambda: kind([w, w * b])) == (
        "params[1] is Value(2.0), not a leaf but computed by mul; pass the leaves it was computed from, "
        "or optimize a copy made by .detach()"
    )


def saved_adam(**changes):
    """The state of an Adam of two parameters after a step, with entries replaced."""
    optimizer = Adam([Value(1.0), Value(2.0)], lr=0.5)
    step(optimizer, [1.0, -1.0])
    return {**optimizer.state_dict(), **changes}


def contents(**changes):
    return {**saved_adam()["state"], **changes}


def hyper(**changes):
    return {**saved_adam()["hyper"], **changes}


NUMBERS = "pass what state_dict() returned"
BAD_STATES = [
    (None, TypeError, "state is None of type NoneType; pass what state_dict() returned"),
    (
        {"lr": 0.5},
        ValueError,
        "state has ['lr'], and not ['optimizer', 'step', 'hyper', 'state']; pass what state_dict() returned",
    ),
    (
        SGD([Value(1.0), Value(2.0)]).state_dict(),
        ValueError,
        "state belongs to the optimizer 'SGD', and this is 'Adam'; load it into an optimizer of its own class",
    ),
    (
        Adam([Value(1.0)]).state_dict(),
        ValueError,
        "exp_avg is of 1 parameters, and this optimizer has 2; load it for the parameters it was saved for",
    ),
    (
        saved_adam(state=contents(exp_avg_sq=[0.0, 0.0, 0.0])),
        ValueError,
        "exp_avg_sq is of 3 parameters, and this optimizer has 2; load it for the parameters it was saved for",
    ),
    (
        saved_adam(state=contents(exp_avg="ab")),
        TypeError,
        "exp_avg is 'ab' of type str; a saved state holds a list here, with one entry for each parameter",
    ),
    (
        saved_adam(state=contents(exp_avg_sq=[0.0, "1"])),
        TypeError,
        f"exp_avg_sq[1] is '1' of type str; {NUMBERS}",
    ),
    (
        saved_adam(state=contents(exp_avg=[None, 0.0])),
        TypeError,
        f"exp_avg[0] is None of type NoneType; {NUMBERS}",
    ),
    (
        saved_adam(state=contents(exp_avg_sq=[0.0, -1.0])),
        ValueError,
        "exp_avg_sq[1] is -1.0; it cannot be below 0, the state is damaged",
    ),
    (
        saved_adam(state=contents(exp_avg_sq=[0.0, -(10**310)])),
        ValueError,
        "exp_avg_sq[1] is beyond all floats; pass what state_dict() returned",
    ),
    (
        saved_adam(state=contents(exp_avg=[0.0, 10**310])),
        ValueError,
        "exp_avg[1] is beyond all floats; pass what state_dict() returned",
    ),
    (
        saved_adam(state={"exp_avg": [0.0, 0.0]}),
        ValueError,
        "state['state'] has ['exp_avg'], and not ['exp_avg', 'exp_avg_sq']; pass what state_dict() returned",
    ),
    (
        saved_adam(state=[]),
        TypeError,
        "state['state'] is [] of type list; pass what state_dict() returned",
    ),
    *[
        (
            saved_adam(step=count),
            error,
            f"state['step'] is {count!r}{kind}; choose an int of at least 0 and below {2**53}",
        )
        for count, error, kind in [
            (-1, ValueError, ""),
            (10**400, ValueError, ""),
            (1.0, TypeError, " of type float"),
            (True, TypeError, " of type bool"),
        ]
    ],
    (saved_adam(hyper=hyper(lr=-1)), ValueError, f"lr is -1; {AT_LEAST_0}"),
    (
        saved_adam(hyper={"lr": 0.5}),
        ValueError,
        "state['hyper'] has ['lr'], and not ['lr', 'betas', 'eps', 'weight_decay']; pass what state_dict() returned",
    ),
]


@pytest.mark.parametrize(("state", "error", "message"), BAD_STATES)
def test_a_bad_state_is_refused_and_changes_nothing(state, error, message):
    optimizer = Adam([Value(1.0), Value(2.0)])
    step(optimizer, [3.0, 4.0])
    before = optimizer.state_dict()
    assert refusal(error, lambda: optimizer.load_state_dict(state)) == message
    assert optimizer.state_dict() == before


@pytest.mark.parametrize("seed", range(20))
def test_the_variance_of_even_gradients_is_never_below_zero(seed):
    source = random.Random(seed)
    weight, size = Value(1.0), 10.0 ** source.uniform(-3, 3)
    optimizer = RMSprop([weight], lr=1e-12, alpha=0.95, centered=True)
    for _ in range(1000):
        weight.grad = size * (1.0 + 1e-9 * source.gauss(0.0, 1.0))
        optimizer.step()
    assert math.isfinite(weight.data)
