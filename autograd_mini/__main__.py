"""``python -m autograd_mini`` prints what a bug report needs: versions, which engine serves and why, which renderer."""

from __future__ import annotations

import argparse
import io
import platform
import re
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from . import __version__, engine
from .core.serving import REBUILD, is_outdated
from .errors import RendererNotFoundError
from .pictures.renderer import find_renderer


def _python() -> str:
    """The interpreter, and whether it is newer than all that the tests ran on."""
    running = f"Python {platform.python_version()} ({platform.python_implementation()}) on {platform.platform()}"
    now = tuple(map(int, platform.python_version_tuple()[:2]))
    newest = max(_tested(), default=now)
    if now <= newest:
        return running
    return f"{running}\nPython {_dotted(now)} is newer than {_dotted(newest)}, the newest that the tests ran on"


def _tested() -> list[tuple[int, ...]]:
    """The versions in the classifiers of setup.cfg; none if the package is used without being installed."""
    try:
        classifiers = metadata.metadata("autograd-mini").get_all("Classifier") or []
    except metadata.PackageNotFoundError:
        return []
    found = [re.fullmatch(r"Programming Language :: Python :: (\d+)\.(\d+)", text) for text in classifiers]
    return [(int(version[1]), int(version[2])) for version in found if version]


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _native() -> str:
    """What there is of the native engine, and why there is no more."""
    try:
        from .core.native import _native
    except ModuleNotFoundError as error:
        note = Path(__file__).with_name("core") / "native" / "build_note.txt"
        why = note.read_text(encoding="utf-8").strip() if note.exists() else str(error)
        return f"not built: {why}\n{REBUILD}"
    except ImportError as error:
        return f"does not serve: {error}" + (f"\n{REBUILD}" if is_outdated(error) else "")
    return f"built with {_native.compiler.strip()}"


def _renderer() -> str:
    try:
        return find_renderer()
    except RendererNotFoundError as error:
        return f"none: {error}"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line, which has no options but ``--help``."""
    parser = argparse.ArgumentParser(prog="python -m autograd_mini", description=(__doc__ or "").partition("`` ")[2])
    parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a report must not fail at the letters of a path or of a compiler
        sys.stdout.reconfigure(errors="backslashreplace")
    print(f"autograd_mini {__version__} in {Path(__file__).parent}")
    print(_python())
    print(f"engine: {engine}")
    print(f"native engine: {_native()}")
    print(f"renderer: {_renderer()}")


if __name__ == "__main__":
    main()
