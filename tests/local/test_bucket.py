"""The bucket is the stack's, whatever the caller's own AWS configuration says."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from local import bucket
from local.bucket import Bucket
from tests.infra import stacks


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_of_the_caller_is_left_alone(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "no-such-profile")
    monkeypatch.setattr(bucket, "secret", lambda *_: {"user": "root", "password": "given"})
    monkeypatch.setattr(bucket, "service_address", lambda *_: "http://10.96.0.9:9000")
    store = Bucket(None, stacks.stack())._store  # type: ignore[arg-type]
    assert store.meta.endpoint_url == "http://10.96.0.9:9000"
    assert store._request_signer._credentials.access_key == "root"


def test_an_endpoint_is_asked_with_the_log_in_of_publication(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"object-store-publisher": {"AWS_ACCESS_KEY_ID": "publisher", "AWS_SECRET_ACCESS_KEY": "given"}}
    monkeypatch.setattr(bucket, "secret", lambda client, namespace, name: held[name])
    endpoint = {"kind": "endpoint", "bucket": "lake", "url": "https://store.example.org", "region": "eu-west-1"}
    more = {"addressing": "virtual", "authority": stacks.CERTIFICATE}
    held_open = Bucket(None, stacks.stack(objectStore={**endpoint, **more}))  # type: ignore[arg-type]
    store = held_open._store
    assert store.meta.endpoint_url == "https://store.example.org"
    assert store.meta.region_name == "eu-west-1"
    assert store._request_signer._credentials.access_key == "publisher"
    assert store.meta.config.s3["addressing_style"] == "virtual"
    authority = Path(store._endpoint.http_session._verify)
    assert authority.read_text() == stacks.CERTIFICATE
    del held_open
    assert not authority.exists()


def test_s3_is_asked_as_whoever_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "earlier")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    boto3.client("s3", region_name="eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "caller")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own")
    s3 = {"kind": "s3", "bucket": "lake", "oidcProvider": stacks.OIDC_PROVIDER, "region": "eu-west-1"}
    store = Bucket(None, stacks.stack(objectStore=s3))._store  # type: ignore[arg-type]
    assert store.meta.endpoint_url == "https://s3.eu-west-1.amazonaws.com"
    assert store._request_signer._credentials.access_key == "caller"
