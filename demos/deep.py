"""What depth does to a gradient, and what it costs: perceptrons of 1 to 64 hidden layers of the same width, whose
weights are drawn too small, too large, and as they should be.

Backwards through a layer, the gradient is multiplied by the weights and by the slopes of the activation. If that leaves
a third of it, sixty layers leave one part in 1e28; if it makes three times as much of it, 1e28 times too much arrives.
A good initialisation makes the factor 1, on average. The costs are of one forward and backward pass, in nodes, bytes
and time; the time, and with it the picture, differs a little from run to run.
"""

import math
import random
import statistics
import time
import tracemalloc

from common import asked_for_quick, pyplot, save

import autograd_mini as ag
from autograd_mini import nn

WIDTH, SAMPLES, SEEDS = 16, 8, 5
# The weights have variance gain**2 / WIDTH. `nn` takes the gain of the activation: that of He et al. 2015 for relu.
GAINS = {"too small, gain 0.5": 0.5, "Xavier, gain 1": 1.0, "as nn draws them": None, "too large, gain 4": 4.0}
NN_GAIN = {"relu": math.sqrt(2), "tanh": 5 / 3}


def net(depth, activation, gain, rng):
    """A perceptron of ``depth`` hidden layers, their weights scaled to ``gain``; the last layer stays as it is."""
    model = nn.MLP(WIDTH, [WIDTH] * depth + [1], activation=activation, rng=rng)
    for layer in model.layers[:-1]:
        for neuron in layer.neurons:
            for weight in neuron.w:
                weight.data *= (gain or NN_GAIN[activation]) / NN_GAIN[activation]
    return model


def problem(rng):
    """Inputs from the normal distribution, and classes from a coin."""
    inputs = [[rng.gauss(0, 1) for _ in range(WIDTH)] for _ in range(SAMPLES)]
    return inputs, [rng.randrange(2) for _ in range(SAMPLES)]


def loss_of(model, inputs, targets):
    """A loss whose slope is at most 1 however large the outputs are: what explodes does so on the way back."""
    return nn.binary_cross_entropy_with_logits([model(x) for x in inputs], targets)


def gradient_norms(depth, activation, gain):
    """The norm of each hidden layer's gradient before any training, the first layer's first: medians over seeds."""
    runs = []
    for seed in range(SEEDS):
        rng = random.Random(seed)
        model, (inputs, targets) = net(depth, activation, gain, rng), problem(rng)
        loss_of(model, inputs, targets).backward()
        runs.append([math.hypot(*(p.grad for p in layer.parameters())) for layer in model.layers[:-1]])
    return [statistics.median(norms) for norms in zip(*runs, strict=True)]


def gradients(depths):
    """Print the first layer's gradient by depth; norms by layer, by (activation, initialisation, depth)."""
    norms = {}
    print("| gradient of the first layer |" + "".join(f" {depth} |" for depth in depths) + " a layer |")
    print("|---" * (2 + len(depths)) + "|")
    for activation in NN_GAIN:
        for name, gain in GAINS.items():
            for depth in depths:
                norms[activation, name, depth] = gradient_norms(depth, activation, gain)
            firsts = [norms[activation, name, depth][0] for depth in depths]
            factor = (firsts[-1] / firsts[0]) ** (1 / (depths[-1] - depths[0]))
            cells = "".join(f" {first:.1e} |" for first in firsts)
            print(f"| {activation}, {name} |{cells} x {factor:.2f} |", flush=True)
    return norms


# ---- Costs. ---------------------------------------------------------------------------------------------------------


def count_nodes(root):
    """The number of Values that ``root`` was computed from, itself and the leaves included."""
    seen, stack = {}, [root]  # the Values by id, as they compare as their numbers
    while stack:
        node = stack.pop()
        if isinstance(node, ag.Value) and id(node) not in seen:
            seen[id(node)] = node
            stack += node.args
    return len(seen)


