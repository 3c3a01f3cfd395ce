"""Publish one tree of DAG files: its task sources, the version, then the pointer; then remove what is too old.

Run by the publication Job as ``python -m airflow_runtime.publish``. Everything comes from the environment:
    PUBLICATION_VERSION             hash of the tree in the archive
    PUBLICATION_ARCHIVE             default /publication/tree.tar.gz; members tree/<path>, sources/<hash>.tar.gz
    OBJECT_STORE_BUCKET             and PUBLICATION_PREFIX, default DEFAULT_PREFIX
    AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
    AIRFLOW_METADATA_CONNECTION     SQLAlchemy URL; without it, or when it fails, nothing is removed
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from airflow_runtime.object_store import DEFAULT_PREFIX, ObjectStore, StoreError, environment_settings
from airflow_runtime.retention import sources_to_remove, versions_to_remove
from airflow_runtime.tree import BadArchive, File, pack, read_archive, tree_hash

ATTEMPTS = 5
SUFFIX = ".tar.gz"
OBJECT = re.compile(r"([0-9a-f]{64})\.tar\.gz")
SOURCE_ADDRESS = re.compile(rb"sources/([0-9a-f]{64})\.tar\.gz")
UNFINISHED_RUNS = """
SELECT DISTINCT bundle_version FROM dag_run WHERE state IN ('queued', 'running') AND bundle_version IS NOT NULL
"""


class Refused(Exception):  # noqa: N818 - it is what happened
    """What was to be published is not what it should be; nothing was switched."""


@dataclass(frozen=True)
class Publication:
    version: str
    tree: Mapping[str, File]
    sources: Mapping[str, bytes]


def load(archive: bytes, version: str) -> Publication:
    """Check an archive against the version it should hold. Raises Refused."""
    try:
        files = read_archive(archive)
        tree = {path.removeprefix("tree/"): file for path, file in files.items() if path.startswith("tree/")}
        sources = {
            path.removeprefix("sources/").removesuffix(SUFFIX): file.content
            for path, file in files.items()
            if path.startswith("sources/")
        }
        for name, content in sources.items():
            if (found := tree_hash(read_archive(content))) != name:
                raise Refused(f"source {name} holds other content: its hash is {found}")
    except BadArchive as error:
        raise Refused(f"the archive to publish is damaged: {error}") from None
    if (found := tree_hash(tree)) != version:
        raise Refused(f"the archive holds version {found}, PUBLICATION_VERSION says {version!r}")
    if missing := sorted(referred_sources(tree) - sources.keys()):
        raise Refused(f"the DAG files refer to sources that the archive does not hold: {', '.join(missing)}")
    return Publication(version, tree, sources)


def referred_sources(tree: Mapping[str, File]) -> set[str]:
    """Hashes of the task sources whose address stands in a version's DAG files."""
    return {
        found.decode()
        for path, file in tree.items()
        if path.endswith((".py", ".json"))
        for found in SOURCE_ADDRESS.findall(file.content)
    }


def publish(publication: Publication, store: ObjectStore) -> None:
    """Write sources, version and pointer, in that order. Raises StoreError; until the last PUT nothing has changed for
    Airflow.

    All is written even where it is there already: that mends a damaged object, and makes it too young to be removed by
    another publication that looks at it afterwards.
    """
    for name, content in sorted(publication.sources.items()):
        store.put(f"sources/{name}{SUFFIX}", content)
    say(f"{len(publication.sources)} task sources")
    store.put(f"versions/{publication.version}{SUFFIX}", pack(publication.tree))
    say(f"version {publication.version}: {len(publication.tree)} files")
    before = _current(store) or "nothing"
    store.put("current", f"{publication.version}\n".encode())
    say("current: unchanged" if before == publication.version else f"current: was {before[:64]}")


