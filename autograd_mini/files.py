"""JSON files that are whole at any moment, whatever happens while they are written."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write ``content`` to a file. Until the new one is whole on the disk, a file of that name stays as it is.

    Args:
        path: the name of the file; ``path`` with ".part" added is its name on the way.
        content: str, numbers, bools, None, lists and dicts; floats are kept to the last bit.

    Raises:
        OSError: if the file cannot be written; nothing is left of it then.

    >>> import os.path, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(os.path.join(folder, "pi.json"), {"pi": 3.14})
    ...     read_json(os.path.join(folder, "pi.json"), "number", "write it again")
    {'pi': 3.14}
    """
    import json  # here and below: most programs neither save nor load

    part = os.fspath(path) + ".part"
    try:
        with open(part, "w", encoding="utf-8") as file:
            file.write(json.dumps(content))
            file.flush()
            os.fsync(file.fileno())  # or after a crash of the machine the new name might stand for an empty file
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.remove(part)
        raise


def read_json(path: str | os.PathLike[str], noun: str, remedy: str) -> Any:
    """What ``write_json`` wrote.

    Raises:
        ValueError: if the file is damaged; ``noun`` says what it should be, ``remedy`` what to do.
        OSError: if it cannot be read.
    """
    import json

    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)} is no {noun}: {error}; {remedy}") from None
