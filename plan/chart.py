"""The Helm chart of a release, rendered where one is at hand: no cluster, no repository."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from plan.model import ChartPlan

#: Objects of the cluster itself would be asked for by templates; there is none.
GENERATED = "generated"
#: As infra.settings_source names it, which takes long to import.
VARIABLE = "AIRFLOW_CHART"


class ChartError(Exception):
    """The chart refuses the values; ``str()`` is Helm's own message."""


@dataclass(frozen=True)
class AtHand:
    """A chart's folder or archive on this machine, and the binary that renders it."""

    path: Path
    helm: Path


def chart_plan(inputs: Mapping[str, Any], at_hand: AtHand | None) -> ChartPlan:
    """``inputs`` are those of the ``helm.sh/v3:Release``."""
    repository = (inputs.get("repositoryOpts") or {}).get("repo")
    version = f" {inputs['version']}" if inputs.get("version") else ""
    source = f"{inputs.get('chart')}{version}{f' of {repository}' if repository else ''}"
    if at_hand is None:
        return ChartPlan(source=source, at_hand=False)
    folder = at_hand.path
    about = folder / "Chart.yaml"
    found = yaml.safe_load(about.read_text(encoding="utf-8")) if about.is_file() else {}
    own = str(found["version"]) if "version" in found else None
    return ChartPlan(source=source, at_hand=True, version=own, sha256=chart_sha256(folder))


def rendered(inputs: Mapping[str, Any], at_hand: AtHand) -> dict[str, dict[str, Any]]:
    """The chart's objects by ``<kind>/<name>``; what it generates for Secrets is left out. Raises ChartError."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                at_hand.helm,
                "template",
                inputs["name"],
                at_hand.path,
                "--namespace",
                inputs["namespace"],
                "--values",
                "-",
            ],
            input=json.dumps(inputs.get("values") or {}),
            env={"HOME": folder, "TZ": "UTC", "LC_ALL": "C.UTF-8", "KUBECONFIG": f"{folder}/none"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise ChartError((done.stderr or done.stdout).strip())
    objects = [one for one in yaml.load_all(done.stdout, yaml.CSafeLoader) if one]
    found = {f"{one['kind']}/{one['metadata']['name']}": _without_secrets(one) for one in objects}
    return dict(sorted(found.items()))


def _without_secrets(manifest: dict[str, Any]) -> dict[str, Any]:
    if manifest["kind"] != "Secret":
        return manifest
    held: dict[str, Any] = {
        key: dict.fromkeys(sorted(manifest[key] or {}), GENERATED) for key in ("data", "stringData") if key in manifest
    }
    return {**manifest, **held}


def chart_sha256(path: Path) -> str:
    """Of the names and contents of a chart's files, or of its archive."""
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    digest = hashlib.sha256()
    for file in files:
        name = "" if path.is_file() else file.relative_to(path).as_posix()
        digest.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()
