"""The renderer: a program that lays out DOT text as SVG, ``dot`` or ``graphviz-pure``, whichever is found first."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from ..errors import RendererError, RendererNotFoundError


def render(source: str, timeout: float) -> str:
    """Lay out DOT text as SVG text in a program of its own, which is stopped at the time limit."""
    import subprocess  # here and below: takes longer to import than the package, and most programs draw nothing

    program = find_renderer()
    try:
        done = subprocess.run([program, "-Tsvg"], input=source.encode(), capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise RendererError(
            f"{program} did not lay the graph out within {timeout:g} s; draw a value in the middle of it, .detach() an "
            "operand where the picture shall begin, raise timeout=, or save the source as .dot and "
            "try another renderer: dot and graphviz-pure differ much in what they are slow at"
        ) from None
    except OSError as error:
        raise RendererError(f"{program} does not start ({error}); reinstall it, or take it off the PATH") from error
    svg = done.stdout.decode(errors="replace")
    if done.returncode != 0 or "</svg>" not in svg:
        said = " / ".join(done.stderr.decode(errors="replace").splitlines()[:3]) or "no message"
        raise RendererError(
            f"{program} gave no picture, exit code {done.returncode}: {said}; save the source as .dot "
            "and try another renderer on it, or take this one off the PATH"
        )
    return svg


def find_renderer() -> str:
    """The path of the first of dot and graphviz-pure that is installed.

    pip puts programs beside Python or into the user's folder of scripts, which need not be on the PATH.
    """
    import shutil
    import sysconfig

    beside = [os.path.dirname(sys.executable), sysconfig.get_path("scripts")]
    with suppress(ValueError):  # not every platform has a place for a user's own scripts
        beside.append(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")))
    path = os.pathsep.join(filter(None, [os.environ.get("PATH"), *beside]))
    program = shutil.which("dot", path=path) or shutil.which("graphviz-pure", path=path)
    if program is None:
        raise RendererNotFoundError(
            "a picture needs a renderer, and neither dot nor graphviz-pure was found; pip install graphviz-pure, or "
            "install Graphviz (apt install graphviz, brew install graphviz, https://graphviz.org/download) with its "
            "dot on the PATH; .source and .save('graph.dot') work without"
        )
    return program
