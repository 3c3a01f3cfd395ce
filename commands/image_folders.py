"""``images new``: a folder that builds, tests and runs as it is, and a DAG that uses it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer
from jinja2 import Environment, PackageLoader, StrictUndefined

from commands import image_locks
from commands.failure import told
from commands.stack_files import StackOption, settings_of
from pipelines.dag_config import DAGS
from pipelines.errors import InputError, Problem
from pipelines.image_checks import local_tag
from pipelines.image_folder import BASES, IMAGE_NAME, image_folders, is_image_name, read_folder
from pipelines.images import IMAGES
from pipelines.validation import shown

Profile = Literal["task", "worker"]
#: A small package that no base ships, to be replaced by what the DAG type needs.
EXAMPLE = "humanize==4.15.0"
IMAGE_FILES = ("Dockerfile", "pyproject.toml")
DAG_FILES = {"dag.yaml": "{dag_id}.yaml", "tasks.py": "{dag_id}/tasks.py"}
KIND = {"task": "pod", "worker": "python"}


def new(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="Small letters, digits and hyphens, such as geo.")],
    profile: Annotated[
        Profile, typer.Option(help="task: no Airflow, for pods; worker: Airflow's own image and more.")
    ] = "task",
    stack: StackOption = "dev",
) -> None:
    """Write images/TYPE and a DAG that uses it: both work as they are, and are to be changed.

    task    slim, without Airflow, for pods; most DAGs want this one
    worker  Airflow's own image plus packages, for tasks that use
            Airflow's hooks and providers

    It writes images/TYPE/Dockerfile, pyproject.toml and requirements.lock, dags/<type>.yaml and
    dags/<type>/tasks.py, and touches nothing that is there. Then:

        python -m commands images new geo --profile task
        python -m commands images test geo
        make up
    """
    with told():
        for path in write(IMAGES, DAGS, type_, profile, settings_of(stack).airflow.python):
            typer.echo(path.as_posix())
        typer.echo(f"next: python -m commands images test {type_}; change the pins, then images lock {type_}")


def write(images: Path, dags: Path, name: str, profile: Profile, python: str) -> list[Path]:
    """The paths written. Raises InputError, and leaves nothing behind, for a name that is taken or no image's, where
    there is no base of the profile, and where the packages cannot be resolved."""
    dag_id = name.replace("-", "_")
    problems = [*_name_problems(images, dags, name, dag_id)]
    base = f"{BASES}/{profile}"
    below = read_folder(images, base, f"{images.name}/{base}")[0]
    if below is None:
        problems.append(
            Problem(f"{images.name}/{base}", "", "no base", f"the base of every {profile} image", "restore it")
        )
    if problems or below is None:
        raise InputError(problems)
    values = {
        "name": name,
        "dag_id": dag_id,
        "profile": profile,
        "kind": KIND[profile],
        "python": python,
        "package": EXAMPLE,
        "module": EXAMPLE.partition("==")[0],
        "base_image": local_tag(below),
    }
    targets = {images / name / file: f"{file}.jinja" for file in IMAGE_FILES}
    targets |= {dags / path.format(dag_id=dag_id): f"{file}.jinja" for file, path in DAG_FILES.items()}
    templates = Environment(
        loader=PackageLoader("commands", "new_image"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - no HTML, and every value is checked above
    )
    try:
        for path, template in targets.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(templates.get_template(template).render(values))
        return [*targets, *image_locks.lock(images, [name])]
    except BaseException:
        shutil.rmtree(images / name, ignore_errors=True)
        shutil.rmtree(dags / dag_id, ignore_errors=True)
        (dags / f"{dag_id}.yaml").unlink(missing_ok=True)
        raise


def _name_problems(images: Path, dags: Path, name: str, dag_id: str) -> list[Problem]:
    shown_as = f"{images.name}/{name}"
    if "/" in name or not is_image_name(name):
        return [Problem("TYPE", "", shown(name), IMAGE_NAME, "choose another name")]
    taken = [images / name, dags / f"{dag_id}.yaml", dags / f"{dag_id}.py", dags / dag_id]
    problems = [
        Problem(path.as_posix(), "", "there already", "a free name", "choose another name, or remove it")
        for path in taken
        if path.exists()
    ]
    serving = {
        type_: other
        for other in image_folders(images)
        if (folder := read_folder(images, other, other)[0])
        for type_ in folder.dag_types
    }
    if not problems and name in serving:
        found = f"a DAG type that {images.name}/{serving[name]} serves"
        problems.append(Problem(shown_as, "", found, "a type of its own", "choose another name"))
    return problems
