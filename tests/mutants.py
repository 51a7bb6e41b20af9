"""Mutation: breaks the table and the engine in small ways, one at a time, and shows which property notices.

    python tests/mutants.py              all of them, on as many processes as there are cores
    python tests/mutants.py tanh         those with that text in their description

Each mutant is a copy of the package with one text replaced. The laws run against it with the textbook engine; the first
property that fails kills it. If none does, the corner table and the tests of engine and functions have a try. A mutant
that lives is a hole in the tests: the command then ends with exit code 1.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "autograd_mini"
SUITES = (
    [
        "test_laws.py",
        "--examples",
        "60",
        "--deselect",
        "test_laws.py::test_every_walk_survives_a_chain_of_a_million_nodes",
    ],
    ["test_corners.py", "test_ops.py", "test_value.py", "test_functional.py"],
)


class Mutant(NamedTuple):
    """A replacement in a file of the package; ``old`` occurs there exactly once."""

    what: str
    file: str
    old: str
    new: str


MUTANTS = [
    # ---- The table: values. ----
    Mutant("relu keeps -0.0", "ops.py", "0.0 if x <= 0.0 else x", "0.0 if x < 0.0 else x"),
    Mutant("relu of NaN is 0", "ops.py", "0.0 if x <= 0.0 else x", "x if x > 0.0 else 0.0"),
    Mutant("softplus without its log1p", "ops.py", "max(x, 0.0) + math.log1p(math.exp(-abs(x)))", "max(x, 0.0)"),
    Mutant("softplus overflows", "ops.py", "max(x, 0.0) + math.log1p(math.exp(-abs(x)))", "math.log1p(math.exp(x))"),
    Mutant("sigmoid of the wrong sign", "ops.py", "1.0 / (1.0 + math.exp(-x))", "1.0 / (1.0 + math.exp(x))"),
    Mutant("maximum of NaN", "ops.py", "x if x > y or x != x else y", "x if x > y else y"),
    Mutant("minimum is maximum", "ops.py", "x if x < y or x != x else y", "x if x > y or x != x else y"),
    Mutant("a complex power slips through", "ops.py", "if isinstance(out, complex):", "if False:"),
    Mutant(
        "sum starts at 1",
        "ops.py",
        "functools.reduce(operator.add, terms, 0.0)",
        "functools.reduce(operator.add, terms, 1.0)",
    ),
    Mutant(
        "sum adds from the right",
        "ops.py",
        "functools.reduce(operator.add, terms, 0.0)",
        "functools.reduce(operator.add, terms[::-1], 0.0)",
    ),
    Mutant("exp is expm1", "ops.py", "return math.exp(x)\n\n\n@row(_log_dx", "return math.expm1(x)\n\n\n@row(_log_dx"),
    Mutant("abs of -0.0 keeps its sign", "ops.py", "return math.fabs(x)", "return x if x == 0.0 else math.fabs(x)"),
    # ---- The table: partials. ----
    Mutant(
        "sub: sign",
        "ops.py",
        "lambda out, x, y: 1.0, lambda out, x, y: -1.0",
        "lambda out, x, y: 1.0, lambda out, x, y: 1.0",
    ),
    Mutant(
        "mul: operands swapped",
        "ops.py",
        "lambda out, x, y: y, lambda out, x, y: x,",
        "lambda out, x, y: x, lambda out, x, y: y,",
    ),
    Mutant("div: sign of the second slope", "ops.py", "ieee_div(-out, y)", "ieee_div(out, y)"),
    Mutant("div: divides by x", "ops.py", "ieee_div(1.0, y)", "ieee_div(1.0, x)"),
    Mutant("neg: sign", "ops.py", "@row(lambda out, x: -1.0, ", "@row(lambda out, x: 1.0, "),
    Mutant(
        "pow: exponent not lowered", "ops.py", "strong_mul(y, ieee_pow(x, y - 1.0))", "strong_mul(y, ieee_pow(x, y))"
    ),
    Mutant("pow: 0*inf at 0**0", "ops.py", "strong_mul(y, ieee_pow(x, y - 1.0))", "y * ieee_pow(x, y - 1.0)"),
    Mutant("pow_log: slope by the base", "ops.py", "ieee_pow(x, y - 1.0) + strong_mul", "strong_mul"),
    Mutant("mod: sign of the second slope", "ops.py", "-floordiv(x, y)", "floordiv(x, y)"),
    Mutant("abs: slope 1 at the kink", "ops.py", "lambda out, x: sign(x),", "lambda out, x: 1.0 - 2.0 * step(0.0, x),"),
    Mutant("sqrt: factor", "ops.py", "ieee_div(0.5, out + 0.0)", "ieee_div(1.0, out + 0.0)"),
    Mutant("sqrt: slope of -0.0", "ops.py", "ieee_div(0.5, out + 0.0)", "ieee_div(0.5, out)"),
    Mutant("sin: its own slope", "ops.py", "lambda out, x: cos(x)", "lambda out, x: sin(x)"),
    Mutant("cos: sign", "ops.py", "lambda out, x: -sin(x)", "lambda out, x: sin(x)"),
    Mutant("tan: sign", "ops.py", "1.0 + out * out", "1.0 - out * out"),
    Mutant("tanh: cancels in the tails", "ops.py", "lambda out, x: sech2(x)", "lambda out, x: 1.0 - out * out"),
    Mutant("sech2: factor of its slope", "ops.py", "-2.0 * tanh(x) * out", "-1.0 * tanh(x) * out"),
    Mutant("erf: factor", "ops.py", "2.0 / math.sqrt(math.pi) *", "1.0 / math.sqrt(math.pi) *"),
    Mutant("relu: slope 1 at the kink", "ops.py", "lambda out, x: step(x, 0.0)", "lambda out, x: 1.0 - step(0.0, x)"),
    Mutant("sigmoid: factor", "ops.py", "0.25 * sech2(0.5 * x)", "0.25 * sech2(x)"),
    Mutant("softplus: slope of -x", "ops.py", "lambda out, x: sigmoid(x)", "lambda out, x: sigmoid(-x)"),
    Mutant(
        "maximum: a tie gives each the whole slope",
        "ops.py",
        "0.5 * (step(x, y) + 1.0 - step(y, x))",
        "1.0 - step(y, x)",
    ),
    Mutant(
        "minimum: slopes of maximum", "ops.py", "    _larger_dy,\n    _larger_dx,", "    _larger_dx,\n    _larger_dy,"
    ),
    Mutant("sumprod: factors not swapped", "ops.py", "args[len(args) // 2 :] + args[: len(args) // 2]", "args"),
    Mutant("step of NaN is 0", "ops.py", "0.0 if x <= y else math.nan", "0.0"),
    Mutant(
        "a zero cotangent meets an infinite slope in second order",
        "ops.py",
        "return 0.0 if g == 0.0 else g * d",
        "return g * d",
    ),
    # ---- The engine. ----
    Mutant(
        "adjoints overwritten, not added",
        "value.py",
        "adjoint[a] += cotangent * (",
        "adjoint[a] = cotangent * (",
    ),
    Mutant("a zero cotangent is passed on", "value.py", "if node.args and cotangent != 0.0:", "if node.args:"),
    Mutant(
        "the sort closes nodes too early",
        "value.py",
        "for a in reversed(node.args):",
        "closed.add(node)\n            order.append(node)\n            for a in reversed(node.args):",
    ),
    Mutant(
        "leaves set, not added",
        "value.py",
        "node._grad = adjoint if node.args else node._grad + adjoint",
        "node._grad = adjoint",
    ),
    Mutant(
        "inner nodes add up",
        "value.py",
        "node._grad = adjoint if node.args else node._grad + adjoint",
        "node._grad += adjoint",
    ),
    Mutant("the cotangent is ignored", "value.py", "adjoint[root] = number(gradient)", "adjoint[root] = 1.0"),
    Mutant(
        "zero_grad forgets leaves",
        "value.py",
        "for node in topological_order(self, check=False):\n            node._grad = 0.0",
        "for node in topological_order(self, check=False):\n            node._grad = 0.0 if node.args else node._grad",
    ),
    Mutant("stale leaves go unnoticed", "value.py", "if check and a._epoch > node._epoch:", "if False:"),
    Mutant("an assignment does not advance the epoch", "value.py", "self._epoch = _Epoch.advance()", "pass"),
    Mutant("reflected subtraction swapped", "value.py", 'TABLE["sub"], other, self', 'TABLE["sub"], self, other'),
    Mutant("reflected division swapped", "value.py", 'TABLE["div"], other, self', 'TABLE["div"], self, other'),
    Mutant("reflected power swapped", "value.py", 'TABLE["pow"], other, self', 'TABLE["pow"], self, other'),
    Mutant("<= is <", "value.py", "self._data <= _", "self._data < _"),
    Mutant("copies lose their gradient", "value.py", "out.grad = grad\n", "out.grad = 0.0\n"),
    Mutant("copies of stale graphs are fresh", "value.py", "out._epoch = _Epoch.now + age", "out._epoch = _Epoch.now"),
    Mutant(
        "detach keeps the history",
        "value.py",
        "return Value(self._data, self._label)\n\n    # ---- The backward",
        "return self\n\n    # ---- The backward",
    ),
    Mutant(
        "operands point back: a cycle",
        "value.py",
        "out.op, out.args = (op, args) if",
        "out._label = [out]\n        out.op, out.args = (op, args) if",
    ),
    # ---- Derivatives of derivatives. ----
    Mutant("second order: one cotangent of several", "functional.py", "sum_(terms[node])", "terms[node][0]"),
    Mutant(
        "second order: rules without operands",
        "functional.py",
        "terms[a].append(strong_mul(cotangent, rule(node, *node.args)))",
        "terms[a].append(strong_mul(cotangent, rule(node.data, *node.args)))",
    ),
    Mutant(
        "second order: n-ary rules shifted",
        "functional.py",
        "strong_mul(cotangent, nary[i])",
        "strong_mul(cotangent, nary[i - 1])",
    ),
    Mutant(
        "nested grad: the inner variable is the outer one's constant",
        "functional.py",
        'Value._apply(TABLE["mul"], tree, 1.0) if linked else tree.detach()',
        "tree.detach()",
    ),
]


def kill(mutant):
    """The test that fails on a mutant, or None."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "autograd_mini"
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        source = (copy / mutant.file).read_text(encoding="utf-8")
        (copy / mutant.file).write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": folder, "AUTOGRAD_MINI_ENGINE": "python"}
        for suite in SUITES:
            command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *suite]
            result = subprocess.run(command, cwd=TESTS, env=environment, capture_output=True, text=True)
            found = re.search(r"^(?:FAILED|ERROR) \S*?(?:::(\S+))?(?: - .*)?$", result.stdout, re.MULTILINE)
            if result.returncode:
                return found[1] or "it does not even import" if found else result.stdout[-200:] + result.stderr[-200:]
    return None


def main(text=""):
    chosen = [m for m in MUTANTS if text in m.what]
    lived = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for mutant, killer in zip(chosen, pool.map(kill, chosen), strict=True):
            lived += killer is None
            print(f"{mutant.file:14}{mutant.what:60}{killer or 'LIVES'}", flush=True)
    print(f"\n{len(chosen) - lived} of {len(chosen)} mutants died")
    return 1 if lived else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
