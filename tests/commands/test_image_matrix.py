"""The matrix of a real git repository."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.__main__ import app
from tests.conftest import ROOT
from tests.pipelines.trees import copy_tree, edit


def git(*arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    tree = copy_tree(tmp_path / "tree")
    (tree / "Pulumi.dev.yaml").write_text((ROOT / "Pulumi.dev.yaml").read_text())
    monkeypatch.chdir(tree)
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    return git("rev-parse", "HEAD")


def reasons(*arguments: str) -> dict[str, str]:
    done = CliRunner().invoke(app, ["images", "matrix", *arguments])
    assert done.exit_code == 0, done.output
    [line] = done.stdout.splitlines()
    return {entry["type"]: entry["reason"] for entry in json.loads(line)["include"]}


def test_nothing_changed(commit: str) -> None:
    assert reasons("--changed-since", commit) == {}
    assert reasons().keys() == {"bases/slim", "letters", "warehouse"}


def test_what_is_committed_and_what_is_not(commit: str) -> None:
    edit(Path("images/letters/alphabet.txt"), "a", "b")
    git("commit", "--all", "--quiet", "--message", "second")
    Path("images/warehouse/new.sql").write_text("select 1")
    assert reasons("--changed-since", commit) == {"letters": "changed: alphabet.txt", "warehouse": "changed: new.sql"}
    assert reasons("--changed-since", "HEAD") == {"warehouse": "changed: new.sql"}


def test_what_a_build_ignores_is_no_reason(commit: str) -> None:
    Path("images/letters/__pycache__").mkdir()
    Path("images/letters/__pycache__/a.pyc").write_text("x")
    assert reasons("--changed-since", commit) == {}


def test_another_digest_of_a_base(commit: str) -> None:
    pins = f'  de-airflow-pipeline:images: {{baseDigests: {{"python:3.13-slim-trixie": "sha256:{"1" * 64}"}}}}\n'
    edit(Path("Pulumi.dev.yaml"), "config:\n", f"config:\n{pins}")
    assert reasons("--changed-since", commit) == {
        "bases/slim": "Pulumi.dev.yaml pins another digest of python:3.13-slim-trixie",
        "letters": "stands on bases/slim, Pulumi.dev.yaml pins another digest of python:3.13-slim-trixie",
    }


@pytest.mark.parametrize("name", ["nowhere", "--output=x", ""])
def test_a_commit_that_is_not_there(commit: str, name: str) -> None:
    done = CliRunner().invoke(app, ["images", "matrix", f"--changed-since={name}"])
    assert (done.exit_code, "a commit that this clone holds" in done.stderr) == (1, True)
