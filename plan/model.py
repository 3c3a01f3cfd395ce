"""``plan.json``: everything that a stack would hold, as plain data. Mappings are sorted by key; no value is a secret.

In ``inputs``, a secret stands as ``encrypted (<hash>)`` when its value comes from ciphertext of the stack file,
``generated (<hash>)`` when the engine draws it, and ``hidden (<hash>)`` otherwise; the hash is of stand-ins, never of a
generated value. Text over 500 characters stands as ``text of <n> characters, sha256 <hash>``; it is whole in
``resources/``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Literal[1] = 1
FILE = "plan.json"


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChartPlan(Record):
    """The Helm chart: where the stack takes it from, and whether one was at hand to be rendered."""

    source: str
    at_hand: bool = Field(description="Whether a chart was on this machine; without one, rendered is empty.")
    version: str | None = None
    sha256: str | None = Field(None, description="Of the files of the chart at hand.")


class RecordedBuild(Record):
    """What images/built.json holds of an image: of this content, or of what was built before it."""

    key: str
    to_pull: int = Field(description="Bytes, compressed.")


class ImagePlan(Record):
    """One image. ``key`` is the content key; files are by posix path: kind and the first digits of their sha256."""

    reference: str
    key: str
    version: str
    profile: str
    base: str | None = Field(description="Another image of this repository that it stands on.")
    upstream: str | None = Field(description="An image of others that it stands on.")
    platforms: tuple[str, ...]
    build_arguments: Mapping[str, str]
    declared: Mapping[str, Any] = Field(description="The rest of [tool.dag-image].")
    dag_types: tuple[str, ...]
    digest: str | None = Field(description="None until it is built; known where it was promoted.")
    files: Mapping[str, str]
    packages: Mapping[str, str] = Field(description="The image's own lock: name -> version.")
    recorded: RecordedBuild | None = Field(None, description="The last build that was recorded.")


class TaskPlan(Record):
    """One task; ``image`` is the reference that its pod runs, with the digest where it is known."""

    kind: str
    type: str
    image: str
    sha256: str = Field(description="Of what the config says of the task.")


class DagPlan(Record):
    file: str
    schedule: str | None
    sha256: str = Field(description="Of the config.")
    source_sha256: str
    tasks: Mapping[str, TaskPlan]


class ResourcePlan(Record):
    """One registration; the key in ``resources`` is ``<type>::<name>``, so are parent, provider and dependencies."""

    type: str
    name: str
    custom: bool = Field(description="False for components, which exist in the engine's state only.")
    parent: str | None
    provider: str | None
    protect: bool
    retain_on_delete: bool
    dependencies: tuple[str, ...]
    inputs: Mapping[str, Any]


class Finding(Record):
    """A policy that does not hold in one place; ``waiver`` is the documented reason for which it need not."""

    policy: str
    where: str
    found: str
    fix: str
    waiver: str | None = None


class Plan(Record):
    """The whole plan of one stack."""

    schema_version: Literal[1] = SCHEMA_VERSION
    project: str
    stack: str
    chart: ChartPlan
    settings: Mapping[str, Any] = Field(description="Dotted place -> value, defaults too.")
    images: Mapping[str, ImagePlan]
    dags: Mapping[str, DagPlan]
    hand_written: Mapping[str, str] = Field(description="DAG files written by hand -> sha256.")
    resources: Mapping[str, ResourcePlan]
    rendered: Mapping[str, Mapping[str, Any]] = Field(description="Objects of the rendered chart: <kind>/<name> -> it.")
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> str:
        """The text of ``plan.json``: ASCII, sorted."""
        return json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    from pipelines.json_schemas import schema_text

    Path(__file__).with_name("schema.json").write_text(schema_text(Plan, "Plan"), encoding="utf-8")
