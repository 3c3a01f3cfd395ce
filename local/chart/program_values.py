"""The chart values that the program emits for the dev stack, as plain data."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi

from infra import airflow_values, names, runtime
from infra.settings import Airflow, Executor, ObjectStore, Publication, Tasks

BOTH: tuple[Executor, ...] = ("KubernetesExecutor", "LocalExecutor")
ONE: tuple[Executor, ...] = ("KubernetesExecutor",)


def program_values(executors: tuple[Executor, ...] = BOTH) -> dict[str, Any]:
    """The values with every default of the settings; fingerprints, which only the engine knows, are words."""
    arguments = airflow_values.ValuesArguments(
        namespace=names.RELEASE,
        airflow=Airflow(executors=executors),
        bucket=ObjectStore().bucket,
        refresh_seconds=Publication().refresh_seconds,
        xcom_sidecar_image=Tasks().xcom_sidecar_image,
        files=runtime.read(),
        fingerprint="fingerprint",
        admin_fingerprint="admin-fingerprint",
    )
    return asyncio.run(_known(arguments))


async def _known(arguments: airflow_values.ValuesArguments) -> dict[str, Any]:
    # Outputs need a running loop, no engine.
    values: dict[str, Any] | None = await pulumi.Output.from_input(airflow_values.values(arguments)).future()
    if values is None:
        raise ValueError("the values hold something that only the engine knows")
    return values
