"""The same DAGs of six tasks in each form that is compared: generated, written by hand, and for dag-factory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipelines.catalog import Catalog, CatalogImage, Platform
from pipelines.dag_code import dag_source
from pipelines.dag_config import DagConfig
from pipelines.dag_form import Dag
from pipelines.dag_reading import Source
from pipelines.published_paths import SOURCES_PREFIX

STEPS = ("extract", "validate", "transform", "enrich", "load", "report")
SOURCE = Source({}, hashlib.sha256(b"bench").hexdigest())
PLATFORM = Platform(
    namespace="airflow",
    tasks_namespace="airflow-tasks",
    pull_secret="registry",  # noqa: S106 - its name
    service_account="airflow-task",
    object_store_secret="object-store-tasks",  # noqa: S106 - its name
    xcom_sidecar_image="busybox:1.37.0-musl",
    executors=("KubernetesExecutor", "LocalExecutor"),
)
DIGEST = f"sha256:{'0' * 64}"
CATALOG = Catalog(
    {
        name: CatalogImage(name, name, profile, f"registry.test/bench/{name}:1.0.0-0123456789ab", DIGEST)
        for name, profile in (("extraction", "task"), ("warehouse", "worker"))
    },
    PLATFORM,
)
POD_IMAGE, WORKER_IMAGE = (CATALOG.images[name].pinned for name in ("extraction", "warehouse"))

POD_BY_HAND = """from datetime import UTC, datetime, timedelta

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG
from kubernetes.client import models as k8s

SHARED = {{
    "namespace": "{tasks_namespace}",
    "service_account_name": "{service_account}",
    "automount_service_account_token": False,
    "image_pull_secrets": [k8s.V1LocalObjectReference(name="{pull_secret}")],
    "image_pull_policy": "IfNotPresent",
    "env_from": [k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name="{object_store_secret}"))],
    "security_context": k8s.V1PodSecurityContext(
        run_as_non_root=True, seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault")
    ),
    "container_security_context": k8s.V1SecurityContext(
        allow_privilege_escalation=False,
        capabilities=k8s.V1Capabilities(drop=["ALL"]),
        run_as_non_root=True,
        seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
    ),
    "executor": "LocalExecutor",
    "in_cluster": True,
    "deferrable": True,
    "startup_check_interval_seconds": 1,
    "log_events_on_failure": True,
    "on_finish_action": "delete_pod",
}}

with DAG(
    dag_id="{dag_id}",
    description="Bench",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["bench"],
    default_args={{"owner": "data", "retries": 1, "retry_delay": timedelta(seconds=60)}},
):
{tasks}
    {order}
"""
POD_TASK_BY_HAND = """    {step} = KubernetesPodOperator(
        task_id="{step}",
        name="{pod_name}",
        image="{image}",
        env_vars={{
            "STEP": "{step}",
            "TASK_SOURCE": "{source}",
            "TASK_SOURCE_SHA256": "{digest}",
            "TASK_ENTRY": "steps:{step}",
            "TASK_ARGUMENTS": {arguments},
        }},
        container_resources=k8s.V1ResourceRequirements(
            requests={{"cpu": "250m", "memory": "256Mi"}}, limits={{"cpu": "1", "memory": "1Gi"}}
        ),
        startup_timeout_seconds=600,
        active_deadline_seconds=4200,
        execution_timeout=timedelta(seconds=4200),
        do_xcom_push=False,
        **SHARED,
    )
"""
OVERRIDE_BY_HAND = """import json
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, task
from kubernetes.client import models as k8s

with DAG(
    dag_id="{dag_id}",
    description="Bench",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["bench"],
    default_args={{"owner": "data", "retries": 1, "retry_delay": timedelta(seconds=60)}},
):
{tasks}
    {order}
"""
OVERRIDE_TASK_BY_HAND = """
    @task(
        task_id="{step}",
        executor="KubernetesExecutor",
        executor_config={{
            "pod_override": k8s.V1Pod(
                spec=k8s.V1PodSpec(
                    containers=[
                        k8s.V1Container(
                            name="base",
                            image="{image}",
                            image_pull_policy="IfNotPresent",
                            env=[k8s.V1EnvVar(name="STEP", value="{step}")],
                            env_from=[
                                k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name="{object_store_secret}"))
                            ],
                            resources=k8s.V1ResourceRequirements(
                                requests={{"cpu": "250m", "memory": "256Mi"}}, limits={{"cpu": "1", "memory": "1Gi"}}
                            ),
                        )
                    ],
                    image_pull_secrets=[k8s.V1LocalObjectReference(name="{pull_secret}")],
                )
            )
        }},
        execution_timeout=timedelta(seconds=3600),
    )
    def run_{step}(arguments):
        from airflow_runtime.source import call

        return call(__file__, "{dag_id}", "steps:{step}", json.loads(arguments))

    {step} = run_{step}({arguments})
"""
LOADER = """from pathlib import Path

from airflow.sdk import DAG  # noqa: F401 - a file without the word is not parsed
from dagfactory import load_yaml_dags

