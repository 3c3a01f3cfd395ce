"""What DAG configs ask of their stack, and whether it has it: pods that fit, connections, variables, volumes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from pipelines.catalog import Catalog
from pipelines.dag_reading import ReadConfig
from pipelines.errors import Problem, plain
from pipelines.quantities import UNITS, amount
from pipelines.template_checks import named_in_templates
from pipelines.validation import listed, nearest

#: The program's own, in every stack.
OWN_CONNECTIONS = ("object_store", "kubernetes_default", "airflow_db")
#: Fields whose text names an object of the pod's namespace, in records and in whole pod specs.
KINDS = {
    "claim": "claim",
    "claimName": "claim",
    "secret": "secret",
    "secretName": "secret",
    "config_map": "config_map",
    "kubernetes_conn_id": "connection",
    "service_account_name": "account",
    "serviceAccountName": "account",
    "priority_class_name": "priority",
    "priorityClassName": "priority",
    "runtime_class_name": "runtime",
    "runtimeClassName": "runtime",
}
#: Kubernetes has them in every cluster.
OWN_PRIORITIES = ("system-cluster-critical", "system-node-critical")
#: Of the cluster, whatever the namespace.
CLUSTER_WIDE = frozenset({"priority", "runtime"})
#: Fields of a record whose mappings are Kubernetes' own, not a user's names.
MANIFESTS = frozenset({"full_pod_spec"})


@dataclass(frozen=True)
class Provision:
    """What a stack gives to its DAGs, by name, and what the pods of a namespace may ask for together
    (``requests.cpu`` -> ``4``)."""

    connections: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    config_maps: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    task_accounts: tuple[str, ...] = ()
    worker_accounts: tuple[str, ...] = ()
    priority_classes: tuple[str, ...] = ()
    runtime_classes: tuple[str, ...] = ()
    quotas: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def stack_problems(config: ReadConfig, catalog: Catalog, provision: Provision) -> Iterator[Problem]:
    yield from _object_problems(config, catalog, provision)
    yield from _quota_problems(config, catalog, provision)
    for key, kind, name in named_in_templates(config):
        if kind == "conn" and name not in (*OWN_CONNECTIONS, *provision.connections):
            yield _no_connection(config.place(key), key, name, provision)
        if kind == "var" and name not in provision.variables:
            known = provision.variables
            expected = f"a variable of the stack: {listed(known) or 'it declares none'}"
            fix = nearest(name, known) or f"declare it in the stack's airflow.variables: {plain(name)}"
            yield Problem(config.place(key), key, f"the variable {plain(name)!r}", expected, fix)
    yield from _code_problems(config, provision)


def named(value: Any, key: str, field_name: str = "", in_manifest: bool = False) -> Iterator[tuple[str, str, str]]:
    """(dotted key, kind, name) of every object that a record names, however deep; users' own mappings are skipped."""
    if isinstance(value, str):
        if field_name in KINDS:
            yield key, KINDS[field_name], value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from named(getattr(value, name), f"{key}.{name}" if key else name, name)
    elif isinstance(value, Mapping):
        within = in_manifest or field_name in MANIFESTS
        for name, item in value.items():
            yield from named(item, f"{key}.{name}", str(name) if within else "", within)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from named(item, f"{key}.{position}", "", in_manifest)


def quantity(text: str) -> Decimal:
    """A Kubernetes quantity in cores or bytes; zero for what is none."""
    try:
        return amount(text)
    except ValueError:
        return Decimal(0)


def _object_problems(config: ReadConfig, catalog: Catalog, provision: Provision) -> Iterator[Problem]:
    words = {
        "secret": ("Secret", (*catalog.platform.secrets, *provision.secrets), "tasks.existing.secrets"),
        "config_map": ("ConfigMap", provision.config_maps, "tasks.existing.configMaps"),
        "claim": ("PersistentVolumeClaim", provision.claims, "tasks.existing.claims"),
        "priority": ("PriorityClass", (*OWN_PRIORITIES, *provision.priority_classes), "tasks.existing.priorityClasses"),
        "runtime": ("RuntimeClass", provision.runtime_classes, "tasks.existing.runtimeClasses"),
    }
    accounts = {"pod": provision.task_accounts, "python": provision.worker_accounts, "bash": provision.worker_accounts}
    for name, task in config.dag.tasks.items():
        words["account"] = ("ServiceAccount", accounts[task.kind], "tasks.existing.serviceAccounts")
        for key, kind, wanted in named(task, f"tasks.{name}"):
            if kind == "connection":
                if wanted not in (*OWN_CONNECTIONS, *provision.connections):
                    yield _no_connection(config.place(key), key, wanted, provision)
                continue
            noun, known, setting = words[kind]
            # What env_from names is told by its own check; another namespace or cluster is another stack's.
            if wanted in known or ".env_from." in key or _is_elsewhere(task, kind):
                continue
            fix = nearest(wanted, known) or f"declare it in the stack's {setting}, or correct it"
            yield Problem(
                config.place(key), key, repr(wanted), f"a {noun} of the stack: {listed(known) or 'it has none'}", fix
            )


