"""What adoption finds in a file, and what it would make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: What an edited file takes its names from.
CATALOG = "airflow_runtime.catalog"


@dataclass(frozen=True, order=True)
class Edit:
    """Characters ``start`` up to ``end`` of the file's text become ``text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, order=True)
class Finding:
    """One thing at one place, lines and columns from 1.

    ``becomes`` is None where adoption leaves it to the reader; ``why`` then says what to do. ``pod`` names the fields
    of the pod that differ after it, in the words of a manifest (``spec.containers.image``). ``needed``: the file does
    not work here as it is.
    """

    line: int
    column: int
    found: str
    becomes: str | None
    why: str
    pod: tuple[str, ...] = ()
    needed: bool = True


@dataclass(frozen=True)
class Choices:
    """What the file cannot say: which of our images stands for which of its own.

    ``types`` are the image types of the catalog; ``repositories`` maps the repositories that the catalog publishes to
    them; ``images`` maps images as the file names them to types; ``image`` is for all others. ``keep_store`` leaves
    the endpoint, bucket and Secret that Elyra wrote.
    """

    types: tuple[str, ...] = ()
    repositories: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    keep_store: bool = False

    def type_of(self, image: str) -> str | None:
        """The type that stands for an image, None when nothing says so."""
        repository = image.partition("@")[0]
        head, _, name = repository.rpartition("/")
        known = self.repositories.get(f"{head}/{name.partition(':')[0]}" if head else name.partition(":")[0])
        return self.images.get(image) or known or self.image


@dataclass(frozen=True)
class Adoption:
    """A file as it is and as it would be, and every finding in the order of the file."""

    before: str
    after: str
    changed: tuple[Finding, ...]
    left: tuple[Finding, ...]
    encoding: str = "utf-8"

    @property
    def content(self) -> bytes:
        return self.after.encode(self.encoding)
