"""Where optimisers go and what they walk on: paths of gradient descent, momentum and Adam on a surface with a plateau
and many minima, and the loss of two real nets around the minimum that was found.

The surface is a formula with two variables. A net's loss has hundreds; it is shown on the plane through the trained
weights along two random directions, each scaled neuron by neuron to the size of the weights, so that nets of different
scale can be compared (Li et al. 2018, arXiv:1712.09913).
"""

import itertools
import math
import random

from common import asked_for_quick, need, pyplot, save
from moons import moons

import autograd_mini as ag
from autograd_mini import nn, optim

# ---- Paths on a surface. --------------------------------------------------------------------------------------------

STARTS = {"a": (4.4, 2.9), "b": (-3.2, 2.4), "c": (2.0, -1.8), "d": (-1.0, -2.6), "e": (-2.2, 0.3), "f": (0.9, 1.5)}
RATES = [10 ** (k / 3) for k in range(-9, 3)]  # 0.001 to 4.6, three in each power of ten
OPTIMISERS = {
    "gradient descent": lambda params, lr: optim.SGD(params, lr=lr),
    "momentum 0.9": lambda params, lr: optim.SGD(params, lr=lr, momentum=0.9),
    "Adam": lambda params, lr: optim.Adam(params, lr=lr),
}


def surface(x, y):
    """A hollow with ripples in a plateau: 0 at the origin, 1 far away, and a minimum in many troughs of the ripples."""
    hollow, ripples = ag.exp(-(x * x + y * y) / 4), 1 + 0.25 * (ag.cos(4 * x) + ag.cos(4 * y))
    return 1 - hollow * ripples / 1.5


def descend(make, lr, start, steps):
    """The path of an optimiser on the surface, a point for each step."""
    point = [ag.Value(start[0]), ag.Value(start[1])]
    optimizer = make(point, lr)
    path = [start]
    for _ in range(steps):
        optimizer.zero_grad()
        surface(*point).backward()
        optimizer.step()
        path.append((point[0].data, point[1].data))
    return path


