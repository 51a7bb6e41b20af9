"""What pytest finds by its entry point: ``check_grads`` as a fixture. Every run of pytest in an environment with this
package loads this module, so it does nothing until the fixture is asked for."""

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def check_grads() -> Callable[..., None]:
    """``autograd_mini.testing.check_grads``: fails the test if a derivative of the function is wrong."""
    from .testing import check_grads

    return check_grads
