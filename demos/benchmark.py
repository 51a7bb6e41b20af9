"""What a gradient costs: each row times a function's value and gradient as a multiple of the same plain Python function
on floats without a gradient, for both engines of this package and for the peers that are installed (peers.py), all in
one run.

Every timing includes recording the graph, the backward pass and dropping the graph; the rows that say "value_and_grad"
also include making Values of the arguments and floats of the results. The engines' rows with nets include the calls of
``nn``, a peer's are built of its scalars. A peer's gradient is compared with ours before it is timed.

Plain function, engines and peers take turns, and each number is the least processor time over all turns: whatever else
a machine does can only add to it. The cyclic garbage collector is on, as in every program. It does not know the native
engine's nodes; those of the others it looks at again and again, as the second table shows.
"""

import gc
import importlib.util
import itertools
import math
import os
import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import peers
from common import asked_for_quick, pyplot, save

import autograd_mini as ag


def textbook() -> Any:
    """A second copy of the package, with the textbook engine."""
    folder = Path(ag.__file__).parent
    spec = importlib.util.spec_from_file_location(
        "textbook", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    package = sys.modules["textbook"] = importlib.util.module_from_spec(spec)
    os.environ["AUTOGRAD_MINI_ENGINE"] = "python"
    spec.loader.exec_module(package)
    return package


ENGINES = {"native": ag, "textbook": textbook()} if ag.engine == "native" else {"textbook": ag}

# ---- The work, written once for floats and all kinds of scalars. ----------------------------------------------------


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


def asian_option(spot, strike, rate, volatility, maturity, normals, exp, relu):
    """The discounted mean payoff of a call on the arithmetic average of each path (a row of normal numbers)."""
    step = maturity / len(normals[0])
    drift, spread = (rate - 0.5 * volatility * volatility) * step, volatility * step**0.5
    payoff = 0.0
    for path in normals:
        price, total = spot, 0.0
        for z in path:
            price = price * exp(drift + spread * z)
            total = total + price
        payoff = payoff + relu(total / len(path) - strike)
    return exp(-rate * maturity) * payoff / len(normals)


def black_scholes(spot, strike, rate, volatility, maturity, exp, log, erf, sqrt):
    """The price of a European call."""
    spread = volatility * sqrt(maturity)
    d1 = (log(spot / strike) + (rate + 0.5 * volatility * volatility) * maturity) / spread
    d2 = d1 - spread
    above, exercised = 1 + erf(d1 / math.sqrt(2)), 1 + erf(d2 / math.sqrt(2))
    return 0.5 * spot * above - 0.5 * strike * exp(-rate * maturity) * exercised


def plain_net(layers, x):
    """A perceptron on floats, as one would write it without an engine; layers of (weights, bias)."""
    for i, neurons in enumerate(layers):
        x = [sum(w * v for w, v in zip(weights, x)) + bias for weights, bias in neurons]  # noqa: B905
        if i < len(layers) - 1:
            x = [max(v, 0.0) for v in x]
    return x[0]


def scalar_net(layers, x, relu):
    """The same on scalars."""
    for i, neurons in enumerate(layers):
        x = [sum(w * v for w, v in zip(weights, x)) + bias for weights, bias in neurons]  # noqa: B905
        if i < len(layers) - 1:
            x = [relu(v) for v in x]
    return x[0]


# ---- The rows. ------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One kind of work."""

    name: str
    goal: float
    """The multiple of the plain function that the native engine is to stay below."""
    plain: Callable[[], Any]
    ours: Callable[[Any], Callable[[], Any]]
    """What an engine runs, given its package."""
    peers: Callable[..., Any]
    """What the peers differentiate: a function of a list of scalars, and of the functions in ``needs``."""
    point: list[float]
    needs: tuple[str, ...] = ()
    calls: int = 1
    is_large: bool = False


def backward(root):
    root.backward()


def rosenbrock_rows(rng):
    point = [rng.uniform(-1, 1) for _ in range(1000)]

    def with_gradient(package):
        function = package.value_and_grad(rosenbrock)
        return lambda: function(point)

    yield Row(
        "Rosenbrock n=1000, **2, value_and_grad on a list",
        2.0,
        lambda: rosenbrock(point),
        with_gradient,
        rosenbrock,
        point,
    )
    yield Row(
        "Rosenbrock n=1000, x*x, record and backward()",
        2.0,
        lambda: rosenbrock_products(point),
        lambda package: lambda: backward(rosenbrock_products(list(map(package.Value, point)))),
        rosenbrock_products,
        point,
    )


def moons_rows(rng):
    points = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(100)]
    labels = [rng.choice((-1, 1)) for _ in points]
    examples = list(zip(points, labels, strict=True))
    widths = [2, 16, 16, 1]
    weights = [[([rng.gauss(0, 0.5) for _ in range(n)], 0.0) for _ in range(m)] for n, m in itertools.pairwise(widths)]

    def with_modules(package):
        model = package.nn.MLP(2, widths[1:], rng=random.Random(0))
        return lambda: backward(package.nn.hinge_loss([model(x) for x in points], labels))

    def on_scalars(x, relu):
        numbers = iter(x)
        layers = [[([next(numbers) for _ in w], next(numbers)) for w, _ in neurons] for neurons in weights]
        return sum(relu(1 - y * scalar_net(layers, x, relu)) for x, y in examples) / 100

    yield Row(
        "two moons, 100 points, MLP 2-16-16-1, hinge loss",
        0.6,
        lambda: sum(max(1 - y * plain_net(weights, x), 0.0) for x, y in examples) / 100,
        with_modules,
        on_scalars,
        [x for neurons in weights for w, bias in neurons for x in (*w, bias)],
        ("relu",),
    )


