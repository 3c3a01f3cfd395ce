"""Answers of a package index, and what follows from each."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines.advisories import Acceptance, Advisory, advisories, read_accepted, severity, verdict
from pipelines.errors import InputError

TODAY = date(2026, 11, 21)
#: In the form that the index answers in.
REPLY = {
    "id": "PYSEC-2026-7",
    "aliases": ["CVE-2026-1234", "GHSA-xxxx-yyyy-zzzz"],
    "details": "A parser\nthat never ends.",
    "fixed_in": ["2.0.1"],
    "link": "https://osv.dev/vulnerability/PYSEC-2026-7",
    "source": "osv",
    "summary": None,
    "withdrawn": None,
}
ACCEPTED = """
[[advisory]]
id = "CVE-2026-1234"
package = "parser"
reason = "the parser is never called"
until = 2026-12-31
"""


def one(**changes: object) -> Advisory:
    [found] = advisories("parser", "2.0.0", {"vulnerabilities": [{**REPLY, **changes}]})
    return found


def test_an_answer_is_read() -> None:
    assert one() == Advisory(
        "parser",
        "2.0.0",
        ("PYSEC-2026-7", "CVE-2026-1234", "GHSA-xxxx-yyyy-zzzz"),
        "unknown",
        ("2.0.1",),
        "A parser that never ends.",
    )


def test_a_weakness_that_two_databases_know_is_told_once() -> None:
    """As the index answers for ecdsa 0.19.2: both entries, each naming the other."""
    own, other = {**REPLY, "id": "PYSEC-2026-7"}, {**REPLY, "id": "GHSA-xxxx-yyyy-zzzz", "fixed_in": ["2.0.1", "2.1"]}
    other["aliases"] = ["CVE-2026-1234", "PYSEC-2026-7"]
    unrelated = {**REPLY, "id": "PYSEC-2026-8", "aliases": []}
    graver = {**REPLY, "id": "CVE-2026-1234", "aliases": [], "severity": "low"}
    found = advisories("parser", "2.0.0", {"vulnerabilities": [other, unrelated, own, graver]})
    assert [(one.names, one.severity, one.fixed_in) for one in found] == [
        (("PYSEC-2026-7", "CVE-2026-1234", "GHSA-xxxx-yyyy-zzzz"), "low", ("2.0.1", "2.1")),
        (("PYSEC-2026-8",), "unknown", ("2.0.1",)),
    ]


def test_what_was_withdrawn_is_no_advisory() -> None:
    assert advisories("parser", "2.0.0", {"vulnerabilities": [{**REPLY, "withdrawn": "2026-02-01T00:00:00Z"}]}) == ()
    assert advisories("parser", "2.0.0", {}) == ()


def test_an_answer_of_another_form_is_no_clean_bill() -> None:
    with pytest.raises(InputError) as caught:
        advisories("parser", "2.0.0", {"vulnerabilities": [{"aliases": []}, {"id": 7}]})
    assert {problem.key for problem in caught.value.problems} == {"vulnerabilities.0.id", "vulnerabilities.1.id"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (None, "unknown"),
        ("HIGH", "high"),
        ("Moderate", "medium"),
        (9.8, "critical"),
        ("7.0", "high"),
        (6.9, "medium"),
        (0.1, "low"),
        ("CVSS:3.1/AV:N", "unknown"),
    ],
)
def test_severities(told: str | float | None, expected: str) -> None:
    assert severity(told) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "fix"),
        ({"severity": "CRITICAL"}, "fix"),
        ({"severity": "low"}, "watch"),
        ({"fixed_in": []}, "wait"),
        ({"fixed_in": None}, "wait"),
    ],
)
def test_only_what_is_grave_and_mended_has_to_be_fixed(changes: dict[str, object], expected: str) -> None:
    assert verdict(one(**changes), (), TODAY) == expected


def test_an_acceptance_is_for_one_package_by_any_name_until_its_day() -> None:
    accepted = read_accepted(ACCEPTED, "accepted.toml")
    assert verdict(one(), accepted, TODAY) == "accepted"
    assert verdict(one(), accepted, date(2026, 12, 31)) == "accepted"
    assert verdict(one(), accepted, date(2027, 1, 1)) == "fix"
    other = Acceptance(id="PYSEC-2026-7", package="another", reason="a long reason", until=TODAY)
    assert verdict(one(), (other,), TODAY) == "fix"


def test_mistakes_in_the_file_are_told_together() -> None:
    wrong = '[[advisory]]\nid = "x"\npackage = "y"\nreason = "short"\n[[advisory]]\nid = "z"\nwhy = 1\n'
    with pytest.raises(InputError) as caught:
        read_accepted(wrong, "accepted.toml")
    keys = {problem.key for problem in caught.value.problems}
    assert keys >= {"advisory.0.reason", "advisory.0.until", "advisory.1.package", "advisory.1.why"}
    with pytest.raises(InputError, match="1 problem"):
        read_accepted("[[", "accepted.toml")
