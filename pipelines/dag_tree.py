"""The tree that a publication puts before Airflow, and its archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.catalog import Catalog
from pipelines.dag_code import dag_source
from pipelines.dag_config import DagConfig
from pipelines.dag_source_code import hand_written_files
from pipelines.errors import InputError, Problem
from pipelines.file_tree import File, pack_files, tree_hash
from pipelines.pod_templates import pod_templates
from pipelines.published_paths import SOURCES

__all__ = ["MAXIMUM_BYTES", "PublishedTree", "pack", "published_tree", "tree_hash"]

# An object of the Kubernetes API may have 1 MiB (etcd's request limit is 1.5 MiB); base64 is not counted: the archive
# goes into binaryData, which the API server measures decoded.
MAXIMUM_BYTES = 900 * 1024
# What the publication Job and the DAG processor refuse to unpack: airflow_runtime.tree has the same numbers.
MAXIMUM_FILES = 10_000
MAXIMUM_UNPACKED_BYTES = 100 * 1024 * 1024
CATALOG = "images.json"
IGNORED = ".airflowignore"


@dataclass(frozen=True)
class PublishedTree:
    """``files`` by posix path, ``sources`` archives by the hash of their content, ``version`` the hash of the files."""

    files: Mapping[str, bytes]
    executables: frozenset[str]
    sources: Mapping[str, bytes]
    version: str


def published_tree(dags: Sequence[DagConfig], catalog: Catalog, root: Path) -> PublishedTree:
    """Generated files, hand-written ``root/*.py``, source folders, pod templates and the catalog."""
    tree = {f"{config.dag_id}.py": File(False, dag_source(config, catalog).encode()) for config in dags}
    tree |= {path.name: File(False, path.read_bytes()) for path in hand_written_files(root)}
    tree[CATALOG] = File(False, catalog.to_json().encode())
    tree |= {path: File(False, text) for path, text in pod_templates(catalog).items()}
    # Airflow reads glob patterns here by default; both of its syntaxes read this line alike.
    tree[IGNORED] = File(False, f"{SOURCES}/\n".encode())
    for config in dags:
        for folder, source in config.sources.items():
            tree |= {f"{SOURCES}/{folder}/{path}": file for path, file in source.files.items()}
    named = {source.sha256: source.files for config in dags for source in config.sources.values()}
    sources = {sha256: pack_files(files) for sha256, files in named.items()}
    return PublishedTree(
        files={path: tree[path].content for path in sorted(tree)},
        executables=frozenset(path for path, file in tree.items() if file.executable),
        sources=dict(sorted(sources.items())),
        version=tree_hash(tree),
    )


def pack(tree: PublishedTree) -> bytes:
    """The archive of a publication: ``tree/<path>`` and ``sources/<sha256>.tar.gz``.

    Raises InputError when it does not fit into the one ConfigMap that carries it, or would not be unpacked.
    """
    files = {f"tree/{path}": File(path in tree.executables, content) for path, content in tree.files.items()}
    files |= {f"{SOURCES}/{digest}.tar.gz": File(False, content) for digest, content in tree.sources.items()}
    archive = pack_files(files)
    # gzip's last four bytes are the size unpacked, less any multiple of 4 GiB.
    unpacked = max(int.from_bytes(archive[-4:], "little"), sum(len(file.content) for file in files.values()))
    largest = sorted(tree.files, key=lambda path: len(tree.files[path]), reverse=True)[:3]
    smaller = f"move data out of the source folders into the bucket; the largest files are {', '.join(largest)}"
    fewer = "move data out of the source folders into the bucket"
    limits = (
        (len(archive), MAXIMUM_BYTES, "bytes", ", compressed: a publication is one ConfigMap", smaller),
        (unpacked, MAXIMUM_UNPACKED_BYTES, "bytes", ", unpacked", smaller),
        (len(files), MAXIMUM_FILES, "files", ": Airflow unpacks no more", fewer),
    )
    problems = [
        Problem("dags", "", f"{found} {unit}", f"at most {most} {unit}{why}", fix)
        for found, most, unit, why, fix in limits
        if found > most
    ]
    if problems:
        raise InputError(problems)
    return archive
