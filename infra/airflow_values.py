"""The values of Airflow's chart 1.22: only what differs from the chart's own, so that an upgrade's defaults count."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi
from pydantic.alias_generators import to_snake

from infra import airflow_access, names, pod_template, restricted, runtime
from infra.airflow_access import AccessArguments
from infra.airflow_availability import replicas
from infra.connections import FromSecret
from infra.settings import Airflow
from infra.settings_access import Access
from infra.settings_record import Resources

#: What scheduler and triggerer get to end in: as long as it takes to submit or to collect what they have begun.
GRACE_SECONDS = 120
SIMPLE_ACCESS = Access()

STORE_CONNECTION = FromSecret(names.STORE_CONNECTION_VARIABLE, names.STORE_AIRFLOW_SECRET)


@dataclass(frozen=True)
class ValuesArguments:
    """What the values are made of. A fingerprint is an HMAC of secrets: safe to show, and new when one changes."""

    namespace: str
    tasks_namespace: str
    airflow: Airflow
    bucket: str
    refresh_seconds: int
    xcom_sidecar_image: str
    files: runtime.RuntimeFiles
    fingerprint: pulumi.Input[str]
    admin_fingerprint: pulumi.Input[str]
    connections: tuple[FromSecret, ...] = ()
    access: Access = SIMPLE_ACCESS

    @property
    def log_in(self) -> AccessArguments:
        airflow = self.airflow
        return AccessArguments(self.access, airflow.admin_user, airflow.image, airflow.components.api_server)


def values(arguments: ValuesArguments) -> dict[str, Any]:
    """The values; no secret stands in them, only names of Secrets."""
    airflow = arguments.airflow
    environment = {
        "PYTHONPATH": names.RUNTIME_PATH,
        "XCOM_SIDECAR_IMAGE": arguments.xcom_sidecar_image,
        names.KUBERNETES_CONNECTION_VARIABLE: kubernetes_connection(arguments.tasks_namespace),
    }
    return {
        "useStandardNaming": True,
        "enableServiceLinks": False,
        "airflowVersion": airflow.version,
        "defaultAirflowRepository": airflow.repository,
        "defaultAirflowTag": airflow.tag,
        "executor": runtime.executor_setting(airflow.executors),
        "imagePullSecrets": [{"name": names.REGISTRY_SECRET}],
        "securityContexts": {"pod": restricted.AIRFLOW.pod(), "containers": restricted.container()},
        "airflowPodAnnotations": {names.SECRETS_ANNOTATION: arguments.fingerprint},
        "airflowLocalSettings": "",
        # Every Role stands in infra/roles.py.
        "rbac": {"create": False},
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "secret": [
            {"envName": one.variable, "secretName": one.secret, "secretKey": one.variable}
            for one in (STORE_CONNECTION, *arguments.connections)
        ],
        "enableBuiltInSecretEnvVars": {"AIRFLOW_CONN_AIRFLOW_DB": False},
        "volumes": [arguments.files.volume()],
        "volumeMounts": [runtime.mount()],
        **_secret_names(),
        "apiServer": _api_server(arguments),
        "scheduler": _scheduler(arguments),
        "dagProcessor": _dag_processor(arguments),
        "triggerer": _triggerer(arguments),
        "workers": {
            "celery": {"persistence": {"enabled": False}},
            "kubernetes": {"serviceAccount": {"create": False, "name": names.WORKER_ACCOUNT}},
        },
        "podTemplate": pod_template.text(
            pod_template.manifest(airflow, arguments.files, _worker_environment(environment, arguments.connections))
        ),
        **_left_out(),
        **_at_request(arguments),
        "config": _config(arguments),
    }


def _secret_names() -> dict[str, Any]:
    """The Secrets that Airflow's own processes share."""
    return {
        "data": {"metadataSecretName": names.METADATA_SECRET},
        "fernetKeySecretName": names.FERNET_KEY_SECRET,
        "apiSecretKeySecretName": names.API_SECRET_KEY_SECRET,
        "jwtSecretName": names.JWT_SECRET,
    }


def _left_out() -> dict[str, Any]:
    """Parts of the chart that the program makes itself, or that nothing here needs."""
    return {
        "createUserJob": {"enabled": False, "serviceAccount": {"create": False}},
        "migrateDatabaseJob": {"enabled": False, "serviceAccount": {"create": False}},
        "postgresql": {"enabled": False},
        "redis": {"enabled": False},
        "statsd": {"enabled": False},
    }


def _at_request(arguments: ValuesArguments) -> dict[str, Any]:
    """Parts of the chart that a stack may have besides."""
    found: dict[str, Any] = {}
    if arguments.access.ingress:
        found["ingress"] = airflow_access.ingress_values(arguments.access.ingress)
    if arguments.airflow.cleanup:
        # It asks Kubernetes only: no database to wait for.
        found["cleanup"] = {
            "enabled": True,
            "resources": restricted.resources(arguments.airflow.components.jobs),
            "env": [{"name": "CONNECTION_CHECK_MAX_COUNT", "value": "0"}],
            "failedJobsHistoryLimit": 1,
            "successfulJobsHistoryLimit": 1,
        }
    if metrics := arguments.airflow.metrics:
        repository, tag = metrics.image.rsplit(":", 1)
        found["images"] = {"statsd": {"repository": repository, "tag": tag}}
        found["statsd"] = {
            "resources": restricted.resources(metrics.resources),
            "securityContexts": {"pod": restricted.NOBODY.pod(), "container": restricted.container()},
            "serviceAccount": {"automountServiceAccountToken": False},
        }
    return found