def tuned(make, quick):
    """The learning rate whose paths end lowest, and these paths: by the mean loss over the starts and over the last
    tenth of the steps, as the last one may be lucky where a path jumps to and fro."""
    steps = 100 if quick else 300
    paths = {
        lr: [descend(make, lr, start, steps) for start in STARTS.values()] for lr in (RATES[1::3] if quick else RATES)
    }
    return min(paths.items(), key=lambda item: sum(surface(*p) for path in item[1] for p in path[-steps // 10 :]))


def fate(path):
    """Where a path ends, told from value and slope there."""
    loss, slope = ag.value_and_grad(surface, argnums=(0, 1))(*path[-1])
    if loss < 1e-3:
        return "the lowest point"
    if loss > 0.95:
        return "still on the plateau"
    return "a local minimum" if math.hypot(*slope) < 1e-2 else "on its way"


def wins(paths):
    return sum(fate(path) == "the lowest point" for path in paths)


def race(quick):
    """Print where each optimiser ends from each start; the learning rate and the paths of each."""
    results = {}
    print("| optimiser | lr | start | end | loss | what is there |\n|---|---|---|---|---|---|")
    for name, make in OPTIMISERS.items():
        lr, paths = results[name] = tuned(make, quick)
        for start, path in zip(STARTS, paths, strict=True):
            x, y = path[-1]
            print(f"| {name} | {lr:.2g} | {start} | {x:.2f}, {y:.2f} | {surface(x, y):.3f} | {fate(path)} |")
    for name, (lr, paths) in results.items():
        mean = sum(surface(*path[-1]) for path in paths) / len(paths)
        print(f"{name}, lr {lr:.2g}: {wins(paths)} of {len(paths)} at the lowest point, mean loss {mean:.3f}")
    return results


def draw_paths(results, quick):
    figure, row = pyplot().subplots(1, len(results), figsize=(12, 3.7), sharey=True, layout="constrained")
    xs, ys = [-4.2 + 0.06 * i for i in range(153)], [-3.3 + 0.06 * i for i in range(114)]
    heights = [[surface(x, y) for x in xs] for y in ys]
    for axes, (name, (lr, paths)) in zip(row, results.items(), strict=True):
        shades = axes.contourf(xs, ys, heights, levels=[k / 10 for k in range(11)], cmap="Greys_r")
        shades.set_rasterized(True)
        for start, path in zip(STARTS, paths, strict=True):
            colour, marker, size = ("#0072b2", "*", 13) if fate(path) == "the lowest point" else ("#d55e00", "X", 8)
            axes.plot(*zip(*path, strict=True), color=colour, linewidth=1.1)
            axes.plot(*path[0], "o", color="white", markeredgecolor="black", markersize=5)
            axes.plot(*path[-1], marker, color=colour, markeredgecolor="white", markersize=size)
            axes.annotate(start, path[0], (4, 3), textcoords="offset points")
        axes.set(title=f"{name}, lr {lr:.2g}: {wins(paths)} of {len(paths)}", xlabel="x", aspect="equal")
        axes.set(xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]))
    row[0].set_ylabel("y")
    figure.colorbar(shades, ax=row, label="loss", shrink=0.85)
    figure.suptitle("Paths from six starts: blue ones reach the lowest point, orange ones end elsewhere")
    save(figure, "landscape_paths.svg", quick)


# ---- The loss of a net. ---------------------------------------------------------------------------------------------

# Two nets with 393 parameters each.
NETS = {"one hidden layer of 98": [98, 1], "six hidden layers of 8": [8] * 6 + [1]}


def train(sizes, data, epochs):
    """A perceptron that tells the two moons apart."""
    model = nn.MLP(2, sizes, rng=random.Random(0))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    loss = nn.binary_cross_entropy_with_logits
    ag.fit(model, loss, data, optimizer, epochs=epochs, scheduler=schedule, progress=False)
    return model


def direction(model, rng):
    """A random direction in which the weights of each neuron, its bias among them, move by as much as they are long."""
    steps = []
    for layer in model.layers:
        for neuron in layer.neurons:
            weights = [p.data for p in neuron.parameters()]
            draws = [rng.gauss(0, 1) for _ in weights]
            scale = math.hypot(*weights) / math.hypot(*draws)
            steps += [scale * z for z in draws]
    return steps


def plane(model, data, side):
    """The loss on a square of ``side`` times ``side`` points, from -1 to 1 along two directions from the weights."""
    rng = random.Random(1)
    parameters, centre = model.parameters(), [p.data for p in model.parameters()]
    across, up = direction(model, rng), direction(model, rng)
    inputs, targets = zip(*data, strict=True)
    ticks = [2 * i / (side - 1) - 1 for i in range(side)]
    losses = []
    for b in need("tqdm").tqdm(ticks, desc="looking around", unit="row", mininterval=1.0):
        losses.append([])
        for a in ticks:
            for p, w, u, v in zip(parameters, centre, across, up, strict=True):
                p.data = w + a * u + b * v
            with ag.no_grad():
                losses[-1].append(nn.binary_cross_entropy_with_logits([model(x) for x in inputs], targets).data)
    return ticks, losses


def minima(losses):
    """The number of points inside that are lower than their eight neighbours."""
    near = [step for step in itertools.product((-1, 0, 1), repeat=2) if step != (0, 0)]
    inside = range(1, len(losses) - 1)
    return sum(all(losses[i][j] < losses[i + di][j + dj] for di, dj in near) for i in inside for j in inside)


def look(quick):
    """Print what the loss is like around each trained net; the points of the plane and the losses there."""
    points, labels = moons(100, 0.15, random.Random(3))
    data = [(point, (label + 1) // 2) for point, label in zip(points, labels, strict=True)]
    views = {}
    for name, sizes in NETS.items():
        model = train(sizes, data, 15 if quick else 100)
        ticks, losses = views[name] = plane(model, data, 9 if quick else 35)
        middle = len(ticks) // 2
        print(
            f"{name}, {len(model.parameters())} parameters: loss {losses[middle][middle]:.4f} where training ended, "
            f"least {min(map(min, losses)):.4f}, greatest {max(map(max, losses)):.1f}, minima seen: {minima(losses)}"
        )
    return views


def draw_views(views, quick):
    plt = pyplot()
    figure, row = plt.subplots(1, len(views), figsize=(9.5, 4.6), sharey=True, layout="constrained")
    levels = [10 ** (k / 4) for k in range(-10, 9)]
    for axes, (name, (ticks, losses)) in zip(row, views.items(), strict=True):
        shades = axes.contourf(ticks, ticks, losses, levels=levels, norm="log", cmap="viridis", extend="max")
        axes.contour(ticks, ticks, losses, levels=levels, colors="black", linewidths=0.4)
        shades.set_rasterized(True)
        axes.plot(0, 0, "*", color="white", markeredgecolor="black", markersize=13)
        axes.set(title=name, xlabel="along one random direction", aspect="equal", xticks=[-1, -0.5, 0, 0.5, 1])
    row[0].set_ylabel("along another")
    figure.colorbar(shades, ax=row, label="cross entropy", ticks=[0.01, 0.1, 1, 10, 100], format="%g", shrink=0.85)
    figure.suptitle(
        "The loss around two trained nets (star) of 393 weights:\na bowl for the wide one, folds for the deep one"
    )
    save(figure, "landscape_net.svg", quick)


def main():
    quick = asked_for_quick(__doc__)
    draw_paths(race(quick), quick)
    draw_views(look(quick), quick)


if __name__ == "__main__":
    main()
