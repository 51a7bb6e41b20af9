"""What pytest loads: ``check_grads`` as a fixture, which imports the package when a test asks for it."""

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def check_grads() -> Callable[..., None]:
    """``autograd_mini.testing.check_grads``: fails the test if a derivative of the function is wrong."""
    from autograd_mini.testing import check_grads

    return check_grads
