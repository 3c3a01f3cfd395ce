"""One comment of each stack on a pull request, edited in place; posted where no code of the pull request runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from plan.markdown import marker

API = "https://api.github.com"
PAGE = 100
SECONDS = 30.0
#: Who writes with the token of a workflow.
AUTHOR = "github-actions[bot]"


@dataclass(frozen=True)
class Source:
    """The commit that a workflow ran on, as GitHub itself tells: its repository's owner, its branch, its hash."""

    owner: str
    branch: str
    sha: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Source:
        """Of the event ``workflow_run``."""
        ran = event["workflow_run"]
        return cls(ran["head_repository"]["owner"]["login"], ran["head_branch"], ran["head_sha"])


class Comments:
    """The comments of one repository. Raises httpx.HTTPStatusError where GitHub refuses."""

    def __init__(self, repository: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
        base = f"{os.environ.get('GITHUB_API_URL', API)}/repos/{repository}"
        self._client = httpx.Client(base_url=base, headers=headers, timeout=SECONDS, transport=transport)

    def pull_request(self, source: Source) -> int | None:
        """The open pull request whose newest commit it is; None where it has moved on, or there is none.

        The event names none for a fork: https://docs.github.com/en/rest/pulls/pulls#list-pull-requests does.
        """
        wanted = {"state": "open", "head": f"{source.owner}:{source.branch}", "per_page": str(PAGE)}
        answer = self._client.get("/pulls", params=wanted)
        answer.raise_for_status()
        return next((int(one["number"]) for one in answer.json() if one["head"]["sha"] == source.sha), None)

    def put(self, number: int, stack: str, body: str) -> str:
        """Edit the stack's comment, or make it; returns ``edited``, ``made`` or ``unchanged``."""
        first = marker(stack)
        for one in self._all(number):
            if one["body"].startswith(first) and one["user"]["login"] == AUTHOR:
                if one["body"] == body:
                    return "unchanged"
                self._client.patch(f"/issues/comments/{int(one['id'])}", json={"body": body}).raise_for_status()
                return "edited"
        self._client.post(f"/issues/{number}/comments", json={"body": body}).raise_for_status()
        return "made"

    def _all(self, number: int) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            answer = self._client.get(f"/issues/{number}/comments", params={"per_page": PAGE, "page": page})
            answer.raise_for_status()
            found = answer.json()
            yield from found
            if len(found) < PAGE:
                return
            page += 1
