"""What the chart's values say of the database and the cloud behind Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from infra import names, pgbouncer
from infra.service_accounts import ROLE_ANNOTATION, Account
from infra.settings_stores import Pool
from pipelines import releases

ASYNCHRONOUS_VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"
#: Component of the chart -> its service account.
COMPONENTS = {
    "apiServer": names.API_SERVER_ACCOUNT,
    "dagProcessor": names.DAG_PROCESSOR_ACCOUNT,
    "scheduler": names.SCHEDULER_ACCOUNT,
    "triggerer": names.TRIGGERER_ACCOUNT,
}


@dataclass(frozen=True)
class Backing:
    """The Secret with the connection for Airflow's own processes, and whether that for asyncpg is beside it.

    ``authority`` is the path of the certificate that the database's is verified with. ``roles`` of a cloud, by service
    account. ``repository`` is Airflow's own, which PgBouncer's images are tags of.
    """

    secret: str = names.METADATA_SECRET
    asynchronous: bool = False
    authority: str | None = None
    pool: Pool | None = None
    fingerprint: pulumi.Input[str] = ""
    roles: Mapping[Account, pulumi.Input[str]] = field(default_factory=dict)
    repository: str = releases.AIRFLOW_REPOSITORY


def over(values: Mapping[str, Any], backing: Backing) -> dict[str, Any]:
    """The values with what the backing adds. Workers have a pod template of their own, and get none of it."""
    secret = {"envName": ASYNCHRONOUS_VARIABLE, "secretName": backing.secret, "secretKey": "async"}
    more = {
        "data": {"metadataSecretName": backing.secret},
        "secret": [*values["secret"], *([secret] if backing.asynchronous else [])],
        # asyncpg knows no other way to be told.
        "env": [
            *values["env"],
            *([{"name": "PGSSLROOTCERT", "value": backing.authority}] if backing.authority else []),
        ],
        **({"pgbouncer": pgbouncer.values(backing.pool, backing.fingerprint)} if backing.pool else {}),
        **({"images": {**values.get("images", {}), **_pool_images(backing)}} if _is_elsewhere(backing) else {}),
    }
    return {**values, **more, **{part: _with_role(values[part], name, backing) for part, name in COMPONENTS.items()}}


def _with_role(component: Mapping[str, Any], account: str, backing: Backing) -> dict[str, Any]:
    role = backing.roles.get(Account("core", account))
    if role is None:
        return dict(component)
    found = component.get("serviceAccount", {})
    return {**component, "serviceAccount": {**found, "annotations": {ROLE_ANNOTATION: role}}}


def _is_elsewhere(backing: Backing) -> bool:
    return backing.pool is not None and backing.repository != releases.AIRFLOW_REPOSITORY


def _pool_images(backing: Backing) -> dict[str, dict[str, str]]:
    return {name: {"repository": backing.repository} for name in ("pgbouncer", "pgbouncerExporter")}
