"""Which service accounts reach the bucket, and as whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from infra import names
from infra.object_store_policies import AIRFLOW, BACKUP, PUBLISHER, TASKS, User

Place = Literal["core", "tasks"]
#: Amazon's webhook gives the account's pods what they take the role with.
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


@dataclass(frozen=True)
class Account:
    """A service account, and in which of the two namespaces it is."""

    place: Place
    name: str


@dataclass(frozen=True)
class Identity:
    """Service accounts of one namespace that act for the same users of the bucket."""

    name: str
    place: Place
    accounts: tuple[str, ...]
    users: tuple[User, ...]


AIRFLOW_ACCOUNTS = (
    names.API_SERVER_ACCOUNT,
    names.DAG_PROCESSOR_ACCOUNT,
    names.SCHEDULER_ACCOUNT,
    names.TRIGGERER_ACCOUNT,
)
IDENTITIES = (
    Identity("airflow", "core", AIRFLOW_ACCOUNTS, (AIRFLOW,)),
    # A worker writes its log as Airflow, and its results as the task that it runs.
    Identity("worker", "core", (names.WORKER_ACCOUNT,), (AIRFLOW, TASKS)),
    Identity("publisher", "core", (names.PUBLISHER_ACCOUNT,), (PUBLISHER,)),
    Identity("backup", "core", (names.BACKUP_ACCOUNT,), (BACKUP,)),
    Identity("task", "tasks", (names.TASK_ACCOUNT,), (TASKS,)),
)
