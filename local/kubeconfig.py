"""Who may talk to the cluster's API server, and the files that say so."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from local import files
from local.certificates import Authority, Identity
from local.machine import KUBE_CONTEXT, Machine
from local.network import NODE_ADDRESS, NODE_NAME

#: The user with every right, for people and for the commands of this project.
ADMINISTRATOR = Identity("de-airflow-pipeline:administrator", "system:masters")
#: Daemons that are clients of the API server, under names that Kubernetes binds roles to, or `storage` and `names` do.
CLIENTS = {
    "coredns": Identity("de-airflow-pipeline:coredns"),
    "kube-controller-manager": Identity("system:kube-controller-manager"),
    "kube-proxy": Identity("system:kube-proxy"),
    "kube-scheduler": Identity("system:kube-scheduler"),
    "kubelet": Identity(f"system:node:{NODE_NAME}", "system:nodes"),
    "provisioner": Identity("de-airflow-pipeline:provisioner"),
}


def authority(machine: Machine) -> Authority:
    return Authority(machine.state / "certificates")


def server(machine: Machine) -> str:
    return f"https://{NODE_ADDRESS}:{machine.port('kube-apiserver')}"


def path(machine: Machine, client: str) -> Path:
    return machine.state / "clients" / f"{client}.kubeconfig"


def prepare(machine: Machine) -> None:
    """Write the kubeconfig of each daemon, and the one for people."""
    files.folder(machine.state / "clients", 0o700)
    for file, content in _of_daemons(machine).items():
        files.write(file, content, 0o600)
    files.write(machine.kubeconfig, _content(machine, KUBE_CONTEXT, ADMINISTRATOR), 0o600)


def is_current(machine: Machine) -> bool:
    """Whether the daemons' hold what ``prepare`` would write; people may have changed theirs."""
    return all(file.exists() and file.read_text() == content for file, content in _of_daemons(machine).items())


def _of_daemons(machine: Machine) -> dict[Path, str]:
    return {path(machine, client): _content(machine, client, identity) for client, identity in CLIENTS.items()}


def _content(machine: Machine, name: str, identity: Identity) -> str:
    issuer = authority(machine)
    pem = base64.b64encode(issuer.issue(f"client-{name}", identity).read_bytes()).decode()
    trusted = base64.b64encode(issuer.certificate.read_bytes()).decode()
    # JSON is YAML; the key and its certificate are one PEM text.
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server(machine), "certificate-authority-data": trusted}}],
        "users": [{"name": name, "user": {"client-certificate-data": pem, "client-key-data": pem}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(content, indent=2) + "\n"
