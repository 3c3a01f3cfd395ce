"""What the example DAGs talk to, on the one-machine platform only: the namespace ``services``.

The warehouse is a real Postgres; every other is a stand-in, and is named and labelled as one.
"""

from __future__ import annotations

from typing import Any

from local.machine import Machine
from local.services import held as kept
from local.services.orders_api import ORDERS_API
from local.services.salesforce import SALESFORCE
from local.services.service import Service
from local.services.warehouse import WAREHOUSE

#: Add one here: nothing else has to know.
SERVICES: tuple[Service, ...] = (WAREHOUSE, SALESFORCE, ORDERS_API)


def keep(machine: Machine) -> None:
    """Draw every password and certificate that is not there yet."""
    kept.keep(machine, SERVICES)


def connections(machine: Machine) -> dict[str, dict[str, Any]]:
    """Airflow's connections to the services: JSON keys by id."""
    found = [service.connections(kept.held(machine, service)) for service in SERVICES]
    return {name: dict(keys) for each in found for name, keys in each.items()}


def task_secrets(machine: Machine) -> dict[str, dict[str, str]]:
    """Secrets for task pods: variables by name."""
    found = [service.task_secrets(kept.held(machine, service)) for service in SERVICES]
    return {name: dict(variables) for each in found for name, variables in each.items()}


def secrets(machine: Machine) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """What the services need of the stack's secret settings: entries of a setting two levels down."""
    return {("airflow", "connections"): connections(machine), ("tasks", "secrets"): task_secrets(machine)}
