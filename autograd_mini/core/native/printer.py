"""Prints the table as C. ``setup.py`` runs it at build, on a table that it loads by file path.

A value is printed from the field ``c`` of its row. A partial is run once on symbols that stand for its arguments, which
gives it as a sequence of rows; that is printed twice, as an expression on doubles for the float sweeps, and as steps
that the engine follows to compute the partial on nodes, for derivatives of derivatives. What C does not know, Python
computes: the value of a row without ``c``, slopes that use one, and slopes that are given all at once.

``python printer.py ../../ops`` shows what it prints.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

# What the engine's types hold; see Step and Partial in node.h.
_MOST_STEPS = 16  # of one partial: a register for each
_MOST_STEPS_IN_ALL = 32767  # a short
_MOST_CONSTANTS = 128  # a signed char
_ITEMS = {"out": "out", "x": "item_number(items.first[i])", "y": "item_number(items.second[i])"}


def load(folder: Path) -> ModuleType:
    """The package ``ops``, without the one around it, which cannot be imported before it is built."""
    name = "table_to_print"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def print_table(ops: Any) -> str:
    """The C header that holds all rows of the package ``ops``.

    Raises:
        TypeError, ValueError: if a row's parts do not fit each other, or do not fit the engine; it is named.
    """
    rows: dict[str, Any] = ops.TABLE
    symbols = importlib.import_module(f"{ops.__name__}.symbols")
    for name, op in rows.items():
        symbols.check(op, inspect.unwrap(ops.FUNCTIONS[name]))
    if len(rows) > 250:
        raise ValueError(f"a node keeps its row in one byte, but there are {len(rows)} rows")
    slopes = {name: symbols.slopes(op) for name, op in rows.items()}
    return "\n\n".join(
        [
            "/* Printed from the table by printer.py. */",
            f"#define TABLE_HASH {ops.table_hash()}u",
            "enum { LEAF, " + ", ".join(f"ROW_{name}" for name in rows) + ", CALL };",
            _facts(rows, slopes),
            _math_functions(rows),
            *_values(rows),
            _dispatch(rows),
            _edges(rows, slopes),
            _steps(rows, slopes, symbols),
            _functions(rows, ops.FUNCTIONS),
        ]
    )


def _facts(rows: Mapping[str, Any], slopes: Mapping[str, Any]) -> str:
    """The names, the number of operands, 0 for any number, in how many lists they come, and who computes the slopes."""

    def array(kind: str, name: str, facts: list[Any]) -> str:
        return f"static const {kind} {name}[] = {{{', '.join(map(str, facts))}}};"

    return "\n".join(
        [
            array("char *const", "row_name", ["NULL", *[f'"{name}"' for name in rows]]),
            array("unsigned char", "row_arity", [0, *[op.arity for op in rows.values()], 0]),
            array("unsigned char", "row_lists", [0, *[op.lists for op in rows.values()], 1]),
            array("bool", "row_slopes_in_python", [0, *[int(not _in_c(slopes[name])) for name in rows], 1]),
        ]
    )


def _in_c(slopes: list[Any] | None) -> bool:
    """Whether slopes are expressions on doubles."""
    return slopes is not None and all(map(_is_on_doubles, slopes))


def _is_on_doubles(x: Any) -> bool:
    if not hasattr(x, "operands") or x.op is None:
        return True
    is_in_c = x.op.c is not None and not x.op.c.fold and not x.op.c.function
    return is_in_c and all(map(_is_on_doubles, x.operands))


def _number(x: float) -> str:
    return "NAN" if x != x else repr(float(x)).replace("inf", "INFINITY")


def _on_doubles(x: Any, names: Mapping[str, str]) -> str:
    """A symbol as a C expression."""
    if not hasattr(x, "operands"):
        return _number(x)
    if x.op is None:
        return names[x.name]
    return f"row_{x.op.name}({', '.join(_on_doubles(a, names) for a in x.operands)})"


def _math_functions(rows: Mapping[str, Any]) -> str:
    """The names of the functions of ``math`` that C calls."""
    names = [op.c.function for op in rows.values() if op.c is not None and op.c.function]
    members = ", ".join([*[f"MATH_{name}" for name in names], "MATH_COUNT"])
    texts = ", ".join([*[f'"{name}"' for name in names], "NULL"])
    return f"enum {{ {members} }};\nstatic const char *const math_name[] = {{{texts}}};\n{_CALL_MATH}"


_CALL_MATH = """
static PyObject *math_function[MATH_COUNT + 1];

