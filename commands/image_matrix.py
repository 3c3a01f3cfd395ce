"""``images matrix``: what a continuous build has to build."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer
import yaml

from commands.failure import told
from commands.stack_files import StackOption, settings_of
from infra.settings import PROJECT, Settings
from infra.stack_images import read_images
from pipelines import image_matrix
from pipelines.errors import InputError, Problem
from pipelines.ignore_rules import FILE as IGNORE_FILE
from pipelines.ignore_rules import IgnoreRules
from pipelines.image_folder import BASES
from pipelines.image_folder import PROJECT as TABLE
from pipelines.image_matrix import Changes, to_json
from pipelines.images import IMAGES

COMMIT_HELP = "Only what differs from this commit: images whose folder, shared folder, base or pinned digest changed."


def matrix(
    changed_since: Annotated[str | None, typer.Option(metavar="COMMIT", help=COMMIT_HELP)] = None,
    stack: StackOption = "dev",
) -> None:
    """Print the images to build as JSON on one line, for `strategy.matrix` of GitHub Actions.

    Each entry has type, context, reference, platforms and the reason for which it is there. Files that .dockerignore
    leaves out of a build are no reason. What is not committed yet counts as changed. Where nothing is to be built,
    `include` is an empty list: a job that uses it must be skipped then.

        python -m commands images matrix
        python -m commands images matrix --changed-since origin/main
    """
    with told():
        settings = settings_of(stack)
        changes = None if changed_since is None else _changes(changed_since, settings, f"Pulumi.{stack}.yaml")
        images = read_images(settings, stage=False)
        typer.echo(to_json(image_matrix.matrix(images, changes)))


def _changes(commit: str, settings: Settings, stack_file: str) -> Changes:
    if not _git("rev-parse", "--quiet", "--verify", "--end-of-options", f"{commit}^{{commit}}"):
        found, expected = repr(commit), "a commit that this clone holds"
        fix = "correct it; in a shallow clone fetch it first (actions/checkout: fetch-depth: 0)"
        raise InputError([Problem("--changed-since", "", found, expected, fix)])
    differing = _git("diff", "--name-only", "--no-renames", "-z", commit, "--", ".") or ""
    unknown = _git("ls-files", "--others", "--exclude-standard", "-z", "--", str(IMAGES)) or ""
    paths = tuple(_counting(path for path in f"{differing}{unknown}".split("\0") if path))
    before = _digests(_git("show", f"{commit}:./{stack_file}") or "")
    now = settings.images.base_digests
    pins = frozenset(name for name in {*before, *now} if before.get(name) != now.get(name))
    return Changes(paths, pins, stack_file)


def _counting(paths: Iterator[str]) -> Iterator[str]:
    """Without what .dockerignore of the folder leaves out; that file itself and the table count in any case."""
    rules: dict[PurePosixPath, IgnoreRules] = {}
    for text in paths:
        path = PurePosixPath(text)
        folder = _image_folder(path)
        if folder is None:
            yield text
            continue
        if folder not in rules:
            file = Path(folder) / IGNORE_FILE
            rules[folder] = IgnoreRules(file.read_text(errors="replace") if file.is_file() else "")
        within = str(path.relative_to(folder))
        if within in (TABLE, IGNORE_FILE) or not rules[folder].ignores(within):
            yield text


def _image_folder(path: PurePosixPath) -> PurePosixPath | None:
    """``images/x`` or ``images/bases/x`` of a path below it."""
    parts = path.parts
    depth = 3 if parts[:2] == (str(IMAGES), BASES) else 2
    return PurePosixPath(*parts[:depth]) if parts[:1] == (str(IMAGES),) and len(parts) > depth else None


def _digests(text: str) -> dict[str, str]:
    """``images.baseDigests`` of a stack file of another commit; whatever else it is, it pins nothing."""
    try:
        document = yaml.safe_load(text)
        return dict(document["config"][f"{PROJECT}:images"]["baseDigests"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        return {}


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None
