"""``dags adopt``: a DAG file that a team brings, made to run here."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from adoption.adopt import adopt as adopted
from adoption.records import Adoption, Choices, Finding
from commands.failure import told
from commands.stack_files import StackOption, settings_of
from commands.tables import show
from infra.stack_images import read_images
from local import files
from pipelines.errors import InputError, Problem, plain
from pipelines.images import Image
from pipelines.validation import listed, nearest

IMAGE_HELP = "The image type that stands for an image of the file, or for all: TYPE or OLD=TYPE. May be repeated."
COLUMNS = ("line", "found", "becomes", "why")
LEFT_COLUMNS = ("line", "found", "to do")
LONGEST = 2000
STYLES = {"+": "green", "-": "red", "@": "cyan"}

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The DAG file, wherever it is.")]


def adopt(
    file: FileArgument,
    image: Annotated[list[str], typer.Option(metavar="[OLD=]TYPE", help=IMAGE_HELP)] = [],  # noqa: B006 - typer's form
    write: Annotated[bool, typer.Option("--write", help="Change FILE itself.")] = False,
    output: Annotated[Path | None, typer.Option(metavar="PATH", help="Write it there, such as dags/name.py.")] = None,
    keep_store: Annotated[
        bool, typer.Option("--keep-store", help="Leave the endpoint, bucket and Secret that Elyra wrote.")
    ] = False,
    stack: StackOption = "dev",
) -> None:
    """Rewrite a DAG file of Elyra, or a classic one, for this platform and Airflow 3; without --write or --output, show
    what would change.

    Images, pull secrets, namespaces, resources, moved imports, arguments that are no more, commands that
    download when a pod starts: each change is listed with its place and its reason, and so is what is left to
    you. What the rules do not know is not touched. A file with credentials in clear text is refused.
    Nothing of the file runs.

        python -m commands dags adopt old.py --image cost-of-living
        python -m commands dags adopt old.py --image api --output dags/accounts.py
    """
    with told():
        choices = choices_of(read_images(settings_of(stack), stage=False), image, keep_store)
        adoption = adopted(_read(file), plain(str(file)), choices)
        target = file if write else output
        if target:
            _write(target, adoption.content, file)
        _tell(adoption, file)
        typer.echo(_outcome(adoption, target))


def choices_of(images: Sequence[Image], named: Sequence[str] = (), keep_store: bool = False) -> Choices:
    """What the images of a stack, and what was said, stand for. Raises InputError for a type that there is not."""
    types = {type_: image for image in images for type_ in image.dag_types if image.profile == "task"}
    pairs = [(old, type_) for old, _, type_ in (one.rpartition("=") for one in named)]
    if unknown := [
        Problem(
            "--image", "", repr(type_), f"one of {listed(sorted(types))}", nearest(type_, sorted(types)) or "correct it"
        )
        for _, type_ in pairs
        if type_ not in types
    ]:
        raise InputError(unknown)
    return Choices(
        types=tuple(sorted(types)),
        repositories={image.reference.rpartition(":")[0]: type_ for type_, image in types.items()},
        images={old: type_ for old, type_ in pairs if old},
        image=next((type_ for old, type_ in pairs if not old), None),
        keep_store=keep_store,
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise InputError([Problem(plain(str(file)), "", "no such file", "a DAG file", "correct the path")]) from None


def _write(target: Path, content: bytes, source: Path) -> None:
    """Whole or not at all. Raises InputError where another file would be lost."""
    if target.exists() and target.resolve() != source.resolve() and target.read_bytes() != content:
        fix = "name another with --output, or take that one away"
        raise InputError([Problem(plain(str(target)), "", "another file", "no file yet", fix)])
    if target.exists() and target.read_bytes() == content:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    files.write(target.resolve(), content, source.stat().st_mode & 0o777)


def _tell(adoption: Adoption, file: Path) -> None:
    console = Console(highlight=False, soft_wrap=True, file=sys.stdout)
    lines = difflib.unified_diff(
        adoption.before.splitlines(), adoption.after.splitlines(), f"{file}", f"{file} (adopted)", lineterm="", n=2
    )
    for line in lines:
        console.print(Text(plain(line, LONGEST), STYLES.get(line[:1], "")))
    if adoption.changed:
        show(COLUMNS, [_row(one, str(one.becomes), one.why) for one in adoption.changed], "changed")
    if adoption.left:
        show(LEFT_COLUMNS, [_row(one, one.why) for one in adoption.left], "left to you")


def _row(finding: Finding, *others: str) -> tuple[object, ...]:
    return (f"{finding.line}:{finding.column}", *(plain(text) for text in (finding.found, *others)))


def _outcome(adoption: Adoption, target: Path | None) -> str:
    if not adoption.changed:
        return "nothing to change" + (f", {len(adoption.left)} left to you" if adoption.left else "")
    done = f"written to {plain(str(target))}" if target else "nothing written: --write, or --output PATH"
    return f"{len(adoption.changed)} changes, {len(adoption.left)} left to you; {done}"
