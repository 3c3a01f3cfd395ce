"""The rules on records as they were seen on clusters; and that a stack that is well has nothing found."""

from __future__ import annotations

import pytest

from diagnosis.records import Evidence, Fault, Observed, Pod, PublishedImage, PullSecret
from diagnosis.rules import FAULTS, diagnose
from diagnosis.signs import DEPENDENCIES, NOT_FOUND, POD, REFUSED, SIGNS, UNREACHABLE

SERVER = "localhost:5000"
IMAGE = f"{SERVER}/local/pipeline-letters:1.0.0-0123456789ab"
PULLED = f'Failed to pull image "{IMAGE}": failed to pull and unpack image "{IMAGE}"'
SECRETS = tuple(PullSecret(name, "registry", True, {SERVER: "yes"}) for name in ("core", "tasks"))
WELL = Observed(SERVER, ("core", "tasks"), secrets=SECRETS, images=(PublishedImage("letters", IMAGE, "yes"),))
#: Evidence -> the finding, and what its cause must say.
SEEN = {
    "no such tag": (
        Evidence("waiting", f'ErrImagePull: rpc error: code = NotFound desc = {PULLED}: "{IMAGE}": not found', "base"),
        (NOT_FOUND, f"{IMAGE} is not in the registry"),
    ),
    "backing off": (
        Evidence("waiting", f'ImagePullBackOff: Back-off pulling image "{IMAGE}": ErrImagePull: not found', "base"),
        (NOT_FOUND, f"{IMAGE} is not in the registry"),
    ),
    "told by an event": (Evidence("event", f"Failed: {PULLED}: manifest unknown"), (NOT_FOUND, IMAGE)),
    "no log-in": (
        Evidence("waiting", "ErrImagePull: failed to authorize: no basic auth credentials: 401 Unauthorized", "base"),
        (REFUSED, "the pod names no Secret"),
    ),
    "refused, and perhaps not there": (
        Evidence("event", f"Failed: {PULLED}: pull access denied, repository does not exist or may require"),
        (REFUSED, "refuses"),
    ),
    "registry away": (
        Evidence("waiting", "ErrImagePull: dial tcp 127.0.0.1:5000: connect: connection refused", "base"),
        (UNREACHABLE, "cannot reach the registry"),
    ),
    "a module that is not there": (
        Evidence("log", "ModuleNotFoundError: No module named 'pandas'", "base"),
        (DEPENDENCIES, f"{IMAGE} lacks the module pandas"),
    ),
    "versions that do not fit": (
        Evidence("log", "ImportError: cannot import name 'Sentinel' from 'typing_extensions' (/x.py)", "base"),
        (DEPENDENCIES, "cannot import name 'Sentinel'"),
    ),
    "compiled against another": (
        Evidence("log", "ValueError: numpy.dtype size changed, may indicate binary incompatibility", "base"),
        (DEPENDENCIES, "numpy.dtype size changed"),
    ),
    "out of memory": (Evidence("ended", "OOMKilled: exit code 137", "base"), (POD, "its memory limit of 256Mi")),
    "ended": (Evidence("ended", "Error: exit code 3", "base"), (POD, "exit code 3: its log says nothing")),
    "no such program": (
        Evidence("ended", 'StartError: exec: "run": executable file not found in $PATH: exit code 128', "base"),
        (POD, "cannot start: exec"),
    ),
    "no Secret": (
        Evidence("waiting", 'CreateContainerConfigError: secret "warehouse" not found', "base"),
        (POD, "secret warehouse is missing"),
    ),
    "root": (
        Evidence(
            "waiting", "CreateContainerConfigError: container has runAsNonRoot and image will run as root", "base"
        ),
        (POD, "runAsNonRoot and image will run as root"),
    ),
    "no room": (Evidence("pod", "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."), (POD, "no node takes")),
    "deadline": (Evidence("pod", "DeadlineExceeded: Pod was active on the node longer"), (POD, "its deadline")),
    "evicted": (Evidence("pod", "Evicted: The node was low on resource: memory."), (POD, "low on resource")),
    "quota": (
        Evidence(
            "event", 'FailedCreate: Error creating: pods "x" is forbidden: exceeded quota: tasks, requested: cpu=4'
        ),
        (POD, "exceeded quota: tasks"),
    ),
    "not restricted": (
        Evidence("event", "FailedCreate: Error creating: violates PodSecurity restricted:latest"),
        (POD, "violates PodSecurity"),
    ),
    "no volume": (
        Evidence("event", 'FailedMount: MountVolume.SetUp failed for volume "x"'),
        (POD, "cannot be mounted"),
    ),
    "not ready": (Evidence("event", "Unhealthy: Readiness probe failed: 503"), (POD, "Readiness probe failed")),
    "no reference": (
        Evidence("waiting", "InvalidImageName: couldn't parse image", "base"),
        (POD, "no image reference"),
    ),
    "starts again and again": (
        Evidence("waiting", "CrashLoopBackOff: back-off 40s", "base"),
        (POD, "CrashLoopBackOff"),
    ),
    "unknown to us": (Evidence("pod", "NodeLost: gone"), (POD, "NodeLost: gone")),
}


