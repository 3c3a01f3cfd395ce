"""Airflow's own keys, generated once and kept: no upgrade of the chart changes them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi

from infra import names, secrets


@dataclass(frozen=True)
class AirflowSecretsArguments:
    """Where the Secrets are needed, who administers Airflow, and what fingerprints are keyed with."""

    namespace: pulumi.Output[str]
    admin_user: str
    fingerprint_key: pulumi.Output[str]


class AirflowSecrets(pulumi.ComponentResource):
    """Fernet key, API secret key, JWT secret, and the administrator's password.

    ``fingerprint`` changes with any of the keys, ``admin_fingerprint`` with the password.
    """

    fingerprint: pulumi.Output[str]
    admin_fingerprint: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: AirflowSecretsArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:AirflowSecrets", "airflow-secrets", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        admin = secrets.password("admin-password", child, length=24)
        keys = {
            (names.FERNET_KEY_SECRET, "fernet-key"): secrets.random_key("fernet-key", child),
            (names.API_SECRET_KEY_SECRET, "api-secret-key"): secrets.random_key("api-secret-key", child),
            (names.JWT_SECRET, "jwt-secret"): secrets.password("jwt-secret", child, length=64),
        }
        user = arguments.admin_user
        log_in: dict[str, pulumi.Input[str]] = {
            "username": user,
            "password": admin,
            "passwords.json": admin.apply(lambda value: json.dumps({user: value})),
        }
        self.fingerprint = secrets.fingerprint(arguments.fingerprint_key, *keys.values())
        self.admin_fingerprint = secrets.fingerprint(arguments.fingerprint_key, admin)
        self.ready = (
            *(
                secrets.secret(name, arguments.namespace, name, {key: value}, child)
                for (name, key), value in keys.items()
            ),
            secrets.secret(names.ADMIN_SECRET, arguments.namespace, names.ADMIN_SECRET, log_in, child),
        )
        self.register_outputs({})
