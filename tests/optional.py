"""Modules that an extra of setup.cfg brings, for tests of which most do without."""

import importlib

import pytest


class Missing:
    """In place of a module: a test skips where it uses it."""

    def __init__(self, reason):
        self._reason = reason

    def __getattr__(self, name):
        pytest.skip(self._reason)


def optional(module, extra):
    """The module, or what skips every test that uses it, with the name of the extra."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        return Missing(f"needs the extra {extra}: no module {module}")
