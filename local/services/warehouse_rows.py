"""What lies in the warehouse, asked from the host."""

from __future__ import annotations

from typing import Any

import psycopg
from lightkube import Client
from lightkube.resources.core_v1 import Service as KubernetesService
from psycopg import sql

from local.bucket import secret
from local.services.service import NAMESPACE
from local.services.warehouse import DATABASE, NAME, PASSWORD, PORT, USER
from local.waiting import GaveUp

CONNECT_SECONDS = 10


def rows(client: Client, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """What a statement selects, asked from the host: the node routes Service addresses.

    ``%s`` stands for each value. Raises GaveUp when the warehouse does not answer, or refuses the statement.
    """
    live: Any = client.get(KubernetesService, NAME, namespace=NAMESPACE)
    password = secret(client, NAMESPACE, NAME)[PASSWORD]
    try:
        with psycopg.connect(
            host=live.spec.clusterIP, port=PORT, dbname=DATABASE, user=USER, password=password,
            connect_timeout=CONNECT_SECONDS,
        ) as connection:  # fmt: skip
            return connection.execute(sql.SQL(statement), values or None).fetchall()
    except psycopg.Error as error:
        raise GaveUp(f"the warehouse does not answer {statement!r}: {error}") from error
