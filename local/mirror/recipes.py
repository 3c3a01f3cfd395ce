"""Which upstream images have a stand-in here, and the key of all that decides its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.mirrored_images import PGBOUNCER_TAGS
from infra.settings import Metrics
from pipelines import releases

FOLDER = Path(__file__).parent
SHARED = FOLDER / "shared"


@dataclass(frozen=True)
class Recipe:
    """One stand-in.

    ``folder`` holds its Dockerfile, ``reference`` is the name of the real image, ``base`` the folder of the recipe
    that its FROM names, ``tools`` the binaries of the toolchain or of the host that its build takes.
    """

    folder: str
    reference: str
    base: str | None = None
    tools: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return FOLDER / self.folder

    def tagged(self, tag: str) -> str:
        """The image's repository under another tag."""
        return f"{self.reference.rpartition(':')[0]}:{tag}"


#: A recipe's base stands before it.
RECIPES: tuple[Recipe, ...] = (
    Recipe("debian", "debian:trixie-slim"),
    Recipe("python", releases.PYTHON_IMAGE, base="debian"),
    Recipe("airflow", releases.airflow_image(), base="python", tools=("uv",)),
    Recipe("postgres", "postgres:17.10-trixie", base="debian"),
    Recipe("object-store", "pgsty/silo:RELEASE.2026-09-16T00-00-00Z", base="debian", tools=("minio", "mc")),
    Recipe("busybox", "busybox:1.37.0-musl", base="debian"),
)

#: What the dev stack as it is has no pod of, and others may: built where a stack's images name it.
AT_REQUEST: tuple[Recipe, ...] = (
    Recipe("statsd-exporter", Metrics().image, base="debian", tools=("statsd_exporter",)),
    *(
        Recipe(folder, f"{releases.AIRFLOW_REPOSITORY}:{tag}", base="debian")
        for folder, tag in zip(("pgbouncer", "pgbouncer-exporter"), PGBOUNCER_TAGS, strict=True)
    ),
)

#: What no platform needs and a test builds. Of Python the tool is a folder: the prefix of one that may be copied.
PYTHON = "python"
ANACONDA = Recipe("anaconda", releases.BASES["bases/elyra-conda"], base="debian", tools=("uv", PYTHON))


def keys(rootfs: str, tools: Mapping[str, str], recipes: Sequence[Recipe] = RECIPES) -> dict[str, str]:
    """Folder -> 16 hex digits over the recipe's files, its base's key and what its tools are.

    ``rootfs`` is the key of the root file system that the first recipe unpacks, ``tools`` maps a tool to whatever
    names its version.
    """
    found: dict[str, str] = {}
    for recipe in recipes:
        digest = hashlib.sha256(f"stand-in 1\n{recipe!r}\n".encode())
        digest.update((found[recipe.base] if recipe.base else rootfs).encode())
        for tool in recipe.tools:
            digest.update(f"\n{tool} {tools[tool]}".encode())
        for folder in (SHARED, recipe.path):
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                content = file.read_bytes()
                digest.update(f"\n{file.relative_to(FOLDER).as_posix()} {len(content)}\n".encode() + content)
        found[recipe.folder] = digest.hexdigest()[:16]
    return found
