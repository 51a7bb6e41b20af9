"""Write torch_lr_scheduler.json: the learning rates of PyTorch's schedules, alone and together, step by step.

    pip install torch==2.13.0
    python tests/data/make_torch_lr_scheduler.py

The defaults of PyTorch's signatures are recorded too.
"""

import inspect
import json
import math
import warnings
from pathlib import Path

import torch

STEPS = 40
LOSSES = [3.0, 2.5, 2.4, 2.4, 2.41, 2.3999, 2.39, 2.0, 2.0, 2.0, 2.0, float("nan"), 2.0]
LOSSES += [1.0, 1.0, 1.0, 0.9999, 1.0, 1.0]
LOSSES += [1.0 + 0.01 * math.sin(i) for i in range(STEPS - len(LOSSES))]

# name: (schedules in order of their making, learning rates assigned before a step)
RUNS = {
    "step": ([["StepLR", {"step_size": 7}]], {}),
    "step of one, gamma": ([["StepLR", {"step_size": 1, "gamma": 0.9}]], {}),
    "linear": ([["LinearLR", {}]], {}),
    "linear, long": ([["LinearLR", {"start_factor": 0.01, "total_iters": 17}]], {}),
    "linear down to zero": ([["LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 9}]], {}),
    "cosine": ([["CosineAnnealingLR", {"T_max": 40}]], {}),
    "cosine, there and back": ([["CosineAnnealingLR", {"T_max": 9, "eta_min": 0.01}]], {}),
    "cosine of one step": ([["CosineAnnealingLR", {"T_max": 1}]], {}),
    "cosine below its lowest rate": ([["CosineAnnealingLR", {"T_max": 12, "eta_min": 0.5}]], {}),
    "warm-up, then step": (
        [["LinearLR", {"start_factor": 0.1, "total_iters": 6}], ["StepLR", {"step_size": 5, "gamma": 0.5}]],
        {},
    ),
    "warm-up, then cosine": (
        [["LinearLR", {"start_factor": 0.1}], ["CosineAnnealingLR", {"T_max": 15, "eta_min": 0.001}]],
        {},
    ),
    "cosine, then warm-up": ([["CosineAnnealingLR", {"T_max": 15}], ["LinearLR", {"total_iters": 4}]], {}),
    "assigned in between": ([["CosineAnnealingLR", {"T_max": 20}]], {6: 0.3, 30: 0.05}),
    "plateau": ([["ReduceLROnPlateau", {"patience": 1}]], {}),
    "plateau, cooldown": ([["ReduceLROnPlateau", {"patience": 1, "cooldown": 4, "factor": 0.5}]], {}),
    "plateau, max": ([["ReduceLROnPlateau", {"mode": "max", "patience": 3, "factor": 0.7}]], {}),
    "plateau, absolute": (
        [["ReduceLROnPlateau", {"threshold": 0.3, "threshold_mode": "abs", "patience": 2, "factor": 0.3}]],
        {},
    ),
    "plateau, max, absolute": (
        [["ReduceLROnPlateau", {"mode": "max", "threshold": 0.05, "threshold_mode": "abs", "patience": 5}]],
        {},
    ),
    "plateau, lowest rate": ([["ReduceLROnPlateau", {"patience": 0, "factor": 0.2, "min_lr": 0.004}]], {}),
    "plateau, changes too small": ([["ReduceLROnPlateau", {"patience": 0, "factor": 0.9, "eps": 0.005}]], {}),
}


def run(schedules, changes):
    optimizer = torch.optim.SGD([torch.tensor(1.0, dtype=torch.float64)], lr=0.1)
    group = optimizer.param_groups[0]
    made = [getattr(torch.optim.lr_scheduler, kind)(optimizer, **hyper) for kind, hyper in schedules]
    rates = [group["lr"]]
    for t in range(STEPS):
        group["lr"] = changes.get(t, group["lr"])
        for schedule in made:
            schedule.step(*[LOSSES[t]] * isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau))
        rates.append(group["lr"])
    return {"schedules": schedules, "changes": changes, "rates": rates}


def defaults(kind):
    parameters = inspect.signature(getattr(torch.optim.lr_scheduler, kind)).parameters.values()
    return [[p.name, None if p.default is p.empty else p.default] for p in parameters]


def main():
    warnings.simplefilter("ignore")  # PyTorch asks for an optimizer.step() before each
    kinds = ("StepLR", "LinearLR", "CosineAnnealingLR", "ReduceLROnPlateau")
    head = {"torch": torch.__version__, "losses": LOSSES, "defaults": {kind: defaults(kind) for kind in kinds}}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(run(*r))}" for name, r in RUNS.items())
    text = json.dumps(head)[:-1] + ',\n"runs": {\n' + lines + "\n}}\n"
    Path(__file__).with_name("torch_lr_scheduler.json").write_text(text)


if __name__ == "__main__":
    main()
