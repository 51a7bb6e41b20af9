"""The README's code runs, and its table of operations is that of the package.

``python tests/test_readme.py`` writes the table of operations into the README.
"""

import doctest
import re
from pathlib import Path

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.ops import TABLE, apply

README = Path(ag.__file__).parents[1] / "README.md"
SECTION = re.compile(r"(?<=<!-- operations: begin -->\n).*?(?=<!-- operations: end -->)", re.DOTALL)
OPERANDS = {"sum": ("x", "y", "..."), "sumprod": ("[w, ...]", "[x, ...]"), "round": ("x", "n")}


def formula(x, names):
    """A graph as text: a partial is printed by running it on named Values."""
    if not isinstance(x, Value):
        return f"{x:g}"
    if x in names:
        return names[x]
    parts = [formula(a, names) for a in x.args]
    infix = not re.match(r"\w+\(|σ", x.op.text)
    return x.op.text.format(*[f"({p})" if infix and re.search(r" \S+ |^-", p) else p for p in parts])


def partials(op):
    """The derivative by each operand, as text."""
    if not isinstance(op.partials, tuple):
        return {"sum": "1 for each", "sumprod": "[x, ...] and [w, ...]"}[op.name]
    args = [Value(low + 0.7 * (high - low)) for low, high in op.domain]
    out = apply(op, *args)
    names = {out: "out", **dict(zip(args, "xyz", strict=False))}
    return ", ".join("0" if d is None else formula(d(out, *args), names) for d in op.partials)


def operation_table():
    rows = ["| operation | derivative by each operand (out: the result) |", "|---|---|"]
    for op in TABLE.values():
        if not op.helper:
            operands = OPERANDS.get(op.name, tuple("xyz"[: len(op.domain)]))
            call = op.text.format(*operands) if op.text.count("{}") > 1 or len(operands) < 2 else None
            rows.append(f"| `{call or op.text.format(', '.join(operands))}` | `{partials(op)}` |")
    return "\n".join(rows).replace("σ", "sigmoid") + "\n"


def test_every_code_block_runs_and_shows_what_it_gives():
    result = doctest.testfile(str(README), module_relative=False, encoding="utf-8", optionflags=doctest.REPORT_NDIFF)
    assert result.attempted > 20
    assert result.failed == 0


def test_every_python_block_is_such_an_example():
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert {language for language, _ in blocks} == {"sh", "python", "text"}
    assert all(code.startswith(">>> ") for language, code in blocks if language == "python")


def test_the_table_of_operations_is_the_one_of_the_package():
    assert SECTION.search(README.read_text(encoding="utf-8"))[0] == operation_table()


def test_every_picture_and_file_that_is_named_exists():
    text = README.read_text(encoding="utf-8")
    for path in re.findall(r"\]\(([^)h][^)]*)\)", text) + re.findall(r"demos/\w+\.py", text):
        assert (README.parent / path).exists(), path


if __name__ == "__main__":
    README.write_text(SECTION.sub(lambda _: operation_table(), README.read_text(encoding="utf-8")), encoding="utf-8")
