"""Which published versions, and which task sources, may go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

KEPT_VERSIONS = 50
# Another publication may have written a source whose version, or a version whose pointer, it has yet to write.
GRACE = timedelta(hours=1)


def versions_to_remove(
    written: Mapping[str, datetime], current: str, named_by_runs: Collection[str], now: datetime
) -> tuple[str, ...]:
    """Versions older than GRACE that are neither current, nor among the newest KEPT_VERSIONS, nor named by an
    unfinished run.

    ``written`` is when each version in the bucket was last written.
    """
    newest = sorted(written, key=lambda version: (written[version], version), reverse=True)[:KEPT_VERSIONS]
    held = {current, *newest, *named_by_runs}
    return tuple(sorted(version for version in written.keys() - held if written[version] < now - GRACE))


def sources_to_remove(written: Mapping[str, datetime], referred: Collection[str], now: datetime) -> tuple[str, ...]:
    """Sources that no kept version refers to, and that are older than GRACE."""
    return tuple(sorted(source for source in written if source not in referred and written[source] < now - GRACE))
