"""The fixtures, and what adoption is told of their images."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from adoption.adopt import adopt
from adoption.records import Adoption, Choices
from pipelines.catalog import Catalog, CatalogImage
from pipelines.pod_templates import pod_templates
from tests.pipelines.trees import PLATFORM

FIXTURES = Path(__file__).parents[1] / "fixtures/adoption"
FILES = sorted(FIXTURES.glob("*.py"))
REPOSITORY = "registry.example/team/images-elyra"
DIGEST = f"sha256:{'0123456789abcdef' * 4}"
ELYRA = CatalogImage("elyra", "elyra", "task", f"{REPOSITORY}:1.0.0-0123456789ab", DIGEST)
CATALOG = Catalog({"elyra": ELYRA}, PLATFORM)
CHOICES = Choices(types=("elyra",), repositories={REPOSITORY: "elyra"}, image="elyra")


@cache
def adopted(file: Path) -> Adoption:
    """A fixture, adopted once for all tests."""
    return adopt(file.read_bytes(), file.name, CHOICES)


def publish(folder: Path) -> None:
    """What a published tree holds beside its DAG files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "images.json").write_text(json.dumps(json.loads(CATALOG.to_json())))
    for path, content in pod_templates(CATALOG).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
