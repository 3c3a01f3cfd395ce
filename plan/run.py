"""Runs the real program on the files of a repository, and keeps what it registered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from infra import program
from infra.settings import Settings
from infra.sources import Sources
from plan.recording import Recording, Registration, record


@dataclass(frozen=True)
class Run:
    """Registrations by ``<type>::<name>``, the outputs, and the digests that stand in for those of builds to come."""

    registrations: Mapping[str, Registration]
    outputs: Mapping[str, Any]
    open_digests: frozenset[str]

    @property
    def digests(self) -> dict[str, str]:
        """Image type -> digest, of what was built already."""
        known: Mapping[str, str] = self.outputs["digests"]
        return {type_: digest for type_, digest in known.items() if digest and digest not in self.open_digests}


@dataclass
class _Planned(Recording):
    opened: set[str] = field(default_factory=set)

    def _outputs(self, kind: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        found = super()._outputs(kind, name, inputs)
        if kind == "docker-build:index:Image":
            self.opened.add(found["digest"])
        return found

    def call(self, args: Any) -> Any:
        """What a provider's function would say: a promoted image is where it was promoted to, under its digest."""
        name = str(args.args.get("name", ""))
        found = name.rpartition("@")[2] if "@sha256:" in name else _stand_in(name)
        return {**args.args, "id": found, "sha256Digest": found}


def run(settings: Settings, found: Sources, stack: str) -> Run:
    """Raises what the program raises."""
    outputs: dict[str, Any] = {}
    recording = _Planned()

    def registered() -> None:
        exports = program.register(settings, found).exports()
        pulumi.Output.from_input(exports).apply(outputs.update)

    record(registered, into=recording, stack=stack)
    entries = {f"{entry.type}::{entry.name}": entry for entry in recording.registrations}
    return Run(dict(sorted(entries.items())), outputs, frozenset(recording.opened))


def _stand_in(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
