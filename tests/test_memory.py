"""The native engine's memory: whichever allocation fails, the error is a MemoryError, nothing is left half-done and
nothing leaks; and what is run again and again, errors included, leaves references and memory level."""

import copy
import ctypes
import gc
import math
import pickle
import sys
import tracemalloc
from fractions import Fraction
from typing import NamedTuple

import pytest

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.core import mode
from autograd_mini.core.serving import adjoints, local_partials, pull, pull_each, push, topological_order
from autograd_mini.ops import TABLE
from autograd_mini.ops.symbols import Symbol

pytestmark = pytest.mark.skipif(ag.engine != "native", reason="the native engine does not serve")


def registered(value, partials):
    """An operation whose row leaves the table again at once."""
    value.__name__ = value.__qualname__ = "mine"
    made = ag.operation(partials=partials, text="mine({})")(value)
    del TABLE[f"{__name__}.mine"]
    return made


cube = registered(lambda x: x * x * x, (lambda out, x: 3.0 * x * x,))
product = registered(lambda xs: math.prod(xs), lambda out, *xs: [out / x for x in xs])
CONSTANT, LABEL, EXACT = 0.123456, "a label of its own", Fraction(1, 3)
FACTORS = (CONSTANT, 2, 0.5)


class Graph(NamedTuple):
    """What a scenario works on."""

    x: Value
    y: Value
    plain: Value  # computed from both by rows of the table alone
    mixed: Value  # and by rows registered at run time, too

    @classmethod
    def new(cls):
        x, y = Value(0.5, LABEL), Value(-1.5)
        shared = x * y + ag.exp(x)
        plain = ag.sum([shared, shared * CONSTANT, ag.sumprod([x, 2.0], [y, shared]), ag.maximum(x, y), 1.0 - x])
        return cls(x, y, plain, product([cube(shared), x, 2.0]) + plain)


SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


@scenario
def unary(g):
    return [-g.x, abs(g.y), g.x.tanh(), ag.erf(g.x), ag.sqrt(2.0), ag.softplus(g.y), round(g.x, 1), math.floor(g.y)]


@scenario
def binary(g):
    return [g.x + g.y, CONSTANT - g.x, 3 * g.y, g.x / 7, g.y % 2.0, divmod(g.x, CONSTANT), g.x**2, 2.0**g.y, g.x < g.y]


@scenario
def numbers_of_other_types(g):
    return [g.x + EXACT, EXACT / g.y, g.x * 10**30, True - g.y, g.x < EXACT, Value(EXACT), ag.maximum(g.x, EXACT)]


@scenario
def any_number_of_operands(g):
    return [ag.sum([g.x, CONSTANT, g.y]), ag.sum([g.x]), ag.sum(iter([g.x, EXACT])), ag.sumprod((g.x, 1), (g.y, EXACT)),
            ag.sumprod(p=[g.x], q=[CONSTANT])]  # fmt: skip


@scenario
def factors_that_nodes_share(g):
    inputs = (g.x, g.y, g.x)
    nodes = [ag.sumprod(FACTORS, inputs), ag.sumprod(inputs, FACTORS), ag.sumprod(inputs, inputs), ag.sum(inputs)]
    found = [*nodes, *pull([nodes[2]], [1.0], inputs), nodes[0].args, copy.copy(nodes[0])]
    return [*found, ag.sumprod(list(inputs), iter(FACTORS)), ag.sumprod((EXACT, 1, 1), inputs)]


@scenario
def rows_registered_at_run_time(g):
    return [cube(g.x), product([g.x, CONSTANT, g.y, 2]), cube(2.0)]


@scenario
def attributes(g):
    leaf = Value(CONSTANT, label=LABEL)
    leaf.data, leaf.grad, leaf.label = EXACT, 2, "another"
    return [leaf, leaf.detach(), repr(leaf), f"{leaf:.3f}", g.mixed.args, g.plain.op.name, g.plain.item()]


@scenario
def slopes_for_a_picture(g):
    return [local_partials(node) for node in topological_order(g.mixed)]


@scenario
def adjoints_of_all_nodes(g):
    return [*adjoints([g.plain], [CONSTANT]).values(), *adjoints([g.mixed, g.x], [1.0, EXACT]).values()]


@scenario
def backward(g):
    g.plain.backward()


@scenario
def backward_through_python(g):
    g.mixed.backward(EXACT)


@scenario
def zero_grad(g):
    g.mixed.zero_grad()


def model(p):
    return ag.sumprod(p["w"], (1.0, 2.0)) * ag.exp(p["b"]) + cube(p["w"][0])


@scenario
def gradient_by_a_dict(g):
    return ag.value_and_grad(model)({"w": [1.5, EXACT], "b": 0.5, "unused": (1,)})


@scenario
def gradient_by_many_arguments(g):
    return ag.value_and_grad(lambda *xs: ag.sum(xs), tuple(range(-9, 0)))(*map(float, range(9)))


