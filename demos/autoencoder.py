"""Squeezes handwritten digits, without their labels, through two numbers and back: a map of the digits in the plane.

Principal components are the best linear code of the same size; the net's is curved. The digits are those of
digits_conv.py.
"""

import random

from common import asked_for_quick, need, pyplot, save
from digits_conv import load, show_digit

import autograd_mini as ag
from autograd_mini import nn, optim

# Learning rate and sizes were chosen on a fourth of the training digits.
EPOCHS, BATCH, LEARNING_RATE, SIZES = 40, 32, 0.01, (32, 16)
QUICK = {"digits": 200, "epochs": 14}


class Autoencoder(nn.Module):
    """An encoder to two numbers and a decoder back to 64 pixels, perceptrons with tanh."""

    def __init__(self, rng):
        self.encoder = nn.MLP(64, [*SIZES, 2], activation="tanh", rng=rng)
        self.decoder = nn.MLP(2, [*SIZES[::-1], 64], activation="tanh", rng=rng)

    def __call__(self, pixels):
        return self.decoder([x.tanh() for x in self.encoder(pixels)])


def error(images, copies):
    """The mean squared error of a pixel, where paper is 0 and ink is 1: the images reach from -1 to 1, twice as far."""
    pairs = [(x, y) for a, b in zip(images, copies, strict=True) for x, y in zip(a, b, strict=True)]
    return sum((x - y) ** 2 for x, y in pairs) / 4 / len(pairs)


def draw(digits, images, codes, copies, quick):
    """The two planes of codes, and one digit of each kind with its two reconstructions."""
    figure = pyplot().figure(figsize=(10, 7.5), layout="constrained")
    grid = figure.add_gridspec(4, 10, height_ratios=[4.2, 1, 1, 1])
    for left, (name, points) in zip((0, 5), codes.items(), strict=True):
        axes = figure.add_subplot(grid[0, left : left + 5])
        for digit in range(10):
            mine = [p for p, d in zip(points, digits, strict=True) if d == digit]
            axes.scatter(
                *zip(*mine, strict=True), marker=f"${digit}$", s=26, rasterized=True, linewidths=0.3, color=f"C{digit}"
            )
        axes.set(xlabel="first number of the code", ylabel="second number", title=name)
    rows = {"held out": images, **copies}
    for row, (name, pictures) in enumerate(rows.items(), 1):
        for digit in range(10):
            axes = figure.add_subplot(grid[row, digit])
            flat = pictures[digits.index(digit)]
            show_digit(axes, [[flat[i : i + 8] for i in range(0, 64, 8)]])
            if digit == 0:
                axes.set_ylabel(name, fontsize=9)
    figure.suptitle("Held-out digits as two numbers, and what can be drawn from these (labels only mark and colour)")
    save(figure, "autoencoder.svg", quick)


def main():
    quick = asked_for_quick(__doc__)
    train, held_out = load()
    epochs = EPOCHS
    if quick:
        train, held_out, epochs = train[: QUICK["digits"]], held_out[::4], QUICK["epochs"]
    flat = nn.Flatten()
    learned, images = [flat(x) for x, _ in train], [flat(x) for x, _ in held_out]
    model = Autoencoder(random.Random(0))
    optimizer = optim.Adam(model.parameters(), lr=LEARNING_RATE)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    samples = [(x, x) for x in learned]
    ag.fit(model, nn.mse_loss, samples, optimizer, epochs=epochs, batch_size=BATCH, scheduler=schedule)

    with ag.no_grad():
        codes = [[c.tanh().item() for c in model.encoder(x)] for x in images]
        copies = [[y.item() for y in model(x)] for x in images]
    pca = need("sklearn.decomposition").PCA(2, svd_solver="full").fit(learned)
    linear_codes = pca.transform(images)
    linear_copies = pca.inverse_transform(linear_codes).tolist()
    ours, theirs = error(images, copies), error(images, linear_copies)
    print(f"{len(model.parameters())} parameters, {len(learned)} digits to learn from, {len(images)} held out")
    print(f"held-out error of a pixel: {ours:.4f} (principal components: {theirs:.4f})")

    planes = {"autoencoder": codes, "principal components": linear_codes.tolist()}
    rows = {"autoencoder": copies, "principal\ncomponents": linear_copies}
    draw([d for _, d in held_out], images, planes, rows, quick)


if __name__ == "__main__":
    main()
