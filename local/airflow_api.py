"""The little of Airflow's REST API (v2) that runs DAGs and reads how they went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from local.waiting import GaveUp


@dataclass(frozen=True)
class TaskInstance:
    """One task of a run; ``seconds`` is from its first start to its end, None before that."""

    task: str
    state: str
    tries: int
    seconds: float | None


class AirflowApi:
    """One Airflow, as one of SimpleAuthManager's users. Raises GaveUp on any refusal."""

    def __init__(self, address: str, user: str, password: str, transport: httpx.BaseTransport | None = None) -> None:
        self.address, self._user, self._password = address, user, password
        self._client = httpx.Client(base_url=address, timeout=30, trust_env=False, transport=transport)

    def log_in(self) -> None:
        """Take a token for the requests that follow."""
        form = {"username": self._user, "password": self._password}
        token = self._send("POST", "/auth/token", json=form)["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def unhealthy(self) -> str | None:
        """What of Airflow is not healthy, or None."""
        try:
            health = self._client.get("/api/v2/monitor/health").raise_for_status().json()
        except httpx.HTTPError as error:
            return f"the API server does not answer: {error or type(error).__name__}"
        needed = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        ill = [name for name in needed if (health.get(name) or {}).get("status") != "healthy"]
        return f"not healthy: {', '.join(ill)}" if ill else None

    def dag(self, dag_id: str) -> Mapping[str, Any] | None:
        """The DAG as Airflow knows it (``bundle_version`` among the rest), or None."""
        response = self._client.get(f"/api/v2/dags/{dag_id}")
        return None if response.status_code == httpx.codes.NOT_FOUND else _checked(response)

    def import_errors(self) -> list[str]:
        """``file: error`` for every DAG file that Airflow could not import."""
        found = self._send("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace'].strip()}" for error in found]

    def unpause(self, dag_id: str) -> None:
        self._send("PATCH", f"/api/v2/dags/{dag_id}", params={"update_mask": "is_paused"}, json={"is_paused": False})

    def trigger(self, dag_id: str, run_id: str) -> None:
        self._send("POST", f"/api/v2/dags/{dag_id}/dagRuns", json={"dag_run_id": run_id, "logical_date": None})

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self._send("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """The run's task instances in the order of their start."""
        found = self._send("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        found.sort(key=lambda instance: instance["start_date"] or "9999")
        return [
            TaskInstance(one["task_id"], one["state"] or "waiting", one["try_number"] or 0, _seconds(one))
            for one in found
        ]

    def log(self, dag_id: str, run_id: str, task: TaskInstance) -> list[str]:
        """The lines of the task's last try."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task}/logs/{max(task.tries, 1)}"
        content = self._send("GET", path, headers={"Accept": "application/json"})["content"]
        return [line["event"] if isinstance(line, dict) else str(line) for line in content]

    def _send(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            return _checked(self._client.request(method, path, **request))
        except httpx.HTTPError as error:
            raise GaveUp(f"Airflow at {self.address} does not answer {method} {path}: {error}") from error


def _checked(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        request = response.request
        raise GaveUp(f"Airflow refuses {request.method} {request.url.path}: {response.status_code} {response.text}")
    found: dict[str, Any] = response.json()
    return found


def _seconds(instance: Mapping[str, Any]) -> float | None:
    begin, end = instance["start_date"], instance["end_date"]
    if not begin or not end:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