@scenario
def gradient_by_values(g):
    return ag.value_and_grad(model)({"w": [g.x, g.y], "b": 0.5})


@scenario
def second_derivative(g):
    return ag.grad(ag.grad(lambda x: ag.sin(x) * ag.softplus(x) ** 2 / cube(x)))(1.5)


@scenario
def gradient_of_what_is_left_to_python(g):
    return ag.grad(model)({"w": (EXACT, True), "b": 0.5})


@scenario
def rows(g):
    roots = [g.plain, g.mixed, g.x * CONSTANT] * 7
    return [pull_each(roots, [g.x, g.y]), pull_each(roots, [g.plain, g.x]), pull_each(roots, [g.x], CONSTANT > 1)]


@scenario
def second_derivatives_in_a_matrix(g):
    f = lambda xs: cube(xs[0]) * ag.exp(xs[1]) + ag.sumprod(xs, xs) / xs[2]  # noqa: E731
    return [ag.hessian(f)([CONSTANT, 2, 0.5]), ag.hvp(f)([CONSTANT, 2, 0.5], [1.0, CONSTANT, 3])]


@scenario
def pull_and_push(g):
    many = [g.x, g.y, g.plain] * 6
    return [pull([g.mixed, g.plain], [CONSTANT, EXACT], many), push([g.x, g.y, g.x], [CONSTANT, 2, EXACT], many)]


@scenario
def pull_and_push_of_values(g):
    return [pull([g.mixed, g.plain], [g.y, EXACT], [g.x, g.y], on_values=True),
            push([g.x, g.y, g.x], [CONSTANT, g.x, g.y], [g.mixed, g.plain], on_values=True)]  # fmt: skip


@scenario
def silent(g):
    with ag.no_grad():
        return [g.x * g.y, ag.sum([g.x, EXACT]), ag.sumprod(FACTORS, [g.x] * 3), cube(g.y), ag.grad(cube)(1.5)]


@scenario
def heard(g):
    with mode.watching(mode.Watcher()):
        return [g.x * EXACT, g.x < EXACT, bool(g.y), g.x.item(), math.floor(g.y), g.x.data, g.x.detach(),
                *pull_and_push(g), *pull_and_push_of_values(g)]  # fmt: skip


@scenario
def watched(g):
    with ag.detect_anomaly():
        out = [ag.grad(model)({"w": [g.x, g.y], "b": 0.5}), ag.grad(ag.grad(cube))(1.5), copy.copy(g.mixed).args]
        (ag.exp(g.x) * g.y + ag.sum([g.x, 2.0, cube(g.y)])).backward()
        return out


@scenario
def copies(g):
    return [copy.copy(g.mixed).args, *topological_order(copy.deepcopy(g.plain))]


@scenario
def pickles(g):
    return topological_order(pickle.loads(pickle.dumps(g.plain)))


def error(kind, run):
    """A scenario that ends in an error other than a lack of memory."""

    def scenario(g):
        try:
            run(g)
        except kind:
            return kind.__name__

    return scenario


def misbehave(*args):
    if args and isinstance(args[0], Symbol):  # while it is checked
        return 1.0
    raise KeyError("no")


def stale(g):
    leaf = Value(1.0)
    root = leaf * g.x
    leaf.data = 2.0
    root.backward()


def watched_product(g):
    with ag.detect_anomaly():
        g.x * 1e308 * CONSTANT * 1e308


def watched_sweep(g):
    with ag.detect_anomaly():
        (g.x * g.y).backward(math.inf)


ERRORS = {
    "division by zero": error(ZeroDivisionError, lambda g: g.x / (g.y * 0.0)),
    "outside the domain": error(ValueError, lambda g: ag.log(g.y)),
    "overflow": error(OverflowError, lambda g: ag.sum([ag.exp(g.x * 1e5), 1.0])),
    "a foreign operand": error(TypeError, lambda g: g.x + "text"),
    "a foreign term": error(TypeError, lambda g: ag.sum([g.x, "text"])),
    "no number": error(TypeError, lambda g: Value("text")),
    "no label": error(TypeError, lambda g: Value(1.0, 2)),
    "a computed value": error(AttributeError, lambda g: setattr(g.plain, "data", 1.0)),
    "a stale graph": error(ag.StaleGraphError, stale),
    "a row": error(KeyError, lambda g: registered(lambda x: misbehave(x), (lambda out, x: 1.0,))(g.x)),
    "a partial": error(KeyError, lambda g: (registered(lambda x: x, (misbehave,))(g.x) * g.x).backward()),
    "a partial on nodes": error(KeyError, lambda g: ag.grad(registered(lambda x: x, (misbehave,)))(g.x)),
    "a function": error(KeyError, lambda g: ag.grad(misbehave)([1.0, g.x])),
    "a result": error(TypeError, lambda g: ag.grad(lambda x: [x])(1.0)),
    "an argument": error(TypeError, lambda g: ag.grad(lambda x: x[0])([1.0, "text"])),
    "too few arguments": error(ValueError, lambda g: ag.grad(lambda x: x, 3)(g.x)),
    "a damaged copy": error(TypeError, lambda g: Value._restore(g.plain.op, (g.x, "text"), 1.0, 0.0, LABEL, 0)),
    "an anomaly": error(ag.AnomalyError, watched_product),
    "an anomaly of a sweep": error(ag.AnomalyError, watched_sweep),
    "a subclass": error(TypeError, lambda g: type("Mine", (Value,), {})),
}


