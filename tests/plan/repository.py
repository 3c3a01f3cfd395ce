"""A small repository for plans: one base, two image types, two DAGs, one stack; nothing of this repository's own."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.settings import PROJECT
from pipelines.lock_header import Requirements, with_header

STACK: dict[str, Any] = {
    "protect": False,
    "kubernetes": {"context": "test"},
    "registry": {"server": "registry.test", "owner": "acme"},
    "airflow": {"pools": {"slow": {"slots": 2}}},
    "tasks": {"secrets": {"api": {"TOKEN": {"secure": "v1:zero"}}}},
}
UPSTREAM = "python:3.13-slim-trixie"


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files by path below ``root``."""
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def stack_file(values: dict[str, Any] | None = None) -> str:
    """The text of a stack's file."""
    return yaml.safe_dump({"config": {f"{PROJECT}:{key}": value for key, value in (values or STACK).items()}})


def image(
    name: str, stands_on: str, packages: dict[str, str], profile: str = "task", version: str = "1.0.0"
) -> dict[str, str]:
    """The files of an image folder, its lock as a resolver would have written it."""
    direct = ", ".join(f'"{package}=={number}"' for package, number in packages.items())
    project = (
        f'[project]\nname = "{name.rpartition("/")[2]}"\nversion = "{version}"\nrequires-python = "==3.13.*"\n'
        f'dependencies = [{direct}]\n\n[tool.dag-image]\nprofile = "{profile}"\n{stands_on}\n'
    )
    stands_on_base = stands_on.startswith("base")
    default = "de-airflow-pipeline-bases-task:1.0.0" if stands_on_base else UPSTREAM
    dockerfile = f"ARG BASE_IMAGE={default}\nFROM ${{BASE_IMAGE}}\nCOPY . /image/\nUSER 10001:10001\n"
    files = {
        f"images/{name}/pyproject.toml": project,
        f"images/{name}/Dockerfile": dockerfile,
        f"images/{name}/tool.txt": f"tool of {name}\n",
    }
    if packages:
        files[f"images/{name}/requirements.lock"] = lock(packages)
    return files


def lock(packages: dict[str, str], remark: str = "via") -> str:
    """A lock of these packages, with a header that fits; a remark stands below each."""
    hashes = {one: hashlib.sha256(" ".join(one).encode()).hexdigest() for one in sorted(packages.items())}
    body = "".join(
        f"{package}=={version} \\\n    --hash=sha256:{found}\n    # {remark}\n"
        for (package, version), found in hashes.items()
    )
    wanted = Requirements(tuple(f"{package}=={version}" for package, version in packages.items()), "==3.13.*")
    return with_header(wanted, body)


def dag(dag_id: str, image_type: str, tasks: dict[str, dict[str, Any]]) -> dict[str, str]:
    """A DAG config with its source folder."""
    config = {
        "dag_id": dag_id,
        "schedule": "@daily",
        "start_date": "2026-01-01",
        "image": image_type,
        "source": f"{dag_id}_code",
        "tasks": tasks,
    }
    return {
        # JSON's copies have no anchors: a config may hold none.
        f"dags/{dag_id}.yaml": yaml.safe_dump(json.loads(json.dumps(config))).replace("'2026-01-01'", "2026-01-01"),
        f"dags/{dag_id}_code/work.py": "def run(**arguments):\n    return 1\n",
    }


def small() -> dict[str, str]:
    """A base, two types on it, one on an upstream image, three DAGs."""
    pod = {"kind": "pod", "entry": "work:run"}
    return {
        "Pulumi.dev.yaml": stack_file(),
        **image("bases/task", f'upstream = "{UPSTREAM}"', {"boto3": "1.44.5"}, profile="base"),
        **image("etl", 'base = "bases/task"', {"polars": "1.2.0", "idna": "3.1"}),
        **image("report", 'base = "bases/task"', {}),
        **image("alone", f'upstream = "{UPSTREAM}"', {}),
        **dag("load", "etl", {"fetch": pod, "clean": {**pod, "depends_on": ["fetch"]}}),
        **dag("sum_up", "report", {"draw": pod, "prepare": {**pod, "image": "etl"}}),
        **dag("ping", "alone", {"ping": pod}),
    }
