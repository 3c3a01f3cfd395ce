"""What a generated DAG file says of its pods: containers, security, resources, environment, volumes.

What Airflow merges key by key is a model of the kubernetes client: pods, their specs, containers, volumes, mounts. All
else is written as a manifest has it, in plain dictionaries: Airflow passes it on as it is, and no file pays for models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipelines.catalog import Catalog
from pipelines.dag_form_pod import (
    Amounts,
    Container,
    EnvironmentSource,
    EnvironmentValue,
    Mount,
    Resources,
    Security,
    Toleration,
    Volume,
)
from pipelines.pod_manifest import argument_name, models
from pipelines.python_source import Call, Name, Value

SECCOMP: Mapping[str, Value] = {"type": "RuntimeDefault"}
#: The models that Airflow merges or asks for by type.
MODELS = frozenset(("V1Pod", "V1PodSpec", "V1ObjectMeta", "V1Container", "V1Volume", "V1VolumeMount"))
BASE = Call(Name("k8s.V1Container"), {"name": "base"})


def model(kind: str, named: Mapping[str, Value]) -> Call:
    """A model of the kubernetes client, without what is None."""
    return Call(Name(f"k8s.{kind}"), {name: value for name, value in named.items() if value is not None})


def pod_security(security: Security) -> Mapping[str, Value]:
    """The restricted Pod Security Standard and who the pod runs as."""
    said: Mapping[str, Value] = {
        "runAsUser": security.run_as_user,
        "runAsGroup": security.run_as_group,
        "fsGroup": security.fs_group,
        "supplementalGroups": list(security.supplemental_groups) or None,
    }
    return {
        "runAsNonRoot": True,
        **{key: value for key, value in said.items() if value is not None},
        "seccompProfile": SECCOMP,
    }


def container_security(security: Security) -> Mapping[str, Value]:
    """The restricted Pod Security Standard of one container."""
    read_only = security.read_only_root_filesystem
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        **({} if read_only is None else {"readOnlyRootFilesystem": read_only}),
        "seccompProfile": SECCOMP,
    }


def resources(wanted: Resources) -> Mapping[str, Value]:
    """Requests and limits of a container."""
    return {"requests": _amounts(wanted.requests, wanted), "limits": _amounts(wanted.limits, wanted)}


def _amounts(amounts: Amounts, wanted: Resources) -> Mapping[str, Value]:
    return {
        "cpu": amounts.cpu,
        "memory": amounts.memory,
        **({"ephemeral-storage": amounts.ephemeral_storage} if amounts.ephemeral_storage else {}),
        **({wanted.gpu_type: str(wanted.gpu)} if wanted.gpu else {}),
    }


def unexpanded(text: str) -> str:
    """Kubernetes expands $(NAME) in a container's variables; a doubled dollar sign is a plain one."""
    return text.replace("$", "$$")


def reference(value: EnvironmentValue) -> Mapping[str, Value]:
    """Where a variable's value stands, as a manifest's valueFrom."""
    if value.field:
        return {"fieldRef": {"fieldPath": value.field}}
    kind, name = ("secretKeyRef", value.secret) if value.secret else ("configMapKeyRef", value.config_map)
    return {kind: {"name": name, "key": value.key}}


def variable(name: str, value: str | EnvironmentValue) -> Value:
    """One variable of a container, as a manifest has it."""
    return {"name": name, **({"value": value} if isinstance(value, str) else {"valueFrom": reference(value)})}


def variables(env: Mapping[str, str | EnvironmentValue]) -> list[Value]:
    """A container's variables, as a manifest has them."""
    return [
        variable(name, unexpanded(value) if isinstance(value, str) else value) for name, value in sorted(env.items())
    ]


def env_from(catalog: Catalog, sources: Iterable[EnvironmentSource] = (), *, bucket: bool = True) -> list[Value]:
    """Where a container's variables come from: what the config names, each once, then the bucket's, which counts."""
    named = [*dict.fromkeys(sources)]
    if bucket:
        named.append(EnvironmentSource(secret=catalog.platform.object_store_secret))
    return [
        {
            **({"prefix": source.prefix} if source.prefix else {}),
            ("secretRef" if source.secret else "configMapRef"): {"name": source.secret or source.config_map},
        }
        for source in named
    ]


