"""``images elyra``: the image types as Elyra's runtime images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from commands.failure import told
from commands.stack_files import StackOption, settings_of
from infra import names
from infra.stack_images import read_images
from local.files import write
from pipelines.elyra_images import runtime_images

FOLDER = Path("build/elyra/runtime-images")


def elyra(
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the files are written.")] = FOLDER,
    stack: StackOption = "dev",
) -> None:
    """Write Elyra's runtime-image metadata, one file an image type, for its pipeline editor.

    Elyra reads them from metadata/runtime-images of Jupyter's data folder. Each names the exact image that the
    stack's DAGs use, so `dags adopt` knows its type. Types on the base `bases/elyra` have the tag elyra-node:
    they run a notebook without a download.

        python -m commands images elyra
        python -m commands images elyra --to ~/.local/share/jupyter/metadata/runtime-images
    """
    with told():
        files = runtime_images(read_images(settings_of(stack), stage=False), names.REGISTRY_SECRET)
        for name, content in sorted(files.items()):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            write(to / name, json.dumps(content, indent=2, sort_keys=True) + "\n")
            typer.echo((to / name).as_posix())
