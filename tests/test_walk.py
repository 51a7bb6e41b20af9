"""How the native engine goes through graphs: by a walk through memory or, where that gives up, by a search and a sort;
and what becomes of the memory of graphs. That both ways are right is the engine law, here for lives in which nodes are
kept, dropped, copied and assigned."""

import copy
import gc
import os
import random
import shutil
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import lives
import pytest
from building import build, copied
from hypothesis import given
from hypothesis import strategies as st
from twins import native_only, textbook

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.core.serving import pull, topological_order

pytestmark = native_only

PACKAGES = (ag, textbook)
NODE = 80  # bytes


def counts():
    from autograd_mini.core import native

    return native.counts()


SLAB = counts()["slab"] if ag.engine == "native" else 0
needs_walk = pytest.mark.skipif(SLAB == 0, reason="it was built without the walk")
needs_slabs = pytest.mark.skipif(SLAB < 2**16, reason="it was built without slabs, or with small ones")


# ---- The engine law, over lives. ----


@given(st.integers(0, 2**32), st.integers(1, 150))
def test_both_engines_see_the_same_in_a_life(seed, steps):
    ours, theirs = lives.both(PACKAGES, seed, steps)
    assert ours == theirs


@needs_walk
def test_lives_make_walks_that_serve_and_walks_that_give_up():
    before = counts()
    for seed in range(50):
        lives.live(ag, seed, 100)
    walks, retreats = (counts()[name] - before[name] for name in ("walks", "retreats"))
    assert walks / 20 < retreats < walks / 2


@needs_walk
@given(st.integers(0, 2**32))
def test_the_walk_serves_wherever_nothing_is_copied_or_assigned(seed):
    source, before = random.Random(seed), counts()["retreats"]
    pool = [Value(source.uniform(-1, 1)) for _ in range(3)]
    for _ in range(200):
        pool.append(source.choice(pool) * source.choice(pool) + ag.sin(source.choice(pool)))
    pool[-1].backward()
    source.choice(pool).backward()
    pull([pool[-1], source.choice(pool)], [1.0, 2.0], pool[:3], pool[100]._epoch)
    ag.grad(ag.grad(lambda x: ag.sin(x) * x))(1.0)
    assert len(topological_order(pool[-1])) > 3
    assert counts()["retreats"] == before


# ---- A walk that gives up leaves no trace. ----


def chain(x, n):
    for _ in range(n):
        x = x * 0.5 + x
    return x


def stale(x):
    old = ag.sin(x)
    x.data = 2.0
    return old, ag.StaleGraphError


def python_row(x):
    return lives.mine(ag)(x), None


def older_neighbour(x):
    old, young = ag.sin(x), ag.cos(x)
    return copy.copy(old) * young, None


def reachable(root):
    """The ids of all nodes that a root was computed from."""
    found, queue = {id(root)}, [root]
    for node in queue:
        for a in node.args:
            if isinstance(a, Value) and id(a) not in found:
                found.add(id(a))
                queue.append(a)
    return found


@needs_walk
@pytest.mark.parametrize("obstacle", [stale, python_row, older_neighbour])
@pytest.mark.parametrize("sweep", ["backward", "pull", "listing"])
def test_a_walk_that_gives_up_half_way_changes_no_gradient(obstacle, sweep):
    x, y = Value(0.5), Value(0.25)
    below, error = obstacle(x)
    inner = chain(ag.cos(y), 50)
    root = chain(inner * below + below, 50)
    other = inner * inner
    other.backward()  # inner nodes have a gradient, also such as the walk will have come to
    before = [(node, node.grad) for node in topological_order(root, other, check=False)]
    assert sum(grad != 0.0 for _, grad in before) > 50
    retreats, grad_of_y = counts()["retreats"], y.grad
    walks = {"pull": lambda: pull([root], [1.0], [y]), "listing": lambda: topological_order(root)}
    walk = walks.get(sweep, root.backward)
    if error:
        with pytest.raises(error):
            walk()
        found = None
    else:
        found = walk()
    gives_up = obstacle is not python_row or sweep != "listing"
    assert (counts()["retreats"] > retreats) == gives_up
    if error or sweep != "backward":
        assert [node.grad for node, _ in before] == [grad for _, grad in before]
    if not error:
        slope = -(1.5**100) * ag.sin(y.item()) * below.item()
        if sweep == "listing":
            ages = [(node.op is not None, node._epoch) for node in found]
            assert ages == sorted(ages)
            assert set(map(id, found)) == reachable(root)
        else:
            assert (y.grad - grad_of_y if sweep == "backward" else found[0]) == pytest.approx(slope)