def chain_rows(rng):
    for depth, goal in ((10**4, 4.0), (10**6, 5.0)):
        yield Row(
            f"chain sin(x)*0.9 + 0.1*x, depth 1e{round(math.log10(depth))}",
            goal,
            lambda depth=depth: chain(0.5, depth, math.sin),
            lambda package, depth=depth: lambda: backward(chain(package.Value(0.5), depth, package.sin)),
            lambda x, sin, depth=depth: chain(x[0], depth, sin),
            [0.5],
            ("sin",),
            is_large=depth == 10**6,
        )


def finance_rows(rng):
    market = [100.0, 95.0, 0.03, 0.25, 1.5]
    normals = [[rng.gauss(0, 1) for _ in range(64)] for _ in range(20)]

    def asian_with_gradient(package):
        exp, relu = package.exp, package.relu
        function = package.value_and_grad(lambda *m: asian_option(*m, normals, exp, relu), argnums=(0, 1, 2, 3, 4))
        return lambda: function(*market)

    yield Row(
        "Asian option, 20 paths of 64 steps, 5 sensitivities",
        4.0,
        lambda: asian_option(*market, normals, math.exp, lambda x: max(x, 0.0)),
        asian_with_gradient,
        lambda x, exp, relu: asian_option(*x, normals, exp, relu),
        market,
        ("exp", "relu"),
    )

    def call_with_gradient(package):
        exp, log, erf, sqrt = package.exp, package.log, package.erf, package.sqrt
        function = package.value_and_grad(lambda *m: black_scholes(*m, exp, log, erf, sqrt), argnums=(0, 1, 2, 3, 4))
        return lambda: [function(*market) for _ in range(100)]

    yield Row(
        "Black-Scholes call, 5 Greeks, value_and_grad, 100 calls",
        5.0,
        lambda: [black_scholes(*market, math.exp, math.log, math.erf, math.sqrt) for _ in range(100)],
        call_with_gradient,
        lambda x, exp, log, erf, sqrt: black_scholes(*x, exp, log, erf, sqrt),
        market,
        ("exp", "log", "erf", "sqrt"),
        calls=100,
    )


# ---- Measuring. -----------------------------------------------------------------------------------------------------

TURN, BUDGET, MOST_TURNS = 0.02, 1.0, 12  # seconds of a turn, seconds altogether, and so many turns at most

