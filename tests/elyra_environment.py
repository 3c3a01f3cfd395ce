"""A Python environment with Elyra, for tests: made once, kept in the user's cache."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.python_environment import kept

LATEST = "2026-11-01"
WANTED = ("elyra==4.1.1",)
PIPELINES = Path(__file__).parent / "fixtures/elyra"
SECONDS = 300


@functools.cache
def elyra_python() -> Path:
    """The environment's interpreter."""
    return kept("elyra-environment", (LATEST, *WANTED), (["--exclude-newer", LATEST, *WANTED],), "Elyra for the tests")


def runtime_image_schema() -> dict[str, Any]:
    """Elyra's own, of its package."""
    script = (
        "import elyra.metadata.schemas, pathlib;"
        "print((pathlib.Path(elyra.metadata.schemas.__path__[0]) / 'runtime-image.json').read_text())"
    )
    done = subprocess.run([str(elyra_python()), "-c", script], capture_output=True, text=True, check=True)
    schema: dict[str, Any] = json.loads(done.stdout)
    return schema


def compiled(
    folder: Path, prefix: str, runtime: Mapping[str, Any], images: Mapping[str, Mapping[str, Any]], image: str
) -> bytes:
    """The pipeline of tests/fixtures/elyra as Elyra's processor writes it.

    Its archives go below ``prefix`` of the store that ``runtime`` names. ``images`` are runtime-image files by name,
    one of which names ``image``.
    """
    work = shutil.copytree(PIPELINES, folder / "work")
    home = folder / "jupyter"
    for path, content in {
        "runtimes/stack.json": runtime,
        **{f"runtime-images/{k}": v for k, v in images.items()},
    }.items():
        (home / "metadata" / path).parent.mkdir(parents=True, exist_ok=True)
        (home / "metadata" / path).write_text(json.dumps(content))
    (home / "run").mkdir()
    pipeline = work / "three-nodes.pipeline"
    pipeline.write_text(pipeline.read_text().replace("@IMAGE@", image).replace("@PREFIX@", prefix))
    places = {"JUPYTER_DATA_DIR": home, "JUPYTER_RUNTIME_DIR": home / "run", "JUPYTER_CONFIG_DIR": home, "HOME": home}
    words = ["export", pipeline.name, "--runtime-config", "stack", "--format", "py", "--output", "three-nodes.py"]
    done = subprocess.run(
        [str(elyra_python().with_name("elyra-pipeline")), *words],
        cwd=work,
        env={**os.environ, **{name: str(path) for name, path in places.items()}},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return (work / "three-nodes.py").read_bytes()
