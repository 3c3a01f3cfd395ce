"""Installs, waits for and removes Helm releases, by the Helm binary of the toolchain."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightkube import Client
from lightkube.resources.core_v1 import Secret

from local.machine import Machine
from local.waiting import GaveUp
from local.workloads import ROLLED_OUT, wait_for_rollout

RELEASE = "meta.helm.sh/release-name"


@dataclass(frozen=True)
class Chart:
    """A chart with its values, as the inputs of a ``helm.sh/v3:Release`` describe them."""

    name: str
    namespace: str
    source: str
    repository: str | None
    version: str | None
    values: Mapping[str, Any]

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> Chart:
        repository = (inputs.get("repositoryOpts") or {}).get("repo")
        values = inputs.get("values") or {}
        return cls(inputs["name"], inputs["namespace"], inputs["chart"], repository, inputs.get("version"), values)

    @property
    def hash(self) -> str:
        """sha256 over the chart and its values; a folder or archive counts by its bytes, not by its path."""
        source = Path(self.source)
        files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
        content = [(path.relative_to(source).as_posix(), _sha256(path)) for path in files]
        chart: Any = content or [self.source, self.repository, self.version]
        return hashlib.sha256(json.dumps([chart, self.values], sort_keys=True).encode()).hexdigest()


class Helm:
    """Helm against one cluster."""

    def __init__(self, client: Client, machine: Machine, say: Callable[[str], None]) -> None:
        self._client, self._machine, self._say = client, machine, say

    def deployed(self, name: str, namespace: str) -> bool:
        """Whether the release's newest revision was deployed whole."""
        revisions = self._revisions(name, namespace)
        return bool(revisions) and revisions[-1].metadata.labels["status"] == "deployed"

    def upgrade(self, chart: Chart) -> None:
        """Install or upgrade the release, without waiting for its pods; raises GaveUp with Helm's own words."""
        self.forget_interrupted(chart.name, chart.namespace)
        self._say(f"release {chart.namespace}/{chart.name} of the chart {chart.source}")
        place = ["--repo", chart.repository] if chart.repository else []
        version = ["--version", chart.version] if chart.version else []
        self._run("upgrade", "--install", chart.name, chart.source, *place, *version,
                  "--namespace", chart.namespace, "--values", "-", text=json.dumps(chart.values))  # fmt: skip

    def wait(self, name: str, namespace: str, seconds: float) -> None:
        """Return when each workload of the release is rolled out; raises GaveUp with the reason."""
        kind: Any
        live: Any
        for kind in ROLLED_OUT:
            for live in self._client.list(kind, namespace=namespace):
                if (live.metadata.annotations or {}).get(RELEASE) == name:
                    wait_for_rollout(self._client, kind, live.metadata.name, namespace, seconds, self._say)

    def uninstall(self, name: str, namespace: str) -> None:
        """Remove the release and its objects, not its volume claims."""
        self._run("uninstall", name, "--namespace", namespace, "--ignore-not-found")

    def forget_interrupted(self, name: str, namespace: str) -> None:
        """Remove the records of revisions that a killed Helm left pending: Helm would not go on from them."""
        self.forget(name, namespace, "pending-")

    def undo_interrupted(self, name: str, namespace: str) -> None:
        """Take back the revision that a killed Helm left pending, with what it had changed and made already.

        Without one that was deployed whole, the record alone is removed.
        """
        revisions = [revision.metadata.labels for revision in self._revisions(name, namespace)]
        if not revisions or not revisions[-1]["status"].startswith("pending-"):
            return
        if whole := [one["version"] for one in revisions if one["status"] == "deployed"]:
            self._say(f"release {namespace}/{name} was left {revisions[-1]['status']}: back to revision {whole[-1]}")
            self._run("rollback", name, whole[-1], "--namespace", namespace)
        else:
            self.forget_interrupted(name, namespace)

    def forget(self, name: str, namespace: str, status: str = "") -> None:
        """Remove the release's records, of those whose status begins so. Its objects stay, and the next installation
        takes them over."""
        for revision in self._revisions(name, namespace):
            if revision.metadata.labels["status"].startswith(status):
                self._client.delete(Secret, revision.metadata.name, namespace=namespace)

    def _revisions(self, name: str, namespace: str) -> list[Any]:
        found: Any = self._client.list(Secret, namespace=namespace, labels={"owner": "helm", "name": name})
        return sorted(found, key=lambda secret: int(secret.metadata.labels["version"]))

    def _run(self, *arguments: str, text: str = "") -> None:
        command = [str(self._machine.tool("helm")), *arguments, "--kubeconfig", str(self._machine.kubeconfig)]
        environment = {**os.environ, **self._machine.environment()}
        done = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise GaveUp(f"helm {arguments[0]} failed: {(done.stderr or done.stdout).strip()}")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
