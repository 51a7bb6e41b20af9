"""Mutation: breaks the table and the engine in small ways, one at a time, and shows which property notices.

    python tests/mutants.py              all of them, on as many processes as there are cores
    python tests/mutants.py tanh         those with that text in their description

Each mutant is a copy of the package with one text replaced. The tests of the module that was broken run against it with
the textbook engine, then the laws, then the corner table and the tests of modules that many others rest on; the first
test that fails kills it. A mutant in C is built by gcc, and runs the tests of the walk, then those of the engine law. A
mutant that lives is a hole in the tests: the command then ends with exit code 1.
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from building import build, copied

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "autograd_mini"
NATIVE = Path("core", "native")
LAWS = [
    "test_laws.py",
    "--examples",
    "60",
    "--deselect",
    "test_laws.py::test_every_walk_survives_a_chain_of_a_million_nodes",
]
OTHERS = [
    "test_corners.py",
    "test_accuracy.py",
    "test_ops.py",
    "test_value.py",
    "test_calls.py",
    "test_reverse.py",
    "test_jacobians.py",
    "test_derivatives.py",
    "test_mode.py",
    "test_symbols.py",
    "test_conversions.py",
]
LONGEST = 900  # seconds; a suite takes two minutes at most


class Mutant(NamedTuple):
    """A replacement in a file of the package; ``old`` occurs there exactly once."""

    what: str
    file: str
    old: str
    new: str

    def suites(self):
        """What may notice it, in turn."""
        if self.is_native:
            return [["test_walk.py"], ["test_engine.py"], ["test_derivatives.py"]]
        own = [f"test_{Path(self.file).stem}.py"]
        if str(self.file).startswith("pictures/"):
            own = ["test_draw.py", "test_svg.py"]
        if str(self.file) in ("core/arrays.py", "interop/numpy.py"):
            own = ["test_interop.py"]
        return [*[own] * (TESTS / own[0]).exists(), LAWS, OTHERS]

    @property
    def is_native(self):
        """Whether it is in C."""
        return Path(self.file).suffix == ".h"


MUTANTS = [
    # ---- The table: values. ----
    Mutant("relu keeps -0.0", "ops/pieces.py", "0.0 if x <= 0.0 else x", "0.0 if x < 0.0 else x"),
    Mutant("relu of NaN is 0", "ops/pieces.py", "0.0 if x <= 0.0 else x", "x if x > 0.0 else 0.0"),
    Mutant(
        "softplus without its log1p", "ops/special.py", "max(x, 0.0) + math.log1p(math.exp(-abs(x)))", "max(x, 0.0)"
    ),
    Mutant(
        "softplus overflows", "ops/special.py", "max(x, 0.0) + math.log1p(math.exp(-abs(x)))", "math.log1p(math.exp(x))"
    ),
    Mutant("sigmoid of the wrong sign", "ops/special.py", "1.0 / (1.0 + math.exp(-x))", "1.0 / (1.0 + math.exp(x))"),
    Mutant("maximum of NaN", "ops/pieces.py", "x if x > y or x != x else y", "x if x > y else y"),
    Mutant("minimum is maximum", "ops/pieces.py", "x if x < y or x != x else y", "x if x > y or x != x else y"),
    Mutant("a complex power slips through", "ops/arithmetic.py", "if isinstance(out, complex):", "if False:"),
    Mutant(
        "sum starts at 1",
        "ops/folds.py",
        "functools.reduce(operator.add, terms, 0.0)",
        "functools.reduce(operator.add, terms, 1.0)",
    ),
    Mutant(
        "sum adds from the right",
        "ops/folds.py",
        "functools.reduce(operator.add, terms, 0.0)",
        "functools.reduce(operator.add, terms[::-1], 0.0)",
    ),
    Mutant("exp is expm1", "ops/elementary.py", "return math.exp(x)", "return math.expm1(x)"),
    Mutant(
        "abs of -0.0 keeps its sign",
        "ops/arithmetic.py",
        '2.0\n    """\n    return math.fabs(x)\n\n\n@row(\n    None',
        '2.0\n    """\n    return x if x == 0.0 else math.fabs(x)\n\n\n@row(\n    None',
    ),
    Mutant("lists of different lengths are taken", "ops/row.py", "if len(set(map(len, lists))) > 1:", "if False:"),
    Mutant("a row takes the place of another", "ops/row.py", "if name in TABLE:", "if False:"),
    # ---- Pictures. ----
    Mutant(
        "a renderer's children live on",
        "pictures/renderer.py",
        "os.killpg(process.pid, signal.SIGKILL)",
        "os.killpg(process.pid, 0)",
    ),
    Mutant(
        "a renderer may print without end",
        "pictures/renderer.py",
        "for file in (plain, said)) > _MOST_BYTES",
        "for file in (plain, said)) < 0",
    ),
    Mutant("a renderer that fails is believed", "pictures/renderer.py", " if code == 0 else None", ""),
    Mutant("a notebook runs the renderer twice", "pictures/drawing.py", "_kept[key] = outcome", "pass"),
    Mutant(
        "a notebook shows an old picture",
        "pictures/drawing.py",
        "None if keep else _kept.pop(key, None)",
        "_kept.get(key)",
    ),
    Mutant("cards are too narrow", "pictures/scene.py", "max(titles + numbers) + 2 * PADDING", "max(titles + numbers)"),
    Mutant("colours fade too slowly", "pictures/scene.py", "_FAINTEST = 0.1", "_FAINTEST = 0.5"),
    Mutant(
        "a factor has the partial of the other",
        "pictures/scene.py",
        "(i, a, slopes[i - 1])",
        "(i, a, slopes[i + count - 1])",
    ),
    Mutant("operands stand anywhere", "pictures/dot.py", ' or kinds[tail] == "term"', ""),
    Mutant(
        "letters on dark pages are dark",
        "pictures/colours.py",
        'Page("#1e1e1e", "#f2f2f2"',
        'Page("#1e1e1e", "#5f5f5f"',
    ),
    Mutant("frames stay light", "pictures/svg.py", '"marked": ("stroke", "mark")', '"marked": ("fill", "mark")'),
    # ---- The table: partials. ----
    Mutant(
        "sub: sign",
        "ops/arithmetic.py",
        "lambda out, x, y: 1.0, lambda out, x, y: -1.0",
        "lambda out, x, y: 1.0, lambda out, x, y: 1.0",
    ),
    Mutant(
        "mul: operands swapped",
        "ops/arithmetic.py",
        "lambda out, x, y: y, lambda out, x, y: x,",
        "lambda out, x, y: x, lambda out, x, y: y,",
    ),
    Mutant("div: sign of the second slope", "ops/ieee.py", "ieee_div(-out, y)", "ieee_div(out, y)"),
    Mutant("div: divides by x", "ops/ieee.py", "ieee_div(1.0, y)", "ieee_div(1.0, x)"),
    Mutant("neg: sign", "ops/arithmetic.py", "@row(lambda out, x: -1.0, ", "@row(lambda out, x: 1.0, "),
    Mutant("pow: exponent not lowered", "ops/ieee.py", "p = ieee_pow(x, y - n if y >= n else y)", "p = ieee_pow(x, y)"),
    Mutant("pow: 0*inf at 0**0", "ops/ieee.py", "strong_mul(f, ieee_pow(x, y - n))", "f * ieee_pow(x, y - n)"),
    Mutant("pow: exponent rounded", "ops/ieee.py", "y - n if y >= n else y)\n    if not", "y - n)\n    if not"),
    Mutant(
        "pow: no halves", "ops/ieee.py", "half = ieee_pow(abs(x), 0.5 * (", "return strong_mul(f, p)\n    half = (("
    ),
    Mutant("pow: slope by both", "ops/ieee.py", "times_power(1.0 + y * math.log(x), x, y, 1.0)", "pow_log(x, y - 1.0)"),
    Mutant("asin: its slope cancels", "ops/elementary.py", "square = (1.0 - x) * (1.0 + x)", "square = 1.0 - x * x"),
    Mutant("cbrt: no correction", "ops/elementary.py", "return out - (out - x / out / out) / 3.0", "return out"),
    Mutant("atan2: slopes swapped", "ops/elementary.py", "-inverse_part(y, x)", "-inverse_part(x, y)"),
    Mutant("fmod: rounds down", "ops/arithmetic.py", "return math.fmod(x, y)", "return x % y"),
    Mutant("digamma: a term is missing", "ops/factorials.py", "while x > 2.0:", "while x > 3.0:"),
    Mutant(
        "beta: differences cancel",
        "ops/factorials.py",
        "return sign * _gap(order, x, y)",
        "return polygamma(n, x + y) - polygamma(n, x)",
    ),
    Mutant("ndtr: x/sqrt(2) is rounded", "ops/normal.py", "1.1283791670955126 * e * exp_square(t))\n", "0.0)\n"),
    Mutant("log_ndtr: too few terms", "ops/normal.py", "450.0 / t / t", "100.0 / t / t"),
    Mutant("share: x - y is rounded", "ops/special.py", "((x - (d - b)) - (y + b))", "0.0"),
    Mutant("prod: divides", "ops/folds.py", "reversed(right)", "right"),
    Mutant("where: NaN is false", "ops/pieces.py", "return x if c != 0.0 else y", "return x if abs(c) > 0.0 else y"),
    Mutant(
        "hypot: its slope at the origin",
        "ops/ieee.py",
        "return x / length if length != 0.0 else 0.0 if x == x else x",
        "return ieee_div(x, length)",
    ),
    Mutant("erf: x*x is rounded", "ops/special.py", "return v - v * product_error(x, x)", "return v"),
    Mutant("log: sign", "ops/ieee.py", "ieee_div(1.0, x)", "ieee_div(-1.0, x)"),
    Mutant("mod: sign of the second slope", "ops/arithmetic.py", "-floordiv(x, y)", "floordiv(x, y)"),
    Mutant(
        "abs: slope 1 at the kink",
        "ops/arithmetic.py",
        'lambda out, x: sign(x), text="abs({})"',
        'lambda out, x: sign(sign(x) + 0.5), text="abs({})"',
    ),
    Mutant("sqrt: factor", "ops/elementary.py", "ieee_div(0.5, out + 0.0)", "ieee_div(1.0, out + 0.0)"),
    Mutant("sqrt: slope of -0.0", "ops/elementary.py", "ieee_div(0.5, out + 0.0)", "ieee_div(0.5, out)"),
    Mutant("sin: its own slope", "ops/elementary.py", "lambda out, x: cos(x)", "lambda out, x: sin(x)"),
    Mutant("cos: sign", "ops/elementary.py", "lambda out, x: -sin(x)", "lambda out, x: sin(x)"),
    Mutant("tan: sign", "ops/elementary.py", "1.0 + out * out", "1.0 - out * out"),
    Mutant(
        "tanh: cancels in the tails", "ops/elementary.py", "lambda out, x: sech2(x)", "lambda out, x: 1.0 - out * out"
    ),
    Mutant("sech2: factor of its slope", "ops/elementary.py", "-2.0 * tanh(x) * out", "-1.0 * tanh(x) * out"),
    Mutant("erf: factor", "ops/special.py", "x: 2.0 / math.sqrt(math.pi) *", "x: 1.0 / math.sqrt(math.pi) *"),
    Mutant(
        "relu: slope 1 at the kink", "ops/pieces.py", "lambda out, x: step(x, 0.0)", "lambda out, x: 1.0 - step(0.0, x)"
    ),
    Mutant("sigmoid: factor", "ops/special.py", "x: 0.25 * sech2(0.5 * x)", "x: 0.25 * sech2(x)"),
    Mutant("softplus: slope of -x", "ops/special.py", "lambda out, x: sigmoid(x)", "lambda out, x: sigmoid(-x)"),
    Mutant(
        "maximum: a tie gives each the whole slope",
        "ops/pieces.py",
        "0.5 * (step(x, y) + 1.0 - step(y, x))",
        "1.0 - step(y, x)",
    ),
    Mutant(
        "minimum: slopes of maximum",
        "ops/pieces.py",
        "    _larger_dy,\n    _larger_dx,",
        "    _larger_dx,\n    _larger_dy,",
    ),
    Mutant(
        "sumprod: factors not swapped",
        "ops/folds.py",
        "lambda out, x, y: y,\n    lambda out, x, y: x,",
        "lambda out, x, y: x,\n    lambda out, x, y: y,",
    ),
    Mutant("step of NaN is 0", "ops/ieee.py", "0.0 if x <= y else math.nan", "0.0"),
    # ---- Strong zeros. ----
    Mutant("second order: no strong zeros", "ops/ieee.py", "p if p == p or (g != 0.0 and d != 0.0) else 0.0", "p"),
    Mutant(
        "second order: a zero adjoint is not strong",
        "ops/ieee.py",
        "p if p == p or (g != 0.0 and d != 0.0) else 0.0",
        "p if p == p or d != 0.0 else 0.0",
    ),
    Mutant(
        "second order: a zero slope is not strong",
        "ops/ieee.py",
        "p if p == p or (g != 0.0 and d != 0.0) else 0.0",
        "p if p == p or g != 0.0 else 0.0",
    ),
    Mutant(
        "second order: every NaN is 0",
        "ops/ieee.py",
        "p if p == p or (g != 0.0 and d != 0.0) else 0.0",
        "p if p == p else 0.0",
    ),
    Mutant(
        "no strong zeros in a sweep on floats",
        "core/value.py",
        "product if product == product else shared.strong_mul(cotangent, slope)",
        "product",
    ),
    Mutant(
        "every NaN is 0 in a sweep on floats",
        "core/value.py",
        "product if product == product else shared.strong_mul(cotangent, slope)",
        "product if product == product else 0.0",
    ),
    Mutant(
        "no strong zeros in a sweep over Values",
        "core/derivatives.py",
        "shared.strong_mul(cotangent, slope)",
        "cotangent * slope",
    ),
    Mutant("of a result's terms the last one counts", "core/bundles.py", "else totals[place] + term", "else term"),
    Mutant("the first result's own adjoint is lost", "core/bundles.py", "[cotangent, *[0.0]", "[0.0, *[0.0]"),
    Mutant("a sweep passes by where it should end", "core/shared.py", "(*roots, *inputs) if v._epoch < since", "()"),
    Mutant("the sign of the implicit function theorem", "functional/equations.py", "[-_sumprod(w", "[_sumprod(w"),
    Mutant("any solution will do", "functional/equations.py", "if not abs(step) <=", "if False and abs(step) <="),
    Mutant("what is captured is lost", "functional/checkpointing.py", "given + _captured(results, start)", "given"),
    Mutant("what differs goes unnoticed", "functional/checkpointing.py", "if repr(found) != repr(", "if () == repr("),
    Mutant("no strong zeros forward", "core/derivatives.py", "shared.strong_mul(change, slope)", "change * slope"),
    # ---- Rows that do not fit. ----
    Mutant(
        "check: any number of lists", "ops/symbols.py", "not 1 <= count <= 3 or op.lists > 2", "not 1 <= count <= 3"
    ),
    Mutant(
        "check: any number of arguments",
        "ops/symbols.py",
        "if not 1 <= count <= 3 or op.lists > 2:",
        "if op.lists > 2:",
    ),
    Mutant(
        "check: any number of partials for lists",
        "ops/symbols.py",
        "if not callable(op.partials) and len(op.partials) != count:",
        "if False:",
    ),
    Mutant(
        "check: a function of any number of arguments",
        "ops/symbols.py",
        "len(signature.parameters) != count or not all",
        "not all",
    ),
    Mutant("check: a function with defaults", "ops/symbols.py", "parameter.default is parameter.empty", "True"),
    Mutant(
        "check: a function with keywords",
        "ops/symbols.py",
        "parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)",
        "True",
    ),
    Mutant(
        "check: all slopes for two operands only", "ops/symbols.py", "for length in (1, 2, 3):", "for length in (2,):"
    ),
    Mutant(
        "check: fewer slopes than operands",
        "ops/symbols.py",
        "not isinstance(found, (list, tuple)) or len(found) != count",
        "not isinstance(found, (list, tuple))",
    ),
    Mutant(
        "check: slopes in anything",
        "ops/symbols.py",
        "not isinstance(found, (list, tuple)) or len(found) != count",
        "len(found) != count",
    ),
    Mutant("check: anything is a slope", "ops/symbols.py", "if not isinstance(slope, (Symbol, Real)):", "if False:"),
    Mutant("check: partials of any number of arguments", "ops/symbols.py", "signature.bind(*arguments)", "pass"),
    Mutant(
        "check: a partial that raises",
        "ops/symbols.py",
        "return function(*arguments)\n    except Exception",
        "return function(*arguments)\n    except OSError",
    ),
    Mutant(
        "check: any number of places in the text", "ops/symbols.py", 'op.text.count("{}") != (op.arity or 1) or ', ""
    ),
    Mutant("check: other braces in the text", "ops/symbols.py", ' or set("{}") & set(op.text.replace("{}", ""))', ""),
    Mutant("check: any number of intervals", "ops/symbols.py", "if not op.fits(len(op.domain)):", "if False:"),
    Mutant("check: an interval without end", "ops/symbols.py", "x[0] <= x[1] < math.inf", "x[0] <= x[1]"),
    Mutant("check: an empty interval", "ops/symbols.py", "x[0] <= x[1] < math.inf", "max(x) < math.inf"),
    Mutant(
        "check: a kink of other size",
        "ops/symbols.py",
        "not isinstance(found, tuple) or len(found) != len(op.domain)",
        "not isinstance(found, tuple)",
    ),
    Mutant("symbols: rows of any number of operands", "ops/symbols.py", "if not op.fits(len(operands)):", "if False:"),
    Mutant("symbols: anything is a number", "ops/symbols.py", "a if isinstance(a, Symbol) else number(a)", "a"),
    Mutant(
        "symbols: reflected operators swapped",
        "ops/symbols.py",
        "lambda y, x: Symbol._apply(TABLE[name], x, y)",
        "lambda y, x: Symbol._apply(TABLE[name], y, x)",
    ),
    Mutant(
        "symbols: no parentheses around a negative number", "ops/symbols.py", "math.copysign(1.0, x) < 0.0", "False"
    ),
    Mutant(
        "a row of a user takes the place of a built-in one",
        "functional/custom.py",
        'f"{value.__module__}.{value.__qualname__}"',
        "value.__name__",
    ),
    # ---- Files and training. ----
    Mutant("a flipped format makes an old file", "files.py", 'isinstance(found["checksum"], str)', "False"),
    Mutant("a checksum is not compared", "files.py", 'and found["checksum"] != checksum', "and False"),
    Mutant("numbers made on the way are told of", "training/reach.py", "if p._epoch < self._begun]", "]"),
    Mutant("Values in the data are told of", "training/reach.py", "trees.leaves(list(row))", "()"),
    Mutant("the optimiser's own are told of", "training/reach.py", "if id(p) not in self._trained}", "}"),
    Mutant(
        "one batch decides what is unmet",
        "training/reach.py",
        "if not self._unmet and not self._is_first:",
        "if not self._is_first:",
    ),
    Mutant("a row of a user is not checked", "functional/custom.py", "check(op, value)", "pass"),
    # ---- The engine. ----
    Mutant("adjoints overwritten, not added", "core/value.py", "adjoint[a] += product", "adjoint[a] = product"),
    Mutant(
        "the order is that in which nodes are found",
        "core/value.py",
        "sorted([v for v in queue if v.args], key=age)",
        "[v for v in queue if v.args][::-1]",
    ),
    Mutant(
        "leaves are not first",
        "core/value.py",
        "sorted([v for v in queue if not v.args], key=age) + sorted([v for v in queue if v.args], key=age)",
        "sorted(queue, key=age)",
    ),
    Mutant("of stale nodes the oldest is named", "core/value.py", "max(reversed(stale)", "min(reversed(stale)"),
    Mutant("the sort goes beyond its epoch", "core/value.py", " and a._epoch >= since", ""),
    Mutant(
        "leaves set, not added",
        "core/value.py",
        "adjoint if node.args else node._grad + adjoint",
        "adjoint",
    ),
    Mutant(
        "inner nodes add up",
        "core/value.py",
        "adjoint if node.args else node._grad + adjoint",
        "node._grad + adjoint",
    ),
    Mutant(
        "gradients are committed one by one",
        "core/value.py",
        '    deque(map(setattr, nodes, itertools.repeat("_grad"), grads), maxlen=0)',
        "    for node, grad in zip(nodes, grads):\n        node._grad = grad",
    ),
    Mutant(
        "what no_grad computed looks like a leaf", "core/value.py", 'if hasattr(self, "_is_constant"):', "if False:"
    ),
    Mutant("partials of stale nodes are given", "core/value.py", "    shared.check_fresh(Value, node)\n", ""),
    Mutant("any call is one of math", "core/shared.py", "if name in callers.in_math():", "if name:"),
    Mutant(
        "the first name of a call is taken",
        "core/callers.py",
        "made[-1].argval if is_named",
        "made[0].argval if is_named",
    ),
    Mutant("the cotangent is ignored", "core/value.py", "adjoint[root] += cotangent", "adjoint[root] += 1.0"),
    Mutant(
        "a root that is given twice counts once",
        "core/value.py",
        "adjoint[root] += cotangent",
        "adjoint[root] = cotangent",
    ),
    Mutant(
        "zero_grad forgets leaves",
        "core/value.py",
        "_set_grads(topological_order(self, check=False),",
        "_set_grads([v for v in topological_order(self, check=False) if v.args],",
    ),
    Mutant("stale leaves go unnoticed", "core/value.py", "if a._epoch > node._epoch:", "if False:"),
    Mutant("an assignment begins no epoch", "core/value.py", "        self._epoch = new_epoch()\n", ""),
    Mutant(
        "a copy may be older than its operands",
        "core/value.py",
        "max([min(epoch, out._epoch), *oldest])",
        "min(epoch, out._epoch)",
    ),
    Mutant("reflected subtraction swapped", "core/value.py", 'TABLE["sub"], other, self', 'TABLE["sub"], self, other'),
    Mutant("reflected division swapped", "core/value.py", 'TABLE["div"], other, self', 'TABLE["div"], self, other'),
    Mutant("reflected power swapped", "core/value.py", 'TABLE["pow"], other, self', 'TABLE["pow"], self, other'),
    Mutant(
        "<= is <",
        "core/value.py",
        '_compare(self, "<=", operator.le, other)',
        '_compare(self, "<=", operator.lt, other)',
    ),
    Mutant("copies lose their gradient", "core/value.py", "out.grad = grad\n", "out.grad = 0.0\n"),
    Mutant(
        "copies of stale graphs are fresh",
        "core/copies.py",
        "a.label, a._epoch)",
        "a.label, 2**40)",
    ),
    Mutant(
        "graphs in one pickle count their ages from different times",
        "core/copies.py",
        "earlier.now if earlier is not None else type(node)(0.0)._epoch",
        "type(node)(0.0)._epoch",
    ),
    Mutant("Values copied together are no longer one", "core/copies.py", " and id(a) not in known:", ":"),
    Mutant(
        "detach keeps the history",
        "core/value.py",
        'return Value(shared.number_of(self, "detach"), self._label)',
        "return self",
    ),
    Mutant(
        "operands point back: a cycle",
        "core/value.py",
        "out.op, out.args = op, args\n        if mode.unusual:",
        "out._label = [out]\n        out.op, out.args = op, args\n        if mode.unusual:",
    ),
    Mutant(
        "a slope that is an operand is the other one's",
        "core/shared.py",
        '"xy".index(slope.name)',
        '"yx".index(slope.name)',
    ),
    # ---- Derivatives of derivatives, and forward. ----
    Mutant(
        "second order: one cotangent of several",
        "core/derivatives.py",
        "adjoint[node] = _total(terms[node])",
        "adjoint[node] = _total(terms[node][:1])",
    ),
    Mutant(
        "second order: the result is a constant",
        "core/derivatives.py",
        "op.partials[i](node, *args)",
        "op.partials[i](node._data, *args)",
    ),
    Mutant(
        "second order: slopes of lists shifted",
        "core/derivatives.py",
        "*args[i % length :: length]",
        "*args[(i + 1) % length :: length]",
    ),
    Mutant(
        "second order: a Value that is 0.0 ends the walk",
        "core/derivatives.py",
        "type(x) is float and x == 0.0",
        "(x if type(x) is float else x._data) == 0.0",
    ),
    Mutant(
        "forward: an input that was computed forgets its tangent",
        "core/derivatives.py",
        "if moving and node not in given:",
        "if moving:",
    ),
    Mutant(
        "forward: a sum of one term",
        "core/derivatives.py",
        "_total(terms) if on_values else _sum(terms)",
        "_total(terms[:1]) if on_values else _sum(terms[:1])",
    ),
    Mutant(
        "nested grad: the inner variable is the outer one's constant",
        "functional/calls.py",
        'Value._apply(TABLE["mul"], x, 1.0) if linked else x.detach()',
        "x.detach()",
    ),
    Mutant(
        "grad of a captured Value is no Value",
        "functional/calls.py",
        "(is_within or any(map(trees.holds_node, args)))",
        "is_within",
    ),
    Mutant(
        "grad within grad gives floats",
        "functional/calls.py",
        "(is_within or any(map(trees.holds_node, args)))",
        "any(map(trees.holds_node, args))",
    ),
    Mutant(
        "the gradient has the structure that the function leaves behind",
        "functional/calls.py",
        "[trees.rebuild(args[i], _ZEROS) for i in positions]",
        "[args[i] for i in positions]",
    ),
    Mutant(
        "what grad returns is no method",
        "functional/calls.py",
        "return self if instance is None else types.MethodType(self, instance)",
        "return self",
    ),
    Mutant(
        "a decorated function is pickled as what it was", "functional/calls.py", "path if found is self", "path if 0"
    ),
    Mutant(
        "an argument is differentiated by twice",
        "functional/calls.py",
        "if len(set(positions)) == len(wanted):",
        "if len(positions) == len(wanted):",
    ),
    # ---- Transforms. ----
    Mutant(
        "jacobian goes forward where there are few results",
        "functional/jacobians.py",
        "FEW * len(call.inputs) <= len(roots)",
        "FEW * len(call.inputs) >= len(roots)",
    ),
    Mutant(
        "a block of rows begins anew for each array",
        "functional/jacobians.py",
        "before, start = start, start + math.prod(columns or ())",
        "before, start = 0, start + math.prod(columns or ())",
    ),
    Mutant(
        "constants among the results take the rows of others",
        "functional/jacobians.py",
        "[next(rows) if isinstance(x, Value) else ((), ()) for x in outputs]",
        "[*rows, *[((), ())] * (len(outputs) - len(roots))]",
    ),
    Mutant(
        "tangents are matched by order",
        "functional/calls.py",
        "_match(part, held[key], path, model, found)",
        "_match(part, next(iter(held.values())), path, model, found)",
    ),
    Mutant(
        "Values among tangents are constants",
        "functional/calls.py",
        "return (found, True) if recorded",
        "return (found, True) if recorded and further",
    ),
    Mutant(
        "aux keeps its Values",
        "functional/calls.py",
        "return out if further else trees",
        "return out if out else trees",
    ),
    Mutant(
        "hvp forgets the direction",
        "functional/second.py",
        "pull(_gradient(f, call), direction, ",
        "pull(_gradient(f, call), [1.0] * len(direction), ",
    ),
    Mutant(
        "jvp gives the tangents of constants to others",
        "functional/forward.py",
        "[next(moved) if isinstance(x, Value) else zero for x in outputs]",
        "[next(moved, zero) for x in outputs]",
    ),
    Mutant(
        "vjp weighs results by the wrong cotangents",
        "functional/reverse.py",
        "[w for _, w in pairs]",
        "found[: len(pairs)]",
    ),
    Mutant("rows: whatever is there is an input", NATIVE / "lanes.h", "inputs.nodes[low] == leaf ? low", "true ? low"),
    Mutant("rows: masks forget", NATIVE / "lanes.h", "s->mask[to[k]] |= s->mask[i];", "s->mask[to[k]] = s->mask[i];"),
    Mutant("rows: no strong zeros", NATIVE / "lanes.h", "if (slope != 0.0 && isfinite(slope))", "if (true)"),
    Mutant(
        "rows: an old root is in the way of others",
        NATIVE / "lanes.h",
        "&& are_all_since(roots, since)",
        "",
    ),
    # ---- Recording and watchers. ----
    Mutant(
        "operations record within no_grad",
        "core/value.py",
        "            if not records:\n",
        "            if False:\n",
    ),
    Mutant("nobody is told of results", "core/value.py", 'mode.tell_each(watching, "recorded", out, op, args)', "pass"),
    Mutant("nobody is told of comparisons", "core/value.py", 'mode.tell("compared", sign, x, y, outcome)', "pass"),
    Mutant(
        "nobody is told of numbers that leave the graph", "core/shared.py", 'mode.tell("detached", node, way)', "pass"
    ),
    Mutant("nobody is told of exceptions", "core/shared.py", 'mode.tell("raised", op, args, error)', "pass"),
    Mutant(
        "a block that ended hides those around it",
        "core/mode.py",
        "while block is not None and not block.is_open:",
        "while False:",
    ),
    Mutant(
        "a block that ended holds, further out",
        "core/mode.py",
        "        if block.is_open:\n            if records",
        "        if True:\n            if records",
    ),
    Mutant(
        "a block that closes takes those within along",
        "core/mode.py",
        "        FLOW.set(innermost())\n        self._count(-1)",
        "        FLOW.set(self.outer)\n        self._count(-1)",
    ),
    Mutant(
        "blocks that ended are counted",
        "core/mode.py",
        "FLOW.set(innermost())\n        self._count(-1)",
        "FLOW.set(innermost())",
    ),
    Mutant(
        "watchers are not counted",
        "core/mode.py",
        "self.records is False or self.watcher is not None",
        "self.records is False",
    ),
    Mutant(
        "no_grad is not counted",
        "core/mode.py",
        "self.records is False or self.watcher is not None",
        "self.watcher is not None",
    ),
    Mutant(
        "engines that listen are not told of the count",
        "core/mode.py",
        "                    listener(unusual)\n",
        "                    pass\n",
    ),
    Mutant(
        "the outermost block says whether operations record",
        "core/mode.py",
        "            if records is None:\n",
        "            if block.records is not None:\n",
    ),
    Mutant("watchers hear themselves", "core/mode.py", "and block.depth >= depth:", ":"),
    Mutant("watchers are told in the wrong order", "core/mode.py", "    watching.reverse()\n", ""),
    Mutant(
        "a watcher that ended is told",
        "core/mode.py",
        "            if block.is_open:\n                getattr(",
        "            if True:\n                getattr(",
    ),
    Mutant("a watcher may change what a sweep found", "core/mode.py", "found = MappingProxyType(found)", "pass"),
    Mutant(
        "a watcher is told of no end of a sweep",
        "core/mode.py",
        "            self._told.append(block)\n",
        "",
    ),
    Mutant(
        "a transform within no_grad records nothing",
        "core/mode.py",
        "None if before else Block(records=True)",
        "None",
    ),
    Mutant("a transform that ended is still open", "core/mode.py", "deepen(TRACING, -1)", "pass"),
    Mutant(
        "a silent generator records",
        "core/mode.py",
        "with no_grad():\n                found = step(given)",
        "if True:\n                found = step(given)",
    ),
    # ---- Nested arguments. ----
    Mutant("named tuples become tuples", "trees.py", "tuple.__new__(type(tree), items)", "tuple(items)"),
    Mutant(
        "dataclasses are not constructed",
        "trees.py",
        "return _constructed(tree, new)",
        "return _with(tree, new)",
    ),
    Mutant("fields of dataclasses are items in paths", "trees.py", 'f"{path}.{key}"', 'f"{path}[{key!r}]"'),
    Mutant("arrays come back flat", "trees.py", "made.reshape(shape)", "made"),
    Mutant("a Value among numbers is overlooked", "trees.py", "any(holds_node(part)", "all(holds_node(part)"),
    Mutant(
        "lists and tuples have one structure", "trees.py", "return type(tree), tuple((key,", "return None, tuple((key,"
    ),
    # ---- NumPy. ----
    Mutant("NumPy's remainder is that of math", "core/arrays.py", '    if name != "remainder"', '    if name != "sin"'),
    Mutant(
        "a ufunc takes rows for numbers alone",
        "core/arrays.py",
        "ufunc = _on_objects(name, ufunc.nin)",
        "pass",
    ),
    Mutant("a Value may be written into", "core/arrays.py", '*options.get("out", ())', "*()"),
    Mutant("a row stands in whatever is left out", "core/arrays.py", "op.fits(len(args)) and not kwargs", "not kwargs"),
    Mutant("numbers have a gradient of 0", "interop/numpy.py", "(Value,)", "(Value, Real)"),
    Mutant("a Value is made of a Value", "interop/numpy.py", "_check(tree, (Real,)", "_check(tree, (Value, Real)"),
    # ---- The native engine: its memory, the walk and the search. ----
    Mutant("walk: numbers may rise", NATIVE / "walk.h", "v->state.epoch >= last || (check", "(check"),
    Mutant("walk: marks may be left", NATIVE / "walk.h", "return goes_on && !pending;", "return goes_on;"),
    Mutant("walk: stale leaves go unnoticed", NATIVE / "walk.h", " || (check && newer_operand(v))", ""),
    Mutant(
        "walk: slopes that Python computes are zero",
        NATIVE / "walk.h",
        "(purpose == COLLECTING || !row_slopes_in_python[v->state.row])",
        "(true)",
    ),
    Mutant(
        "walk: it goes beyond its epoch",
        NATIVE / "walk.h",
        "a->state.is_marked || a->state.epoch < since",
        "a->state.is_marked",
    ),
    Mutant(
        "walk: what is left out gets an adjoint",
        NATIVE / "walk.h",
        "return a && (since == INT64_MIN || a->state.is_marked);",
        "return a;",
    ),
    Mutant(
        "walk: adjoints stay in inner nodes",
        NATIVE / "walk.h",
        "if (purpose == PULLING || purpose == CLEANING)",
        "if (purpose == CLEANING)",
    ),
    Mutant(
        "walk: the adjoint of a sweep before is added",
        NATIVE / "walk.h",
        "        if (!append_place(&walk.others, v))\n            return false;\n        v->grad = 0.0;",
        "        if (!append_place(&walk.others, v))\n            return false;",
    ),
    Mutant(
        "walk: leaves are set, not added",
        NATIVE / "walk.h",
        "v->grad = walk.leaves.items[i].grad + v->grad;",
        "v->grad = v->grad;",
    ),
    Mutant("walk: a slab keeps its marks' bounds", NATIVE / "walk.h", "order.slabs[place]->oldest = NULL;", ";"),
    Mutant("walk: older marks are out of bounds", NATIVE / "walk.h", "        s->oldest = v;\n", "        ;\n"),
    Mutant(
        "walk: younger marks are out of bounds",
        NATIVE / "walk.h",
        "        s->youngest = v;\n    return",
        "        ;\n    return",
    ),
    Mutant(
        "retreat: those behind the walk keep adjoints",
        NATIVE / "walk.h",
        "if (purpose == COMMITTING && visited) {",
        "if (false) {",
    ),
    Mutant(
        "retreat: those before the walk keep adjoints",
        NATIVE / "walk.h",
        "take_marks_off(purpose != COLLECTING);",
        "take_marks_off(false);",
    ),
    Mutant(
        "retreat: listing takes gradients",
        NATIVE / "walk.h",
        "take_marks_off(purpose != COLLECTING);",
        "take_marks_off(true);",
    ),
    Mutant(
        "retreat: gradients of inner nodes are lost",
        NATIVE / "walk.h",
        "        give_grads_back(&walk.others);\n        give_grads_back(&walk.leaves);\n    }\n    unmark_leaves();",
        "        give_grads_back(&walk.leaves);\n    }\n    unmark_leaves();",
    ),
    Mutant(
        "retreat: gradients of leaves are lost",
        NATIVE / "walk.h",
        "        give_grads_back(&walk.others);\n        give_grads_back(&walk.leaves);\n    }\n    unmark_leaves();",
        "        give_grads_back(&walk.others);\n    }\n    unmark_leaves();",
    ),
    Mutant(
        "retreat: more is cleaned than was visited",
        NATIVE / "walk.h",
        "walk_cleaning(since, visited);",
        "walk_cleaning(since, SIZE_MAX);",
    ),
    Mutant("search: it is not sorted", NATIVE / "sort.h", "int found = compare_ages(a, b);", "int found = 0;"),
    Mutant(
        "search: what is equally old stands anywhere",
        NATIVE / "sort.h",
        "(x->position > y->position) - (x->position < y->position)",
        "(x->position < y->position) - (x->position > y->position)",
    ),
    Mutant(
        "search: it goes beyond its epoch",
        NATIVE / "sort.h",
        "!a->state.is_marked && a->state.epoch >= since",
        "!a->state.is_marked",
    ),
    Mutant(
        "of stale operands the first is named",
        NATIVE / "walk.h",
        "for (Py_ssize_t i = items.count; i-- > 0;) {",
        "for (Py_ssize_t i = 0; i < items.count; i++) {",
    ),
    Mutant(
        "assignments are not remembered",
        NATIVE / "value.h",
        "v->state.epoch = last_assignment = ++epoch_now;",
        "v->state.epoch = ++epoch_now;",
    ),
    Mutant("slabs: gaps are not filled again", NATIVE / "slab.h", "        s = take_sparse();\n", "        ;\n"),
    Mutant(
        "slabs: a slab that is left with few nodes is forgotten",
        NATIVE / "slab.h",
        "    if (s->alive <= FEW)\n        look_at_slab(s);",
        "    if (s->alive == 0)\n        look_at_slab(s);",
    ),
    Mutant(
        "slabs: spare ones are given back at once",
        NATIVE / "slab.h",
        "spare_regions++ >= MOST_SPARE",
        "spare_regions++ >= 0",
    ),
    Mutant(
        "slabs: spare ones are kept for good",
        NATIVE / "slab.h",
        "size_t excess = (least_spare + 1) / 2;",
        "size_t excess = 0;",
    ),
    Mutant(
        "methods take no keywords",
        NATIVE / "record.h",
        "if (n != 1 || names)",
        "if (n != 1)",
    ),
    Mutant("what no_grad computed looks like a leaf, in C", NATIVE / "record.h", "v->state.is_constant = 1;", ";"),
    Mutant("x ** 2 is x * x", NATIVE / "node.h", "&& fabs(fma(x, x, -p)) < 0.92 * half", ""),
    # ---- check_grads. ----
    Mutant("check_grads: all numbers change over 1", "testing/check.py", "size if size > _LEAST else zero", "1.0"),
    Mutant("check_grads: a zero changes over 1", "testing/check.py", "size if size > _LEAST else zero", "size or 1.0"),
    Mutant("check_grads: no longer steps", "testing/check.py", "and unit < line.widest:", "and False:"),
    Mutant("check_grads: longer steps that overlook", "testing/check.py", "not shift > best.estimate.error", "True"),
    Mutant("check_grads: no shorter steps", "testing/check.py", "in range(_NARROWER)", "in range(0)"),
    Mutant(
        "check_grads: results of comparisons pass",
        "testing/check.py",
        "not self.recorded and self.low < self.high",
        "False",
    ),
    Mutant("check_grads: near a kink by 0.01 of 1", "testing/check.py", "1e-2 * reach", "1e-2"),
    Mutant("check_grads: what cancels in a slope is forgotten", "testing/check.py", " + line.uncancelled)", ")"),
    Mutant("check_grads: no tracebacks hidden", "testing/check.py", "__tracebackhide__ = True", "pass"),
]


