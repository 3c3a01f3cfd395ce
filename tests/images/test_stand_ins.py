"""Each stand-in, run as the platform runs it, holds to the contract of the image whose name it carries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from infra.settings import Tasks
from infra.settings_stores import MinioStore, PostgresDatabase
from local.kubernetes_client import connect
from local.machine import Machine
from local.mirror import RECIPES
from tests.images import pods
from tests.images.pods import Outcome, Trial

pytestmark = pytest.mark.platform

AIRFLOW = next(recipe.reference for recipe in RECIPES if recipe.folder == "airflow")
AIRFLOW_SCRIPT = """
id -u; command -v python pip airflow; test -x /clean-logs
airflow version
airflow db migrate > /dev/null 2>&1
python -c 'from airflow.api_fastapi.app import create_app; create_app(); print("app created")'
touch /opt/airflow/logs/x /opt/airflow/dags/x && echo writable
"""
POSTGRES_SCRIPT = """
until pg_isready -q -h 127.0.0.1 -U airflow -d airflow; do sleep 0.2; done
sql() { psql -h 127.0.0.1 -U airflow -d airflow -At -c "$1"; }
export PGPASSWORD=right
sql "select pg_encoding_to_char(encoding) from pg_database where datname = 'airflow'"
sql "select version() like 'PostgreSQL 17.%'"
sql "show max_connections"
PGPASSWORD=wrong sql "select 1" 2>&1 | grep -o 'password authentication failed'
"""
STORE_SCRIPT = """
export MC_HOST_store=http://root:root-password@127.0.0.1:9000
until mc ls store > /dev/null 2>&1; do sleep 0.2; done
mc mb store/bucket > /dev/null
echo content | mc pipe store/bucket/key > /dev/null
mc cat store/bucket/key
printf 'person\\nperson-password\\n' | mc admin user add store > /dev/null
mc admin user ls --json store
command -v mcli sleep cat mktemp > /dev/null && echo tools
"""
# How the operator ends the sidecar where pgrep is too small for it.
SIDECAR_SCRIPT = """
whoami
echo '{"a": 1}' > /tmp/return.json
if [ -s /tmp/return.json ]; then cat /tmp/return.json; fi
sh -c 'trap "echo interrupted; exit 0" INT; while true; do sleep 1; done' &
sleep 1
for comm in /proc/[0-9]*/comm; do
    [ -O $comm ] && read name < $comm && [ "$name" = sh ] && pid=${comm%/comm} && echo "found ${pid##*/}"
done
kill -9 $!
"""
TRIALS = {
    "airflow": Trial(
        AIRFLOW, AIRFLOW_SCRIPT, 50000, 0, ("bash", "-ceu"), read_only=False, through_entry_point=True,
    ),
    "airflow-other-user": Trial(
        AIRFLOW, AIRFLOW_SCRIPT, 12345, 0, ("bash", "-ceu"), read_only=False, through_entry_point=True,
    ),
    "airflow-other-group": Trial(AIRFLOW, "true", 50000, 5, ("bash", "-c"), through_entry_point=True),
    "python": Trial(
        "python:3.13-slim-trixie",
        "python -c 'import sqlite3, ssl, sys; print(sys.prefix, sys.version_info[:2])'; pip --version; pip list",
        12345, 12345,
    ),
    "postgres": Trial(
        PostgresDatabase().image, POSTGRES_SCRIPT, 999, 999,
        server=("postgres", "-c", "max_connections=33"),
        environment={
            "POSTGRES_USER": "airflow", "POSTGRES_PASSWORD": "right", "POSTGRES_DB": "airflow",
            "PGDATA": "/var/lib/postgresql/data/pgdata",
        },
        writable=("/tmp", "/var/run/postgresql", "/var/lib/postgresql/data"),
    ),
    "object-store": Trial(
        MinioStore().image, STORE_SCRIPT, 1000, 1000,
        server=("server", "/data", "--console-address", ":9001"),
        environment={"MINIO_ROOT_USER": "root", "MINIO_ROOT_PASSWORD": "root-password"},
        writable=("/tmp", "/data"),
    ),
    "busybox": Trial(Tasks().xcom_sidecar_image, SIDECAR_SCRIPT, 65534, 65534),
}  # fmt: skip


@pytest.fixture(scope="module")
def end(running: Machine) -> Iterator[Callable[[str], Outcome]]:
    """All pods at once: they wait for each other less than the tests would."""
    client = connect(running)
    with pods.namespace(client) as namespace:
        for name, trial in TRIALS.items():
            client.create(trial.manifest(namespace, name))
        yield partial(pods.outcome, client, namespace)


@pytest.mark.parametrize(("name", "user"), [("airflow", "50000"), ("airflow-other-user", "12345")])
def test_airflow_runs_as_any_user_of_group_0(end: Callable[[str], Outcome], name: str, user: str) -> None:
    found = end(name)
    assert found.exit_code == 0, found.log
    lines = found.log.split("\n")
    assert lines[0] == user
    assert {"/home/airflow/.local/bin/python", "3.2.2", "app created", "writable"} <= {line.strip() for line in lines}


def test_airflow_refuses_another_group(end: Callable[[str], Outcome]) -> None:
    found = end("airflow-other-group")
    assert found.exit_code == 1
    assert "group 0" in found.log


def test_python_is_where_the_real_image_has_it(end: Callable[[str], Outcome]) -> None:
    found = end("python")
    assert found.exit_code == 0, found.log
    assert "/usr/local (3, 13)" in found.log
    assert "/usr/local/lib/python3.13/site-packages/pip" in found.log


def test_postgres_makes_its_database_and_asks_for_the_password(end: Callable[[str], Outcome]) -> None:
    found = end("postgres")
    assert found.exit_code == 0, found.log
    assert found.log.split() == ["UTF8", "t", "33", "password", "authentication", "failed"]


def test_the_object_store_serves_and_has_its_client(end: Callable[[str], Outcome]) -> None:
    found = end("object-store")
    assert found.exit_code == 0, found.log
    assert found.log.startswith("content\n")
    assert '"accessKey":"person"' in found.log
    assert "tools" in found.log


def test_the_sidecar_has_what_the_operator_calls(end: Callable[[str], Outcome]) -> None:
    found = end("busybox")
    assert found.exit_code == 0, found.log
    lines = found.log.splitlines()
    assert lines[:2] == ["nobody", '{"a": 1}']
    assert lines[2].startswith("found ")