def test_a_copy_with_an_operand_of_ones_own_is_stale_if_that_is_newer():
    for package in PACKAGES:
        x = package.Value(2.0)
        y = package.sin(x) + 1.0
        clone = copy.deepcopy(y, {id(x): package.Value(3.0)})
        with pytest.raises(package.StaleGraphError):
            clone.backward()


# ---- Memory. ----


def megabytes():
    return counts()["bytes"] / 2**20


def forget_spare_memory():
    """By so many small graphs that all goes back which is given back by halves."""
    gc.collect()
    x = Value(1.0)
    for _ in range(12_000):
        (x * x).backward()


@needs_slabs
def test_the_memory_of_a_large_graph_serves_the_next_one_and_goes_back_by_halves():
    forget_spare_memory()
    start = megabytes()
    root = chain(Value(1.0), 400_000)
    full = megabytes()
    assert full - start == pytest.approx(800_000 * NODE / 2**20, rel=0.05)
    del root
    assert megabytes() == full
    root = chain(Value(1.0), 400_000)
    assert megabytes() == full
    del root
    seen = []
    for _ in range(12):
        x = Value(1.0)
        for _ in range(1000):
            (x * x).backward()
        seen.append(megabytes())
    assert seen == sorted(seen, reverse=True)
    assert full / 8 < seen[1] < full
    assert seen[-1] <= start + 2


@needs_slabs
def test_one_node_kept_of_each_thousand_does_not_hold_the_others():
    forget_spare_memory()
    start = megabytes()
    kept = []
    for i in range(1000):
        x = chain(Value(1.0), 500)
        kept.append(ag.sin(x.detach()) if i % 2 else ag.sin(Value(float(i))))
    assert megabytes() <= start + 1
    for i in range(3000):  # of small graphs, most nodes die while the slab is still being filled
        x = chain(Value(float(i)), 50)
        kept.append(ag.sin(x.detach()))
    assert len(kept) * NODE < 2**19
    assert megabytes() <= start + 3
    assert all(node.args for node in kept)


@needs_slabs
def test_slabs_in_use_are_a_quarter_full_at_worst():
    """Every slab has a few nodes more than those that are filled again."""
    forget_spare_memory()
    start = megabytes()
    x = Value(1.0)
    nodes = [x * 2.0 for _ in range(400_000)]
    full = megabytes()
    nodes = [node for i, node in enumerate(nodes) if i % 40 < 11]
    assert megabytes() == full
    nodes += [x * 2.0 for _ in range(1000)]
    assert (megabytes() - start) * 2**20 <= 4 * len(nodes) * NODE + 2**20
    del nodes[::2]  # now there are gaps to fill, and nothing is asked for
    nodes += [x * 2.0 for _ in range(150_000)]
    assert megabytes() <= full
    assert all(node.data == 2.0 and node.args == (x, 2.0) for node in nodes)


@needs_slabs
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux's count of resident pages")
def test_what_is_given_back_the_system_has_again_and_again():
    code = """
from autograd_mini import Value
bytearray(30_000_000)  # as other libraries do; malloc then keeps what is given back to it
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20
x = Value(1.0)
start = resident()
for _ in range(3):
    y = x
    for _ in range(500_000):
        y = y * 1.0
    assert resident() > start + 30, resident()
    del y
    for _ in range(10_000):
        (x * x).backward()
    assert resident() < start + 8, (start, resident())
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@needs_slabs
def test_gaps_that_are_filled_again_may_turn_the_order_round():
    """Then operands lie above their users, or their marks are behind the walk."""
    forget_spare_memory()
    x = Value(1.0)
    old = [x * 2.0 for _ in range(200_000)][::8]
    young = [old[-1 - i] * x for i in range(30_000 - 5_000)]
    before = counts()["retreats"]
    ag.sum(young).backward()
    assert x.grad == 4.0 * len(young)
    assert pull([ag.sum(young[::7])], [1.0], [x]) == [4.0 * len(young[::7])]
    assert len(topological_order(*young)) == 1 + 2 * len(young)
    assert counts()["retreats"] >= before + 3


@needs_slabs
def test_a_node_in_a_gap_below_its_operand_has_the_right_gradient():
    """The walk has passed the operand when it marks it, and comes to nothing else."""
    forget_spare_memory()
    x = Value(1.0)
    old = [x * 2.0 for _ in range(200_000)][::8]
    young = []
    for i in range(30_000):
        young.append(old[i % 5000] * x)
        young[-1].backward()
    assert x.grad == 4.0 * len(young)


@needs_slabs
def test_leaves_and_what_is_silent_pin_no_slab():
    forget_spare_memory()
    start, kept = megabytes(), []
    for _ in range(300):
        x = chain(Value(1.0), 500)
        kept.append(Value(x.data))
        with ag.no_grad():
            kept.append(x * 2.0)
    del x
    assert megabytes() <= start + 1


def test_graphs_die_in_any_order_from_anywhere_and_leave_no_node():
    source, alive = random.Random(1), weakref.WeakSet()

    def finalizer(_):
        root = chain(Value(1.0), 100)
        root.backward()
        alive.add(root)

    def life():
        graphs = []
        for _ in range(200):
            x = chain(Value(1.0), source.randrange(1, 300))
            alive.add(x)
            graphs.append(weakref.ref(x, finalizer) and x)
            if len(graphs) > 10:
                del graphs[source.randrange(len(graphs))]
        graphs[-1].backward()

    threads = [threading.Thread(target=life) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert not alive


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_goes_on_with_its_graphs():
    code = """
