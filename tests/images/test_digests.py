"""The same content gives the same image: what the registry holds is what a build without any cache makes again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from commands.stack_files import settings_of
from infra.images import build_arguments
from infra.stack_images import read_images
from local import image_registry
from local.machine import STACK, Machine
from pipelines.image_folder import image_folders
from pipelines.images import EXPORT, Image
from registry.client import Credentials, Registry
from tests.conftest import ROOT, Deployed

pytestmark = pytest.mark.platform
NAMES = ("bases/task", "bases/worker", "cost-of-living", "lakehouse")
#: No image of this repository stands on them, so that nobody has pushed them.
UNUSED = ("bases/elyra", "bases/elyra-conda")
#: They take minutes.
OTHERS = tuple(name for name in image_folders(ROOT / "images") if name not in (*NAMES, *UNUSED))


def rebuilt_digest(image: Image, references: dict[str, str], machine: Machine, metadata: Path) -> str:
    context = ROOT / image.context
    arguments = build_arguments(image, references)
    command = [
        *(str(machine.tool("buildctl")), "--addr", machine.buildkit_address, "build", "--no-cache"),
        *("--frontend", "dockerfile.v0", "--local", f"context={context}", "--local", f"dockerfile={context}"),
        *(part for name, value in arguments.items() for part in ("--opt", f"build-arg:{name}={value}")),
        *("--opt", f"platform={','.join(image.platforms)}", "--metadata-file", str(metadata)),
        *("--output", f'{EXPORT.replace("push=true", "push=false")},"name={image.reference}-again"'),
    ]
    subprocess.run(command, env={**os.environ, **machine.environment()}, check=True, capture_output=True)
    digest: str = json.loads(metadata.read_text())["containerimage.digest"]
    return digest


def check(images: Sequence[Image], name: str, machine: Machine, metadata: Path) -> None:
    image = next(image for image in images if image.name == name)
    references = {image.name: image.reference for image in images}
    known = image_registry.credentials(machine)
    with Registry(known["server"], Credentials(known["username"], known["password"])) as registry:
        pushed = registry.digest(image.reference)
    assert pushed is not None
    again = rebuilt_digest(image, references, machine, metadata)
    assert again == pushed, "or a stand-in below it, or how images are exported, was changed after the push"


@pytest.mark.parametrize("name", NAMES)
def test_a_build_without_caches_gives_the_digest_that_was_pushed(name: str, deployed: Deployed, tmp_path: Path) -> None:
    check(deployed.sources.images, name, deployed.machine, tmp_path / "metadata.json")


@pytest.mark.long
@pytest.mark.parametrize("name", OTHERS)
def test_so_does_one_of_every_other_type(name: str, running: Machine, tmp_path: Path) -> None:
    check(read_images(settings_of(STACK), ROOT), name, running, tmp_path / "metadata.json")
