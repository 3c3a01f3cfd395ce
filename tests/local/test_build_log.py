"""What is told of a build that failed: the step, its last lines, and nothing of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.build_log import FIXES, KEPT_LINES, BuildLog

FAILURE = [
    "#1 [internal] load build definition from Dockerfile",
    "#1 DONE 0.0s",
    "#5 [2/3] RUN pip install",
    *(f"#5 {second}.1 line {second}" for second in range(40)),
    "#6 [other 1/2] RUN sleep 1",
    "#6 1.0 from the other stage",
    '#5 ERROR: process "/bin/sh -c pip install" did not complete successfully: exit code: 1',
    "------",
    " > [2/3] RUN pip install:",
    "0.1 line 39",
    "------",
    "error: failed to solve: process did not complete successfully: exit code: 1",
]


def told(lines: list[str]) -> tuple[list[str], str]:
    steps: list[str] = []
    log = BuildLog(steps.append)
    for line in lines:
        log.take(f"{line}\n")
    return steps, log.failure()


def test_the_failing_step_and_its_last_lines() -> None:
    steps, failure = told(FAILURE)
    lines = failure.splitlines()
    assert steps == [
        "[internal] load build definition from Dockerfile",
        "[2/3] RUN pip install",
        "[other 1/2] RUN sleep 1",
    ]
    assert lines[0] == "  step    [2/3] RUN pip install"
    assert lines[1:-1] == [f"  line {number}" for number in range(40 - KEPT_LINES, 40)]
    assert lines[-1].startswith('  reason  process "/bin/sh -c pip install" did not complete')


def test_a_full_disk_is_told_as_such() -> None:
    _, failure = told([*FAILURE[:3], "#5 0.3 OSError: [Errno 28] No space left on device", FAILURE[-6]])
    assert failure.endswith(FIXES[0][1])


@pytest.mark.parametrize(
    "reason",
    [
        "failed to push localhost:5000/a/b:1: push access denied, repository does not exist or may require "
        "authorization: authorization failed: no basic auth credentials",
        "failed to push ghcr.io/a/b:1: unexpected status from POST request to https://ghcr.io/v2/a/b/blobs/uploads/: "
        "403 Forbidden",
        "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized",
    ],
)
def test_a_push_that_is_refused_is_told_as_such(reason: str) -> None:
    _, failure = told(["#9 exporting to image", "#9 pushing layers 0.1s done", f"#9 ERROR: {reason}"])
    assert failure.endswith(FIXES[1][1])
    assert reason in failure


@pytest.mark.parametrize(
    ("reason", "fix"),
    [
        (
            'failed to push localhost:5000/a/b:1: failed to do request: Head "http://localhost:5000/v2/a/b/blobs/x": '
            "dial tcp 127.0.0.1:5000: connect: connection refused",
            "the registry does not answer",
        ),
        (
            'failed to copy: failed to do request: Put "http://localhost:5000/v2/a/b": EOF',
            "the registry does not answer",
        ),
        (
            "failed to push localhost:5000/a/b:1: unexpected status from PUT request to http://localhost:5000/v2/a/b/"
            "blobs/uploads/1: 500 Internal Server Error",
            "its disk is full",
        ),
    ],
)
def test_a_registry_that_fails_is_told_as_such(reason: str, fix: str) -> None:
    _, failure = told(["#9 exporting to image", "#9 pushing layers 0.1s done", f"#9 ERROR: {reason}"])
    assert fix in failure.splitlines()[-1]


def test_what_a_step_of_the_build_cannot_reach_is_no_registry() -> None:
    lines = [FAILURE[2], "#5 0.3 error: Failed to fetch https://packages.example.org: connection refused", FAILURE[-6]]
    assert "registry" not in told(lines)[1]


def test_a_pin_that_the_archive_no_longer_has_is_told_as_such() -> None:
    lines = ["E: Version '2.41-12' for 'libc6-dev' was not found", "pinned: libc6-dev=2.41-12; in the archive: 2.41-13"]
    output = [
        "#7 [2/4] RUN install-system-packages",
        *(f"#7 1.02 {line}" for line in lines),
        "#7 ERROR: exit code: 100",
    ]
    _, failure = told(output)
    assert lines[1] in failure
    assert failure.endswith("as the step's lines say: pin that")


def test_a_builder_that_cannot_even_begin() -> None:
    _, failure = told(["error: failed to list workers: connection refused"])
    assert "connection refused" in failure.splitlines()[-1]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=60))
def test_any_output_is_told_in_few_lines(lines: list[str]) -> None:
    _, failure = told([line.replace("\n", " ").replace("\r", " ") for line in lines])
    assert "  reason  " in failure
    assert failure.count("\n  ") <= KEPT_LINES + 3
