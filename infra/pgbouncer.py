"""PgBouncer, as the chart runs it: its configuration, which holds the password, and its values, which do not."""

from __future__ import annotations

from typing import Any

import pulumi

from infra import names, restricted
from infra.settings_stores import Pool

PORT = 6543
#: The user of the chart's image.
IDENTITY = restricted.Identity(65534, 65534)
# asyncpg and psycopg name their prepared statements: the pool has to follow them.
STATEMENTS = 200


def files(
    host: pulumi.Input[str],
    port: int,
    database: str,
    user: str,
    password: pulumi.Input[str],
    pool: Pool,
    tls: str | None,
    authority: str | None,
) -> dict[str, pulumi.Input[str]]:
    """The Secret that the chart mounts. https://www.pgbouncer.org/config.html"""

    def written(parts: list[str]) -> dict[str, str]:
        return {
            "pgbouncer.ini": _configuration(parts[0], port, database, user, pool, tls, authority),
            "users.txt": f"{_quoted(user)} {_quoted(parts[1])}\n",
        }

    both = pulumi.Output.all(host, password).apply(written)
    return {"pgbouncer.ini": both["pgbouncer.ini"], "users.txt": both["users.txt"]}


def values(pool: Pool, fingerprint: pulumi.Input[str]) -> dict[str, Any]:
    """The chart's values under ``pgbouncer``."""
    contexts = {"pod": IDENTITY.pod(), "container": restricted.container()}
    return {
        "enabled": True,
        "configSecretName": names.PGBOUNCER_SECRET,
        "podAnnotations": {names.SECRETS_ANNOTATION: fingerprint},
        "resources": restricted.resources(pool.resources),
        "securityContexts": contexts,
        "metricsExporterSidecar": {
            "statsSecretName": names.PGBOUNCER_STATISTICS_SECRET,
            "resources": restricted.resources(pool.resources),
            "securityContexts": {"container": restricted.container()},
        },
    }


def _configuration(
    host: str, port: int, database: str, user: str, pool: Pool, tls: str | None, authority: str | None
) -> str:
    lines = (
        "[databases]",
        f"{database} = host={host} port={port} dbname={database} pool_size={pool.size}",
        "",
        "[pgbouncer]",
        "pool_mode = transaction",
        f"listen_port = {PORT}",
        "listen_addr = *",
        "auth_type = scram-sha-256",
        "auth_file = /etc/pgbouncer/users.txt",
        f"stats_users = {user}",
        "ignore_startup_parameters = extra_float_digits",
        f"max_client_conn = {pool.clients}",
        f"max_prepared_statements = {STATEMENTS}",
        f"server_tls_sslmode = {tls or 'prefer'}",
        *((f"server_tls_ca_file = {authority}",) if authority else ()),
    )
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
