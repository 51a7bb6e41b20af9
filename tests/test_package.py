"""The package as a whole: its public names, what importing it loads, types, style, and copies of the version."""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_mini as ag
from autograd_mini import errors
from autograd_mini.ops import TABLE

ROOT = Path(ag.__file__).parents[1]


def run(*command):
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)


def test_public_names_are_sorted_and_are_those_that_init_imports():
    tree = ast.parse(Path(ag.__file__).read_text())
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    imported = {a.asname or a.name for node in nodes for a in node.names}
    assert set(ag.__all__) == imported
    assert ag.__all__ == sorted(ag.__all__)


def test_every_exception_is_public_and_in_the_tree_of_the_docstring():
    own = [n for n, x in vars(errors).items() if isinstance(x, type) and issubclass(x, Exception)]
    assert all(n in ag.__all__ and n in errors.__doc__ for n in own)
    assert all(issubclass(getattr(errors, n), ag.AutogradError) for n in own)


def test_every_row_has_one_public_function_or_operator():
    operators = {"add", "sub", "mul", "div", "floordiv", "mod", "pow", "neg", "abs", "round"}
    rows = {name for name, op in TABLE.items() if not op.helper}
    assert rows - operators == {n for n in ag.__all__ if n in TABLE}


def test_every_public_function_and_class_has_an_example():
    for name in ag.__all__:
        public = getattr(ag, name)
        if callable(public) and not (isinstance(public, type) and issubclass(public, Exception)):
            assert ">>>" in public.__doc__, name


@pytest.mark.parametrize(
    "heavy",
    [
        "numpy",
        "graphviz",
        "hypothesis",
        "mpmath",
        "matplotlib",
        "tqdm",
        "subprocess",
        "random",
        "json",
        "inspect",
        "autograd_mini.testing",
    ],
)
def test_importing_the_package_loads_nothing_heavy(heavy):
    # dataclasses brings inspect with it on every supported Python; all others are loaded where they are used.
    code = "import sys, dataclasses; before = set(sys.modules); import autograd_mini; print(*set(sys.modules) - before)"
    loaded = run("-c", code).stdout.split()
    assert "autograd_mini.value" in loaded
    assert heavy not in loaded


def test_testing_is_there_after_the_import_but_loaded_when_asked_for():
    code = "import sys, autograd_mini as ag; print('autograd_mini.testing' in sys.modules, ag.testing.check_grads)"
    assert run("-c", code).stdout.startswith("False <function check_grads at")
    with pytest.raises(AttributeError, match="module 'autograd_mini' has no attribute 'tests'"):
        ag.tests  # noqa: B018


@pytest.mark.parametrize("check", [["mypy"], ["ruff", "check", "."], ["ruff", "format", "--check", "."]])
def test_types_and_style_are_clean(check):
    result = run("-m", *check)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_version_is_written_once():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["metadata"]["version"] == "attr: autograd_mini.__version__"
    assert ag.__version__.count(".") == 2
