"""What the example DAGs talk to on the one-machine platform: the record of one such service, and how it is run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.machine import PROJECT
from pipelines.releases import PYTHON_IMAGE

ROOT = Path(__file__).parents[2]
JSON_SERVER = Path(__file__).with_name("json_server.py")
NAMESPACE = "services"
LABELS = {"app.kubernetes.io/part-of": "example-services"}
#: On every object of a service that only plays the part of another.
STAND_IN_LABEL = f"{PROJECT}/stand-in"
USER = 10001
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
TLS_FILE = "tls.pem"
FILES, TLS = "/srv", "/run/tls"

Manifest = dict[str, Any]
#: Id or name -> keys and values, each text or number.
Declared = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Held:
    """What was drawn for one service, kept in the platform's state.

    ``values``: the drawn passwords by name. ``certificate``: PEM of key and certificate for the service's names, and
    ``authority``: PEM of who issued it; both empty where the service asks for no TLS.
    """

    values: Mapping[str, str]
    certificate: str = ""
    authority: str = ""


def _nothing(held: Held) -> Declared:
    return {}


@dataclass(frozen=True)
class Service:
    """One service in the namespace ``services``, at ``<name>.services:<port>``.

    ``drawn`` names the passwords it is run with, ``files`` maps paths to text. ``connections`` and ``task_secrets`` say
    what the dev stack declares for it: Airflow's connections (JSON keys by id), Secrets of task pods (variables by
    name).
    """

    name: str
    port: int
    drawn: tuple[str, ...]
    workload: Callable[[Service, Held], Manifest]
    stand_in: bool = False
    tls: bool = False
    files: Mapping[str, str] | None = None
    connections: Callable[[Held], Declared] = _nothing
    task_secrets: Callable[[Held], Declared] = _nothing

    @property
    def host(self) -> str:
        return f"{self.name}.{NAMESPACE}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every name of the Service inside the cluster."""
        return self.host, f"{self.host}.svc", f"{self.host}.svc.cluster.local"

    @property
    def labels(self) -> dict[str, str]:
        stand_in = {STAND_IN_LABEL: "true"} if self.stand_in else {}
        return {"app.kubernetes.io/name": self.name, **LABELS, **stand_in}

    def objects(self, held: Held) -> list[Manifest]:
        """Every object of the service, the workload last."""
        secret = {**held.values, **({TLS_FILE: held.certificate} if self.tls else {})}
        port = {"name": self.name[:15], "port": self.port, "targetPort": self.port}
        parts: list[Manifest] = [
            {"apiVersion": "v1", "kind": "Secret", "metadata": self.metadata(), "stringData": secret},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": self.metadata(),
                "spec": {"selector": {"app.kubernetes.io/name": self.name}, "ports": [port]},
            },
        ]
        if self.files is not None:
            data = {_key(path): text for path, text in self.files.items()}
            parts.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": self.metadata(), "data": data})
        return [*parts, self.workload(self, held)]

    def metadata(self) -> dict[str, Any]:
        return {"name": self.name, "namespace": NAMESPACE, "labels": self.labels}

    def template(self, held: Held, pod: Manifest) -> Manifest:
        """A pod template that is another one whenever what it reads is: then the pod is replaced."""
        read = json.dumps([self.files and dict(self.files), dict(held.values), held.certificate], sort_keys=True)
        digest = hashlib.sha256(read.encode()).hexdigest()[:16]
        metadata = {"labels": self.labels, "annotations": {f"{PROJECT}/reads": digest}}
        shared = {"automountServiceAccountToken": False, "enableServiceLinks": False}
        return {"metadata": metadata, "spec": {**shared, **pod}}


def _key(path: str) -> str:
    return path.replace("/", ".")


def identity(user: int) -> Manifest:
    """``securityContext`` of a pod that runs as this user and group."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def stand_in(
    name: str,
    folder: Path,
    *,
    drawn: tuple[str, ...] = (),
    tls: bool = False,
    port: int = 8080,
    connections: Callable[[Held], Declared] = _nothing,
    task_secrets: Callable[[Held], Declared] = _nothing,
) -> Service:
    """A service played by ``server.py`` of a folder, with the standard library only.

    Beside it are the folder's other modules and ``local.services.json_server``, under the names that they have here.
    It listens on ``PORT``, finds each drawn password in the variable of its name, and with ``tls`` its key and
    certificate in the file ``TLS_FILE``.
    """
    modules = [*sorted(file for file in folder.glob("*.py") if file.name != "__init__.py"), JSON_SERVER]
    files = {file.relative_to(ROOT).as_posix(): file.read_text() for file in modules}
    return Service(
        name, port, drawn, _python, stand_in=True, tls=tls, files=files, connections=connections,
        task_secrets=task_secrets,
    )  # fmt: skip


def _python(service: Service, held: Held) -> Manifest:
    read = [{"name": name, "valueFrom": {"secretKeyRef": {"name": service.name, "key": name}}} for name in held.values]
    plain = {"PORT": str(service.port), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONPATH": FILES}
    files = service.files or {}
    (module,) = [path for path in files if path.endswith("/server.py")]
    if service.tls:
        plain["TLS_FILE"] = f"{TLS}/{TLS_FILE}"
    items = [{"key": TLS_FILE, "path": TLS_FILE}]
    secret = {"secretName": service.name, "items": items, "defaultMode": 0o440}
    tls_volume = [{"name": "tls", "secret": secret}] if service.tls else []
    tls_mount = [{"name": "tls", "mountPath": TLS, "readOnly": True}] if service.tls else []
    container = {
        "name": f"{service.name}-stand-in",
        "image": PYTHON_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-P", "-m", module.removesuffix(".py").replace("/", ".")],
        "env": [*({"name": name, "value": value} for name, value in plain.items()), *read],
        "ports": [{"containerPort": service.port}],
        "readinessProbe": {"tcpSocket": {"port": service.port}, "periodSeconds": 2},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
        "securityContext": RESTRICTED,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "files", "mountPath": FILES, "readOnly": True}, *tls_mount],
    }
    paths = [{"key": _key(path), "path": path} for path in files]
    pod = {
        "securityContext": identity(USER),
        "terminationGracePeriodSeconds": 5,
        "containers": [container],
        "volumes": [{"name": "files", "configMap": {"name": service.name, "items": paths}}, *tls_volume],
    }
    selector = {"matchLabels": {"app.kubernetes.io/name": service.name}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": service.metadata(),
        "spec": {"replicas": 1, "selector": selector, "template": service.template(held, pod)},
    }
