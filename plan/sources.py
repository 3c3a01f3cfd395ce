"""What images and DAGs are, for the plan: files, packages, tasks."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.sources import Sources
from pipelines.dag_config import DagConfig
from pipelines.dag_source_code import hand_written_files
from pipelines.image_folder import PROJECT
from pipelines.image_lock import LOCK, parse_lock
from pipelines.image_records import ImageRecord, read_records
from pipelines.image_staging import hashed, members
from pipelines.images import IMAGES, Image
from plan.model import DagPlan, ImagePlan, RecordedBuild, TaskPlan

DIGITS = 16
#: Of [tool.dag-image], what a record has by itself.
BY_ITSELF = frozenset(("profile", "base", "upstream", "platforms", "build-arguments", "build_arguments"))


def images(found: Sources, digests: Mapping[str, str], root: Path) -> dict[str, ImagePlan]:
    """By the image's name; ``digests`` by image type."""
    records = read_records(root)
    return {
        image.name: _image(image, digests, root, records.get(image.name))
        for image in sorted(found.images, key=lambda image: image.name)
    }


def dags(found: Sources, digests: Mapping[str, str]) -> dict[str, DagPlan]:
    """By dag_id; ``digests`` by image type."""
    return {config.dag_id: _dag(config, found, digests) for config in found.dags}


def hand_written(found: Sources) -> dict[str, str]:
    """DAG files written by hand -> sha256."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in hand_written_files(found.dags_folder)}


def _image(image: Image, digests: Mapping[str, str], root: Path, record: ImageRecord | None) -> ImagePlan:
    folder = root / IMAGES / image.name
    lock = folder / LOCK
    packages = parse_lock(lock.read_text(encoding="utf-8")).packages if lock.is_file() else ()
    files = _files(root / image.context, "")
    for name, context in sorted(image.contexts.items()):
        files |= _files(root / context, f"{name}: ")
    return ImagePlan(
        reference=image.reference,
        key=image.key,
        version=image.version,
        profile=image.profile,
        base=image.base,
        upstream=image.upstream,
        platforms=tuple(sorted(image.platforms)),
        build_arguments=dict(sorted(image.build_arguments.items())),
        declared=_declared(folder / PROJECT),
        dag_types=tuple(sorted(image.dag_types)),
        digest=next((digests[type_] for type_ in image.dag_types if type_ in digests), None),
        files=files,
        packages={package.name: package.version for package in packages},
        recorded=RecordedBuild(key=record.key, to_pull=record.to_pull) if record else None,
    )


def _files(context: Path, prefix: str) -> dict[str, str]:
    entries = hashed(context, members(context, context.name))
    return {f"{prefix}{entry.path}": f"{entry.kind} {entry.content.hex()[:DIGITS]}" for entry in entries}


def _declared(project: Path) -> dict[str, Any]:
    table: Mapping[str, Any] = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["dag-image"]
    return {key: table[key] for key in sorted(table) if key not in BY_ITSELF}


def _sources_sha256(config: DagConfig) -> str:
    """Of the DAG's code; of all of it, where tasks have code of their own."""
    if not config.own_sources:
        return config.source.sha256
    every = [f"{folder} {source.sha256}" for folder, source in sorted(config.sources.items())]
    return hashlib.sha256("\n".join(every).encode()).hexdigest()


def _dag(config: DagConfig, found: Sources, digests: Mapping[str, str]) -> DagPlan:
    tasks = {}
    for name, task in config.dag.tasks.items():
        type_ = config.dag.image_of(name)
        image = found.catalog.with_digests({}).images[type_]
        digest = digests.get(type_)
        tasks[name] = TaskPlan(
            kind=task.kind,
            type=type_,
            image=f"{image.reference}@{digest}" if digest else image.reference,
            sha256=hashlib.sha256(task.model_dump_json().encode()).hexdigest(),
        )
    return DagPlan(
        file=config.file,
        schedule=config.dag.schedule,
        sha256=config.sha256,
        source_sha256=_sources_sha256(config),
        tasks=dict(sorted(tasks.items())),
    )
