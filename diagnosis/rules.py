"""From what was read to what is wrong: each kind of record has its rule. No network, no cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from diagnosis.records import Evidence, Fault, Finding, Observed, Pod, PublishedImage, PullSecret
from diagnosis.signs import DEPENDENCIES, NOT_FOUND, REFUSED, SIGNS, UNREACHABLE, Sign
from registry.reference import Reference

APPLY = "pulumi up (make up)"
# By itself, pulumi up takes for there what its state holds.
RESTORE = "pulumi up --refresh (make up)"
LOG_IN = f"give registryCredentials of the stack a log-in that it takes, then {APPLY}"
LONGEST = 300
#: Kind of Fault -> what it is called, and the way out.
FAULTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "cluster": ("cluster unreachable", "make status, make up on the one-machine platform; else look at kubeconfig"),
        "context": ("cluster unreachable", "point KUBECONFIG at the stack's cluster, or correct kubernetes.context"),
        "forbidden": ("not looked at", "run it as somebody who may read there"),
        "absent": ("not deployed", f"{APPLY} deploys it"),
        "input": ("bad input", "correct what it names"),
        "conflict": (DEPENDENCIES, "change the pins that it names, then python -m commands images lock <type>"),
    }
)


def diagnose(observed: Observed) -> tuple[Finding, ...]:
    """Every finding, each once, sorted; nothing for a stack that is well."""
    return tuple(sorted({finding for rule in RULES for finding in rule(observed)}))


def faults(observed: Observed) -> Iterator[Finding]:
    for fault in observed.faults:
        yield _fault(fault)


def pull_secrets(observed: Observed) -> Iterator[Finding]:
    for secret in observed.secrets:
        if (finding := _pull_secret(secret, observed.server)) is not None:
            yield finding


def published_images(observed: Observed) -> Iterator[Finding]:
    for image in observed.images:
        if (finding := _published_image(image)) is not None:
            yield finding


def pods(observed: Observed) -> Iterator[Finding]:
    for pod in observed.pods:
        if (finding := _pod(pod, observed)) is not None:
            yield finding


RULES: tuple[Callable[[Observed], Iterable[Finding]], ...] = (faults, pull_secrets, published_images, pods)


def _fault(fault: Fault) -> Finding:
    name, fix = FAULTS[fault.kind]
    return Finding(name, fault.where, _short(fault.text), fix)


def _pull_secret(secret: PullSecret, server: str) -> Finding | None:
    where = f"Secret {secret.namespace}/{secret.name}"
    if not secret.present:
        return Finding(REFUSED, where, "missing: pods there pull without a log-in", f"{RESTORE} makes it")
    if server not in secret.answers:
        held = ", ".join(sorted(secret.answers)) or "none"
        return Finding(REFUSED, where, f"holds no log-in to {server}; it has: {held}", LOG_IN)
    if secret.answers[server] == "refused":
        return Finding(REFUSED, where, f"{server} does not take the log-in in it", LOG_IN)
    if secret.answers[server] == "unreachable":
        return Finding(UNREACHABLE, f"registry {server}", "no answer", "make status, or look at the network")
    return None


def _published_image(image: PublishedImage) -> Finding | None:
    where = f"image {image.name}"
    if image.answer == "no":
        return Finding(NOT_FOUND, where, f"{image.reference} is not in the registry", f"{APPLY} builds and pushes it")
    if image.answer == "refused":
        cause = f"the registry refuses to tell of {image.reference}"
        return Finding(REFUSED, where, cause, "docker login to it")
    # One that does not answer is told once, not for each image.
    return None


def _pod(pod: Pod, observed: Observed) -> Finding | None:
    for sign in SIGNS:
        if pod.gone and not sign.outlives:
            continue
        for evidence in pod.evidence:
            if evidence.source in sign.sources and (match := sign.pattern.search(evidence.text)):
                return _told(pod, sign, evidence, match.groupdict(), observed)
    return None


def _told(pod: Pod, sign: Sign, evidence: Evidence, groups: Mapping[str, str], observed: Observed) -> Finding:
    log = [one.text for one in pod.evidence if one.source == "log" and one.container == evidence.container]
    image = _image(pod, evidence)
    known = {
        "text": evidence.text,
        "container": evidence.container,
        "image": image or "its image",
        "memory": pod.memory_limits.get(evidence.container, "unknown size"),
        "last": log[-1] if log else "its log says nothing",
        **groups,
    }
    cause = sign.cause.format_map(known)
    if sign.finding == REFUSED:
        cause = f"{cause}: {_why_refused(pod, image, observed)}"
    where = f"pod {pod.namespace}/{pod.name}{' (gone)' if pod.gone else ''}"
    return Finding(sign.finding, where, _short(cause), sign.fix)


def _image(pod: Pod, evidence: Evidence) -> str:
    """The image that a line is about: of its container, or the one that an event names, or the first one."""
    if evidence.container in pod.images:
        return pod.images[evidence.container]
    named = [image for image in pod.images.values() if image in evidence.text]
    return next(iter(named or pod.images.values()), "") or _quoted(evidence.text)


def _quoted(text: str) -> str:
    parts = text.split('"')
    return parts[1] if len(parts) > 2 else ""


def _why_refused(pod: Pod, image: str, observed: Observed) -> str:
    if pod.gone:
        return "the pod is gone, see the Secrets of its namespace"
    if not pod.pull_secrets:
        return "the pod names no Secret with a log-in"
    server = Reference.parse(image).server if image else observed.server
    known = {(secret.namespace, secret.name): secret for secret in observed.secrets}
    said = []
    for name in pod.pull_secrets:
        secret = known.get((pod.namespace, name))
        if secret is None or not secret.present:
            said.append(f"Secret {name} is missing")
        elif server not in secret.answers:
            said.append(f"Secret {name} holds no log-in to {server}")
        elif secret.answers[server] == "refused":
            said.append(f"{server} does not take the log-in in Secret {name}")
        else:
            said.append(f"the log-in in Secret {name} may not read it")
    return "; ".join(said)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
