"""Advisories about locked packages, in the form of the package index's own JSON, and which of them must be acted on.

https://docs.pypi.org/api/json/#known-vulnerabilities: ``vulnerabilities`` of a release, each with ``id``, ``aliases``,
``fixed_in``, ``withdrawn``. It names no severity; an index that adds one is believed, an unknown one counts as high.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import InputError, Problem
from pipelines.validation import problems_of

ACCEPTED = "accepted-advisories.toml"
SEVERITIES = ("low", "medium", "high", "critical", "unknown")
GRAVE = ("high", "critical", "unknown")
#: https://www.first.org/cvss/v3.1/specification-document#Qualitative-Severity-Rating-Scale
SCORES = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.0, "low"))
Verdict = Literal["fix", "wait", "watch", "accepted"]


class Reply(BaseModel):
    """One entry of ``vulnerabilities``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    aliases: tuple[str, ...] = ()
    fixed_in: tuple[str, ...] | None = ()
    withdrawn: str | None = None
    summary: str | None = None
    details: str | None = None
    severity: str | float | None = None


@dataclass(frozen=True, order=True)
class Advisory:
    """One advisory about one version of one package. ``names`` are its own and its aliases, its own first."""

    package: str
    version: str
    names: tuple[str, ...]
    severity: str
    fixed_in: tuple[str, ...]
    summary: str


class Acceptance(BaseModel):
    """One ``[[advisory]]`` of images/accepted-advisories.toml: why it may stay, and until when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1)]
    package: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=10)]
    until: date


class Acceptances(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    advisory: tuple[Acceptance, ...] = ()


def advisories(package: str, version: str, document: Mapping[str, Any]) -> tuple[Advisory, ...]:
    """Those of a release's JSON that were not withdrawn. Raises InputError when it is no such document."""
    replies, problems = [], []
    for number, entry in enumerate(document.get("vulnerabilities") or ()):
        try:
            replies.append(Reply.model_validate(entry))
        except ValidationError as error:
            problems += problems_of(error, Reply, f"{package} {version}", f"vulnerabilities.{number}")
    if problems:
        raise InputError(problems)
    return tuple(
        Advisory(
            package,
            version,
            tuple(dict.fromkeys((reply.id, *reply.aliases))),
            severity(reply.severity),
            tuple(reply.fixed_in or ()),
            " ".join((reply.summary or reply.details or "").split())[:120],
        )
        for reply in replies
        if not reply.withdrawn
    )


def severity(told: str | float | None) -> str:
    """One of SEVERITIES, of a word or a CVSS base score."""
    word = str(told).strip().lower()
    word = {"moderate": "medium", "none": "unknown"}.get(word, word)
    if word in SEVERITIES:
        return word
    try:
        score = float(word)
    except ValueError:
        return "unknown"
    return next((name for least, name in SCORES if score >= least), "unknown")


def verdict(advisory: Advisory, accepted: Iterable[Acceptance], today: date) -> Verdict:
    """``fix`` fails an audit: grave, and a version without it is there; ``wait`` is as grave, but nobody fixed it."""
    for one in accepted:
        if one.package == advisory.package and one.id in advisory.names and today <= one.until:
            return "accepted"
    if advisory.severity not in GRAVE:
        return "watch"
    return "fix" if advisory.fixed_in else "wait"


def read_accepted(text: str, file: str) -> tuple[Acceptance, ...]:
    """The acceptances of the file's text. Raises InputError with every mistake in it."""
    try:
        return Acceptances.model_validate(tomllib.loads(text)).advisory
    except tomllib.TOMLDecodeError as error:
        raise InputError([Problem(file, "", str(error), "TOML", "correct it")]) from None
    except ValidationError as error:
        raise InputError(problems_of(error, Acceptances, file)) from None
