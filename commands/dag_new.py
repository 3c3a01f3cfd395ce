"""``dags new``: a DAG config that builds and passes every check as it is."""

from __future__ import annotations

import keyword
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from jinja2 import Environment, PackageLoader, StrictUndefined

from commands.failure import told
from commands.stack_files import StackOption, settings_of
from infra import sources
from pipelines.catalog import CatalogImage
from pipelines.dag_config import DAGS, check_dags
from pipelines.errors import InputError, Problem
from pipelines.validation import listed, nearest, shown

DAG_ID = "[a-z][a-z0-9]*(_[a-z0-9]+)*"
LONGEST = 63
KIND = {"task": "pod", "worker": "python"}
FILES = {"dag.yaml": "{dag_id}.yaml", "tasks.py": "{dag_id}/tasks.py"}


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The DAG's id: small letters, digits, underscores.")],
    image: Annotated[
        str | None, typer.Option(help="Image type; if not given, that of the DAG's name, or the first for pods.")
    ] = None,
    stack: StackOption = "dev",
) -> None:
    """Write dags/NAME.yaml and dags/NAME/tasks.py: a DAG that builds and passes check, to be changed.

    It has one task, no schedule, and the line by which editors complete and check it. Nothing that is
    there is touched. `images new` writes an image type and its DAG together.

        python -m commands dags new rent_index
        python -m commands dags new rent_index --image lakehouse
        python -m commands dags check
    """
    with told():
        settings = settings_of(stack)
        found, _ = sources.load_good(settings)
        images = {type_: one for type_, one in found.catalog.images.items() if one.profile in KIND}
        chosen = _image(name, image, images)
        paths = write(DAGS, name, images[chosen])
        problems = [
            problem
            for problem in check_dags(DAGS, found.catalog, sources.provision(settings)).problems
            if problem.file.startswith(paths[0].as_posix())
        ]
        if problems:
            raise InputError(problems, "the files were written")
        for path in paths:
            typer.echo(path.as_posix())
        others = listed([type_ for type_ in images if type_ != chosen])
        hint = f" (--image takes another: {others})" if image is None and others else ""
        typer.echo(f"image: {chosen}{hint}; next: python -m commands dags check, then make up")


def write(dags: Path, dag_id: str, image: CatalogImage) -> list[Path]:
    """The paths written. Raises InputError, and writes nothing, for a name that is taken or no DAG's."""
    if problems := _name_problems(dags, dag_id):
        raise InputError(problems)
    templates = Environment(
        loader=PackageLoader("commands", "new_dag"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - no HTML, and every value is checked above
    )
    values = {"dag_id": dag_id, "image": image.type, "kind": KIND[image.profile]}
    targets = {dags / path.format(dag_id=dag_id): f"{file}.jinja" for file, path in FILES.items()}
    try:
        for path, template in targets.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(templates.get_template(template).render(values))
    except BaseException:
        shutil.rmtree(dags / dag_id, ignore_errors=True)
        (dags / f"{dag_id}.yaml").unlink(missing_ok=True)
        raise
    return list(targets)


def _image(dag_id: str, wanted: str | None, images: Mapping[str, CatalogImage]) -> str:
    """The image type asked for; of none asked for, the DAG's namesake or the first for pods."""
    if not images:
        fix = "python -m commands images new TYPE writes an image type and its DAG"
        raise InputError([Problem("images", "", "no image type", "one that tasks can run in", fix)])
    if wanted is not None and wanted not in images:
        fix = nearest(wanted, list(images)) or "name one of these"
        raise InputError([Problem("--image", "", shown(wanted), f"one of {listed(list(images))}", fix)])
    pods = [type_ for type_, one in images.items() if one.profile == "task"]
    namesake = dag_id.replace("_", "-")
    return wanted or (namesake if namesake in images else [*pods, *images][0])


def _name_problems(dags: Path, dag_id: str) -> list[Problem]:
    if not re.fullmatch(DAG_ID, dag_id) or len(dag_id) > LONGEST or keyword.iskeyword(dag_id):
        expected = f"a letter, then small letters, digits and single underscores, at most {LONGEST}"
        suggested = re.sub("[^a-z0-9]+", "_", dag_id.lower()).strip("_")
        is_better = re.fullmatch(DAG_ID, suggested) and suggested != dag_id and len(suggested) <= LONGEST
        fix = f"did you mean {suggested!r}?" if is_better else "choose another name"
        return [Problem("NAME", "", shown(dag_id), expected, fix)]
    taken = [dags / f"{dag_id}{ending}" for ending in (".yaml", ".yml", ".py", "")]
    return [
        Problem(path.as_posix(), "", "there already", "a free name", "choose another name, or remove it")
        for path in taken
        if path.exists() or path.is_symlink()
    ]
