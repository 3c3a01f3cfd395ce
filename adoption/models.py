"""Classes of Airflow 1.10 and 2.0 that stood for parts of a pod, written as the Kubernetes client's models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst

from adoption.arguments import Items, call_text
from adoption.draft import Draft
from adoption.moved import GONE
from adoption.records import Edit

#: Kind of volume in a manifest -> (field, model, key in a manifest -> field of the model).
VOLUMES: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "persistentVolumeClaim": (
        "persistent_volume_claim",
        "V1PersistentVolumeClaimVolumeSource",
        {"claimName": "claim_name", "readOnly": "read_only"},
    ),
    "emptyDir": ("empty_dir", "V1EmptyDirVolumeSource", {"medium": "medium", "sizeLimit": "size_limit"}),
    "configMap": (
        "config_map",
        "V1ConfigMapVolumeSource",
        {"name": "name", "defaultMode": "default_mode", "optional": "optional"},
    ),
    "secret": (
        "secret",
        "V1SecretVolumeSource",
        {"secretName": "secret_name", "defaultMode": "default_mode", "optional": "optional"},
    ),
    "hostPath": ("host_path", "V1HostPathVolumeSource", {"path": "path", "type": "type"}),
}
#: Old class -> its parameters in order; the models of the first two take them by the same names.
PARAMETERS: Mapping[str, Sequence[str]] = {
    "VolumeMount": ("name", "mount_path", "sub_path", "read_only"),
    "Port": ("name", "container_port"),
    "Volume": ("name", "configs"),
    "PodRuntimeInfoEnv": ("name", "field_path"),
}
WHY = "Airflow 3 takes the Kubernetes client's own models"


def apply(draft: Draft) -> None:
    """Every call of such a class."""
    for call in draft.source.all(cst.Call):
        names = draft.source.imported(call.func)
        olds = {name.rpartition(".")[2] for name in names if name in GONE}
        old = olds.pop() if len(olds) == 1 else ""
        if old not in PARAMETERS:
            continue
        text = _text(draft, old, call)
        if text is None:
            draft.leave(call, f"{WHY}: write {GONE[next(iter(names))].rpartition('.')[2]} here")
            continue
        draft.replace(call)
        draft.change(call, text, WHY, [_whole(draft, call, text)])


def _whole(draft: Draft, call: cst.Call, text: str) -> Edit:
    return Edit(*draft.source.span(call), text)


def _text(draft: Draft, old: str, call: cst.Call) -> str | None:
    arguments = _arguments(draft, call, PARAMETERS[old])
    return None if arguments is None else _WRITERS[old](draft, arguments)


def _arguments(draft: Draft, call: cst.Call, parameters: Sequence[str]) -> dict[str, cst.BaseExpression] | None:
    found: dict[str, cst.BaseExpression] = {}
    for position, argument in enumerate(call.args):
        if argument.star or (argument.keyword is None and position >= len(parameters)):
            return None
        name = argument.keyword.value if argument.keyword else parameters[position]
        if name not in parameters:
            return None
        found[name] = argument.value
    return found


def _model(draft: Draft, name: str, arguments: Mapping[str, cst.BaseExpression]) -> str:
    named = [(field, draft.source.text_of(value)) for field, value in arguments.items()]
    return call_text(f"{draft.models()}.{name}", named)


def _volume(draft: Draft, arguments: Mapping[str, cst.BaseExpression]) -> str | None:
    configs = draft.source.resolved(arguments["configs"]) if "configs" in arguments else None
    kinds = Items(draft.source, configs) if isinstance(configs, cst.Dict) else None
    if kinds is None or "name" not in arguments or len(kinds.all) != 1 or kinds.all[0].name not in VOLUMES:
        return None
    field, model, keys = VOLUMES[kinds.all[0].name]
    inner = draft.source.resolved(kinds.all[0].value)
    values = Items(draft.source, inner) if isinstance(inner, cst.Dict) else None
    if values is None or values.unknown or any(item.name not in keys for item in values.all):
        return None
    if field == "host_path":
        draft.leave(kinds.all[0].node, "a folder of the node, which restricted pods may not have")
    volume = _model(draft, model, {keys[item.name]: item.value for item in values.all})
    named = [("name", draft.source.text_of(arguments["name"])), (field, volume)]
    return call_text(f"{draft.models()}.V1Volume", named)


def _information(draft: Draft, arguments: Mapping[str, cst.BaseExpression]) -> str | None:
    if set(arguments) != {"name", "field_path"}:
        return None
    selector = _model(draft, "V1ObjectFieldSelector", {"field_path": arguments["field_path"]})
    source = call_text(f"{draft.models()}.V1EnvVarSource", [("field_ref", selector)])
    named = [("name", draft.source.text_of(arguments["name"])), ("value_from", source)]
    return call_text(f"{draft.models()}.V1EnvVar", named)


_WRITERS = {
    "VolumeMount": lambda draft, arguments: _model(draft, "V1VolumeMount", arguments),
    "Port": lambda draft, arguments: _model(draft, "V1ContainerPort", arguments),
    "Volume": _volume,
    "PodRuntimeInfoEnv": _information,
}
