"""The words of the interpreter, which change from version to version: asked of it, and never written down."""

import pytest


def said_by(call):
    """The message of the exception that a call of plain floats raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return str(caught.value)
