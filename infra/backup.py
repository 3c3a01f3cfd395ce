"""A dump of the metadata database to the bucket, before a migration may change it; and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from infra import jobs, names
from infra.restricted import AIRFLOW
from infra.runtime import RuntimeFiles
from infra.settings_record import Resources
from infra.settings_stores import Backup

FOLDER = "/backup"
SECONDS = 1800
DUMP = """\
set -eu
if [ "$(psql --no-align --tuples-only --command "SELECT to_regclass('alembic_version') IS NOT NULL")" != t ]; then
  echo "no schema yet: nothing to back up"
  exit 0
fi
psql --no-align --tuples-only --command 'SELECT version_num FROM alembic_version' > /backup/revision
pg_dump --format=custom --no-owner --file=/backup/dump
"""
SCHEMA = """\
set -eu
if [ "$(psql --no-align --tuples-only --command "SELECT to_regclass('alembic_version') IS NOT NULL")" = t ]; then
  psql --no-align --tuples-only --command 'SELECT version_num FROM alembic_version'
fi
"""
# Whole or not at all; what the dump does not hold, such as tables of a newer version, goes.
RESTORE = f"""\
set -eu
echo 'DROP SCHEMA public CASCADE; CREATE SCHEMA public;' > {FOLDER}/sql
pg_restore --no-owner --no-privileges --file={FOLDER}/objects {FOLDER}/dump
cat {FOLDER}/objects >> {FOLDER}/sql
export PGOPTIONS='-c lock_timeout=60s -c client_min_messages=warning'
psql --quiet --single-transaction --set ON_ERROR_STOP=1 --file={FOLDER}/sql > /dev/null
echo "restored"
"""


@dataclass(frozen=True)
class BackupArguments:
    """Where it runs and what with: the image with Postgres' programs, and Airflow's for the way to the bucket.

    ``variables_secret`` holds what Postgres' own programs read.
    """

    namespace: pulumi.Output[str]
    settings: Backup
    airflow_image: str
    job_resources: Resources
    variables_secret: str
    files: RuntimeFiles


def dump(arguments: BackupArguments, opts: pulumi.ResourceOptions) -> k8s.batch.v1.Job:
    """Dumps the database, then writes the dump to the bucket. Made anew with each Airflow image."""
    return _job("airflow-backup", arguments, (_postgres(arguments, DUMP), _bucket(arguments, "write")), opts)


def restore(arguments: BackupArguments, key: str, opts: pulumi.ResourceOptions) -> k8s.batch.v1.Job:
    """Fetches a dump from the bucket, then makes the database what it was."""
    steps = (_bucket(arguments, "read", {"BACKUP_KEY": key}), _postgres(arguments, RESTORE))
    return _job("airflow-restore", arguments, steps, opts)


def listing(arguments: BackupArguments, opts: pulumi.ResourceOptions) -> k8s.batch.v1.Job:
    """Prints the keys of all dumps."""
    return _job("airflow-backup-list", arguments, (_bucket(arguments, "list"),), opts)


def schema(arguments: BackupArguments, opts: pulumi.ResourceOptions) -> k8s.batch.v1.Job:
    """Prints the revision of the database's schema, nothing where there is none."""
    return _job("airflow-schema", arguments, (_postgres(arguments, SCHEMA),), opts)


def _job(
    name: str,
    arguments: BackupArguments,
    steps: Sequence[jobs.Step],
    opts: pulumi.ResourceOptions,
) -> k8s.batch.v1.Job:
    *before, last = steps
    return jobs.run(
        name,
        jobs.JobArguments(
            namespace=arguments.namespace,
            account=names.BACKUP_ACCOUNT,
            image=last.image,
            identity=AIRFLOW,
            resources=last.resources,
            command=last.command,
            arguments=last.arguments,
            environment=last.environment,
            environment_secrets=last.environment_secrets,
            before=before,
            mounts=[
                jobs.scratch("backup", FOLDER),
                jobs.scratch("tmp", "/tmp"),  # noqa: S108 - an emptyDir
                jobs.Mount(names.RUNTIME_PATH, arguments.files.volume_arguments()),
            ],
            deadline_seconds=SECONDS,
            read_only_root=False,
        ),
        opts,
    )


def _postgres(arguments: BackupArguments, script: str) -> jobs.Step:
    return jobs.Step(
        name="postgres",
        image=arguments.settings.image,
        resources=arguments.settings.resources,
        command=["/bin/sh", "-c", script],
        environment=jobs.plain({"HOME": "/tmp"}),  # noqa: S108 - an emptyDir
        environment_secrets=[arguments.variables_secret],
    )


def _bucket(arguments: BackupArguments, way: str, more: Mapping[str, pulumi.Input[str]] | None = None) -> jobs.Step:
    variables = {"PYTHONPATH": names.RUNTIME_PATH, "CONNECTION_CHECK_MAX_COUNT": "0", **(more or {})}
    return jobs.Step(
        name="bucket",
        image=arguments.airflow_image,
        resources=arguments.job_resources,
        arguments=["python", "-m", "airflow_runtime.backup", way],
        environment=jobs.plain(variables),
        environment_secrets=[names.STORE_BACKUP_SECRET],
    )
