"""Postgres is killed in the middle of a migration."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lightkube.resources.batch_v1 import Job
from lightkube.types import CascadeType

from infra.database import NAME
from local.waiting import wait
from pipelines.releases import AIRFLOW
from pipelines.schema_heads import head_of
from tests.conftest import Deployed
from tests.faults.earlier import Earlier
from tests.faults.under_way import under_way
from tests.faults.victims import await_ready, pod_of, process_of
from tests.platform.observed import await_served
from tests.platform.postgres import SHELL, query
from tests.platform.scratch import Scratch

# Whichever engine made them, the objects are the same.
pytestmark = [pytest.mark.platform, pytest.mark.faults, pytest.mark.parametrize("deployed", ["direct"], indirect=True)]

#: Three revisions before the head of 3.2, and the last of the two that come back before the lock is met.
OLDER, REACHED = "134de42d3cb0", "888b59e02a5b"
#: What the revision after that changes.
TABLE = "callback"
REVISION = "SELECT version_num FROM alembic_version"
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE 'ALTER TABLE callback %'"
)
RUNS = "SELECT count(*), max(id) FROM dag_run"
GONE_SECONDS = 60


def test_postgres_dies_during_a_migration(with_results: Deployed, scratch: Scratch, tmp_path: Path) -> None:
    deployed, earlier, runs = with_results, Earlier.of(with_results), query(with_results, RUNS)
    downgrade(deployed)
    assert query(deployed, REVISION) == OLDER
    forget_migration(deployed)
    server = process_of(pod_of(deployed, NAME))
    with locked(deployed), under_way(scratch.folder, tmp_path / "output") as up:
        up.await_moment("a revision waits for the lock", lambda: query(deployed, WAITING) != "0")
        assert query(deployed, REVISION) == REACHED
        os.kill(server, signal.SIGKILL)
        done = up.end()
    assert done.status == 0, done.output
    assert query(deployed, REVISION) == head_of(AIRFLOW)
    assert query(deployed, RUNS) == runs
    earlier.assert_nothing_lost(deployed)
    assert scratch.up().counts[:4] == (0, 0, 0, 0)
    await_served(deployed, "cost_of_living")


def kubectl(deployed: Deployed) -> tuple[str, ...]:
    return str(deployed.machine.tool("kubectl")), "--kubeconfig", str(deployed.machine.kubeconfig)


def downgrade(deployed: Deployed) -> None:
    """Back to OLDER, by Airflow's own command in one of its pods."""
    where = ("--namespace", deployed.settings.name, "exec", "deployment/airflow-dag-processor")
    command = ("airflow", "db", "downgrade", "--yes", "--to-revision", OLDER)
    done = subprocess.run([*kubectl(deployed), *where, "--", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    await_ready(deployed, NAME)


def forget_migration(deployed: Deployed) -> None:
    """Have the next ``up`` migrate anew."""
    client, namespace = deployed.client, deployed.settings.name

    def jobs() -> list[str]:
        found = [str(one.metadata and one.metadata.name) for one in client.list(Job, namespace=namespace)]
        return [name for name in found if name.startswith("airflow-migration")]

    for name in jobs():
        client.delete(Job, name, namespace=namespace, cascade=CascadeType.BACKGROUND)
    wait("the migration to go", lambda: ", ".join(jobs()) or None, GONE_SECONDS)


@contextmanager
def locked(deployed: Deployed) -> Iterator[None]:
    """Somebody reads the table for as long as Postgres lives, so that nobody can change it."""
    where = ["--namespace", deployed.settings.name, "exec", "--stdin", f"{NAME}-0", "--", "sh", "-c", SHELL]
    reading = subprocess.Popen([*kubectl(deployed), *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reading.stdin is not None
    assert reading.stdout is not None
    try:
        reading.stdin.write(f"BEGIN;\nLOCK TABLE {TABLE} IN ACCESS SHARE MODE;\nSELECT 'locked';\n")
        reading.stdin.flush()
        assert reading.stdout.readline().strip() == "locked"
        yield
    finally:
        reading.kill()
        reading.communicate()
