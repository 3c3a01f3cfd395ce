"""One pod template per image type: what a task's pod is where neither its DAG config nor its operator says more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from pipelines.catalog import Catalog, CatalogImage
from pipelines.dag_form_pod import Amounts, Resources

FOLDER = "pod_templates"
RESTRICTED_POD = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, **RESTRICTED_POD}
HEADERS = {
    "task": "# KubernetesPodOperator(pod_template_file=...): the whole pod of a task.\n",
    "worker": '# executor_config={"pod_template_file": ...}: what the stack\'s own worker pod is changed by.\n',
}


def pod_templates(catalog: Catalog) -> dict[str, bytes]:
    """``pod_templates/<type>.yaml`` of every image type that a task may name."""
    return {
        f"{FOLDER}/{type_}.yaml": _text(image, catalog)
        for type_, image in catalog.images.items()
        if image.profile in HEADERS
    }


def _text(image: CatalogImage, catalog: Catalog) -> bytes:
    manifest = {"apiVersion": "v1", "kind": "Pod", **_MANIFESTS[image.profile](image, catalog)}
    return (HEADERS[image.profile] + yaml.safe_dump(manifest, sort_keys=False, width=1000)).encode()


def _task_pod(image: CatalogImage, catalog: Catalog) -> dict[str, Any]:
    platform = catalog.platform
    spec = {
        "restartPolicy": "Never",
        "serviceAccountName": platform.service_account,
        "automountServiceAccountToken": False,
        **_pull_secrets(catalog),
        "securityContext": RESTRICTED_POD,
        "containers": [{**_container(image, catalog), "securityContext": RESTRICTED}],
    }
    return {"metadata": {"namespace": platform.tasks_namespace}, "spec": spec}


def _worker_pod(image: CatalogImage, catalog: Catalog) -> dict[str, Any]:
    # Neither command nor args: the executor sets those. All else is that of the stack's worker pod.
    return {"metadata": {}, "spec": {**_pull_secrets(catalog), "containers": [_container(image, catalog)]}}


_MANIFESTS = {"task": _task_pod, "worker": _worker_pod}


def _container(image: CatalogImage, catalog: Catalog) -> dict[str, Any]:
    wanted = Resources()
    return {
        "name": "base",
        "image": image.pinned,
        "imagePullPolicy": "IfNotPresent",
        "envFrom": [{"secretRef": {"name": catalog.platform.object_store_secret}}],
        "resources": {"requests": _amounts(wanted.requests), "limits": _amounts(wanted.limits)},
    }


def _amounts(amounts: Amounts) -> Mapping[str, str]:
    return {"cpu": amounts.cpu, "memory": amounts.memory}


def _pull_secrets(catalog: Catalog) -> dict[str, Any]:
    secret = catalog.platform.pull_secret
    return {"imagePullSecrets": [{"name": secret}]} if secret else {}
