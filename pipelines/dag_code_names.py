"""The names that a generated DAG file uses, and where they come from."""

from __future__ import annotations

import builtins
import keyword
from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

SDK = "airflow.sdk"
PROVIDER = "airflow.providers.cncf.kubernetes"
#: Name -> the module that it is imported from. An empty module: the name is a module.
SOURCES: Mapping[str, str] = {
    "json": "",
    "UTC": "datetime",
    "datetime": "datetime",
    "timedelta": "datetime",
    "partial": "functools",
    "Path": "pathlib",
    "ZoneInfo": "zoneinfo",
    "KubernetesPodOperator": f"{PROVIDER}.operators.pod",
    "PodGenerator": f"{PROVIDER}.pod_generator",
    "BashOperator": "airflow.providers.standard.operators.bash",
    "PythonOperator": "airflow.providers.standard.operators.python",
    "Asset": SDK,
    "AssetAny": SDK,
    "AssetOrTimeSchedule": SDK,
    "CronDataIntervalTimetable": SDK,
    "CronTriggerTimetable": SDK,
    "DAG": SDK,
    "DeltaDataIntervalTimetable": SDK,
    "DeltaTriggerTimetable": SDK,
    "Param": SDK,
    "TaskGroup": SDK,
    "call_back": "airflow_runtime.source",
}
# The DAG processor imports a file's airflow.* modules once, before it forks for each file. What these lines bring along
# would cost each fork anew: the kubernetes models and what serializing a pod needs, 0.6 s and 120 MB.
PODS_ONCE = f"import {PROVIDER}.pod_generator  # noqa: F401 - for all files at once"
MODELS = "from kubernetes.client import models as k8s"
BRING_PODS = ("KubernetesPodOperator", "PodGenerator")
LIBRARY = ("datetime", "functools", "pathlib", "zoneinfo")
#: What no task may be called in the file.
TAKEN = frozenset(
    (*SOURCES, *keyword.kwlist, *dir(builtins), "airflow", "arguments", "call", "each", "item", "k8s", "run")
)


def imports(used: AbstractSet[str]) -> Iterator[str]:
    """The import lines of a file that uses these names, in the order that ruff wants."""
    modules: dict[str, list[str]] = defaultdict(list)
    for name, module in SOURCES.items():
        if module and name in used:
            modules[module].append(name)
    if "json" in used:
        yield "import json"
    yield from (_line(module, modules[module]) for module in LIBRARY if module in modules)
    yield ""
    if "k8s" in used and used.isdisjoint(BRING_PODS):
        yield PODS_ONCE
    yield from (_line(module, modules[module]) for module in sorted(modules) if module not in LIBRARY)
    if "k8s" in used:
        yield MODELS
    yield ""


def _line(module: str, names: list[str]) -> str:
    # Constants, then classes, then functions, as ruff sorts them.
    ordered = sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    return f"from {module} import {', '.join(ordered)}"
