"""A dump of the metadata database, to the bucket and back. ``python -m airflow_runtime.backup write|read|list``.

    BACKUP_KEY                      which dump to read: a key below ``backups/``
    OBJECT_STORE_BUCKET             and what boto3 reads
The dump lies in ``/backup/dump``, the revision of its schema in ``/backup/revision``; without that, nothing is written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from airflow_runtime.object_store import ObjectStore, StoreError, environment_settings

FOLDER = Path("/backup")
PREFIX = "backups"
ATTEMPTS = 5


def name_of(moment: datetime, revision: str) -> str:
    """What a dump is called: names in their order are dumps in theirs."""
    return f"{moment:%Y%m%dT%H%M%SZ}-{revision}.dump"


def write(store: ObjectStore, folder: Path, moment: datetime) -> str | None:
    """Upload the dump; its key, or None where there is none. Raises StoreError."""
    revision = folder / "revision"
    if not revision.exists():
        return None
    name = name_of(moment, revision.read_text().strip())
    store.upload(folder / "dump", name)
    return store.key(name)


def read(store: ObjectStore, folder: Path, key: str) -> None:
    """Download a dump. Raises StoreError, also for a key that is none of a dump's."""
    name = key.removeprefix(f"{PREFIX}/")
    if "/" in name or not name.endswith(".dump"):
        raise StoreError(f"{key!r} is not the key of a dump, {PREFIX}/<name>.dump")
    store.download(name, folder / "dump")


def names(store: ObjectStore) -> list[str]:
    """The keys of all dumps, the newest last. Raises StoreError."""
    return [store.key(name) for name in sorted(store.listing("")) if name.endswith(".dump")]


def main(words: Sequence[str], environment: Mapping[str, str] = os.environ, folder: Path = FOLDER) -> int:
    """The Job's step. 0 when it is done; 1 with one line that says why not."""
    try:
        store = ObjectStore(environment["OBJECT_STORE_BUCKET"], PREFIX, environment_settings(environment), ATTEMPTS)
        if list(words) == ["read"]:
            read(store, folder, environment["BACKUP_KEY"])
            print(f"read s3://{store.bucket}/{environment['BACKUP_KEY']}", flush=True)
            return 0
        if list(words) == ["list"]:
            print("\n".join(names(store)), flush=True)
            return 0
        key = write(store, folder, datetime.now(UTC))
        print(f"wrote s3://{store.bucket}/{key}" if key else "nothing to back up", flush=True)
    except StoreError as error:
        print(f"failed: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
