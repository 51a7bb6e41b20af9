"""Invents first names: a recurrent net reads a name letter by letter and tells which letter comes next, or the end.

It learns from 4,163 of the 5,163 first names that the US census of 1990 found often, each taken once, however many
people bear it. Prints how many bits it needs for a character of names that training never saw, beside smoothed n-gram
models, and a dozen names that it makes up; draws its progress and what it expects along a name.

The names are those of the package ``names`` (MIT licence), whose lists are the Census Bureau's "Frequently Occurring
Names in the U.S. - 1990", a work of the US government in the public domain.
"""

import math
import random
from collections import Counter, defaultdict
from itertools import product

from common import asked_for_quick, need, pyplot, save

import autograd_mini as ag
from autograd_mini import nn, optim

ALPHABET = ".ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # the full stop is what stands before the first letter and after the last
HELD_OUT = 500  # names, and as many again for validation, on which all that follows was chosen

EMBEDDING, HIDDEN, EPOCHS, BATCH, LEARNING_RATE = 8, 24, 4, 32, 0.02
DISCOUNTS, STRENGTHS = (0.3, 0.5, 0.7, 0.9), (0, 1, 2, 4)  # of n-gram models
TEMPERATURE = 0.7
QUICK_NAMES, QUICK_HIDDEN, QUICK_EPOCHS, QUICK_BATCH = 300, 8, 2, 8


def load():
    """The names in three parts without a common name: to learn from, for validation, held out."""
    files = need("names").FILES
    found = set()
    for key in ("first:female", "first:male"):
        with open(files[key], encoding="ascii") as file:
            found |= {line.split()[0] for line in file}
    names = random.Random(0).sample(sorted(found), len(found))
    return names[2 * HELD_OUT :], names[HELD_OUT : 2 * HELD_OUT], names[:HELD_OUT]


def sample_of(name):
    """A name as (what is read, what comes next), both as places in the alphabet."""
    places = [ALPHABET.index(letter) for letter in f".{name}."]
    return places[:-1], places[1:]


class NameModel(nn.Module):
    """What comes next, by two voices whose logits add up: a table has a row for each pair of last letters, which is all
    that a trigram model looks at; a gated recurrent unit goes by the whole name so far."""

    def __init__(self, embedding, hidden, rng):
        size = len(ALPHABET)
        self.table = [[ag.Value(0.0) for _ in range(size)] for _ in range(size * size)]
        self.embedding = nn.Embedding(size, embedding, rng=rng)
        self.cell = nn.GRUCell(embedding, hidden, rng=rng)
        self.output = nn.Layer(hidden, size, activation="linear", rng=rng)

    def step(self, before, place, state):
        """The logits of what comes after one more letter, and the new state."""
        state = self.cell(self.embedding(place), state)
        row = self.table[before * len(ALPHABET) + place]
        return [a + b for a, b in zip(self.output(state), row, strict=True)], state

    def __call__(self, places):
        """A row of logits after each letter."""
        rows, state = [], None
        for before, place in zip([0, *places], places, strict=False):
            row, state = self.step(before, place, state)
            rows.append(row)
        return rows


def loss(outputs, targets):
    """The mean cross entropy of a character, the end of a name being one; in nats, of which log(2) make a bit."""
    return nn.cross_entropy(
        [row for rows in outputs for row in rows], [place for places in targets for place in places]
    )


def bits_per_character(model, names):
    """How many bits the model needs for a character of these names, the end of each being one."""
    inputs, targets = zip(*map(sample_of, names), strict=True)
    with ag.no_grad():
        return (loss(list(map(model, inputs)), targets) / math.log(2)).item()


class NGram:
    """The baseline: counts of what followed the last ``order - 1`` letters, smoothed by those of shorter contexts.

    This is interpolated Kneser-Ney smoothing (Chen & Goodman 1999) with Pitman & Yor's second parameter (Teh 2006):
    each count is cut by ``discount``; what is saved, and ``strength`` more, is shared out as the next shorter context
    has it. Shorter contexts count each longer one once.
    """

    def __init__(self, names, order, discount, strength):
        self.order, self.discount, self.strength = order, discount, strength
        self.counts = defaultdict(Counter)  # by the context, a text of at most order - 1 letters
        for name in names:
            text = "." * (order - 1) + name + "."
            for i in range(order - 1, len(text)):
                self.counts[text[i - order + 1 : i]][text[i]] += 1
        for length in range(order - 1, 0, -1):
            for context in [context for context in self.counts if len(context) == length]:
                self.counts[context[1:]].update(self.counts[context].keys())

    def probability(self, context, letter):
        if context and context not in self.counts:
            return self.probability(context[1:], letter)
        row = self.counts[context]
        saved = self.strength + self.discount * len(row)
        shorter = self.probability(context[1:], letter) if context else 1.0 / len(ALPHABET)
        return (max(row[letter] - self.discount, 0.0) + saved * shorter) / (row.total() + self.strength)

    def bits_per_character(self, names):
        bits = []
        for name in names:
            text = "." * (self.order - 1) + name + "."
            for i in range(self.order - 1, len(text)):
                bits.append(-math.log2(self.probability(text[i - self.order + 1 : i], text[i])))
        return math.fsum(bits) / len(bits)


