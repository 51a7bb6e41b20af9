"""What pytest reads first: how many examples a property gets; scripts that make stored numbers are no tests."""

from hypothesis import settings

collect_ignore = ["data"]


def pytest_addoption(parser):
    parser.addoption(
        "--examples", type=int, default=100, help="examples of a property; the main laws take three times as many"
    )


def pytest_configure(config):
    settings.register_profile("examples", max_examples=config.getoption("--examples"), deadline=None)
    settings.load_profile("examples")
