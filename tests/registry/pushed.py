"""Small images, pushed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from registry.contents import Contents, RawManifest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIGURATION = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def blob(registry: Contents, repository: str, content: bytes, media_type: str) -> dict[str, Any]:
    """The descriptor of a blob that is there afterwards."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if not registry.has_blob(repository, digest):
        address = registry.begin(repository, digest)
        assert address is not None
        registry.upload(address, repository, digest, len(content), iter([content]))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def image(
    registry: Contents,
    repository: str,
    tag: str | None,
    layers: Sequence[bytes] = (b"one", b"two"),
    labels: Mapping[str, str] | None = None,
    subject: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The descriptor of an image, under its digest where there is no tag."""
    configuration = json.dumps({"config": {"Labels": labels}}).encode()
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blob(registry, repository, configuration, CONFIGURATION),
        "layers": [blob(registry, repository, layer, LAYER) for layer in layers],
        **({"subject": subject} if subject else {}),
    }
    return _put(registry, repository, tag, document, MANIFEST)


def index(registry: Contents, repository: str, tag: str, manifests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The descriptor of an index."""
    return _put(
        registry, repository, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)}, INDEX
    )


def _put(registry: Contents, repository: str, tag: str | None, document: dict[str, Any], kind: str) -> dict[str, Any]:
    raw = RawManifest(json.dumps(document).encode(), kind)
    registry.put(repository, tag or raw.digest, raw)
    return {"mediaType": kind, "digest": raw.digest, "size": len(raw.content)}
