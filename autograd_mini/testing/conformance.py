"""Properties that any micrograd-like engine can be held to, run against it and reported with shrunk examples.

An engine is described by an ``Adapter``: texts that say how its code is written. A property draws a ``Case``, a small
Python script with what it should give; the script is run as it stands and, where the engine fails, printed as it
stands. Which operations and comparisons an engine has is found by trying each once; what it lacks is reported as
lacking.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import itertools
import math
import operator
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, assume, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from ..ops import TABLE
from .adapters import ADAPTERS, Adapter, adapter
from .differences import difference
from .oracles import Untrusted, exact, exact_forms, exact_value
from .program import VARIABLES, Assign, Call, Program, is_count, lines, on_floats, public_rows, python, text
from .strategies import expressions, points, programs

_ERRORS = (ArithmeticError, ValueError, Untrusted)
_STEP = 1e-2  # the largest of differences; points keep as far from kinks
_RECURSION = sys.getrecursionlimit()  # hypothesis raises it, but scripts must run as they would alone


# ---- Cases: a script and what it should give. -----------------------------------------------------------------------


@dataclass(frozen=True)
class Ask:
    """An expression to evaluate after the script, and the number it should be within a tolerance."""

    expression: str
    expected: float
    tolerance: float = 0.0


@dataclass(frozen=True)
class Case:
    """A script with questions about its outcome.

    Attributes:
        script: the statements.
        asks: what to evaluate afterwards.
        refusal: whether an exception is as good as the right answer ("may"), the only right answer ("must"), or wrong.
    """

    script: str
    asks: tuple[Ask, ...] = ()
    refusal: str = ""

    def failure(self) -> str | None:
        """What went wrong, as text that follows the script; None if nothing did."""
        names: dict[str, Any] = {"__name__": "case"}
        last = ""
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_RECURSION + _calls())
        try:
            exec(self.script, names)
            for ask in self.asks:
                last = ask.expression
                got = eval(last, names)
                if not _agrees(got, ask):
                    return f"{last}  # expected {ask.expected!r}{' or an exception' * bool(self.refusal)}, got {got!r}"
        except Exception as error:
            if self.refusal:
                return None
            expected = f"{self.asks[0].expected!r}" if self.asks else "no exception"
            return f"{last}  # expected {expected}, got {_brief(error)}".strip()
        finally:
            sys.setrecursionlimit(limit)
        return f"{last}  # expected an exception, got none".strip() if self.refusal == "must" else None


def _calls() -> int:
    """How many calls are open."""
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def _agrees(got: Any, ask: Ask) -> bool:
    try:
        return got == ask.expected or abs(float(got) - ask.expected) <= ask.tolerance
    except (TypeError, ValueError):  # an array, for example
        return False


def _brief(error: Exception) -> str:
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message[:160]}" if message else type(error).__name__


@dataclass(frozen=True)
class Property:
    """A property by its title, and a strategy for its cases."""

    title: str
    cases: st.SearchStrategy[Case]


@dataclass(frozen=True)
class Finding:
    """How a property fared: ``example`` is the smallest failing script with its comment, or None if it holds."""

    title: str
    example: str | None


# ---- What an engine has. --------------------------------------------------------------------------------------------


def _script(engine: Adapter, *statements: str) -> str:
    return "\n".join([engine.imports, *statements])


def _leaf(engine: Adapter, name: str, x: Any) -> str:
    return f"{name} = {str(engine.leaf).format(x=x)}"


def _program(engine: Adapter, program: Program) -> tuple[str, str, list[str]]:
    """A script that runs a program with its backward pass, and the expressions of its value and gradients."""
    source = program.source(engine.spell)
    head = ["from fractions import Fraction"] * ("Fraction(" in source)
    if engine.leaf is None:
        inputs = ", ".join(map(repr, program.inputs))
        call = str(engine.gradient).format(n=len(program.inputs), inputs=inputs)
        grads = [f"gradient[{i}]" for i in range(len(program.inputs))]
        return _script(engine, *head, source, f"value, gradient = {call}"), "value", grads
    leaves = [_leaf(engine, name, x) for name, x in zip(program.variables, program.inputs, strict=True)]
    out = [source, f"out = f({', '.join(program.variables)})"]
    if not program.body:
        out = [f"out = {text(program.result, engine.spell)}"]
    elif all(isinstance(s, Assign) for s in program.body):
        out = [*lines(program.body, engine.spell), f"out = {text(program.result, engine.spell)}"]
    grads = [engine.grad.format(v=name) for name in program.variables]
    script = _script(engine, *head, *leaves, *out, engine.backward.format(v="out"))
    return script, engine.value.format(v="out"), grads


def _judged(engine: Adapter, program: Program) -> Case:
    """The case of a program's value and gradients, judged by mpmath; programs it cannot judge are not drawn."""
    try:
        value, gradient = exact_value(program), exact(program)
    except _ERRORS:
        assume(False)
    script, found, grads = _program(engine, program)
    asks = [Ask(found, *value), *[Ask(g, *right) for g, right in zip(grads, gradient, strict=True)]]
    return Case(script, tuple(asks))


