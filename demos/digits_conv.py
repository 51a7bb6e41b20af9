"""Teaches a convolutional net of scalars to read handwritten digits, and a perceptron of the same size for comparison.

The digits are 1797 images of 8 x 8 pixels (E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits",
UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, CC BY 4.0), as scikit-learn ships them. Draws what the
windows of the convolution look for, and the digits that the net misreads.
"""

import math
import random

from common import asked_for_quick, need, pyplot, save

import autograd_mini as ag
from autograd_mini import nn, optim

# Chosen by fourfold cross-validation within the training images: learning rates (each net reads best with 0.03) and
# dropout, which helped the convolutional net alone. On smaller nets neither shifted images nor weight decay helped.
EPOCHS, BATCH, LEARNING_RATE, DROPOUT = 20, 32, 0.03, 0.3
CHANNELS, HIDDEN = 16, 40  # 2986 and 3010 parameters
QUICK = {"images": 200, "epochs": 6, "channels": 4, "hidden": 10}
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#bbbbbb"


def load(seed=0):
    """Training and held-out digits as lists of (image, digit): of each digit a fourth, drawn at random, is held out.

    An image is [channel][row][column] with one channel, from -1 for paper to 1 for ink.
    """
    source = need("sklearn.datasets").load_digits()
    digits = [
        ([[[x / 8 - 1 for x in row] for row in image]], digit)
        for image, digit in zip(source.images.tolist(), source.target.tolist(), strict=True)
    ]
    random.Random(seed).shuffle(digits)
    by_digit = sorted(digits, key=lambda sample: sample[1])  # keeps the shuffle within a digit
    train = [sample for i, sample in enumerate(by_digit) if i % 4]
    random.Random(seed).shuffle(train)  # so that a part of it, too, has all ten
    return train, by_digit[::4]


