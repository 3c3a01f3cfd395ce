"""The pod of a KubernetesExecutor worker. Unlike the chart's own it holds no database URL and no fernet key."""

from __future__ import annotations

from typing import Any

import yaml

from infra import names, restricted, runtime
from infra.settings import Airflow

CONFIG_MAP = f"{names.RELEASE}-config"
HOME = "/opt/airflow"


def manifest(airflow: Airflow, files: runtime.RuntimeFiles, environment: list[dict[str, Any]]) -> dict[str, Any]:
    """The worker pod; the executor adds the arguments, a task's override the image.

    ``environment`` is what every Airflow pod gets. The container has no command: the image's entry point runs the
    arguments.
    """
    container = {
        "name": "base",
        "image": airflow.image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "AIRFLOW_HOME", "value": HOME},
            # With the default one only, a worker takes the tasks of other executors for its own.
            {"name": "AIRFLOW__CORE__EXECUTOR", "value": runtime.executor_setting(airflow.executors)},
            # Without a database URL the image's entry point has nothing to wait for.
            {"name": "CONNECTION_CHECK_MAX_COUNT", "value": "0"},
            *environment,
        ],
        "resources": restricted.resources(airflow.components.worker),
        "securityContext": restricted.container(),
        "volumeMounts": [
            {"name": "logs", "mountPath": f"{HOME}/logs"},
            {"name": "config", "mountPath": f"{HOME}/airflow.cfg", "subPath": "airflow.cfg", "readOnly": True},
            runtime.mount(),
        ],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "placeholder-name",
            "labels": {"tier": "airflow", "component": "worker", "release": names.RELEASE, **names.CORE_PART_OF},
        },
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": names.WORKER_ACCOUNT,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 120,
            "imagePullSecrets": [{"name": names.REGISTRY_SECRET}],
            "securityContext": restricted.AIRFLOW.pod(),
            "containers": [container],
            "volumes": [
                {"name": "logs", "emptyDir": {}},
                {"name": "config", "configMap": {"name": CONFIG_MAP}},
                files.volume(),
            ],
        },
    }


def text(pod: dict[str, Any]) -> str:
    """The manifest as the chart takes it: a template, in which only our own braces could mean anything."""
    return yaml.safe_dump(pod, sort_keys=False).replace("{{", '{{ "{{" }}')
