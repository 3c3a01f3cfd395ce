"""``stacks gc``: images in a stack's registry that no stack, no version to roll back to and no running pod needs."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from lightkube import Client
from lightkube.resources.core_v1 import Pod

from commands.failure import told
from commands.stack_clusters import cluster_of
from commands.stack_files import settings_of
from commands.stack_promotion import opened
from commands.tables import show
from infra import names, promotion
from infra.promotion import Promotion
from infra.settings import Settings
from infra.settings_source import read_stack_file
from infra.stack_images import read_images
from local.bucket import Bucket
from local.machine import Machine
from local.progress import Progress
from pipelines.dag_tree import CATALOG
from pipelines.errors import InputError, Problem
from registry.contents import Contents
from registry.garbage import Unreached, unreached
from registry.reference import Reference


def collect(
    stack: Annotated[str, typer.Argument(help="Whose registry is looked through, and whose cluster is asked.")],
    delete: Annotated[bool, typer.Option("--delete", help="Delete what is listed, after a question.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    commits: Annotated[int, typer.Option(min=1, help="Promotions of how many commits stay.")] = 50,
) -> None:
    """List the images in the registry of a stack that nothing needs any more; nothing is deleted without --delete.

    Kept are: what this checkout makes, for every stack of the same registry; what promotions/ names, now and in the
    last commits; what the published versions in the bucket name, which runs in flight and a roll-back pull; and what
    pods run. An index keeps its platforms, an image its signatures and attestations. Without an answer of cluster and
    bucket nothing is listed. The disk is freed by the registry's own garbage collection.

        python -m commands stacks gc staging
    """
    with told():
        machine, root, progress = Machine.here(), Path(), Progress()
        settings = settings_of(stack)
        with progress.step("what is needed"):
            alike = list(_sharing(root, settings))
            kept = {*_of_checkout(alike, root), *_promoted(root, commits)}
            for sharing in alike:
                progress.doing(f"cluster {sharing.kubernetes.context}")
                client = cluster_of(machine, sharing)
                kept |= {*_running(client), *_published(client, sharing)}
        with opened(machine, settings) as contents, progress.step("what is there"):
            found = garbage(contents, _prefix(settings), kept)
            if not found:
                typer.echo("nothing: every image in the registry is needed")
                return
            show(("Repository", "Digest", "Tags", "MB"), map(_row, found))
            typer.echo(f"{len(found)} manifests, {sum(one.size for one in found) / 1e6:.1f} MB that nothing else has")
        if delete and (yes or typer.confirm("Delete them? There is no way back.")):
            with opened(machine, settings) as contents, progress.step("delete"):
                for one in found:
                    contents.delete(one.repository, one.digest)


def garbage(contents: Contents, prefix: str, kept: Iterable[str]) -> tuple[Unreached, ...]:
    """What no reference reaches, in all repositories whose names start so. Raises RegistryError."""
    roots: dict[str, set[str]] = {}
    for reference in kept:
        parsed = Reference.parse(reference)
        if parsed.server == contents.server:
            # Of reference@digest both: the tag may have moved.
            roots.setdefault(parsed.repository, set()).update(filter(None, (parsed.tag, parsed.digest)))
    repositories = contents.repositories(prefix)
    return tuple(one for name in repositories for one in unreached(contents, name, roots.get(name, set())))


def images_of(archive: bytes) -> Iterator[str]:
    """References in a published version: of its catalog, each with its digest."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:*") as tar:
        member = tar.extractfile(CATALOG)
        document: dict[str, Any] = json.load(member) if member else {}
    for image in document.get("images", {}).values():
        yield f"{image['reference']}@{image['digest']}" if image.get("digest") else image["reference"]


def _row(one: Unreached) -> tuple[str, ...]:
    return one.repository, one.digest[:19], ", ".join(one.tags) or "part of an index", f"{one.size / 1e6:.1f}"


def _prefix(settings: Settings) -> str:
    return f"{settings.registry.owner}/{settings.registry.prefix}-"


def _sharing(root: Path, settings: Settings) -> Iterator[Settings]:
    """The stacks with this registry. Of another, nothing is read but where its images are: it may be an example yet."""
    for path in sorted(root.glob("Pulumi.*.yaml")):
        registry = read_stack_file(path).get("registry")
        place = (registry.get("server"), registry.get("owner")) if isinstance(registry, dict) else None
        if place == (settings.registry.server, settings.registry.owner):
            yield settings_of(path.name.removeprefix("Pulumi.").removesuffix(".yaml"))


def _of_checkout(alike: Iterable[Settings], root: Path) -> Iterator[str]:
    for settings in alike:
        for image in read_images(settings, root, stage=False):
            yield from (image.reference, image.alias)


def _promoted(root: Path, commits: int) -> Iterator[str]:
    """References of the promotions in the folder, and of those that it had in the last commits."""
    _check_history(root)
    texts = [path.read_text(encoding="utf-8") for path in sorted((root / promotion.FOLDER).glob("*.yaml"))]
    folder = promotion.FOLDER.as_posix()
    history = _git(root, "log", f"--max-count={commits}", "--format=%H", "--", folder).split()
    for commit in history:
        for file in _git(root, "ls-tree", "-r", "--name-only", commit, "--", folder).splitlines():
            texts.append(_git(root, "show", f"{commit}:{file}"))
    for text in texts:
        for image in Promotion.model_validate(yaml.safe_load(text)).images.values():
            yield f"{image.reference}@{image.digest}"


def _check_history(root: Path) -> None:
    done = subprocess.run(
        ["git", "rev-parse", "--is-shallow-repository"], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode or done.stdout.strip() == "true":
        found = "a shallow clone" if not done.returncode else "no clone"
        expected = "a clone with its history, which names what was promoted before"
        raise InputError([Problem(root.resolve().as_posix(), "", found, expected, "git fetch --unshallow")])


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


def _running(client: Client) -> Iterator[str]:
    """What pods of any namespace run or are about to run, by name and by the digest that the node pulled."""
    live: Iterable[Any] = client.list(Pod, namespace="*")
    for pod in live:
        for container in (*(pod.spec.initContainers or ()), *pod.spec.containers):
            yield container.image
        status = pod.status
        for state in (*(status.initContainerStatuses or ()), *(status.containerStatuses or ())) if status else ():
            if "@sha256:" in (state.imageID or ""):
                yield state.imageID


def _published(client: Client, settings: Settings) -> Iterator[str]:
    bucket = Bucket(client, settings)
    for key in bucket.keys(f"{names.DAGS_PREFIX}/versions/"):
        yield from images_of(bucket.get(key))
