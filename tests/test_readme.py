"""The documents: their code runs, their table of operations is that of the package, what they link to is there.

``python tests/test_readme.py`` writes the table of operations into autograd_mini/README.md.
"""

import doctest
import inspect
import re
from pathlib import Path

import pytest

import autograd_mini as ag
from autograd_mini.ops import FUNCTIONS, TABLE
from autograd_mini.ops.symbols import slopes, text

ROOT = Path(ag.__file__).parents[1]
DOCUMENTS = [
    "README.md",
    "autograd_mini/README.md",
    "autograd_mini/core/README.md",
    "autograd_mini/functional/README.md",
    "autograd_mini/interop/README.md",
    "demos/README.md",
    "demos/BENCHMARKS.md",
    "demos/data/README.md",
    "tests/README.md",
]
OPERATIONS = ROOT / "autograd_mini/README.md"
SECTION = re.compile(r"(?<=<!-- operations: begin -->\n).*?(?=<!-- operations: end -->)", re.DOTALL)

each_document = pytest.mark.parametrize("name", DOCUMENTS)


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name):
    """The code of a document, as pairs (language, text)."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", read(name), re.DOTALL | re.MULTILINE)


def operation_table():
    lines = ["| operation | derivative by each operand (out: the result) |", "|---|---|"]
    for name, function in FUNCTIONS.items():
        op, operands = TABLE[name], list(inspect.signature(function).parameters)
        if op.role != "helper":
            call = op.text.format(*operands) if op.role == "operator" else f"{name}({', '.join(operands)})"
            found = slopes(op, ("out", *operands))
            lines.append(f"| `{call}` | `{'all at once' if found is None else ', '.join(map(text, found))}` |")
    return "\n".join(lines) + "\n"


def test_these_are_all_documents():
    found = {path.relative_to(ROOT) for folder in ("", "autograd_mini/**", "demos/**", "tests/**")
             for path in ROOT.glob(f"{folder}/*.md" if folder else "*.md")}  # fmt: skip
    assert {str(path.as_posix()) for path in found} == set(DOCUMENTS)


def test_the_front_page_is_short():
    assert len(read("README.md").splitlines()) <= 220


@each_document
def test_every_code_block_runs_and_shows_what_it_gives(name):
    if "import scipy" in read(name) or "from scipy" in read(name):
        pytest.importorskip("scipy", reason="needs the extra gallery")
    result = doctest.testfile(str(ROOT / name), module_relative=False, encoding="utf-8")
    assert result.failed == 0
    assert result.attempted == sum(code.count(">>> ") for language, code in blocks(name) if language == "python")


@each_document
def test_every_block_is_a_command_an_example_or_text(name):
    assert {language for language, _ in blocks(name)} <= {"sh", "python", "text"}
    assert all(code.startswith(">>> ") for language, code in blocks(name) if language == "python")


def test_the_table_of_operations_is_the_one_of_the_package():
    assert SECTION.search(OPERATIONS.read_text(encoding="utf-8"))[0] == operation_table()


@each_document
def test_every_picture_and_file_that_is_named_exists(name):
    words = read(name)
    folder = (ROOT / name).parent
    for path in re.findall(r"\]\(([^)]*)\)", words):
        if not path.startswith("http"):
            file, _, heading = path.partition("#")
            assert (folder / file).exists(), path
            headings = (
                re.findall(r"^#+ (.*)$", (folder / file).read_text(encoding="utf-8"), re.MULTILINE) if heading else []
            )
            assert not heading or heading in [title.lower().replace(" ", "-") for title in headings], path
    for path in re.findall(r"(?:demos|tests|autograd_mini)/\w+\.py", words):
        assert (ROOT / path).exists(), path


if __name__ == "__main__":
    table = SECTION.sub(lambda _: operation_table(), OPERATIONS.read_text(encoding="utf-8"))
    OPERATIONS.write_text(table, encoding="utf-8")
