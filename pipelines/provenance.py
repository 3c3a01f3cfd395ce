"""How an image came to be, as an in-toto statement with SLSA provenance; it lies beside the build, not in the image.

https://in-toto.io/Statement/v1, https://slsa.dev/provenance/v1
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipelines.images import Image

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md"


@dataclass(frozen=True)
class Revision:
    """A commit of the repository that was built; ``clean`` says that the files were the commit's."""

    repository: str
    commit: str
    clean: bool


@dataclass(frozen=True)
class Run:
    """One build: what built, in which version, from when to when (seconds since the epoch)."""

    builder: str
    began: float
    ended: float
    revision: Revision | None


def statement(
    image: Image, digest: str, arguments: Mapping[str, str], run: Run, base: tuple[str, str] | None, lock: str | None
) -> str:
    """JSON. ``base`` is the reference and digest of the base folder's image, ``lock`` the sha256 of the lock."""
    document = {
        "_type": STATEMENT,
        "subject": [{"name": image.reference, "digest": _digest(digest)}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "context": f"images/{image.name}",
                    "platforms": [*image.platforms],
                    "buildArguments": dict(sorted(arguments.items())),
                    "namedContexts": sorted(image.contexts),
                    "systemPackages": [*image.system_packages],
                },
                "internalParameters": {
                    "contentKey": image.key,
                    "sourceIsCommit": bool(run.revision and run.revision.clean),
                },
                "resolvedDependencies": _dependencies(image, run.revision, base, lock),
            },
            "runDetails": {
                "builder": {"id": run.builder},
                "metadata": {"startedOn": _time(run.began), "finishedOn": _time(run.ended)},
            },
        },
    }
    return json.dumps(document, indent=2) + "\n"


def _dependencies(
    image: Image, revision: Revision | None, base: tuple[str, str] | None, lock: str | None
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if revision:
        found.append({"uri": f"git+{revision.repository}", "digest": {"gitCommit": revision.commit}})
    if base:
        found.append({"uri": f"oci:{base[0]}", "digest": _digest(base[1])})
    if image.upstream:
        reference, _, digest = image.upstream.partition("@")
        found.append({"uri": f"oci:{reference}", **({"digest": _digest(digest)} if digest else {})})
    if lock:
        found.append({"uri": f"images/{image.name}/requirements.lock", "digest": {"sha256": lock}})
    return found


def _digest(digest: str) -> dict[str, str]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
