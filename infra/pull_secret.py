"""The registry log-ins that kubelet pulls with, in every namespace where pods of this stack run."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra import names, secrets
from infra.roles import Place
from infra.settings import RegistryCredential


@dataclass(frozen=True)
class PullSecretArguments:
    """Where the Secret is needed (resource suffix -> namespace) and the log-ins it holds."""

    namespaces: Mapping[Place, pulumi.Output[str]]
    credentials: tuple[RegistryCredential, ...]


class PullSecret(pulumi.ComponentResource):
    """The Secret ``registry`` of type ``kubernetes.io/dockerconfigjson`` in each namespace."""

    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: PullSecretArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:PullSecret", "pull-secret", None, opts)
        document = pulumi.Output.secret(docker_config(arguments.credentials))
        self.ready = tuple(
            secrets.secret(
                f"registry-{suffix}",
                namespace,
                names.REGISTRY_SECRET,
                {".dockerconfigjson": document},
                pulumi.ResourceOptions(parent=self),
                kind="kubernetes.io/dockerconfigjson",
            )
            for suffix, namespace in arguments.namespaces.items()
        )
        self.register_outputs({})


def docker_config(credentials: tuple[RegistryCredential, ...]) -> str:
    """Docker's ``config.json`` with one entry a server, sorted."""
    return json.dumps({"auths": {entry.server: _log_in(entry) for entry in credentials}}, sort_keys=True)


def _log_in(entry: RegistryCredential) -> dict[str, str]:
    password = entry.password.get_secret_value()
    token = base64.b64encode(f"{entry.username}:{password}".encode()).decode()
    email = {"email": entry.email} if entry.email else {}
    return {"username": entry.username, "password": password, "auth": token, **email}
