"""What a change makes a build do again, and that plain Docker builds the folders as they lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands import image_folders, image_locks
from local import image_build
from local.machine import Machine
from local.waiting import GaveUp
from pipelines.image_checks import local_tag
from pipelines.image_folder import read_folder
from pipelines.images import CONTEXTS, EXPORT, load_images
from tests.images.builds import arguments, build, one
from tests.pipelines.trees import AIRFLOW, REPOSITORY, edit

pytestmark = pytest.mark.platform
IMAGES = Path(__file__).parents[2] / "images"
UPSTREAM = "python:3.13-slim-trixie"
LISTING = """ARG BASE_IMAGE={base}
FROM ${{BASE_IMAGE}} AS packages
RUN --mount=type=bind,source=pyproject.toml,target=/run/pyproject.toml list-system-packages > /tmp/system-packages
FROM ${{BASE_IMAGE}}
RUN --mount=type=bind,from=packages,source=/tmp/system-packages,target=/run/system-packages \\
    cp /run/system-packages /tmp/
COPY source.py /opt/
"""
TABLE = """[project]
name = "x"
version = "1"
description = "{description}"
[tool.dag-image]
profile = "task"
base = "bases/task"
system-packages = ["jq=1.7"]
"""


@pytest.fixture(scope="module")
def base(running: Machine) -> str:
    """The reference of the task base, pushed."""
    reference = f"{running.registry}/tests/bases-task:1"
    build(running, IMAGES / "bases/task", *arguments(), output=f'{EXPORT},"name={reference}"')
    return reference


def test_a_changed_source_line_runs_no_dependency_layer_again(running: Machine, tmp_path: Path, base: str) -> None:
    folder = shutil.copytree(IMAGES / "bases/task", tmp_path / "task")
    options = arguments(BASE_IMAGE=UPSTREAM)
    assert all(build(running, folder, *options).values())
    (folder / "run_task.py").open("a").write(f"# {tmp_path}\n")
    report = build(running, folder, *options)
    assert one(report, "install-lock --everything")
    assert not one(report, "COPY run_task.py")


def test_a_changed_description_installs_no_system_package_again(running: Machine, tmp_path: Path, base: str) -> None:
    (tmp_path / "Dockerfile").write_text(LISTING.format(base=base))
    (tmp_path / "source.py").write_text("pass\n")
    for description in ("one", str(tmp_path)):
        (tmp_path / "pyproject.toml").write_text(TABLE.format(description=description))
        report = build(running, tmp_path, *arguments())
    assert not one(report, "list-system-packages")
    assert one(report, "cp /run/system-packages")
    assert one(report, "COPY source.py")


def test_a_pin_that_debian_no_longer_has_is_told_with_what_it_has(running: Machine, tmp_path: Path, base: str) -> None:
    step = "RUN echo jq=1.0 make > /run/system-packages && install-system-packages"
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nUSER 0\n{step}\n")
    inputs = {"context": {"location": str(tmp_path)}, "exports": [{"raw": EXPORT}], "tags": ["tests/gone:1"]}
    with pytest.raises(GaveUp, match=r"pinned: jq=1\.0; in the archive: 1\.\d\S+\n(?:.*\n)*.*pin that"):
        image_build.build(inputs, running, lambda step: None)


def test_a_changed_dependency_rebuilds_one_image(running: Machine, tmp_path: Path, base: str) -> None:
    images = tmp_path / "images"
    shutil.copytree(IMAGES / "bases/task", images / "bases/task")
    for name in ("rents", "wages"):
        image_folders.write(images, tmp_path / "dags", name, "task", "3.13")
        # In no cache of another run.
        edit(images / name / "Dockerfile", "USER 0\n", f"USER 0\nRUN : {images / name}\n")

    def built() -> dict[str, tuple[str, bool]]:
        """Reference, and whether the packages came from the cache; of a base, whether all did."""
        found = load_images(images, REPOSITORY, AIRFLOW, tmp_path / CONTEXTS)
        seen = {}
        for image in found:
            report = build(running, tmp_path / image.context, *arguments(BASE_IMAGE=base if image.base else UPSTREAM))
            seen[image.name] = image.reference, one(report, "install-lock") if image.base else all(report.values())
        return seen

    assert not built()["rents"][1]
    before = built()
    assert all(cached for _, cached in before.values())
    edit(images / "rents" / "pyproject.toml", "humanize==4.15.0", "humanize==4.14.0")
    image_locks.lock(images, ["rents"])
    after = built()
    assert {name for name in after if after[name] != before[name]} == {"rents"}
    assert after["rents"][0] != before["rents"][0]
    assert not after["rents"][1]


@pytest.mark.parametrize("name", sorted(path.name for path in IMAGES.iterdir() if (path / "Dockerfile").is_file()))
def test_plain_docker_builds_the_folder(running: Machine, name: str) -> None:
    """``docker build -t <base> images/bases/<base>`` and ``docker build images/<type>``: no argument, nothing staged.

    BuildKit keeps no images by name: a named context stands for the base's tag in Docker's own store.
    """
    folder, problems = read_folder(IMAGES, name, name)
    assert folder is not None
    assert not problems
    options = [f"context:{context}=local:{context}" for context in folder.table.contexts]
    if folder.table.base:
        below, _ = read_folder(IMAGES, folder.table.base, folder.table.base)
        assert below is not None
        reference = f"{running.registry}/tests/{folder.table.base.replace('/', '-')}:1"
        build(running, below.folder, output=f'{EXPORT},"name={reference}"')
        options.append(f"context:{local_tag(below)}=docker-image://{reference}")
    build(running, folder.folder, *options, contexts={k: IMAGES / v for k, v in folder.table.contexts.items()})
