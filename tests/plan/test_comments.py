from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.errors import InputError
from plan import exchange
from plan.comments import AUTHOR, Comments, Source
from plan.explanation import Broken
from plan.markdown import marker
from tests.plan import plans

SHA = "a" * 40
SOURCE = Source("somebody", "topic", SHA)


class FakeGitHub:
    """The comments and open pull requests of one repository."""

    def __init__(self, pulls: list[dict[str, Any]], comments: list[dict[str, Any]]) -> None:
        self.pulls, self.comments, self.written = pulls, comments, list[tuple[str, str, str]]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer token"
        path = request.url.path.removeprefix("/repos/acme/flows")
        if request.method == "GET" and path == "/pulls":
            assert request.url.params["head"] == "somebody:topic"
            return httpx.Response(200, json=self.pulls)
        if request.method == "GET":
            page = int(request.url.params["page"]) - 1
            return httpx.Response(200, json=self.comments[page * 100 : page * 100 + 100])
        self.written.append((request.method, path, json.loads(request.content)["body"]))
        return httpx.Response(201, json={})

    def client(self) -> Comments:
        return Comments("acme/flows", "token", httpx.MockTransport(self))


def comment(number: int, body: str, author: str = AUTHOR) -> dict[str, Any]:
    return {"id": number, "body": body, "user": {"login": author}}


def test_a_stack_s_comment_is_made_once_and_edited_in_place() -> None:
    others = [comment(number, f"words {number}") for number in range(150)]
    somebody_s = comment(200, f"{marker('dev')}\nmine", author="somebody")
    github = FakeGitHub([], [*others, somebody_s])
    assert github.client().put(7, "dev", f"{marker('dev')}\nnew") == "made"
    assert github.written == [("POST", "/issues/7/comments", f"{marker('dev')}\nnew")]
    github = FakeGitHub(
        [], [*others, somebody_s, comment(201, f"{marker('prod')}\nx"), comment(202, f"{marker('dev')}\nx")]
    )
    assert github.client().put(7, "dev", f"{marker('dev')}\nnew") == "edited"
    assert github.written == [("PATCH", "/issues/comments/202", f"{marker('dev')}\nnew")]
    assert github.client().put(7, "dev", f"{marker('dev')}\nx") == "unchanged"


def test_only_a_pull_request_that_stands_at_the_commit_is_commented() -> None:
    moved, ours = {"number": 1, "head": {"sha": "b" * 40}}, {"number": 2, "head": {"sha": SHA}}
    assert FakeGitHub([moved, ours], []).client().pull_request(SOURCE) == 2
    assert FakeGitHub([moved], []).client().pull_request(SOURCE) is None


def test_the_commit_is_what_github_says_and_not_the_artifact() -> None:
    ran = {"head_repository": {"owner": {"login": "somebody"}}, "head_branch": "topic", "head_sha": SHA}
    assert Source.of({"workflow_run": ran}) == SOURCE


def test_both_sides_read_back(tmp_path: Path) -> None:
    for stack, before in (("dev", plans.plan()), ("prod", None), ("staging", Broken("words"))):
        exchange.write(tmp_path / stack, before, plans.plan(stack=stack))
    assert exchange.read(tmp_path) == {
        "dev": (plans.plan(), plans.plan()),
        "prod": (None, plans.plan(stack="prod")),
        "staging": (Broken("words"), plans.plan(stack="staging")),
    }


@pytest.mark.parametrize(
    ("base", "head"),
    [
        ("null", "null"),
        ("{}", '{"broken": "x"}'),
        ("null", '{"broken": "x", "run": "id"}'),
        ("null", "[" * 100_000),
        ("null", "\x00"),
        ("null", plans.plan(stack="prod").to_json()),
        ("null", plans.plan().to_json().replace('"findings"', '"finding"')),
    ],
)
def test_an_artifact_of_another_form_is_refused_in_our_own_words(base: str, head: str, tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / exchange.BASE).write_text(base)
    (tmp_path / "dev" / exchange.HEAD).write_text(head)
    with pytest.raises(InputError) as refusal:
        exchange.read(tmp_path)
    assert all(problem.found == "something else" for problem in refusal.value.problems)


def test_an_artifact_leads_nowhere_else(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    exchange.write(outside, None, plans.plan())
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    (artifact / "dev").symlink_to(outside)
    assert exchange.read(artifact) == {}
    exchange.write(artifact / "prod", None, plans.plan(stack="prod"))
    (artifact / "prod" / exchange.HEAD).unlink()
    (artifact / "prod" / exchange.HEAD).symlink_to(outside / exchange.HEAD)
    with pytest.raises(InputError):
        exchange.read(artifact)
    (artifact / "-rf @everyone").mkdir()
    with pytest.raises(InputError) as refusal:
        exchange.read(artifact)
    assert "everyone" not in str(refusal.value)
