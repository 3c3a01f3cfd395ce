"""``dags build``: the tree that a publication holds, written where one can look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from commands.failure import told
from commands.stack_files import StackOption, settings_of
from infra import sources
from infra.sources import Sources
from pipelines.dag_tree import pack
from pipelines.errors import UNCHANGED, InputError

BUILT = Path("build") / "dags"


@dataclass(frozen=True)
class Written:
    """Paths that changed, paths that went, and how many stayed as they were."""

    changed: tuple[Path, ...]
    removed: tuple[Path, ...]
    unchanged: int


def build(stack: StackOption = "dev") -> None:
    """Write what a publication holds to build/dags: generated DAG files, hand-written ones, task sources.

    Only files whose content changes are written. A config with a mistake is reported, with file, line
    and column, and left out; the others are built all the same, and the exit code is 1. `make up` and
    `pulumi up` publish nothing as long as one is wrong. Image references stand in the files without
    digests: those are known when the images are built.

        python -m commands dags build
    """
    with told():
        found, checked = sources.load_good(settings_of(stack))
        tree = found.tree({})
        if not checked.problems:
            pack(tree)
        if found.dags or not checked.problems:
            broken = {Path(file).name for file in checked.broken}
            _tell(found, write(BUILT, {path: content for path, content in tree.files.items() if path not in broken}))
        if checked.problems:
            raise InputError(checked.problems, outcome(len(checked.dags)))


def outcome(right: int) -> str:
    """What became of the DAGs that are right, where others are not."""
    return UNCHANGED if right == 0 else f"the other {right} DAGs were built" if right > 1 else "the other DAG was built"


def _tell(found: Sources, written: Written) -> None:
    for path in written.changed:
        typer.echo(path.as_posix())
    typer.echo(
        f"{len(found.dags)} DAGs in {BUILT.as_posix()}: {len(written.changed)} files written,"
        f" {written.unchanged} as they were, {len(written.removed)} removed"
    )


def write(folder: Path, files: Mapping[str, bytes]) -> Written:
    """Make ``folder`` hold these files, by posix path, and no others; what is right already is not touched."""
    wanted = {folder / name: content for name, content in files.items()}
    there = {path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()} if folder.is_dir() else set()
    removed = sorted(there - wanted.keys())
    for path in removed:
        path.unlink()
    changed = []
    for path, content in wanted.items():
        if path in there and not path.is_symlink() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        changed.append(path)
    for empty in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(empty.iterdir()):
            empty.rmdir()
    return Written(tuple(changed), tuple(removed), len(wanted) - len(changed))
