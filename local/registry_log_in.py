"""The log-in that images are pushed with from this machine, to its own registry or to another."""

from __future__ import annotations

from infra.registry_log_in import LogIn
from local.machine import Machine
from pipelines.errors import Problem
from registry.client import Credentials, RegistryError

WRITTEN_ANEW = "make down, then make up, which writes it anew"
STARTED = "make status shows what runs, make up starts it"


def of_machine(machine: Machine, server: str) -> LogIn:
    """The platform's for its own registry, else the user's."""
    if server == machine.registry:
        return LogIn(server, machine.docker_config / "config.json", WRITTEN_ANEW, STARTED)
    return LogIn.of_user(server)


def log_in(machine: Machine, server: str) -> Credentials | None:
    """The log-in for a server, None where there is none. Raises InputError when it cannot be read."""
    return of_machine(machine, server).credentials()


def check(machine: Machine, server: str) -> None:
    """Raise InputError unless the server answers and takes the log-in."""
    of_machine(machine, server).check()


def problem(error: RegistryError, machine: Machine, server: str, credentials: Credentials | None) -> Problem:
    """What a registry's failure means to who reads it."""
    return of_machine(machine, server).problem(error, credentials)