def remove_old(store: ObjectStore, named_by_runs: set[str]) -> None:
    """Remove versions past retention, then the sources no kept version refers to. Raises StoreError.

    While a kept version cannot be read, no source is removed. Of a publication at the same time nothing is removed, but
    for what it writes again between the last look at an object and its removal, which are two requests.
    """
    # The store's own clock.
    now = store.listing("")["current"]

    def old_versions() -> tuple[str, ...]:
        return versions_to_remove(_written(store, "versions"), _current(store), named_by_runs, now)

    gone = _remove(store, "versions", old_versions)
    kept = _written(store, "versions").keys()
    referred, damaged = _referred_by(store, kept)
    removed = f"retention: {len(kept)} versions kept; removed {gone} versions"
    if damaged:
        say(f"{removed}, no task sources: what these versions refer to cannot be told: {'; '.join(damaged)}")
        return
    unused = _remove(store, "sources", lambda: sources_to_remove(_written(store, "sources"), referred, now))
    say(f"{removed}, {unused} task sources")


def versions_of_unfinished_runs(url: str) -> set[str] | None:
    """Versions that a queued or running DAG run was started with; None when the database cannot tell, and why is
    printed."""
    if not url:
        say("retention: nothing removed, no metadata database was given to ask for unfinished runs")
        return None
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            return {row[0] for row in connection.execute(text(UNFINISHED_RUNS))}
    # A driver that is missing is as good a reason to keep everything as a database that is down.
    except (SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
        say(f"retention: nothing removed, the metadata database could not be asked: {_without_password(reason, url)}")
        return None


def say(text: str) -> None:
    print(text, flush=True)


def main(environment: Mapping[str, str] = os.environ) -> int:
    """The Job. 0 when ``current`` names the version; 1 with one line that says why not."""
    try:
        bucket, version = _required(environment, "OBJECT_STORE_BUCKET"), _required(environment, "PUBLICATION_VERSION")
        archive = Path(environment.get("PUBLICATION_ARCHIVE", "/publication/tree.tar.gz"))
        publication = load(archive.read_bytes(), version)
        prefix = environment.get("PUBLICATION_PREFIX", DEFAULT_PREFIX)
        store = ObjectStore(bucket, prefix, environment_settings(environment), ATTEMPTS)
        say(f"publishing to s3://{bucket}/{prefix}")
        publish(publication, store)
    except (Refused, StoreError, OSError) as error:
        print(f"not published: {error}", file=sys.stderr, flush=True)
        return 1
    named = versions_of_unfinished_runs(environment.get("AIRFLOW_METADATA_CONNECTION", ""))
    if named is not None:
        try:
            remove_old(store, named)
        except StoreError as error:
            # What is too old can go the next time; the publication stands.
            say(f"retention: stopped, {error}")
    return 0


def _remove(store: ObjectStore, folder: str, removable: Callable[[], tuple[str, ...]]) -> int:
    """How many went. ``removable`` looks into the bucket, and does so again before each removal: another publication
    may have written the object meanwhile."""
    gone = 0
    for name in removable():
        if name in removable():
            store.delete(f"{folder}/{name}{SUFFIX}")
            gone += 1
    return gone


def _referred_by(store: ObjectStore, versions: Collection[str]) -> tuple[set[str], list[str]]:
    """The sources that versions refer to, and which versions cannot be read, with the reason."""
    referred: set[str] = set()
    damaged = []
    for version in sorted(versions):
        content = store.get(f"versions/{version}{SUFFIX}")
        # Another publication's retention removed it.
        if content is None:
            continue
        try:
            referred |= referred_sources(read_archive(content))
        except BadArchive as error:
            damaged.append(f"{version} is damaged, {error}")
    return referred, damaged


def _current(store: ObjectStore) -> str:
    return (store.get("current") or b"").decode("ascii", "replace").strip()


def _written(store: ObjectStore, folder: str) -> dict[str, datetime]:
    found = ((OBJECT.fullmatch(name), moment) for name, moment in store.listing(folder).items())
    return {name[1]: moment for name, moment in found if name}


def _required(environment: Mapping[str, str], key: str) -> str:
    if not environment.get(key):
        raise Refused(f"{key} is not set")
    return environment[key]


def _without_password(text: str, url: str) -> str:
    found = re.match(r"[^:]+://[^:@/]*:(.*)@", url)
    return text.replace(found[1], "***") if found and found[1] else text


if __name__ == "__main__":
    sys.exit(main())
