"""The package as a whole: its public names, what importing it loads, types, style, and copies of the version."""

import ast
import compileall
import configparser
import math
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import get_args

import pytest
from building import copied

import autograd_mini as ag
from autograd_mini import Value, __main__, errors, functional, pictures, training
from autograd_mini.core import functions
from autograd_mini.ops import ON_LISTS, TABLE
from autograd_mini.ops.row import Role

ROOT = Path(ag.__file__).parents[1]
ROWS = {name: op for name, op in TABLE.items() if "." not in name}  # without those that tests have registered


def run(*command):
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)


def test_public_names_are_those_that_init_imports_and_the_functions_of_the_table():
    tree = ast.parse(Path(ag.__file__).read_text())
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    imported = {a.name for node in nodes for a in node.names} - {"*", "functions"}
    static = next(
        ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "__all__"
    )
    assert set(static) == imported
    assert static == sorted(static)
    assert ag.__all__ == [*static, *functions.__all__]
    assert len(set(ag.__all__)) == len(ag.__all__)


def public_modules():
    """The package, and all modules that public names lead to."""
    found = [ag]
    for module in found:
        inner = [getattr(module, name) for name in module.__all__]
        found += [x for x in inner if isinstance(x, type(ag)) and x not in found]
    return found


def test_dir_lists_what_is_public_and_nothing_else():
    modules = public_modules()
    assert {module.__name__.partition(".")[2] for module in modules} >= {
        "",
        "nn.utils",
        "optim.lr_scheduler",
        "testing",
    }
    for module in [*modules, functional, pictures, training]:
        assert dir(module) == sorted(module.__all__)
        own = {name for name, x in vars(module).items() if getattr(x, "__module__", None) == module.__name__}
        assert {name for name in own if name[0] != "_"} <= set(module.__all__)  # what it defines is listed
    dir(ag).clear()
    assert "Value" in dir(ag)


def test_every_exception_is_public_and_in_the_tree_of_the_docstring():
    own = [n for n, x in vars(errors).items() if isinstance(x, type) and issubclass(x, Exception)]
    assert all(n in ag.__all__ and n in errors.__doc__ for n in own)
    assert all(issubclass(getattr(errors, n), ag.AutogradError) for n in own)


SIGNS = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "floordiv": lambda x, y: x // y,
    "mod": lambda x, y: x % y,
    "pow": lambda x, y: x**y,
    "neg": lambda x, y: -x,
    "abs": lambda x, y: abs(x),
    "round": lambda x, y: round(x, 1),
}


def test_every_row_is_a_public_function_or_a_sign_of_python_or_a_helper():
    roles = {role: [name for name, op in ROWS.items() if op.role == role] for role in get_args(Role)}
    assert sum(map(len, roles.values())) == len(ROWS)
    assert sorted([*roles["function"], *ON_LISTS]) == functions.__all__
    assert [sign(Value(2.0), Value(3.0)).op.name for sign in SIGNS.values()] == list(SIGNS) == roles["operator"]
    assert not set(roles["helper"]) & set(vars(ag))


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
        "pathlib",
        "dataclasses",
        "inspect",
        "autograd_mini.testing",
    ],
)
def test_importing_the_package_loads_nothing_heavy(heavy):
    code = "import sys; before = set(sys.modules); import autograd_mini; print(*set(sys.modules) - before)"
    loaded = run("-c", code).stdout.split()
    assert "autograd_mini.core.value" in loaded
    assert heavy not in loaded


def test_testing_is_there_after_the_import_but_loaded_when_asked_for():
    code = "import sys, autograd_mini as ag; print('autograd_mini.testing' in sys.modules, ag.testing.check_grads)"
    assert run("-c", code).stdout.startswith("False <function check_grads at")
    with pytest.raises(AttributeError, match="module 'autograd_mini' has no attribute 'tests'"):
        ag.tests  # noqa: B018


@pytest.mark.parametrize("options", [["-W", "error"], ["-OO"]], ids=" ".join)
def test_the_package_works_without_a_warning_and_without_docstrings(options):
    code = "import autograd_mini as ag; ag.exp(ag.Value(2.0)).backward(); print(ag.engine, ag.grad(ag.sin)(0.0))"
    done = run(*options, "-c", code)
    assert (done.stdout, done.stderr) == (f"{ag.engine} 1.0\n", "")


