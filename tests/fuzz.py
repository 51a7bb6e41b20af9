"""Checks random programs against an oracle by the hundred thousand, without hypothesis.

    python tests/fuzz.py --examples 1000000 --processes 2

Each program's gradient by the engine is compared with mpmath's at 120 digits or, by ``--oracle paths``, three times as
fast, with the sum over all paths. What disagrees is printed as Python; the exit code is then 1.
"""

import argparse
import collections
import multiprocessing
import random
import time

from autograd_mini import Value
from autograd_mini.testing.oracles import Untrusted, exact, path_sum
from autograd_mini.testing.program import VALUES
from autograd_mini.testing.writer import random_program

ORACLES = {"exact": exact, "paths": path_sum}
CHUNK = 1000


def check(program, oracle):
    """ "right", "wrong", or why the program says nothing."""
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


def run(chunk):
    """A thousand programs by the seed of the chunk: how many fared how, and the wrong ones as text."""
    seed, oracle = chunk
    source = random.Random(seed)
    counts, wrong = collections.Counter(), []
    for _ in range(CHUNK):
        program = random_program(source)
        verdict = check(program, ORACLES[oracle])
        counts[verdict] += 1
        if verdict == "wrong":
            wrong.append(repr(program))
    return counts, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--examples", type=int, default=10_000, help="how many programs (default 10000)")
    parser.add_argument("--seed", type=int, default=0, help="another number draws other programs (default 0)")
    parser.add_argument("--oracle", choices=ORACLES, default="exact")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    chunks = [(repr((options.seed, i)), options.oracle) for i in range(-(-options.examples // CHUNK))]
    total, start = collections.Counter(), time.perf_counter()
    with multiprocessing.Pool(options.processes) as pool:
        for counts, wrong in pool.imap_unordered(run, chunks):
            total += counts
            print(*wrong, sep="\n\n", end="\n\n" * bool(wrong), flush=True)
    took = time.perf_counter() - start
    print(f"{total.total()} programs in {took:.0f} s: " + ", ".join(f"{n} {what}" for what, n in total.most_common()))
    return 1 if total["wrong"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
