"""``dags``: the DAG configs of this repository."""

from __future__ import annotations

import shutil
from pathlib import Path

import typer

from commands.failure import told
from commands.stack_files import StackOption, settings_of
from commands.tables import show
from infra import sources

app = typer.Typer(
    help="DAG configs: dags/<dag_id>.yaml, and the Airflow DAG files made of them.",
    no_args_is_help=True,
    add_completion=False,
)
BUILT = Path("build") / "dags"


@app.command("list")
def list_dags(stack: StackOption = "dev") -> None:
    """Show every DAG config: its schedule, its tasks and the image type each runs in."""
    with told():
        found = sources.load(settings_of(stack))
        rows = [
            (config.dag_id, config.dag.schedule or "by hand", name, task.kind, config.dag.image_of(name))
            for config in found.dags
            for name, task in config.dag.tasks.items()
        ]
        show(("dag", "schedule", "task", "kind", "image"), rows)


@app.command("build")
def build_dags(stack: StackOption = "dev") -> None:
    """Write the tree that a publication holds to build/dags: generated DAG files, hand-written ones, task sources.

    Image references stand in it without digests: those are known when the images are built.
    """
    with told():
        tree = sources.load(settings_of(stack)).tree({})
        shutil.rmtree(BUILT, ignore_errors=True)
        for name, content in tree.files.items():
            path = BUILT / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            typer.echo(path.as_posix())
