"""Secrets are found wherever they are, and never repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.secret_findings import Finding, in_file, in_history

KEY = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"A" * 64 + b"\n"
FORMS = {
    "a private key": KEY,
    "an AWS access key": b"key = AKIA" + b"Q" * 16,
    "a GitHub token": b"ghp_" + b"a" * 36,
    "a GitLab token": b"glpat-" + b"a" * 20,
    "a Slack token": b"xoxb-" + b"1" * 24,
    "a package index token": b"pypi-AgE" + b"a" * 60,
}


@pytest.mark.parametrize("what", FORMS)
def test_known_forms(what: str) -> None:
    assert [*in_file("opt/task/settings.ini", b"x " + FORMS[what] + b" y", {})] == [
        Finding("opt/task/settings.ini", what)
    ]
    assert [*in_file("usr/local/lib/python3.13/site-packages/a/tests/x.py", FORMS[what], {})] == []


@pytest.mark.parametrize("path", ["root/.netrc", "home/airflow/.docker/config.json", "root/.ssh/id_ed25519", ".pypirc"])
def test_files_of_log_ins(path: str) -> None:
    assert [*in_file(path, b"machine x", {})] == [Finding(path, "a file of log-ins")]
    assert [*in_file(path, b"", {})] == []


@given(st.binary(max_size=50), st.binary(min_size=8, max_size=30), st.binary(max_size=50))
def test_known_values_are_found_anywhere(before: bytes, value: bytes, after: bytes) -> None:
    path = "usr/lib/python3/dist-packages/x.py"
    assert Finding(path, "the password") in [*in_file(path, before + value + after, {"the password": value})]


@given(st.binary(max_size=200), st.binary(min_size=8, max_size=20))
def test_a_finding_never_holds_the_secret(content: bytes, value: bytes) -> None:
    for finding in in_file("a", content + value, {"it": value}):
        assert finding == Finding("a", finding.what)
        assert finding.what in {*FORMS, "it"}


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("ARG PIP_TOKEN=abcdef", "a value for PIP_TOKEN"),
        ("ENV DB_PASSWORD='hunter2'", "a value for DB_PASSWORD"),
        ("RUN pip install --index-url https://user:hunter2@example.org/simple", "a log-in in an address"),
        ("RUN API_KEY=abc make", "a value for API_KEY"),
    ],
)
def test_history(step: str, what: str) -> None:
    assert [*in_history(["FROM x", step], {})] == [Finding("history, step 2", what)]


@pytest.mark.parametrize(
    "step",
    [
        "ARG PIP_TOKEN",
        "ENV DB_PASSWORD=",
        'ENV DB_PASSWORD=""',
        "RUN curl https://$USER:$TOKEN@example.org",
        "RUN --mount=type=secret,id=token make",
        "RUN echo https://example.org:8080/a@b",
    ],
)
def test_history_without_a_value(step: str) -> None:
    assert [*in_history([step], {})] == []