# What the processor spent on this program, be it interrupted or not; Windows counts that in steps that are too coarse.
CLOCK = time.process_time if time.get_clock_info("process_time").resolution < 1e-6 else time.perf_counter


def seconds(run):
    """The time of one call."""
    start = CLOCK()
    run()
    return CLOCK() - start


def least(runs, quick):
    """The least time of each run, all taking turns until each has had its share of time."""
    times = {name: [] for name in runs}
    for _ in range(1 if quick else MOST_TURNS):
        for name, run in runs.items():
            if sum(times[name]) < BUDGET:
                gc.collect()  # graphs from before are gone
                turn = seconds(run)
                times[name].append(turn)
                while turn < TURN and not quick:
                    times[name].append(seconds(run))
                    turn += times[name][-1]
    return {name: min(t) for name, t in times.items()}


def peer_run(peer, row):
    """What a peer runs in a row, or None if it cannot; its gradient must be ours.

    Raises:
        AssertionError: if it is another.
    """
    if not set(row.needs) <= set(peer.functions) or (row.is_large and not peer.goes_deep):
        return None
    functions = [peer.functions[name] for name in row.needs]

    def function(x):
        return row.peers(x, *functions)

    ours = [getattr(ag, name) for name in row.needs]
    expected = ag.grad(lambda x: row.peers(x, *ours))(row.point)
    got = peer.gradient(peer.differentiate(function, row.point))
    assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(got, expected, strict=True)), peer.name
    return lambda: [peer.differentiate(function, row.point) for _ in range(row.calls)]


def digits(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}"


def compare(quick):
    """Print the table of the rows; each row with its multiples by the name of engine or peer."""
    rng = random.Random(0)
    others = peers.installed()
    gc.freeze()  # the collector need not look at what was imported: an engine's time is not to depend on the peers
    names = [*ENGINES, *(peer.name for peer in others)]
    print(f"| value and gradient, as a multiple of the plain float function | plain | {' | '.join(names)} |")
    print("|---" * (2 + len(names)) + "|")
    results = []
    for make in (rosenbrock_rows, moons_rows, chain_rows, finance_rows):
        for row in make(rng):
            if row.is_large and quick:
                continue
            runs = {"plain": row.plain} | {name: row.ours(package) for name, package in ENGINES.items()}
            runs |= {peer.name: run for peer in others if (run := peer_run(peer, row))}
            times = least(runs, quick)
            plain = times.pop("plain")
            multiples = {name: t / plain for name, t in times.items()}
            results.append((row, multiples))
            cells = [digits(multiples[name]) if name in multiples else "-" for name in names]
            print(f"| {row.name} | {plain * 1e3:.3g} ms | {' | '.join(cells)} |", flush=True)
    return results


class Growth(NamedTuple):
    """Time in nanoseconds and memory in bytes, per node, of an engine on a graph of so many nodes."""

    nodes: int
    record: float
    backward: float
    drop: float
    graph: float
    sweep: float