def kill(mutant):
    """The test that fails on a mutant, or the suite that does not end, or None."""
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(folder, "autograd_mini")
        source = (copy / mutant.file).read_text(encoding="utf-8")
        (copy / mutant.file).write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
        if mutant.is_native:
            build(Path(folder), "-O1", "-w")
        engine = "native" if mutant.is_native else "python"
        environment = {**os.environ, "PYTHONPATH": folder, "AUTOGRAD_MINI_ENGINE": engine}
        for suite in mutant.suites():
            command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *suite]
            try:
                result = subprocess.run(
                    command, cwd=TESTS, env=environment, capture_output=True, text=True, timeout=LONGEST
                )
            except subprocess.TimeoutExpired:
                return f"{suite[0]} does not end"
            found = re.search(r"^(?:FAILED|ERROR) \S*?(?:::(.+?))?(?: - .*)?$", result.stdout, re.MULTILINE)
            if result.returncode:
                return (found[1] or "it does not even import") if found else "the interpreter dies"
    return None


def main(text=""):
    chosen = [m for m in MUTANTS if text in m.what]
    lived = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for mutant, killer in zip(chosen, pool.map(kill, chosen), strict=True):
            lived += killer is None
            print(f"{mutant.file!s:22}{mutant.what:66}{killer or 'LIVES'}", flush=True)
    print(f"\n{len(chosen) - lived} of {len(chosen)} mutants died")
    return 1 if lived else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