def _judged_by_differences(engine: Adapter, program: Program) -> Case:
    """The case of a program's gradients, judged by differences of what the table computes on floats."""
    script, _, grads = _program(engine, program)
    asks, table = [], on_floats()
    for i, grad in enumerate(grads):

        def along(x: float, i: int = i) -> float:
            return float(program.run(table, [*program.inputs[:i], x, *program.inputs[i + 1 :]]))

        estimate = difference(along, program.inputs[i], _STEP)
        assume(estimate.error < math.inf)
        asks.append(Ask(grad, estimate.value, 10 * estimate.error + 1e-6 * abs(estimate.value)))
    return Case(script, tuple(asks))


def _has(engine: Adapter, name: str) -> bool:
    """Whether the engine knows an operation: by an entry of its functions, by a namesake, or as Python's operator."""
    if name in engine.functions:
        return True
    row = TABLE[name]
    if engine.may_have_namesake(name):
        low, high = row.domain[0]
        return _runs(engine, 0.5 * (low + high), engine.spell(name, ["x"] * row.arity))
    if row.role != "operator":
        return False
    inside = [low + (0.62 + 0.11 * i) * (high - low) for i, (low, high) in enumerate(row.domain)]
    tail = [str(int(x)) if is_count(row, i) else f"{x:.3f}" for i, x in enumerate(inside)][1:]
    return _runs(engine, inside[0], python(name, ["x", *tail]))


def _runs(engine: Adapter, x: float, expression: str) -> bool:
    if engine.leaf is None:
        call = str(engine.gradient).format(n=1, inputs=repr(x))
        return Case(_script(engine, f"def f(x): return {expression}", call)).failure() is None
    script = _script(engine, _leaf(engine, "x", x), f"out = {expression}")
    return Case(script).failure() is None


# ---- The properties. ------------------------------------------------------------------------------------------------


def _operation(engine: Adapter, name: str) -> st.SearchStrategy[Case]:
    """One operation, Values or plain numbers of any type in any place."""
    row = TABLE[name]
    judge = _judged if name in exact_forms().names else _judged_by_differences

    @st.composite
    def cases(draw: st.DrawFn) -> Case:
        point = draw(points(row))
        variable = draw(st.sampled_from([i for i in range(len(point)) if not is_count(row, i)]))
        args: list[Any] = []
        inputs: list[float] = []
        for i, x in enumerate(point):
            if is_count(row, i):
                args.append(int(x))
            elif i == variable or (len(inputs) < 2 and draw(st.booleans())):
                inputs.append(round(x, 3))
                args.append(VARIABLES[len(inputs) - 1])
            else:
                args.append(draw(st.sampled_from([round(x, 3), math.ceil(x), Fraction(math.ceil(x), 2), x > 1])))
        return judge(engine, Program(tuple(inputs), (), Call(name, tuple(args))))

    return cases()


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def _comparison(engine: Adapter, sign: str) -> st.SearchStrategy[Case]:
    def case(x: float, y: float, right: bool) -> Case:
        script = _script(engine, _leaf(engine, "x", x), _leaf(engine, "y", y) if right else f"y = {y}")
        return Case(script, (Ask(f"bool(x {sign} y)", _COMPARE[sign](x, y)),))

    whole = st.integers(-3, 3).map(float)
    return st.builds(case, whole, whole, st.booleans())