def conv_net(rng, channels=CHANNELS):
    """One layer of 5 x 5 windows, of whose answers the largest in each square of four counts, and a linear reader."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 5, padding=2, rng=rng),
        nn.MaxPool2d(2),
        nn.ReLU(),  # after the pooling: the largest pixel is the same, and there are four times fewer
        nn.Flatten(),
        nn.Dropout(DROPOUT, rng=rng),
        nn.Layer(16 * channels, 10, nonlin=False, rng=rng),
    )


def perceptron(rng, hidden=HIDDEN):
    return nn.Sequential(nn.Flatten(), nn.MLP(64, [hidden, 10], rng=rng))


def train(model, digits, epochs=EPOCHS):
    optimizer = optim.Adam(model.parameters(), lr=LEARNING_RATE)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    ag.fit(model, nn.cross_entropy, digits, optimizer, epochs=epochs, batch_size=BATCH, scheduler=schedule)


def probabilities(model, image):
    """What the net believes of each of the ten digits: the softmax of its scores."""
    with ag.no_grad():
        scores = [score.item() for score in model(image)]
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def best(beliefs):
    return max(range(10), key=beliefs.__getitem__)


def accuracy(beliefs, digits):
    return sum(best(p) == digit for p, (_, digit) in zip(beliefs, digits, strict=True)) / len(digits)


def show_digit(axes, image):
    axes.imshow(image[0], cmap="Greys", vmin=-1, vmax=1)
    axes.set(xticks=[], yticks=[])


def draw_filters(convolution, image, quick):
    """The windows of the first layer, each above what it answers everywhere on one digit."""
    with ag.no_grad():
        answers = [[[max(x.item(), 0.0) for x in row] for row in plane] for plane in convolution(image)]
    windows = [[[w.data for w in row] for row in channel[0]] for channel in convolution.weight]
    strongest = max(abs(w) for window in windows for row in window for w in row)
    loudest = max(x for plane in answers for row in plane for x in row)
    columns = min(8, len(windows))
    blocks = -(-len(windows) // columns)

    plt = pyplot()
    figure = plt.figure(figsize=(11, 2.7 * blocks), layout="constrained")
    grid = figure.add_gridspec(2 * blocks, columns + 3, width_ratios=[2.6, *[1] * columns, 0.15, 0.15])
    whole = figure.add_subplot(grid[:, 0])
    show_digit(whole, image)
    whole.set_title("the digit", fontsize=11)
    for i, (window, answer) in enumerate(zip(windows, answers, strict=True)):
        row, column = 2 * (i // columns), 1 + i % columns
        above, below = figure.add_subplot(grid[row, column]), figure.add_subplot(grid[row + 1, column])
        weights = above.imshow(window, cmap="PuOr", vmin=-strongest, vmax=strongest)
        activity = below.imshow(answer, cmap="cividis", vmin=0, vmax=loudest)
        for axes in (above, below):
            axes.set(xticks=[], yticks=[])
        if column == 1:
            above.set_ylabel("window", fontsize=10)
            below.set_ylabel("answer", fontsize=10)
    half = (2 * blocks) // 2
    figure.colorbar(weights, cax=figure.add_subplot(grid[:half, -2]), label="weight")
    figure.colorbar(activity, cax=figure.add_subplot(grid[half:, -2]), label="answer after ReLU")
    figure.suptitle("What the first layer looks for: its 5 x 5 windows, and where each finds its pattern in one digit")
    save(figure, "digits_filters.svg", quick)


def draw_misread(beliefs, digits, quick):
    """The digits that were misread, the most convinced errors first, with the net's probabilities."""
    wrong = [(p, image, digit) for p, (image, digit) in zip(beliefs, digits, strict=True) if best(p) != digit]
    shown = sorted(wrong, key=lambda case: -max(case[0]))[:16]
    columns = max(4, min(8, len(shown)))
    rows = max(1, -(-len(shown) // columns))
    plt = pyplot()
    figure = plt.figure(figsize=(1.55 * columns, 2.9 * rows + 0.5), layout="constrained")
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[1.5, 1] * rows)
    for i, (p, image, digit) in enumerate(shown):
        row, column = 2 * (i // columns), i % columns
        picture, bars = figure.add_subplot(grid[row, column]), figure.add_subplot(grid[row + 1, column])
        show_digit(picture, image)
        picture.set_title(f"read {best(p)}, is {digit}", fontsize=11)
        bars.bar(range(10), p, color=[BLUE if d == digit else ORANGE if d == best(p) else GREY for d in range(10)])
        bars.set(ylim=(0, 1), xticks=range(10), yticks=[0, 0.5, 1] if column == 0 else [])
        bars.tick_params(labelsize=8)
        if column == 0:
            bars.set_ylabel("probability", fontsize=9)
    number = f"all {len(wrong)}" if len(shown) == len(wrong) else f"{len(shown)} of the {len(wrong)}"
    figure.suptitle(
        f"Misread: {number} errors among {len(digits)} held-out digits\n"
        "(bars: the net's probability of each digit; orange: what it read, blue: what is right)"
    )
    save(figure, "digits_misread.svg", quick)


def main():
    quick = asked_for_quick(__doc__)
    digits, held_out = load()
    sizes = {"channels": CHANNELS, "hidden": HIDDEN, "epochs": EPOCHS}
    if quick:
        sizes = QUICK
        digits, held_out = digits[: QUICK["images"]], held_out[::4]
    net = conv_net(random.Random(0), sizes["channels"])
    rival = perceptron(random.Random(0), sizes["hidden"])
    print(f"{len(digits)} digits to learn from, {len(held_out)} held out")
    print(f"convolutional net: {len(net.parameters())} parameters, perceptron: {len(rival.parameters())}")
    for model in (net, rival):
        train(model, digits, sizes["epochs"])

    beliefs = [probabilities(net, image) for image, _ in held_out]
    ours = accuracy(beliefs, held_out)
    theirs = accuracy([probabilities(rival, image) for image, _ in held_out], held_out)
    print(f"held-out accuracy: {ours:.3f} (perceptron of the same size: {theirs:.3f})")

    draw_filters(net[0], next(image for image, digit in held_out if digit == 2), quick)
    draw_misread(beliefs, held_out, quick)


if __name__ == "__main__":
    main()
