"""Whether the stack's registry answers and takes the log-in that images are pushed with, before anything is touched."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from infra.settings import Settings
from pipelines.errors import InputError, Problem, problems_in
from registry.client import Credentials, Registry, docker_credentials
from registry.errors import RegistryError, RegistryRefusedError

REACHABLE = "correct registry.server in the stack file, or look at the network"
#: What OpenSSL says of a certificate, and what to do about it.
OUT_OF_DATE = re.compile("certificate has expired|certificate is not yet valid")
RENEW = "have the registry's certificate renewed; where its dates are right, set this machine's clock: date shows it"


@dataclass(frozen=True)
class LogIn:
    """A server, the Docker configuration with the log-in to it, and the ways out when either fails."""

    server: str
    configuration: Path
    repair: str
    reach: str = REACHABLE
    authority: Path | None = None

    @classmethod
    def of_user(cls, server: str, authority: Path | None = None) -> LogIn:
        """As Docker's clients find it: ``DOCKER_CONFIG``, else ``~/.docker``."""
        folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        return cls(server, folder / "config.json", f"docker login {server}", authority=authority)

    def credentials(self) -> Credentials | None:
        """The log-in, None where there is none. Raises InputError when it cannot be read."""
        path, server = self.configuration, self.server
        try:
            return docker_credentials(path.parent).get(server)
        except (ValueError, KeyError, TypeError, AttributeError):
            problem = Problem(str(path), "", "something else", "a Docker configuration, as JSON", self.repair)
            raise InputError([problem]) from None
        except RegistryError as error:
            expected = "a credential helper that answers"
            fix = f"install or repair it, or docker login {server} without it"
            raise InputError([Problem(str(path), f"auths.{server}", str(error), expected, fix)]) from None

    def check(self) -> None:
        """Raise InputError unless the server answers and takes the log-in."""
        credentials = self.credentials()
        if error := failure(self.server, credentials, self.authority):
            raise InputError([self.problem(error, credentials)])

    def problem(self, error: RegistryError, credentials: Credentials | None) -> Problem:
        """What the registry's failure means to who reads it."""
        server = self.server
        if isinstance(error, RegistryRefusedError):
            found = f"user {credentials.username}, refused by {server}" if credentials else "no log-in"
            path = str(self.configuration)
            return Problem(path, f"auths.{server}", found, f"a log-in that {server} takes", self.repair)
        found = str(error.__cause__ or error)
        return Problem(f"registry {server}", "", found, "an answer", RENEW if OUT_OF_DATE.search(found) else self.reach)


def failure(server: str, credentials: Credentials | None, authority: Path | None = None) -> RegistryError | None:
    """Why the server does not answer, or does not take the log-in; None where it does."""
    try:
        with Registry(server, credentials, authority=authority) as registry:
            registry.check()
    except RegistryError as error:
        return error
    return None


def check(settings: Settings, stack_file: str) -> None:
    """Raise InputError unless the stack's registry takes what images are pushed with, and what pods pull with."""
    server, authority = settings.registry.server, settings.registry.authority
    problems = problems_in(LogIn.of_user(server, authority).check)
    for index, entry in enumerate(settings.registry_credentials):
        # Once is enough for one that does not answer.
        if entry.server == server and not any(problem.file == f"registry {server}" for problem in problems):
            pulled = Credentials(entry.username, entry.password.get_secret_value())
            problems += _refused(server, pulled, stack_file, f"registryCredentials[{index}]", authority)
    if problems:
        raise InputError(problems)


def _refused(server: str, credentials: Credentials, file: str, key: str, authority: Path | None) -> tuple[Problem, ...]:
    # Another failure is told of the push already.
    if not isinstance(failure(server, credentials, authority), RegistryRefusedError):
        return ()
    found, expected = f"user {credentials.username}, refused by {server}", f"a log-in that {server} takes"
    return (Problem(file, key, found, expected, f"pulumi config set --secret --path '{key}.password'"),)
