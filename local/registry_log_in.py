"""The log-in that images are pushed with from this machine, to its own registry or to another."""

from __future__ import annotations

from infra.registry_log_in import LogIn
from local.machine import Machine

WRITTEN_ANEW = "make down, then make up, which writes it anew"
STARTED = "make status shows what runs, make up starts it"


def of_machine(machine: Machine, server: str) -> LogIn:
    """The platform's for its own registry, else the user's."""
    if server == machine.registry:
        return LogIn(server, machine.docker_config / "config.json", WRITTEN_ANEW, STARTED)
    return LogIn.of_user(server)
