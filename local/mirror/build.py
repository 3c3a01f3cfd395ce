"""Building what is missing of the stand-ins, as BuildKit does it, into the mirror."""

from __future__ import annotations

import concurrent.futures
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import uv

from local import containers, toolchain
from local.image_registry import mirrored
from local.machine import Machine
from local.mirror import rootfs
from local.mirror.recipes import ANACONDA, AT_REQUEST, FOLDER, PYTHON, RECIPES, SHARED, Recipe, keys
from local.progress import Progress
from local.waiting import GaveUp
from registry.client import Registry
from registry.stand_ins import LABEL as STAND_IN_LABEL

PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
#: Programs of the toolchain that stand-ins hold.
COMPILED = frozenset({"mc", "minio", "statsd_exporter"})
# The mirror is on this machine: a faster build is worth more than a smaller layer.
COMPRESSION = "compression=gzip,compression-level=2"


@dataclass(frozen=True)
class Work:
    """What every build of one run shares."""

    machine: Machine
    keys: Mapping[str, str]
    rootfs: Path
    #: The recipes' folders, and uv beside them.
    sources: Path
    #: The prefix of an interpreter, for the recipe that takes one.
    python: Path | None = None

    def name(self, reference: str) -> str:
        return mirrored(self.machine, reference)


def ensure_rootfs(machine: Machine, progress: Progress) -> Path:
    """The root file system under the stand-ins; it needs nothing of the platform and may be built beside it."""
    return _rootfs(machine, rootfs.surroundings(), progress)


def ensure_mirror(machine: Machine, progress: Progress, images: Collection[str] = ()) -> None:
    """Build and push every stand-in that the mirror does not hold in its present form.

    ``images`` are the references that a stack's pods run: those that are built at request are built for them. Needs
    BuildKit and the mirror up, and the toolchain complete. Raises GaveUp with the last lines of a build that failed.
    """
    asked = [recipe for recipe in AT_REQUEST if recipe.reference in images]
    programs = {name for recipe in asked for name in recipe.tools}
    toolchain.ensure(machine.cache, progress, [toolchain.builder_of(name) for name in sorted(programs)])
    _ensure(machine, progress, (*RECIPES, *asked))


def ensure_anaconda(machine: Machine, progress: Progress, python: Path, version: str) -> None:
    """As ``ensure_mirror``, for the one that no platform needs.

    ``python`` is the prefix of an interpreter that may be copied whole, ``version`` all that it says of itself.
    """
    _ensure(machine, progress, (*RECIPES, ANACONDA), {PYTHON: f"{python} {version}"}, python)


def _ensure(
    machine: Machine,
    progress: Progress,
    recipes: Sequence[Recipe],
    tools: Mapping[str, str] = MappingProxyType({}),
    python: Path | None = None,
) -> None:
    found = rootfs.surroundings()
    target = machine.cache / "mirror" / f"rootfs-{found.key()}.tar"
    with tempfile.TemporaryDirectory() as folder:
        work = Work(machine, keys(found.key(), {**_tools(), **tools}, recipes), target, Path(folder), python)
        missing = [recipe for recipe in recipes if not _is_there(work, recipe)]
        if not missing:
            return
        if any(recipe.base is None for recipe in missing):
            _rootfs(machine, found, progress)
        stage(work.sources)
        _build_in_order(work, missing, progress)


