"""Generated DAG files in the real Airflow: the repository's own, and one that uses every key with hostile text."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from infra import sources
from pipelines.catalog import Catalog, CatalogImage
from pipelines.dag_config import load_dags
from pipelines.dag_tree import published_tree
from tests.airflow_environment import ROOT, checks_pass
from tests.infra import stacks

CHECKS = Path(__file__).with_name("inside") / "check_generated_dags.py"
HOSTILE = "'\"\\\n{{ 7 * 7 }}{% raw %}\"\"\"'''); import os; os.abort()  # ☃\x85\u2028 $(TASK_ENTRY) $$(X) %(x)s {0}"
RESOURCES = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}}


def profiles() -> dict[str, str]:
    """Of every image type that the repository has."""
    tables = {path.parent.name: tomllib.loads(path.read_text()) for path in ROOT.glob("images/*/pyproject.toml")}
    return {name: table["tool"]["dag-image"]["profile"] for name, table in tables.items()}


def catalog(*executors: str) -> Catalog:
    images = {
        type_: CatalogImage(
            type_, type_, profile, f"localhost:5000/local/{type_}:1.0.0-0123456789ab", f"sha256:{'a' * 64}"
        )
        for type_, profile in profiles().items()
    }
    return Catalog(images, replace(sources.platform(stacks.dev()), executors=executors))


def unpack(folder: Path, dags: Path, executors: tuple[str, ...]) -> None:
    known = catalog(*executors)
    for path, content in published_tree(load_dags(dags, known), known, dags).files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def hostile_dags(folder: Path) -> Path:
    task = {
        "entry": "tasks:run",
        "arguments": {"plain": HOSTILE.replace("{", "("), "number": 1.5},
        "resources": RESOURCES,
    }
    config = {
        "dag_id": "hostile",
        "description": HOSTILE,
        "schedule": "*/5 * * * *",
        "start_date": "2026-01-01",
        "tags": [HOSTILE[:40], "plain"],
        "owner": HOSTILE,
        "image": "cost-of-living",
        "source": "code",
        "tasks": {
            "first": {
                "kind": "pod",
                "env": {"TEXT": HOSTILE},
                "env_from": [{"secret": "warehouse"}],
                "pool": "salesforce",
                "xcom": True,
                **task,
            },
            "second": {
                "kind": "python",
                "image": "lakehouse",
                "depends_on": ["first"],
                "env": {"TEXT": HOSTILE},
                **task,
            },
        },
    }
    (folder / "code").mkdir(parents=True)
    (folder / "code/tasks.py").write_text("def run(**arguments):\n    return arguments\n")
    (folder / "hostile.yaml").write_text(json.dumps(config))
    return folder


@pytest.mark.airflow
@pytest.mark.parametrize(
    "executors",
    [("KubernetesExecutor", "LocalExecutor"), ("LocalExecutor", "KubernetesExecutor"), ("KubernetesExecutor",)],
    ids=",".join,
)
def test_generated_dag_files_load(tmp_path, executors):
    unpack(tmp_path / "own", ROOT / "dags", executors)
    unpack(tmp_path / "hostile", hostile_dags(tmp_path / "configs"), executors)
    expected = {"own": sorted(path.stem for path in (ROOT / "dags").glob("*.yaml")), "hostile": ["hostile"]}
    checks_pass(
        CHECKS,
        tmp_path / "home",
        AIRFLOW__CORE__EXECUTOR=",".join(executors),
        TREES=str(tmp_path),
        EXPECTED_DAGS=json.dumps(expected),
        HOSTILE_TEXT=HOSTILE,
    )
