"""The workflows: nothing that is not pinned, no right that is not needed, no push."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_rights_are_least(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    assert document["permissions"] == {}
    for job in document["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert job["timeout-minutes"] <= 120
        assert [step["uses"] for step in job["steps"] if "uses" in step and not PINNED.match(step["uses"])] == []


def test_zizmor_finds_nothing() -> None:
    zizmor = Path(sysconfig.get_path("scripts")) / "zizmor"
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", *WORKFLOWS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_images_are_built_from_the_matrix_and_not_pushed() -> None:
    text = (ROOT / ".github/workflows/images.yml").read_text()
    build = yaml.safe_load(text)["jobs"]["build"]
    assert build["strategy"]["matrix"] == "${{ fromJSON(needs.matrix.outputs.matrix) }}"
    assert build["if"] == "needs.matrix.outputs.any == 'true'"
    assert not re.search(r"--push|docker push|login-action|packages: write", text)
