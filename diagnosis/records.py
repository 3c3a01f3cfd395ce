"""What was read of a stack, as plain records: all that the rules see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: What a registry answers: to a reference, or to a log-in.
Answer = Literal["yes", "no", "refused", "unreachable"]
#: Where a line of evidence comes from: a waiting container, one that ended, its log, an event, the pod itself.
Source = Literal["waiting", "ended", "log", "event", "pod"]


@dataclass(frozen=True)
class Evidence:
    """One line that says what is wrong: ``Reason: message``, or a line of a log. ``container`` is "" for the pod's."""

    source: Source
    text: str
    container: str = ""


@dataclass(frozen=True)
class Pod:
    """A pod that is not well, or of which only events are left (``gone``)."""

    namespace: str
    name: str
    evidence: tuple[Evidence, ...]
    images: Mapping[str, str] = field(default_factory=dict)
    memory_limits: Mapping[str, str] = field(default_factory=dict)
    pull_secrets: tuple[str, ...] = ()
    gone: bool = False


@dataclass(frozen=True)
class PullSecret:
    """A Secret with registry log-ins: ``answers`` maps each server it holds to what that says to the log-in."""

    namespace: str
    name: str
    present: bool
    answers: Mapping[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedImage:
    """An image that published DAGs name, and whether the registry holds it."""

    name: str
    reference: str
    answer: Answer


@dataclass(frozen=True)
class Fault:
    """What reading itself met: ``kind`` is one of rules.FAULTS."""

    kind: str
    where: str
    text: str


@dataclass(frozen=True)
class Observed:
    """Everything that was read of one stack; ``server`` is its registry, ``namespaces`` the core's and the tasks'."""

    server: str
    namespaces: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
    pods: tuple[Pod, ...] = ()
    secrets: tuple[PullSecret, ...] = ()
    images: tuple[PublishedImage, ...] = ()


@dataclass(frozen=True, order=True)
class Finding:
    """One row of the doctor's table."""

    finding: str
    where: str
    cause: str
    fix: str
