"""The same content gives the same image: what the registry holds is what a build without any cache makes again."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from infra.images import build_arguments
from local import image_registry
from local.machine import Machine
from pipelines.images import EXPORT, Image
from registry.client import Credentials, Registry
from tests.conftest import Deployed

pytestmark = pytest.mark.platform
NAMES = ("bases/task", "bases/worker", "cost-of-living", "lakehouse")


def rebuilt_digest(image: Image, references: dict[str, str], deployed: Deployed, metadata: Path) -> str:
    machine: Machine = deployed.machine
    context = deployed.root / image.context
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


@pytest.mark.parametrize("name", NAMES)
def test_a_build_without_caches_gives_the_digest_that_was_pushed(name: str, deployed: Deployed, tmp_path: Path) -> None:
    images = deployed.sources.images
    image = next(image for image in images if image.name == name)
    references = {image.name: image.reference for image in images}
    known = image_registry.credentials(deployed.machine)
    with Registry(known["server"], Credentials(known["username"], known["password"])) as registry:
        pushed = registry.digest(image.reference)
    assert pushed is not None
    again = rebuilt_digest(image, references, deployed, tmp_path / "metadata.json")
    assert again == pushed, "or a stand-in below it, or how images are exported, was changed after the push"
