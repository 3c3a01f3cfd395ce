"""What a generated DAG file says of its pods: security, resources, Secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipelines.catalog import Catalog
from pipelines.dag_form import Task
from pipelines.dag_form_pod import Resources
from pipelines.python_source import Call, Name, Value

RESTRICTED = Call(
    Name("k8s.V1SecurityContext"),
    {
        "allow_privilege_escalation": False,
        "capabilities": Call(Name("k8s.V1Capabilities"), {"drop": ["ALL"]}),
        "run_as_non_root": True,
        "seccomp_profile": Call(Name("k8s.V1SeccompProfile"), {"type": "RuntimeDefault"}),
    },
)
RESTRICTED_POD = Call(
    Name("k8s.V1PodSecurityContext"),
    {
        "run_as_non_root": True,
        "seccomp_profile": Call(Name("k8s.V1SeccompProfile"), {"type": "RuntimeDefault"}),
    },
)


def shared_of_pods(catalog: Catalog, secrets_of_all: Sequence[str] | None) -> Mapping[str, Value]:
    """What all pods of a DAG file share; ``secrets_of_all`` is None where each task says its own ``env_from``."""
    platform = catalog.platform
    executor = platform.executor("LocalExecutor")
    secrets: list[Value] = [Call(Name("k8s.V1LocalObjectReference"), {"name": platform.pull_secret})]
    return {
        "namespace": platform.tasks_namespace,
        "service_account_name": platform.service_account,
        "automount_service_account_token": False,
        **({"image_pull_secrets": secrets} if platform.pull_secret else {}),
        "image_pull_policy": "IfNotPresent",
        **({} if secrets_of_all is None else {"env_from": env_from(catalog, secrets_of_all)}),
        "security_context": RESTRICTED_POD,
        "container_security_context": RESTRICTED,
        **({"executor": executor} if executor else {}),
        "in_cluster": True,
        "deferrable": True,
        "startup_check_interval_seconds": 1,
        "log_events_on_failure": True,
        "on_finish_action": "delete_pod",
    }


def pod_override(image: str, task: Task, catalog: Catalog) -> Call:
    """What a python task changes of its worker pod.

    The container is ``base``, and has neither command nor args: the executor sets those.
    """
    platform = catalog.platform
    env: list[Value] = [
        Call(Name("k8s.V1EnvVar"), {"name": variable, "value": unexpanded(str(text))})
        for variable, text in sorted(task.env.items())
    ]
    container = Call(
        Name("k8s.V1Container"),
        {
            "name": "base",
            "image": image,
            "image_pull_policy": "IfNotPresent",
            **({"env": env} if env else {}),
            "env_from": env_from(catalog),
            "resources": resources(task.resources),
        },
    )
    secrets: list[Value] = [Call(Name("k8s.V1LocalObjectReference"), {"name": platform.pull_secret})]
    spec: dict[str, Value] = {"containers": [container]}
    if platform.pull_secret:
        spec["image_pull_secrets"] = secrets
    return Call(Name("k8s.V1Pod"), {"spec": Call(Name("k8s.V1PodSpec"), spec)})


def resources(wanted: Resources) -> Call:
    """Requests and limits of a container."""
    return Call(
        Name("k8s.V1ResourceRequirements"),
        {
            kind: {"cpu": amounts.cpu, "memory": amounts.memory}
            for kind, amounts in (("requests", wanted.requests), ("limits", wanted.limits))
        },
    )


def unexpanded(text: str) -> str:
    """Kubernetes expands $(NAME) in a container's variables; a doubled dollar sign is a plain one."""
    return text.replace("$", "$$")


def env_from(catalog: Catalog, secrets: Sequence[str] = ()) -> list[Value]:
    """The Secrets that a container's variables come from: what a task names, then the bucket's, which counts."""
    sources = [
        Call(Name("k8s.V1SecretEnvSource"), {"name": name}) for name in (*secrets, catalog.platform.object_store_secret)
    ]
    return [Call(Name("k8s.V1EnvFromSource"), {"secret_ref": source}) for source in sources]
