"""Which manifests of a repository nothing reaches: not by itself, nor through an index or what is attested about it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from registry.contents import Contents, RawManifest

#: Tags that are about a manifest: cosign's, and the specification's list of referrers.
ABOUT = re.compile(r"(sha256)-([0-9a-f]{64})(\.[a-z]+)?")


@dataclass(frozen=True)
class Unreached:
    """A manifest with its tags; ``size`` is the bytes of blobs that nothing else in its repository has."""

    repository: str
    digest: str
    tags: tuple[str, ...]
    size: int


def unreached(contents: Contents, repository: str, roots: Collection[str]) -> tuple[Unreached, ...]:
    """What is in a repository and not reached from these tags and digests, indexes before their parts.

    Raises RegistryError.
    """
    return _Repository(contents, repository).unreached(roots)


class _Repository:
    def __init__(self, contents: Contents, name: str) -> None:
        self._contents, self._name = contents, name
        self._known: dict[str, RawManifest | None] = {}
        self._tags: dict[str, list[str]] = {}
        for tag in contents.tags(name):
            if raw := contents.raw(name, tag):
                self._known[raw.digest] = raw
                self._tags.setdefault(raw.digest, []).append(tag)

    def unreached(self, roots: Collection[str]) -> tuple[Unreached, ...]:
        tagged = {tag: digest for digest, tags in self._tags.items() for tag in tags}
        kept: dict[str, None] = {}
        for root in roots:
            if digest := tagged.get(root, root if root.startswith("sha256:") else None):
                self._reach(digest, kept)
        everything: dict[str, None] = {}
        for digest in self._tags:
            self._reach(digest, everything)
        used = {blob for digest in kept for blob in self._blobs(digest)}
        found = []
        for digest in everything:
            if digest not in kept and self._raw(digest):
                own = set(self._blobs(digest)) - used
                used |= own
                tags = tuple(sorted(self._tags.get(digest, ())))
                found.append(Unreached(self._name, digest, tags, sum(size for _, size in own)))
        return tuple(found)

    def _reach(self, digest: str, reached: dict[str, None]) -> None:
        if digest in reached:
            return
        reached[digest] = None
        raw = self._raw(digest)
        for child in raw.manifests if raw else ():
            self._reach(child, reached)
        for about in self._about(digest):
            self._reach(about, reached)

    def _about(self, digest: str) -> Iterator[str]:
        for referrer in self._contents.referrers(self._name, digest):
            yield referrer["digest"]
        for tagged, tags in self._tags.items():
            for tag in tags:
                if (match := ABOUT.fullmatch(tag)) and f"{match[1]}:{match[2]}" == digest:
                    yield tagged

    def _raw(self, digest: str) -> RawManifest | None:
        if digest not in self._known:
            self._known[digest] = self._contents.raw(self._name, digest)
        return self._known[digest]

    def _blobs(self, digest: str) -> tuple[tuple[str, int], ...]:
        raw = self._raw(digest)
        return raw.blobs if raw else ()
