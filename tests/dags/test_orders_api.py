"""The task code of orders_api against the stand-in's answers, off the platform."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from local.results import orders_api as results
from local.services.json_server import Request
from local.services.orders_api.server import OrdersApi

SOURCE = Path(__file__).parents[2] / "dags" / "orders_api"
MODULES = ("api", "bucket", "tasks")
RUN = "manual__2026-01-02T03:04:05+00:00"


class Store(dict[str, bytes]):
    """In the place of the bucket."""

    def as_module(self) -> ModuleType:
        module: Any = ModuleType("bucket")
        module.run_prefix = lambda dag_id, run_id: f"data/{dag_id}/runs/{run_id}"
        module.get = self.__getitem__
        module.put = lambda key, content, content_type: self.__setitem__(key, content)
        return module


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    store = Store()
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "bucket", store.as_module())
    monkeypatch.syspath_prepend(str(SOURCE))
    yield store
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def api(store: Store) -> ModuleType:
    return importlib.import_module("api")


class StandIn(httpx.BaseTransport):
    """The stand-in without a network; a body that is shorter than announced fails as it does on one."""

    def __init__(self) -> None:
        self.now = 0.0
        self._server = OrdersApi("token", lambda: self.now)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = self._server.answer(Request(request.method, request.url.path, query, headers, b""))
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        if int(answer.headers.get("Content-Length", len(body))) != len(body):
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")
        return httpx.Response(answer.status, content=body, headers=dict(answer.headers))

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def tasks(store: Store, api: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    tasks = importlib.import_module("tasks")
    stand_in = StandIn()
    monkeypatch.setattr(tasks, "_api", lambda: api.Api("http://shop", "token", stand_in, stand_in.sleep))
    return tasks


def test_the_bucket_gets_what_the_source_has(store, tasks):
    extracted = tasks.extract(RUN)
    assert results.differences(store[extracted["key"]]) == []
    assert (extracted["orders"], extracted["pages"]) == (1237, 13)
    tasks.reconcile(RUN, json.loads(json.dumps(extracted)))
    report = json.loads(store[f"data/orders_api/runs/{RUN}/report.json"])
    assert results.wrong_report(report) == []
    assert json.loads(store["data/orders_api/latest.json"]) == report


def test_a_repeated_run_leaves_the_same(store, tasks):
    tasks.extract(RUN)
    once = dict(store)
    tasks.extract(RUN)
    assert dict(store) == once


def test_an_extraction_that_lost_an_order_is_not_named_the_latest(store, tasks):
    extracted = tasks.extract(RUN)
    shorter = store[extracted["key"]].partition(b"\n")[2]
    store[extracted["key"]] = shorter
    with pytest.raises(ValueError, match="is not what was extracted"):
        tasks.reconcile(RUN, extracted)
    sha256 = hashlib.sha256(shorter).hexdigest()
    with pytest.raises(ValueError, match=r"the bucket holds .*1236"):
        tasks.reconcile(RUN, {**extracted, "sha256": sha256})
    assert list(store) == [extracted["key"]]


class Answers(httpx.BaseTransport):
    """Each request gets the next answer, or meets the next error."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.slept: list[float] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def client(api: ModuleType) -> Callable[[Answers], Any]:
    return lambda answers: api.Api("http://shop", "token", answers, answers.slept.append)


def json_answer(value: object) -> httpx.Response:
    return httpx.Response(200, json=value)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (httpx.Response(503), "503"),
        (httpx.Response(200, content=b'{"orders": [1, 2'), "cut short"),
        (httpx.Response(200, content=b"\xff\xfe"), "cut short"),
        (httpx.RemoteProtocolError("closed"), "cut short"),
        (httpx.ConnectTimeout("slow"), "connection"),
    ],
    ids=str,
)
def test_what_may_pass_is_asked_for_again(client, first, reason):
    answers = Answers(first, json_answer({"a": 1}))
    with client(answers) as api:
        assert api.get("/x") == {"a": 1}
    assert api.retried == {reason: 1}
    assert 0 < answers.slept[0] < 5


@pytest.mark.parametrize(("text", "least", "most"), [("7", 7, 7), ("0", 0, 0), ("soon", 0.01, 5), ("-3", 0.01, 5)])
def test_the_api_is_left_alone_for_as_long_as_it_asks(client, text, least, most):
    answers = Answers(httpx.Response(429, headers={"Retry-After": text}), json_answer({}))
    with client(answers) as api:
        api.get("/x")
    assert least <= answers.slept[0] <= most


@pytest.mark.parametrize(("seconds", "least", "most"), [(30, 28, 31), (-30, 0, 0)])
def test_it_may_ask_with_a_date(client, seconds, least, most):
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    answers = Answers(httpx.Response(429, headers={"Retry-After": moment}), json_answer({}))
    with client(answers) as api:
        api.get("/x")
    assert least <= answers.slept[0] <= most


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([httpx.Response(401, text="who?")], "/x: 401 who?"),
        ([json_answer([1])], "/x is a JSON list, not an object"),
        ([httpx.Response(429, headers={"Retry-After": "3600"})], "asks to be left alone for 3600 s, more than 60 s"),
        ([httpx.Response(502) for _ in range(6)], "/x was asked for 6 times; the last time: 502"),
    ],
    ids=["refused", "list", "too long", "for ever"],
)
def test_what_does_not_pass_ends_it(api, client, answers, message):
    every = Answers(*answers)
    with client(every) as asked, pytest.raises(api.ApiError, match=message.replace("?", r"\?")):
        asked.get("/x")
    assert not every.answers


@pytest.mark.parametrize(
    ("following", "message"),
    [("http://elsewhere/", "is no path"), ("//elsewhere/", "is no path"), (7, "is no path"), ("/x", "back to itself")],
)
def test_pages_lead_nowhere_else_and_not_in_circles(api, client, following, message):
    pages = Answers(json_answer({"orders": [], "next": following}))
    with client(pages) as asked, pytest.raises(api.ApiError, match=message):
        list(asked.pages("/x", "orders"))


def test_a_page_of_another_form_is_told(api, client):
    with client(Answers(json_answer({"error": "x"}))) as asked, pytest.raises(api.ApiError, match="has error: no page"):
        list(asked.pages("/x", "orders"))
