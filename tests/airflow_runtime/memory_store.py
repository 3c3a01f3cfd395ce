"""A bucket in memory, for tests of what is done with one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow_runtime.object_store import StoreError


class MemoryStore:
    """Stands in for ObjectStore. Every write is a second later than the last.

    ``fail_at`` makes that write fail, counted from 1.
    """

    def __init__(self, fail_at: int = 0) -> None:
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.writes: list[str] = []
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self._fail_at = fail_at

    def get(self, name: str) -> bytes | None:
        return self.objects[name][0] if name in self.objects else None

    def put(self, name: str, content: bytes) -> None:
        self.writes.append(name)
        if len(self.writes) == self._fail_at:
            raise StoreError(f"cannot write {name}")
        self.now += timedelta(seconds=1)
        self.objects[name] = (content, self.now)

    def listing(self, folder: str) -> dict[str, datetime]:
        start = f"{folder}/" if folder else ""
        return {
            name[len(start) :]: moment
            for name, (_, moment) in self.objects.items()
            if name.startswith(start) and "/" not in name[len(start) :]
        }

    def delete(self, name: str) -> None:
        del self.objects[name]