def _sharing(engine: Adapter, ops: Sequence[str]) -> st.SearchStrategy[Case]:
    return expressions(ops, size=6).map(lambda program: _judged(engine, program))


def _branching(engine: Adapter, ops: Sequence[str]) -> st.SearchStrategy[Case]:
    return programs(ops, size=5).map(lambda program: _judged(engine, program))


def _leaf_case(engine: Adapter, *statements: str, x: float = 2.0, **more: Any) -> Case:
    """A case about the leaf x."""
    return Case(_script(engine, _leaf(engine, "x", x), *statements), **more)


def _powers(power: int) -> list[str]:
    """Statements for y = x**power by products, all of which share x."""
    return ["y = x * x", *["y = y * x"] * (power - 2)]


_NUMBER = st.integers(1, 30).map(lambda n: n / 10)
_POWER = st.integers(2, 5)


def _twice(engine: Adapter) -> st.SearchStrategy[Case]:
    def case(x: float, power: int) -> Case:
        back = engine.backward.format(v="y")
        right = 2 * power * x ** (power - 1)
        ask = Ask(engine.grad.format(v="x"), right, 1e-12 * right)
        return _leaf_case(engine, *_powers(power), back, back, x=x, asks=(ask,))

    return st.builds(case, _NUMBER, _POWER)


def _depth(engine: Adapter) -> st.SearchStrategy[Case]:
    def case(depth: int) -> Case:
        body = ["y = x", f"for _ in range({depth}):", "    y = y + 1.0", engine.backward.format(v="y")]
        return _leaf_case(engine, *body, asks=(Ask(engine.grad.format(v="x"), 1.0),))

    return st.integers(1, 10_000).map(case)


def _copied(engine: Adapter, module: str, copy: str) -> st.SearchStrategy[Case]:
    def case(x: float, power: int) -> Case:
        right = power * x ** (power - 1)
        steps = [*_powers(power), copy, engine.backward.format(v="y")]
        ask = Ask(engine.grad.format(v="x"), right, 1e-12 * right)
        made = _leaf_case(engine, *steps, x=x, asks=(ask,))
        return Case(f"import {module}\n{made.script}", made.asks)

    return st.builds(case, _NUMBER, _POWER)


def _assigned(engine: Adapter) -> st.SearchStrategy[Case]:
    def case(x: float, power: int, new: float) -> Case:
        right = power * x ** (power - 1)
        change = str(engine.assign).format(v="x", x=repr(new))
        ask = Ask(engine.grad.format(v="x"), right, 1e-12 * right)
        steps = [*_powers(power), change, engine.backward.format(v="y")]
        return _leaf_case(engine, *steps, x=x, asks=(ask,), refusal="may")

    return st.builds(case, _NUMBER, _POWER, _NUMBER)


def _foreign(engine: Adapter) -> st.SearchStrategy[Case]:
    data = st.sampled_from(["'1'", "None", "1j", "[1.0]", "{}", "object()"])
    return data.map(lambda x: Case(_script(engine, _leaf(engine, "x", x)), refusal="must"))


def _arrays(engine: Adapter) -> st.SearchStrategy[Case]:
    def case(x: float, sign: str, left: bool) -> Case:
        product = f"x {sign} np.array([1.0, 2.0])" if left else f"np.array([1.0, 2.0]) {sign} x"
        made = _leaf_case(engine, f"y = {product}", x=x, refusal="may")
        first = eval(product, {"x": x, "np": importlib.import_module("numpy")})[0]
        asks = (Ask("isinstance(y, type(x))", False), Ask(engine.value.format(v="y[0]"), float(first)))
        return Case(f"import numpy as np\n{made.script}", asks, "may")

    return st.builds(case, _NUMBER, st.sampled_from("+*-"), st.booleans())


