"""Write torch_optim.json: what PyTorch's optimisers do, step by step, in float64.

    pip install torch==2.13.0
    python tests/data/make_torch_optim.py

Most runs descend Rosenbrock's function of three variables; each step records the gradient, then what the step made of
the parameters and of the optimiser's state. Other runs prescribe gradients at the edges of the floats. The defaults of
PyTorch's signatures are recorded too.

One thing is not PyTorch's: the square root. The library it takes that from, MKL, gives another last bit than IEEE 754
asks for at one number in a hundred, so the root is replaced by the exactly rounded one.
"""

import inspect
import json
import math
import os
from pathlib import Path

# The kernels for newer processors fuse multiplication and addition into one rounding, which Python's floats cannot;
# the baseline kernels round twice, on every processor alike. To be set before torch is loaded.
os.environ.setdefault("ATEN_CPU_CAPABILITY", "default")

import torch  # noqa: E402

STEPS = 20
START = [-1.2, 1.0, 0.7]

# name: (class, arguments, {step: assignments before it})
DESCENTS = {
    "sgd": ("SGD", {}, {}),
    "sgd lr": ("SGD", {"lr": 3e-4}, {}),
    "sgd momentum": ("SGD", {"lr": 2e-4, "momentum": 0.9}, {}),
    "sgd dampening": ("SGD", {"lr": 5e-4, "momentum": 0.8, "dampening": 0.3}, {}),
    "sgd weight decay": ("SGD", {"lr": 5e-4, "weight_decay": 0.1}, {}),
    "sgd momentum, dampening, weight decay": (
        "SGD",
        {"lr": 5e-4, "momentum": 0.7, "dampening": 0.2, "weight_decay": 0.05},
        {},
    ),
    "sgd nesterov": ("SGD", {"lr": 2e-4, "momentum": 0.9, "nesterov": True}, {}),
    "sgd nesterov, weight decay": (
        "SGD",
        {"lr": 2e-4, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True},
        {},
    ),
    "sgd schedule": ("SGD", {"lr": 3e-4}, {5: {"lr": 1e-4, "momentum": 0.6}, 12: {"lr": 5e-5, "weight_decay": 0.2}}),
    "adam": ("Adam", {}, {}),
    "adam lr": ("Adam", {"lr": 0.05}, {}),
    "adam weight decay": ("Adam", {"lr": 0.02, "weight_decay": 0.1}, {}),
    "adam betas, eps": ("Adam", {"lr": 0.03, "betas": [0.8, 0.95], "eps": 1e-3}, {}),
    "adam small betas": ("Adam", {"lr": 0.01, "betas": [0.3, 0.4]}, {}),
    "adam beta one half": ("Adam", {"lr": 0.01, "betas": [0.5, 0.5]}, {}),
    "adam zero betas": ("Adam", {"lr": 0.01, "betas": [0.0, 0.0]}, {}),
    "adam schedule": ("Adam", {"lr": 0.05}, {7: {"lr": 0.01}, 14: {"lr": 0.002, "betas": [0.7, 0.9]}}),
    "adamw": ("AdamW", {}, {}),
    "adamw no decay": ("AdamW", {"lr": 0.05, "weight_decay": 0.0}, {}),
    "adamw weight decay": ("AdamW", {"lr": 0.02, "weight_decay": 0.3, "betas": [0.4, 0.95]}, {}),
    "adamw schedule": ("AdamW", {"lr": 0.05}, {7: {"lr": 0.01, "weight_decay": 0.5}}),
    "rmsprop": ("RMSprop", {}, {}),
    "rmsprop weight decay": ("RMSprop", {"lr": 0.02, "weight_decay": 0.1, "alpha": 0.9}, {}),
    "rmsprop momentum": ("RMSprop", {"lr": 0.005, "momentum": 0.8, "eps": 1e-3}, {}),
    "rmsprop centered": ("RMSprop", {"lr": 0.01, "centered": True}, {}),
    "rmsprop centered, small alpha": ("RMSprop", {"lr": 0.01, "centered": True, "alpha": 0.3}, {}),
    "rmsprop centered, momentum, weight decay": (
        "RMSprop",
        {"lr": 0.004, "centered": True, "momentum": 0.7, "weight_decay": 0.05, "alpha": 0.95},
        {},
    ),
    "rmsprop schedule": ("RMSprop", {"lr": 0.02}, {7: {"lr": 0.01, "alpha": 0.8}, 14: {"lr": 0.002, "eps": 0.1}}),
}

EDGE = [[0.0, 1e-200, 1e200], [0.0, 0.0, -1e200], [1.0, -1e-320, 1.0], [float("nan"), float("inf"), 1e308]]
PRESCRIBED = {
    "sgd edges": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "adam edges": ("Adam", {"lr": 0.1}),
    "adam edges, eps 0": ("Adam", {"lr": 0.1, "eps": 0.0}),
    "adamw edges": ("AdamW", {"lr": 0.1}),
    "rmsprop edges": ("RMSprop", {"lr": 0.1}),
    "rmsprop edges, eps 0": ("RMSprop", {"lr": 0.1, "eps": 0.0}),
    "rmsprop edges, eps 0, momentum": ("RMSprop", {"lr": 0.1, "eps": 0.0, "momentum": 0.9}),
    "rmsprop edges, centered": ("RMSprop", {"lr": 0.1, "centered": True}),
}


def rounded_root(x):
    return x.clone().apply_(lambda number: math.sqrt(number) if not number < 0.0 else math.nan)


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def run(kind, hyper, changes, gradients=None):
    x = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    arguments = {name: tuple(h) if isinstance(h, list) else h for name, h in hyper.items()}
    optimizer = getattr(torch.optim, kind)([x], foreach=False, **arguments)
    steps = []
    for t in range(STEPS if gradients is None else len(gradients)):
        for name, h in changes.get(t, {}).items():
            optimizer.param_groups[0][name] = tuple(h) if isinstance(h, list) else h
        optimizer.zero_grad()
        if gradients is None:
            rosenbrock(x).backward()
        else:
            x.grad = torch.tensor(gradients[t], dtype=torch.float64)
        optimizer.step()
        state = {name: s.tolist() for name, s in optimizer.state[x].items() if s is not None and name != "step"}
        steps.append({"change": changes.get(t, {}), "grad": x.grad.tolist(), "data": x.tolist(), "state": state})
    return {"optimizer": kind, "hyper": hyper, "start": START, "steps": steps}


def defaults(kind):
    parameters = inspect.signature(getattr(torch.optim, kind)).parameters.values()
    return [[p.name, p.default] for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is not p.empty]


def main():
    torch.Tensor.sqrt, torch.Tensor.sqrt_ = rounded_root, lambda x: x.copy_(rounded_root(x))
    runs = {name: run(*descent) for name, descent in DESCENTS.items()}
    runs.update({name: run(kind, hyper, {}, EDGE) for name, (kind, hyper) in PRESCRIBED.items()})
    head = {"torch": torch.__version__, "kernels": torch.backends.cpu.get_cpu_capability()}
    head["defaults"] = {kind: defaults(kind) for kind in ("SGD", "Adam", "AdamW", "RMSprop")}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(r)}" for name, r in runs.items())
    text = json.dumps(head)[:-1] + ',\n"runs": {\n' + lines + "\n}}\n"
    Path(__file__).with_name("torch_optim.json").write_text(text)


if __name__ == "__main__":
    main()
