"""The part of the chart's values that says how many pods a component has. One pod needs no word."""

from __future__ import annotations

from typing import Any

from infra import names
from infra.settings_availability import ApiServerScaling, Availability

#: Component, as the chart's values and as its pods' labels have it.
LABELS = {
    "apiServer": "api-server",
    "scheduler": "scheduler",
    "dagProcessor": "dag-processor",
    "triggerer": "triggerer",
}


def replicas(component: str, availability: Availability) -> dict[str, Any]:
    """Number, disruption budget and spread of one of LABELS' components, and the API server's autoscaler."""
    counts = availability.replicas.model_dump(by_alias=True)
    found: dict[str, Any] = {}
    scaling = availability.api_server_scaling if component == "apiServer" else None
    if counts[component] > 1:
        found["replicas"] = counts[component]
    if counts[component] > 1 or scaling:
        found |= {"podDisruptionBudget": {"enabled": True}, "topologySpreadConstraints": [_spread(LABELS[component])]}
    if scaling:
        found["hpa"] = _autoscaler(counts[component], scaling)
    return found


def _autoscaler(least: int, scaling: ApiServerScaling) -> dict[str, Any]:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": scaling.cpu_percent}}
    return {
        "enabled": True,
        "minReplicaCount": least,
        "maxReplicaCount": scaling.most,
        "metrics": [{"type": "Resource", "resource": cpu}],
    }


def _spread(component: str) -> dict[str, Any]:
    """Over nodes as far as it goes: a cluster of one node runs them all."""
    labels = {"tier": "airflow", "component": component, "release": names.RELEASE}
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
