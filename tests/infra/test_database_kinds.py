"""A database that exists, the pool before it, and the dump before a migration."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pulumi
import pytest

from infra import airflow_backing, pgbouncer
from infra.backup import DUMP, RESTORE, BackupArguments, dump, restore
from infra.database import AUTHORITY_PATH, Database, DatabaseArguments, authority
from infra.runtime import RuntimeFiles
from infra.service_accounts import Account
from infra.settings_stores import ExternalDatabase, PostgresDatabase
from tests.infra import stacks
from tests.infra.pods import pods, violations
from tests.infra.recording import Recording, record, strings

HOST = {"kind": "external", "host": "db.example.org", "name": "meta", "user": "loader", "password": "p@ss/w:rd"}
VERIFIED = {**HOST, "tls": "verify-full", "authority": stacks.CERTIFICATE}


def recorded(**keys: Any) -> tuple[Recording, Database]:
    made: list[Database] = []
    settings = stacks.stack(database=keys).database

    def program() -> None:
        arguments = DatabaseArguments(pulumi.Output.from_input("airflow"), settings, pulumi.Output.secret("key"))
        made.append(Database(arguments, pulumi.ResourceOptions()))

    return record(program), made[0]


def decoded(recording: Recording, name: str) -> dict[str, str]:
    return {k: base64.b64decode(v).decode() for k, v in recording.one(":Secret", name).inputs["data"].items()}


def test_a_database_that_exists_is_not_run() -> None:
    found, database = recorded(**HOST)
    assert {entry.type for entry in found.registrations if entry.custom} == {"kubernetes:core/v1:Secret"}
    assert database.secret == database.airflow_secret == "airflow-metadata"


def test_each_driver_gets_the_tls_mode_under_the_name_it_knows() -> None:
    found, _ = recorded(**HOST)
    assert decoded(found, "airflow-metadata") == {
        "connection": "postgresql://loader:p%40ss%2Fw%3Ard@db.example.org:5432/meta?sslmode=require",
        "async": "postgresql+asyncpg://loader:p%40ss%2Fw%3Ard@db.example.org:5432/meta?ssl=require",
    }


def test_an_authority_is_named_where_airflow_s_pods_have_it() -> None:
    found, _ = recorded(**VERIFIED)
    assert decoded(found, "airflow-metadata")["connection"].endswith(
        f"?sslmode=verify-full&sslrootcert={AUTHORITY_PATH}"
    )
    variables = decoded(found, "airflow-database")
    assert (variables["PGSSLMODE"], variables["PGSSLROOTCERT"]) == ("verify-full", AUTHORITY_PATH)
    settings = stacks.stack(database=VERIFIED).database
    assert authority(settings) == {"database-authority.pem": stacks.CERTIFICATE}


def test_postgres_own_programs_get_their_own_variables() -> None:
    found, database = recorded(**HOST)
    assert decoded(found, database.variables_secret) == {
        "PGHOST": "db.example.org",
        "PGPORT": "5432",
        "PGDATABASE": "meta",
        "PGUSER": "loader",
        "PGPASSWORD": "p@ss/w:rd",
        "PGSSLMODE": "require",
    }


def test_a_secret_that_holds_all_is_taken_as_it_is() -> None:
    found, database = recorded(kind="external", secret="rds")
    assert [entry for entry in found.registrations if entry.custom] == []
    assert database.secret == database.airflow_secret == database.variables_secret == "rds"


@pytest.mark.parametrize("keys", [HOST, VERIFIED, {}], ids=["external", "verified", "in the cluster"])
def test_with_a_pool_airflow_goes_through_it_and_migrations_do_not(keys: dict[str, Any]) -> None:
    found, database = recorded(**keys, pool={"size": 7, "clients": 70})
    assert (database.secret, database.airflow_secret) == ("airflow-metadata", "airflow-metadata-pooled")
    pooled = decoded(found, "airflow-metadata-pooled")["connection"]
    assert "@airflow-pgbouncer.airflow.svc:6543/" in pooled
    assert "ssl" not in pooled
    configuration = decoded(found, "airflow-pgbouncer")["pgbouncer.ini"].splitlines()
    direct = decoded(found, "airflow-database")
    name, host = direct["PGDATABASE"], direct["PGHOST"]
    assert f"{name} = host={host} port=5432 dbname={name} pool_size=7" in configuration
    assert "max_client_conn = 70" in configuration
    assert "pool_mode = transaction" in configuration
    assert f"server_tls_sslmode = {keys.get('tls', 'require' if keys else 'prefer')}" in configuration
    assert (f"server_tls_ca_file = {AUTHORITY_PATH}" in configuration) is ("authority" in keys)


def test_the_pool_s_password_stands_in_its_secret_only() -> None:
    found, _ = recorded(**HOST, pool={})
    assert decoded(found, "airflow-pgbouncer")["users.txt"] == '"loader" "p@ss/w:rd"\n'
    pool = stacks.stack(database={**HOST, "pool": {}}).database.pool
    assert pool
    assert "p@ss" not in json.dumps(pgbouncer.values(pool, "fingerprint"))


def backing(**keys: Any) -> airflow_backing.Backing:
    return airflow_backing.Backing(**keys)


PLAIN: dict[str, Any] = {
    "secret": [],
    "env": [],
    **{part: {} for part in ("apiServer", "scheduler", "triggerer")},
    "dagProcessor": {"serviceAccount": {"automountServiceAccountToken": False}},
}


def test_service_accounts_of_the_chart_are_told_their_role() -> None:
    role = "arn:aws:iam::123456789012:role/airflow"
    roles = {Account("core", name): role for name in airflow_backing.COMPONENTS.values()}
    values = airflow_backing.over(PLAIN, backing(roles=roles))
    for part in airflow_backing.COMPONENTS:
        assert values[part]["serviceAccount"]["annotations"] == {"eks.amazonaws.com/role-arn": role}
    assert values["dagProcessor"]["serviceAccount"]["automountServiceAccountToken"] is False


def test_the_chart_is_told_of_asyncpg_s_url_and_authority_only_where_they_matter() -> None:
    assert airflow_backing.over(PLAIN, backing()) == {**PLAIN, "data": {"metadataSecretName": "airflow-metadata"}}
    values = airflow_backing.over(PLAIN, backing(secret="pooled", asynchronous=True, authority="/a.pem"))
    assert values["data"] == {"metadataSecretName": "pooled"}
    assert values["secret"] == [
        {"envName": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC", "secretName": "pooled", "secretKey": "async"}
    ]
    assert values["env"] == [{"name": "PGSSLROOTCERT", "value": "/a.pem"}]


@pytest.mark.chart
def test_the_official_chart_takes_the_pool(official_chart: Path) -> None:
    pool = stacks.stack(database={**HOST, "pool": {}}).database.pool
    schema = json.loads((official_chart / "values.schema.json").read_text())
    jsonschema.validate(airflow_backing.over(PLAIN, backing(pool=pool, asynchronous=True)), schema)


def jobs() -> Recording:
    settings = stacks.stack(database={"backup": {"enabled": True, "image": "postgres:17.10-trixie"}})

    def program() -> None:
        arguments = BackupArguments(
            namespace=pulumi.Output.from_input("airflow"),
            settings=settings.database.backup,
            airflow_image="apache/airflow:3.2.2-python3.13",
            job_resources=settings.airflow.components.jobs,
            variables_secret="airflow-database",
            files=RuntimeFiles({"a": "b"}, {"a": "a"}),
        )
        dump(arguments, pulumi.ResourceOptions())
        restore(arguments, "backups/one.dump", pulumi.ResourceOptions())

    return record(program)


def test_their_pods_are_restricted() -> None:
    assert {name: violations(pod) for name, pod in pods(jobs())} == {
        "Job airflow-backup": [],
        "Job airflow-restore": [],
    }


@pytest.mark.parametrize(("name", "order"), [("airflow-backup", [0, 1]), ("airflow-restore", [1, 0])])
def test_postgres_programs_get_the_password_and_the_other_step_the_bucket(name: str, order: list[int]) -> None:
    pod = jobs().one(":Job", name).inputs["spec"]["template"]["spec"]
    steps = [pod["initContainers"][0], pod["containers"][0]]
    read = [[one["secretRef"]["name"] for one in step["envFrom"]] for step in steps]
    assert read == [[["airflow-database"], ["object-store-backup"]][index] for index in order]
    assert pod["serviceAccountName"] == "airflow-backup"
    assert not any("PGPASSWORD" in text for text in strings(pod))


FAKE = """#!/bin/sh
name=$(basename "$0")
echo "$name $*" >> "$CALLS"
case "$name $*" in
  *to_regclass*) echo "$SCHEMA" ;;
  *version_num*) echo 1a2b3c ;;
  pg_restore*)
    [ -z "$BROKEN" ] || exit 1
    for word; do case "$word" in --file=*) echo "CREATE" > "${word#--file=}" ;; esac; done ;;
  *--file=*) for word; do case "$word" in --file=*) cat "${word#--file=}" >> "$CALLS" ;; esac; done ;;