import os
from autograd_mini import Value
x = Value(1.0)
y = x
for _ in range(100_000):
    y = y * 0.5 + x
child = os.fork()
y.backward()
assert x.grad == 2.0, x.grad
z = y * y
del y
z.backward()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_callback_that_waits_holds_up_no_other_thread_and_no_forked_process():
    code = """
import os, threading, weakref
from autograd_mini import Value
inside, go = threading.Event(), threading.Event()
def work():
    v = Value(1.0) * 2.0
    watch = weakref.ref(v, lambda _: (inside.set(), go.wait()))
    del v
thread = threading.Thread(target=work)
thread.start()
inside.wait()
def dies():
    v = Value(1.0) * 2.0
    watch = weakref.ref(v)
    del v
    return watch() is None and Value(3.0) is not None
seen = []
x = Value(1.0) * 2.0
watch = weakref.ref(x, lambda _: seen.append(1))
child = os.fork()
del x
assert seen and dies()
if child:
    assert os.waitpid(child, 0)[1] == 0
    go.set()
    thread.join()
else:
    os._exit(0)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)


def test_an_interpreter_may_end_with_graphs_alive():
    code = """
import atexit, threading, weakref
from autograd_mini import Value
x = Value(1.0)
graphs = [x]
for _ in range(10_000):
    graphs.append(graphs[-1] * 0.5 + x)
watch = [weakref.ref(g, lambda _: (Value(2.0) * x).backward()) for g in graphs[::100]]
class Late:
    def __del__(self):
        (graphs[-1] * 2.0).backward() if graphs else None
late = Late()
threading.current_thread().late = late
atexit.register(lambda: graphs[-1].backward())
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


# ---- Builds without the walk. ----

COMPARED = """
import lives
from twins import native_only, textbook
import autograd_mini as ag
from autograd_mini.core import native
assert ag.__file__.startswith({folder!r}), ag.__file__
packages = (ag, textbook)
for seed in range(150):
    ours, theirs = lives.both(packages, seed, 100)
    assert ours == theirs, seed
assert native.counts()["walks"] == 0
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")
def test_a_build_without_the_walk_gives_the_same_bits(tmp_path):
    copied(tmp_path, "autograd_mini")
    build(tmp_path, "-O1", "-Wall", "-Wextra", "-Werror", "-DAUTOGRAD_MINI_NO_WALK")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parent}"}
    environment["AUTOGRAD_MINI_ENGINE"] = "native"
    code = COMPARED.format(folder=str(tmp_path))
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)


# ---- Squares. ----


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_square_has_the_bits_of_a_power(x):
    def told(package):
        try:
            v = package.Value(x)
            y = v**2
            y.backward()
            return lives.bits(y.data), lives.bits(v.grad)
        except OverflowError as error:
            return str(error)

    assert told(ag) == told(textbook)


def test_squares_beside_a_tie_have_the_bits_of_a_power_too():
    source = random.Random(0)
    xs = [source.uniform(-1e3, 1e3) for _ in range(100_000)]
    assert any(x * x != x**2 for x in xs)
    assert [(Value(x) ** 2).data for x in xs] == [x**2 for x in xs]
