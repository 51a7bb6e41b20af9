"""Writes what the table gives as text for type checkers and editors: ``functions.pyi`` and ``methods.pyi``.

``setup.py`` runs it at build, on a table that it loads by file path.
"""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path
from typing import Any

_FUNCTIONS = '''"""The public functions of the table. Written at build by stubs.py."""

from collections.abc import Iterable
from typing import overload

from .value import Value
'''
_METHODS = '''"""The methods of Value that follow from the table. Written at build by stubs.py."""

from .value import Value

class Methods:
'''


def functions(ops: Any) -> str:
    """The text of ``functions.pyi``, given the package ``ops``."""
    names = sorted([*(op.name for op in _public(ops)), *ops.ON_LISTS])
    return "\n".join(
        [
            _FUNCTIONS,
            f"__all__ = {names!r}\n",
            *[_function(op, ops.FUNCTIONS[op.name]) for op in _public(ops)],
            *[_on_lists(name, function) for name, function in ops.ON_LISTS.items()],
        ]
    )


def methods(ops: Any) -> str:
    """The text of ``methods.pyi``, given the package ``ops``."""
    named = [(op, name) for op in _public(ops) if op.arity or op.spread for name in (op.name, op.numpy) if name]
    return _METHODS + "\n".join(_method(op, name) for op, name in named)


def write(ops: Any, folder: Path) -> None:
    """Write both files into a folder."""
    for name, text in (("functions.pyi", functions(ops)), ("methods.pyi", methods(ops))):
        (folder / name).write_text(text, encoding="utf-8")


def _public(ops: Any) -> list[Any]:
    return [op for op in ops.TABLE.values() if op.role == "function"]


def _function(op: Any, function: Any) -> str:
    """On numbers alone it gives a float; where one may be a Value, a Value. The overloads tell which for each place."""
    names = list(inspect.signature(function).parameters)
    doc = textwrap.indent(f'"""{inspect.getdoc(function)}\n"""', "    ")
    if op.spread:
        plain = f"def {op.name}(*{names[0]}: float) -> float:  # type: ignore[overload-overlap]"
        general = f"def {op.name}(*{names[0]}: Value | float) -> Value: ..."
        return "\n".join(["@overload", plain, doc, "@overload", general]) + "\n"
    if op.lists:
        plain = _signature(op.name, names, ["Iterable[float]"] * len(names), "float")
        general = _signature(op.name, names, ["Iterable[Value | float]"] * len(names), "Value")
        plain += "  # type: ignore[overload-overlap]"
        return "\n".join(["@overload", f"{plain}", doc, "@overload", f"{general} ..."]) + "\n"
    forms = ["@overload\n" + _signature(op.name, names, ["float"] * len(names), "float") + f"\n{doc}"]
    for i in range(len(names)):
        types = ["float" if j < i else "Value" if j == i else "Value | float" for j in range(len(names))]
        forms.append("@overload\n" + _signature(op.name, names, types, "Value") + " ...")
    return "\n".join(forms) + "\n"


def _on_lists(name: str, function: Any) -> str:
    given = next(iter(inspect.signature(function).parameters))
    doc = textwrap.indent(f'"""{inspect.getdoc(function)}\n"""', "    ")
    plain = f"def {name}({given}: Iterable[float]) -> list[float]:  # type: ignore[overload-overlap]"
    general = f"def {name}({given}: Iterable[Value | float]) -> list[Value]: ..."
    return "\n".join(["@overload", plain, doc, "@overload", general]) + "\n"


def _method(op: Any, name: str) -> str:
    others = {0: ["*others"], 1: [], 2: ["other"], 3: ["second", "third"]}[op.arity]
    given = "".join(f", {other}: Value | float" for other in others)
    return f'    def {name}(self{given}) -> Value:\n        """``ag.{op.name}`` of this value."""\n'


def _signature(name: str, names: list[str], types: list[str], result: str) -> str:
    # A function of the table takes its numbers by position.
    given = ", ".join(f"{n}: {t}" for n, t in zip(names, types, strict=True))
    return f"def {name}({given}{', /' * (len(types) > 0 and 'Iterable' not in types[0])}) -> {result}:"