USED = """
import sys
sys.path.insert(0, sys.argv[1])
import autograd_mini as ag
from autograd_mini import __main__, nn, optim, testing
assert ag.__file__.startswith(sys.argv[1]), ag.__file__
x = ag.Value(3.0, label="x")
y = x * ag.exp(x)
y.backward()
assert "∂" in ag.draw(y).source
testing.check_grads(ag.sin, (0.5,))
model = nn.Neuron(1, nonlin=False)
data = [([x], 3 * x - 1) for x in (-1.0, 0.0, 1.0, 2.0)]
loss = ag.fit(model, nn.mse_loss, data, optim.SGD(model.parameters(), lr=0.1), epochs=200, progress=False)["loss"]
__main__.main([])
print(ag.engine, y.data, x.grad, loss[-1] < 1e-6)
"""


def compiled_alone(folder):
    """A copy of the package without its sources, as some who ship programs make it."""
    copied(folder, "autograd_mini")
    assert compileall.compile_dir(folder, quiet=1, legacy=True)
    for source in folder.rglob("*.py"):
        source.unlink()
    return folder


def zipped(folder):
    """The package in one file, from which no extension can be loaded."""
    return shutil.make_archive(str(folder / "ag"), "zip", ROOT, "autograd_mini")


def zipped_in_odd_place(folder):
    (folder / "a place, 損.py").mkdir()
    return zipped(folder / "a place, 損.py")


def read_only(folder):
    copied(folder, "autograd_mini")
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


@pytest.mark.parametrize("place", [zipped, zipped_in_odd_place, compiled_alone, read_only])
def test_the_package_works_wherever_it_is_imported_from(place, tmp_path):
    where = str(place(tmp_path))
    env = {key: text for key, text in os.environ.items() if key != "AUTOGRAD_MINI_ENGINE"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", USED, where], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, *report, last = done.stdout.splitlines()
    assert first == f"autograd_mini {ag.__version__} in {Path(where, 'autograd_mini')}"
    assert "native engine: not built: No module named 'autograd_mini.core.native._native'" in report
    assert last == f"python {3 * math.exp(3)} {4 * math.exp(3)} True"


@pytest.mark.skipif(os.name != "posix", reason="the only renderer is a script")
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_the_report_can_be_printed_anywhere(encoding, tmp_path):
    folder = tmp_path / "ü損"
    folder.mkdir()
    (folder / "dot").write_text("#!/bin/sh\n")
    (folder / "dot").chmod(0o755)
    env = os.environ | {"PATH": str(folder), "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-m", "autograd_mini"], cwd=ROOT, env=env, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[-1] == f"renderer: {folder / 'dot'}".encode(encoding, errors="backslashreplace")


@pytest.mark.parametrize("check", [["mypy"], ["ruff", "check", "."], ["ruff", "format", "--check", "."]])
def test_types_and_style_are_clean(check):
    pytest.importorskip(check[0], reason="needs the extra dev")
    result = run("-m", *check)
    assert result.returncode == 0, result.stdout + result.stderr


def words(text):
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("module", "does"),
    [
        ("autograd_mini", "prints what a bug report needs: versions, which engine serves and why, which renderer."),
        ("autograd_mini.testing", "Properties that any micrograd-like engine can be held to, run against it and"),
    ],
)
def test_help_tells_what_a_command_does_and_does_nothing(module, does):
    told = run("-m", module, "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(f"usage: python -m {module} [-h]")
    assert does in words(told.stdout)
    assert not any(sign in told.stdout for sign in ("renderer: ", "holds  ", "examples a property\n"))
    refused = run("-m", module, "--no-such-option")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "error: " in refused.stderr
    assert run("-OO", "-m", module, "--help").returncode == 0


def test_the_version_is_written_once():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["metadata"]["version"] == "attr: autograd_mini.__version__"
    assert ag.__version__.count(".") == 2


def test_the_report_says_that_an_interpreter_is_newer_than_the_tests(monkeypatch, capsys):
    def report(*version):
        monkeypatch.setattr(platform, "python_version_tuple", lambda: (*version, "0"))
        __main__.main([])
        return capsys.readouterr().out

    newest = max(__main__._tested())
    said = f"Python 3.99 is newer than 3.{newest[1]}, the newest that the tests ran on\n"
    assert said in report("3", "99")
    assert "is newer than" not in report("3", str(newest[1]))

    def not_installed(name):
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "metadata", not_installed)
    assert "is newer than" not in report("3", "99")


def test_the_classifiers_begin_with_the_least_python():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["options"]["python_requires"] == ">=3." + str(min(__main__._tested())[1])
