"""JSON files that are whole at any moment, whatever happens while they are written, and that say what they hold."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """What a file may hold.

    Attributes:
        format: its name in the file.
        version: the newest version of its content. Whoever changes the content raises it, and reads the older ones.
        noun: its name in messages.
        use: what a file of this kind is for.
    """

    format: str
    version: int
    noun: str
    use: str


WEIGHTS = Kind("autograd_mini weights", 1, "saved weights", "load it with the .load() of a module")
CHECKPOINT = Kind("autograd_mini checkpoint", 1, "a checkpoint", "continue from it with fit(checkpoint=...)")
_KINDS = {kind.format: kind for kind in (WEIGHTS, CHECKPOINT)}


def write_json(path: str | os.PathLike[str], content: Any, kind: Kind) -> None:
    """Write ``content`` to a file. Until the new one is whole on the disk, a file of that name stays as it is.

    Args:
        path: the name of the file; on the way it has a name of its own in the same folder. Symbolic links are
            followed, and the permissions of a file that was there are kept.
        content: str, numbers, bools, None, lists and dicts; floats are kept to the last bit.
        kind: what it is.

    Raises:
        OSError: if the file cannot be written; nothing is left of it then.
        ValueError: if ``path`` is no file but a pipe or a device.

    >>> import os.path, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(os.path.join(folder, "pi.json"), {"pi": 3.14}, WEIGHTS)
    ...     read_json(os.path.join(folder, "pi.json"), WEIGHTS, "write it again")
    {'pi': 3.14}
    """
    import json  # here and below: most programs neither save nor load

    text = json.dumps({"format": kind.format, "version": kind.version, "content": content})
    with replacing(path) as file:
        file.write(text)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Hands over a text file that takes the place of ``path`` at the end, if no exception ends it."""
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target) and not os.path.isdir(target):
        raise ValueError(f"{os.fspath(path)!r} is no file but a pipe or a device; write to a file and copy that")
    part = f"{target}.{os.urandom(6).hex()}.part"
    try:
        with open(part, "x", encoding="utf-8") as file:
            if os.path.exists(target):
                os.chmod(part, stat.S_IMODE(os.stat(target).st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())  # or after a crash of the machine the new name might stand for an empty file
        os.replace(part, target)
    except BaseException:
        with suppress(OSError):
            os.remove(part)
        raise


def read_json(path: str | os.PathLike[str], kind: Kind, remedy: str) -> Any:
    """The content that ``write_json`` wrote. A file that does not say what it holds is from before they did so, and is
    taken at its word.

    Raises:
        ValueError: if the file is damaged, with ``remedy`` for what to do; if it holds something else, or comes from a
            newer version of this package.
        OSError: if it cannot be read.
    """
    import json

    name = os.fspath(path)
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (ValueError, RecursionError) as error:  # too deep for the reader: nothing that was written here
        raise ValueError(f"{name} does not hold {kind.noun}: {error}; {remedy}") from None
    if not isinstance(found, dict) or not isinstance(found.get("format"), str):
        return found
    form, version = found["format"], found.get("version")
    if form not in _KINDS:
        raise ValueError(f"{name} is of the format {form!r}, which this autograd_mini does not know; update it")
    if form != kind.format:
        raise ValueError(f"{name} holds {_KINDS[form].noun} and not {kind.noun}; {_KINDS[form].use}")
    if type(version) is int and version > kind.version:
        raise ValueError(
            f"{name} holds {kind.noun} of version {version}, and this autograd_mini reads those up to {kind.version}; "
            "update it"
        )
    if type(version) is not int or version < 1 or "content" not in found:
        parts = f"its version is {version!r}, and its other parts are {sorted(set(found) - {'format', 'version'})}"
        raise ValueError(f"{name} does not hold {kind.noun}: {parts}; {remedy}")
    return found["content"]
