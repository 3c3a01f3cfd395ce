"""What ``stacks gc`` keeps and what it lists, with a real registry; cluster and bucket are played."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from commands import stack_garbage
from commands.stacks import app
from tests.commands.promotions import TwoStacks, two_stacks
from tests.infra.stacks import ROOT
from tests.registry import pushed

pytestmark = [pytest.mark.slow, pytest.mark.toolchain]


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoStacks]:
    for found in two_stacks(tmp_path, monkeypatch):
        monkeypatch.setattr(stack_garbage, "cluster_of", lambda machine, settings: None)
        play(monkeypatch)
        git(found.root, "init", "-q")
        git(found.root, "commit", "-q", "--allow-empty", "-m", "none")
        yield found


def play(patch: pytest.MonkeyPatch, running: tuple[str, ...] = (), published: tuple[str, ...] = ()) -> None:
    patch.setattr(stack_garbage, "_running", lambda client: iter(running))
    patch.setattr(stack_garbage, "_published", lambda client, settings: iter(published))


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["gc", *arguments])


def test_only_what_nothing_needs_is_listed_and_deleted(stacks: TwoStacks, monkeypatch: pytest.MonkeyPatch) -> None:
    stacks.push()
    repository, server = "staging/pipeline-letters", stacks.staging.server
    running = pushed.image(stacks.staging, repository, "0.1-running", (b"running",))
    published = pushed.image(stacks.staging, repository, "0.2-published", (b"published",))
    old = pushed.image(stacks.staging, repository, "0.3-old", (b"old",))
    another = pushed.image(stacks.staging, "staging/other-thing", "1", (b"of somebody else",))
    play(
        monkeypatch,
        running=(f"{server}/{repository}@{running['digest']}", "docker.io/library/busybox:1"),
        published=(f"{server}/{repository}:0.2-published@{published['digest']}",),
    )
    listed = run("staging")
    assert listed.exit_code == 0, listed.output
    assert "1 manifests" in listed.output
    assert old["digest"][:19] in listed.output
    assert stacks.staging.raw(repository, old["digest"]) is not None
    deleted = run("staging", "--delete", "--yes")
    assert deleted.exit_code == 0, deleted.output
    assert stacks.staging.raw(repository, old["digest"]) is None
    for kept in (running, published):
        assert stacks.staging.raw(repository, kept["digest"]) is not None
    assert stacks.staging.raw("staging/other-thing", another["digest"]) is not None
    assert "every image in the registry is needed" in run("staging").output


def test_a_promotion_that_was_stays_as_long_as_its_commit(stacks: TwoStacks) -> None:
    first = stacks.push()
    assert CliRunner().invoke(app, ["promote", "staging", "prod"]).exit_code == 0
    git(stacks.root, "add", "promotions")
    git(stacks.root, "commit", "-q", "-m", "first")
    (stacks.root / "images/letters/alphabet.txt").write_text("another alphabet")
    stacks.push()
    assert CliRunner().invoke(app, ["promote", "staging", "prod"]).exit_code == 0
    git(stacks.root, "commit", "-q", "-a", "-m", "second")
    assert "every image" in run("prod").output
    listed = run("prod", "--commits", "1")
    assert first["letters"][:19] in listed.output
    assert "1 manifests" in listed.output


def test_an_example_with_another_registry_is_in_nobodys_way(stacks: TwoStacks) -> None:
    (stacks.root / "Pulumi.example.yaml").write_text((ROOT / "Pulumi.prod.yaml").read_text())
    done = run("staging")
    assert done.exit_code == 0, done.output


def test_a_history_that_is_cut_off_keeps_everything(stacks: TwoStacks) -> None:
    (stacks.root / ".git/shallow").write_text("0" * 40 + "\n")
    done = run("staging")
    assert done.exit_code == 1
    assert "a shallow clone" in done.output


def test_a_version_names_its_images() -> None:
    images = {"a": {"reference": "r/a:1", "digest": "sha256:1"}, "b": {"reference": "r/b:1", "digest": None}}
    content: Any = json.dumps({"images": images}).encode()
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        member = tarfile.TarInfo("images.json")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    assert list(stack_garbage.images_of(written.getvalue())) == ["r/a:1@sha256:1", "r/b:1"]