def best_ngram(train, validation, order):
    models = (NGram(train, order, *both) for both in product(DISCOUNTS, STRENGTHS))
    return min(models, key=lambda model: model.bits_per_character(validation))


def invented(model, rng, temperature):
    """A name drawn letter by letter; a temperature below 1 prefers what is likely anyway."""
    places, state = [0], None
    while len(places) == 1 or places[-1] != 0:
        with ag.no_grad():
            logits, state = model.step(places[-2] if len(places) > 1 else 0, places[-1], state)
        weights = [math.exp(logit.data / temperature) for logit in logits]
        places += rng.choices(range(len(ALPHABET)), weights)
    return "".join(ALPHABET[place] for place in places[1:-1])


def probabilities(model, name):
    """For each letter of a name and its end, what the model expected after the letters before."""
    with ag.no_grad():
        rows = model(sample_of(name)[0])
    exponentials = [[math.exp(logit.data) for logit in row] for row in rows]
    return [[e / math.fsum(row) for e in row] for row in exponentials]


def draw(history, trigram, name, expected, quick):
    plt = pyplot()
    figure, (curve, heat) = plt.subplots(1, 2, figsize=(11, 5.5), width_ratios=[1, 1.1])
    epochs = range(1, len(history["loss"]) + 1)
    curve.axhline(trigram, color="#d55e00", linestyle="--", label="trigram model, names it never saw")
    for key, color, label in (
        ("loss", "#999999", "net, names it learns from"),
        ("validation_loss", "#0072b2", "net, names it never saw"),
    ):
        curve.plot(epochs, [x / math.log(2) for x in history[key]], "o-", color=color, label=label)
    curve.set(
        title="The net against a trigram model",
        xlabel="epoch",
        ylabel="bits per character",
        xticks=epochs,
    )
    curve.legend(loc="upper right", frameon=False)

    image = heat.imshow(list(zip(*expected, strict=True)), cmap="Blues", vmin=0, aspect="auto")
    read = ["start", *name]
    heat.set(title=f"What it expects along {name.title()}, which it never saw\n(ring: the letter that comes)",
             xticks=range(len(read)), xticklabels=read, xlabel="letter just read",
             yticks=range(len(ALPHABET)), yticklabels=["end", *ALPHABET[1:]], ylabel="next letter")  # fmt: skip
    heat.scatter(range(len(read)), sample_of(name)[1], s=90, facecolors="none", edgecolors="#d55e00", linewidths=1.8)
    figure.colorbar(image, label="probability")
    save(figure, "names.svg", quick)


def main():
    quick = asked_for_quick(__doc__)
    train, validation, test = load()
    known = {*train, *validation, *test}
    hidden, epochs, batch = HIDDEN, EPOCHS, BATCH
    if quick:
        hidden, epochs, batch = QUICK_HIDDEN, QUICK_EPOCHS, QUICK_BATCH
        train, validation, test = train[:QUICK_NAMES], validation[:100], test[:100]
    ngrams = {key: best_ngram(train, validation, order) for key, order in (("trigram", 3), ("5-gram", 5))}

    model = NameModel(EMBEDDING, hidden, random.Random(0))
    print(model)
    print(f"{len(train)} names to learn from, {len(validation)} for validation, {len(test)} held out")
    optimizer = optim.Adam(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.99))
    history = ag.fit(
        model, loss, list(map(sample_of, train)), optimizer, epochs=epochs, batch_size=batch,
        scheduler=optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs), validation=list(map(sample_of, validation)),
    )  # fmt: skip

    theirs = ", ".join(f"{key}: {ngram.bits_per_character(test):.3f}" for key, ngram in ngrams.items())
    print(f"held-out bits per character: {bits_per_character(model, test):.3f} ({theirs})")
    rng, new = random.Random(0), []
    while len(new) < 12:
        name = invented(model, rng, TEMPERATURE)
        if name not in known and name not in new:
            new.append(name)
    print(f"new names: {', '.join(map(str.title, new))}")
    longest = max(test[:20], key=len)
    draw(history, ngrams["trigram"].bits_per_character(validation), longest, probabilities(model, longest), quick)


if __name__ == "__main__":
    main()
