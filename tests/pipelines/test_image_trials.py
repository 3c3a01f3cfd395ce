"""Each check of `images test`, by an image that it must refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.image_trials import SHOWN, Seen, checks, shown, smoke_check
from pipelines.images import Image
from pipelines.installed import Distribution, Installed
from pipelines.secret_findings import Finding
from tests.pipelines.trees import FIXTURE, images_of

RUN = {"User": "10001:10001", "Entrypoint": ["python", "run_task.py"]}


@pytest.fixture(scope="module")
def letters() -> Image:
    return replace(images_of(FIXTURE)["letters"], packages={"six": "1.0"}, smoke=("python", "-c", "import six"))


def seen(**changes: object) -> Seen:
    six = Installed((Distribution("six", "1.0", "lib", "MIT"),))
    return replace(Seen(RUN, RUN, ["RUN true"], six, Installed(), []), **changes)


def failed(image: Image, found: Seen) -> dict[str, tuple[str, ...]]:
    return {check.name: check.problems for check in checks(image, found, {}) if not check.passed}


def test_an_image_as_it_should_be(letters: Image) -> None:
    assert failed(letters, seen()) == {}


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ("", "root"),
        ("0", "root"),
        ("root", "root"),
        ("0:0", "root"),
        ("airflow", "number"),
        ("1000", "'10001:10001' in"),
    ],
)
def test_a_user_that_no_pod_may_be(letters: Image, user: str, told: str) -> None:
    [problem] = failed(letters, seen(run={**RUN, "User": user}))["user"]
    assert told in problem


def test_an_upstream_of_others_may_have_its_own_user(letters: Image) -> None:
    alone = replace(letters, base=None, upstream="rocker/r-ver:4.5.0")
    assert failed(alone, seen(run={**RUN, "User": "1000"}, below={})) == {}


def test_a_worker_keeps_the_entrypoint_of_airflow(letters: Image) -> None:
    changed = seen(run={**RUN, "Entrypoint": ["/start"]})
    assert "entrypoint" in failed(replace(letters, profile="worker"), changed)
    assert failed(letters, changed) == {}


def test_a_task_without_an_entrypoint(letters: Image) -> None:
    assert "entrypoint" in failed(letters, seen(run={"User": "10001:10001"}))


def test_a_secret_in_a_layer_and_in_the_history(letters: Image) -> None:
    found = seen(history=["ENV TOKEN=abc"], layer_findings=[Finding("root/.netrc", "a file of log-ins")])
    assert failed(letters, found) == {
        "no secrets": ("history, step 1: a value for TOKEN", "root/.netrc: a file of log-ins")
    }


def test_packages_that_the_lock_does_not_have(letters: Image) -> None:
    assert failed(letters, seen(installed=Installed())) == {"packages": ("six 1.0 is locked, none is installed",)}


def test_a_smoke_command_that_fails_is_told_by_its_last_lines(letters: Image) -> None:
    check = smoke_check(letters, 1, "\n".join(f"line {number}" for number in range(30)))
    assert (check.passed, check.problems[0], check.problems[1], check.problems[-1]) == (
        False,
        "exit code 1",
        "line 10",
        "line 29",
    )
    assert smoke_check(letters, 0, "noise").passed


def test_many_problems_are_counted() -> None:
    assert shown(str(number) for number in range(SHOWN + 2)) == [*map(str, range(SHOWN)), "and 2 more"]
