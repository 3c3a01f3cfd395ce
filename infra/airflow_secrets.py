"""Airflow's own keys, generated once and kept: no upgrade of the chart changes them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi

from infra import names, secrets
from infra.airflow_access import oidc_documents
from infra.settings_access import Oidc


@dataclass(frozen=True)
class AirflowSecretsArguments:
    """Where the Secrets are needed, who administers Airflow, and what fingerprints are keyed with."""

    namespace: pulumi.Output[str]
    admin_user: str
    fernet_keys: tuple[int, ...]
    oidc: Oidc | None
    fingerprint_key: pulumi.Output[str]


class AirflowSecrets(pulumi.ComponentResource):
    """Fernet key, API secret key, JWT secret, the administrator's password, and the OpenID Connect client.

    ``fingerprint`` changes with any of the keys, ``admin_fingerprint`` with what people log in by.
    """

    fingerprint: pulumi.Output[str]
    admin_fingerprint: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: AirflowSecretsArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:AirflowSecrets", "airflow-secrets", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        admin = secrets.password("admin-password", child, length=24)
        keys = {
            (names.FERNET_KEY_SECRET, "fernet-key"): _fernet_keys(arguments.fernet_keys, child),
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
        documents = oidc_documents(arguments.oidc) if arguments.oidc else {}
        hidden = [pulumi.Output.secret(text) for text in documents.values()]
        self.admin_fingerprint = secrets.fingerprint(arguments.fingerprint_key, admin, *hidden)
        self.ready = (
            *(
                secrets.secret(name, arguments.namespace, name, {key: value}, child)
                for (name, key), value in keys.items()
            ),
            secrets.secret(names.ADMIN_SECRET, arguments.namespace, names.ADMIN_SECRET, log_in, child),
            *(
                [secrets.secret(names.OIDC_SECRET, arguments.namespace, names.OIDC_SECRET, documents, child)]
                if documents
                else []
            ),
        )
        self.register_outputs({})


def _fernet_keys(numbers: tuple[int, ...], opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """What Airflow calls its Fernet key: several with commas between, of which the first one encrypts.

    All up to the newest stay in the stack's state: older dumps of the database are encrypted with them.
    """
    drawn = {
        number: secrets.random_key("fernet-key" if number == 1 else f"fernet-key-{number}", opts)
        for number in range(1, max(numbers) + 1)
    }
    return pulumi.Output.all(*(drawn[number] for number in numbers)).apply(",".join)
