"""``airflow_runtime/`` as one immutable ConfigMap: changed code is another name, so the pods that mount it restart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra import names

FOLDER = Path(__file__).parent.parent / "airflow_runtime"
# Airflow imports it by this name: it must stand at the root of PYTHONPATH.
AT_THE_ROOT = frozenset({"airflow_local_settings.py"})
VOLUME = "airflow-runtime"
# Airflow's own would fail a task that defers and comes back at once, or end where a worker pod is to be taken over;
# these have their names, so DAG files do not change.
EXECUTORS = {
    "KubernetesExecutor": "airflow_runtime.kubernetes_executor.KubernetesExecutor",
    "LocalExecutor": "airflow_runtime.local_executor.LocalExecutor",
}


@dataclass(frozen=True)
class RuntimeFiles:
    """Flat ConfigMap keys: their text, and the path that each is mounted at."""

    contents: Mapping[str, str]
    paths: Mapping[str, str]

    @property
    def name(self) -> str:
        """The ConfigMap's name: content-addressed."""
        framed = "".join(f"{key}\0{self.paths[key]}\0{text}\0" for key, text in sorted(self.contents.items()))
        return f"{VOLUME}-{hashlib.sha256(framed.encode()).hexdigest()[:12]}"

    def volume(self) -> dict[str, Any]:
        """The volume in a plain manifest, the files as a tree."""
        items = [{"key": key, "path": path} for key, path in sorted(self.paths.items())]
        return {"name": VOLUME, "configMap": {"name": self.name, "items": items}}

    def volume_arguments(self) -> k8s.core.v1.VolumeArgs:
        """The volume of a pod that Pulumi registers."""
        items = [k8s.core.v1.KeyToPathArgs(key=key, path=path) for key, path in sorted(self.paths.items())]
        source = k8s.core.v1.ConfigMapVolumeSourceArgs(name=self.name, items=items)
        return k8s.core.v1.VolumeArgs(name=VOLUME, config_map=source)


def executor_setting(executors: Sequence[str]) -> str:
    """``[core] executor`` for these executors."""
    return ",".join(EXECUTORS.get(name, name) for name in executors)


def mount() -> dict[str, Any]:
    """The volume mount in a plain manifest."""
    return {"name": VOLUME, "mountPath": names.RUNTIME_PATH, "readOnly": True}


def read(folder: Path = FOLDER, more: Mapping[str, str] | None = None) -> RuntimeFiles:
    """All Python files of the folder, and ``more``: the text of files beside it, by name."""
    contents, paths = dict(more or {}), {name: name for name in more or {}}
    for file in sorted(folder.rglob("*.py")):
        relative = file.relative_to(folder).as_posix()
        path = relative if relative in AT_THE_ROOT else f"{folder.name}/{relative}"
        key = path.replace("/", ".")
        contents[key], paths[key] = file.read_text(encoding="utf-8"), path
    return RuntimeFiles(contents, paths)


def config_map(
    files: RuntimeFiles, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> k8s.core.v1.ConfigMap:
    """The ConfigMap."""
    return k8s.core.v1.ConfigMap(
        VOLUME,
        metadata=k8s.meta.v1.ObjectMetaArgs(name=files.name, namespace=namespace, labels=names.CORE_PART_OF),
        immutable=True,
        data=dict(files.contents),
        opts=opts,
    )
