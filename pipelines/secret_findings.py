"""Secrets that must stand in no image: known forms, known places, and values that the caller knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: Larger files are data, not configuration.
LARGEST = 1 << 20
SHORTEST_VALUE = 8
#: What -> (literals of which every match holds one, the form). The literals are looked for first: no form is as fast.
FORMS: Mapping[str, tuple[tuple[bytes, ...], re.Pattern[bytes]]] = MappingProxyType(
    {
        "a private key": (
            (b"PRIVATE KEY-----",),
            re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"),
        ),
        "an AWS access key": ((b"AKIA",), re.compile(rb"\bAKIA[0-9A-Z]{16}\b")),
        "a GitHub token": (
            (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
            re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})\b"),
        ),
        "a GitLab token": ((b"glpat-",), re.compile(rb"\bglpat-[A-Za-z0-9_-]{20}\b")),
        "a Slack token": (
            (b"xoxa-", b"xoxb-", b"xoxp-", b"xoxr-", b"xoxs-"),
            re.compile(rb"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
        ),
        "a package index token": ((b"pypi-AgE",), re.compile(rb"\bpypi-AgE[A-Za-z0-9_-]{50,}")),
    }
)
#: Files that hold a log-in and nothing else.
PLACES = re.compile(
    r"(^|/)(\.netrc|\.pypirc|\.pgpass|\.docker/config\.json|\.aws/credentials|\.ssh/id_[a-z0-9]+|\.git-credentials|\.kube/config)$"
)
#: In an image's history: an argument or variable that is named like a secret, with a value; or a log-in in an address.
ASSIGNED = re.compile(
    r"\b(?P<name>\w*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY)\w*)=(?!\s|$|['\"]?\$|''|\"\")\S+", re.I
)
ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:(?!\$)[^\s/@]+@", re.I)
#: Files of published packages, whose examples and tests hold keys that everybody knows. Known values are looked for
#: there as well.
PUBLISHED = re.compile(r"(^|/)(site|dist)-packages/|^usr/(lib|share)/|^opt/java/")


@dataclass(frozen=True, order=True)
class Finding:
    """Where a secret was found, and what it is; never the secret."""

    where: str
    what: str


def in_file(path: str, content: bytes, known: Mapping[str, bytes]) -> Iterator[Finding]:
    """What stands in one file; ``known`` maps what a value is to the value."""
    if content and PLACES.search(path):
        yield Finding(path, "a file of log-ins")
    for what, (literals, form) in FORMS.items() if not PUBLISHED.search(path) else ():
        if any(literal in content for literal in literals) and form.search(content):
            yield Finding(path, what)
    for what, value in known.items():
        if len(value) >= SHORTEST_VALUE and value in content:
            yield Finding(path, what)


def in_history(steps: Iterable[str], known: Mapping[str, bytes]) -> Iterator[Finding]:
    """What stands in the commands and variables of an image's history."""
    for number, step in enumerate(steps, start=1):
        where = f"history, step {number}"
        if found := ASSIGNED.search(step):
            yield Finding(where, f"a value for {found['name']}")
        if ADDRESS.search(step):
            yield Finding(where, "a log-in in an address")
        yield from in_file(where, step.encode(), known)
