"""What the layers of an image hold, as far as tests and bills of materials ask: packages, licences, secrets."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from local import files
from local.oci_layout import Layout
from pipelines.installed import Distribution, Installed, SystemPackage
from pipelines.secret_findings import LARGEST, Finding, in_file

# Not below a package: what one carries inside itself (setuptools/_vendor) nobody else can import.
METADATA = re.compile(
    r"^(?!(?:.*/)?(?:site|dist)-packages/[^/]+/[^/]+/)(?:.*/)?[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO)$"
)
STATUS = re.compile(r"^var/lib/dpkg/status(?:\.d/[^/]+)?$")
COPYRIGHT = re.compile(r"^usr/share/doc/([^/]+)/copyright$")
LICENCE = re.compile(r"^License:[ \t]*(\S[^\n]*)$", re.MULTILINE)
# https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
#: Of what is kept of a layer: what was kept in another form is read anew.
FORM = "2"


@dataclass(frozen=True)
class LayerContents:
    """One layer: distributions by the path of their metadata, system packages by the path of their list, and so on."""

    distributions: Mapping[str, Distribution] = field(default_factory=dict)
    system: Mapping[str, tuple[SystemPackage, ...]] = field(default_factory=dict)
    copyrights: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def contents(layout: Layout, digest: str, known: Mapping[str, bytes]) -> LayerContents:
    """Read a layer once: what was found is kept beside the layout, under a name that holds no secret."""
    kept = _kept(layout, digest, known)
    if kept.is_file():
        return _from_json(json.loads(kept.read_text()))
    with layout.layer(digest) as archive:
        found = _scan(archive, known)
    kept.parent.mkdir(parents=True, exist_ok=True)
    files.write(kept, json.dumps(dataclasses.asdict(found)))
    return found


def installed(layers: Iterable[LayerContents]) -> Installed:
    """What is there when these layers lie upon each other, lowest first."""
    distributions: dict[str, Distribution] = {}
    system: dict[str, tuple[SystemPackage, ...]] = {}
    copyrights: dict[str, str] = {}
    for layer in layers:
        for table in (distributions, system):
            for path in [path for path in table if _is_gone(path, layer)]:
                del table[path]
        distributions |= layer.distributions
        system |= layer.system
        copyrights |= layer.copyrights
    packages = {package.name: package for listed in system.values() for package in listed}
    named = (
        dataclasses.replace(package, licence=copyrights.get(package.name, package.licence))
        for package in packages.values()
    )
    return Installed(tuple(sorted(distributions.values())), tuple(sorted(named)))


def _is_gone(path: str, layer: LayerContents) -> bool:
    return any(path == gone or path.startswith(f"{gone}/") for gone in layer.removed) or any(
        path.startswith(f"{folder}/") for folder in layer.emptied
    )


def _scan(archive: tarfile.TarFile, known: Mapping[str, bytes]) -> LayerContents:
    distributions: dict[str, Distribution] = {}
    system: dict[str, tuple[SystemPackage, ...]] = {}
    copyrights: dict[str, str] = {}
    removed: list[str] = []
    emptied: list[str] = []
    findings: list[Finding] = []
    for member in archive:
        path = member.name.removeprefix("./").strip("/")
        folder, _, name = path.rpartition("/")
        if name == OPAQUE:
            emptied.append(folder)
        elif name.startswith(WHITEOUT):
            removed.append(f"{folder}/{name.removeprefix(WHITEOUT)}".lstrip("/"))
        elif member.isreg() and (member.size <= LARGEST or STATUS.match(path)):
            file = archive.extractfile(member)
            content = file.read() if file else b""
            findings += in_file(path, content, known)
            if METADATA.search(path):
                distributions[path] = _distribution(path, content)
            elif STATUS.match(path):
                system[path] = tuple(_system_packages(content))
            elif found := COPYRIGHT.match(path):
                copyrights[found[1]] = " AND ".join(sorted(set(LICENCE.findall(content.decode(errors="replace")))))
    return LayerContents(distributions, system, copyrights, tuple(removed), tuple(emptied), tuple(findings))


def _distribution(path: str, content: bytes) -> Distribution:
    """https://packaging.python.org/en/latest/specifications/core-metadata/"""
    message = HeaderParser().parsestr(content.decode(errors="replace"))
    classified = [
        one.rpartition(" :: ")[2] for one in message.get_all("Classifier", []) if one.startswith("License ::")
    ]
    text = message.get("License-Expression") or _short(message.get("License")) or " AND ".join(sorted(classified))
    folder = path.rsplit("/", 2)[0] if path.count("/") > 1 else ""
    return Distribution(canonicalize_name(message.get("Name", "")), message.get("Version", ""), folder, text or "")


def _short(text: str | None) -> str:
    """Some put the whole licence there."""
    return text if text and "\n" not in text and len(text) <= 80 and text != "UNKNOWN" else ""


def _system_packages(content: bytes) -> Iterable[SystemPackage]:
    """https://manpages.debian.org/dpkg: paragraphs of what is installed, and of what was."""
    for paragraph in content.decode(errors="replace").split("\n\n"):
        fields = dict(re.findall(r"^([A-Z][A-Za-z-]*): ?(.*)$", paragraph, re.MULTILINE))
        if fields.get("Package") and fields.get("Status", "install ok installed").endswith(" installed"):
            yield SystemPackage(fields["Package"], fields.get("Version", ""), fields.get("Architecture", ""), "")


def _kept(layout: Layout, digest: str, known: Mapping[str, bytes]) -> Path:
    marks = hashlib.sha256(FORM.encode() + b"\0".join(b"%b\0%b" % (k.encode(), v) for k, v in sorted(known.items())))
    return layout.folder.parent / "layers" / f"{digest.partition(':')[2]}-{marks.hexdigest()[:12]}.json"


def _from_json(document: Mapping[str, Any]) -> LayerContents:
    return LayerContents(
        {path: Distribution(**one) for path, one in document["distributions"].items()},
        {path: tuple(SystemPackage(**one) for one in listed) for path, listed in document["system"].items()},
        document["copyrights"],
        tuple(document["removed"]),
        tuple(document["emptied"]),
        tuple(Finding(**one) for one in document["findings"]),
    )
