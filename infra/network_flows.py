"""Who may talk to whom: one row a flow. What stands in no row is refused by the network policies made of it.

Ports are those of the pods, which is what a policy sees behind a Service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from infra import names
from infra.roles import Place

Protocol = Literal["TCP", "UDP"]
#: What is no pod of this stack: ``dns``, ``ingress`` and ``metrics`` are pods of the cluster, the others addresses.
Beyond = Literal["dns", "ingress", "metrics", "kubernetes-api", "sources", "services"]


@dataclass(frozen=True)
class Component:
    """Pods of one kind, told by their labels in their namespace; no label means all of them."""

    name: str
    place: Place
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Flow:
    """``source`` and ``target`` are a component's name or something beyond; no port means those of the settings."""

    source: str
    target: str
    port: int | None = None
    protocol: Protocol = "TCP"


def _of_the_chart(*components: str) -> Iterator[Component]:
    for name in components:
        labels = (("component", name), ("release", names.RELEASE), ("tier", "airflow"))
        yield Component(name, "core", labels)


def _of_the_program(*components: str) -> Iterator[Component]:
    for name in components:
        yield Component(name, "core", (("app.kubernetes.io/name", name),))


LONG_RUNNING = ("api-server", "scheduler", "dag-processor", "triggerer")
CLEANUP = "airflow-cleanup-pods"
#: Jobs of Airflow's own command line.
JOBS = ("airflow-migration", "airflow-pools", "airflow-administrator", "airflow-fernet-rotation")

BACKUPS = ("airflow-backup", "airflow-restore", "airflow-backup-list", "airflow-schema")

COMPONENTS = (
    *_of_the_chart(*LONG_RUNNING, "worker", CLEANUP, "statsd", "pgbouncer"),
    *_of_the_program("postgres", "object-store", "object-store-setup", "publication", *JOBS, *BACKUPS),
    Component("task", "tasks", ()),
)


def _flows(target: str, port: int | None, *sources: str, protocol: Protocol = "TCP") -> Iterator[Flow]:
    for source in sources:
        yield Flow(source, target, port, protocol)


FLOWS = (
    *_flows("postgres", 5432, *LONG_RUNNING, CLEANUP, *JOBS, *BACKUPS, "publication", "pgbouncer"),
    *_flows("pgbouncer", 6543, *LONG_RUNNING, CLEANUP, *JOBS, "publication"),
    *_flows("pgbouncer", 9127, "metrics"),
    *_flows("object-store", 9000, *LONG_RUNNING, "worker", "task", "object-store-setup", "publication", *BACKUPS),
    # The execution API, for what runs in workers and in the scheduler's own processes; people come by the ingress.
    *_flows("api-server", names.API_SERVER_PORT, "scheduler", "worker", "ingress"),
    # Logs of what still runs.
    *_flows("scheduler", 8793, "api-server"),
    *_flows("worker", 8793, "api-server"),
    *_flows("triggerer", 8794, "api-server"),
    *_flows("statsd", 9125, *LONG_RUNNING, "worker", protocol="UDP"),
    *_flows("statsd", 9102, "metrics"),
    *_flows("kubernetes-api", None, "api-server", "scheduler", "triggerer", "worker", CLEANUP),
    # Where data comes from and goes to. Deferred tasks wait for it in the triggerer.
    *_flows("sources", None, "worker", "task", "triggerer"),
    # What the stack keeps outside the cluster: a log-in, a database, an object store.
    *_flows("services", None, *LONG_RUNNING, "worker", "task", CLEANUP, "publication", "pgbouncer", *JOBS, *BACKUPS),
)
#: Every pod finds names.
DNS: tuple[tuple[int, Protocol], ...] = ((53, "UDP"), (53, "TCP"))
#: DNS of the cluster: its pods, and the node's own cache where there is one.
DNS_LABELS: Mapping[str, str] = {"k8s-app": "kube-dns"}
DNS_CACHE = "169.254.20.10/32"


def component(name: str) -> Component | None:
    """The component of this name, None for what is beyond the stack."""
    return next((entry for entry in COMPONENTS if entry.name == name), None)