/* CPython's own function; where it raises, NaN, of which no row is sure. */
static double call_math(int which, double x)
{
    PyObject *arg = PyFloat_FromDouble(x), *out = arg ? PyObject_CallOneArg(math_function[which], arg) : NULL;
    double found = out && PyFloat_Check(out) ? PyFloat_AS_DOUBLE(out) : NAN;
    PyErr_Clear();
    Py_XDECREF(arg);
    Py_XDECREF(out);
    return found;
}"""


# ---- Values. --------------------------------------------------------------------------------------------------------


def _values(rows: Mapping[str, Any]) -> Iterator[str]:
    """One C function per row that C can compute, and its test."""
    for name, op in rows.items():
        if op.c is None:
            continue
        if op.c.fold:
            given = ", ".join(f"number_of(&operands[i + {j} * n])" if j < op.lists else "0.0" for j in range(2))
            yield (
                f"static inline double term_{name}(double x, double y)\n{{\n    (void)y;\n"
                f"    return {op.c.text};\n}}\n\n"
                f"static inline double row_{name}(const Operand *operands, Py_ssize_t n)\n{{\n    double out = 0.0;\n"
                f"    n /= {op.lists};\n    for (Py_ssize_t i = 0; i < n; i++)\n"
                f"        out += term_{name}({given});\n    return out;\n}}"
            )
        else:
            arguments = ", ".join(f"double {a}" for a in "xyz"[: op.arity])
            lets = "".join(f"    double {left} = {right};\n" for left, right in op.c.let)
            yield f"static inline double row_{name}({arguments})\n{{\n{lets}    return {op.c.text};\n}}"
        yield f"static inline bool row_{name}_is_sure(double out)\n{{\n    return {op.c.sure};\n}}"


def _dispatch(rows: Mapping[str, Any]) -> str:
    """The value of any row; false where Python must decide."""
    cases = []
    for name, op in rows.items():
        if op.c is not None:
            given = "operands, n" if op.c.fold else ", ".join(f"number_of(&operands[{i}])" for i in range(op.arity))
            cases.append(
                f"    case ROW_{name}:\n        *out = row_{name}({given});\n        return row_{name}_is_sure(*out);"
            )
    return (
        "static bool compute(int row, const Operand *operands, Py_ssize_t n, double *out)\n{\n    (void)n;\n"
        "    switch (row) {\n" + "\n".join(cases) + "\n    default:\n        return false;\n    }\n}"
    )


# ---- Slopes. --------------------------------------------------------------------------------------------------------


def _edges(rows: Mapping[str, Any], slopes: Mapping[str, Any]) -> str:
    """What a sweep does along the edges of a node: EDGE(i, slope) for each operand, as defined where this is used."""
    few, many = [], []
    for name, op in rows.items():
        if not _in_c(slopes[name]):
            continue
        by_place = [(j, slope) for j, slope in enumerate(slopes[name]) if slope is not None]
        if op.lists:
            loops = "".join(
                "        for (Py_ssize_t i = 0; i < items.split; i++)\n"
                f"            EDGE(i + {j} * items.split, {_on_doubles(slope, _ITEMS)});\n"
                for j, slope in by_place
            )
            many.append(f"    case ROW_{name}:\n{loops}        break;")
        else:
            names = {n: n for n in ("out", "x", "y", "z")}
            edges = "".join(f"        EDGE({j}, {_on_doubles(slope, names)});\n" for j, slope in by_place)
            few.append(f"    case ROW_{name}:\n{edges}        break;")
    return (
        "#define EDGES_OF_FEW \\\n"
        + "\n".join(few).replace("\n", " \\\n")
        + "\n\n#define EDGES_OF_MANY \\\n"
        + "\n".join(many).replace("\n", " \\\n")
    )


def _steps(rows: Mapping[str, Any], slopes: Mapping[str, Any], symbols: Any) -> str:
    """The partials as steps over registers: out, x, y, z, then one for each step; constants count down from -1."""
    ids = {name: i for i, name in enumerate(rows, 1)}
    steps: list[str] = []
    constants: list[str] = []

    def operand(x: Any, own: list[str], known: dict[int, int]) -> int:
        """The register of x; what is used twice, and so is one symbol, is computed once, as on nodes."""
        if not isinstance(x, symbols.Symbol):
            text = _number(x)
            if text not in constants:
                constants.append(text)
            return -1 - constants.index(text)
        if x.op is None:
            return int(symbols.NAMES.index(x.name))
        if id(x) in known:
            return known[id(x)]
        registers = [operand(a, own, known) for a in x.operands]
        own.append(f"{{{ids[x.op.name]}, {{{', '.join(map(str, (registers + [0, 0])[:3]))}}}}}")
        known[id(x)] = len(symbols.NAMES) - 1 + len(own)
        return known[id(x)]

    def partial(name: str, slope: Any) -> str:
        own: list[str] = []
        result = operand(slope, own, {}) if slope is not None else 0
        if len(own) > _MOST_STEPS:
            raise ValueError(f"a partial of {name} takes {len(own)} steps, but the engine has {_MOST_STEPS} registers")
        first, count = len(steps), len(own)
        steps.extend(own)
        return f"{{{'FLAT' if slope is None else 'SLOPE'}, {first}, {count}, {result}}}"

    partials = [
        ", ".join(partial(name, slope) for slope in found) if _has_steps(found) else "{PYTHON, 0, 0, 0}"
        for name, found in slopes.items()
    ]
    if len(steps) > _MOST_STEPS_IN_ALL:
        raise ValueError(f"all partials take {len(steps)} steps, but the engine counts up to {_MOST_STEPS_IN_ALL}")
    if len(constants) > _MOST_CONSTANTS:
        raise ValueError(
            f"all partials use {len(constants)} different numbers, but the engine counts up to {_MOST_CONSTANTS}"
        )
    return "\n".join(
        [
            "static const double step_constant[] = {" + ", ".join(constants or ["0.0"]) + "};",
            "static const Step steps[] = {" + ", ".join(steps or ["{0, {0, 0, 0}}"]) + "};",
            "static const Partial partials[][3] = {",
            ",\n".join(f"    {{{p}}}" for p in ["{FLAT, 0, 0, 0}", *partials, "{PYTHON, 0, 0, 0}"]),
            "};",
        ]
    )


def _has_steps(slopes: list[Any] | None) -> bool:
    """Whether slopes are made of rows with a fixed number of operands, which is what a step has."""
    return slopes is not None and all(map(_is_stepwise, slopes))


def _is_stepwise(x: Any) -> bool:
    if not hasattr(x, "operands") or x.op is None:
        return True
    return x.op.arity > 0 and all(map(_is_stepwise, x.operands))


# ---- Functions. -----------------------------------------------------------------------------------------------------


def _functions(rows: Mapping[str, Any], functions: Mapping[str, Any]) -> str:
    """The rows that are public functions: those that C computes for one operand, by CPython's own functions or not, for
    two and for lists of them;
    and the methods of all others, which are functions of Python's."""
    public = {name: op for name, op in rows.items() if op.role == "function"}
    signatures = {name: ", ".join(inspect.signature(functions[name]).parameters) for name in public}
    others = {0: ", *others", 2: ", other", 3: ", second, third"}
    one = {name: op for name, op in public.items() if op.c and op.arity == 1}
    quick = {name for name, op in one.items() if op.c.function}
    two = {name: op for name, op in public.items() if op.c and op.arity == 2}
    rest = {name: op for name, op in public.items() if (op.arity or op.spread) and name not in {**one, **two}}
    folds = [f'X({name}, {op.lists}, "{signatures[name]}")' for name, op in public.items() if op.c and op.c.fold]
    lists = {
        "UNARY_FUNCTIONS": [f'X({name}, "{signatures[name]}")' for name in one if name not in quick],
        "MATH_FUNCTIONS": [f'X({name}, "{signatures[name]}")' for name in one if name in quick],
        "BINARY_FUNCTIONS": [f'X({name}, "{signatures[name]}")' for name in two],
        "FOLD_FUNCTIONS": folds,
        "OTHER_FUNCTIONS": [f"X({name})" for name in rest],
        # Methods have NumPy's names, too.
        "UNARY_METHODS": [f"X({spelling}, {name})" for spelling, name in _spellings(one)],
        "BINARY_METHODS": [f"X({spelling}, {name})" for spelling, name in _spellings(two)],
        "OTHER_METHODS": [
            f'X({spelling}, {name}, "$self{others.get(rest[name].arity, "")}")' for spelling, name in _spellings(rest)
        ],
    }
    return "\n".join(f"#define {name}(X) {' '.join(found)}" for name, found in lists.items()) + "\n"


def _spellings(rows: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The names of the methods of rows, each with that of its row."""
    return [(spelling, name) for name, op in rows.items() for spelling in (name, op.numpy) if spelling]


if __name__ == "__main__":
    print(print_table(load(Path(sys.argv[1]))))
