"""Questions to an OCI registry (distribution specification 1.1), with basic or with token authentication."""

from __future__ import annotations

import base64
import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from registry.errors import RegistryError, RegistryRefusedError, RegistryUnreachableError
from registry.manifest import MANIFESTS, Manifest, manifest_of
from registry.reference import Reference

PARAMETER = re.compile(r'(\w+)="([^"]*)"')
HELPER_SECONDS = 60
#: What every helper says where it has none.
NO_LOG_IN = "credentials not found in native keychain"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
WRITES = frozenset(("POST", "PUT", "PATCH", "DELETE"))
#: A name in references -> the host that serves it.
HOSTS = {"docker.io": "registry-1.docker.io"}


@dataclass(frozen=True)
class Credentials:
    """A registry's user and password."""

    username: str
    password: str = field(repr=False)


def docker_credentials(configuration: Path) -> Mapping[str, Credentials]:
    """Server -> credentials, as a Docker ``config.json`` in the given folder holds them.

    Where it names a credential helper, that one is asked when its server is looked up: RegistryError where it is not
    there or fails.
    """
    file = configuration / "config.json"
    return DockerCredentials(json.loads(file.read_text()) if file.exists() else {})


class DockerCredentials(Mapping[str, Credentials]):
    """The log-ins of a Docker configuration: ``auths``, ``credHelpers`` and ``credsStore``."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._entries: Mapping[str, Any] = document.get("auths", {})
        self._helpers: Mapping[str, str] = document.get("credHelpers", {})
        self._store: str = document.get("credsStore", "")

    def __iter__(self) -> Iterator[str]:
        return iter({**self._entries, **self._helpers})

    def __len__(self) -> int:
        return len({**self._entries, **self._helpers})

    def __getitem__(self, server: str) -> Credentials:
        entry = self._entries.get(server, {})
        if server not in self._helpers and entry.get("auth"):
            username, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
            return Credentials(username, password)
        if server not in self._helpers and entry.get("username"):
            return Credentials(entry["username"], entry["password"])
        if helper := self._helpers.get(server) or self._store:
            return _ask_helper(helper, server)
        raise KeyError(server)


def _ask_helper(name: str, server: str) -> Credentials:
    """https://github.com/docker/docker-credential-helpers: KeyError where it has no log-in."""
    program = f"docker-credential-{name}"
    if shutil.which(program) is None:
        raise RegistryError(f"the log-in to {server} is kept by {program}, which is not on PATH")
    try:
        done = subprocess.run(
            [program, "get"], input=server, capture_output=True, text=True, check=False, timeout=HELPER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RegistryError(f"{program} does not answer for {server}: {type(error).__name__}") from None
    if done.returncode and NO_LOG_IN in done.stdout:
        raise KeyError(server)
    try:
        answer = json.loads(done.stdout) if not done.returncode else {}
        return Credentials(answer["Username"], answer["Secret"])
    except (ValueError, KeyError, TypeError):
        # Not its output: that may be the password.
        raise RegistryError(f"{program} gives no log-in to {server} (exit code {done.returncode})") from None


class _LogIn(httpx.Auth):
    """User and password, or the token that they buy where the server asks for one.

    https://distribution.github.io/distribution/spec/auth/token/
    """

    def __init__(self, credentials: Credentials | None) -> None:
        self._basic = httpx.BasicAuth(credentials.username, credentials.password) if credentials else None
        self._tokens: dict[tuple[str, bool], str] = {}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        # A body that is streamed can be sent once only: what the request before it bought must do.
        key = (request.url.path.partition("/blobs/")[0].partition("/manifests/")[0], request.method in WRITES)
        if token := self._tokens.get(key):
            request.headers["Authorization"] = f"Bearer {token}"
            response = yield request
        else:
            response = yield self._signed(request)
        scheme, _, text = response.headers.get("WWW-Authenticate", "").partition(" ")
        if response.status_code != httpx.codes.UNAUTHORIZED or scheme.lower() != "bearer":
            return  # only then is the realm an address
        challenge = dict(PARAMETER.findall(text))
        realm = httpx.URL(challenge.pop("realm", ""))
        if realm.scheme != "https" and realm.host not in LOOPBACK:
            return
        wanted = {name: value for name, value in challenge.items() if name in ("service", "scope")}
        answer = yield self._signed(httpx.Request("GET", realm, params=wanted))
        if answer.is_success:
            bought = json.loads(answer.read())
            self._tokens[key] = bought.get("token") or bought["access_token"]
            request.headers["Authorization"] = f"Bearer {self._tokens[key]}"
            yield request

    def _signed(self, request: httpx.Request) -> httpx.Request:
        return next(self._basic.auth_flow(request)) if self._basic else request


def _trust(authority: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise RegistryError(f"{authority} is no certificate in PEM form: {error}") from None
    return context


class Registry:
    """One registry server, ``is_here`` where on this machine.

    ``authority`` is a certificate to trust beside the usual ones; ``transport`` takes the network's place in tests.
    """

    def __init__(
        self,
        server: str,
        credentials: Credentials | None = None,
        *,
        authority: Path | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.server = server
        host = server.rsplit(":", 1)[0] if not server.endswith("]") else server
        self.is_here = host in LOOPBACK
        scheme = "http" if self.is_here else "https"
        self._client = httpx.Client(
            base_url=f"{scheme}://{HOSTS.get(server, server)}/v2/",
            auth=_LogIn(credentials),
            timeout=10,
            # Some keep their blobs elsewhere.
            follow_redirects=True,
            trust_env=scheme == "https",
            verify=_trust(authority) if authority and scheme == "https" else True,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def digest(self, reference: str) -> str | None:
        """The digest of the manifest behind a reference (``sha256:...``), or None when there is none."""
        found = self._ask("HEAD", reference)
        return None if found is None else found.headers["Docker-Content-Digest"]

    def exists(self, reference: str) -> bool:
        """Whether the registry holds the reference."""
        return self._ask("HEAD", reference) is not None

    def configuration(self, reference: str) -> str | None:
        """The digest of the image's configuration, which names its content whatever the compression; None when there
        is no such image, or several for several platforms."""
        found = self._ask("GET", reference)
        manifest: dict[str, Any] = found.json() if found else {}
        return manifest["config"]["digest"] if "config" in manifest else None

    def manifest(self, reference: str) -> Manifest | None:
        """What the reference names, of the first platform where there are several; None when there is no such image."""
        found = self._ask("GET", reference)
        if found is None:
            return None
        digest, document = found.headers.get("Docker-Content-Digest", ""), found.json()
        if "manifests" in document:
            repository = Reference.parse(reference).repository
            found = self._ask("GET", f"{self.server}/{repository}@{document['manifests'][0]['digest']}")
            document = found.json() if found else {}
        return manifest_of(document, digest)

    def platforms(self, reference: str) -> tuple[str, ...]:
        """References of an index's images, one a platform; none where the reference names one image, or nothing."""
        found = self._ask("GET", reference)
        entries = found.json().get("manifests", ()) if found else ()
        repository = Reference.parse(reference).repository
        return tuple(f"{self.server}/{repository}@{entry['digest']}" for entry in entries)

    def size(self, reference: str) -> int | None:
        """Compressed bytes to pull: configuration and layers, of the first platform where there are several."""
        manifest = self.manifest(reference)
        return None if manifest is None else manifest.size

    def labels(self, reference: str) -> Mapping[str, str] | None:
        """The labels that an image has, its base's with them; None when there is no such image."""
        document = self._configuration_document(reference)
        return None if document is None else (document.get("config") or {}).get("Labels") or {}

    def created(self, reference: str) -> datetime | None:
        """When its builder says that it made the image; None where it does not say, or there is no such image."""
        told = (self._configuration_document(reference) or {}).get("created")
        try:
            moment = datetime.fromisoformat(str(told))
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _configuration_document(self, reference: str) -> Mapping[str, Any] | None:
        """https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md, of the first platform."""
        manifest = self.manifest(reference)
        if manifest is None:
            return None
        path = f"{Reference.parse(reference).repository}/blobs/{manifest.configuration.digest}"
        found = self._send("GET", path, reference)
        document: Mapping[str, Any] = found.json() if found else {}
        return document

    def part(self, repository: str, blob: str, range_: str) -> bytes | None:
        """Some bytes of a blob, as HTTP's ``Range`` names them (``-4``); None where the server gives no such part."""
        found = self._send("GET", f"{repository}/blobs/{blob}", f"{self.server}/{repository}", Range=f"bytes={range_}")
        return found.content if found is not None and found.status_code == httpx.codes.PARTIAL_CONTENT else None

    @contextmanager
    def stream(self, repository: str, blob: str) -> Iterator[Iterator[bytes]]:
        """A blob's bytes in pieces, never all of them in memory. Raises RegistryError."""
        what = f"{self.server}/{repository}@{blob}"
        try:
            with self._client.stream("GET", f"{repository}/blobs/{blob}") as response:
                if response.is_error:
                    raise RegistryError(f"registry {self.server} answers {response.status_code} for {what}")
                yield response.iter_bytes()
        except httpx.HTTPError as error:
            raise RegistryUnreachableError(f"registry {self.server} cannot be reached for {what}: {error}") from error

    def check(self) -> None:
        """Raise RegistryError unless the server answers and takes the credentials."""
        self._send("GET", "", self.server)

    def _ask(self, method: str, reference: str) -> httpx.Response | None:
        parsed = Reference.parse(reference)
        if parsed.server != self.server:
            raise ValueError(f"{reference} is not in {self.server}")
        return self._send(method, f"{parsed.repository}/manifests/{parsed.manifest}", reference)

    def _send(self, method: str, path: str, what: str, **headers: str) -> httpx.Response | None:
        try:
            response = self._client.request(method, path, headers={"Accept": MANIFESTS, **headers})
        except httpx.HTTPError as error:
            raise RegistryUnreachableError(f"registry {self.server} cannot be reached for {what}: {error}") from error
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise RegistryRefusedError(f"registry {self.server} refuses {what}: no or wrong credentials")
        if response.is_error:
            raise RegistryError(f"registry {self.server} answers {response.status_code} for {what}")
        return response
