"""A tree of files as a value: read from a folder, hashed by its content, packed into an archive.

The hash is of paths, execute bits and bytes, never of the archive: gzip's output differs between versions of zlib. The
same rule stands in ``airflow_runtime.tree`` and in the task base's entry point, which cannot import this module; a test
compares them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pipelines.errors import InputError, Problem
from pipelines.image_staging import members

SCHEMA = b"de-airflow-pipeline tree 1\n"


class File(NamedTuple):
    executable: bool
    content: bytes


def read_tree(folder: Path, shown_as: str) -> dict[str, File]:
    """The files below a folder by posix path, without caches and bytecode.

    Raises InputError for links, and for names that no archive of ours may hold.
    """
    found = members(folder, shown_as)
    problems = [
        Problem(f"{shown_as}/{member.path}", "", "a link", "files: a link would not be published", "copy the file")
        for member in found
        if member.kind == "link"
    ]
    problems += [
        Problem(f"{shown_as}/{member.path}", "", "a backslash in a name", "a plain name", "rename it")
        for member in found
        if "\\" in member.path
    ]
    if problems:
        raise InputError(problems)
    return {member.path: File(member.kind == "executable", (folder / member.path).read_bytes()) for member in found}


def tree_hash(files: Mapping[str, File]) -> str:
    """Sixty-four hexadecimal digits over ``posix path -> file``."""
    digest = hashlib.sha256(SCHEMA)
    for path in sorted(files, key=str.encode):
        name, (executable, content) = path.encode(), files[path]
        digest.update(b"%s %d %d\n" % (b"x" if executable else b"-", len(name), len(content)))
        digest.update(name)
        digest.update(content)
    return digest.hexdigest()


def pack_files(files: Mapping[str, File]) -> bytes:
    """A gzipped tar of the files: sorted, no owner, no time, modes 0644 and 0755."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(files, key=str.encode):
            member = tarfile.TarInfo(path)
            member.mode = 0o755 if files[path].executable else 0o644
            member.size = len(files[path].content)
            archive.addfile(member, io.BytesIO(files[path].content))
    return buffer.getvalue()
