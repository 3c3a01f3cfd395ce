"""Which images are asked about, and what fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands import image_age
from commands.__main__ import app
from tests.plan import repository

PINNED = f"{repository.UPSTREAM}@sha256:{'1' * 64}"
NOW = datetime.now(UTC)
OLD, YOUNG = NOW - timedelta(days=100), NOW - timedelta(days=2)


def test_a_pinned_image_is_asked_about_and_so_is_its_tag_once_each() -> None:
    times = {PINNED: OLD, repository.UPSTREAM: YOUNG, "debian:13": None}
    asked = []

    def ask(reference: str) -> datetime | None:
        asked.append(reference)
        return times[reference]

    found = image_age.upstreams([("prod", PINNED), ("staging", PINNED), ("prod", "debian:13")], ask)
    assert sorted(asked) == sorted(times)
    assert [(one.stack, one.built, one.newest) for one in found] == [
        ("prod", OLD, YOUNG), ("staging", OLD, YOUNG), ("prod", None, None),
    ]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository with a stack whose base is pinned, and one that has nothing promoted yet."""
    stack = {**repository.STACK, "images": {"baseDigests": {repository.UPSTREAM: PINNED.partition("@")[2]}}}
    promoting = {**repository.STACK, "images": {"mode": "promote"}}
    repository.write(tmp_path, {**repository.small(), "Pulumi.staging.yaml": repository.stack_file(stack)})
    repository.write(tmp_path, {"Pulumi.prod.yaml": repository.stack_file(promoting)})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_base_that_is_too_old_fails_unless_it_is_waived(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_age, "_ask", lambda _, reference: OLD if "@" in reference else YOUNG)
    shown = CliRunner().invoke(app, ["images", "age", "--stack", "staging"])
    assert shown.exit_code == 1
    assert f"base-age: {PINNED}: over 90 days" in shown.stderr
    waiver = "- {policy: base-age, where: 'python:*', reason: the newer one breaks our driver}\n"
    repository.write(project, {"waivers.yaml": waiver})
    shown = CliRunner().invoke(app, ["images", "age", "--stack", "staging"])
    assert shown.exit_code == 0, shown.output
    assert "waived" in shown.stdout


def test_a_stack_without_images_is_told_and_does_not_hide_the_others(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_age, "_ask", lambda *_: YOUNG)
    shown = CliRunner().invoke(app, ["images", "age", "--every-stack"])
    assert shown.exit_code == 0, shown.output
    assert "fresh" in shown.stdout
    assert "promotions/prod.yaml" in shown.stderr
    alone = CliRunner().invoke(app, ["images", "age", "--stack", "prod"])
    assert alone.exit_code == 1
