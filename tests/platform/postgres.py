"""SQL in the pod of the running stack's Postgres."""

from __future__ import annotations

import subprocess

from tests.conftest import Deployed

SHELL = (
    "PGPASSWORD=$(cat /run/secrets/postgres/password) exec psql --host=127.0.0.1 --username=airflow --no-align "
    "--tuples-only --quiet --set ON_ERROR_STOP=1 --file=-"
)


def query(deployed: Deployed, statement: str) -> str:
    """What Postgres answers, as text."""
    kubectl = [str(deployed.machine.tool("kubectl")), "--kubeconfig", str(deployed.machine.kubeconfig)]
    where = ["--namespace", deployed.settings.name, "exec", "--stdin", "postgres-0", "--", "sh", "-c", SHELL]
    done = subprocess.run([*kubectl, *where], input=statement, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
