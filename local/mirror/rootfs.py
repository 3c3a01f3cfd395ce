"""The root file system under every stand-in: Debian trixie, from where this machine takes its own packages."""

from __future__ import annotations

import configparser
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local import files
from local.waiting import GaveUp

SUITE = "trixie"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
STOCK_CERTIFICATES = Path("/usr/share/ca-certificates/mozilla")
PACKAGES = ("ca-certificates", "netbase", "tzdata")
# As the slim images: what a container never reads.
LEFT_OUT = ("doc", "info", "locale", "lintian", "man")
SOURCE_DATE_EPOCH = "315532800"
TARGET = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
# Of a proxy, also without the scheme. A user alone may be a token.
LOG_IN = re.compile(r"^\s*([A-Za-z][A-Za-z0-9+.-]*://)?[^/?#]*@")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")


@dataclass(frozen=True)
class Surroundings:
    """What of this machine the root file system needs, and so what its key covers.

    ``sources`` are one-line apt sources, ``proxies`` apt options, ``certificates`` PEM blocks that Debian does not
    ship, ``index`` the URL of the Python package index where it is not the default.
    """

    sources: tuple[str, ...]
    proxies: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    index: str | None = None

    def key(self) -> str:
        recipe = (SUITE, PACKAGES, LEFT_OUT, self)
        return hashlib.sha256(f"rootfs 1 {recipe!r}".encode()).hexdigest()[:16]


def surroundings(environment: Mapping[str, str] | None = None) -> Surroundings:
    """Read this machine's apt sources, apt proxies, own certificates and package index.

    Raises GaveUp where the machine takes no packages from a Debian mirror.
    """
    variables = os.environ if environment is None else environment
    bundle = Path(variables.get("SSL_CERT_FILE") or BUNDLE)
    stock = (file.read_text() for file in sorted(STOCK_CERTIFICATES.glob("*.crt")))
    return Surroundings(
        sources=apt_sources(_output("apt-get", "indextargets", "--format", TARGET, "Identifier: Packages")),
        proxies=apt_proxies(_output("apt-config", "dump")),
        certificates=own_certificates(bundle.read_text() if bundle.exists() else "", stock),
        index=package_index(variables),
    )


def apt_sources(index_targets: str) -> tuple[str, ...]:
    """Sources of trixie at the mirrors of Debian's main archive and of its updates, read from lines of TARGET.

    Raises GaveUp where there is none, and for one with a log-in in it.
    """
    sources = {}
    for line in index_targets.splitlines():
        uri, release, component = line.split(" ", 2)
        _, _, pocket = release.partition("-")
        if component == "main" and re.search(r"/debian(-security)?/?$", uri) and pocket in ("", "updates", "security"):
            suite = SUITE + (f"-{pocket}" if pocket else "")
            without_log_in("an apt source", uri)
            sources[f"deb {uri.rstrip('/')} {suite} main"] = pocket
    if "" not in sources.values():
        raise GaveUp(
            "no Debian mirror in this machine's apt sources: the stand-ins of upstream images are built from Debian"
        )
    return tuple(sorted(sources, key=lambda source: (len(sources[source]), source)))


def apt_proxies(configuration: str) -> tuple[str, ...]:
    """The proxy settings in the output of ``apt-config dump``. Raises GaveUp for one with a log-in in it."""
    found = re.findall(r'^Acquire::https?::Proxy(?:::\S+)? "[^"]+";$', configuration, re.MULTILINE)
    for setting in found:
        without_log_in("apt's proxy", setting.split('"')[1])
    return tuple(sorted(found))


def own_certificates(bundle: str, stock: Iterable[str]) -> tuple[str, ...]:
    """The certificates of the bundle that are not in stock, sorted."""
    shipped = {block for text in stock for block in PEM.findall(text)}
    return tuple(sorted(set(PEM.findall(bundle)) - shipped))


def package_index(variables: Mapping[str, str]) -> str | None:
    """The index that pip uses on this machine, None where it is the default.

    Raises GaveUp for one with a log-in in it.
    """
    index = variables.get("PIP_INDEX_URL")
    home = Path(variables.get("HOME", "/root"))
    for file in (home / ".config/pip/pip.conf", home / ".pip/pip.conf", Path("/etc/pip.conf")):
        parser = configparser.RawConfigParser()
        parser.read(file)
        index = index or parser.get("global", "index-url", fallback=None)
    if index:
        without_log_in("pip's index-url", index)
    return index or None


def without_log_in(what: str, url: str) -> str:
    """The URL, which goes into an image or onto a command line. Raises GaveUp for one with a user or password."""
    if LOG_IN.match(url):
        raise GaveUp(f"{what} holds a user or password: give the one-machine platform one that needs none")
    return url


def build(target: Path, found: Surroundings) -> None:
    """Write the root file system to ``target``, a tar archive; raises GaveUp with what mmdebstrap said last."""
    if shutil.which("mmdebstrap") is None:
        raise GaveUp("mmdebstrap is not installed: apt-get install mmdebstrap")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial.tar")
    with tempfile.TemporaryDirectory(prefix="rootfs-", dir=target.parent) as folder:
        overlay = Path(folder, "overlay")
        write_overlay(overlay, found)
        process = subprocess.run(
            mmdebstrap(partial, overlay, found),
            env={**os.environ, "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH, "LC_ALL": "C.UTF-8", "TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            umask=0o022,
        )
    if process.returncode != 0:
        partial.unlink(missing_ok=True)
        raise GaveUp("\n".join(("mmdebstrap failed:", *process.stdout.splitlines()[-20:])))
    partial.rename(target)


def mmdebstrap(target: Path, overlay: Path, found: Surroundings) -> list[str]:
    """The command that builds the root file system, with the files under ``overlay`` laid over it."""
    return [
        *("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
        *((f"--keyring={KEYRING}",) if KEYRING.exists() else ()),
        *(f"--aptopt={proxy}" for proxy in found.proxies),
        *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in LEFT_OUT),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        f'--customize-hook=cp -rT {shlex.quote(str(overlay))} "$1"',
        '--customize-hook=chroot "$1" update-ca-certificates',
        '--customize-hook=find "$1/var/log" "$1/var/cache/ldconfig" -type f -delete',
        *(SUITE, str(target), *found.sources),
    ]


def write_overlay(overlay: Path, found: Surroundings) -> None:
    """The files that the machine's surroundings add to the root file system, readable for all whatever the umask."""
    certificates = files.folder(overlay / "usr/local/share/ca-certificates")
    for number, certificate in enumerate(found.certificates):
        files.write(certificates / f"machine-{number}.crt", f"{certificate}\n")
    if found.index:
        folder = files.folder(overlay / "etc/uv")
        files.write(overlay / "etc/pip.conf", f"[global]\nindex-url = {found.index}\n")
        files.write(folder / "uv.toml", f'index-url = "{found.index}"\n')


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise GaveUp(f"{command[0]} failed; the stand-ins of upstream images need a Debian host: {error}") from error
