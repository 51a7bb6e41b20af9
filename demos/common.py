"""What the demos share: where pictures go, and the optional packages with the line that installs them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

OUTPUT = Path(__file__).with_name("output")
DATA = Path(__file__).with_name("data")


def need(module: str) -> ModuleType:
    """Import an optional package, or end the program with the line that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        sys.exit(f"This demo needs {module.partition('.')[0]}. Install it with: pip install 'autograd-mini[svg,demos]'")


def pyplot() -> ModuleType:
    """matplotlib for SVG files without a screen, the same file for the same picture."""
    matplotlib = need("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "autograd_mini", "axes.spines.top": False, "axes.spines.right": False})
    return need("matplotlib.pyplot")


def save(figure, name: str) -> None:
    """Write a matplotlib figure into the output folder."""
    OUTPUT.mkdir(exist_ok=True)
    figure.savefig(OUTPUT / name, metadata={"Date": None}, bbox_inches="tight")
    report(name)


def save_graph(root, name: str, **options) -> None:
    """Write the picture of a graph into the output folder."""
    import autograd_mini as ag

    OUTPUT.mkdir(exist_ok=True)
    ag.draw(root, **options).save(OUTPUT / name)
    report(name)


def report(name: str) -> None:
    print(f"wrote demos/output/{name}")
