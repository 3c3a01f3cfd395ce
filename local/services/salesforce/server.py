"""Plays Salesforce's REST API as far as an extraction uses it.

Forms of requests and answers: Salesforce's REST API Developer Guide, "Query" and "OAuth 2.0 Client Credentials Flow".
Every session meets one 503, at its first request for a second page.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import threading
from urllib.parse import unquote

from local.services.json_server import Request, Response, serve
from local.services.salesforce.records import records

NAME = "salesforce-stand-in"
TOKEN = "/services/oauth2/token"  # noqa: S105 - a path
QUERY = re.compile(r"(?P<base>/services/data/v[0-9]+\.[0-9])/query/?(?P<locator>01g[0-9a-f]{12}-[0-9]+)?")
SOQL = re.compile(r"\s*SELECT\s+(?P<fields>[\w\s,]+?)\s+FROM\s+(?P<object>\w+)(\s+ORDER\s+BY\s+Id)?\s*", re.IGNORECASE)
BATCH = re.compile(r"batchSize=([0-9]+)")
# Salesforce's own smallest and largest number of records in a page.
SMALLEST_BATCH, LARGEST_BATCH = 200, 2000
DEFAULT_BATCH = 2000


class Salesforce:
    """Sessions and open queries; lives as long as the process."""

    def __init__(self, consumer_key: str, consumer_secret: str) -> None:
        self._client = f"{consumer_key}:{consumer_secret}"
        self._sessions: dict[str, int] = {}
        self._queries: dict[str, tuple[str, list[str], int]] = {}
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        """What Salesforce would answer."""
        if request.path == TOKEN and request.method == "POST":
            return self._log_in(request)
        query = QUERY.fullmatch(request.path)
        if not query or request.method != "GET":
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        session = request.headers.get("authorization", "").removeprefix("Bearer ")
        if session not in self._sessions:
            return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if query["locator"]:
            return self._next_page(session, query["base"], query["locator"])
        return self._first_page(request, query["base"])

    def _log_in(self, request: Request) -> Response:
        form = request.form()
        given = f"{form.get('client_id', '')}:{form.get('client_secret', '')}"
        if basic := request.headers.get("authorization", "").removeprefix("Basic "):
            given = unquote(base64.b64decode(basic + "==").decode("utf-8", "replace"))
        if form.get("grant_type") != "client_credentials":
            return Response(400, {"error": "unsupported_grant_type", "error_description": "grant type not supported"})
        if not hmac.compare_digest(given.encode(), self._client.encode()):
            return Response(400, {"error": "invalid_client", "error_description": "invalid client credentials"})
        session = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[session] = 0
        instance = f"https://{request.headers.get('host', '')}"
        return Response(200, {"access_token": session, "instance_url": instance, "token_type": "Bearer"})

    def _first_page(self, request: Request, base: str) -> Response:
        soql = SOQL.fullmatch(request.query.get("q", ""))
        if not soql:
            return _error(400, "MALFORMED_QUERY", "this stand-in knows SELECT fields FROM object [ORDER BY Id]")
        found = records().get(soql["object"])
        if found is None:
            return _error(400, "INVALID_TYPE", f"sObject type '{soql['object']}' is not supported")
        fields = [field.strip() for field in soql["fields"].split(",")]
        if unknown := [field for field in fields if field not in found[0]]:
            return _error(400, "INVALID_FIELD", f"No such column '{unknown[0]}' on entity '{soql['object']}'")
        asked = BATCH.search(request.headers.get("sforce-query-options", ""))
        batch = min(max(int(asked[1]) if asked else DEFAULT_BATCH, SMALLEST_BATCH), LARGEST_BATCH)
        locator = f"01g{secrets.token_hex(6)}"
        with self._lock:
            self._queries[locator] = (soql["object"], fields, batch)
        return self._page(base, locator, 0)

    def _next_page(self, session: str, base: str, position: str) -> Response:
        locator, _, start = position.partition("-")
        with self._lock:
            self._sessions[session] += 1
            first = self._sessions[session] == 1
        if first:
            return _error(503, "SERVER_UNAVAILABLE", "The server is temporarily unavailable")
        if locator not in self._queries:
            return _error(404, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(base, locator, int(start))

    def _page(self, base: str, locator: str, start: int) -> Response:
        name, fields, batch = self._queries[locator]
        every = records()[name]
        shown = [
            {
                "attributes": {"type": name, "url": f"{base}/sobjects/{name}/{record['Id']}"},
                **{field: record[field] for field in fields},
            }
            for record in every[start : start + batch]
        ]
        end = start + len(shown)
        more = (
            {"done": False, "nextRecordsUrl": f"{base}/query/{locator}-{end}"} if end < len(every) else {"done": True}
        )
        return Response(200, {"totalSize": len(every), **more, "records": shown})


def _error(status: int, code: str, message: str) -> Response:
    return Response(status, [{"errorCode": code, "message": message}])


if __name__ == "__main__":
    # The name of what this process may do is public; only the secret is one.
    serve(NAME, Salesforce("airflow-extraction", os.environ["CONSUMER_SECRET"]).answer)
