"""Checks random programs by the hundred thousand, without hypothesis: nothing shrinks, but each takes milliseconds.

    python tests/fuzz.py --examples 1000000 --processes 2
    python tests/fuzz.py --against textbook --minutes 30

The first compares gradients by the engine that serves with mpmath's at 120 digits or, by ``--against paths``, three
times as fast, with the sum over all paths. The second compares the native engine with the textbook engine, bit for bit:
data, gradients, second derivatives, and exceptions, also of programs that leave their domains; each eighth is
no program but a life (lives.py), in which nodes are kept, dropped, copied and assigned. What disagrees is printed as
Python, or as the seed of a life; the exit code is then 1.
"""

import argparse
import collections
import multiprocessing
import random
import struct
import time
from fractions import Fraction

import lives
from twins import textbook

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.testing.oracles import Untrusted, exact, path_sum
from autograd_mini.testing.program import VALUES, Dialect, python
from autograd_mini.testing.writer import random_program

ORACLES = {"exact": exact, "paths": path_sum}
CHUNK = 1000
STEPS = 20  # of a life


def judged(program, oracle):
    """Whether the gradient is right, or why the program says nothing."""
    leaves = [Value(x) for x in program.inputs]
    try:
        out = program.run(VALUES, leaves)
        right = oracle(program)
    except (ArithmeticError, ValueError):
        return "raises"
    except Untrusted:
        return "not judged"
    out.backward()
    good = all(abs(leaf.grad - x) <= tolerance for leaf, (x, tolerance) in zip(leaves, right, strict=True))
    return "right" if good else "wrong"


def told(package, program):
    """Everything that a program gives on one engine, as bits, or its exception."""
    dialect = Dialect(python, {"ag": package, "Fraction": Fraction})
    try:
        leaves = [package.Value(x) for x in program.inputs]
        out = program.run(dialect, leaves)
        out.backward()
        graph = package.core.serving.topological_order(out)
        first = package.value_and_grad(lambda x: program.run(dialect, x))
        second = package.grad(lambda x: package.sum(first(x)[1]))(list(program.inputs))
        return [bits(x) for node in graph for x in (node.data, node.grad)], list(map(bits, second))
    except (ArithmeticError, ValueError) as error:
        return type(error), str(error)


def bits(x):
    return struct.pack("d", float("nan") if x != x else x)


def check(program, against):
    if against in ORACLES:
        return judged(program, ORACLES[against])
    ours = told(ag, program)
    raises = "raises alike" if isinstance(ours[0], type) else "right"
    return raises if ours == told(textbook, program) else "wrong"


def walks():
    """How many walks the native engine has made, and how many of them gave up."""
    if ag.engine != "native":
        return {}
    from autograd_mini.core import native

    return {name: native.counts()[name] for name in ("walks", "retreats")}


def is_lived_alike(seed):
    ours, theirs = lives.both((ag, textbook), seed, STEPS)
    return ours == theirs


def run(chunk):
    """A thousand programs by the seed of the chunk: how many fared how, the wrong ones as text, and how many walks
    there were and gave up."""
    seed, against = chunk
    before = walks()
    source = random.Random(seed)
    counts, wrong = collections.Counter(), []
    for i in range(CHUNK):
        if against == "textbook" and i % 8 == 7:
            what = source.randrange(2**32)
            verdict = "lived alike" if is_lived_alike(what) else "wrong"
        else:
            what = random_program(source, tame=against in ORACLES or i % 2 == 0)
            verdict = check(what, against)
        counts[verdict] += 1
        if verdict == "wrong":
            wrong.append(repr(what))
    return counts, wrong, collections.Counter(walks()) - collections.Counter(before)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--examples", type=int, default=10_000, help="how many programs (default 10000)")
    parser.add_argument("--minutes", type=float, help="how long, instead of how many")
    parser.add_argument("--seed", type=int, default=0, help="another number draws other programs (default 0)")
    parser.add_argument("--against", choices=[*ORACLES, "textbook"], default="exact")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    if options.against == "textbook" and ag.engine != "native":
        parser.error("the textbook engine serves; build the native one to compare them")
    if options.minutes and options.processes > 1:
        parser.error("--minutes runs in one process; start several with seeds of their own")
    most = 10**9 if options.minutes else -(-options.examples // CHUNK)
    total, walked, start = collections.Counter(), collections.Counter(), time.perf_counter()
    with multiprocessing.Pool(options.processes) as pool:
        chunks = ((repr((options.seed, i)), options.against) for i in range(most))
        for counts, wrong, some_walks in (
            map(run, chunks) if options.processes == 1 else pool.imap_unordered(run, chunks)
        ):
            total += counts
            walked += some_walks
            print(*wrong, sep="\n\n", end="\n\n" * bool(wrong), flush=True)
            if options.minutes and time.perf_counter() - start > 60 * options.minutes:
                break
    took = time.perf_counter() - start
    print(f"{total.total()} programs in {took:.0f} s: " + ", ".join(f"{n} {what}" for what, n in total.most_common()))
    if walked:
        print(f"{walked['retreats']} of {walked['walks']} walks gave up")
    return 1 if total["wrong"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
