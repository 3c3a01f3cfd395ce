"""Advisories about locked packages, in the form of the package index's own JSON, and which of them must be acted on.

PyPI's JSON API, "Known vulnerabilities": ``vulnerabilities`` of a release, each with ``id``, ``aliases``,
``fixed_in``, ``withdrawn``. It names no severity; an index that adds one is believed, an unknown one counts as high.
One weakness comes several times, once for each database that knows it, each entry with the others' ids as aliases.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import InputError, Problem
from pipelines.validation import problems_of

ACCEPTED = "accepted-advisories.toml"
UNKNOWN = "unknown"
SEVERITIES = ("low", "medium", "high", "critical", UNKNOWN)
GRAVE = ("high", "critical", UNKNOWN)
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
    """One advisory about one version of one package. ``names``: what each database calls it, PyPI's first."""

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
    """Those of a release's JSON that were not withdrawn, each weakness once.

    Raises InputError when it is no such document.
    """
    replies, problems = [], []
    for number, entry in enumerate(document.get("vulnerabilities") or ()):
        try:
            replies.append(Reply.model_validate(entry))
        except ValidationError as error:
            problems += problems_of(error, Reply, f"{package} {version}", f"vulnerabilities.{number}")
    if problems:
        raise InputError(problems)
    found: list[Advisory] = []
    for reply in replies:
        if not reply.withdrawn:
            one = _advisory(package, version, reply)
            same = [other for other in found if {*one.names} & {*other.names}]
            found = [other for other in found if other not in same] + [reduce(_joined, same, one)]
    return tuple(sorted(found))


def _advisory(package: str, version: str, reply: Reply) -> Advisory:
    return Advisory(
        package,
        version,
        tuple(sorted({reply.id, *reply.aliases}, key=_order)),
        severity(reply.severity),
        tuple(reply.fixed_in or ()),
        " ".join((reply.summary or reply.details or "").split())[:120],
    )


def _joined(one: Advisory, other: Advisory) -> Advisory:
    """What two databases say of one weakness: the graver severity, and every version that mends it."""
    known = [told for told in (one.severity, other.severity) if told != UNKNOWN]
    return replace(
        one,
        names=tuple(sorted({*one.names, *other.names}, key=_order)),
        severity=max(known, key=SEVERITIES.index, default=UNKNOWN),
        fixed_in=tuple(dict.fromkeys((*one.fixed_in, *other.fixed_in))),
        summary=one.summary or other.summary,
    )


def _order(name: str) -> tuple[bool, str]:
    """Names of the index's own database first."""
    return not name.startswith("PYSEC-"), name


def severity(told: str | float | None) -> str:
    """One of SEVERITIES, of a word or a CVSS base score."""
    word = str(told).strip().lower()
    word = {"moderate": "medium", "none": UNKNOWN}.get(word, word)
    if word in SEVERITIES:
        return word
    try:
        score = float(word)
    except ValueError:
        return UNKNOWN
    return next((name for least, name in SCORES if score >= least), UNKNOWN)


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
