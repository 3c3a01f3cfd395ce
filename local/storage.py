"""The storage class, and the daemon that gives its claims their volumes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from local import files, kubeconfig, provisioner
from local.cluster import kubectl
from local.machine import Machine
from local.network import NODE_NAME
from local.node import DNS_ROLE
from local.processes import Daemon

ROLE = "de-airflow-pipeline:provisioner"
RBAC = "rbac.authorization.k8s.io"

STORAGE = [
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": provisioner.STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": provisioner.PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    },
    {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": ROLE},
        "rules": [
            {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["list", "watch"]},
            {"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["list", "create", "delete"]},
        ],
    },
    {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": ROLE},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": ROLE},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": kubeconfig.CLIENTS["provisioner"].name}],
    },
]


def folders(machine: Machine) -> Path:
    return machine.state / "volumes"


def prepare(machine: Machine) -> None:
    files.folder(folders(machine), 0o700)


def daemon(machine: Machine) -> Daemon:
    # A copy, run by the interpreter behind the virtual environment: the clone may be moved or removed meanwhile.
    program = machine.state / "run" / "provisioner.py"
    interpreter = Path(sys.executable).resolve()
    client = kubeconfig.path(machine, "provisioner")
    return Daemon(
        "provisioner",
        (
            *(str(interpreter), "-I", "-S", "-B", str(program)),
            str(client),
            str(folders(machine)),
            NODE_NAME,
        ),
        files={program: Path(provisioner.__file__).read_text()},
        reads=(client,),
        address="",
    )


def apply(machine: Machine) -> None:
    """Bring the objects that the platform itself needs to the cluster."""
    items = {"apiVersion": "v1", "kind": "List", "items": [*STORAGE, *DNS_ROLE]}
    kubectl(machine, "apply", "--server-side", "--force-conflicts", "-f", "-", text=json.dumps(items))
