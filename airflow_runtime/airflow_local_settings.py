"""Policies that Airflow applies to tasks and pods; mounted at the root of PYTHONPATH, where Airflow looks for a module
of this name."""

from __future__ import annotations

import os

__all__ = ["pod_mutation_hook", "task_policy"]

POD_KEYS = ("pod_override", "pod_template_file")
SIDECAR = "airflow-xcom-sidecar"
SIDECAR_IMAGE_VARIABLE = "XCOM_SIDECAR_IMAGE"
SIDECAR_USER = 65534


def task_policy(task) -> None:
    """Refuse a pod of its own for a task that no KubernetesExecutor runs: it would silently run elsewhere, without its
    image.

    Raises AirflowClusterPolicyViolation, which Airflow shows as the DAG file's import error.
    """
    asked = [key for key in POD_KEYS if key in (getattr(task, "executor_config", None) or {})]
    if not asked:
        return
    from airflow.configuration import conf
    from airflow.exceptions import AirflowClusterPolicyViolation

    configured = [name.strip() for name in conf.get_mandatory_value("core", "executor").split(",")]
    executor = getattr(task, "executor", None) or configured[0]
    paths = {alias: path for alias, _, path in (name.partition(":") for name in configured) if path}
    if paths.get(executor, executor).rpartition(".")[2].rpartition(":")[2] != "KubernetesExecutor":
        raise AirflowClusterPolicyViolation(
            f"task {task.task_id!r} has executor_config {asked[0]!r}, which only the KubernetesExecutor heeds, but it "
            f'runs under {executor}. Give it executor="KubernetesExecutor"'
        )


def pod_mutation_hook(pod) -> None:
    """Pin the image of the XCom sidecar and hold it to the restricted Pod Security Standard.

    The provider can set image and resources per connection only, and the security context not at all.
    Raises RuntimeError when a pod has the sidecar and no image is configured.
    """
    for container in pod.spec.containers if pod.spec else ():
        if container.name == SIDECAR:
            _restrict(container)


def _restrict(container) -> None:
    from kubernetes.client import models

    image = os.environ.get(SIDECAR_IMAGE_VARIABLE)
    if not image:
        raise RuntimeError(f"{SIDECAR_IMAGE_VARIABLE} is not set: nobody pinned the image of the XCom sidecar")
    container.image = image
    container.image_pull_policy = "IfNotPresent"
    container.resources = models.V1ResourceRequirements(
        requests={"cpu": "5m", "memory": "16Mi"}, limits={"cpu": "100m", "memory": "32Mi"}
    )
    container.security_context = models.V1SecurityContext(
        run_as_non_root=True,
        run_as_user=SIDECAR_USER,
        run_as_group=SIDECAR_USER,
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=models.V1Capabilities(drop=["ALL"]),
        seccomp_profile=models.V1SeccompProfile(type="RuntimeDefault"),
    )
