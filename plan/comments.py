"""One comment of each stack on a pull request, edited in place; posted where no code of the pull request runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
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


class Repository:
    """GitHub's API of one repository. Raises httpx.HTTPStatusError where it refuses."""

    def __init__(self, repository: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
        base = f"{os.environ.get('GITHUB_API_URL', API)}/repos/{repository}"
        self._client = httpx.Client(base_url=base, headers=headers, timeout=SECONDS, transport=transport)

    def every(self, path: str, parameters: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """All entries of a list, page by page."""
        for page in count(1):
            answer = self._client.get(path, params={**(parameters or {}), "per_page": PAGE, "page": page})
            answer.raise_for_status()
            found = answer.json()
            yield from found
            if len(found) < PAGE:
                return

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        self._client.request(method, path, json=dict(body)).raise_for_status()


class Comments(Repository):
    """The comments of one repository."""

    def pull_request(self, source: Source) -> int | None:
        """The open pull request whose newest commit it is; None where it has moved on, or there is none.

        The event names none for a fork: https://docs.github.com/en/rest/pulls/pulls#list-pull-requests does.
        """
        found = self.every("/pulls", {"state": "open", "head": f"{source.owner}:{source.branch}"})
        return next((int(one["number"]) for one in found if one["head"]["sha"] == source.sha), None)

    def put(self, number: int, stack: str, body: str) -> str:
        """Edit the stack's comment, or make it; returns ``edited``, ``made`` or ``unchanged``."""
        first = marker(stack)
        for one in self.every(f"/issues/{number}/comments"):
            if one["body"].startswith(first) and one["user"]["login"] == AUTHOR:
                if one["body"] == body:
                    return "unchanged"
                self.send("PATCH", f"/issues/comments/{int(one['id'])}", {"body": body})
                return "edited"
        self.send("POST", f"/issues/{number}/comments", {"body": body})
        return "made"
