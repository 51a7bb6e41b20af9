"""Prints the table of ops.py as C. ``setup.py`` runs it at build, on a table that it loads by file path.

A value is printed from the field ``c`` of its row. A partial is run once on symbols that stand for its arguments, which
gives it as a sequence of rows; that is printed twice, as an expression on doubles for the float sweep, and as steps
that the engine follows to compute the partial on nodes, for derivatives of derivatives.

``python printer.py ../ops.py`` shows what it prints.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_NAMES = ("out", "x", "y", "z")
_OPERATORS = ("add", "sub", "mul", "div", "floordiv", "mod", "pow", "neg", "abs", "round")
_MOST_STEPS = 16  # that many registers the engine has


def load(path: Path) -> ModuleType:
    """The module ops.py, without the package around it, which cannot be imported before it is built."""
    spec = importlib.util.spec_from_file_location("table_to_print", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    return module


def print_table(path: Path) -> str:
    """The C header that holds all rows of the ops.py at ``path``."""
    ops = load(path)
    rows: dict[str, Any] = ops.TABLE
    if len(rows) > 250:
        raise ValueError(f"a node keeps its row in one byte, but there are {len(rows)} rows")
    return "\n\n".join(
        [
            "/* Printed from ops.py by printer.py. */",
            f"#define TABLE_HASH {ops.table_hash()}u",
            "enum { LEAF, " + ", ".join(f"ROW_{name}" for name in rows) + ", CALL };",
            _texts(rows),
            *_values(rows),
            _dispatch(rows),
            _sweep(rows),
            _steps(rows),
            _methods(rows),
        ]
    )


class Symbol:
    """A number that is not known yet: an argument of a partial, or a row applied to symbols and floats."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, op: Any, operands: tuple[Any, ...], name: str = "") -> None:
        self.op, self.operands, self.name = op, operands, name

    @staticmethod
    def _apply(op: Any, *operands: Any) -> Symbol:
        return Symbol(op, operands)

    def __bool__(self) -> bool:
        raise TypeError("a partial that branches on its arguments cannot be printed")

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __len__ = __float__ = __int__ = lambda self, *_: bool(self)


def _give_operators(table: dict[str, Any]) -> None:
    """Let Symbol's operators record the rows of this table."""

    def binary(name: str, row: str) -> None:
        setattr(Symbol, f"__{name}__", lambda x, y: Symbol._apply(table[row], x, y))
        setattr(Symbol, f"__r{name}__", lambda x, y: Symbol._apply(table[row], y, x))

    for name in ("add", "sub", "mul", "floordiv", "mod", "pow"):
        binary(name, name)
    binary("truediv", "div")
    for name in ("neg", "abs"):
        setattr(Symbol, f"__{name}__", lambda x, row=name: Symbol._apply(table[row], x))


def _partials(table: dict[str, Any]) -> Iterator[tuple[str, list[Any] | None]]:
    """Each row's partials as symbols or floats, None among them where it is flat; None for what must run in Python.

    For n-ary rows a pair: what the partials of four arguments are, as symbols named x0 to x3.
    """
    _give_operators(table)
    for name, op in table.items():
        try:
            if isinstance(op.partials, tuple):
                symbols = [Symbol(None, (), n) for n in _NAMES[: len(op.partials) + 1]]
                rules = [rule and rule(*symbols) for rule in op.partials]
                for rule in rules:
                    _on_doubles(rule)
            else:
                rules = [_nary(op.partials)]
        except TypeError:
            yield name, None
        else:
            yield name, rules


