"""The textbook engine beside the one that serves, in one process: the package loaded a second time."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

import autograd_mini as ag

PACKAGE = Path(ag.__file__).parent


def load_textbook():
    """A second copy of the package, which serves with the textbook engine."""
    before = os.environ.get("AUTOGRAD_MINI_ENGINE")
    os.environ["AUTOGRAD_MINI_ENGINE"] = "python"
    try:
        spec = importlib.util.spec_from_file_location(
            "autograd_textbook", PACKAGE / "__init__.py", submodule_search_locations=[str(PACKAGE)]
        )
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        if before is None:
            del os.environ["AUTOGRAD_MINI_ENGINE"]
        else:
            os.environ["AUTOGRAD_MINI_ENGINE"] = before


textbook = load_textbook()
native_only = pytest.mark.skipif(ag.engine != "native", reason="the native engine does not serve")
