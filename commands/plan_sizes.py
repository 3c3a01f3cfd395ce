"""What a registry says of the images that a change touches: their bytes to pull, before and after."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from local.machine import Machine
from local.registry_log_in import of_machine
from pipelines.errors import InputError
from plan import causes
from plan.model import Plan
from registry.client import Registry
from registry.errors import RegistryError
from registry.layer_sizes import AT_ONCE
from registry.reference import Reference


def asked(before: Plan, after: Plan) -> tuple[dict[str, int], tuple[str, ...]]:
    """Reference -> bytes, of those that are in their registry; and why a registry told nothing."""
    touched = causes.images(before, after)
    wanted = {reference for change in touched for reference in (change.before, change.after) if reference}
    servers: dict[str, list[str]] = {}
    for reference in sorted(wanted):
        servers.setdefault(Reference.parse(reference).server, []).append(reference)
    found: dict[str, int] = {}
    problems = []
    for server, references in servers.items():
        try:
            found |= _of(server, references)
        except (RegistryError, InputError) as error:
            problems.append(" ".join(str(error).split()))
    return found, tuple(problems)


def _of(server: str, references: Iterable[str]) -> dict[str, int]:
    listed = list(references)
    log_in = of_machine(Machine.here(), server)
    with Registry(server, log_in.credentials()) as registry, ThreadPoolExecutor(AT_ONCE) as pool:
        sizes = zip(listed, pool.map(registry.size, listed), strict=True)
        return {reference: size for reference, size in sizes if size is not None}