def pod(*evidence: Evidence, pull_secrets: tuple[str, ...] = (), gone: bool = False) -> Pod:
    return Pod("tasks", "letters-x", evidence, {"base": IMAGE}, {"base": "256Mi"}, pull_secrets, gone)


def with_pod(one: Pod, *secrets: PullSecret) -> Observed:
    return Observed(SERVER, WELL.namespaces, pods=(one,), secrets=secrets)


def test_nothing_is_found_where_all_is_well() -> None:
    assert diagnose(WELL) == ()


@pytest.mark.parametrize("name", SEEN)
def test_a_pod_s_trouble_is_named(name: str) -> None:
    evidence, (finding, cause) = SEEN[name]
    (found,) = diagnose(with_pod(pod(evidence)))
    assert found.finding == finding
    assert cause in found.cause
    assert found.where == "pod tasks/letters-x"
    assert "{" not in found.cause + found.fix


def test_every_sign_is_seen_somewhere() -> None:
    """A sign that another always comes before names nothing."""

    def first(evidence: Evidence) -> int:
        fits = (sign for sign in SIGNS if evidence.source in sign.sources and sign.pattern.search(evidence.text))
        return SIGNS.index(next(fits))

    assert {first(evidence) for evidence, _ in SEEN.values()} == set(range(len(SIGNS)))


def test_the_cause_comes_before_what_follows_from_it() -> None:
    log = [Evidence("log", line, "base") for line in ("Traceback", "ModuleNotFoundError: No module named 'pandas'")]
    (found,) = diagnose(with_pod(pod(Evidence("ended", "Error: exit code 1", "base"), *log)))
    assert found.finding == DEPENDENCIES


def test_the_last_line_of_the_log_is_told() -> None:
    log = [Evidence("log", line, "base") for line in ("Traceback", "ValueError: no rows")]
    (found,) = diagnose(with_pod(pod(Evidence("ended", "Error: exit code 1", "base"), *log)))
    assert found.cause == "container base ended with exit code 1: ValueError: no rows"


@pytest.mark.parametrize(
    ("secret", "cause"),
    [
        (None, "Secret registry is missing"),
        (PullSecret("tasks", "registry", False), "Secret registry is missing"),
        (PullSecret("tasks", "registry", True), f"Secret registry holds no log-in to {SERVER}"),
        (PullSecret("tasks", "registry", True, {"ghcr.io": "yes"}), f"Secret registry holds no log-in to {SERVER}"),
        (PullSecret("tasks", "registry", True, {SERVER: "refused"}), f"{SERVER} does not take the log-in"),
        (PullSecret("tasks", "registry", True, {SERVER: "yes"}), "the log-in in Secret registry may not read it"),
    ],
)
def test_a_refused_pull_says_which_log_in_it_had(secret: PullSecret | None, cause: str) -> None:
    observed = with_pod(pod(SEEN["no log-in"][0], pull_secrets=("registry",)), *filter(None, [secret]))
    found = next(one for one in diagnose(observed) if one.where.startswith("pod"))
    assert found.finding == REFUSED
    assert cause in found.cause


@pytest.mark.parametrize(
    ("secret", "finding", "cause"),
    [
        (PullSecret("tasks", "registry", False), REFUSED, "missing"),
        (PullSecret("tasks", "registry", True, {"ghcr.io": "yes"}), REFUSED, "it has: ghcr.io"),
        (PullSecret("tasks", "registry", True, {SERVER: "refused"}), REFUSED, "does not take the log-in"),
        (PullSecret("tasks", "registry", True, {SERVER: "unreachable"}), UNREACHABLE, "no answer"),
    ],
)
def test_a_secret_is_looked_at_before_anything_pulls(secret: PullSecret, finding: str, cause: str) -> None:
    (found,) = diagnose(Observed(SERVER, WELL.namespaces, secrets=(secret,)))
    assert found.finding == finding
    assert cause in found.cause


@pytest.mark.parametrize(("answer", "findings"), [("no", [NOT_FOUND]), ("refused", [REFUSED]), ("unreachable", [])])
def test_a_published_image_is_looked_for(answer: str, findings: list[str]) -> None:
    image = PublishedImage("letters", IMAGE, answer)  # type: ignore[arg-type]
    assert [one.finding for one in diagnose(Observed(SERVER, WELL.namespaces, images=(image,)))] == findings


def test_of_a_pod_that_is_gone_only_what_lasts_counts() -> None:
    passed = Evidence("event", "Unhealthy: Readiness probe failed")
    assert diagnose(with_pod(pod(passed, gone=True))) == ()
    (found,) = diagnose(with_pod(Pod("tasks", "letters-x", (SEEN["told by an event"][0],), gone=True)))
    assert (found.finding, found.where) == (NOT_FOUND, "pod tasks/letters-x (gone)")
    assert IMAGE in found.cause


@pytest.mark.parametrize("kind", FAULTS)
def test_what_reading_met_is_a_row(kind: str) -> None:
    (found,) = diagnose(Observed(SERVER, (), faults=(Fault(kind, "somewhere", "why\nnot"),)))
    assert (found.where, found.cause) == ("somewhere", "why not")
