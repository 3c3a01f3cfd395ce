from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from commands import stack_destroy
from commands.__main__ import app
from commands.stack_destroy import summary
from local.destruction import Resource, resources_of

NAMESPACE = "kubernetes:core/v1:Namespace"
FAKE = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$1" in stack) cat "$STATE" ;; esac
"""


def entry(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "urn": f"urn:pulumi:qa::project::{kind}::{name}", "custom": True, **more}


STATE = {
    "deployment": {
        "resources": [
            {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:qa::project::pulumi:pulumi:Stack::project-qa"},
            entry("pulumi:providers:kubernetes", "kubernetes"),
            entry(NAMESPACE, "airflow", protect=True),
            entry("kubernetes:helm.sh/v3:Release", "airflow"),
            entry("docker-build:index:Image", "spark", retainOnDelete=True),
        ]
    }
}


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CLI that hands out the state and notes what it was called with."""
    fake = tmp_path / "pulumi"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("STATE", str(tmp_path / "state"))
    (tmp_path / "state").write_text(json.dumps(STATE))
    return tmp_path / "calls"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["stacks", "destroy", *words])


def test_it_says_what_stays_and_leaves_it(calls: Path) -> None:
    done = run("qa", "--yes")
    assert done.exit_code == 0, done.output
    assert "2 resources" not in done.output
    assert "1 resources go, 1 are protected and stay" in done.output
    assert "kept, and still in the stack: airflow" in done.output
    assert calls.read_text().splitlines() == [
        "stack export --stack qa --non-interactive",
        "destroy --stack qa --yes --skip-preview --exclude-protected",
    ]


def test_nothing_goes_unasked(calls: Path) -> None:
    done = run("qa")
    assert done.exit_code == 1
    assert "fix:      give --yes" in done.stderr
    assert "destroy" not in calls.read_text()


def test_data_that_nothing_protects_is_named() -> None:
    resources = [Resource(NAMESPACE, "airflow"), Resource("aws:s3/bucket:Bucket", "bucket", protected=True)]
    assert summary(resources) == [
        "1 resources go, 1 are protected and stay",
        "data that goes: airflow: its volumes, Secrets and all that is in it",
    ]


def test_components_and_providers_are_none_of_the_user_s_resources() -> None:
    assert [one.name for one in resources_of(STATE["deployment"])] == ["airflow", "airflow", "spark"]


def test_a_stack_that_is_not_there_is_named(calls: Path, tmp_path: Path) -> None:
    (tmp_path / "pulumi").write_text("#!/bin/sh\necho \"error: no stack named 'qa' found\" >&2\nexit 1\n")
    done = run("qa")
    assert done.exit_code == 1
    assert "stack qa\n    found:    no stack named 'qa' found" in done.stderr


class Here:
    """What ``make up`` has made, and whether it still is there."""

    def __init__(self) -> None:
        self.held = [Resource(NAMESPACE, "airflow")]

    def resources(self) -> list[Resource]:
        return self.held

    def destroy(self, *, but_protected: bool) -> None:
        assert not but_protected
        self.held = []


def test_this_machine_s_stack_goes_as_it_was_made_without_any_cli_s_state(
    calls: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    here = Here()
    monkeypatch.setattr(stack_destroy, "of_this_machine", lambda *_: here)
    assert "give --yes" in run("dev").stderr
    done = run("dev", "--yes")
    assert done.exit_code == 0, done.output
    assert "data that goes: airflow: its volumes, Secrets and all that is in it" in done.output
    assert here.held == []
    assert "the stack dev holds nothing" in run("dev", "--yes").output
    assert not calls.exists()


def test_a_dev_stack_that_make_up_has_not_made_goes_by_the_cli(
    calls: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setattr(stack_destroy, "of_this_machine", lambda *_: None)
    assert run("dev", "--yes").exit_code == 0
    assert calls.read_text().startswith("stack export --stack dev")
