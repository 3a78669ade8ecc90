"""Which build runs: with modules compiled to C, or Python alone. Both answer the same.

What is looked at is what runs, not what was meant to be installed.
"""

import sys
from importlib.machinery import ExtensionFileLoader
from typing import Literal

import callstate.core.state  # noqa: F401  # so that the engine is there, whoever asks


def kind() -> Literal["compiled", "pure"]:
    """Tell whether modules of ours that are in use are compiled. O(m), m = modules in use."""
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if name.startswith("callstate.") and isinstance(
            getattr(spec, "loader", None), ExtensionFileLoader
        ):
            return "compiled"
    return "pure"