def measure_growth(package, nodes, quick):
    """The chain, whose every step makes four nodes. Memory of dead nodes that an engine keeps for new ones counts as
    theirs; arrays that it keeps from an earlier sweep do not count."""

    def record():
        return chain(package.Value(0.5), nodes // 4, package.sin)

    times = []
    for _ in range(1 if quick else max(2, min(100, 10**6 // nodes))):
        gc.collect()
        marks = [CLOCK()]
        root = record()
        marks.append(CLOCK())
        root.backward()
        marks.append(CLOCK())
        del root
        marks.append(CLOCK())
        times.append([end - start for start, end in itertools.pairwise(marks)])
    ballast = [package.Value(0.0) for _ in range(50_000)]  # takes up what an engine keeps
    tracemalloc.start()
    root = record()
    graph = tracemalloc.get_traced_memory()[0]
    root.backward()
    sweep = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del ballast
    fastest = [min(t) * 1e9 / nodes for t in zip(*times, strict=True)]
    return Growth(nodes, *fastest, graph / nodes, sweep / nodes)


def grow(quick):
    """Print the table of graphs that grow; the measurements of each engine."""
    print(
        "\n| nodes" + "".join(f" | {name}: record | backward | drop | bytes, in the sweep" for name in ENGINES) + " |"
    )
    print("|---" * (1 + 4 * len(ENGINES)) + "|")
    results = {name: [] for name in ENGINES}
    for exponent in (3, 4) if quick else (3, 4, 5, 6, 7):
        cells = []
        for name, package in ENGINES.items():
            if exponent <= (7 if name == "native" else 6):
                point = measure_growth(package, 10**exponent, quick)
                results[name].append(point)
                cells += [f"{t:.0f} ns" for t in (point.record, point.backward, point.drop)]
                cells.append(f"{point.graph:.0f}, {point.sweep:.0f}")
            else:
                cells += ["-"] * 4
        print(f"| 1e{exponent} | {' | '.join(cells)} |", flush=True)
    return results


# ---- Pictures. ------------------------------------------------------------------------------------------------------

COLOURS = {"native": "#0072b2", "textbook": "#56b4e9", "XAD": "#d55e00", "PyTorch": "#e69f00", "micrograd": "#999999",
           "HIPS autograd": "#cc79a7"}  # fmt: skip


def draw_comparison(results):
    """A bar for each multiple, from 1, the plain function, and the goal of the native engine as a tick."""
    names = [name for name in COLOURS if any(name in multiples for _, multiples in results)]
    figure, axes = pyplot().subplots(figsize=(8.5, 1.2 * len(results) + 0.8))
    y, labelled = 0.0, []
    for row, multiples in results:
        mine = [name for name in names if name in multiples]
        for i, name in enumerate(mine):
            axes.barh(y + i, multiples[name] - 1, left=1, height=0.85, color=COLOURS[name])
            end = max(multiples[name], 1, row.goal if name == "native" else 1)
            axes.text(end * 1.06, y + i, digits(multiples[name]), va="center", fontsize=7)
        if "native" in mine:
            axes.plot([row.goal] * 2, [y - 0.5, y + 0.5], color="black", linewidth=1.5)
        labelled.append((y + (len(mine) - 1) / 2, row.name.replace(", ", "\n", 1)))
        y += len(mine) + 1
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(*zip(*labelled, strict=True), fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_title("Value and gradient: times the plain float function (tick: goal)", fontsize=10)
    keys = [axes.barh(0, 0, left=1, color=COLOURS[name]) for name in names]
    place = {"loc": "upper center", "bbox_to_anchor": (0.4, -0.04)}
    axes.legend(keys, names, ncols=len(names), frameon=False, fontsize=8, **place)
    save(figure, "benchmark_comparison.svg")


def draw_growth(results):
    """Time and memory for each node over the number of nodes."""
    parts = {"record": "-o", "backward": "--s", "drop": ":^"}, {"graph": "-o", "sweep": "--s"}
    titles = "Nanoseconds per node", "Bytes per node: the graph, and while a sweep runs"
    figure, both = pyplot().subplots(1, 2, figsize=(9, 3.5))
    for axes, styles, title in zip(both, parts, titles, strict=True):
        for name, points in results.items():
            for part, style in styles.items():
                each = [getattr(p, part) for p in points]
                label = f"{name}, {part}"
                axes.plot([p.nodes for p in points], each, style, color=COLOURS[name], markersize=4, label=label)
        axes.set_title(title, fontsize=10)
        axes.set(xscale="log", xlabel="nodes")
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2)}
        axes.legend(ncols=len(results), frameon=False, fontsize=8, **place)
    both[0].set_yscale("log")
    both[0].yaxis.set_major_formatter("{x:g}")
    both[1].set_ylim(0, None)
    save(figure, "benchmark_growth.svg")


def main():
    quick = asked_for_quick(__doc__, "one turn, small graphs, no pictures: does it run?")
    if not quick:
        pyplot()  # rather say now that it is missing than in some minutes
    multiples = compare(quick)
    growth = grow(quick)
    if not quick:
        draw_comparison(multiples)
        draw_growth(growth)


if __name__ == "__main__":
    main()
