"""What a gradient costs: each row times a function's value and gradient as a multiple of the same plain Python function
on floats without a gradient, for both engines of this package and for the peers that are installed (peers.py), all in
one run.

Every timing includes recording the graph, the backward pass and dropping the graph; the rows that say "value_and_grad"
also include making Values of the arguments and floats of the results. The engines' rows with nets include the calls of
``nn``, a peer's are built of its scalars. A peer's gradient is compared with ours before it is timed.

Plain function, engines and peers take turns, and each number is the least processor time over all turns: whatever else
a machine does can only add to it. The cyclic garbage collector is on, as in every program. It does not know the native
engine's nodes; those of the others it looks at again and again, as the third table shows. The second one has what other
transforms cost, as multiples of the gradient.

Memory is resident memory, in a new process for each engine and size: the native engine keeps the memory of dead nodes
for the next graph, and gives it back bit by bit.
"""

import functools
import gc
import importlib.util
import itertools
import math
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import peers
from common import asked_for_quick, need, pyplot, save

import autograd_mini as ag


def textbook() -> Any:
    """A second copy of the package, with the textbook engine."""
    folder = Path(ag.__file__).parent
    spec = importlib.util.spec_from_file_location(
        "textbook", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    package = sys.modules["textbook"] = importlib.util.module_from_spec(spec)
    with mock.patch.dict(os.environ, AUTOGRAD_MINI_ENGINE="python"):
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


def lstm_loss(inputs, recurrent, outputs, text, exp, log, tanh):
    """The mean cross entropy of an LSTM cell that tells each next character; gates in the order i, f, o, candidate."""

    def sigmoid(x):
        return 1 / (1 + exp(-x))

    size = len(recurrent[0])
    hidden, cell, loss = [0.0] * size, [0.0] * size, 0.0
    for character, following in itertools.pairwise(text):
        gates = [
            bias + sum(w * h for w, h in zip(weights, hidden))  # noqa: B905
            for bias, weights in zip(inputs[character], recurrent)  # noqa: B905
        ]
        for j in range(size):
            i, f, o, candidate = gates[j::size]
            cell[j] = sigmoid(f) * cell[j] + sigmoid(i) * tanh(candidate)
            hidden[j] = sigmoid(o) * tanh(cell[j])
        logits = [sum(w * h for w, h in zip(weights, hidden)) for weights in outputs]  # noqa: B905
        loss = loss + log(sum(exp(z) for z in logits)) - logits[following]
    return loss / (len(text) - 1)


def mixture_loss(logits, means, scales, points, exp, log):
    """The mean negative log-likelihood of a Gaussian mixture with diagonal covariances; scales are logarithms."""
    total = log(sum(exp(z) for z in logits))
    heights = [z - total - sum(s) - len(s) * math.log(2 * math.pi) / 2 for z, s in zip(logits, scales)]  # noqa: B905
    inverses = [[exp(-s) for s in component] for component in scales]
    loss = 0.0
    for point in points:
        likelihood = 0.0
        for height, mean, inverse in zip(heights, means, inverses):  # noqa: B905
            squares = sum(((x - m) * v) ** 2 for x, m, v in zip(point, mean, inverse))  # noqa: B905
            likelihood = likelihood + exp(height - 0.5 * squares)
        loss = loss - log(likelihood)
    return loss / len(points)


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
        1.4,
        lambda: rosenbrock(point),
        with_gradient,
        rosenbrock,
        point,
    )
    yield Row(
        "Rosenbrock n=1000, x*x, record and backward()",
        1.8,
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
        0.47,
        lambda: sum(max(1 - y * plain_net(weights, x), 0.0) for x, y in examples) / 100,
        with_modules,
        on_scalars,
        [x for neurons in weights for w, bias in neurons for x in (*w, bias)],
        ("relu",),
    )


def chain_rows(rng):
    for depth, goal in ((10**3, 2.0), (10**4, 2.1), (10**6, 2.5)):
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
        1.8,
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
        1.8,
        lambda: [black_scholes(*market, math.exp, math.log, math.erf, math.sqrt) for _ in range(100)],
        call_with_gradient,
        lambda x, exp, log, erf, sqrt: black_scholes(*x, exp, log, erf, sqrt),
        market,
        ("exp", "log", "erf", "sqrt"),
        calls=100,
    )


def flat(nested):
    return [x for part in nested for x in flat(part)] if isinstance(nested, list) else [nested]


def shaped_like(nested, numbers):
    """Lists nested in the same way, of what an iterator gives."""
    return [shaped_like(part, numbers) for part in nested] if isinstance(nested, list) else next(numbers)


def normal(rng, *shape):
    """Nested lists of normal numbers."""
    return [normal(rng, *shape[1:]) for _ in range(shape[0])] if shape else rng.gauss(0, 0.5)


