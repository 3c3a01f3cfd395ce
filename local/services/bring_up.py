"""Brings the example services up, beside Airflow and without waiting for it."""

from __future__ import annotations

from typing import Any

from lightkube import Client
from lightkube.resources.apps_v1 import Deployment, StatefulSet
from lightkube.types import PatchType

from local.kubernetes_client import kind_of
from local.machine import Machine
from local.progress import Progress
from local.services import SERVICES
from local.services import held as kept
from local.services.service import LABELS, NAMESPACE, Manifest
from local.services.warehouse import WAREHOUSE
from local.workloads import wait_for_rollout

MANAGER = "example-services"
SECONDS = 300.0
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


def objects(machine: Machine) -> list[Manifest]:
    """Every object, the namespace first."""
    metadata = {"name": NAMESPACE, "labels": {**RESTRICTED, **LABELS}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    return [namespace, *(one for each in SERVICES for one in each.objects(kept.held(machine, each)))]


def apply(client: Client, machine: Machine) -> None:
    """Hand everything to the cluster and wait for nothing: it starts while Airflow is deployed."""
    every: Any = client
    for body in objects(machine):
        where = {"namespace": body["metadata"]["namespace"]} if body["kind"] != "Namespace" else {}
        kind = kind_of(body["apiVersion"], body["kind"])
        every.patch(
            kind, body["metadata"]["name"], body, **where, patch_type=PatchType.APPLY, field_manager=MANAGER, force=True
        )


def wait_ready(client: Client, progress: Progress) -> None:
    """Return when every service answers. Raises GaveUp with its pods' events and last log lines."""
    for service in SERVICES:
        kind = StatefulSet if service is WAREHOUSE else Deployment
        wait_for_rollout(client, kind, service.name, NAMESPACE, SECONDS, progress.doing)
