"""Packages of providers that only some stacks need.

Before it runs anything, Pulumi's Python host reports every Pulumi package in the environment, and the engine fetches
the plugin of each. These lie beside the environment's own, so that only a stack that registers their resources needs
their plugin: the engine fetches it with the first of them.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

FOLDER = Path(sys.prefix) / "provider-packages"


def importable(name: str) -> bool:
    """Whether a package can be imported, from the environment or from beside it."""
    if importlib.util.find_spec(name):
        return True
    if not (FOLDER / name).is_dir():
        return False
    # Last, so that it takes nothing else's place.
    sys.path.append(str(FOLDER))
    importlib.invalidate_caches()
    return True
