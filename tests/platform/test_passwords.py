"""The search for passwords finds them in whatever form: without that, its finding none proves nothing."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.platform.passwords import GENERATED, Passwords, generated, texts_of

PASSWORD = b"Zb3kQ9xP5mW1tR7vL2nC8-_="
VALUES = st.from_regex(rb"\A[A-Za-z0-9+/_=-]{20,64}\Z")


@given(VALUES, st.binary(max_size=9), st.binary(max_size=9))
def test_it_is_found_in_base64_at_any_place_of_a_text(value: bytes, before: bytes, after: bytes) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert Passwords({value: {"it"}}).leaks([("here", encode(before + value + after))]) == ["it in here"]


@given(VALUES, st.text(max_size=9))
def test_it_is_found_in_urls_and_json(value: bytes, around: str) -> None:
    text = around + value.decode() + around
    nested, escaped = json.dumps({"a": json.dumps(text)}), text.replace("/", "\\/")
    places = [text, quote(text, safe=""), quote(text), json.dumps(text), nested, escaped]
    search = Passwords({value: {"it"}})
    assert [search.leaks([("here", place.encode())]) for place in places] == [["it in here"]] * len(places)


@given(st.binary(max_size=400))
def test_nothing_is_found_where_nothing_is(content: bytes) -> None:
    if not GENERATED.search(content):
        assert Passwords({PASSWORD: {"it"}}).leaks([("here", content)]) == []


@pytest.mark.parametrize(
    "value",
    [
        PASSWORD.decode(),
        f"postgresql://airflow:{PASSWORD.decode()}@postgres.airflow.svc:5432/airflow",
        json.dumps({"conn_type": "aws", "login": "airflow", "password": PASSWORD.decode()}),
    ],
)
def test_the_secret_part_of_a_value_is_known(value: str) -> None:
    assert generated(value.encode()) == {PASSWORD}


@pytest.mark.parametrize("value", [b"http://object-store.airflow.svc:9000", b"us-east-1", b"airflow", b"/a/b/" * 9])
def test_addresses_and_names_are_no_secrets(value: bytes) -> None:
    assert generated(value) == set()


def test_what_is_packed_is_searched_too() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tree:
        inner = gzip.compress(b"say " + PASSWORD)
        member = tarfile.TarInfo("a/b.gz")
        member.size = len(inner)
        tree.addfile(member, io.BytesIO(inner))
    places = [*texts_of("archive", packed.getvalue()), *texts_of("log", gzip.compress(b"{" + PASSWORD))]
    assert Passwords({PASSWORD: {"it"}}).leaks(places) == ["it in archive:a/b.gz", "it in log"]