esac
"""


def shell(script: str, tmp_path: Path, **variables: str) -> tuple[int, str]:
    folder = tmp_path / "backup"
    folder.mkdir(exist_ok=True)
    (folder / "dump").write_text("dump")
    for name in ("psql", "pg_dump", "pg_restore"):
        fake = tmp_path / name
        fake.write_text(FAKE)
        fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(tmp_path / "calls"), "BROKEN": "", **variables}
    command = ["/bin/sh", "-c", script.replace("/backup", str(folder))]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    return done.returncode, (tmp_path / "calls").read_text()


def test_a_database_without_a_schema_is_not_dumped(tmp_path: Path) -> None:
    code, calls = shell(DUMP, tmp_path, SCHEMA="f")
    assert (code, "pg_dump" in calls) == (0, False)
    assert not (tmp_path / "backup" / "revision").exists()


def test_a_dump_tells_the_schema_s_revision(tmp_path: Path) -> None:
    code, calls = shell(DUMP, tmp_path, SCHEMA="t")
    assert (code, "pg_dump --format=custom" in calls) == (0, True)
    assert (tmp_path / "backup" / "revision").read_text() == "1a2b3c\n"


def test_restoring_replaces_the_whole_schema_in_one_transaction(tmp_path: Path) -> None:
    code, calls = shell(RESTORE, tmp_path)
    assert code == 0
    assert calls.index("pg_restore") < calls.index("psql")
    assert "--single-transaction --set ON_ERROR_STOP=1" in calls
    assert calls.endswith("DROP SCHEMA public CASCADE; CREATE SCHEMA public;\nCREATE\n")


def test_a_dump_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    code, calls = shell(RESTORE, tmp_path, BROKEN="1")
    assert (code, "psql" in calls) == (1, False)


def test_dumps_are_made_where_the_program_runs_postgres_and_elsewhere_on_request() -> None:
    assert PostgresDatabase().backup.enabled
    external = stacks.stack(database=HOST).database
    assert isinstance(external, ExternalDatabase)
    assert not external.backup.enabled
