"""What pytest and hypothesis find by their entry points, installed beside the package as ``autograd_mini_plugins``.

Every run of pytest and every import of hypothesis loads these modules, in all projects of an environment. A module of
the package cannot be loaded without the package, so they are none: where ``autograd_mini`` cannot be imported, it does
no harm to those who do not use it, and coverage begins to measure before it is imported.
"""

import sys


def register() -> None:
    """What hypothesis calls when it is imported: makes ``st.from_type(ag.Value)`` work; never raises.

    If the package was not imported yet, there is nothing to do: it tells hypothesis by itself when it is.
    """
    tell = getattr(sys.modules.get("autograd_mini"), "_tell_hypothesis", None)
    if tell is not None:
        tell()
