"""Builds that fail, by the platform's own BuildKit, and what is told of each: a golden message, and nothing more."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from local import image_build
from local.machine import Machine
from local.waiting import GaveUp
from pipelines.images import EXPORT
from tests.bad_input.conditions import can_isolate
from tests.bad_input.trees import Tree, docker_configuration
from tests.conftest import ROOT

pytestmark = pytest.mark.platform
GOLDEN = Path(__file__).parent / "golden" / "images"
SECONDS = 120
UPSTREAM = "python:3.13-slim-trixie"
TABLE = f"""[project]
name = "rents"
version = "1"
[tool.dag-image]
profile = "task"
upstream = "{UPSTREAM}"
"""
#: Golden message -> the step that fails.
STEPS: Mapping[str, str] = {
    "build-failure": "RUN for number in $(seq 50); do echo line $number; done; exit 3",
    "disk-full-in-a-step": "RUN --mount=type=tmpfs,target=/scratch,size=1m "
    "dd if=/dev/zero of=/scratch/rents bs=64k count=64 status=none",
}
#: Here the layout has a disk of its own, which the image does not fit on.
SMALL_DISK = 'mkdir -p build/layout && mount -t tmpfs -o size=1m tmpfs build/layout && exec "$@"'
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


@pytest.fixture
def tree(tmp_path: Path, running: Machine) -> Tree:
    """One image folder that builds, and a stack file."""
    folder = tmp_path / "images" / "rents"
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(TABLE)
    (folder / "Dockerfile").write_text(f"ARG BASE_IMAGE={UPSTREAM}\nFROM ${{BASE_IMAGE}}\n")
    (tmp_path / "Pulumi.dev.yaml").write_text((ROOT / "Pulumi.dev.yaml").read_text())
    return Tree(tmp_path, running)


def build(tree: Tree, *around: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*around, sys.executable, "-m", "commands", "images", "build", "rents"],
        cwd=tree.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def plain(tree: Tree, message: str) -> str:
    return DIGEST.sub("...", tree.plain(message))


@pytest.mark.parametrize("name", STEPS)
def test_the_failing_step_and_its_last_lines(name: str, tree: Tree) -> None:
    with (tree.folder / "images/rents/Dockerfile").open("a") as file:
        # Never from a cache: what ran once is not run again.
        file.write(f"RUN : {tree.folder}\n{STEPS[name]}\n")
    done = build(tree)
    assert plain(tree, done.stderr) == (GOLDEN / f"{name}.txt").read_text()
    assert done.returncode == 1


def test_a_disk_that_is_full_when_the_image_is_written(tree: Tree) -> None:
    if not can_isolate():
        pytest.skip("this user may not make namespaces")
    done = build(tree, "unshare", "--mount", "sh", "-c", SMALL_DISK, "sh")
    assert plain(tree, done.stderr) == (GOLDEN / "disk-full.txt").read_text()
    assert done.returncode == 1


def test_a_registry_that_refuses_the_push(tree: Tree, tmp_path: Path) -> None:
    """The platform's registry, which takes the platform's password alone."""
    wrong = tmp_path / "docker"
    wrong.mkdir()
    (wrong / "config.json").write_text(docker_configuration(tree.machine.registry))
    reference = f"{tree.machine.registry}/tests/refused:1"
    inputs = {
        "tags": [reference],
        "context": {"location": str(tree.folder / "images/rents")},
        "exports": [{"raw": EXPORT}],
    }
    with pytest.raises(GaveUp) as caught:
        image_build.build(inputs, dataclasses.replace(tree.machine, docker_config=wrong), lambda step: None)
    assert plain(tree, f"{caught.value}\n") == (GOLDEN / "push-refused.txt").read_text()
