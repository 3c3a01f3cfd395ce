"""What must hold of a built image, checked on what its layers and its configuration say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines.images import Image
from pipelines.installed import Installed, lock_differences, system_differences
from pipelines.secret_findings import Finding, in_history

SHOWN = 5


@dataclass(frozen=True)
class Check:
    """One question to an image: ``problems`` is empty where it holds, ``detail`` says what was seen."""

    name: str
    detail: str
    problems: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class Seen:
    """What was seen of an image: its own run configuration and that of what it stands on, history, packages, findings.

    ``below`` is of the base folder's image, or of the upstream image where it stands on none.
    """

    run: Mapping[str, object]
    below: Mapping[str, object]
    history: Sequence[str]
    installed: Installed
    upstream: Installed
    layer_findings: Sequence[Finding]


def checks(image: Image, seen: Seen, known: Mapping[str, bytes]) -> tuple[Check, ...]:
    """All but the smoke command, which must run. ``known`` are secrets of the machine: what -> value."""
    entry = _words(seen.run.get("Entrypoint"))
    found = [*in_history(seen.history, known), *seen.layer_findings]
    return (
        Check("user", _user(seen.run) or "none", tuple(_user_problems(image, seen))),
        Check("entrypoint", " ".join(entry) or "none", tuple(_entrypoint_problems(image, entry, seen.below))),
        Check("no secrets", f"{len(seen.history)} steps", tuple(f"{one.where}: {one.what}" for one in found)),
        Check("packages", _counted(image, seen), tuple(_package_problems(image, seen))),
    )


def smoke_check(image: Image, exit_code: int, output: str) -> Check:
    """Of a smoke command that ran: its last lines where it failed."""
    command = " ".join(image.smoke or ())
    if exit_code == 0:
        return Check("smoke", command)
    return Check("smoke", command, (f"exit code {exit_code}", *output.rstrip().splitlines()[-20:]))


def shown(problems: Iterable[str]) -> list[str]:
    """The first few, and how many more there are."""
    told = [*problems]
    return [*told[:SHOWN], *([f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else [])]


def _user(run: Mapping[str, object]) -> str:
    return str(run.get("User") or "")


def _user_problems(image: Image, seen: Seen) -> Iterator[str]:
    user, expected = _user(seen.run), _user(seen.below)
    name = user.partition(":")[0]
    if name in ("", "0", "root"):
        yield "root: pods of the restricted standard do not start; end the Dockerfile with USER <number>"
    elif not name.isdigit():
        yield f"{user!r}: the kubelet cannot tell that a name is not root; write its number"
    elif image.base and user != expected:
        yield f"{user!r}, and {expected!r} in {image.base}: end the Dockerfile with USER {expected}"


def _entrypoint_problems(image: Image, entry: Sequence[str], below: Mapping[str, object]) -> Iterator[str]:
    expected = _words(below.get("Entrypoint"))
    if image.profile == "base" or (not entry and not expected):
        return
    if image.profile == "worker" and entry != expected:
        yield f"Airflow starts its workers through {' '.join(expected)}: remove ENTRYPOINT from the Dockerfile"
    elif image.base and not entry:
        yield f"removed, and tasks are run by {' '.join(expected)}"


def _package_problems(image: Image, seen: Seen) -> Iterator[str]:
    yield from lock_differences(seen.installed, seen.upstream, image.packages, may_replace=image.profile == "task")
    yield from system_differences(seen.installed, image.system_packages)


def _counted(image: Image, seen: Seen) -> str:
    names = {one.name for one in seen.installed.distributions}
    return f"{len(image.packages)} locked, {len(names)} of Python and {len(seen.installed.system)} of Debian installed"


def _words(value: object) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list | tuple) else []
