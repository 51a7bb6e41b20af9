"""Clipping of gradients, against PyTorch's numbers, by property, and against bad input."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_mini import Value, nn
from autograd_mini.nn.utils import clip_grad_norm_, clip_grad_value_

STORED = json.loads(Path(__file__).with_name("data").joinpath("torch_nn.json").read_text())
gradients = st.lists(st.floats(-1e3, 1e3).filter(lambda g: g == 0.0 or abs(g) > 1e-6), min_size=1, max_size=6)
bound = st.floats(0.01, 100.0)


def parameters_with(grads):
    found = [Value(1.0) for _ in grads]
    for p, g in zip(found, grads, strict=True):
        p.grad = g
    return found


def grads(parameters):
    return [p.grad for p in parameters]


# ---- The norm. ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clip", STORED["clips"])
def test_norm_and_clipped_gradients_are_pytorchs(clip):
    parameters = parameters_with(STORED["gradients"])
    assert clip_grad_norm_(parameters, clip["max_norm"], clip["norm_type"]) == pytest.approx(clip["norm"], rel=1e-14)
    assert grads(parameters) == pytest.approx(clip["clipped"], rel=1e-14, abs=1e-300)


@given(gradients, bound, st.sampled_from([1.0, 1.5, 2.0, 3.0, math.inf]), st.booleans())
def test_norm_and_clipped_gradients_are_those_of_the_torch_that_is_installed(g, most, p, one_tensor):
    torch = pytest.importorskip("torch")
    theirs = [torch.zeros(len(g), dtype=torch.float64)] if one_tensor else [torch.zeros(1).double() for _ in g]
    for tensor, part in zip(theirs, [g] if one_tensor else [[x] for x in g], strict=True):
        tensor.grad = torch.tensor(part, dtype=torch.float64)
    norm, ours = torch.nn.utils.clip_grad_norm_(theirs, most, p).item(), parameters_with(g)
    assert clip_grad_norm_(ours, most, p) == pytest.approx(norm, rel=1e-12)
    assert grads(ours) == pytest.approx([x for t in theirs for x in t.grad.tolist()], rel=1e-12, abs=1e-300)


@given(gradients, bound)
def test_afterwards_the_norm_is_at_most_the_bound_and_the_direction_is_kept(g, most):
    parameters = parameters_with(g)
    norm = clip_grad_norm_(parameters, most)
    assert norm == pytest.approx(math.hypot(*g), rel=1e-14)
    assert clip_grad_norm_(parameters, math.inf) <= most * (1 + 1e-14)
    if norm <= most - 1e-6:
        assert grads(parameters) == g
    else:
        assert grads(parameters) == pytest.approx([x * most / norm for x in g], rel=1e-6 / norm + 1e-12)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_the_norm_neither_overflows_nor_vanishes(size):
    parameters = parameters_with([3 * size, 4 * size])
    assert clip_grad_norm_(parameters, math.inf) == pytest.approx(5 * size, rel=1e-15)
    assert grads(parameters) == [3 * size, 4 * size]


def test_a_parameter_alone_or_named_twice():
    (p,) = parameters_with([10.0])
    assert clip_grad_norm_(p, 5.0) == 10.0
    clip_grad_norm_(iter([p, p]), 1.0)
    assert p.grad == pytest.approx(1.0, rel=1e-5)
    assert clip_grad_norm_([], 1.0) == 0.0


@pytest.mark.parametrize(("bad", "left"), [(math.nan, [math.nan, math.nan]), (-math.inf, [0.0, math.nan])])
def test_a_norm_that_is_not_finite_does_as_pytorch_or_is_an_error(bad, left):
    parameters = parameters_with([1.0, bad])
    message = f"the norm of the gradients is {abs(bad)}, so they cannot be clipped; look for the parameter whose grad"
    with pytest.raises(RuntimeError, match=message):
        clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert grads(parameters) == pytest.approx([1.0, bad], nan_ok=True)
    clip_grad_norm_(parameters, 1.0)
    assert grads(parameters) == pytest.approx(left, nan_ok=True)


# ---- The value. -----------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(), min_size=1), st.floats(0.0, 1e3))
def test_every_gradient_lies_within_the_bounds_or_is_nan(g, most):
    parameters = parameters_with(g)
    clip_grad_value_(parameters, most)
    for before, after in zip(g, grads(parameters), strict=True):
        if math.isnan(before):
            assert math.isnan(after)
        else:
            assert after == min(max(before, -most), most)


def test_in_training_clipping_stands_between_backward_and_step():
    model = nn.Neuron(2, nonlin=False)
    (model([300.0, 400.0]) * 1.0).backward()
    assert clip_grad_norm_(model.parameters(), 1.0) == pytest.approx(math.hypot(300.0, 400.0, 1.0))
    clip_grad_value_(model.parameters(), 0.5)
    assert grads(model.parameters()) == pytest.approx([0.5, 0.5, 1 / 500], rel=1e-5)


MESSAGES = [
    (lambda: clip_grad_norm_([Value(1.0)], -1), ValueError, "max_norm is -1; choose a number of at least 0"),
    (lambda: clip_grad_norm_([Value(1.0)], math.nan), ValueError, "max_norm is nan; choose a number of at least 0"),
    (lambda: clip_grad_norm_([Value(1.0)], None), TypeError, "max_norm is None of type NoneType; choose a number of"),
    (lambda: clip_grad_norm_([Value(1.0)], 1.0, 0), ValueError, "norm_type is 0; choose a number above 0"),
    (lambda: clip_grad_norm_([Value(1.0)], 1.0, "inf"), TypeError, "norm_type is 'inf' of type str; choose a number"),
    (lambda: clip_grad_norm_([Value(1.0)], 1.0, 2.0, 1), TypeError, "error_if_nonfinite is 1 of type int; choose True"),
    (
        lambda: clip_grad_norm_(nn.MLP(1, [1]), 1.0),
        TypeError,
        "parameters is the MLP itself and not its parameters",
    ),
    (
        lambda: clip_grad_value_(nn.MLP(1, [1]).parameters, 1.0),
        TypeError,
        r"parameters is the method parameters itself and not what it returns; call it: model.parameters\(\)",
    ),
    (
        lambda: clip_grad_value_([nn.ReLU()], 1.0),
        TypeError,
        r"parameters\[0\] is the ReLU itself and not its parameters; pass model.parameters\(\)",
    ),
    (lambda: clip_grad_norm_([1.0], 1.0), TypeError, r"parameters\[0\] is 1.0 of type float; pass a flat list of Val"),
    (
        lambda: clip_grad_norm_(5, 1.0),
        TypeError,
        r"parameters is 5 of type int; pass Values such as model.parameters\(\)",
    ),
    (lambda: clip_grad_value_([Value(1.0)], -2.0), ValueError, "clip_value is -2.0; choose a number of at least 0"),
    (lambda: clip_grad_value_([Value(1.0), [Value(2.0)]], 1.0), TypeError, r"parameters\[1\] is \[Value\(2.0\)\]"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), MESSAGES)
def test_bad_input_is_an_error_that_says_what_and_what_to_do(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
