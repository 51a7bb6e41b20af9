"""Trains a small perceptron to tell three species of iris apart by four lengths (150 flowers, Fisher 1936).

Prints the loss as it falls and the accuracy on flowers that training never saw; writes the loss curve and the graph of
one trained neuron.
"""

import csv
import random
import statistics

from common import DATA, command_line, need, pyplot, save, save_graph

import autograd_mini as ag
from autograd_mini import nn, optim

EPOCHS, BATCH = 30, 20


def load():
    """The flowers as (lengths in cm, class index), and the names of lengths and classes."""
    with open(DATA / "iris.csv", newline="") as file:
        header, *rows = csv.reader(file)
    species = sorted({row[-1] for row in rows})
    return [([float(x) for x in row[:-1]], species.index(row[-1])) for row in rows], header[:-1], species


def standardised(flowers, reference):
    """Lengths as deviations from the mean of ``reference``, in standard deviations, so that all inputs weigh alike."""
    columns = list(zip(*[x for x, _ in reference], strict=True))
    means, deviations = [statistics.mean(c) for c in columns], [statistics.stdev(c) for c in columns]
    return [([(v - m) / s for v, m, s in zip(x, means, deviations, strict=True)], y) for x, y in flowers]


def accuracy(model, flowers):
    with ag.no_grad():
        scores = [(model(x), y) for x, y in flowers]
    return sum(max(range(len(s)), key=s.__getitem__) == y for s, y in scores) / len(flowers)


def main():
    command_line(__doc__).parse_args()
    rng = random.Random(0)
    flowers, lengths, species = load()
    rng.shuffle(flowers)
    flowers.sort(key=lambda flower: flower[1])  # keeps the shuffle within a species: each gives a third to the test
    test, train = flowers[::3], [flower for i, flower in enumerate(flowers) if i % 3]
    test, train = standardised(test, train), standardised(train, train)

    model = nn.MLP(4, [8, 3], activation="tanh", rng=rng)
    optimizer = optim.Adam(model.parameters(), lr=0.03, weight_decay=0.01)
    print(f"{model}: {len(model.parameters())} parameters, {len(train)} flowers to learn from, {len(test)} held out")

    losses = []
    for _ in need("tqdm").trange(EPOCHS, desc="training", unit="epoch", mininterval=1.0):
        rng.shuffle(train)
        for start in range(0, len(train), BATCH):
            batch = train[start : start + BATCH]
            loss = nn.cross_entropy([model(x) for x, _ in batch], [y for _, y in batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.data)

    print(f"cross entropy of a batch: {losses[0]:.3f} at first, {losses[-1]:.3f} at last")
    print(f"held-out accuracy: {accuracy(model, test):.3f} (guessing: {1 / len(species):.3f})")

    figure, axes = pyplot().subplots(figsize=(6, 3.5))
    axes.plot([i * BATCH / len(train) for i in range(len(losses))], losses, color="#0072b2", linewidth=1)
    axes.set(xlabel="epoch", ylabel="cross entropy of a batch", title="Iris: the loss while training", ylim=(0, None))
    save(figure, "iris_loss.svg")

    neuron = model.layers[0].neurons[0]
    labels = [name.removesuffix("_cm").replace("_", " ") for name in lengths]
    inputs = [ag.Value(x, label=label) for x, label in zip(test[0][0], labels, strict=True)]
    out = neuron(inputs)
    model.zero_grad()
    out.backward()
    names = {f"weight of {label}": w for label, w in zip(labels, neuron.w, strict=True)}
    save_graph(out, "iris_neuron.svg", names={**names, "bias": neuron.b, "neuron's output": out})


if __name__ == "__main__":
    main()
