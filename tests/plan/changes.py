"""Changes of the small repository, by name: files with their new content, None where they go."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.errors import InputError
from plan.explanation import Broken
from plan.model import Plan
from plan.stack_plan import plan_stack
from tests.plan import repository
from tests.plan.repository import STACK, UPSTREAM, dag, image, stack_file

POD: dict[str, Any] = {"kind": "pod", "entry": "work:run"}
ON_BASE = 'base = "bases/task"'
ON_UPSTREAM = f'upstream = "{UPSTREAM}"'
DIGEST = f"sha256:{'1' * 64}"

Files = dict[str, str | None]
#: By the name of a change; ``base`` is the repository before any.
Planned = dict[str, Plan | Broken]


def etl(packages: dict[str, str], more: str = "", **keys: Any) -> Files:
    return dict(image("etl", f"{ON_BASE}{more}", packages, **keys))


def stack(**keys: Any) -> Files:
    """The stack's file with these top-level keys merged over what it has."""
    merged = {
        **STACK,
        **{key: {**STACK.get(key, {}), **value} if isinstance(value, dict) else value for key, value in keys.items()},
    }
    return {"Pulumi.dev.yaml": stack_file(merged)}


def without(name: str) -> Files:
    """All files of a small repository below a folder, gone."""
    return {path: None for path in repository.small() if path.startswith(name)}