def stage(target: Path) -> None:
    """Copy the recipes, and uv, to ``target`` as every user of a build can read them: those of a clone that was made
    under umask 077 are its owner's alone."""
    shutil.copytree(FOLDER, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    (target / "uv").mkdir()
    shutil.copy(uv.find_uv_bin(), target / "uv" / "uv")
    for path in target.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _tools() -> dict[str, str]:
    return {
        "uv": importlib.metadata.version("uv"),
        **{name: toolchain.key(toolchain.builder_of(name)) for name in COMPILED},
    }


def _is_there(work: Work, recipe: Recipe) -> bool:
    """Whether the upstream tag and the tag of the key name one image: two HEAD requests."""
    with Registry(work.machine.mirror) as mirror:
        wanted = mirror.digest(work.name(recipe.tagged(work.keys[recipe.folder])))
        return wanted is not None and wanted == mirror.digest(work.name(recipe.reference))


def _rootfs(machine: Machine, found: rootfs.Surroundings, progress: Progress) -> Path:
    target = machine.cache / "mirror" / f"rootfs-{found.key()}.tar"
    if not target.exists():
        progress.say(f"debian {rootfs.SUITE}: unpacking packages")
        rootfs.build(target, found)
    return target


def _build_in_order(work: Work, missing: list[Recipe], progress: Progress) -> None:
    """All builds at once, each after its base; the first failure ends the rest before they begin."""
    done = {recipe.folder: threading.Event() for recipe in missing}
    failed = threading.Event()

    def build(recipe: Recipe) -> None:
        try:
            if recipe.base in done:
                done[recipe.base].wait()
            if not failed.is_set():
                began = time.monotonic()
                _build(work, recipe)
                # Its tag names another image now, which a node that has the tag would never look for.
                containers.forget_image(
                    work.machine, work.name(recipe.reference).removeprefix(f"{work.machine.mirror}/")
                )
                progress.say(f"{recipe.reference}: stand-in built in {time.monotonic() - began:.0f} s")
        except BaseException:
            failed.set()
            raise
        finally:
            done[recipe.folder].set()

    with concurrent.futures.ThreadPoolExecutor(len(missing)) as pool:
        futures = [pool.submit(build, recipe) for recipe in missing]
        for future in concurrent.futures.as_completed(futures):
            future.result()


def _build(work: Work, recipe: Recipe) -> None:
    process = subprocess.run(
        list(command(work, recipe)),
        env={**os.environ, **work.machine.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if process.returncode != 0:
        last = process.stdout.splitlines()[-20:]
        raise GaveUp("\n".join((f"the stand-in of {recipe.reference} did not build:", *last)))


def command(work: Work, recipe: Recipe) -> Iterator[str]:
    """The ``buildctl`` command that builds and pushes one stand-in, under its real tag and under its key."""
    names = ",".join(work.name(name) for name in (recipe.reference, recipe.tagged(work.keys[recipe.folder])))
    yield from (str(work.machine.tool("buildctl")), "--addr", work.machine.buildkit_address, "build")
    yield from ("--progress", "plain", "--frontend", "dockerfile.v0")
    source = work.sources / recipe.folder
    yield from ("--local", f"dockerfile={source}")
    yield from ("--local", f"context={work.rootfs.parent if recipe.base is None else source}")
    for name, folder in _contexts(work, recipe).items():
        yield from ("--local", f"{name}={folder}", "--opt", f"context:{name}=local:{name}")
    for name, value in _arguments(work, recipe).items():
        yield from ("--opt", f"build-arg:{name}={value}")
    yield from ("--opt", f"label:{STAND_IN_LABEL}=true")
    yield "--output"
    yield (
        f'type=image,"name={names}",push=true,registry.insecure=true,'
        f"oci-mediatypes=true,rewrite-timestamp=true,{COMPRESSION}"
    )


def _contexts(work: Work, recipe: Recipe) -> dict[str, Path]:
    contexts = {"shared": work.sources / SHARED.name}
    if "uv" in recipe.tools:
        contexts["uv"] = work.sources / "uv"
    for name in COMPILED & set(recipe.tools):
        contexts["toolchain"] = work.machine.tool(name).parent
    if PYTHON in recipe.tools and work.python:
        contexts["python"] = work.python
    return contexts


def _arguments(work: Work, recipe: Recipe) -> dict[str, str]:
    arguments = {"SOURCE_DATE_EPOCH": rootfs.SOURCE_DATE_EPOCH}
    arguments |= {name: rootfs.without_log_in(name, os.environ[name]) for name in PROXIES if os.environ.get(name)}
    if recipe.base is None:
        arguments["ROOTFS"] = work.rootfs.name
    return arguments
