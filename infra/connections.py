"""Connections and variables that the stack declares: Secrets, which every pod of Airflow's gets as its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pydantic import SecretStr

from infra import names, secrets

CONNECTION_PREFIX = "AIRFLOW_CONN_"
VARIABLE_PREFIX = "AIRFLOW_VAR_"


@dataclass(frozen=True)
class FromSecret:
    """One environment variable, and the Secret of Airflow's namespace that holds it under the same key."""

    variable: str
    secret: str


@dataclass(frozen=True)
class ConnectionsArguments:
    """``connections`` maps an id to a URI or JSON, ``variables`` a key to its text."""

    namespace: pulumi.Output[str]
    connections: Mapping[str, SecretStr]
    variables: Mapping[str, str]
    fingerprint_key: pulumi.Output[str]


class Connections(pulumi.ComponentResource):
    """The Secrets ``airflow-connections`` and ``airflow-variables``, each only where it holds something.

    ``fingerprint`` changes with any value.
    """

    environment: tuple[FromSecret, ...]
    fingerprint: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: ConnectionsArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:Connections", "connections", None, opts)
        held = {
            names.CONNECTIONS_SECRET: {
                f"{CONNECTION_PREFIX}{name.upper()}": text.get_secret_value()
                for name, text in sorted(arguments.connections.items())
            },
            names.VARIABLES_SECRET: {
                f"{VARIABLE_PREFIX}{key.upper()}": text for key, text in sorted(arguments.variables.items())
            },
        }
        self.environment = tuple(FromSecret(variable, name) for name, values in held.items() for variable in values)
        every = [pulumi.Output.secret(text) for values in held.values() for pair in values.items() for text in pair]
        self.fingerprint = secrets.fingerprint(arguments.fingerprint_key, *every)
        self.ready = tuple(
            secrets.secret(name, arguments.namespace, name, values, pulumi.ResourceOptions(parent=self))
            for name, values in held.items()
            if values
        )
        self.register_outputs({})
