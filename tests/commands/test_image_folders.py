"""A new type: a folder and a DAG that pass every check, or nothing at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands import image_folders, image_locks
from pipelines.catalog import catalog_of
from pipelines.dag_config import load_dags
from pipelines.errors import InputError, Problem
from pipelines.image_folder import read_folder, requirements_of
from pipelines.image_inventory import read_inventory
from pipelines.lock_header import with_header
from tests.conftest import ROOT
from tests.pipelines.trees import PLATFORM, images_of


def locked(images: Path, names: list[str]) -> list[Path]:
    """As the resolver would, without an index."""
    [name] = names
    folder, _ = read_folder(images, name, name)
    assert folder
    inventory, _ = read_inventory(images / "bases/worker", "images/bases/worker", "bases/worker")
    pins = "".join(f"{pin} --hash=sha256:{'0' * 64}\n" for pin in folder.project.dependencies)
    under = inventory.sha256 if inventory and folder.table.profile == "worker" else ""
    path = folder.folder / "requirements.lock"
    path.write_text(with_header(requirements_of(folder.project, folder.table), pins, under))
    return [path]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "images" / "bases", tmp_path / "images" / "bases")
    (tmp_path / "dags").mkdir()
    monkeypatch.setattr(image_locks, "lock", locked)
    return tmp_path


def content(tree: Path) -> list[str]:
    return sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if "bases" not in path.parts)


@pytest.mark.parametrize(("profile", "kind"), [("task", "pod"), ("worker", "python")])
def test_what_is_written_passes_every_check(tree: Path, profile: image_folders.Profile, kind: str) -> None:
    written = image_folders.write(tree / "images", tree / "dags", "rent-index", profile, "3.13")
    assert [path.relative_to(tree).as_posix() for path in written] == [
        "images/rent-index/Dockerfile",
        "images/rent-index/pyproject.toml",
        "dags/rent_index.yaml",
        "dags/rent_index/tasks.py",
        "images/rent-index/requirements.lock",
    ]
    images = images_of(tree)
    assert (images["rent-index"].profile, images["rent-index"].base) == (profile, f"bases/{profile}")
    assert images["rent-index"].smoke == ("python", "-c", "import humanize")
    [config] = load_dags(tree / "dags", catalog_of(images.values(), PLATFORM))
    [task] = config.dag.tasks.values()
    assert (config.dag_id, task.kind, config.dag.image_of("tell")) == ("rent_index", kind, "rent-index")
    namespace: dict[str, object] = {}
    exec(compile((tree / "dags/rent_index/tasks.py").read_text(), "tasks.py", "exec"), namespace)  # noqa: S102
    assert callable(namespace["tell"])


@pytest.mark.parametrize("name", ["Rents", "rent_index", "bases", "shared", "bases-x", "-a", "a" * 64, "../a", ""])
def test_a_name_that_is_no_images(tree: Path, name: str) -> None:
    with pytest.raises(InputError, match="small letters, digits and single hyphens"):
        image_folders.write(tree / "images", tree / "dags", name, "task", "3.13")
    assert content(tree) == ["dags", "images"]


def test_nothing_that_is_there_is_touched(tree: Path) -> None:
    image_folders.write(tree / "images", tree / "dags", "rents", "task", "3.13")
    before = content(tree)
    with pytest.raises(InputError) as caught:
        image_folders.write(tree / "images", tree / "dags", "rents", "worker", "3.13")
    assert {problem.found for problem in caught.value.problems} == {"there already"}
    assert content(tree) == before


def test_what_cannot_be_locked_leaves_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(images: Path, names: list[str]) -> list[Path]:
        raise InputError([Problem("index", "", "no answer", "an answer", "try again")])

    monkeypatch.setattr(image_locks, "lock", unreachable)
    with pytest.raises(InputError, match="no answer"):
        image_folders.write(tree / "images", tree / "dags", "rents", "task", "3.13")
    assert content(tree) == ["dags", "images"]
