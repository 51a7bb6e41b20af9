"""The printer of the table: what it refuses. That the engine can use what it prints is for test_engine.py."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

import autograd_mini as ag
from autograd_mini import ops
from autograd_mini.ops.row import new_op

PATH = Path(ag.__file__).parent / "core" / "native" / "printer.py"


@pytest.fixture(scope="module")
def printer():
    spec = importlib.util.spec_from_file_location("printer", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def f(x: float) -> float:
    """x itself."""
    return x


def rows(count, partial):
    """The table with that many rows more, each with the partial that ``partial`` gives for its number."""
    added = {f"f{i}": new_op(f"f{i}", f, (partial(i),), "f({})", None, None) for i in range(count)}
    functions = {**ops.FUNCTIONS, **dict.fromkeys(added, f)}
    return SimpleNamespace(
        __name__=ops.__name__, TABLE={**ops.TABLE, **added}, FUNCTIONS=functions, table_hash=ops.table_hash
    )


def steep(steps):
    """A partial of that many steps."""

    def partial(out, x):
        for _ in range(steps):
            x = ag.exp(x)
        return x

    return partial


def test_the_table_is_printed(printer):
    text = printer.print_table(rows(1, lambda i: lambda out, x: 0.123 * x))
    assert "ROW_f0" in text
    assert "0.123" in text


REFUSED = [
    (1, lambda i: steep(17), "a partial of f0 takes 17 steps, but the engine has 16 registers"),
    (200, lambda i: steep(1), r"a node keeps its row in one byte, but there are \d+ rows"),
    (
        60,
        lambda i: lambda out, x: (i + 0.1) * x + (i + 0.2) * out + (i + 0.3),
        "different numbers, but the engine coun",
    ),
]


@pytest.mark.parametrize(("count", "partial", "message"), REFUSED)
def test_what_the_engine_cannot_hold_is_refused(printer, count, partial, message):
    with pytest.raises(ValueError, match=message):
        printer.print_table(rows(count, partial))


def test_more_steps_than_the_engine_counts_are_refused(printer, monkeypatch):
    monkeypatch.setattr(printer, "_MOST_STEPS_IN_ALL", 20)
    with pytest.raises(ValueError, match=r"all partials take \d+ steps, but the engine counts up to 20"):
        printer.print_table(rows(0, None))
