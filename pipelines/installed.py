"""What an image holds of packages, and whether that is what its locks say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version


@dataclass(frozen=True, order=True)
class Distribution:
    """A Python package: normalized name, version, the folder that it is installed in, licence as it says itself."""

    name: str
    version: str
    folder: str
    licence: str


@dataclass(frozen=True, order=True)
class SystemPackage:
    """A Debian package."""

    name: str
    version: str
    architecture: str
    licence: str


@dataclass(frozen=True)
class Installed:
    """Everything of an image, or of the image that it stands on."""

    distributions: tuple[Distribution, ...] = ()
    system: tuple[SystemPackage, ...] = ()

    def versions(self) -> dict[str, set[str]]:
        """Name -> versions: one package may be installed in two folders."""
        found: dict[str, set[str]] = {}
        for one in self.distributions:
            found.setdefault(one.name, set()).add(one.version)
        return found


def lock_differences(
    image: Installed, upstream: Installed, locked: Mapping[str, str], may_replace: bool
) -> Iterator[str]:
    """Where the image is not its upstream plus what the locks of its folders say, a line each.

    ``may_replace``: a lock may bring another version of what the upstream image ships, as in a task image.
    """
    found, shipped = image.versions(), upstream.versions()
    for name, version in sorted(locked.items()):
        if not any(_same(version, one) for one in found.get(name, ())):
            yield f"{name} {version} is locked, {_listed(found.get(name))} is installed"
    for name, versions in sorted(found.items()):
        expected = shipped.get(name, set()) | ({locked[name]} if name in locked else set())
        if not expected:
            yield f"{name} {_listed(versions)} is installed, no lock has it"
        elif wrong := {one for one in versions if not any(_same(one, other) for other in expected)}:
            yield f"{name} {_listed(wrong)} is installed, {_listed(expected)} is expected"
    for name, versions in sorted(shipped.items()):
        gone = versions - found.get(name, set())
        if gone and not (may_replace and name in locked):
            yield f"{name} {_listed(gone)} of the upstream image is gone"


def system_differences(image: Installed, pins: tuple[str, ...]) -> Iterator[str]:
    """Where Debian packages are not those of ``system-packages``, a line each."""
    found = {package.name: package.version for package in image.system}
    for name, _, version in (pin.partition("=") for pin in pins):
        if found.get(name) != version:
            yield f"{name}={version} is declared, {found.get(name) or 'none'} is installed"


def _same(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def _listed(versions: set[str] | None) -> str:
    return ", ".join(sorted(versions)) if versions else "none"
