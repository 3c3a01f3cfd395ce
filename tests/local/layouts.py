"""Small OCI image layouts, made by hand."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zstandard

from local.oci_layout import Layout

METADATA = "Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: MIT\n\ntext\n"


def distribution(name: str, version: str, folder: str = "opt/site-packages") -> dict[str, bytes]:
    path = f"{folder}/{name.replace('-', '_')}-{version}.dist-info/METADATA"
    return {path: METADATA.format(name=name, version=version).encode()}


def blob(layout: Layout, content: bytes) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    path = layout.blob(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"digest": digest, "size": len(content)}


def layer(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


PACKED = {"none": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}


def image(
    folder: Path, layers: Sequence[Mapping[str, bytes]], config: Mapping[str, Any] | None = None, packed: str = "gzip"
) -> tuple[Layout, str]:
    """The layout, and the digest of the image in it."""
    layout = Layout(folder)
    listed = [blob(layout, PACKED[packed](layer(files))) for files in layers]
    configuration = blob(layout, json.dumps({"config": config or {}, "history": []}).encode())
    manifest = {"schemaVersion": 2, "config": configuration, "layers": listed}
    return layout, blob(layout, json.dumps(manifest).encode())["digest"]
