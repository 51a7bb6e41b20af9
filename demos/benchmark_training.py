"""What an epoch of training costs: the nets of three demos with ``ag.fit``, the same nets in PyTorch's tensors, and in
micrograd's scalars.

All begin with the same weights and see the same batches in the same order; the loss of the last batch must agree to
1e-6 before a time counts. Each number is the least processor time of some runs, on one core; making the models, loading
data, validation and checkpoints are not in it.

PyTorch gets a batch as one tensor, in double precision as here. micrograd has no exp, log or tanh: the recurrent net is
out of its reach, and of the convolutional net's cross entropy it gets the derivative by each output as a number, which
leads to the same steps. It learns from a few batches only, and its time is scaled to an epoch.
"""

import gc
import importlib.util
import math
import random
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import digits_conv
import moons
import names_rnn
from common import asked_for_quick

import autograd_mini as ag
from autograd_mini import nn, optim

ROUNDS = 3


class Task(NamedTuple):
    """A net and what it learns from."""

    name: str
    model: Callable[[], nn.Module]
    data: list[tuple[Any, Any]]
    loss: Callable[[nn.Module], Callable[..., Any]]
    optimizer: str
    hyper: dict[str, Any]
    batch_size: int
    scalar_batches: int
    """How many batches micrograd is given; 0 if it cannot do this."""


def tasks(quick):
    points, labels = moons.moons(100, 0.1, random.Random(0))
    images, names = digits_conv.load()[0], names_rnn.load()[0]
    if quick:
        images, names = images[:4], names[:8]
    return [
        Task("moons", lambda: nn.MLP(2, [16, 16, 1], rng=random.Random(1)), list(zip(points, labels, strict=True)),
             lambda model: lambda ys, ts: nn.hinge_loss(ys, ts) + 1e-4 * nn.l2(model.parameters()),
             "SGD", {"lr": 0.2, "momentum": 0.9}, 100, 1),
        Task("digits_conv", lambda: without_noise(digits_conv.conv_net(random.Random(1))), images,
             lambda model: nn.cross_entropy, "Adam", {"lr": digits_conv.LEARNING_RATE}, digits_conv.BATCH, 2),
        Task("names_rnn", lambda: names_rnn.NameModel(names_rnn.EMBEDDING, names_rnn.HIDDEN, random.Random(1)),
             list(map(names_rnn.sample_of, names)), lambda model: names_rnn.loss,
             "Adam", {"lr": names_rnn.LEARNING_RATE}, names_rnn.BATCH, 0),
    ]  # fmt: skip


