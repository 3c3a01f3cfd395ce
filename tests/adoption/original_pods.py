"""The pods that a DAG file asks for, read without Airflow and without the code under test.

A file of Airflow 1.10 cannot run beside Airflow 3. So its statements are followed with Python's own ``ast``: what is
imported is a name, what is called with a name is a record of its arguments, and a KubernetesPodOperator's record
becomes a manifest by what Airflow's documentation says of each argument. Only what the fixtures use is known; anything
else raises.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OPERATORS = ("KubernetesPodOperator", "NotebookOp")


@dataclass
class Record:
    """A call of something imported."""

    name: str
    positional: list[Any] = field(default_factory=list)
    named: dict[str, Any] = field(default_factory=dict)


def pods_of(file: Path) -> dict[str, dict[str, Any]]:
    """task_id -> manifest, as far as the operator's arguments say it."""
    reader = Reader()
    for statement in ast.parse(file.read_bytes()).body:
        reader.run(statement)
    return {str(one.named["task_id"]): manifest(one, reader.defaults) for one in reader.operators}


def overrides_of(file: Path) -> dict[str, Any]:
    """task_id -> what its executor is told of its pod."""
    reader = Reader()
    for statement in ast.parse(file.read_bytes()).body:
        reader.run(statement)
    configs = {one.named.get("task_id"): one.named.get("executor_config") or {} for one in reader.records}
    return {str(task): config["pod_override"] for task, config in configs.items() if "pod_override" in config}


