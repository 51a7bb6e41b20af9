"""What pytest reads first: how many examples a property gets, and what is no test."""

import contextlib
import errno
import os
import re
import signal
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

collect_ignore = ["data"]  # scripts that make stored numbers


def pytest_addoption(parser):
    parser.addoption(
        "--examples",
        type=int,
        help="fresh examples of a property (without it the same 100); the main laws take three times as many",
    )
    parser.addoption("--full", action="store_true", help="run the demos in full")


def pytest_configure(config):
    examples = config.getoption("--examples")
    # The same examples in every run, unless they are asked for by number: then new ones.
    # No test fails because the machine is busy.
    settings.register_profile(
        "examples",
        max_examples=examples or 100,
        deadline=None,
        derandomize=not examples,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("examples")
    # Some tests press Ctrl-C, which programs ignore that a shell runs in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    native = Path(find_spec("autograd_mini").origin).with_name("core") / "native"
    # Where it was not built for this interpreter, its folder cannot be imported, nor searched for doctests.
    if not any((native / f"_native{suffix}").exists() for suffix in EXTENSION_SUFFIXES):
        config.option.ignore = [*(config.option.ignore or []), str(native)]


@contextlib.contextmanager
def skip_for_want_of_an_extra():
    """What says which extra to install is no failure. That nothing skips where all are installed is seen in CI."""
    try:
        yield
    except ImportError as error:
        extra = re.search(r"pip install 'autograd-mini\[(\w+)\]'", str(error))
        if not extra:
            raise
        pytest.skip(f"needs the extra {extra[1]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup():
    with skip_for_want_of_an_extra():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    with skip_for_want_of_an_extra():
        return (yield)


@pytest.fixture(autouse=True)
def table_as_it_was():
    """Rows that a test enters leave the table with it, as strategies draw whatever is there."""
    from autograd_mini.ops import FUNCTIONS, TABLE

    before = [(rows, dict(rows)) for rows in (TABLE, FUNCTIONS)]
    yield
    for rows, known in before:
        rows.clear()
        rows.update(known)


@pytest.fixture
def any_renderer():
    """A test that draws skips where nothing can."""
    from autograd_mini.errors import RendererNotFoundError
    from autograd_mini.pictures.renderer import find_renderer

    try:
        find_renderer()
    except RendererNotFoundError:
        pytest.skip("needs the extra svg")


@pytest.fixture
def full_disk(monkeypatch):
    """Within ``full_disk()`` no file can be written to the disk."""

    def no_space(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextlib.contextmanager
    def within():
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", no_space)
            yield

    return within
