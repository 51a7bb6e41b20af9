"""What a gradient costs: each row times a function's value and gradient as a multiple of the same plain Python function
on floats without a gradient, side by side in one run, for this engine and for micrograd where it is installed.

Every timing includes recording the graph, the backward pass and dropping the graph; the rows that say "value_and_grad"
also include making Values of the arguments and floats of the results. The engine's rows with nets include the calls of
``nn``. Each number is the median over rounds in which plain function and engines take turns, with the cyclic garbage
collector on, as in every program. It finds nothing to collect in this engine, but looks at every node several times;
the second table shows what that costs.
"""

import argparse
import gc
import importlib.util
import math
import random
import statistics
import time
import tracemalloc

import autograd_mini as ag
from autograd_mini import Value, nn

MICROGRAD = importlib.util.find_spec("micrograd") is not None


def seconds(run, collector=True):
    """The time of one call; graphs from before are gone."""
    gc.collect()
    if not collector:
        gc.disable()
    try:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    finally:
        gc.enable()


def medians(rounds, **runs):
    """The median time of each run, all taking turns in every round."""
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(seconds(run))
    return {name: statistics.median(t) for name, t in times.items()}


# ---- The work, written once for floats and Values. ------------------------------------------------------------------


def rosenbrock(x):
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def rosenbrock_products(x):
    total = 0.0
    for i in range(len(x) - 1):
        a, b = x[i + 1] - x[i] * x[i], 1 - x[i]
        total = total + 100 * a * a + b * b
    return total


def chain(x, depth, sin):
    for _ in range(depth):
        x = sin(x) * 0.9 + 0.1 * x
    return x


def asian_option(spot, strike, rate, volatility, maturity, normals, exp, positive):
    """The discounted mean payoff of a call on the arithmetic average of each path (a row of normal numbers)."""
    step = maturity / len(normals[0])
    drift, spread = (rate - 0.5 * volatility * volatility) * step, volatility * step**0.5
    payoff = 0.0
    for path in normals:
        price, total = spot, 0.0
        for z in path:
            price = price * exp(drift + spread * z)
            total = total + price
        payoff = payoff + positive(total / len(path) - strike)
    return exp(-rate * maturity) * payoff / len(normals)


def black_scholes(spot, strike, rate, volatility, maturity, exp, log, erf, sqrt):
    """The price of a European call."""
    spread = volatility * sqrt(maturity)
    d1 = (log(spot / strike) + (rate + 0.5 * volatility * volatility) * maturity) / spread
    d2 = d1 - spread
    above, exercised = 1 + erf(d1 / math.sqrt(2)), 1 + erf(d2 / math.sqrt(2))
    return 0.5 * spot * above - 0.5 * strike * exp(-rate * maturity) * exercised


def plain_net(layers, x):
    """A perceptron on floats, as one would write it without an engine."""
    for i, neurons in enumerate(layers):
        x = [sum(w * v for w, v in zip(weights, x)) + bias for weights, bias in neurons]  # noqa: B905
        if i < len(layers) - 1:
            x = [max(v, 0.0) for v in x]
    return x[0]


# ---- The rows. ------------------------------------------------------------------------------------------------------


def backward(root):
    root.backward()


def rosenbrock_rows(rng):
    point = [rng.uniform(-1, 1) for _ in range(1000)]
    with_gradient = ag.value_and_grad(rosenbrock)
    runs = {"plain": lambda: rosenbrock(point), "ours": lambda: with_gradient(point)}
    products = {
        "plain": lambda: rosenbrock_products(point),
        "ours": lambda: backward(rosenbrock_products(list(map(Value, point)))),
    }
    if MICROGRAD:
        from micrograd.engine import Value as Other

        # micrograd's sort recurses, and this graph is deeper than Python's stack: n = 100 there, times ten.
        runs["micrograd"] = lambda: [backward(rosenbrock(list(map(Other, point[:100])))) for _ in range(10)]
        products["micrograd"] = lambda: [
            backward(rosenbrock_products(list(map(Other, point[:100])))) for _ in range(10)
        ]
    yield "Rosenbrock n=1000, **2, value_and_grad on a list", runs
    yield "Rosenbrock n=1000, x*x, record and backward()", products


