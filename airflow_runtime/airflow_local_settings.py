"""Policies that Airflow applies to tasks and pods, and how often its processes look for garbage.

Airflow imports it by this name, from the root of PYTHONPATH, early in each of its processes.
"""

from __future__ import annotations

import atexit
import gc
import os
from pathlib import Path

__all__ = ["pod_mutation_hook", "task_policy"]

OVERRIDE, TEMPLATE = POD_KEYS = ("pod_override", "pod_template_file")
SIDECAR = "airflow-xcom-sidecar"
SIDECAR_IMAGE_VARIABLE = "XCOM_SIDECAR_IMAGE"
SIDECAR_USER = 65534
# The provider stops the sidecar by ``kill -2 $(pgrep -u $(id -u) -f 'sh')``. busybox's pgrep knows no -u, and of two
# complaints the second may come late: the provider then fails the task. This pgrep names the container's first process.
SIDECAR_TOOLS = "/run/sidecar"
SIDECAR_COMMAND = (
    f"printf '#!/bin/sh\\necho 1\\n' > {SIDECAR_TOOLS}/pgrep && chmod 755 {SIDECAR_TOOLS}/pgrep; "
    'trap "exit 0" INT; while true; do sleep 1; done'
)

PYTHONS_OWN = gc.get_threshold()


def _collect_as_python_does() -> None:
    gc.freeze()
    gc.set_threshold(*PYTHONS_OWN)


# What Airflow imports stays, hundreds of thousands of objects: by Python's own figures the collector goes through them
# again and again as they come, and once more at the end.
gc.set_threshold(50_000, 20, 10)
atexit.register(gc.freeze)
# Tasks, and DAG files, run in forks: what they make may be large, and is collected as soon as anywhere else.
os.register_at_fork(after_in_child=_collect_as_python_does)


def task_policy(task) -> None:
    """Refuse a pod of its own for a task that no KubernetesExecutor runs: it would run elsewhere, without its image.

    A pod template of the published tree becomes part of the task's ``pod_override``: the executor would look for the
    file in the scheduler, which has no DAG files.
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
    _take_published_template(task)


def _take_published_template(task) -> None:
    config = dict(task.executor_config)
    file = Path(config.get(TEMPLATE) or "")
    if file.parent.name != "pod_templates" or not (file.parent.parent / "images.json").is_file():
        return
    from airflow.exceptions import AirflowClusterPolicyViolation
    from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator

    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in file.parent.glob("*.yaml"))) or "none"
        raise AirflowClusterPolicyViolation(f"task {task.task_id!r}: no pod template {file.stem!r}: there are {known}")
    del config[TEMPLATE]
    template = PodGenerator.deserialize_model_file(str(file))
    config[OVERRIDE] = PodGenerator.reconcile_pods(template, config.get(OVERRIDE))
    if hasattr(task, "partial_kwargs"):
        task.partial_kwargs["executor_config"] = config
    else:
        task.executor_config = config


def pod_mutation_hook(pod) -> None:
    """Pin the image of the XCom sidecar, hold it to the restricted Pod Security Standard, and let it be stopped.

    The provider can set image and resources per connection only, and the security context not at all.
    Raises RuntimeError when a pod has the sidecar and no image is configured.
    """
    for container in pod.spec.containers if pod.spec else ():
        if container.name == SIDECAR:
            _restrict(container)
            _give_tools(pod, container)


def _give_tools(pod, container) -> None:
    from kubernetes.client import models

    memory = models.V1EmptyDirVolumeSource(medium="Memory", size_limit="1Mi")
    pod.spec.volumes = [*(pod.spec.volumes or []), models.V1Volume(name="sidecar-tools", empty_dir=memory)]
    mount = models.V1VolumeMount(name="sidecar-tools", mount_path=SIDECAR_TOOLS)
    container.volume_mounts = [*(container.volume_mounts or []), mount]
    container.env = [models.V1EnvVar(name="PATH", value=f"{SIDECAR_TOOLS}:/usr/bin:/bin")]
    container.command = ["/bin/sh", "-c", SIDECAR_COMMAND]


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