def kubernetes_connection(tasks_namespace: str) -> str:
    """The connection that a KubernetesPodOperator takes when it names none: this cluster, task pods' namespace."""
    extra = {"in_cluster": True, "namespace": tasks_namespace}
    return json.dumps({"conn_type": "kubernetes", "extra": extra}, sort_keys=True)


def _worker_environment(environment: dict[str, str], connections: tuple[FromSecret, ...]) -> list[dict[str, Any]]:
    return [
        *({"name": name, "value": value} for name, value in environment.items()),
        *(
            {"name": one.variable, "valueFrom": {"secretKeyRef": {"name": one.secret, "key": one.variable}}}
            for one in (STORE_CONNECTION, *connections)
        ),
    ]


def _component(arguments: ValuesArguments, component: str) -> dict[str, Any]:
    amounts: Resources = getattr(arguments.airflow.components, to_snake(component))
    return {
        "resources": restricted.resources(amounts),
        # The migration Job has run before the release: nothing to wait for.
        "waitForMigrations": {"enabled": False},
        **replicas(component, arguments.airflow.availability),
    }


def _api_server(arguments: ValuesArguments) -> dict[str, Any]:
    return {
        **_component(arguments, "apiServer"),
        **airflow_access.api_server(arguments.log_in),
        "podAnnotations": {f"{names.SECRETS_ANNOTATION}-admin": arguments.admin_fingerprint},
        # The chart gives up after a minute; a small machine that starts everything at once needs longer.
        "startupProbe": {"failureThreshold": 60, "periodSeconds": 5},
        "readinessProbe": {"initialDelaySeconds": 5},
    }


def _scheduler(arguments: ValuesArguments) -> dict[str, Any]:
    survivor = _survivor()
    # A supervisor notices only at its next heartbeat that a task process has ended. Deferred tasks that come back
    # before that look to the scheduler as if they had been killed from outside, and are tried again.
    heartbeat = {"name": "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "value": "1"}
    return {
        **_component(arguments, "scheduler"),
        **survivor,
        "env": [*survivor["env"], heartbeat],
        "startupProbe": {"initialDelaySeconds": 10, "timeoutSeconds": 60, "failureThreshold": 30},
        "livenessProbe": _patient_probe(),
    }


def _triggerer(arguments: ValuesArguments) -> dict[str, Any]:
    return {
        **_component(arguments, "triggerer"),
        **_survivor(),
        "persistence": {"enabled": False},
        "livenessProbe": _patient_probe(),
    }


def _survivor() -> dict[str, Any]:
    """Settings of what submits or follows task pods: a restart must reach no child, or it would delete its pod."""
    return {
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "env": [{"name": "DUMB_INIT_SETSID", "value": "0"}],
        "logGroomerSidecar": {"enabled": False},
    }


def _patient_probe() -> dict[str, Any]:
    """The check starts a Python process with all of Airflow: on a busy small machine that takes its time."""
    return {"initialDelaySeconds": 60, "timeoutSeconds": 60, "periodSeconds": 120}


def _dag_processor(arguments: ValuesArguments) -> dict[str, Any]:
    bundle = {
        "bucket": arguments.bucket,
        "prefix": names.DAGS_PREFIX,
        "aws_conn_id": names.STORE_CONNECTION,
        "refresh_interval": arguments.refresh_seconds,
    }
    classpath = "airflow_runtime.published_bundle.PublishedBundle"
    return {
        **_component(arguments, "dagProcessor"),
        "serviceAccount": {"automountServiceAccountToken": False},
        "logGroomerSidecar": {"enabled": False},
        "livenessProbe": _patient_probe(),
        "dagBundleConfigList": [{"name": names.BUNDLE, "classpath": classpath, "kwargs": bundle}],
    }


def _config(arguments: ValuesArguments) -> dict[str, dict[str, str]]:
    api = f"http://{names.API_SERVER}.{arguments.namespace}.svc:{names.API_SERVER_PORT}/execution/"
    return {
        **airflow_access.other_settings(arguments.access),
        "core": {
            **airflow_access.core_settings(arguments.log_in),
            "execution_api_server_url": api,
            # A run that starts right after a publication must get that publication's tasks, not the ones before.
            "min_serialized_dag_update_interval": "0",
            # Pod names resolve nowhere; the API server reads the logs of running tasks at the address.
            "hostname_callable": "airflow.utils.net.get_host_ip_address",
            "parallelism": str(arguments.airflow.parallelism),
        },
        "scheduler": {
            # Were a scheduler taken for dead while it ends, the next one would begin its tasks anew: their first
            # processes would be stopped, and delete the pods that they have submitted.
            "scheduler_health_check_threshold": str(GRACE_SECONDS + 30),
            # How soon the tasks of one that was killed are found.
            "orphaned_tasks_check_interval": "60",
        },
        "logging": {
            "remote_logging": "True",
            "remote_base_log_folder": f"s3://{arguments.bucket}/{names.LOGS_PREFIX}",
            "remote_log_conn_id": names.STORE_CONNECTION,
        },
        "dag_processor": {
            "bundle_refresh_check_interval": str(arguments.refresh_seconds),
            # Files change by publication only, and the bundle's file times tell which did.
            "min_file_process_interval": "300",
        },
    }
