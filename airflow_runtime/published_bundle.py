"""The published DAG bundle: what ``<prefix>/current`` of the bucket names, or the version that a run was started with.

On disk, below Airflow's folder for the bundle:
    current                 link to the folder being followed; a path that stays, for the paths that Airflow stores
    followed/<version>      what ``current`` points or pointed to; ``followed/none`` is the empty bundle
    versions/<version>      what pinned runs use; Airflow's own clean-up looks there
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow.dag_processing.bundles.base import BaseDagBundle
from airflow.exceptions import AirflowException

from airflow_runtime import brought_along
from airflow_runtime.object_store import DEFAULT_PREFIX, ObjectStore, StoreError, connection_settings
from airflow_runtime.tree import BadArchive, File, read_archive, read_tree, tree_hash, write_tree

log = logging.getLogger(__name__)

VERSION = re.compile(r"[0-9a-f]{64}")
EMPTY = "none"
PARTIAL = ".partial-"
# The processor's loop stands still while it asks; a worker has nothing else to do.
FOLLOWING_ATTEMPTS, PINNED_ATTEMPTS = 2, 5
# The DAG processor parses again what is younger than its last parse. A file that was being parsed at the moment of the
# switch is recorded under the new version with its old content; a time a little ahead has it parsed once more.
SETTLING_SECONDS = 5


class PublishedBundle(BaseDagBundle):
    """Versioned bundle over one bucket; a version is the hash of its content.

    ``aws_conn_id`` names a connection of type aws that is given as the environment variable ``AIRFLOW_CONN_<ID>``.
    Raises AirflowException from ``initialize`` when the bucket cannot be read, a version is gone or its content is not
    what its name says; ``refresh`` logs that, and what was served stays served.
    """

    supports_versioning = True

    def __init__(
        self, *, bucket: str, prefix: str = DEFAULT_PREFIX, aws_conn_id: str = "object_store", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if self.version is not None and not VERSION.fullmatch(self.version):
            raise AirflowException(f"bundle {self.name!r}: {self.version!r} is not a version (64 hexadecimal digits)")
        self._bucket, self._prefix, self._conn_id = bucket, prefix, aws_conn_id
        self._store_in_use: ObjectStore | None = None
        self._followed: str | None = None

    @property
    def path(self) -> Path:
        return self.versions_dir / self.version if self.version else self.base_dir / "current"

    def get_current_version(self) -> str | None:
        # What this object followed last, not what the link says: another process may have moved the link, and the DAG
        # processor must still see the version change.
        return self.version or self._followed

    def initialize(self) -> None:
        try:
            if self.version:
                self._provide(self.version, self.path)
            else:
                self._follow()
        except (StoreError, BadArchive, OSError) as error:
            raise AirflowException(f"bundle {self.name!r}: {error}") from None
        super().initialize()

    def refresh(self) -> None:
        if self.version:
            raise AirflowException(f"bundle {self.name!r}: a pinned version does not change")
        # Nobody but the DAG processor refreshes, in the process that it forks from.
        brought_along.bring()
        try:
            self._follow()
        except (StoreError, BadArchive, OSError) as error:
            log.error("bundle %r stays at %s: %s", self.name, self._followed or "no version", error)

    def _follow(self) -> None:
        wanted = self._pointer()
        link, target = self.path, self.base_dir / "followed" / (wanted or EMPTY)
        if wanted == self._followed and _points(link, target):
            return
        with self.lock():
            if wanted:
                self._provide(wanted, target)
            else:
                target.mkdir(parents=True, exist_ok=True)
            previous = link.resolve()
            if not _points(link, target):
                _touch(target, time.time() + SETTLING_SECONDS)
                _switch(link, target)
            for folder in target.parent.iterdir():
                if folder.resolve() not in (target.resolve(), previous):
                    shutil.rmtree(folder, ignore_errors=True)
        if wanted != self._followed:
            log.info("bundle %r: version %s", self.name, wanted or "none, nothing is published")
        self._followed = wanted

    def _pointer(self) -> str | None:
        content = self._store.get("current")
        if content is None:
            return None
        version = content.decode("ascii", "replace").strip()
        if not VERSION.fullmatch(version):
            address = f"s3://{self._bucket}/{self._store.key('current')}"
            raise BadArchive(f"{address} does not name a version: {version[:80]!r}")
        return version

    def _provide(self, version: str, folder: Path) -> None:
        """Have the version's whole content in the folder. Safe beside other processes and after one that died
        half-way."""
        if _holds(folder, version):
            return
        with self.lock():
            if _holds(folder, version):
                return
            files = self._download(version)
            folder.parent.mkdir(parents=True, exist_ok=True)
            for left_over in folder.parent.glob(f"{PARTIAL}*"):
                shutil.rmtree(left_over, ignore_errors=True)
            partial = folder.parent / f"{PARTIAL}{os.getpid()}"
            write_tree(files, partial)
            if folder.exists():
                folder.rename(folder.parent / f"{PARTIAL}{os.getpid()}-old")
            partial.rename(folder)
            shutil.rmtree(folder.parent / f"{PARTIAL}{os.getpid()}-old", ignore_errors=True)

    def _download(self, version: str) -> dict[str, File]:
        name = f"versions/{version}.tar.gz"
        address = f"s3://{self._bucket}/{self._store.key(name)}"
        data = self._store.get(name)
        if data is None:
            raise BadArchive(
                f"version {version} is gone from the bucket ({address}). Clear the run with the latest version, "
                "or publish that version again"
            )
        try:
            files = read_archive(data)
        except BadArchive as error:
            raise BadArchive(f"{address} is damaged: {error}") from None
        if (found := tree_hash(files)) != version:
            raise BadArchive(f"{address} holds other content than its name says: its hash is {found}")
        return files

    @property
    def _store(self) -> ObjectStore:
        if self._store_in_use is None:
            attempts = PINNED_ATTEMPTS if self.version else FOLLOWING_ATTEMPTS
            self._store_in_use = ObjectStore(self._bucket, self._prefix, connection_settings(self._conn_id), attempts)
        return self._store_in_use


def _holds(folder: Path, version: str) -> bool:
    # Airflow's clean-up of old versions may be half-way through this folder: only its content tells.
    try:
        return tree_hash(read_tree(folder)) == version
    except OSError:
        return False


def _points(link: Path, target: Path) -> bool:
    return link.is_symlink() and target.is_dir() and link.resolve() == target.resolve()


def _touch(folder: Path, moment: float) -> None:
    for path in folder.rglob("*"):
        os.utime(path, (moment, moment))


def _switch(link: Path, target: Path) -> None:
    new = link.with_name(f"{PARTIAL}link-{os.getpid()}")
    with suppress(FileNotFoundError):
        new.unlink()
    new.symlink_to(target.relative_to(link.parent))
    new.replace(link)
