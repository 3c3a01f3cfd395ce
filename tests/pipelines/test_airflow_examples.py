"""Examples of Airflow's documentation, written as DAG configs, make the pods that they specify, in the real Airflow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipelines.catalog import Catalog, CatalogImage
from pipelines.dag_config import load_dags
from pipelines.dag_tree import published_tree
from tests.airflow_environment import checks_pass
from tests.pipelines.trees import PLATFORM

HERE = Path(__file__).parent
EXAMPLES = [
    example
    for name in ("pod_operator", "kubernetes_executor")
    for example in yaml.safe_load((HERE / f"airflow_examples/{name}.yaml").read_text())
]
SECRETS = ("airflow-secrets", "airflow-secrets-2")
PROFILES = {**dict.fromkeys(("alpine", "bash", "debian", "ubuntu"), "task"), "worker": "worker"}
CATALOG = Catalog(
    {
        name: CatalogImage(name, name, profile, f"registry.test/acme/{name}:1", f"sha256:{'a' * 64}")
        for name, profile in PROFILES.items()
    },
    replace(PLATFORM, pull_secret="testquay", secrets=SECRETS),
)


@pytest.mark.airflow
def test_in_airflow(tmp_path):
    dags = tmp_path / "dags"
    (dags / "code").mkdir(parents=True)
    (dags / "code/tasks.py").write_text("def run():\n    pass\n")
    for example in EXAMPLES:
        config = {
            "dag_id": example["example"],
            "start_date": "2026-01-01",
            "source": "code",
            "tasks": {"only": example["task"]},
        }
        (dags / f"{example['example']}.yaml").write_text(yaml.safe_dump(config))
    generated = tmp_path / "generated"
    for path, content in published_tree(load_dags(dags, CATALOG), CATALOG, dags).files.items():
        file = generated / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "examples.json").write_text(json.dumps(EXAMPLES))
    checks_pass(
        HERE / "inside/check_airflow_examples.py",
        tmp_path,
        GENERATED=str(generated),
        EXAMPLES=str(tmp_path / "examples.json"),
        XCOM_SIDECAR_IMAGE="busybox:1.37.0-musl",
    )
