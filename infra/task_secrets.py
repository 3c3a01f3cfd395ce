"""Secrets that the stack declares for task pods; a DAG config names them by ``env_from``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pydantic import SecretStr

from infra import secrets


@dataclass(frozen=True)
class TaskSecretsArguments:
    """The namespace of task pods, and each Secret's environment variables."""

    namespace: pulumi.Output[str]
    secrets: Mapping[str, Mapping[str, SecretStr]]


class TaskSecrets(pulumi.ComponentResource):
    """One Secret each. A task pod reads it when it starts: nothing to restart when it changes."""

    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: TaskSecretsArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:TaskSecrets", "task-secrets", None, opts)
        self.ready = tuple(
            secrets.secret(
                f"task-secret-{name}",
                arguments.namespace,
                name,
                {variable: text.get_secret_value() for variable, text in sorted(values.items())},
                pulumi.ResourceOptions(parent=self),
            )
            for name, values in sorted(arguments.secrets.items())
        )
        self.register_outputs({})