DOCKERFILE = f"ARG BASE_IMAGE={UPSTREAM}\nFROM ${{BASE_IMAGE}}\nUSER 10001:10001\n"
IGNORING = "notes\n.dockerignore\n"
ARGUMENT = '\n[tool.dag-image.build-arguments]\nFLAVOUR = "plain"'
TASKS_QUOTA = {"pods": 41, "requests": {"cpu": "4", "memory": "16Gi"}, "limits": {"cpu": "80", "memory": "64Gi"}}
CORE_QUOTA = {"pods": 9, "requests": {"cpu": "50m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
TRIGGERER = {"requests": {"cpu": "60m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
SECRETS = STACK["tasks"]["secrets"]
LOAD: dict[str, dict[str, Any]] = {"fetch": POD, "clean": {**POD, "depends_on": ["fetch"]}}
SUM_UP: dict[str, dict[str, Any]] = {"draw": POD, "prepare": {**POD, "image": "etl"}}
PACKAGES = {"polars": "1.2.0", "idna": "3.1"}
#: Changes of each resource.
OF_EVERYTHING = frozenset(("the name, and so the namespaces", "another cluster"))
CHANGES: dict[str, Files] = {
    "nothing": {"README.md": "words\n"},
    "an image's file edited": {"images/etl/tool.txt": "another tool\n"},
    "an image's file added": {"images/etl/query.sql": "select 1\n"},
    "an image's file removed": {"images/report/tool.txt": None},
    "an image's file renamed": {"images/report/tool.txt": None, "images/report/kit.txt": "tool of report\n"},
    "a Dockerfile edited": {
        "images/alone/Dockerfile": f"ARG BASE_IMAGE={UPSTREAM}\nFROM ${{BASE_IMAGE}}\nUSER 10001:10001\n"
    },
    "a file that the build ignores": {
        "images/etl/.dockerignore": "notes\n.dockerignore\n",
        "images/etl/notes/a.txt": "a\n",
    },
    "a package upgraded": etl({**PACKAGES, "polars": "1.3.0"}),
    "a package added": etl({**PACKAGES, "rich": "15.0.0"}),
    "a package removed": etl({"polars": "1.2.0"}),
    "two packages upgraded": etl({"polars": "1.3.0", "idna": "3.2"}),
    "a base's file edited": {"images/bases/task/tool.txt": "another tool\n"},
    "a base's package upgraded": dict(image("bases/task", ON_UPSTREAM, {"boto3": "1.45.0"}, profile="base")),
    "an image's version": dict(image("report", ON_BASE, {}, version="1.1.0")),
    "a platform added": dict(image("alone", f'{ON_UPSTREAM}\nplatforms = ["linux/amd64", "linux/arm64"]', {})),
    "a build argument": dict(image("alone", f'{ON_UPSTREAM}\n[tool.dag-image.build-arguments]\nFLAVOUR = "plain"', {})),
    "a new image and a DAG on it": {**image("fresh", ON_BASE, {}), **dag("first", "fresh", {"go": POD})},
    "an image and its DAG removed": {**without("images/alone/"), **without("dags/ping")},
    "an image on another base": dict(image("report", ON_UPSTREAM, {})),
    "a base pinned": stack(images={"baseDigests": {UPSTREAM: DIGEST}}),
    "another owner of the registry": stack(registry={"owner": "other"}),
    "a task added": dict(dag("load", "etl", {**LOAD, "store": POD})),
    "a task removed": dict(dag("load", "etl", {"fetch": POD})),
    "a task on another image": dict(dag("sum_up", "report", {"draw": POD, "prepare": POD})),
    "a DAG on another image": dict(dag("load", "report", LOAD)),
    "a task's arguments": dict(dag("load", "etl", {**LOAD, "fetch": {**POD, "arguments": {"n": 2}}})),
    "a schedule": {"dags/ping.yaml": repository.small()["dags/ping.yaml"].replace("@daily", "@hourly")},
    "a DAG removed": without("dags/ping"),
    "a DAG's description": {"dags/ping.yaml": repository.small()["dags/ping.yaml"] + "description: pings\n"},
    "a task's code": {"dags/load_code/work.py": "def run(**arguments):\n    return 2\n"},
    "a DAG written by hand": {"dags/by_hand.py": "from airflow.sdk import DAG\n\nDAG('by_hand')\n"},
    "a pool": stack(airflow={"pools": {"slow": {"slots": 3}}}),
    "another Airflow": stack(airflow={"version": "3.3.0"}),
    "another chart": stack(chart={"version": "1.23.0"}),
    "a component's resources": stack(airflow={"components": {"triggerer": TRIGGERER}}),
    "a connection added": stack(airflow={"connections": {"db": {"secure": "v1:one"}}}),
    "a variable added": stack(airflow={"variables": {"colour": "red"}}),
    "a task's Secret added": stack(tasks={"secrets": {**SECRETS, "mail": {"PASSWORD": {"secure": "v1:one"}}}}),
    "a secret set anew": stack(tasks={"secrets": {"api": {"TOKEN": {"secure": "v1:one"}}}}),
    "a secret removed": stack(tasks={"secrets": {}}),
    "a bucket's lifetime of logs": stack(objectStore={"logDays": 7}),
    "another bucket": stack(objectStore={"bucket": "flows"}),
    "the store's volume": stack(objectStore={"volume": "20Gi"}),
    "a quota": stack(namespaces={"tasksQuota": TASKS_QUOTA}),
    "a quota too small": stack(namespaces={"coreQuota": CORE_QUOTA}),
    "protection on": stack(protect=True),
    "the name, and so the namespaces": stack(name="flow"),
    "another cluster": stack(kubernetes={"context": "elsewhere"}),
    "one executor": stack(airflow={"executors": ["KubernetesExecutor"]}),
    "how often DAGs are fetched": stack(publication={"refreshSeconds": 30}),
}


def make(root: Path, ignored: Sequence[str] = ("build/",)) -> None:
    """The repository with a branch for each change, numbered in the table's order; the base is the branch ``base``."""
    repository.write(root, repository.small())
    repository.write(root, {".gitignore": "".join(f"{name}\n" for name in ignored)})
    git(root, "init", "--quiet", "--initial-branch=base")
    commit(root, "base")
    for name, files in CHANGES.items():
        git(root, "checkout", "--quiet", "-B", branch_of(name), "base")
        for path, content in files.items():
            if content is None:
                (root / path).unlink()
            else:
                repository.write(root, {path: content})
        commit(root, name)


def planned(root: Path) -> Planned:
    """The plan of ``base`` and of each change, made of what ``make`` has made."""
    branches = {"base": "base", **{name: branch_of(name) for name in CHANGES}}
    return {name: _plan(root, branch_) for name, branch_ in branches.items()}


def _plan(root: Path, branch_: str) -> Plan | Broken:
    git(root, "checkout", "--quiet", branch_)
    try:
        return plan_stack(root, "dev").plan
    except InputError as error:
        return Broken(str(error))


def branch_of(name: str) -> str:
    return f"change-{list(CHANGES).index(name)}"


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=fixture", "-c", "user.email=fixture@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)
