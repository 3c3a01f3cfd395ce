"""``stacks mirror`` between real registries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from commands import stack_mirror
from commands.stacks import app
from infra import mirrored_images
from infra.settings import PROJECT
from tests.commands.promotions import TwoStacks, two_stacks
from tests.registry import pushed

pytestmark = [pytest.mark.slow, pytest.mark.toolchain]

NAME = "team/busybox"


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoStacks]:
    """``prod`` mirrors one image, that of the XCom sidecar, from staging's registry to its own."""
    for found in two_stacks(tmp_path, monkeypatch):
        path = found.root / "Pulumi.prod.yaml"
        document = yaml.safe_load(path.read_text())
        config = document["config"]
        config[f"{PROJECT}:images"] = {"mirror": f"{found.prod.server}/mirror"}
        config[f"{PROJECT}:tasks"]["xcomSidecarImage"] = f"{found.staging.server}/{NAME}:1"
        path.write_text(yaml.safe_dump(document))
        # Others are on the internet.
        monkeypatch.setattr(stack_mirror, "of_others", lambda settings: (settings.tasks.xcom_sidecar_image,))
        yield found


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["mirror", *words])


def test_an_image_is_copied_digest_for_digest_to_where_pods_look_for_it(stacks: TwoStacks) -> None:
    digest = pushed.image(stacks.staging, NAME, "1", (b"layer",))["digest"]
    copy = f"mirror/{stacks.staging.server}/{NAME}".replace(":", "--")
    dry = run("prod", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert not any("busybox" in name for name in stacks.prod.repositories(""))
    done = run("prod")
    assert done.exit_code == 0, done.output
    (found,) = [name for name in stacks.prod.repositories("") if "busybox" in name]
    assert found == copy
    assert stacks.prod.digest(f"{stacks.prod.server}/{found}:1") == digest
    assert mirrored_images.copy_of("x.io/m", f"{stacks.staging.server}/{NAME}:1") == f"x.io/m/{copy[7:]}:1"


def test_an_image_that_is_not_there_is_named(stacks: TwoStacks) -> None:
    done = run("prod")
    assert done.exit_code == 1
    assert f"has no {stacks.staging.server}/{NAME}:1" in done.stderr


def test_a_stack_without_a_mirror_is_told_how_to_have_one(stacks: TwoStacks) -> None:
    done = run("staging")
    assert done.exit_code == 1
    assert "pulumi config set --stack staging --path images.mirror <server>/<path>" in done.stderr
