"""The passwords and keys of a deployment, in each form that text may hold them in, and the search for them."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lightkube.resources.core_v1 import Secret

from local.apply import STATE
from tests.conftest import Deployed

#: Every generated value is at least so long and has a digit or a capital; names and addresses beside them have not.
GENERATED = re.compile(rb"[A-Za-z0-9+/_=-]{20,}")
PLAIN_WORDS = re.compile(rb"[a-z/_=-]+")
ESCAPED = re.compile("%..")
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)-----END", re.DOTALL)
# A connection holds the authority that it trusts, which every namespace may read.
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
HELM = "helm.sh/release.v1"
GZIP = b"\x1f\x8b"

#: Where something was read, and what.
Found = tuple[str, bytes]


class Passwords:
    """Value -> where it belongs. What is told of a leak names the places, never the value."""

    def __init__(self, owners: Mapping[bytes, set[str]]) -> None:
        self.owners = owners

    @classmethod
    def of(cls, deployed: Deployed) -> Passwords:
        """From every Secret of both namespaces, and from what the platform keeps on this machine."""
        owners: dict[bytes, set[str]] = defaultdict(set)
        for owner, content in (*secrets_of(deployed), *_of_the_machine(deployed)):
            for value in generated(content):
                owners[value].add(owner)
        return cls(owners)

    def with_value(self, value: bytes, owner: str) -> Passwords:
        """One more value to search for."""
        return Passwords({**self.owners, value: {owner}})

    @cached_property
    def _forms(self) -> list[tuple[bytes, str]]:
        return [
            (form, " = ".join(sorted(owners))) for value, owners in self.owners.items() for form in sorted(forms(value))
        ]

    def leaks(self, places: Iterable[Found]) -> list[str]:
        """``<whose> in <where>`` for every place that holds one of the values, in whatever form."""
        return sorted(
            {f"{owner} in {where}" for where, content in places for form, owner in self._forms if form in content}
        )


def generated(content: bytes) -> set[bytes]:
    """What was generated in the value of a Secret: the value, or a part of a URL or of JSON."""
    secret = CERTIFICATE.sub(b" ", content)
    return {value for value in GENERATED.findall(secret) if not PLAIN_WORDS.fullmatch(value)}


def forms(value: bytes) -> set[bytes]:
    """The value, as JSON and URLs write it, in hexadecimal, and in base64 at whatever place of a longer text."""
    text = value.decode()
    encoded = set()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + value)
        # What shares a character with the bytes before and after is not the value's own.
        own = whole[-(-before * 8 // 6) : (before + len(value)) * 8 // 6]
        encoded |= {own, own.translate(bytes.maketrans(b"+/", b"-_"))}
    quoted = {quote(text, safe=""), quote(text)}
    quoted |= {ESCAPED.sub(lambda found: found[0].lower(), each) for each in quoted}
    written = {text, json.dumps(text)[1:-1], text.replace("/", "\\/"), value.hex(), *quoted}
    return {*(each.encode() for each in written), *encoded}


def texts_of(where: str, content: bytes) -> Iterator[Found]:
    """The content; in the place of what is compressed, what is in it."""
    if not content.startswith(GZIP):
        yield where, content
        return
    inner = gzip.decompress(content)
    if inner[257:262] != b"ustar":
        yield where, inner
        return
    with tarfile.open(fileobj=io.BytesIO(inner)) as tree:
        for member in tree.getmembers():
            if file := tree.extractfile(member):
                yield from texts_of(f"{where}:{member.name}", file.read())


def files(folder: Path) -> Iterator[Found]:
    """Every file below a folder."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield from texts_of(str(path), path.read_bytes())


def secrets_of(deployed: Deployed) -> Iterator[Found]:
    """``<namespace>/<name>:<key>`` and value of every Secret that holds values of ours."""
    settings = deployed.settings
    for namespace in (settings.name, settings.tasks_namespace):
        secret: Any
        for secret in deployed.client.list(Secret, namespace=namespace):
            name = secret.metadata.name
            for key, encoded in (secret.data or {}).items() if secret.type != HELM else ():
                # What direct apply remembers of releases are hashes.
                if name != STATE or key.startswith("random."):
                    yield f"{namespace}/{name}:{key}", base64.b64decode(encoded)


def releases(deployed: Deployed) -> Iterator[Found]:
    """What Helm keeps of each revision, values and manifests: JSON, compressed and in base64, as a Secret's value."""
    secret: Any
    for secret in deployed.client.list(Secret, namespace=deployed.settings.name):
        if secret.type == HELM:
            content = base64.b64decode(base64.b64decode(secret.data["release"]))
            yield from texts_of(f"release {secret.metadata.name}", content)


def objects(listed: str) -> Iterator[Found]:
    """Each object of kubectl's JSON, and what its ConfigMaps hold packed."""
    for item in json.loads(listed)["items"]:
        name = f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
        yield name, json.dumps(item).encode()
        if item["kind"] == "ConfigMap":
            for key, value in item.get("binaryData", {}).items():
                yield from texts_of(f"{name}:{key}", base64.b64decode(value))


def _of_the_machine(deployed: Deployed) -> Iterator[Found]:
    machine = deployed.machine
    log_in = json.loads(machine.registry_credentials.read_text())
    yield "registry", log_in["password"].encode()
    passphrase = machine.state / "pulumi" / deployed.settings.name / "passphrase"
    if passphrase.exists():
        yield "passphrase", passphrase.read_bytes()
    for where, content in files(machine.state / "certificates"):
        for number, key in enumerate(PRIVATE_KEY.findall(content)):
            yield f"{Path(where).name}:{number}", key
