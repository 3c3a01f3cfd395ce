from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some

from local.services.json_server import Request, Response
from local.services.orders_api.orders import ORDERS, orders, summary
from local.services.orders_api.server import CUT_PAGE, REFUSED_PAGE, OrdersApi
from local.services.service import ROOT
from local.waiting import wait

pytestmark = pytest.mark.slow

TOKEN = "t0ken"
PAGES = 13
LAST = ORDERS - (PAGES - 1) * 100


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> OrdersApi:
    return OrdersApi(TOKEN, clock)


def ask(api: OrdersApi, path: str, token: str = TOKEN, method: str = "GET") -> Response:
    parts = urlsplit(path)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return api.answer(Request(method, parts.path, query, {"authorization": f"Bearer {token}"}, b""))


def content(response: Response) -> dict:
    return json.loads(response.body) if isinstance(response.body, bytes) else response.body


def is_cut(response: Response) -> bool:
    return isinstance(response.body, bytes) and len(response.body) < int(response.headers["Content-Length"])


def walk(api: OrdersApi, clock: Clock) -> tuple[list[dict], list[str]]:
    """Every order, and page by page what was met: ``ok``, ``429``, ``cut``."""
    path, found, met = "/orders?limit=100", [], []
    while path is not None:
        response = ask(api, path)
        if response.status == 429:
            met.append("429")
            clock.now += float(response.headers["Retry-After"])
        elif is_cut(response):
            met.append("cut")
        else:
            met.append("ok")
            page = content(response)
            found += page["orders"]
            path = page["next"]
    return found, met


def test_pages_hold_every_order_once_and_each_sequence_meets_both_troubles_once(api, clock):
    for _ in range(2):
        found, met = walk(api, clock)
        assert found == list(orders())
        expected = ["ok"] * PAGES
        expected.insert(CUT_PAGE, "cut")
        expected.insert(REFUSED_PAGE, "429")
        assert met == expected


def test_who_does_not_wait_is_refused_again(api, clock):
    path = "/orders"
    for _ in range(REFUSED_PAGE):
        path = content(ask(api, path))["next"]
    assert [ask(api, path).status for _ in range(3)] == [429] * 3
    clock.now += 0.99
    assert ask(api, path).status == 429
    clock.now += 0.02
    assert ask(api, path).status == 200


def test_a_page_is_of_the_size_asked_for_and_the_last_one_of_what_is_left(api, clock):
    assert len(content(ask(api, "/orders"))["orders"]) == 50
    assert len(content(ask(api, "/orders?limit=7"))["orders"]) == 7
    sequence = content(ask(api, "/orders?limit=100"))["next"].partition("cursor=")[2].partition(".")[0]
    last = content(ask(api, f"/orders?cursor={sequence}.{PAGES - 1}.100"))
    assert (len(last["orders"]), last["next"]) == (LAST, None)


@pytest.mark.parametrize("limit", ["", "0", "101", "-1", "1e1", "٣", "9" * 5000])
def test_a_limit_that_is_none_is_refused(api, limit):
    assert ask(api, f"/orders?limit={limit}").status == 400


@given(some.text(max_size=40))
def test_no_cursor_breaks_it(text):
    request = Request("GET", "/orders", {"cursor": text}, {"authorization": f"Bearer {TOKEN}"}, b"")
    assert OrdersApi(TOKEN).answer(request).status == 400


@pytest.mark.parametrize(("path", "method", "status"), [("/", "GET", 404), ("/orders", "POST", 405)])
def test_other_requests(api, path, method, status):
    assert ask(api, path, method=method).status == status


@given(some.text(max_size=20).filter(lambda text: text != TOKEN))
def test_nothing_is_told_without_the_token(token):
    assert ask(OrdersApi(TOKEN), "/orders/summary", token).status == 401


def test_old_sequences_are_forgotten(api, monkeypatch):
    monkeypatch.setattr("local.services.orders_api.server.SEQUENCES_KEPT", 2)
    first = content(ask(api, "/orders"))["next"]
    assert ask(api, first).status == 200
    for _ in range(2):
        ask(api, "/orders")
    assert ask(api, first).status == 400


def test_the_orders_are_hostile_and_the_summary_is_theirs():
    assert len({order["id"] for order in orders()}) == ORDERS
    assert all(int(float(order["reference"])) != order["reference"] for order in orders()[::2])
    text = json.dumps(orders(), ensure_ascii=False)
    assert all(mark in text for mark in ("\u2028", "\x85", "\\n", "☃", "\\\\"))
    total = sum(Decimal(line["price"]) * line["quantity"] for order in orders() for line in order["lines"])
    assert summary() == {"orders": ORDERS, "total": str(total)}


@pytest.fixture
def served() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "local.services.orders_api.server"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as server:
        address = f"http://127.0.0.1:{port}"

        def missing() -> str | None:
            try:
                httpx.get(address)
            except httpx.TransportError as error:
                return str(error)
            return None

        try:
            wait("the stand-in", missing, 20)
            yield address
        finally:
            server.terminate()
    assert server.returncode == 0


def test_a_truncated_page_is_one_for_a_client_too(served):
    with httpx.Client(base_url=served, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        first = client.get("/orders?limit=100").json()
        cut = first["next"].replace(".1.", f".{CUT_PAGE}.")
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(cut)
        assert len(client.get(cut).json()["orders"]) == 100
