"""What a stack gets for its size, where its file does not say otherwise: one table, keys as in the stack file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

Size = Literal["small", "medium", "large"]


def _amounts(requests: str, limits: str) -> dict[str, dict[str, str]]:
    return {
        which: dict(zip(("cpu", "memory"), text.split(), strict=True))
        for which, text in (("requests", requests), ("limits", limits))
    }


def _quota(pods: int, requests: str, limits: str) -> dict[str, Any]:
    return {"pods": pods, **_amounts(requests, limits)}


#: small is one machine, or trying it out; medium some hundred tasks at a time; large a thousand.
SIZES: Mapping[Size, Mapping[str, Any]] = {
    "small": {
        "namespaces": {
            "coreQuota": _quota(60, "4 16Gi", "60 64Gi"),
            "tasksQuota": _quota(40, "4 16Gi", "80 64Gi"),
        },
        "airflow": {
            "parallelism": 16,
            "components": {
                "apiServer": _amounts("100m 512Mi", "2 2Gi"),
                "scheduler": _amounts("100m 512Mi", "2 3Gi"),
                "dagProcessor": _amounts("100m 384Mi", "2 2Gi"),
                "triggerer": _amounts("50m 256Mi", "1 1Gi"),
                "worker": _amounts("100m 384Mi", "2 2Gi"),
                "jobs": _amounts("50m 256Mi", "2 2Gi"),
            },
        },
    },
    "medium": {
        "namespaces": {
            "coreQuota": _quota(160, "32 96Gi", "200 320Gi"),
            "tasksQuota": _quota(200, "64 256Gi", "400 512Gi"),
        },
        "airflow": {
            "parallelism": 128,
            "availability": {"replicas": {"apiServer": 2, "scheduler": 2, "triggerer": 2}},
            "components": {
                "apiServer": _amounts("500m 1536Mi", "2 3Gi"),
                "scheduler": _amounts("1 2Gi", "4 6Gi"),
                "dagProcessor": _amounts("500m 1Gi", "2 3Gi"),
                "triggerer": _amounts("250m 512Mi", "1 2Gi"),
                "worker": _amounts("100m 384Mi", "2 2Gi"),
                "jobs": _amounts("250m 512Mi", "2 2Gi"),
            },
        },
    },
    "large": {
        "namespaces": {
            "coreQuota": _quota(600, "128 384Gi", "800 1536Gi"),
            "tasksQuota": _quota(1000, "256 1024Gi", "1600 2048Gi"),
        },
        "airflow": {
            "parallelism": 512,
            "availability": {"replicas": {"apiServer": 3, "scheduler": 3, "dagProcessor": 2, "triggerer": 3}},
            "components": {
                "apiServer": _amounts("1 2Gi", "4 4Gi"),
                "scheduler": _amounts("2 4Gi", "6 12Gi"),
                "dagProcessor": _amounts("1 2Gi", "4 6Gi"),
                "triggerer": _amounts("500m 1Gi", "2 4Gi"),
                "worker": _amounts("100m 384Mi", "2 2Gi"),
                "jobs": _amounts("500m 1Gi", "2 4Gi"),
            },
        },
    },
}
DEFAULT_SIZE: Size = "small"


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with what its size gives wherever it says nothing itself, key by key."""
    size = values.get("size", DEFAULT_SIZE)
    # What is no size is for the settings to refuse.
    table = SIZES[size] if size in get_args(Size) else SIZES[DEFAULT_SIZE]
    return _over(table, values)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _over(below[key], value) if isinstance(below.get(key), Mapping) and isinstance(value, Mapping) else value
        for key, value in above.items()
    }
    return {**below, **both}
