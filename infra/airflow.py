"""Airflow itself: the database migration, then the chart's release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import pulumi
import pulumi_kubernetes as k8s

from infra import airflow_backing, backup, jobs, names, pools, runtime
from infra.airflow_access import auth_manager
from infra.airflow_backing import Backing
from infra.airflow_values import ValuesArguments, values
from infra.backup import BackupArguments
from infra.chart_source import chart_source
from infra.restricted import AIRFLOW
from infra.settings import Chart, Pool
from infra.settings_access import Access

ADMINISTRATOR_MOUNT = "/run/airflow-administrator"


@dataclass(frozen=True)
class AirflowArguments:
    """The chart, what its values are made of, pools, and what must be there first.

    ``backup``: a dump before the migration.
    """

    namespace: pulumi.Output[str]
    pools: Mapping[str, Pool]
    chart: Chart
    values: ValuesArguments
    database_fingerprint: pulumi.Output[str]
    after: Sequence[pulumi.Resource]
    database_secret: str = names.METADATA_SECRET
    backing: Backing = field(default_factory=Backing)
    backup: BackupArguments | None = None


class Airflow(pulumi.ComponentResource):
    """Runtime ConfigMap, migration Job, Helm release, and a Job that makes the pools beside it."""

    release: k8s.helm.v3.Release
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: AirflowArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:Airflow", "airflow", None, opts)
        files = runtime.config_map(arguments.values.files, arguments.namespace, pulumi.ResourceOptions(parent=self))
        migration = self._migration(arguments, files)
        chart, source = arguments.chart, chart_source(arguments.chart)
        self.release = k8s.helm.v3.Release(
            names.RELEASE,
            name=names.RELEASE,
            namespace=arguments.namespace,
            chart=source.chart,
            version=source.version,
            repository_opts=k8s.helm.v3.RepositoryOptsArgs(repo=source.repository) if source.repository else None,
            values=airflow_backing.over(values(arguments.values), arguments.backing),
            skip_await=False,
            timeout=chart.timeout_seconds,
            atomic=chart.atomic,
            max_history=5,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[migration, files, *arguments.after]),
        )
        after = [migration, files]
        self.ready = (
            self.release,
            *self._pools(arguments, after),
            *self._administrator(arguments, after),
            *self._rotation(arguments),
        )
        self.register_outputs({})

    def _migration(self, arguments: AirflowArguments, files: pulumi.Resource) -> k8s.batch.v1.Job:
        after = [files, *arguments.after]
        if arguments.backup:
            opts = pulumi.ResourceOptions(parent=self, depends_on=after)
            after = [backup.dump(arguments.backup, opts)]
        return self._job("airflow-migration", ["db", "migrate"], [], arguments, after)

    def _pools(self, arguments: AirflowArguments, ready: Sequence[pulumi.Resource]) -> tuple[pulumi.Resource, ...]:
        if not arguments.pools:
            return ()
        after = pulumi.ResourceOptions(parent=self, depends_on=list(arguments.after))
        mount = pools.mounted(arguments.pools, arguments.namespace, after)
        return (self._job("airflow-pools", pools.ARGUMENTS, [mount], arguments, ready),)

    def _rotation(self, arguments: AirflowArguments) -> tuple[pulumi.Resource, ...]:
        """While there are several Fernet keys: what the old ones have encrypted is encrypted with the first one.

        After the release: every process can read both by then.
        """
        if len(arguments.values.airflow.fernet_keys) == 1:
            return ()
        fingerprint = pulumi.Output.from_input(arguments.values.fingerprint)
        job = self._job(
            "airflow-fernet-rotation",
            ["python", "-m", "airflow_runtime.fernet_rotation"],
            _runtime_files(arguments),
            arguments,
            [self.release],
            {"PYTHONPATH": names.RUNTIME_PATH},
            fingerprint,
        )
        return (job,)

    def _administrator(
        self, arguments: AirflowArguments, ready: Sequence[pulumi.Resource]
    ) -> tuple[pulumi.Resource, ...]:
        access = arguments.values.access
        if access.auth_manager != "fab":
            return ()
        who = access.administrator
        environment = {
            "PYTHONPATH": names.RUNTIME_PATH,
            "ADMINISTRATOR": arguments.values.airflow.admin_user,
            "ADMINISTRATOR_FIRST_NAME": who.first_name,
            "ADMINISTRATOR_LAST_NAME": who.last_name,
            "ADMINISTRATOR_EMAIL": who.email,
            "ADMINISTRATOR_PASSWORD_FILE": f"{ADMINISTRATOR_MOUNT}/password",
        }
        mounts = [
            *_runtime_files(arguments),
            jobs.secret_files("administrator", ADMINISTRATOR_MOUNT, names.ADMIN_SECRET),
        ]
        job = self._job(
            "airflow-administrator",
            ["python", "-m", "airflow_runtime.administrator"],
            mounts,
            arguments,
            ready,
            environment,
            arguments.values.admin_fingerprint,
        )
        return (job,)

    def _job(
        self,
        name: str,
        command: Sequence[str],
        mounts: Sequence[jobs.Mount],
        arguments: AirflowArguments,
        after: Sequence[pulumi.Resource],
        environment: Mapping[str, str] = MappingProxyType({}),
        fingerprint: pulumi.Input[str] | None = None,
    ) -> k8s.batch.v1.Job:
        """Airflow's own command line, with the database; another ``fingerprint`` than the database's runs it again."""
        airflow = arguments.values.airflow
        files = arguments.values.files.volume_arguments()
        runtime_files = [jobs.Mount(names.RUNTIME_PATH, files)] if arguments.backing.authority else []
        return jobs.run(
            name,
            jobs.JobArguments(
                namespace=arguments.namespace,
                image=airflow.image,
                identity=AIRFLOW,
                resources=airflow.components.jobs,
                arguments=command,
                mounts=[*mounts, *runtime_files],
                environment=[
                    jobs.from_secret("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", arguments.database_secret, "connection"),
                    jobs.from_secret("AIRFLOW__CORE__FERNET_KEY", names.FERNET_KEY_SECRET, "fernet-key"),
                    *jobs.plain({**_auth_manager(arguments.values.access), **environment}),
                ],
                annotations={names.SECRETS_ANNOTATION: fingerprint or arguments.database_fingerprint},
                deadline_seconds=900,
                # Airflow writes its default configuration and logs below its home.
                read_only_root=False,
            ),
            pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )


def _runtime_files(arguments: AirflowArguments) -> list[jobs.Mount]:
    """The files of ours, where no Job has them for the database's certificate already."""
    files = arguments.values.files.volume_arguments()
    return [] if arguments.backing.authority else [jobs.Mount(names.RUNTIME_PATH, files)]


def _auth_manager(access: Access) -> dict[str, str]:
    # Airflow's own default needs no word, and an unchanged Job is not run again.
    return {"AIRFLOW__CORE__AUTH_MANAGER": auth_manager(access)} if access.auth_manager == "fab" else {}
