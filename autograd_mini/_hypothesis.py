"""What hypothesis calls when it is imported: makes ``st.from_type(ag.Value)`` work.

A hook that raises would break hypothesis for everything that is installed beside this package, so it imports only what
is imported already, does nothing else, and swallows what goes wrong; the strategies themselves load at first use.
"""


def register() -> None:
    """Tell hypothesis how to draw a ``Value``; never raises."""
    try:
        import hypothesis.strategies

        from . import Value, testing

        hypothesis.strategies.register_type_strategy(Value, lambda _: testing.values())
    except Exception:
        return
