"""What copying and clean-up need of a registry beyond questions: manifests as they are, blobs, uploads, lists.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from registry.client import Registry
from registry.errors import RegistryError, RegistryRefusedError, RegistryUnreachableError
from registry.manifest import MANIFESTS

#: A registry may take long to check a large blob before it answers.
UPLOAD = httpx.Timeout(30, read=600)
PAGE = 500
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class RawManifest:
    """A manifest or an index, byte for byte: its digest is of these bytes."""

    content: bytes
    media_type: str

    @cached_property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    @cached_property
    def document(self) -> Mapping[str, Any]:
        found: dict[str, Any] = json.loads(self.content)
        return found

    @property
    def manifests(self) -> tuple[str, ...]:
        """Digests of an index's manifests, one a platform, attestations of BuildKit's among them."""
        return tuple(entry["digest"] for entry in self.document.get("manifests", ()))

    @property
    def blobs(self) -> tuple[tuple[str, int], ...]:
        """Digest and bytes of configuration and layers; not of layers that only their own address serves."""
        parts = [self.document["config"], *self.document.get("layers", ())] if "config" in self.document else []
        return tuple(dict.fromkeys((part["digest"], int(part["size"])) for part in parts if not part.get("urls")))


def index_of(descriptors: Sequence[Mapping[str, Any]]) -> RawManifest:
    """The list of referrers where a registry keeps none: an index, tagged by the digest they are about."""
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(descriptors)}
    return RawManifest(json.dumps(document, sort_keys=True).encode(), INDEX)


class Contents(Registry):
    """A registry whose repositories are read whole and written."""

    def raw(self, repository: str, manifest: str) -> RawManifest | None:
        """What a tag or a digest names, None where there is none. Raises RegistryError where it is not what it says."""
        found = self._send("GET", f"{repository}/manifests/{manifest}", self._name(repository, manifest))
        if found is None:
            return None
        raw = RawManifest(found.content, found.headers["Content-Type"])
        if manifest.startswith("sha256:") and raw.digest != manifest:
            raise RegistryError(f"registry {self.server} gives {raw.digest} for {self._name(repository, manifest)}")
        return raw

    def put(self, repository: str, manifest: str, raw: RawManifest) -> None:
        """Write a manifest whose parts are there."""
        self._write(
            "PUT",
            f"{repository}/manifests/{manifest}",
            self._name(repository, manifest),
            content=raw.content,
            headers={"Content-Type": raw.media_type},
        )

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether a blob is in the repository."""
        return self._send("HEAD", f"{repository}/blobs/{digest}", self._name(repository, digest)) is not None

    def begin(self, repository: str, digest: str, mount_from: str | None = None) -> str | None:
        """Begin an upload, or link the blob of another repository of this server: None where that did, else the address
        to upload to."""
        wanted = {"mount": digest, "from": mount_from} if mount_from else {}
        what = self._name(repository, digest)
        found = self._write("POST", f"{repository}/blobs/uploads/", what, params=wanted)
        if found.status_code == httpx.codes.CREATED:
            return None
        return str(found.url.join(found.headers["Location"]))

    def upload(self, address: str, repository: str, digest: str, size: int, content: Iterator[bytes]) -> None:
        """Upload a blob in one piece; the registry refuses what is not of this digest."""
        url = httpx.URL(address).copy_merge_params({"digest": digest})
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._write("PUT", str(url), self._name(repository, digest), content=content, headers=headers, timeout=UPLOAD)

    def delete(self, repository: str, digest: str) -> bool:
        """Delete a manifest with all its tags; False where it is gone already."""
        what = self._name(repository, digest)
        try:
            self._write("DELETE", f"{repository}/manifests/{digest}", what)
        except RegistryMissingError:
            return False
        return True

    def referrers(self, repository: str, digest: str) -> tuple[Mapping[str, Any], ...]:
        """Descriptors of manifests that say they are about another one; none where the registry keeps no such list."""
        path = f"{repository}/referrers/{digest}"
        found = self._send("GET", path, self._name(repository, digest))
        document: dict[str, Any] = found.json() if found is not None else {}
        return tuple(document.get("manifests", ()))

    def tags(self, repository: str) -> tuple[str, ...]:
        """All tags of a repository, none where it does not exist."""
        return tuple(self._pages(f"{repository}/tags/list?n={PAGE}", "tags", f"{self.server}/{repository}"))

    def repositories(self, prefix: str) -> tuple[str, ...]:
        """Repositories whose names start so. Raises RegistryError where the registry lists none, as ghcr.io."""
        names = self._pages(f"_catalog?n={PAGE}", "repositories", self.server)
        return tuple(name for name in names if name.startswith(prefix))

    def _pages(self, path: str, key: str, what: str) -> Iterator[str]:
        following: str | None = path
        while following:
            found = self._send("GET", following, what)
            if found is None:
                return
            yield from found.json().get(key) or ()
            link = found.links.get("next", {}).get("url")
            following = str(found.url.join(link)) if link else None

    def _name(self, repository: str, manifest: str) -> str:
        return f"{self.server}/{repository}{'@' if manifest.startswith('sha256:') else ':'}{manifest}"

    def _write(self, method: str, path: str, what: str, **options: Any) -> httpx.Response:
        headers = {"Accept": MANIFESTS, **options.pop("headers", {})}
        try:
            response = self._client.request(method, path, headers=headers, **options)
        except httpx.HTTPError as error:
            raise RegistryUnreachableError(f"registry {self.server} cannot be reached for {what}: {error}") from error
        except httpx.StreamConsumed as error:
            # The token for it was over; the one that was bought in its place serves the next try.
            raise RegistryUnreachableError(f"registry {self.server} wants {what} again: a token was over") from error
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise RegistryRefusedError(f"registry {self.server} does not let this log-in write {what}")
        if response.status_code == httpx.codes.NOT_FOUND:
            raise RegistryMissingError(f"registry {self.server} has no repository for {what}: create it first")
        if response.status_code == httpx.codes.METHOD_NOT_ALLOWED:
            raise RegistryError(f"registry {self.server} does not let anybody delete {what}")
        if response.is_error:
            raise RegistryError(
                f"registry {self.server} answers {response.status_code} for {what}: {_reason(response)}"
            )
        return response


class RegistryMissingError(RegistryError):
    """What should be written to or deleted is not there."""


def _reason(response: httpx.Response) -> str:
    try:
        return "; ".join(str(error["message"]) for error in response.json()["errors"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"