def without_noise(model):
    """The model with its dropouts off, as no two packages draw the same random numbers."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


# ---- Three ways to learn: each takes a task and gives the seconds of an epoch and the loss of each batch. -----------


def ours(task):
    model, losses = task.model(), []
    loss = task.loss(model)

    def noted(outputs, targets):
        losses.append(loss(outputs, targets))
        losses[-2:-1] = [x.item() for x in losses[-2:-1]]  # a loss that is kept would keep its graph
        return losses[-1]

    optimizer = getattr(optim, task.optimizer)(model.parameters(), **task.hyper)
    begun = time.process_time()
    ag.fit(model, noted, task.data, optimizer, epochs=1, batch_size=task.batch_size, seed=None, progress=False)
    return time.process_time() - begun, [x if type(x) is float else x.item() for x in losses]


def pytorch(task):
    import torch

    torch.set_num_threads(1)
    model = tensors_of(task.model())
    optimizer = getattr(torch.optim, task.optimizer)(model.parameters(), **task.hyper)
    loss = {"moons": hinge_of_tensors, "digits_conv": cross_entropy_of_tensors, "names_rnn": cross_entropy_of_letters}
    batches = [batch_of_tensors(task, start) for start in range(0, len(task.data), task.batch_size)]
    losses = []
    begun = time.process_time()
    for inputs, targets in batches:
        error = loss[task.name](model, inputs, targets)
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        losses.append(error.item())
    return time.process_time() - begun, losses


def micrograd(task):
    from micrograd.engine import Value

    model = task.model()
    leaves = {id(p): Value(p.data) for p in model.parameters()}
    net = scalars_of(model, leaves)
    optimizer = getattr(optim, task.optimizer)(model.parameters(), **task.hyper)  # of our Values, as it has none
    losses = []
    begun = time.process_time()
    seen = task.data[: task.scalar_batches * task.batch_size]
    for start in range(0, len(seen), task.batch_size):
        batch = seen[start : start + task.batch_size]
        error, number = scalar_loss(task, net, batch, list(leaves.values()))
        for v in leaves.values():
            v.grad = 0.0
        error.backward()
        for p in optimizer.params:
            p.grad = leaves[id(p)].grad
        optimizer.step()
        for p in optimizer.params:
            leaves[id(p)].data = p.data
        losses.append(number)
    return (time.process_time() - begun) * len(task.data) / len(seen), losses


# ---- The same nets of tensors. --------------------------------------------------------------------------------------


def numbers(tree):
    return [numbers(branch) for branch in tree] if isinstance(tree, (list, tuple)) else tree.data


def tensors_of(module):
    """The PyTorch module with the same weights."""
    import torch

    def linear(layer):
        made = torch.nn.Linear(len(layer.neurons[0].w), len(layer.neurons))
        fill(made.parameters(), [[n.w for n in layer.neurons], [n.b for n in layer.neurons]])
        activation = layer.neurons[0].activation
        return (
            [made] if activation == "linear" else [made, {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[activation]()]
        )

    def fill(parameters, trees):
        for p, tree in zip(parameters, trees, strict=True):
            p.data = torch.tensor(numbers(tree), dtype=torch.float64)

    if isinstance(module, names_rnn.NameModel):
        return name_model_of(module, fill, linear)
    parts = []
    for layer in module.layers:
        match layer:
            case nn.Conv2d():
                sizes = layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding
                parts.append(torch.nn.Conv2d(*sizes))
                fill(parts[-1].parameters(), [layer.weight, layer.bias])
            case nn.MaxPool2d():
                parts.append(torch.nn.MaxPool2d(layer.kernel_size, layer.stride, layer.padding))
            case nn.Layer():
                parts += linear(layer)
            case nn.ReLU() | nn.Flatten():  # and no Dropout, which is off
                parts.append(getattr(torch.nn, type(layer).__name__)())
    return torch.nn.Sequential(*parts)


def name_model_of(module, fill, linear):
    import torch

    class NameModel(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(*map(len, (module.embedding.weight, module.embedding.weight[0])))
            self.cells = torch.nn.GRU(module.cell.input_size, module.cell.hidden_size, batch_first=True)
            (self.output,) = linear(module.output)
            self.table = torch.nn.Embedding(*map(len, (module.table, module.table[0])))
            fill(self.embedding.parameters(), [module.embedding.weight])
            fill(self.table.parameters(), [module.table])
            cell = module.cell
            fill(self.cells.parameters(), [cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh])

        def forward(self, places):
            before = torch.nn.functional.pad(places, (1, -1))
            rows = self.table(before * len(names_rnn.ALPHABET) + places)
            return self.output(self.cells(self.embedding(places))[0]) + rows

    return NameModel()


IGNORED = -100  # the target of what fills a short name up to the length of its batch


def batch_of_tensors(task, start):
    import torch

    inputs, targets = zip(*task.data[start : start + task.batch_size], strict=True)
    if task.name == "names_rnn":
        length = max(map(len, inputs))
        inputs = [[*places, *[0] * (length - len(places))] for places in inputs]
        targets = [[*places, *[IGNORED] * (length - len(places))] for places in targets]
    kinds = {"moons": (torch.float64, torch.float64), "digits_conv": (torch.float64, torch.int64)}
    kind = kinds.get(task.name, (torch.int64, torch.int64))
    return torch.tensor(inputs, dtype=kind[0]), torch.tensor(targets, dtype=kind[1])


def hinge_of_tensors(model, inputs, targets):
    import torch

    squares = sum((p * p).sum() for p in model.parameters())
    return torch.relu(1 - targets * model(inputs)[:, 0]).mean() + 1e-4 * squares


def cross_entropy_of_tensors(model, inputs, targets):
    import torch

    return torch.nn.functional.cross_entropy(model(inputs), targets)


def cross_entropy_of_letters(model, inputs, targets):
    import torch

    return torch.nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


# ---- The same nets of micrograd's scalars. --------------------------------------------------------------------------


def scalars_of(module, leaves):
    """The net as a function of a sample, with micrograd's Values for its weights."""

    def scalars(tree):
        return [scalars(branch) for branch in tree] if isinstance(tree, (list, tuple)) else leaves[id(tree)]

    def dense(layer):
        weights, biases = scalars([n.w for n in layer.neurons]), scalars([n.b for n in layer.neurons])
        is_relu = layer.neurons[0].activation == "relu"

        def apply(x):
            sums = [
                sum((w * v for w, v in zip(row, x, strict=True)), b) for row, b in zip(weights, biases, strict=True)
            ]
            return [y.relu() for y in sums] if is_relu else sums

        return apply

    def convolution(layer):
        weights, biases = scalars(layer.weight), scalars(layer.bias)
        (height, width), (step_down, step), (top, left) = layer.kernel_size, layer.stride, layer.padding

        def apply(image):
            rows, columns = len(image[0]), len(image[0][0])

            def pixel(window, bias, i, j):
                return sum((w * image[c][i + di][j + dj]
                            for c, plane in enumerate(window)
                            for di, line in enumerate(plane)
                            for dj, w in enumerate(line)
                            if 0 <= i + di < rows and 0 <= j + dj < columns), bias)  # fmt: skip

            return [[[pixel(window, bias, i, j) for j in range(-left, columns + left - width + 1, step)]
                     for i in range(-top, rows + top - height + 1, step_down)]
                    for window, bias in zip(weights, biases, strict=True)]  # fmt: skip

        return apply

    def pooling(layer):
        (height, width), (step_down, step) = layer.kernel_size, layer.stride

        def apply(image):
            return [[[max((plane[i + di][j + dj] for di in range(height) for dj in range(width)), key=lambda v: v.data)
                      for j in range(0, len(plane[0]) - width + 1, step)]
                     for i in range(0, len(plane) - height + 1, step_down)]
                    for plane in image]  # fmt: skip

        return apply

    def part(layer):
        match layer:
            case nn.Conv2d():
                return convolution(layer)
            case nn.MaxPool2d():
                return pooling(layer)
            case nn.Layer():
                return dense(layer)
            case nn.ReLU():
                return lambda image: [[[x.relu() for x in row] for row in plane] for plane in image]
            case nn.Flatten():
                return lambda image: [x for plane in image for row in plane for x in row]

    parts = [part(layer) for layer in module.layers if not isinstance(layer, nn.Dropout)]  # which is off

    def net(x):
        for apply in parts:
            x = apply(x)
        return x

    return net