def _nary(rules: Callable[..., Any]) -> str:
    """The partial by operand i of n, found by looking at four and at six operands: a constant, or another operand."""
    found = set()
    for n in (4, 6):
        operands = [Symbol(None, (), str(i)) for i in range(n)]
        slopes = list(rules(Symbol(None, (), "out"), *operands))
        if all(isinstance(s, float) for s in slopes) and len(set(slopes)) == 1:
            found.add(_number(slopes[0]))
        elif [getattr(s, "name", None) for s in slopes] == [str((i + n // 2) % n) for i in range(n)]:
            found.add("other_half")
    if len(found) != 1:
        raise TypeError("the partials of a row with any number of arguments are one constant, or the other half")
    return found.pop()


def _number(x: float) -> str:
    if x != x:
        return "NAN"
    return repr(x).replace("inf", "INFINITY")


def _on_doubles(x: Any) -> str:
    """A symbol as a C expression."""
    if not isinstance(x, Symbol):
        return "" if x is None else _number(float(x))
    if x.op is None:
        return x.name
    if x.op.c is None or x.op.c.fold:
        raise TypeError(f"{x.op.name} is computed in Python")
    return f"row_{x.op.name}({', '.join(map(_on_doubles, x.operands))})"


def _arity(op: Any) -> int:
    return len(op.partials) if isinstance(op.partials, tuple) else 0


def _texts(rows: dict[str, Any]) -> str:
    """The names, and the number of operands of each row, 0 for any number."""
    arity = ", ".join(str(_arity(op)) for op in rows.values())
    return "\n".join(
        [
            "static const char *const row_name[] = {NULL, " + ", ".join(f'"{name}"' for name in rows) + "};",
            f"static const unsigned char row_arity[] = {{0, {arity}, 0}};",
        ]
    )


def _values(rows: dict[str, Any]) -> Iterator[str]:
    """One C function per row that C can compute, and its test."""
    for name, op in rows.items():
        if op.c is None:
            continue
        lets = "".join(f"    double {left} = {right};\n" for left, right in op.c.let)
        if op.c.fold:
            factors = ("x", "y") if "y" in op.c.text else ("x",)
            given = ", ".join(f"number_of(&operands[i + {j} * n])" for j in range(len(factors)))
            yield (
                f"static inline double term_{name}({', '.join(f'double {x}' for x in factors)})\n{{\n"
                f"    return {op.c.text};\n}}\n\n"
                f"static inline double row_{name}(const Operand *operands, Py_ssize_t n)\n{{\n    double out = 0.0;\n"
                f"    n /= {len(factors)};\n    for (Py_ssize_t i = 0; i < n; i++)\n"
                f"        out += term_{name}({given});\n    return out;\n}}"
            )
        else:
            arguments = ", ".join(f"double {a}" for a in _NAMES[1 : _arity(op) + 1])
            yield f"static inline double row_{name}({arguments})\n{{\n{lets}    return {op.c.text};\n}}"
        yield f"static inline bool row_{name}_is_sure(double out)\n{{\n    return {op.c.sure};\n}}"


def _dispatch(rows: dict[str, Any]) -> str:
    """The value of any row; false where Python must decide."""
    cases = []
    for name, op in rows.items():
        if op.c is not None:
            given = "operands, n" if op.c.fold else ", ".join(f"number_of(&operands[{i}])" for i in range(_arity(op)))
            cases.append(
                f"    case ROW_{name}:\n        *out = row_{name}({given});\n        return row_{name}_is_sure(*out);"
            )
    return (
        "static bool compute(int row, const Operand *operands, Py_ssize_t n, double *out)\n{\n    (void)n;\n"
        "    switch (row) {\n" + "\n".join(cases) + "\n    default:\n        return false;\n    }\n}"
    )


def _sweep(rows: dict[str, Any]) -> str:
    """What a node adds to the adjoints of its operands, on doubles."""
    few, many = [], []
    for name, rules in _partials(rows):
        if rules and isinstance(rules[0], str):
            slope = "OTHER_HALF(i)" if rules[0] == "other_half" else rules[0]
            loop = f"        for (Py_ssize_t i = 0; i < n; i++)\n            PASS(i, {slope});\n"
            many.append(f"    case ROW_{name}:\n{loop}        break;")
        elif rules is not None and not isinstance(rules[0], str):
            passes = [f"        PASS({i}, {_on_doubles(r)});\n" for i, r in enumerate(rules) if r is not None]
            few.append(f"    case ROW_{name}:\n{''.join(passes)}        break;")
    return (
        "/* PASS(i, slope) and OTHER_HALF(i) are those of sweep.h. */\n#define PASS_ON_FEW \\\n"
        + "\n".join(few).replace("\n", " \\\n")
        + "\n\n#define PASS_ON_MANY \\\n"
        + "\n".join(many).replace("\n", " \\\n")
    )


def _steps(rows: dict[str, Any]) -> str:
    """The partials as steps over registers: out, x, y, z, then one for each step; constants count down from -1."""
    ids = {name: i for i, name in enumerate(rows, 1)}
    steps: list[str] = []
    constants: list[str] = []
    partials: list[str] = []

    def operand(x: Any, own: list[str]) -> int:
        if not isinstance(x, Symbol):
            text = _number(float(x))
            if text not in constants:
                constants.append(text)
            return -1 - constants.index(text)
        if x.op is None:
            return _NAMES.index(x.name)
        registers = [operand(a, own) for a in x.operands]
        own.append(f"{{{ids[x.op.name]}, {{{', '.join(map(str, (registers + [0, 0])[:3]))}}}}}")
        if len(own) > _MOST_STEPS:
            raise ValueError("a partial has too many steps")
        return len(_NAMES) - 1 + len(own)

    def partial(rule: Any) -> str:
        own: list[str] = []
        result = operand(rule, own) if rule is not None else 0
        first, count = len(steps), len(own)
        steps.extend(own)
        return f"{{{'FLAT' if rule is None else 'SLOPE'}, {first}, {count}, {result}}}"

    for _, rules in _partials(rows):
        if rules is None:
            partials.append("{{PYTHON, 0, 0, 0}}")
        elif isinstance(rules[0], str):
            constant = "OTHER, 0, 0, 0" if rules[0] == "other_half" else partial(float(rules[0]))[1:-1]
            partials.append(f"{{{{{constant}}}}}")
        else:
            partials.append(f"{{{', '.join(map(partial, rules))}}}")
    return "\n".join(
        [
            "static const double step_constant[] = {" + ", ".join(constants or ["0.0"]) + "};",
            "static const Step steps[] = {" + ", ".join(steps or ["{0, {0, 0, 0}}"]) + "};",
            "static const Partial partials[][3] = {",
            ",\n".join(f"    {p}" for p in ["{{FLAT, 0, 0, 0}}", *partials, "{{PYTHON, 0, 0, 0}}"]),
            "};",
        ]
    )


def _methods(rows: dict[str, Any]) -> str:
    """The rows that are functions, and methods of Value, by their number of operands."""
    own = {name: _arity(op) for name, op in rows.items() if not op.helper and name not in _OPERATORS}
    one, two = ([f"X({n})" for n, a in own.items() if a == count and rows[n].c is not None] for count in (1, 2))
    return f"#define UNARY_FUNCTIONS(X) {' '.join(one)}\n#define BINARY_FUNCTIONS(X) {' '.join(two)}\n"


if __name__ == "__main__":
    print(print_table(Path(sys.argv[1])))
