"""The demos as a user runs them: in a folder of their own, without a screen, with what they print and draw."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import autograd_mini as ag

DEMOS = Path(ag.__file__).parents[1] / "demos"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the demos without their pictures, so that running them changes nothing here."""
    copy = tmp_path_factory.mktemp("demos") / "demos"
    shutil.copytree(DEMOS, copy, ignore=shutil.ignore_patterns("output", "__pycache__"))
    return copy


def run(folder, *command):
    return subprocess.run([sys.executable, *command], cwd=folder.parent, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("demo", "pattern", "least", "pictures"),
    [
        ("iris.py", r"held-out accuracy: (\d\.\d+)", 0.93, ["iris_loss.svg", "iris_neuron.svg"]),
        ("moons.py", r"accuracy on 1000 unseen points: (\d\.\d+)", 0.95, ["moons.svg"]),
        ("first_graph.py", r"out = (2.0), dout/da = -1.0, dout/db = -2.0", 2.0, ["first_graph.svg"]),
    ],
)
def test_a_demo_prints_its_figure_and_draws_its_pictures(folder, demo, pattern, least, pictures):
    result = run(folder, f"demos/{demo}")
    assert result.returncode == 0, result.stderr
    assert float(re.search(pattern, result.stdout)[1]) >= least
    for name in pictures:
        assert f"wrote demos/output/{name}" in result.stdout
        assert ElementTree.parse(folder / "output" / name).getroot().tag.endswith("svg")


def test_the_same_seed_gives_the_same_words(folder):
    assert run(folder, "demos/iris.py").stdout == run(folder, "demos/iris.py").stdout


def test_the_benchmark_prints_its_rows(folder):
    result = run(folder, "demos/benchmark.py", "--quick")
    assert result.returncode == 0, result.stderr
    rows = [line for line in result.stdout.splitlines() if re.match(r"\| [A-Z0-9a-z]", line)]
    for name in (
        "Rosenbrock n=1000, **2",
        "Rosenbrock n=1000, x*x",
        "two moons",
        "depth 1e4",
        "Asian",
        "Black",
    ):
        assert sum(name in row for row in rows) == 1, name
    assert re.search(r"\| 1e\+04 \| \d+ ns \| \d+ ns \| \d+ ns \| (1\d\d|8\d) \|", result.stdout)


@pytest.mark.parametrize(
    ("demo", "package"), [("iris.py", "tqdm"), ("iris.py", "matplotlib"), ("moons.py", "matplotlib")]
)
def test_without_its_optional_package_a_demo_names_the_install_line(folder, demo, package):
    code = f"""
import runpy, sys
sys.modules[{package!r}] = None
sys.path[0] = "demos"
runpy.run_path("demos/{demo}", run_name="__main__")
"""
    result = run(folder, "-c", code)
    assert result.returncode == 1
    assert f"This demo needs {package}. Install it with: pip install 'autograd-mini[svg,demos]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_data_is_complete_and_says_where_it_is_from():
    assert len((DEMOS / "data" / "iris.csv").read_text().splitlines()) == 151
    assert "CC BY 4.0" in (DEMOS / "data" / "README.md").read_text()
