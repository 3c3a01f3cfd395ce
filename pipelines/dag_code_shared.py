"""What several tasks of a generated DAG file say alike: said once, in a dictionary that each of them unpacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.python_source import Name, Value


@dataclass(frozen=True)
class Shared:
    """A dictionary of the file, by the name that the file has for it; an empty one is not written."""

    name: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def taken_from(self, said: Mapping[str, Value]) -> tuple[Mapping[str, Value], Name | None]:
        """What is left to say beside ``**name``: all of it, and None, where the dictionary says anything else."""
        if not self.values or any(key not in said or said[key] != value for key, value in self.values.items()):
            return said, None
        return {key: value for key, value in said.items() if key not in self.values}, Name(self.name)


def alike(said: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """What all of them say, with one value each; nothing where there is but one."""
    if len(said) < 2:
        return {}
    first, *others = said
    return {key: value for key, value in first.items() if all(key in other and other[key] == value for other in others)}