def scalar_loss(task, net, batch, weights):
    """What to go back from, and the loss."""
    outputs = [net(x) for x, _ in batch]
    targets = [t for _, t in batch]
    if task.name == "moons":
        error = sum((1 - t * y).relu() for (y,), t in zip(outputs, targets, strict=True)) * (1 / len(batch))
        error = error + 1e-4 * sum(w * w for w in weights)
        return error, error.data
    slopes, number = [], 0.0
    for row, target in zip(outputs, targets, strict=True):
        top = max(y.data for y in row)
        powers = [math.exp(y.data - top) for y in row]
        number += math.log(sum(powers)) + top - row[target].data
        slopes += [
            (y, (p / sum(powers) - (i == target)) / len(batch))
            for i, (y, p) in enumerate(zip(row, powers, strict=True))
        ]
    return sum(y * slope for y, slope in slopes), number / len(batch)


# ---- The table. -----------------------------------------------------------------------------------------------------


def timed(learn, task, rounds):
    runs = []
    for _ in range(rounds):
        gc.collect()
        runs.append(learn(task))
    return min(seconds for seconds, _ in runs), runs[0][1]


def main():
    quick = asked_for_quick(__doc__, "one round on few samples: does it run?")
    rounds = 1 if quick else ROUNDS
    peers = "PyTorch's tensors, times ours | micrograd's scalars, times ours"
    print(f"| net | weights | samples | {ag.engine} engine | {peers} |")
    print("|---|---|---|---|---|---|")
    for task in tasks(quick):
        seconds, losses = timed(ours, task, rounds)
        cells = [f"{seconds:.3g} s"]
        for package, learn, most in (("torch", pytorch, len(losses)), ("micrograd", micrograd, task.scalar_batches)):
            if not most or not importlib.util.find_spec(package):
                cells.append("-")
                continue
            theirs, other = timed(learn, task, rounds if package == "torch" else 1)
            here = losses[len(other) - 1]
            if not math.isclose(other[-1], here, abs_tol=1e-6):
                raise SystemExit(
                    f"{task.name}: the loss of batch {len(other)} is {here} here, {other[-1]} in {package}"
                )
            cells.append(f"{theirs:.3g} s, {theirs / seconds:.3g}")
        print(
            f"| {task.name} | {len(task.model().parameters())} | {len(task.data)} | {' | '.join(cells)} |", flush=True
        )


if __name__ == "__main__":
    main()
