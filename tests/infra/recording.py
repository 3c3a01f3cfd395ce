"""What tests read from a recorded run of the program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plan.recording import Recording, Registration, record

__all__ = ["Recording", "Registration", "containers", "record", "strings"]


def containers(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every container of a pod's spec, init containers too."""
    yield from pod.get("initContainers") or ()
    yield from pod["containers"]


def strings(value: Any) -> Iterator[str]:
    """Every string in nested inputs, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from strings(item)
