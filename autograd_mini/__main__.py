"""``python -m autograd_mini`` prints what a bug report needs: versions, which engine serves and why, which renderer."""

from __future__ import annotations

import platform
from pathlib import Path

from . import __version__, engine
from ._engine import REBUILD
from .draw import _find_renderer
from .errors import RendererNotFoundError


def _native() -> str:
    """What there is of the native engine, and why there is no more."""
    try:
        from .native import _native
    except ImportError as error:
        note = Path(__file__).with_name("native") / "build_note.txt"
        why = note.read_text(encoding="utf-8").strip() if note.exists() else str(error)
        return f"not built: {why}\n{REBUILD}"
    return f"built with {_native.compiler}"


def _renderer() -> str:
    try:
        return _find_renderer()
    except RendererNotFoundError as error:
        return f"none: {error}"


def main() -> None:
    print(f"autograd_mini {__version__} in {Path(__file__).parent}")
    print(f"Python {platform.python_version()} ({platform.python_implementation()}) on {platform.platform()}")
    print(f"engine: {engine}")
    print(f"native engine: {_native()}")
    print(f"renderer: {_renderer()}")


if __name__ == "__main__":
    main()
