"""``stacks promote`` between two real registries, and the stack that runs what was promoted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from commands.stack_files import settings_of
from commands.stacks import app
from infra import promoted_images, sources
from infra.program import register
from pipelines.errors import InputError
from registry.stand_ins import LABEL
from tests.commands.promotions import TwoStacks, stack_file, two_stacks
from tests.infra.recording import record

pytestmark = [pytest.mark.slow, pytest.mark.toolchain]


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoStacks]:
    yield from two_stacks(tmp_path, monkeypatch)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["promote", *arguments])


def test_prod_runs_what_staging_has_tried(stacks: TwoStacks) -> None:
    digests = stacks.push()
    done = run("staging", "prod")
    assert done.exit_code == 0, done.output
    assert "commit it" in done.output
    written = stacks.promotion()["images"]
    assert {name: image["digest"] for name, image in written.items()} == digests  # type: ignore[index]
    for image in written.values():
        assert stacks.prod.digest(image["reference"]) == image["digest"]  # type: ignore[index]
    settings = settings_of("prod")
    promoted_images.check(settings)
    found = sources.load(settings)
    assert found.promoted == digests
    recording = record(lambda: register(settings, found))
    assert recording.of(":Image") == []
    # No digest is unknown in a preview: the publication is a plain value.
    preview = record(lambda: register(settings, found), preview=True)
    assert preview.one(":ConfigMap", "publication").inputs == recording.one(":ConfigMap", "publication").inputs

    before = (stacks.root / "promotions/prod.yaml").read_text()
    again = run("staging", "prod")
    assert again.exit_code == 0, again.output
    assert "0 blobs sent" in again.output
    assert "unchanged" in again.output
    assert (stacks.root / "promotions/prod.yaml").read_text() == before


def test_what_is_missing_is_named_at_once_and_nothing_is_copied(stacks: TwoStacks) -> None:
    names = [image.name for image in stacks.images()]
    done = run("staging", "prod")
    assert done.exit_code == 1
    assert f"{len(names)} problems, nothing was changed" in done.output
    assert all(f"pipeline-{name}:" in done.output for name in names)
    assert not (stacks.root / "promotions").exists()


def test_what_stands_on_a_stand_in_stays_where_it_is(stacks: TwoStacks) -> None:
    stacks.push({LABEL: "true"})
    done = run("staging", "prod")
    assert done.exit_code == 1
    assert "an image on a stand-in of its base" in done.output
    assert stacks.prod.repositories("") == ()


def test_what_stands_on_a_stand_in_may_go_on_within_a_registry_of_this_machine(stacks: TwoStacks) -> None:
    digests = stacks.push({LABEL: "true"})
    stack_file(stacks.root, "prod", stacks.staging.server, {"mode": "promote"})
    done = run("staging", "prod")
    assert done.exit_code == 0, done.output
    for name, digest in digests.items():
        assert stacks.staging.digest(f"{stacks.staging.server}/prod/pipeline-{name}@{digest}") == digest


def test_a_dry_run_changes_nothing(stacks: TwoStacks) -> None:
    stacks.push()
    assert run("staging", "prod", "--dry-run").exit_code == 0
    assert stacks.prod.repositories("") == ()
    assert not (stacks.root / "promotions").exists()


def test_a_stack_that_builds_takes_no_images(stacks: TwoStacks) -> None:
    done = run("prod", "staging")
    assert done.exit_code == 1
    assert "images.mode" in done.output
    assert run("prod", "prod").exit_code == 1


def test_what_was_not_promoted_from_this_checkout_is_refused(stacks: TwoStacks) -> None:
    with pytest.raises(InputError, match=r"promotions/prod\.yaml"):
        sources.load(settings_of("prod"))
    stacks.push()
    assert run("staging", "prod").exit_code == 0
    (stacks.root / "images/letters/alphabet.txt").write_text("another alphabet")
    with pytest.raises(InputError, match=r"images\.letters") as refusal:
        sources.load(settings_of("prod"))
    assert "stacks promote staging prod" in str(refusal.value)
    assert len(refusal.value.problems) == 1


def test_what_is_not_in_the_registry_any_more_is_refused(stacks: TwoStacks) -> None:
    digests = stacks.push()
    assert run("staging", "prod").exit_code == 0
    assert stacks.prod.delete("prod/pipeline-letters", digests["letters"])
    with pytest.raises(InputError, match=r"images\.letters") as refusal:
        promoted_images.check(settings_of("prod"))
    assert len(refusal.value.problems) == 1
    assert run("staging", "prod").exit_code == 0
    promoted_images.check(settings_of("prod"))


def test_a_stack_hands_on_what_was_promoted_to_it(stacks: TwoStacks) -> None:
    digests = stacks.push()
    assert run("staging", "prod").exit_code == 0
    stack_file(stacks.root, "other", stacks.prod.server, {"mode": "promote"})
    done = run("prod", "other")
    assert done.exit_code == 0, done.output
    assert "0 blobs sent" in done.output
    assert {
        name: stacks.prod.digest(f"{stacks.prod.server}/other/pipeline-{name}@{digests[name]}") for name in digests
    } == digests