def by_all_parameters(name, goal, loss, parameters, data, needs):
    """The row of a loss of some nested lists of parameters, of data and of the functions in ``needs``."""

    def with_gradient(package):
        functions = [getattr(package, name) for name in needs]
        function = package.value_and_grad(lambda p: loss(*p, data, *functions))
        return lambda: function(parameters)

    return Row(
        name,
        goal,
        lambda: loss(*parameters, data, *[getattr(math, name) for name in needs]),
        with_gradient,
        lambda x, *functions: loss(*shaped_like(parameters, iter(x)), data, *functions),
        flat(parameters),
        needs,
    )


def lstm_rows(rng):
    hidden, alphabet = 3, 8  # some two hundred operations a character
    parameters = [normal(rng, alphabet, 4 * hidden), normal(rng, 4 * hidden, hidden), normal(rng, alphabet, hidden)]
    for length, goal in ((32, 1.5), (256, 1.5)):
        text = [rng.randrange(alphabet) for _ in range(length + 1)]
        name = f"LSTM cell over {length} characters, cross entropy"
        yield by_all_parameters(name, goal, lstm_loss, parameters, text, ("exp", "log", "tanh"))


def mixture_rows(rng):
    parameters = [normal(rng, 3), normal(rng, 3, 2), normal(rng, 3, 2)]
    for count, goal in ((100, 1.3), (1000, 1.3)):
        name = f"Gaussian mixture of 3, {count} points in 2 dimensions"
        yield by_all_parameters(name, goal, mixture_loss, parameters, normal(rng, count, 2), ("exp", "log"))


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
    for make in (rosenbrock_rows, moons_rows, chain_rows, finance_rows, lstm_rows, mixture_rows):
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


def pairs(x, sin):
    """A function whose Hessian has no zeros."""
    return sum(sin(x[i] * x[j]) for i in range(len(x)) for j in range(i))


class Transform(NamedTuple):
    """A transform of a function at a point, and of how many of its gradients it is to cost at most."""

    name: str
    goal: float
    function: Callable[[Any, Any], Any]
    """Of the package and the point."""
    size: int
    transformed: Callable[[Any, Callable[[Any], Any]], Callable[[list[float]], Any]]
    is_large: bool = False


def on_rosenbrock(package, x):
    return rosenbrock(x)


def sparse_hessian(package, f):
    return package.hessian(f, sparse=True)


N = "Rosenbrock n="
TRANSFORMS = [
    Transform(N + "1000, jvp", 2, on_rosenbrock, 1000, lambda package, f: lambda x: package.jvp(f, (x,), (x,))),
    Transform(N + "1000, hvp", 5, on_rosenbrock, 1000, lambda package, f: lambda x: package.hvp(f)(x, x)),
    Transform(N + "1000, sparse hessian", 40, on_rosenbrock, 1000, sparse_hessian),
    Transform(N + "10000, sparse hessian", 40, on_rosenbrock, 10_000, sparse_hessian, is_large=True),
    Transform(
        "sum of sin(x_i * x_j), n=50, hessian", 60, lambda package, x: pairs(x, package.sin), 50,
        lambda package, f: package.hessian(f),
    ),
]  # fmt: skip


def compare_transforms(quick):
    """Print what transforms cost, as multiples of the gradient of the same function by the same engine."""
    rng = random.Random(0)
    print(f"\n| as a multiple of the gradient | goal | {' | '.join(ENGINES)} |")
    print("|---" * (2 + len(ENGINES)) + "|")
    for row in TRANSFORMS:
        if row.is_large and quick:
            continue
        point, cells = [rng.uniform(-1, 1) for _ in range(row.size)], []
        for package in ENGINES.values():
            function = functools.partial(row.function, package)
            runs = {"gradient": package.value_and_grad(function), "transform": row.transformed(package, function)}
            times = least({name: functools.partial(run, point) for name, run in runs.items()}, quick)
            cells.append(digits(times["transform"] / times["gradient"]))
        print(f"| {row.name} | {row.goal} | {' | '.join(cells)} |", flush=True)


class Memory(NamedTuple):
    """Resident bytes per node of a graph: while it is there, at most while a sweep runs, once it is dropped, and after
    some thousand small graphs more."""

    graph: float
    sweep: float
    dropped: float
    later: float


class Growth(NamedTuple):
    """Time in nanoseconds and memory, per node, of an engine on a graph of so many nodes."""

    nodes: int
    record: float
    backward: float
    drop: float
    memory: Memory | None
    """None if the graph is too small to be seen among the pages of a process."""


SMALL_GRAPHS = 5000
LEAST_FOR_MEMORY = 10**5


