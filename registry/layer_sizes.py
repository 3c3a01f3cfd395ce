"""How large layers are once unpacked, each asked for once and then known for good: a layer's digest is its content."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import NamedTemporaryFile

import zstandard

from registry.client import Registry
from registry.layer_stream import GZIP, ZSTD

AT_ONCE = 8
#: More than anybody has; then the file starts anew.
MOST = 10_000


def unpacked_size(registry: Registry, repository: str, layer: str) -> int | None:
    """Bytes of a layer's tar, None where only a download would tell.

    gzip ends with them, modulo 4 GiB (RFC 1952); zstd is read once, from a registry on this machine.
    """
    start = registry.part(repository, layer, "0-3") or b""
    if start.startswith(GZIP):
        end = registry.part(repository, layer, "-4")
        return int.from_bytes(end, "little") if end else None
    if not start.startswith(ZSTD) or not registry.is_here:
        return None
    reader, size = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True), 0
    with registry.stream(repository, layer) as pieces:
        for piece in pieces:
            size += len(reader.decompress(piece))
    return size


class LayerSizes:
    """Sizes kept in a JSON file, layer digest -> bytes of its tar, or null where the registry cannot tell."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._known: dict[str, int | None] = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            self._known = {}

    def unpacked(self, registry: Registry, layers: Iterable[tuple[str, str]]) -> dict[str, int | None]:
        """Digest -> bytes of these (repository, digest). Raises RegistryError."""
        wanted = {digest: repository for repository, digest in layers}
        missing = [(wanted[digest], digest) for digest in wanted if digest not in self._known]
        if missing:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                sizes = pool.map(lambda layer: unpacked_size(registry, *layer), missing)
                found = {digest: size for (_, digest), size in zip(missing, sizes, strict=True)}
            self._known = {**(self._known if len(self._known) < MOST else {}), **found}
            self._write()
        return {digest: self._known[digest] for digest in wanted}

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=self._path.parent, delete=False) as file:
            json.dump(self._known, file)
        Path(file.name).replace(self._path)