def described(result):
    """A result as something to compare, which holds no Value."""
    if isinstance(result, Value):
        return "Value", result.data, result.grad, result.label
    if isinstance(result, (list, tuple)):
        return [described(x) for x in result]
    if isinstance(result, dict):
        return {k: described(x) for k, x in result.items()}
    return result


# Every node holds a reference to its class, and so do the dead ones that are kept for the next. Before anything is
# counted or made to fail, these are taken, and what is taken stays here.
taken = []


def use_up():
    """Leave no memory that was kept for the next leaf or float."""
    for _ in range(20_001):  # dead nodes are kept at most, and the next is a new one
        before = sys.getrefcount(Value)
        taken.append(Value(0.0))
        if sys.getrefcount(Value) > before:
            break
    gc.collect()


def counts(g):
    """How many nodes there are, and how many references to what a scenario uses."""
    used = {f"node {i}": node for i, node in enumerate(topological_order(g.mixed))}
    used |= {
        "factors": FACTORS,
        "constant": CONSTANT,
        "label": LABEL,
        "Fraction": EXACT,
        "cube": cube,
        "product": product,
        "model": model,
    }
    return {"nodes": sys.getrefcount(Value) - len(taken)} | {name: sys.getrefcount(x) for name, x in used.items()}


@pytest.fixture
def few_objects():
    """Spare the collector all that was there before."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    taken.clear()


def grads(g):
    return [node.grad for node in topological_order(g.mixed)]


class Failures:
    """The engine's calls that fail, in the build of sanitize.py."""

    def __init__(self):
        library = ctypes.PyDLL(sys.modules["autograd_mini.core.native._native"].__file__)
        self.calls, self.first, self.last = [
            ctypes.c_long.in_dll(library, name) for name in ("calls", "first_failure", "last_failure")
        ]

    def run(self, run, g, first, last):
        """The result, or MemoryError, of a run in which the calls from first to last fail, counted from 1."""
        use_up()
        self.calls.value, self.first.value, self.last.value = 0, first, last
        try:
            return run(g)
        except MemoryError:
            return MemoryError
        finally:
            self.last.value = 0


@pytest.fixture
def failures():
    try:
        return Failures()
    except ValueError:
        pytest.skip("needs the engine that tests/sanitize.py builds, whose calls can be made to fail")


@pytest.mark.parametrize("name", [*SCENARIOS, *ERRORS])
def test_a_call_that_finds_no_memory_is_an_error_and_changes_nothing(name, few_objects, failures):
    run = SCENARIOS.get(name) or ERRORS[name]
    g = Graph.new()
    right, right_grads = described(failures.run(run, g, 0, 0)), grads(g)
    g.mixed.zero_grad()
    use_up()
    before = counts(g)
    count, reached = 0, True  # how many calls there are may differ, as some memory is kept
    while reached:
        for last in (count + 1, 10**9):
            result = failures.run(run, g, count + 1, last)
            reached = failures.calls.value > count
            assert (result is MemoryError) == reached
            assert reached or described(result) == right
            del result
            assert not reached or not any(grads(g))
            g.mixed.zero_grad()
            use_up()
            assert counts(g) == before
        count += reached
    assert count > 0
    assert described(run(g)) == right
    assert grads(g) == right_grads
    print(f"{name}: {2 * count} failures")


@pytest.mark.parametrize("name", [*SCENARIOS, *ERRORS])
def test_references_and_memory_are_level_however_often_something_is_done(name, few_objects):
    run = SCENARIOS.get(name) or ERRORS[name]
    g = Graph.new()

    def in_use():
        gc.collect()
        sys._clear_type_cache()  # it keeps the name of every attribute that was looked up
        return tracemalloc.get_traced_memory()[0], sys.getrefcount(None), sys.getrefcount(True)

    def growth():
        """By how much more memory is in use, and how often more None and True are referred to, after many runs."""
        start = in_use()
        for _ in range(100):
            run(g)
        g.mixed.zero_grad()
        return [y - x for x, y in zip(start, in_use(), strict=True)]

    run(g)
    use_up()
    before = counts(g)
    tracemalloc.start()
    try:
        rounds = [growth() for _ in range(6)]
    finally:
        tracemalloc.stop()
    use_up()
    assert counts(g) == before
    # The interpreter keeps a little in each round; what the engine lost would be lost in each of the hundred runs.
    memory, nones, trues = map(min, zip(*rounds, strict=True))
    assert memory < 16 * 100
    assert max(nones, trues) < 100
