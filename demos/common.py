"""What the demos share: the command line, where pictures go, and optional packages with the line that installs them."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from types import ModuleType

OUTPUT = Path(__file__).with_name("output")
QUICK_OUTPUT = OUTPUT / "quick"
DATA = Path(__file__).with_name("data")


def command_line(description: str | None) -> argparse.ArgumentParser:
    """The parser of a demo, yet without options; ``--help`` tells how ``description``, its docstring, begins."""
    return argparse.ArgumentParser(description=(description or "").split("\n\n")[0])


def asked_for_quick(
    description: str | None, what: str = "a smaller run, its pictures into a folder of their own"
) -> bool:
    """Parse the command line of a demo that has no option but ``--quick``; ``description`` is its docstring."""
    parser = command_line(description)
    parser.add_argument("--quick", action="store_true", help=what)
    quick = parser.parse_args().quick
    if quick:
        print("a quick run: small, and no match for the full one")
    return quick


def need(module: str) -> ModuleType:
    """Import an optional package, or end the program with the line that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        sys.exit(f"This demo needs {package}. Install it with: pip install 'autograd-mini[svg,demos,gallery]'")


def pyplot() -> ModuleType:
    """matplotlib for SVG files without a screen, the same file for the same picture."""
    matplotlib = need("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "autograd_mini", "axes.spines.top": False, "axes.spines.right": False})
    return need("matplotlib.pyplot")


def save(figure, name: str, quick: bool = False) -> None:
    """Write a matplotlib figure into the output folder, or into the one for quick runs."""
    folder = QUICK_OUTPUT if quick else OUTPUT
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / name, metadata={"Date": None}, bbox_inches="tight")
    report(folder / name)


def save_graph(root, name: str, **options) -> None:
    """Write the picture of a graph into the output folder."""
    import autograd_mini as ag

    OUTPUT.mkdir(exist_ok=True)
    ag.draw(root, **options).save(OUTPUT / name)
    report(OUTPUT / name)


def report(path: Path) -> None:
    print(f"wrote {path.relative_to(OUTPUT.parents[1]).as_posix()}")
