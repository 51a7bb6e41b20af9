"""Trains a perceptron on two interleaved half moons and draws where it decides for which.

The loop is the one that micrograd's demo made known: hinge loss, L2 on the weights, plain gradient descent.
"""

import math
import random

from common import command_line, need, pyplot, save

import autograd_mini as ag
from autograd_mini import nn, optim

EPOCHS, GRID = 100, 60


def moons(count, noise, rng):
    """``count`` points on two half circles with Gaussian noise, and their labels: -1 above, 1 below."""
    points, labels = [], []
    for i in range(count):
        t = math.pi * rng.random()
        x, y = (math.cos(t), math.sin(t)) if i % 2 else (1 - math.cos(t), 0.5 - math.sin(t))
        points.append([x + rng.gauss(0, noise), y + rng.gauss(0, noise)])
        labels.append(-1 if i % 2 else 1)
    return points, labels


def accuracy(model, points, labels):
    with ag.no_grad():
        return sum((model(x) > 0) == (y > 0) for x, y in zip(points, labels, strict=True)) / len(points)


def main():
    command_line(__doc__).parse_args()
    rng = random.Random(3)
    points, labels = moons(100, 0.1, rng)
    unseen = moons(1000, 0.1, rng)
    model = nn.MLP(2, [16, 16, 1], rng=rng)
    optimizer = optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    print(f"{model}: {len(model.parameters())} parameters, {len(points)} points")

    for epoch in need("tqdm").trange(EPOCHS, desc="training", unit="epoch", mininterval=1.0):
        loss = nn.hinge_loss([model(x) for x in points], labels) + 1e-4 * nn.l2(model.parameters())
        optimizer.zero_grad()
        loss.backward()
        optimizer.lr = 0.2 * (1 - 0.9 * epoch / EPOCHS)
        optimizer.step()

    print(f"loss at last: {loss.data:.4f}")
    print(f"accuracy on its own points: {accuracy(model, points, labels):.3f}")
    print(f"accuracy on 1000 unseen points: {accuracy(model, *unseen):.3f}")

    xs = [-1.6 + 4.2 * i / (GRID - 1) for i in range(GRID)]
    ys = [-1.1 + 2.7 * i / (GRID - 1) for i in range(GRID)]
    with ag.no_grad():
        scores = [[model([x, y]).data for x in xs] for y in ys]
    figure, axes = pyplot().subplots(figsize=(6, 4))
    shades = ["#d55e00", "#f2c6a0", "#a8cbe4", "#0072b2"]
    axes.contourf(xs, ys, scores, levels=[-1e9, -1, 0, 1, 1e9], colors=shades, alpha=0.6)
    axes.contour(xs, ys, scores, levels=[0], colors="black", linewidths=1.5)
    for label, marker, name in ((-1, "o", "upper moon"), (1, "s", "lower moon")):
        mine = [p for p, y in zip(points, labels, strict=True) if y == label]
        axes.scatter(*zip(*mine, strict=True), marker=marker, s=22, label=name, edgecolors="black", linewidths=0.6,
                     color="#d55e00" if label < 0 else "#0072b2")  # fmt: skip
    axes.set(title="Two moons: the line is where the net's score is 0\n(dark: outside of the margin, |score| > 1)")
    axes.legend(loc="upper right", frameon=True)
    save(figure, "moons.svg")


if __name__ == "__main__":
    main()