def _is_elsewhere(task: Any, kind: str = "") -> bool:
    """In another cluster, or in another namespace than the stack's, where the kind of object belongs to one."""
    launch = getattr(task, "launch", None)
    another_cluster = launch is not None and not launch.in_cluster
    return another_cluster or (bool(getattr(task, "namespace", None)) and kind not in CLUSTER_WIDE)


def _no_connection(place: str, key: str, name: str, provision: Provision) -> Problem:
    known = (*OWN_CONNECTIONS, *provision.connections)
    name = plain(name)
    fix = nearest(name, known) or f"declare it: pulumi config set --secret --path 'airflow.connections.{name}'"
    return Problem(place, key, f"the connection {name!r}", f"a connection of the stack: {listed(known)}", fix)


def _quota_problems(config: ReadConfig, catalog: Catalog, provision: Provision) -> Iterator[Problem]:
    platform = catalog.platform
    for name, task in config.dag.tasks.items():
        namespace = platform.tasks_namespace if task.kind == "pod" else platform.namespace
        quota = {} if _is_elsewhere(task) else provision.quotas.get(namespace, {})
        for item, most in quota.items():
            part, _, resource = item.partition(".")
            asked = _asked(task, part, resource)
            if asked > quantity(most):
                key = f"tasks.{name}.resources.{part}.{resource}"
                expected = f"at most {most}, what all pods of namespace {namespace} may have together"
                found = f"{_amount(asked, resource)} of {resource} ({part}) for one pod"
                yield Problem(config.place(key), key, found, expected, "ask for less, or raise the stack's quota")


def _asked(task: Any, part: str, resource: str) -> Decimal:
    """Of the pod: its containers together, or the largest of those that run before them."""

    def of(one: Any) -> Decimal:
        return quantity(getattr(getattr(one.resources, part), resource, None) or "0")

    beside = sum((of(one) for one in getattr(task, "sidecars", ())), of(task))
    return max([beside, *(of(one) for one in getattr(task, "init_containers", ()))])


def _amount(asked: Decimal, resource: str) -> str:
    return f"{asked.normalize():f}" if resource == "cpu" else f"{asked / UNITS['Mi']:.0f}Mi"


def _code_problems(config: ReadConfig, provision: Provision) -> Iterator[Problem]:
    """Connections that the code of python tasks names; a pod's code has no Airflow to ask."""
    workers = [name for name, task in config.dag.tasks.items() if task.kind != "pod"]
    sources = {source.sha256: source for source in map(config.source_of, workers) if source}
    for source in sources.values():
        for path in [path for path in source.files if path.endswith(".py")]:
            for line, column, name in _connections_in(source.files[path].content):
                if name not in (*OWN_CONNECTIONS, *provision.connections) and not name.endswith("_default"):
                    yield _no_connection(f"{source.shown(path)}:{line}:{column}", "", name, provision)


@lru_cache(maxsize=256)
def _connections_in(content: bytes) -> Sequence[tuple[int, int, str]]:
    """(line, column, name) of literal ``..._conn_id="name"`` and ``get_connection("name")``."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found = []
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
        values = [one.value for one in call.keywords if (one.arg or "").endswith("conn_id")]
        if getattr(call.func, "attr", getattr(call.func, "id", "")) == "get_connection":
            values += call.args[:1]
        found += [
            (value.lineno, value.col_offset + 1, value.value)
            for value in values
            if isinstance(value, ast.Constant) and isinstance(value.value, str)
        ]
    return tuple(found)
