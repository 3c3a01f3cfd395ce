"""The verbs that build, on the platform's BuildKit and containerd; nothing is pushed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.machine import Machine
from local.oci_layout import Layout
from tests.conftest import ROOT, is_running
from tests.pipelines.trees import edit

pytestmark = pytest.mark.platform
SECONDS = 540
DIGEST = "sha256:"


@pytest.fixture
def tree(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The bases alone: a type of the test's own comes beside them. Needs BuildKit and containerd, and no Airflow."""
    if not is_running(Machine.here()):
        request.getfixturevalue("running")
    shutil.copytree(ROOT / "images" / "bases", tmp_path / "images" / "bases")
    (tmp_path / "dags").mkdir()
    shutil.copy(ROOT / "Pulumi.dev.yaml", tmp_path)
    return tmp_path


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "commands", "images", *command],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def new(tree: Path) -> Path:
    done = run(tree, "new", "verbs-trial")
    assert done.returncode == 0, done.stderr
    return tree / "images" / "verbs-trial"


def digest(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if "-verbs-trial:" in line and f"@{DIGEST}" in line]
    return line.split("@")[1].split()[0]


def test_a_new_type_passes_its_tests_and_is_built_twice_alike(tree: Path) -> None:
    folder = new(tree)
    tested = run(tree, "test", "verbs-trial")
    assert tested.returncode == 0, tested.stderr
    rows = [line.split()[:3] for line in tested.stdout.splitlines() if line.split()[:1] == ["verbs-trial"]]
    assert {(row[1], row[2]) for row in rows} >= {("user", "passed"), ("packages", "passed"), ("smoke", "passed")}
    first = digest(run(tree, "build", "verbs-trial"))
    shutil.rmtree(tree / "build")
    assert digest(run(tree, "build", "verbs-trial")) == first
    assert Layout(tree / "build/layout").image(first).run["User"] == "10001:10001"
    assert (tree / "build/attestations/verbs-trial.provenance.json").is_file()
    billed = run(tree, "sbom", "verbs-trial")
    assert billed.returncode == 0, billed.stderr
    assert "pkg:pypi/humanize@" in (tree / "build/attestations/verbs-trial.cdx.json").read_text()
    assert folder.is_dir()


def test_what_a_pod_would_refuse_is_told(tree: Path) -> None:
    folder = new(tree)
    with (folder / "Dockerfile").open("a") as file:
        file.write("USER 0\nRUN echo password > /root/.netrc\nRUN rm /root/.netrc\n")
    edit(folder / "pyproject.toml", "import humanize", "open('/opt/x', 'w')")
    done = run(tree, "test", "verbs-trial")
    assert done.returncode == 1
    assert "root: pods of the restricted standard do not start" in done.stderr
    assert "root/.netrc: a file of log-ins" in done.stderr
    assert "Read-only file system" in done.stderr


def test_a_smoke_command_has_no_network(tree: Path) -> None:
    folder = new(tree)
    edit(folder / "pyproject.toml", "import humanize", "import os; assert os.listdir('/sys/class/net') == ['lo']")
    assert run(tree, "test", "verbs-trial").returncode == 0


def test_types_that_exclude_each_other_run_side_by_side(tree: Path) -> None:
    """Two majors of click, which installs in a moment: no image holds both, two images do; each is locked, keyed, built
    and run."""
    majors = {"verbs-reports": "7.1.2", "verbs-forecasts": "8.1.8"}
    for name, version in majors.items():
        assert run(tree, "new", name).returncode == 0
        table = tree / "images" / name / "pyproject.toml"
        edit(table, '"humanize==4.15.0"', f'"click=={version}"')
        edit(
            table,
            "import humanize",
            f"import click; from importlib.metadata import version; assert version('click') == '{version}'",
        )
    fat = shutil.copytree(tree / "images/verbs-reports", tree / "images/verbs-fat")
    edit(fat / "pyproject.toml", 'name = "verbs-reports"', 'name = "verbs-fat"')
    edit(fat / "pyproject.toml", '"click==7.1.2"', '"click==7.1.2", "click==8.1.8"')
    refused = run(tree, "lock", "verbs-fat")
    assert refused.returncode == 1
    assert "expected: pins that resolve together" in refused.stderr
    assert "click==7.1.2 and click==8.1.8" in refused.stderr
    shutil.rmtree(fat)
    assert run(tree, "lock", *majors).returncode == 0
    tested = run(tree, "test", *majors)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    rows = {tuple(line.split()[:3]) for line in tested.stdout.splitlines()}
    assert rows >= {(name, check, "passed") for name in majors for check in ("packages", "smoke")}
    matrix = json.loads(run(tree, "matrix").stdout)["include"]
    assert len({entry["reference"].rpartition(":")[2] for entry in matrix if entry["type"] in majors}) == len(majors)


def test_a_build_that_fails_is_told_by_its_step(tree: Path) -> None:
    folder = new(tree)
    with (folder / "Dockerfile").open("a") as file:
        file.write("RUN for i in $(seq 50); do echo line $i; done; exit 3\n")
    done = run(tree, "build", "verbs-trial")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "the build of verbs-trial failed:"
    assert "RUN for i in $(seq 50)" in lines[1]
    assert lines[2:22] == [f"  line {number}" for number in range(31, 51)]
    assert "exit code: 3" in lines[22]
    assert len(lines) == 23
