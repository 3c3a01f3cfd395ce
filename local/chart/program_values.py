"""The chart values that the program emits for the dev stack, as plain data."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pulumi

from infra import airflow_values, names, runtime
from infra.connections import FromSecret
from infra.settings import Executor
from infra.settings_source import load_file, read_stack_file

STACK_FILE = Path(__file__).parents[2] / "Pulumi.dev.yaml"
CONNECTION = FromSecret("AIRFLOW_CONN_WAREHOUSE", names.CONNECTIONS_SECRET)
BOTH: tuple[Executor, ...] = ("KubernetesExecutor", "LocalExecutor")
ONE: tuple[Executor, ...] = ("KubernetesExecutor",)


def program_values(executors: tuple[Executor, ...] = BOTH) -> dict[str, Any]:
    """The dev stack's values with these executors; fingerprints, which only the engine knows, are words."""
    settings = load_file(STACK_FILE, _overrides(executors))
    arguments = airflow_values.ValuesArguments(
        namespace=names.RELEASE,
        tasks_namespace=f"{names.RELEASE}-tasks",
        airflow=settings.airflow,
        bucket=settings.object_store.bucket,
        refresh_seconds=settings.publication.refresh_seconds,
        xcom_sidecar_image=settings.tasks.xcom_sidecar_image,
        files=runtime.read(),
        connections=(CONNECTION,),
        fingerprint="fingerprint",
        admin_fingerprint="admin-fingerprint",
    )
    return asyncio.run(_known(arguments))


def _overrides(executors: tuple[Executor, ...]) -> dict[str, object]:
    stack: dict[str, Any] = read_stack_file(STACK_FILE)
    # No chart value depends on the log-in, but the settings must have one.
    log_in = {"server": stack["registry"]["server"], "username": "nobody", "password": "nothing"}
    return {"registryCredentials": [log_in], "airflow": {**stack.get("airflow", {}), "executors": executors}}


async def _known(arguments: airflow_values.ValuesArguments) -> dict[str, Any]:
    # Outputs need a running loop, no engine.
    values: dict[str, Any] | None = await pulumi.Output.from_input(airflow_values.values(arguments)).future()
    if values is None:
        raise ValueError("the values hold something that only the engine knows")
    return values
