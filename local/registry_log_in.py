"""Whether a registry answers and takes the log-in that images are pushed with."""

from __future__ import annotations

import os
from pathlib import Path

from local.machine import Machine
from pipelines.errors import InputError, Problem
from registry.client import Credentials, Registry, RegistryError, RegistryRefusedError, docker_credentials

WRITTEN_ANEW = "make down, then make up, which writes it anew"


def configuration(machine: Machine, server: str) -> Path:
    """The Docker configuration that holds the log-in: the platform's for its own registry, else the user's."""
    user = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    return (machine.docker_config if server == machine.registry else user) / "config.json"


def log_in(machine: Machine, server: str) -> Credentials | None:
    """The log-in for a server, None where there is none. Raises InputError when it cannot be read."""
    path = configuration(machine, server)
    try:
        return docker_credentials(path.parent).get(server)
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = Problem(str(path), "", "something else", "a Docker configuration, as JSON", _repair(machine, server))
        raise InputError([problem]) from None
    except RegistryError as error:
        expected, fix = "a credential helper that answers", f"install or repair it, or docker login {server} without it"
        raise InputError([Problem(str(path), f"auths.{server}", str(error), expected, fix)]) from None


def check(machine: Machine, server: str) -> None:
    """Raise InputError unless the server answers and takes the log-in."""
    credentials = log_in(machine, server)
    with Registry(server, credentials) as registry:
        try:
            registry.check()
        except RegistryError as error:
            raise InputError([problem(error, machine, server, credentials)]) from None


def problem(error: RegistryError, machine: Machine, server: str, credentials: Credentials | None) -> Problem:
    """What a registry's failure means to who reads it."""
    if isinstance(error, RegistryRefusedError):
        found = f"user {credentials.username}, refused by {server}" if credentials else "no log-in"
        path = str(configuration(machine, server))
        return Problem(path, f"auths.{server}", found, f"a log-in that {server} takes", _repair(machine, server))
    start = "make status shows what runs, make up starts it"
    fix = start if server == machine.registry else "correct registry.server in the stack file, or look at the network"
    return Problem(f"registry {server}", "", str(error.__cause__ or error), "an answer", fix)


def _repair(machine: Machine, server: str) -> str:
    return WRITTEN_ANEW if server == machine.registry else f"docker login {server}"
