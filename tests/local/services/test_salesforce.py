"""The Salesforce stand-in, asked over HTTP as an extraction asks it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from local.services.json_server import server
from local.services.salesforce.records import ACCOUNTS, OPPORTUNITIES, records
from local.services.salesforce.server import Salesforce

pytestmark = pytest.mark.slow

QUERY = "/services/data/v59.0/query/"
PAGES = {"Sforce-Query-Options": "batchSize=200"}
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    bound = server("salesforce-stand-in", Salesforce("key", "se:cret").answer, 0)
    thread = threading.Thread(target=bound.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{bound.server_port}", trust_env=False) as found:
        yield found
    bound.shutdown()
    bound.server_close()
    thread.join()


def log_in(client: httpx.Client) -> dict[str, str]:
    answer = client.post("/services/oauth2/token", data=GRANT, auth=("key", "se:cret"))
    assert answer.headers["server"] == "salesforce-stand-in"
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_every_record_comes_once_in_pages_after_one_503(client: httpx.Client) -> None:
    session = log_in(client)
    found, statuses = [], []
    answer = client.get(QUERY, params={"q": "SELECT Id, Amount FROM Opportunity"}, headers={**session, **PAGES})
    while True:
        statuses.append(answer.status_code)
        if answer.is_success:
            page = answer.json()
            found += page["records"]
            if page["done"]:
                break
        answer = client.get(page["nextRecordsUrl"], headers=session)
    assert page["totalSize"] == OPPORTUNITIES
    assert statuses == [200, 503, *[200] * 6]
    assert [one["Id"] for one in found] == [one["Id"] for one in records()["Opportunity"]]
    assert found[1].keys() == {"attributes", "Id", "Amount"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT Id FROM Invoice", "INVALID_TYPE"),
        ("SELECT Id, Colour FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name = 'x'", "MALFORMED_QUERY"),
        ("", "MALFORMED_QUERY"),
    ],
)
def test_a_query_that_it_does_not_know_is_refused(client: httpx.Client, query: str, code: str) -> None:
    answer = client.get(QUERY, params={"q": query}, headers=log_in(client))
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_nothing_without_a_session(client: httpx.Client) -> None:
    assert client.get(QUERY, params={"q": "SELECT Id FROM Account"}).status_code == 401
    assert client.post("/services/oauth2/token", data=GRANT, auth=("key", "wrong")).status_code == 400
    assert client.post("/services/oauth2/token", data={}, auth=("key", "se:cret")).status_code == 400
    assert client.get("/elsewhere").status_code == 404


def test_the_records_are_the_same_each_time_and_hold_what_breaks_loaders() -> None:
    before = records()
    records.cache_clear()
    assert records() == before
    for name, count in (("Account", ACCOUNTS), ("Opportunity", OPPORTUNITIES)):
        ids = [str(record["Id"]) for record in before[name]]
        assert len(set(ids)) == len(ids) == count
        assert {len(one) for one in ids} == {18}
        assert ids == sorted(ids)
        # Keys that differ in case alone: who compares without it loses rows.
        assert len({one.lower() for one in ids}) < count
    assert any(record["Amount"] is None for record in before["Opportunity"])
    assert any("'" in str(record["Name"]) and "&" in str(record["Name"]) for record in before["Account"])