def moons_row(rng):
    points = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(100)]
    labels = [rng.choice((-1, 1)) for _ in points]
    model = nn.MLP(2, [16, 16, 1], rng=rng)
    layers = [[([w.data for w in n.w], n.b.data) for n in layer.neurons] for layer in model.layers]
    runs = {
        "plain": lambda: sum(max(1 - y * plain_net(layers, x), 0.0) for x, y in zip(points, labels, strict=True)) / 100,
        "ours": lambda: backward(nn.hinge_loss([model(x) for x in points], labels)),
    }
    if MICROGRAD:
        from micrograd.engine import Value as Other
        from micrograd.nn import MLP

        other = MLP(2, [16, 16, 1])
        runs["micrograd"] = lambda: backward(
            sum((1 + -y * other(list(map(Other, x)))).relu() for x, y in zip(points, labels, strict=True)) * 0.01
        )
    yield "two moons, 100 points, MLP 2-16-16-1, hinge loss", runs


def chain_rows(rng):
    for depth in (10**4, 10**6):
        runs = {
            "plain": lambda depth=depth: chain(0.5, depth, math.sin),
            "ours": lambda depth=depth: backward(chain(Value(0.5), depth, ag.sin)),
        }
        yield f"chain sin(x)*0.9 + 0.1*x, depth 1e{round(math.log10(depth))}", runs


def finance_rows(rng):
    market = (100.0, 95.0, 0.03, 0.25, 1.5)
    normals = [[rng.gauss(0, 1) for _ in range(64)] for _ in range(20)]
    asian = ag.value_and_grad(lambda *m: asian_option(*m, normals, ag.exp, ag.relu), argnums=(0, 1, 2, 3, 4))
    yield (
        "Asian option, 20 paths of 64 steps, 5 sensitivities",
        {
            "plain": lambda: asian_option(*market, normals, math.exp, lambda x: max(x, 0.0)),
            "ours": lambda: asian(*market),
        },
    )
    call = ag.value_and_grad(lambda *m: black_scholes(*m, ag.exp, ag.log, ag.erf, ag.sqrt), argnums=(0, 1, 2, 3, 4))
    yield (
        "Black-Scholes call, 5 Greeks, value_and_grad, 100 calls",
        {
            "plain": lambda: [black_scholes(*market, math.exp, math.log, math.erf, math.sqrt) for _ in range(100)],
            "ours": lambda: [call(*market) for _ in range(100)],
        },
    )


def print_rows(quick):
    rng = random.Random(0)
    print("| value and gradient, as a multiple of the plain float function | plain | autograd_mini | micrograd |")
    print("|---|---|---|---|")
    for rows in (rosenbrock_rows, moons_row, chain_rows, finance_rows):
        for name, runs in rows(rng):
            large = "1e6" in name
            if large and quick:
                continue
            took = medians(1 if large or quick else 7, **runs)
            other = f"{took['micrograd'] / took['plain']:.0f}" if "micrograd" in took else "-"
            ours = took["ours"] / took["plain"]
            print(f"| {name} | {took['plain'] * 1e3:.3g} ms | {ours:.1f} | {other} |", flush=True)


def print_nodes(largest):
    """Time and memory per node on the chain, whose every step makes four nodes."""
    print("\n| nodes | record | backward | record, collector on | bytes per node |\n|---|---|---|---|---|")
    nodes = 1000
    while nodes <= largest:
        roots = []
        leaf = Value(0.5)

        def record(steps=nodes // 4, leaf=leaf, roots=roots):
            roots.append(chain(leaf, steps, ag.sin))

        recording = seconds(record, collector=False)
        sweeping = seconds(roots[0].backward, collector=False)
        roots.clear()
        collected = seconds(record)
        roots.clear()
        ballast = [Value(0.0) for _ in range(50_000)]  # takes up what memory of dead nodes an engine keeps
        tracemalloc.start()
        record()
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        del ballast
        each = [f"{t / nodes * 1e9:.0f} ns" for t in (recording, sweeping, collected)]
        print(f"| {nodes:.0e} | {' | '.join(each)} | {size / nodes:.0f} |", flush=True)
        nodes *= 10


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round, small graphs: does it run?")
    quick = parser.parse_args().quick
    print_rows(quick)
    print_nodes(10**4 if quick else 10**6)