class Reader:
    def __init__(self) -> None:
        self.names: dict[str, Any] = {"dict": Record("dict"), "True": True}
        self.records: list[Record] = []
        self.defaults: dict[str, Any] = {}

    @property
    def operators(self) -> list[Record]:
        return [one for one in self.records if one.name in (*OPERATORS, "kubernetes") and "task_id" in one.named]

    def run(self, node: ast.stmt) -> None:  # noqa: C901 - one case a kind of statement
        match node:
            case ast.Import(names=names):
                self.names |= {(one.asname or one.name).split(".")[0]: Record("module") for one in names}
            case ast.ImportFrom(names=names):
                self.names |= {one.asname or one.name: Record(one.name) for one in names}
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.names[name] = self.value(value)
            case ast.Assign(targets=[ast.Attribute(value=owner, attr=attribute)], value=value):
                self.value(owner).named[attribute] = self.value(value)
            case ast.With(items=items, body=body):
                for item in items:
                    self.value(item.context_expr)
                self.all(body)
            case ast.For(target=ast.Name(id=name), iter=over, body=body):
                for one in self.value(over):
                    self.names[name] = one
                    self.all(body)
            case ast.If(test=test, body=body, orelse=other):
                self.all(body if self.value(test) else other)
            case ast.Try(body=body):
                self.all(body)
            case ast.FunctionDef(decorator_list=decorators, body=body, name=name):
                self.names[name] = Record(name)
                called = [one for one in map(self.value, decorators) if isinstance(one, Record)]
                if any(one.name == "dag" for one in called):
                    self.all(body)
                for one in called:
                    if one.name == "kubernetes":
                        one.named.setdefault("task_id", name)
            case ast.Expr(value=value):
                self.value(value)
            case ast.Pass() | ast.Return():
                pass
            case _:
                raise NotImplementedError(ast.dump(node))

    def all(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.run(statement)

    def value(self, node: ast.expr) -> Any:  # noqa: C901 - one case a kind of expression
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self.names[name]
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return [self.value(one) for one in parts]
            case ast.Dict(keys=keys, values=values):
                return {self.value(key): self.value(value) for key, value in zip(keys, values, strict=True) if key}
            case ast.Attribute(value=owner, attr=attribute):
                found = self.value(owner)
                # What is said of an operator's record, such as partial, is said of the operator.
                keep = attribute in ("partial", "expand")
                return found if keep and isinstance(found, Record) else Record(attribute, [found])
            case ast.Subscript(value=owner, slice=key):
                return self.value(owner)[self.value(key)]
            case ast.Call():
                return self.call(node)
            case ast.BinOp(left=left, op=operator, right=right):
                one, other = self.value(left), self.value(right)
                return _BINARY[type(operator)](one, other)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.value(operand)
            case ast.UnaryOp(operand=operand):
                return -self.value(operand)
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                return self.value(left) == self.value(right)
            case ast.IfExp(test=test, body=body, orelse=other):
                return self.value(body if self.value(test) else other)
        raise NotImplementedError(ast.dump(node))

    def call(self, node: ast.Call) -> Any:
        function = self.value(node.func)
        positional = [self.value(one) for one in node.args]
        named = {str(one.arg): self.value(one.value) for one in node.keywords}
        if isinstance(node.func, ast.Attribute) and node.func.attr == "expand" and function in self.records:
            function.named |= {name: values[0] for name, values in named.items()}
            return function
        if function.name == "dict":
            return named
        made = Record(function.name, positional, named)
        self.records.append(made)
        if made.name in ("DAG", "dag"):
            self.defaults |= named.get("default_args") or {}
        return made


_BINARY: dict[type, Any] = {
    ast.Add: lambda one, other: one + other if not isinstance(one, Record) else one,
    ast.Mult: lambda one, other: one * other,
    ast.LShift: lambda one, other: one,
    ast.RShift: lambda one, other: other,
}


def manifest(operator: Record, defaults: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in defaults.items() if name in KNOWN} | operator.named
    if operator.name == "NotebookOp":
        said |= {"cmds": ["sh", "-c"], "arguments": [notebook_command(said)]}
    container: dict[str, Any] = {}
    spec: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    places = {"container": container, "spec": spec, "metadata": metadata}
    for name, value in said.items():
        if name in KNOWN:
            where, key, convert = KNOWN[name]
            if (found := convert(value)) not in (None, [], {}):
                places[where].setdefault(key, [] if isinstance(found, list) else found)
                if isinstance(found, list):
                    places[where][key] = [*places[where][key], *found]
    _secrets(said.get("secrets") or [], container, spec)
    own = said.get("full_pod_spec")
    return (
        _under(plain(own), {"metadata": metadata, "spec": {**spec, "containers": [container]}})
        if own
        else {"metadata": metadata, "spec": {**spec, "containers": [container]}}
    )


def _under(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if key == "containers":
            merged[key] = [_under(base[key][0], value[0])]
        else:
            merged[key] = _under(base[key], value) if isinstance(value, dict) and key in base else value
    return merged


def _secrets(secrets: list[Record], container: dict[str, Any], spec: dict[str, Any]) -> None:
    for one in secrets:
        words = dict(zip(("deploy_type", "deploy_target", "secret", "key"), one.positional, strict=False)) | one.named
        kind, target, secret, key = (words.get(name) for name in ("deploy_type", "deploy_target", "secret", "key"))
        if kind == "volume":
            spec.setdefault("volumes", []).append({"secret": {"secretName": secret}})
            container.setdefault("volumeMounts", []).append({"mountPath": target, "readOnly": True})
        elif key:
            reference = {"secretKeyRef": {"name": secret, "key": key}}
            container.setdefault("env", []).append({"name": str(target).upper(), "valueFrom": reference})
        else:
            container.setdefault("envFrom", []).append({"secretRef": {"name": secret}})


def notebook_command(said: dict[str, Any]) -> str:
    """As airflow-notebook 0.0.7 puts it together, with its default addresses left open."""
    words = [f"--cos-endpoint {said['cos_endpoint']} --cos-bucket {said['cos_bucket']} "]
    words += [f"--cos-directory '{said['cos_directory']}' "]
    words += [f"--cos-dependencies-archive '{said['cos_dependencies_archive']}' --file '{said['notebook']}' "]
    for name, option in (("pipeline_inputs", "--inputs"), ("pipeline_outputs", "--outputs")):
        if said.get(name):
            words += [f"{option} '{';'.join(said[name])}' "]
    return f"<downloads> && python3 bootstrapper.py {''.join(words)}"


def plain(value: Any) -> Any:
    """A model of the Kubernetes client as its part of a manifest."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, Record):
        # The first parameter of the one model that the fixtures make so.
        named = {"name": value.positional[0], **value.named} if value.positional[:1] and _named(value) else value.named
        return {camel(key): plain(one) for key, one in named.items() if one is not None}
    return value


def _named(one: Record) -> bool:
    return one.name == "V1LocalObjectReference" and isinstance(one.positional[0], str)


def camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name).replace("Ip", "IP")


def _volume(one: Record) -> Any:
    return {"name": one.named["name"], **one.named["configs"]} if one.name == "Volume" else plain(one)


def _mount(one: Record) -> Any:
    words = dict(zip(("name", "mount_path", "sub_path", "read_only"), one.positional, strict=False)) | one.named
    return {camel(key): value for key, value in words.items() if value is not None}


def _port(one: Record) -> Any:
    words = dict(zip(("name", "container_port"), one.positional, strict=False)) | one.named
    return {camel(key): value for key, value in words.items()}


def _field(one: Record) -> Any:
    words = dict(zip(("name", "field_path"), one.positional, strict=False)) | one.named
    return {"name": words["name"], "valueFrom": {"fieldRef": {"fieldPath": words["field_path"]}}}


def _resources(value: Any) -> Any:
    if isinstance(value, Record) and value.name == "V1ResourceRequirements":
        return plain(value)
    amounts = value.named if isinstance(value, Record) else value
    found: dict[str, dict[str, str]] = {}
    for name, amount in amounts.items():
        part, _, resource = name.partition("_")
        key = {"gpu": "nvidia.com/gpu", "ephemeral_storage": "ephemeral-storage"}.get(resource, resource)
        found.setdefault(f"{part}s", {})[key] = str(amount)
    return found


def _pull_secrets(value: Any) -> Any:
    return [{"name": one} for one in value.split(",")] if isinstance(value, str) else plain(value)


def _namespace(value: Any) -> Any:
    return value if isinstance(value, str) else None


#: Argument -> (container, spec or metadata; field; what its value means).
KNOWN: dict[str, tuple[str, str, Any]] = {
    "image": ("container", "image", plain),
    "cmds": ("container", "command", plain),
    "arguments": ("container", "args", plain),
    "image_pull_policy": ("container", "imagePullPolicy", plain),
    "env_vars": ("container", "env", lambda found: [{"name": k, "value": v} for k, v in found.items()]),
    "pod_runtime_info_envs": ("container", "env", lambda found: [_field(one) for one in found]),
    "env_from": ("container", "envFrom", plain),
    "configmaps": ("container", "envFrom", lambda found: [{"configMapRef": {"name": one}} for one in found]),
    "ports": ("container", "ports", lambda found: [_port(one) for one in found]),
    "resources": ("container", "resources", _resources),
    "container_resources": ("container", "resources", _resources),
    "volume_mounts": ("container", "volumeMounts", lambda found: [_mount(one) for one in found]),
    "volumes": ("spec", "volumes", lambda found: [_volume(one) for one in found]),
    "affinity": ("spec", "affinity", plain),
    "node_selectors": ("spec", "nodeSelector", plain),
    "node_selector": ("spec", "nodeSelector", plain),
    "tolerations": ("spec", "tolerations", plain),
    "image_pull_secrets": ("spec", "imagePullSecrets", _pull_secrets),
    "init_containers": ("spec", "initContainers", plain),
    "priority_class_name": ("spec", "priorityClassName", plain),
    "service_account_name": ("spec", "serviceAccountName", plain),
    "security_context": ("spec", "securityContext", plain),
    "dnspolicy": ("spec", "dnsPolicy", plain),
    "schedulername": ("spec", "schedulerName", plain),
    "termination_grace_period": ("spec", "terminationGracePeriodSeconds", plain),
    "hostnetwork": ("spec", "hostNetwork", lambda found: found or None),
    "namespace": ("metadata", "namespace", _namespace),
    "labels": ("metadata", "labels", plain),
    "annotations": ("metadata", "annotations", plain),
}
