"""The README's code runs, and its table of operations is that of the package.

``python tests/test_readme.py`` writes the table of operations into the README.
"""

import doctest
import inspect
import re
from pathlib import Path

import autograd_mini as ag
from autograd_mini.ops import FUNCTIONS, TABLE
from autograd_mini.ops.symbols import slopes, text

README = Path(ag.__file__).parents[1] / "README.md"
SECTION = re.compile(r"(?<=<!-- operations: begin -->\n).*?(?=<!-- operations: end -->)", re.DOTALL)


def operation_table():
    lines = ["| operation | derivative by each operand (out: the result) |", "|---|---|"]
    for name, function in FUNCTIONS.items():
        op, operands = TABLE[name], list(inspect.signature(function).parameters)
        if op.role != "helper":
            call = op.text.format(*operands) if op.role == "operator" else f"{name}({', '.join(operands)})"
            found = slopes(op, ("out", *operands))
            lines.append(f"| `{call}` | `{'all at once' if found is None else ', '.join(map(text, found))}` |")
    return "\n".join(lines) + "\n"


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