def _numpy_numbers(engine: Adapter) -> st.SearchStrategy[Case]:
    def case(x: float, kind: str, n: int, sign: str, left: bool) -> Case:
        other = f"np.{kind}({n})"
        product = f"x {sign} {other}" if left else f"{other} {sign} x"
        slope = {"+": 1.0, "-": 1.0 if left else -1.0, "*": float(n), "**": n * x ** (n - 1)}[sign]
        if sign == "**" and not left:
            slope = n**x * math.log(n)
        made = _leaf_case(engine, f"y = {product}", engine.backward.format(v="y"), x=x)
        ask = Ask(engine.grad.format(v="x"), slope, 1e-9 * abs(slope))
        return Case(f"import numpy as np\n{made.script}", (ask,))

    kinds = st.sampled_from(["float64", "int64", "float32", "int32"])
    return st.builds(case, _NUMBER, kinds, st.integers(1, 3), st.sampled_from(["+", "-", "*", "**"]), st.booleans())


def _unused(engine: Adapter) -> st.SearchStrategy[Case]:
    def case(power: float, factor: float) -> Case:
        steps = [f"y = x ** {power} * 0.0 + x * {factor}", engine.backward.format(v="y")]
        return _leaf_case(engine, *steps, x=0.0, asks=(Ask(engine.grad.format(v="x"), factor),))

    return st.builds(case, st.sampled_from([0.5, 0.25]), st.integers(1, 3).map(float))


def _garbage(engine: Adapter) -> st.SearchStrategy[Case]:
    def case(x: float, power: int) -> Case:
        use = [_leaf(engine, "x", x), *_powers(power), engine.backward.format(v="y"), "del x, y"]
        script = _script(
            engine, "import gc", "gc.collect()", "gc.disable()", *use, "found = gc.collect()", "gc.enable()"
        )
        return Case(script, (Ask("found", 0),))

    return st.builds(case, _NUMBER, _POWER)


def _edges(engine: Adapter, refused: Sequence[tuple[str, tuple[float, ...]]]) -> st.SearchStrategy[Case]:
    def case(name: str, inputs: tuple[float, ...]) -> Case:
        names = VARIABLES[: len(inputs)]
        leaves = [_leaf(engine, v, x) for v, x in zip(names, inputs, strict=True)]
        return Case(_script(engine, *leaves, f"out = {engine.spell(name, list(names))}"), refusal="must")

    return st.sampled_from(refused).map(lambda x: case(*x))


def _refused(name: str) -> Iterator[tuple[float, ...]]:
    """Points at which an operation has no value on floats."""
    row = TABLE[name]
    for point in itertools.product((1.0, 0.0, -1.0, 1000.0), repeat=row.arity):
        try:
            row.value(*point)
        except (ArithmeticError, ValueError):
            yield point


def _of_leaves(engine: Adapter, has: Sequence[str]) -> Iterator[Property]:
    """The properties that need leaves with gradients."""
    yield Property("backward twice doubles the gradients of leaves", _twice(engine))
    yield Property("backward works at any depth", _depth(engine))
    yield Property("a deep copy has gradients", _copied(engine, "copy", "x, y = copy.deepcopy((x, y))"))
    yield Property("a pickle has gradients", _copied(engine, "pickle", "x, y = pickle.loads(pickle.dumps((x, y)))"))
    if engine.assign is not None:
        yield Property("a leaf assigned before backward is noticed", _assigned(engine))
    yield Property("what is no number is refused as data", _foreign(engine))
    if importlib.util.find_spec("numpy") is not None:
        if engine.scalar:
            yield Property("an array does not become the data of a node", _arrays(engine))
        yield Property("NumPy's numbers are operands", _numpy_numbers(engine))
    if "pow" in has:
        yield Property("an adjoint of zero passes nothing on, even where the slope is infinite", _unused(engine))
    yield Property("nothing is left to the cyclic garbage collector", _garbage(engine))
    refused = [(name, point) for name in has for point in _refused(name)]
    if refused:
        yield Property("what floats refuse is refused", _edges(engine, refused))


