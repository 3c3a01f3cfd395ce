"""By which words a pod's trouble is known: one table, the first sign that fits a pod names its cause.

The words are those of kubelet, containerd and the scheduler (Kubernetes 1.34, containerd 2), and of Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from diagnosis.records import Source

NOT_FOUND = "image not found"
REFUSED = "pull refused"
UNREACHABLE = "registry unreachable"
DEPENDENCIES = "dependency conflict"
POD = "pod failure"

PULL = r"(?:ErrImagePull|ImagePullBackOff|Failed: Failed to pull image).*"
RAISE = "raise the task's resources in its DAG config"
PINS = "correct the pins in the image's pyproject.toml, then python -m commands images lock <type>"
ADD = "add the package to the image's pyproject.toml, then python -m commands images lock <type>"


@dataclass(frozen=True)
class Sign:
    """``cause`` and ``fix`` are formats over the pattern's groups, ``text``, ``container``, ``image`` and ``memory``.

    ``outlives``: told also of a pod that is gone; for others an event may be of a moment that has passed.
    """

    finding: str
    sources: frozenset[Source]
    pattern: re.Pattern[str]
    cause: str
    fix: str
    outlives: bool = False


def _sign(finding: str, sources: str, pattern: str, cause: str, fix: str, *, outlives: bool = False) -> Sign:
    kinds: frozenset[Source] = frozenset(sources.split())  # type: ignore[arg-type]
    return Sign(finding, kinds, re.compile(pattern, re.IGNORECASE | re.DOTALL), cause, fix, outlives)


SIGNS: tuple[Sign, ...] = (
    # Before "not found": a registry that refuses may add that there is no such image, to who may not know.
    _sign(
        REFUSED,
        "waiting event",
        PULL + r"(?:\b401\b|\b403\b|unauthorized|authentication required|no basic auth|authorization failed|denied)",
        "the registry refuses {image}",
        "pulumi up (make up) writes the log-in of registryCredentials into the Secret",
        outlives=True,
    ),
    _sign(
        NOT_FOUND,
        "waiting event",
        PULL + r"(?:not found|manifest unknown|name unknown|does not exist)",
        "{image} is not in the registry",
        "python -m commands images list shows the references; pulumi up (make up) builds and pushes what is missing",
        outlives=True,
    ),
    _sign(
        UNREACHABLE,
        "waiting event",
        PULL + r"(?:connection refused|no such host|i/o timeout|deadline exceeded|no route to host|x509|tls)",
        "the node cannot reach the registry of {image}",
        "look at the registry, the node's network and its certificates; make status on the one-machine platform",
        outlives=True,
    ),
    _sign(POD, "waiting", r"InvalidImageName", "{image} is no image reference", "correct the reference"),
    _sign(
        POD,
        "waiting event",
        r"(?P<kind>secret|configmap) \"(?P<name>[^\"]+)\" not found",
        "{kind} {name} is missing",
        "pulumi up --refresh (make up) makes it",
    ),
    _sign(
        POD,
        "waiting",
        r"CreateContainerConfigError: .*(?P<why>run ?as ?non-?root.*)",
        "{why}",
        "give the image a numeric USER that is not 0",
    ),
    _sign(
        POD,
        "waiting ended",
        r"(?:RunContainerError|StartError|ContainerCannotRun|CreateContainerError): (?P<why>.+)",
        "container {container} cannot start: {why}",
        "correct the image's ENTRYPOINT, or the task's command",
    ),
    _sign(
        POD,
        "ended",
        r"^OOMKilled",
        "container {container} used more than its memory limit of {memory}",
        RAISE,
    ),
    _sign(POD, "pod", r"^Evicted: (?P<why>.+)", "evicted: {why}", RAISE),
    _sign(
        POD,
        "pod",
        r"^DeadlineExceeded",
        "it ran longer than its deadline",
        "raise the task's timeout in its DAG config, or make it faster",
    ),
    _sign(
        POD,
        "pod",
        r"^Unschedulable: (?P<why>.+)",
        "no node takes it: {why}",
        "lower the task's requests in its DAG config, or add a node",
    ),
    _sign(
        POD,
        "event",
        r"^FailedCreate: .*(?P<why>exceeded quota.+)",
        "{why}",
        "wait for pods to end, lower requests, or raise the namespace's quota in the stack file",
        outlives=True,
    ),
    _sign(
        POD,
        "event",
        r"^FailedCreate: (?P<why>.+)",
        "the cluster does not admit its pod: {why}",
        "correct what it names",
        outlives=True,
    ),
    # Behind what the cluster knows: a log may hold anything.
    _sign(
        DEPENDENCIES,
        "log",
        r"ModuleNotFoundError: No module named '(?P<module>[^']+)'",
        "{image} lacks the module {module}",
        ADD,
    ),
    _sign(
        DEPENDENCIES,
        "log",
        r"(?P<why>ImportError: (?:cannot import name|.*undefined symbol).*)",
        "packages in {image} do not fit together: {why}",
        PINS,
    ),
    _sign(
        DEPENDENCIES,
        "log",
        r"(?P<why>(?:ContextualVersionConflict|VersionConflict|DistributionNotFound|numpy\.dtype size changed"
        r"|compiled using NumPy 1\.x|_ARRAY_API not found|ResolutionImpossible).*)",
        "packages in {image} do not fit together: {why}",
        PINS,
    ),
    _sign(POD, "event", r"^FailedMount: (?P<why>.+)", "a volume cannot be mounted: {why}", "correct what it names"),
    _sign(
        POD,
        "ended",
        r"exit code (?P<code>\d+)$",
        "container {container} ended with exit code {code}: {last}",
        "correct what the log says: kubectl logs, or the task's log in Airflow",
    ),
    _sign(
        POD, "waiting", r"^(?P<why>.+)", "container {container} waits: {why}", "kubectl describe pod shows its events"
    ),
    _sign(POD, "pod", r"^(?P<why>.+)", "{why}", "kubectl describe pod shows its events"),
    _sign(POD, "event", r"^Unhealthy: (?P<why>.+)", "not ready: {why}", "kubectl logs shows what it is at"),
)