def chain_of(package, nodes):
    """The chain, whose every step makes four nodes."""
    return chain(package.Value(0.5), nodes // 4, package.sin)


def life(package, nodes):
    """The life of a graph, stage by stage."""
    yield
    root = chain_of(package, nodes)
    yield
    root.backward()
    yield
    del root
    yield
    for _ in range(SMALL_GRAPHS):
        chain_of(package, 8).backward()
    yield


def live(link, name, nodes):
    """What a child does: after each stage it waits until it has been looked at."""
    for _ in life(ENGINES[name], nodes):
        link.send(None)
        link.recv()


def measure_memory(name, nodes):
    """The parent looks at the child, also during a stage: an engine in C lets no thread run beside it, and the peak
    that Linux reports of a child is never below its parent's size."""
    context = multiprocessing.get_context("spawn")
    link, far_end = context.Pipe()
    child = context.Process(target=live, args=(far_end, name, nodes), daemon=True)
    child.start()
    far_end.close()  # so that the link ends with the child
    process = need("psutil").Process(child.pid)

    def look():
        """The resident memory after the stage that is running, and the most during it; then the next one begins."""
        most = 0
        while not link.poll(1e-4):
            most = max(most, process.memory_info().rss)
        link.recv()
        end = process.memory_info().rss
        link.send(None)
        return end, max(most, end)

    (before, _), (graph, _), (_, sweep), (dropped, _), (later, _) = [look() for _ in range(5)]
    child.join()
    return Memory(*[(size - before) / nodes for size in (graph, sweep, dropped, later)])


def measure_growth(name, nodes, quick):
    package, times = ENGINES[name], []
    for _ in range(1 if quick else max(2, min(100, 10**6 // nodes))):
        gc.collect()
        marks = [CLOCK()]
        root = chain_of(package, nodes)
        marks.append(CLOCK())
        root.backward()
        marks.append(CLOCK())
        del root
        marks.append(CLOCK())
        times.append([end - start for start, end in itertools.pairwise(marks)])
    fastest = [min(t) * 1e9 / nodes for t in zip(*times, strict=True)]
    return Growth(nodes, *fastest, measure_memory(name, nodes) if nodes >= LEAST_FOR_MEMORY else None)


def grow(quick):
    """Print the table of graphs that grow; the measurements of each engine."""
    parts = "record | backward | drop | bytes: graph, in the sweep, dropped, later"
    print("\n| nodes" + "".join(f" | {name}: {parts}" for name in ENGINES) + " |")
    print("|---" * (1 + 4 * len(ENGINES)) + "|")
    results = {name: [] for name in ENGINES}
    for exponent in (3, 4, 5) if quick else (3, 4, 5, 6, 7):
        cells = []
        for name in ENGINES:
            if exponent <= (7 if name == "native" else 6):
                point = measure_growth(name, 10**exponent, quick)
                results[name].append(point)
                cells += [f"{t:.0f} ns" for t in (point.record, point.backward, point.drop)]
                cells.append(", ".join(str(round(size)) for size in point.memory) if point.memory else "-")
            else:
                cells += ["-"] * 4
        print(f"| 1e{exponent} | {' | '.join(cells)} |", flush=True)
    return results


# ---- Pictures. ------------------------------------------------------------------------------------------------------

COLOURS = {"native": "#0072b2", "textbook": "#56b4e9", "XAD": "#d55e00", "PyTorch": "#e69f00", "micrograd": "#999999",
           "HIPS autograd": "#cc79a7"}  # fmt: skip
STYLES = {"record": "-o", "backward": "--s", "drop": ":^",
          "graph": "-o", "sweep": "--s", "dropped": ":^", "later": "-.v"}  # fmt: skip


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
    figure, (times, memory) = pyplot().subplots(1, 2, figsize=(9, 3.5))
    for name, points in results.items():
        timed = [(p.nodes, p) for p in points]
        measured = [(p.nodes, p.memory) for p in points if p.memory]
        lines = [(times, part, timed) for part in ("record", "backward", "drop")]
        lines += [(memory, part, measured) for part in Memory._fields]
        for axes, part, owners in lines:
            places = [(nodes, getattr(owner, part)) for nodes, owner in owners]
            style = {"color": COLOURS[name], "markersize": 4, "label": f"{name}, {part}"}
            axes.plot(*zip(*places, strict=True), STYLES[part], **style)
    times.set_title("Nanoseconds per node", fontsize=10)
    memory.set_title("Resident bytes per node", fontsize=10)
    for axes in times, memory:
        axes.set(xscale="log", xlabel="nodes")
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2)}
        axes.legend(ncols=len(results), frameon=False, fontsize=8, **place)
    times.set_yscale("log")
    times.yaxis.set_major_formatter("{x:g}")
    memory.set_ylim(0, None)
    save(figure, "benchmark_growth.svg")


def main():
    quick = asked_for_quick(__doc__, "one turn, small graphs, no pictures: does it run?")
    need("psutil")  # rather say now that it is missing than in some minutes
    if not quick:
        pyplot()
    multiples = compare(quick)
    compare_transforms(quick)
    growth = grow(quick)
    if not quick:
        draw_comparison(multiples)
        draw_growth(growth)


if __name__ == "__main__":
    main()