# ---- Running them. --------------------------------------------------------------------------------------------------


class _Failed(Exception):
    pass


def check(prop: Property, examples: int = 200, start: int = 0) -> Finding:
    """Run a property at a number of examples; a failing one is shrunk."""
    smallest = ""

    @seed(start)
    @settings(max_examples=examples, deadline=None, database=None, verbosity=Verbosity.quiet,
              suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink])  # fmt: skip
    @given(prop.cases)
    def holds(case: Case) -> None:
        nonlocal smallest
        wrong = case.failure()
        if wrong is not None:
            smallest = f"{case.script}\n{wrong}"
            raise _Failed

    try:
        holds()
    except (_Failed, Flaky):  # an engine may fail now and then
        return Finding(prop.title, smallest)
    return Finding(prop.title, None)


def check_engine(engine: Adapter, examples: int = 200, start: int = 0, only: str = "") -> Iterator[Finding | str]:
    """Run every property against an engine.

    Args:
        engine: the adapter.
        examples: how many examples each property gets.
        start: the seed of the random examples.
        only: run the properties that have this text in their title.

    Yields:
        a ``Finding`` for each property, and at the end a str that names what the engine lacks, if anything.

    >>> [f.example for f in check_engine(ADAPTERS["autograd_mini"], examples=5, only="twice")]
    [None]
    """
    has = [name for name in public_rows() if _has(engine, name)]
    lacks = [name for name in public_rows() if name not in has]
    sound = []
    for name in has:
        prop = Property(
            f"{text(Call(name, tuple(VARIABLES[: len(TABLE[name].domain)])), engine.spell)}", _operation(engine, name)
        )
        if only in prop.title:
            finding = check(prop, examples, start)
            yield finding
            if finding.example is not None:
                continue
        sound.append(name)
    properties = []
    judged = [name for name in sound if name in exact_forms().names]
    if judged:
        properties.append(Property("gradients of expressions with sharing", _sharing(engine, judged)))
    compares = engine.leaf is None or _runs(engine, 1.0, "x < 2.0")
    if judged and compares:
        properties.append(Property("gradients through loops and branches", _branching(engine, judged)))
    if engine.leaf is not None:
        for sign in _COMPARE:
            if _runs(engine, 1.0, f"x {sign} 2.0"):
                properties.append(Property(f"x {sign} y compares numbers", _comparison(engine, sign)))
            else:
                lacks.append(f"x {sign} y")
        properties += _of_leaves(engine, has)
    else:
        lacks.append("leaves with gradients")
    for prop in properties:
        if only in prop.title:
            yield check(prop, examples, start)
    if lacks:
        yield ", ".join(lacks)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns 0 if every property holds, 1 if one fails, 2 if the engine is not to be had."""
    does = (__doc__ or "").partition("\n\n")[0]  # python -OO leaves no docstrings
    parser = argparse.ArgumentParser(prog="python -m autograd_mini.testing", description=does)
    parser.add_argument("engine", help=f"one of {', '.join(ADAPTERS)}, or module:adapter for another")
    parser.add_argument("--examples", type=int, default=200, help="how many examples each property gets (default 200)")
    parser.add_argument("--seed", type=int, default=0, help="another number draws other examples (default 0)")
    parser.add_argument("--only", default="", metavar="TEXT", help="the properties that have this text in their title")
    options = parser.parse_args(arguments)
    try:
        engine = adapter(options.engine)
    except (TypeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{engine.name} {_version(engine.name)}, {options.examples} examples a property\n")
    held = failed = 0
    for finding in check_engine(engine, options.examples, options.seed, options.only):
        if isinstance(finding, str):
            print(f"lacks  {finding}")
        elif finding.example is None:
            held += 1
            print(f"holds  {finding.title}", flush=True)
        else:
            failed += 1
            print(f"FAILS  {finding.title}\n{textwrap.indent(finding.example, '           ')}\n", flush=True)
    print(f"\n{held} properties hold, {failed} fail")
    return 1 if failed else 0


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"
