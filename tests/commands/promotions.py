"""Two stacks for tests: a folder with images, a DAG and two stack files, and a real registry each."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from infra.settings import PROJECT
from infra.stack_images import read_images
from pipelines.images import Image
from registry.contents import Contents
from tests.infra.stacks import ROOT
from tests.registry import pushed, servers


@dataclass(frozen=True)
class TwoStacks:
    """``staging`` builds, ``prod`` promotes; the working folder is theirs."""

    root: Path
    staging: Contents
    prod: Contents

    def images(self) -> list[Image]:
        """Those of staging that DAGs may name."""
        from commands.stack_files import settings_of

        return [image for image in read_images(settings_of("staging")) if image.dag_types]

    def push(self, labels: dict[str, str] | None = None) -> dict[str, str]:
        """Image name -> digest of an image of one layer, pushed to staging."""
        digests = {}
        for image in self.images():
            _, _, path = image.reference.partition("/")
            repository, _, tag = path.rpartition(":")
            layers = (b"a shared base", image.key.encode())
            digests[image.name] = pushed.image(self.staging, repository, tag, layers, labels)["digest"]
        return digests

    def promotion(self) -> dict[str, dict[str, object]]:
        document: dict[str, dict[str, object]] = yaml.safe_load((self.root / "promotions/prod.yaml").read_text())
        return document


def two_stacks(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[TwoStacks]:
    """The stacks, for as long as the generator lives."""
    root = folder / "project"
    shutil.copytree(ROOT / "tests/fixtures/tree", root)
    with (
        servers.serving(folder / "staging") as staging,
        servers.serving(folder / "prod") as prod,
        servers.registry(staging) as source,
        servers.registry(prod) as target,
    ):
        stack_file(root, "staging", staging, {})
        stack_file(root, "prod", prod, {"mode": "promote"})
        log_in = base64.b64encode(f"{servers.LOG_IN.username}:{servers.LOG_IN.password}".encode()).decode()
        docker = {"auths": {server: {"auth": log_in} for server in (staging, prod)}}
        (folder / "config.json").write_text(json.dumps(docker))
        patch.setenv("DOCKER_CONFIG", str(folder))
        patch.chdir(root)
        yield TwoStacks(root, source, target)


def stack_file(root: Path, name: str, server: str, images: dict[str, object]) -> None:
    """A stack file of few keys."""
    config = {
        "kubernetes": {"context": name},
        "registry": {"server": server, "owner": name, "prefix": "pipeline"},
        "images": images,
        "tasks": {"secrets": {"warehouse": {"WAREHOUSE_PASSWORD": "x"}}},
    }
    document = {"config": {f"{PROJECT}:{key}": value for key, value in config.items()}}
    (root / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump(document))