load_yaml_dags(globals_dict=globals(), dags_folder=str(Path(__file__).parent / "configs"))
"""


def write_generated_pods(folder: Path, count: int) -> list[Path]:
    """``pod`` tasks, as ``dags build`` writes them."""
    return _write(folder, count, lambda dag_id: dag_source(_config(dag_id, "pod", "extraction"), CATALOG))


def write_generated_overrides(folder: Path, count: int) -> list[Path]:
    """``python`` tasks, as ``dags build`` writes them."""
    return _write(folder, count, lambda dag_id: dag_source(_config(dag_id, "python", "warehouse"), CATALOG))


def write_pods_by_hand(folder: Path, count: int) -> list[Path]:
    """The same operators with the same arguments."""
    return _write(folder, count, lambda dag_id: _by_hand(dag_id, POD_BY_HAND, POD_TASK_BY_HAND, POD_IMAGE))


def write_overrides_by_hand(folder: Path, count: int) -> list[Path]:
    """The same overrides, with nothing but the import that Airflow's documentation has."""
    return _write(folder, count, lambda dag_id: _by_hand(dag_id, OVERRIDE_BY_HAND, OVERRIDE_TASK_BY_HAND, WORKER_IMAGE))


def write_for_dag_factory(folder: Path, count: int) -> list[Path]:
    """One loader over a YAML file for each DAG, with plain objects instead of kubernetes models: its quickest way."""
    configs = folder / "configs"
    configs.mkdir(parents=True)
    for dag_id in _dag_ids(count):
        (configs / f"{dag_id}.yaml").write_text(yaml.safe_dump({dag_id: _for_dag_factory(dag_id)}, sort_keys=False))
    (folder / "loader.py").write_text(LOADER)
    return [folder / "loader.py"]


def _dag_ids(count: int) -> list[str]:
    return [f"bench_{number:04}" for number in range(count)]


def _write(folder: Path, count: int, source: Callable[[str], str]) -> list[Path]:
    folder.mkdir(parents=True)
    for dag_id in _dag_ids(count):
        (folder / f"{dag_id}.py").write_text(source(dag_id))
    return [folder / f"{dag_id}.py" for dag_id in _dag_ids(count)]


def _config(dag_id: str, kind: str, image: str) -> DagConfig:
    tasks = {
        step: {
            "kind": kind,
            "entry": f"steps:{step}",
            "arguments": {"step": number, "rows": 1000},
            "env": {"STEP": step},
            "depends_on": list(STEPS[number - 1 : number]) if number else [],
        }
        for number, step in enumerate(STEPS)
    }
    form = {
        "dag_id": dag_id,
        "description": "Bench",
        "schedule": "@daily",
        "start_date": "2026-01-01",
        "tags": ["bench"],
        "owner": "data",
        "image": image,
        "source": "bench",
        "tasks": tasks,
    }
    sha256 = hashlib.sha256(dag_id.encode()).hexdigest()
    return DagConfig(f"dags/{dag_id}.yaml", sha256, Dag.model_validate(form), SOURCE)


def _by_hand(dag_id: str, dag: str, task: str, image: str) -> str:
    tasks = "".join(task.format(**_names(dag_id, step, image)) for step in STEPS)
    return dag.format(dag_id=dag_id, tasks=tasks, order=" >> ".join(STEPS), **vars(PLATFORM))


def _names(dag_id: str, step: str, image: str) -> dict[str, str]:
    return {
        "dag_id": dag_id,
        "step": step,
        "pod_name": f"{dag_id}-{step}".replace("_", "-"),
        "image": image,
        "source": f"{SOURCES_PREFIX}/{SOURCE.sha256}.tar.gz",
        "digest": SOURCE.sha256,
        "arguments": repr(json.dumps({"step": STEPS.index(step), "rows": 1000})),
        "pull_secret": PLATFORM.pull_secret,
        "object_store_secret": PLATFORM.object_store_secret,
    }


def _for_dag_factory(dag_id: str) -> Mapping[str, Any]:
    shared = {
        "namespace": PLATFORM.tasks_namespace,
        "service_account_name": PLATFORM.service_account,
        "automount_service_account_token": False,
        "image_pull_secrets": [{"name": PLATFORM.pull_secret}],
        "image_pull_policy": "IfNotPresent",
        "env_from": [{"secretRef": {"name": PLATFORM.object_store_secret}}],
        "security_context": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "container_security_context": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "executor": "LocalExecutor",
        "in_cluster": True,
        "deferrable": True,
        "startup_check_interval_seconds": 1,
        "log_events_on_failure": True,
        "on_finish_action": "delete_pod",
    }
    tasks = [_task_for_dag_factory(_names(dag_id, step, POD_IMAGE), shared) for step in STEPS]
    return {
        "description": "Bench",
        "schedule": "@daily",
        "catchup": False,
        "tags": ["bench"],
        "default_args": {"owner": "data", "start_date": "2026-01-01", "retries": 1, "retry_delay": _duration(60)},
        "tasks": tasks,
    }


def _duration(seconds: int) -> dict[str, Any]:
    return {"__type__": "datetime.timedelta", "seconds": seconds}


def _task_for_dag_factory(names: Mapping[str, str], shared: Mapping[str, Any]) -> dict[str, Any]:
    number = STEPS.index(names["step"])
    return {
        "task_id": names["step"],
        "operator": "airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator",
        "name": names["pod_name"],
        "image": names["image"],
        "env_vars": {
            "STEP": names["step"],
            "TASK_SOURCE": names["source"],
            "TASK_SOURCE_SHA256": names["digest"],
            "TASK_ENTRY": f"steps:{names['step']}",
            "TASK_ARGUMENTS": json.dumps({"step": number, "rows": 1000}),
        },
        "container_resources": {
            "requests": {"cpu": "250m", "memory": "256Mi"},
            "limits": {"cpu": "1", "memory": "1Gi"},
        },
        "startup_timeout_seconds": 600,
        "active_deadline_seconds": 4200,
        "execution_timeout": _duration(4200),
        "do_xcom_push": False,
        **shared,
        **({"dependencies": [STEPS[number - 1]]} if number else {}),
    }
