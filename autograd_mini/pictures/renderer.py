"""The renderer: a program that lays out DOT text, ``dot`` or ``graphviz-pure``, whichever is found first."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, NamedTuple

from ..errors import RendererError, RendererNotFoundError

if TYPE_CHECKING:
    import subprocess

_MOST_BYTES = 100_000_000  # a picture of more than that opens nowhere
_WITHOUT_PROGRAMS = ("emscripten", "wasi", "ios", "tvos", "watchos")  # Python there cannot start any


Point = tuple[float, float]


class Layout(NamedTuple):
    """Where things are, in points, to the right and downwards.

    Attributes:
        places: the middle of each node.
        curves: the ends of each edge, and its line: where it begins, then three points for each of its Bézier curves.
    """

    places: dict[str, Point]
    curves: list[tuple[tuple[str, str], list[Point]]]


def lay_out(source: str, nodes: Collection[str], timeout: float) -> Layout:
    """Lay out DOT text, which has these nodes, in a program of its own; at the time limit that and its children end."""
    program = find_renderer()
    with _temporary_files() as (given, plain, said):
        given.write(source.encode())
        given.seek(0)
        code = _run(program, given, plain, said, timeout)
        plain.seek(0)
        layout = _read(plain.read().decode(errors="replace")) if code == 0 else None
        if layout is None or not layout.places.keys() >= set(nodes):
            said.seek(0)
            message = " / ".join(said.read(1000).decode(errors="replace").splitlines()[:3]) or "no message"
            raise RendererError(
                f"{program!r} gave no picture, exit code {code}: {message}; save the source as .dot "
                "and try another renderer on it, or take this one off the PATH"
            )
        return layout


def _read(plain: str) -> Layout | None:
    r"""The layout in a text of the format plain, which is in inches, upwards; None if it is something else.

    Source: https://graphviz.org/docs/outputs/plain/

    >>> _read("graph 1 2 1\nnode n0 0.5 0.25 1 0.5 ...\nstop\n")
    Layout(places={'n0': (36.0, -18.0)}, curves=[])
    """
    layout = Layout({}, [])
    lines = plain.splitlines()
    if not lines or lines[-1] != "stop":
        return None
    try:
        for line in lines[1:-1]:
            kind, *words = line.split(" ")
            if kind == "node":
                layout.places[words[0]] = 72 * float(words[1]), -72 * float(words[2])
            else:
                numbers = [72 * float(x) for x in words[3 : 3 + 2 * int(words[2])]]
                curve = [(x, -y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
                if len(curve) < 4 or len(curve) % 3 != 1:
                    return None
                layout.curves.append(((words[0], words[1]), curve))
    except (ValueError, IndexError):
        return None
    return layout


def _run(program: str, given: IO[bytes], plain: IO[bytes], said: IO[bytes], timeout: float) -> int:
    """Run the renderer on files, as pipes need somebody who empties them and who waits for all that hold them open.

    Returns:
        Its exit code.
    """
    import subprocess  # here and below: takes longer to import than the package, and most programs draw nothing
    import time

    end = time.monotonic() + timeout
    try:
        # A session of its own is a group of processes, which can be ended as one.
        process = subprocess.Popen([program, "-Tplain"], stdin=given, stdout=plain, stderr=said, start_new_session=True)
    except OSError as error:
        raise RendererError(f"{program!r} does not start ({error}); reinstall it, or take it off the PATH") from error
    try:
        while process.poll() is None:
            if time.monotonic() >= end:
                raise RendererError(
                    f"{program!r} did not lay the graph out within {timeout:g} s; draw a value in the middle of it, "
                    ".detach() an operand where the picture shall begin, raise timeout=, or save the source as .dot "
                    "and try another renderer: dot and graphviz-pure differ much in what they are slow at"
                )
            if max(os.fstat(file.fileno()).st_size for file in (plain, said)) > _MOST_BYTES:
                raise RendererError(
                    f"{program!r} printed more than {_MOST_BYTES} bytes; draw a value in the middle of the graph, or "
                    "save the source as .dot and try another renderer on it, or take this one off the PATH"
                )
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
    finally:
        _end(process)
    return process.returncode


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs of a program and, where there are groups of processes, of its children."""
    if hasattr(os, "killpg"):
        import signal

        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group that has ended
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


@contextmanager
def _temporary_files() -> Iterator[tuple[IO[bytes], IO[bytes], IO[bytes]]]:
    """Three files without a name: what the renderer reads, what it prints and what it says."""
    import tempfile

    try:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as plain, tempfile.TemporaryFile() as said:
            yield given, plain, said
    except OSError as error:
        raise RendererError(
            f"a renderer needs a folder for temporary files: {error}; set TMPDIR to one where files can be written"
        ) from error


def find_renderer() -> str:
    """The path of the first of dot and graphviz-pure that is installed.

    pip puts programs beside Python or into the user's folder of scripts, which need not be on the PATH.
    """
    import shutil
    import sysconfig

    if sys.platform in _WITHOUT_PROGRAMS:
        raise RendererNotFoundError(
            f"a picture needs a renderer, a program of its own, and Python on {sys.platform} cannot start any; "
            ".source and .save('graph.dot') work without: lay them out elsewhere, as in: dot -Tsvg graph.dot"
        )
    # An interpreter that is embedded in another program may not know its executable.
    beside = [os.path.dirname(sys.executable or ""), sysconfig.get_path("scripts")]
    with suppress(ValueError):  # not every platform has a place for a user's own scripts
        beside.append(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")))
    path = os.pathsep.join(filter(None, [os.environ.get("PATH", os.defpath), *beside]))
    program = shutil.which("dot", path=path) or shutil.which("graphviz-pure", path=path)
    if program is None:
        raise RendererNotFoundError(
            "a picture needs a renderer, and neither dot nor graphviz-pure was found; pip install graphviz-pure, or "
            "install Graphviz (apt install graphviz, brew install graphviz, https://graphviz.org/download) with its "
            "dot on the PATH; .source and .save('graph.dot') work without"
        )
    return program
