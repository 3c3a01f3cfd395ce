"""Copies of images, digest for digest: manifests, indexes, blobs, and what is attested about them beside them.

What the target has is not sent again, so that a copy that was broken off goes on where it was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from registry.contents import Contents, RawManifest, index_of
from registry.errors import RegistryError, RegistryUnreachableError

AT_ONCE = 4
TRIES = 3
#: Tags of signatures and attestations in registries without referrers: cosign's, and the specification's fallback.
BESIDE = (".sig", ".att", ".sbom", "")


@dataclass
class Copied:
    """Blobs and bytes sent, linked from another repository of the target, and found there; manifests written."""

    sent: int = 0
    sent_bytes: int = 0
    linked: int = 0
    found: int = 0
    manifests: int = 0


@dataclass
class Copier:
    """From one registry to another, or within one. ``say`` is told of every blob that is sent."""

    source: Contents
    target: Contents
    say: Callable[[str], None]
    copied: Copied = field(default_factory=Copied)
    # Digest -> a repository of the target that holds the blob.
    _known: dict[str, str] = field(default_factory=dict)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def copy(self, repository: str, digest: str, to: str, tag: str) -> None:
        """Copy an image with all its platforms and attestations, and give it the tag when all else is there.

        Raises RegistryError; then the tag is as it was.
        """
        top = self._manifest(repository, digest, to)
        for about in (digest, *top.manifests):
            self._attestations(repository, about, to)
        self._tag(to, tag, top)

    def _manifest(self, repository: str, digest: str, to: str) -> RawManifest:
        raw = self.source.raw(repository, digest)
        if raw is None:
            raise RegistryError(f"registry {self.source.server} has no {repository}@{digest}")
        for child in raw.manifests:
            self._manifest(repository, child, to)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            # The list makes the first failure surface.
            list(pool.map(lambda blob: self._blob(repository, blob[0], blob[1], to), raw.blobs))
        if self.target.raw(to, digest) is None:
            self._put(to, digest, raw)
        return raw

    def _attestations(self, repository: str, digest: str, to: str) -> None:
        listed = self.source.referrers(repository, digest)
        for referrer in listed:
            self._manifest(repository, referrer["digest"], to)
        for suffix in BESIDE:
            tag = f"{digest.replace(':', '-')}{suffix}"
            beside = self.source.raw(repository, tag)
            if beside is not None:
                self._manifest(repository, beside.digest, to)
                self._tag(to, tag, beside)
        if listed and not self.target.referrers(to, digest):
            self._tag(to, digest.replace(":", "-"), index_of(listed))

    def _tag(self, to: str, tag: str, raw: RawManifest) -> None:
        existing = self.target.raw(to, tag)
        if existing is None or existing.digest != raw.digest:
            self._put(to, tag, raw)

    def _blob(self, repository: str, digest: str, size: int, to: str) -> None:
        found = self.target.has_blob(to, digest)
        linked = not found and self._linked(repository, digest, to)
        if sent := not found and not linked:
            self._send(repository, digest, size, to)
        with self._counting:
            self._known[digest] = to
            self.copied.found += found
            self.copied.linked += linked
            self.copied.sent += sent
            self.copied.sent_bytes += size if sent else 0

    def _linked(self, repository: str, digest: str, to: str) -> bool:
        here = repository if self.source.server == self.target.server else self._known.get(digest)
        return here is not None and here != to and self.target.begin(to, digest, mount_from=here) is None

    def _send(self, repository: str, digest: str, size: int, to: str) -> None:
        for left in reversed(range(TRIES)):
            try:
                self.say(f"{to}: {size / 1e6:.1f} MB, {digest[:19]}")
                address = self.target.begin(to, digest)
                if address is not None:
                    with self.source.stream(repository, digest) as pieces:
                        self.target.upload(address, to, digest, size, _whole(pieces, size, digest))
                break
            except RegistryUnreachableError:
                if not left:
                    raise

    def _put(self, to: str, manifest: str, raw: RawManifest) -> None:
        self.target.put(to, manifest, raw)
        self.copied.manifests += 1


def _whole(pieces: Iterator[bytes], size: int, digest: str) -> Iterator[bytes]:
    """The pieces, or an error in place of a body that ends early or goes on too long."""
    seen = 0
    for piece in pieces:
        seen += len(piece)
        if seen > size:
            break
        yield piece
    if seen != size:
        raise RegistryError(f"{digest} should have {size} bytes, the registry gives {seen}")
