"""Plays a shop's orders API, with the troubles that such APIs have.

``GET /orders?limit=50`` answers ``{"orders": [...], "next": "/orders?cursor=..."}``; the last page's ``next`` is null.
In each sequence of pages the third is refused once, with 429 and ``Retry-After: 1``, and so it is when asked again too
early; the fifth breaks off once halfway. ``GET /orders/summary`` answers ``{"orders": <count>, "total": "<amount>"}``.
All want the token that the server was started with; whatever else is asked gets ``{"error": ...}``.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from local.services.json_server import Request, Response, serve
from local.services.orders_api.orders import ORDERS, orders, summary

NAME = "orders-api-stand-in"
PAGE, LARGEST_PAGE = 50, 100
REFUSED_PAGE, CUT_PAGE = 2, 4
RETRY_AFTER_SECONDS = 1
SEQUENCES_KEPT = 1000


@dataclass
class Sequence:
    """One client's way through the pages: until when it has to wait, and which pages it was given."""

    refused_until: float | None = None
    asked: set[int] = field(default_factory=set)


class BadRequestError(Exception):
    """What was asked makes no sense; the message is for who asked."""


class OrdersApi:
    """Keeps the newest sequences; lives as long as the process."""

    def __init__(self, token: str, now: Callable[[], float] = time.monotonic) -> None:
        self._authorization = f"Bearer {token}".encode()
        self._now = now
        self._sequences: OrderedDict[str, Sequence] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        """What the API would answer."""
        given = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._authorization):
            return _error(401, "no valid token", {"WWW-Authenticate": "Bearer"})
        if request.method != "GET":
            return _error(405, "GET only", {"Allow": "GET"})
        if request.path == "/orders/summary":
            return Response(200, summary())
        if request.path != "/orders":
            return _error(404, f"there is no {request.path}")
        try:
            with self._lock:
                return self._page(*self._place(request))
        except BadRequestError as error:
            return _error(400, str(error))

    def _place(self, request: Request) -> tuple[str, int, int]:
        """Sequence, page and size of the page that is asked for."""
        cursor = request.query.get("cursor")
        if cursor is None:
            size = _number(request.query.get("limit", str(PAGE)), "limit", 1, LARGEST_PAGE)
            name = secrets.token_hex(8)
            self._sequences[name] = Sequence()
            while len(self._sequences) > SEQUENCES_KEPT:
                self._sequences.popitem(last=False)
            return name, 0, size
        name, page, size_text = [*cursor.split("."), "", ""][:3]
        if name not in self._sequences:
            raise BadRequestError("this cursor has expired, or never was one")
        return name, _number(page, "cursor", 0, ORDERS), _number(size_text, "cursor", 1, LARGEST_PAGE)

    def _page(self, name: str, page: int, size: int) -> Response:
        sequence = self._sequences[name]
        if page == REFUSED_PAGE and sequence.refused_until is None:
            sequence.refused_until = self._now() + RETRY_AFTER_SECONDS
        if self._now() < (sequence.refused_until or 0.0):
            return _error(429, "too many requests", {"Retry-After": str(RETRY_AFTER_SECONDS)})
        end = (page + 1) * size
        following = f"/orders?cursor={name}.{page + 1}.{size}" if end < ORDERS else None
        body = json.dumps({"orders": orders()[page * size : end], "next": following}).encode()
        cut = page == CUT_PAGE and page not in sequence.asked
        sequence.asked.add(page)
        return Response(200, body[: len(body) // 2] if cut else body, {"Content-Length": str(len(body))})


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(status, {"error": message}, headers or {})


def _number(text: str, name: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise BadRequestError(f"{name} is {text!r}, not a whole number from {least} to {most}")
    return int(text)


if __name__ == "__main__":
    serve(NAME, OrdersApi(os.environ["TOKEN"]).answer)
