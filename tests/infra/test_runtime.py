from __future__ import annotations

from pathlib import Path

import pulumi

from infra import runtime
from tests.infra.recording import record


def folder(tmp_path: Path, **files: str) -> Path:
    root = tmp_path / "airflow_runtime"
    root.mkdir()
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return root


def test_the_package_and_the_policy_stand_where_airflow_looks() -> None:
    files = runtime.read()
    assert files.paths["airflow_local_settings.py"] == "airflow_local_settings.py"
    assert files.paths["airflow_runtime.published_bundle.py"] == "airflow_runtime/published_bundle.py"
    assert files.paths["airflow_runtime.__init__.py"] == "airflow_runtime/__init__.py"
    assert {item["path"] for item in files.volume()["configMap"]["items"]} == set(files.paths.values())


def test_the_name_follows_the_content(tmp_path: Path) -> None:
    root = folder(tmp_path, one="1", two="2")
    before = runtime.read(root)
    assert runtime.read(root).name == before.name
    (root / "two.py").write_text("3")
    assert runtime.read(root).name != before.name
    (root / "two.py").write_text("2")
    (root / "two.py").rename(root / "three.py")
    assert runtime.read(root).name != before.name


def test_the_config_map_is_immutable_and_holds_every_file(tmp_path: Path) -> None:
    files = runtime.read(folder(tmp_path, one="1"))
    recording = record(lambda: runtime.config_map(files, "airflow", pulumi.ResourceOptions()))
    inputs = recording.one(":ConfigMap", "airflow-runtime").inputs
    assert inputs["immutable"] is True
    assert inputs["metadata"]["name"] == files.name
    assert inputs["data"] == {"airflow_runtime.one.py": "1"}


def test_no_other_file_is_taken_along(tmp_path: Path) -> None:
    root = folder(tmp_path, one="1")
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "one.pyc").write_bytes(b"\0")
    assert set(runtime.read(root).contents) == {"airflow_runtime.one.py"}


def test_the_files_are_small_enough_for_a_config_map() -> None:
    assert sum(map(len, runtime.read().contents.values())) < 500 * 1024