def costs(depths):
    """Print and return (depth, nodes, seconds, bytes of the graph, bytes at most in the sweep)."""
    print("| hidden layers | weights | nodes | forward and backward | graph | in the sweep |")
    print("|---" * 6 + "|")
    rows = []
    for depth in depths:
        rng = random.Random(0)
        model, (inputs, targets) = net(depth, "tanh", None, rng), problem(rng)

        nodes = count_nodes(loss_of(model, inputs, targets))
        times = []
        for _ in range(5):
            start = time.process_time()
            loss_of(model, inputs, targets).backward()
            times.append(time.process_time() - start)
        ballast = loss_of(model, inputs, targets)  # takes up the memory that the engine keeps of the last graph
        tracemalloc.start()
        loss = loss_of(model, inputs, targets)
        graph = tracemalloc.get_traced_memory()[0]
        loss.backward()
        sweep = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        del ballast
        rows.append((depth, nodes, min(times), graph, sweep))
        print(f"| {depth} | {len(model.parameters())} | {nodes} | {min(times) * 1e3:.2f} ms | {graph / 1e6:.3f} MB | "
              f"{sweep / 1e6:.3f} MB |", flush=True)  # fmt: skip
    passes = SAMPLES * len(model.parameters())
    print(f"in the deepest net a weight costs {rows[-1][2] / passes * 1e9:.0f} ns and {rows[-1][4] / passes:.0f} bytes "
          "for each sample")  # fmt: skip
    return rows


# ---- Pictures. ------------------------------------------------------------------------------------------------------

COLOURS = dict(zip(GAINS, ("#56b4e9", "#009e73", "#0072b2", "#d55e00"), strict=True))


def draw(norms, rows, quick):
    """The norms by layer above, one panel for each activation, and the costs by depth below."""
    figure, grid = pyplot().subplots(2, 2, figsize=(11, 7.5), layout="constrained")
    for axes, activation in zip(grid[0], NN_GAIN, strict=True):
        deepest = max(depth for _, _, depth in norms)
        for (kind, name, depth), by_layer in norms.items():
            if kind == activation and (depth >= 8 or quick):
                style = {"linewidth": 2, "label": name} if depth == deepest else {"linewidth": 0.8}
                axes.semilogy(range(1, depth + 1), by_layer, color=COLOURS[name], **style)
                axes.semilogy(1, by_layer[0], "o", color=COLOURS[name], markersize=3)
        axes.set(xlabel="hidden layer, 1 is the first", ylabel="norm of the layer's gradient", ylim=(1e-32, 1e32))
        axes.set_title(f"{activation}: thick, nets of {deepest} layers; thin, of fewer")
        axes.grid(color="#dddddd", linewidth=0.5)
    grid[0][1].legend(loc="upper right", fontsize=9)
    depths, nodes, seconds, graph, sweep = zip(*rows, strict=True)
    time_axes, memory_axes = grid[1]
    time_axes.loglog(depths, [s * 1e3 for s in seconds], "o-", color="#0072b2")
    time_axes.set(ylabel="milliseconds", title=f"Forward and backward, {SAMPLES} samples: grows as the depth")
    memory_axes.loglog(depths, [b / 1e6 for b in sweep], "o-", color="#d55e00", label="at most, in the sweep")
    memory_axes.loglog(depths, [b / 1e6 for b in graph], "s--", color="#0072b2", label="the graph")
    memory_axes.set(ylabel="megabytes", title=f"Memory: all of the {nodes[-1]} nodes stay until the end")
    memory_axes.legend(loc="upper left", fontsize=8)
    for axes in grid[1]:
        axes.minorticks_off()
        axes.set_xlabel(f"hidden layers of {WIDTH} neurons")
        axes.set_xticks(depths, [str(depth) for depth in depths])
        axes.grid(color="#dddddd", linewidth=0.5)
    save(figure, "deep.svg", quick)


CONCLUSION = """\
Weights that are too small let the gradient vanish and weights that are too large let it explode, by a factor for every
layer; Xavier's keep it for tanh but not for relu, which needs those of He. The engine does not mind depth: its walks
are loops, and the cost grows as the number of weights. Its limit is that every weight is a scalar of its own, with the
time and memory above for each sample."""


def main():
    quick = asked_for_quick(__doc__)
    rows = costs([1, 4, 16] if quick else [1, 4, 16, 64, 256])  # first, while no larger net has left memory to reuse
    norms = gradients([1, 4, 16] if quick else [1, 2, 4, 8, 16, 32, 64])
    print(CONCLUSION)
    draw(norms, rows, quick)


if __name__ == "__main__":
    main()