def volumes(wanted: Sequence[Volume]) -> list[Value]:
    """A pod's volumes."""
    return [
        model("V1Volume", {"name": _name(volume, position), argument_name(kind): source})
        for position, volume in enumerate(wanted)
        for kind, source in [_source(volume)]
    ]


def volume_mounts(wanted: Sequence[Volume]) -> list[Value]:
    """Where the task's container sees them."""
    return [
        _mount(
            Mount(
                volume=_name(volume, position),
                path=volume.path,
                sub_path=volume.sub_path,
                read_only=volume.read_only or bool(volume.secret or volume.config_map),
            )
        )
        for position, volume in enumerate(wanted)
    ]


def _mount(mount: Mount) -> Call:
    named: Mapping[str, Value] = {
        "name": mount.volume,
        "mount_path": mount.path,
        "sub_path": mount.sub_path,
        "read_only": mount.read_only or None,
    }
    return model("V1VolumeMount", named)


def _name(volume: Volume, position: int) -> str:
    return volume.name or f"volume-{position}"


def _source(volume: Volume) -> tuple[str, Mapping[str, Value]]:
    """The key of a volume's source, and the source."""
    if volume.claim:
        return "persistentVolumeClaim", {"claimName": volume.claim, **({"readOnly": True} if volume.read_only else {})}
    if volume.empty_dir:
        said = {"medium": volume.empty_dir.medium, "sizeLimit": volume.empty_dir.size}
        return "emptyDir", {key: value for key, value in said.items() if value}
    files: dict[str, Value] = {}
    if volume.items:
        files["items"] = [{"key": key, "path": path} for key, path in volume.items.items()]
    if volume.mode is not None:
        files["defaultMode"] = volume.mode
    if volume.secret:
        return "secret", {"secretName": volume.secret, **files}
    return "configMap", {"name": volume.config_map, **files}


def tolerations(wanted: Sequence[Toleration]) -> list[Value]:
    """As a manifest has them."""
    return [
        {
            key: value
            for key, value in {
                "key": one.key,
                "operator": one.operator,
                "value": one.value,
                "effect": one.effect,
                "tolerationSeconds": one.seconds,
            }.items()
            if value is not None
        }
        for one in wanted
    ]


def container(wanted: Container, image: str, catalog: Catalog, *, sidecar: bool) -> Call:
    """A container beside the task's own; a sidecar starts before it and is stopped after it."""
    named: Mapping[str, Value] = {
        "name": wanted.name,
        "image": catalog.images[wanted.image or image].pinned,
        "image_pull_policy": "IfNotPresent",
        "command": [unexpanded(word) for word in wanted.command] if wanted.command else None,
        "args": [unexpanded(word) for word in wanted.arguments] or None,
        "env": variables(wanted.env) or None,
        "env_from": env_from(catalog, wanted.env_from, bucket=False) or None,
        "volume_mounts": [_mount(mount) for mount in wanted.mounts] or None,
        "resources": resources(wanted.resources),
        "security_context": container_security(Security()),
        "restart_policy": "Always" if sidecar else None,
    }
    return model("V1Container", named)


def pull_secrets(catalog: Catalog) -> list[Value]:
    """What the registry asks for."""
    return [{"name": catalog.platform.pull_secret}] if catalog.platform.pull_secret else []


def from_manifest(manifest: Any, kind: str, catalog: Catalog) -> Value:
    """A manifest of a kind of ``pod_manifest``; image types in it become references. Raises KeyError for another."""
    if isinstance(manifest, list):
        return [from_manifest(item, kind.removeprefix("list[").removesuffix("]"), catalog) for item in manifest]
    keys = models().get(kind)
    if keys is None:
        plain: Value = manifest
        return plain
    found: dict[str, Value] = {}
    for key, value in manifest.items():
        if key == "image" and kind == "V1Container":
            value = catalog.images[value].pinned
        found[argument_name(key) if kind in MODELS else key] = from_manifest(value, keys[key], catalog)
    if kind == "V1PodSpec":
        found = {"containers": [BASE], **found}
    return Call(Name(f"k8s.{kind}"), found) if kind in MODELS else found
