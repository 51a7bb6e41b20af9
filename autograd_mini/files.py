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


_HEAD = {"format", "version", "checksum"}  # what a file says of its content, which stands beside it


def write_json(path: str | os.PathLike[str], content: Any, kind: Kind | None = None) -> None:
    """Write ``content`` to a file. Until the new one is whole on the disk, a file of that name stays as it is.

    Args:
        path: the name of the file; on the way it has a name of its own in the same folder. Symbolic links are
            followed, and the permissions of a file that was there are kept.
        content: str, numbers, bools, None, lists and dicts; floats are kept to the last bit.
        kind: what it is; with None the file does not say, and has no checksum.

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

    text = json.dumps(content)
    if kind is not None:
        head = {"format": kind.format, "version": kind.version, "checksum": _checksum(text)}
        is_beside = isinstance(content, dict) and not {*_HEAD, "content"} & set(content)
        text = json.dumps({**head, **(content if is_beside else {"content": content})})
    with replacing(path) as file:
        file.write(text)


def _checksum(text: str) -> str:
    """The CRC-32 of a content as JSON: it differs whenever one bit does, or several within 32 in a row."""
    import zlib

    return f"{zlib.crc32(text.encode()):08x}"


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Hands over a text file that takes the place of ``path`` at the end, if no exception ends it."""
    target = os.path.realpath(_name(path))
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


def _name(path: Any) -> str:
    """The name of a file as a text; numbers, which stand for open files, are none."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"path is {path!r} of type {type(path).__name__}; pass the name of a file")
    return os.fsdecode(path)


def read_json(path: str | os.PathLike[str], kind: Kind | str, remedy: str) -> Any:
    """The content that ``write_json`` wrote. A file that does not say what it holds is from before they did so, and is
    taken at its word; so is one without a checksum.

    Args:
        path: the name of the file.
        kind: what it is to hold; of a file that does not say so, a noun for messages.
        remedy: what to do if it does not.

    Raises:
        ValueError: if the file is damaged, with ``remedy`` for what to do; if it holds something else, or comes from a
            newer version of this package.
        OSError: if it cannot be read.
    """
    return _read(path, (kind if isinstance(kind, Kind) else Kind("", 0, kind, ""),), remedy)[1]


def read_part(path: str | os.PathLike[str], part: str, remedy: str, *whole: Kind) -> Any:
    """A part of a checkpoint, or all that there is in a file of a kind that is ``whole`` such a part.

    Raises:
        ValueError: as ``read_json``, and if the checkpoint has no such part.
        OSError: if it cannot be read.
    """
    kind, content = _read(path, (*whole, CHECKPOINT), remedy)
    if kind is not CHECKPOINT:
        return content
    if not isinstance(content, dict) or part not in content:
        raise ValueError(f"{os.fspath(path)} does not hold {kind.noun}: it has no {part!r}; {remedy}")
    return content[part]


def _read(path: str | os.PathLike[str], kinds: tuple[Kind, ...], remedy: str) -> tuple[Kind, Any]:
    """What a file holds, which is one of several kinds; the first, if it does not say which."""
    import json

    name, noun = _name(path), kinds[0].noun
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        parts = set(found) if isinstance(found, dict) else set()
        rest = {name: part for name, part in found.items() if name not in _HEAD} if parts else {}
        content = rest["content"] if set(rest) == {"content"} else rest
        checksum = _checksum(json.dumps(content))
    except (ValueError, RecursionError) as error:  # too deep for the reader: nothing that was written here
        raise ValueError(f"{name} does not hold {noun}: {error}; {remedy}") from None
    if "format" not in parts or not isinstance(found["format"], str):
        if "checksum" in parts and isinstance(found["checksum"], str):  # a number that is so called is a weight
            raise ValueError(f"{name} does not hold {noun}: it is damaged, as it has no format; {remedy}")
        return kinds[0], found
    form, version = found["format"], found.get("version")
    if form not in _KINDS:
        raise ValueError(f"{name} is of the format {form!r}, which this autograd_mini does not know; update it")
    kind = _KINDS[form]
    if kind not in kinds:
        raise ValueError(f"{name} holds {kind.noun} and not {noun}; {kind.use}")
    if type(version) is int and version > kind.version:
        raise ValueError(
            f"{name} holds {kind.noun} of version {version}, and this autograd_mini reads those up to {kind.version}; "
            "update it"
        )
    is_old = "checksum" not in parts and set(rest) == {"content"}  # from before files had one
    if type(version) is not int or version < 1 or not ("checksum" in parts or is_old):
        told = f"its version is {version!r}, its checksum {found.get('checksum')!r}"
        raise ValueError(f"{name} does not hold {noun}: {told}; {remedy}")
    if not is_old and found["checksum"] != checksum:
        raise ValueError(f"{name} does not hold {noun}: it is damaged, as its content has another checksum; {remedy}")
    return kind, content
