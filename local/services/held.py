"""Passwords and certificates of the example services: drawn once, kept in the platform's state until ``make purge``."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from local import files
from local.machine import Machine
from local.services.service import Held, Service
from pipelines.errors import InputError, Problem

NONE_YET = "none-yet"
BYTES = 24


def keep(machine: Machine, services: Iterable[Service]) -> None:
    """Draw what is not there yet. Only one process may do so at a time: the others read."""
    # Here, not above: commands that only read wait for no cryptography.
    from local.certificates import Authority, Identity

    files.folder(_folder(machine), 0o700)
    kept = _read(machine)
    for service in services:
        own = kept.setdefault(service.name, {})
        for name in service.drawn:
            own.setdefault(name, secrets.token_urlsafe(BYTES))
        if service.tls:
            authority = Authority(_certificates(machine))
            authority.ensure()
            authority.issue(service.name, Identity(service.name, names=service.hosts))
    files.write(_file(machine), json.dumps(kept, indent=1, sort_keys=True), 0o600)


def held(machine: Machine, service: Service) -> Held:
    """What is kept for a service; before the platform first starts there is none, and what stands in serves to check.

    Raises InputError where the file is there and broken.
    """
    kept = _read(machine).get(service.name, {})
    values = {name: kept.get(name, NONE_YET) for name in service.drawn}
    issued = _certificates(machine) / f"{service.name}.pem"
    if not service.tls or not issued.exists():
        return Held(values)
    return Held(values, issued.read_text(), (_certificates(machine) / "ca.pem").read_text())


def _read(machine: Machine) -> dict[str, dict[str, str]]:
    path = _file(machine)
    if not path.exists():
        return {}
    try:
        kept = json.loads(path.read_text())
    except ValueError:
        kept = None
    if not isinstance(kept, dict) or not all(_is_texts(values) for values in kept.values()):
        expected, fix = "the passwords of each service, as JSON", "make purge, then make up: the old ones are lost"
        raise InputError([Problem(str(path), "", "no whole set of passwords", expected, fix)])
    return kept


def _is_texts(values: object) -> bool:
    return isinstance(values, Mapping) and all(isinstance(value, str) and value for value in values.values())


def _folder(machine: Machine) -> Path:
    return machine.state / "services"


def _file(machine: Machine) -> Path:
    return _folder(machine) / "passwords.json"


def _certificates(machine: Machine) -> Path:
    # Not the cluster's own authority: what that issues may be a client of the API server.
    return _folder(machine) / "certificates"
