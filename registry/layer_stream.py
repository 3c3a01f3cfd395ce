"""A layer's tar, whatever it is packed with."""

from __future__ import annotations

import gzip
import io
from typing import IO, cast

import zstandard

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def unpacked(stream: IO[bytes]) -> IO[bytes]:
    """The bytes behind ``stream``, told by how it begins: gzip (RFC 1952), zstd (RFC 8878), or as they are."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, stream))
    start = buffered.peek(len(ZSTD))
    if start.startswith(GZIP):
        return cast(IO[bytes], gzip.GzipFile(fileobj=buffered))
    if start.startswith(ZSTD):
        return cast(IO[bytes], zstandard.ZstdDecompressor().stream_reader(buffered, read_across_frames=True))
    return buffered
