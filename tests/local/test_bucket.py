"""The bucket is the stack's, whatever the caller's own AWS configuration says."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

from local import bucket
from local.bucket import Bucket
from local.certificates import Authority, Identity
from local.waiting import GaveUp
from tests.infra import stacks

NAME = "object-store.airflow.svc"


class Store(BaseHTTPRequestHandler):
    """Holds one object, for whoever asks by the right name. Hangs up on so many requests first."""

    hangs_up = 0

    def do_GET(self) -> None:
        if Store.hangs_up:
            Store.hangs_up -= 1
            self.close_connection = True
            return
        listing = "<ListBucketResult><Contents><Key>dags/current</Key><Size>5</Size></Contents></ListBucketResult>"
        held = {"/airflow/dags/current": "a0b1\n", "/airflow?list-type=2&prefix=dags%2F&encoding-type=url": listing}
        content = held.get(self.path, self.path).encode()
        self.send_response(200 if self.path in held and self.headers["Host"] == f"{NAME}:9000" else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=[NAME, "another.airflow.svc"], ids=["its name", "another name"])
def certified(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Bucket]]:
    """The name in the certificate of a store in the cluster, and its bucket."""
    issuer = Authority(tmp_path)
    issuer.ensure()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issuer.issue("store", Identity("store", names=(request.param,))))
    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(bucket, "secret", lambda *_: {"user": "root", "password": "given"})
        monkeypatch.setattr(bucket, "_cluster_address", lambda *_: "127.0.0.1")
        # NamedServer connects to the port it is given; botocore signs for the one in the address.
        monkeypatch.setattr(
            bucket, "NamedServer", lambda name, address, _, file: REAL(name, address, server.server_port, file)
        )
        tls = {"secret": "store-certificate", "authority": issuer.certificate.read_text()}
        yield request.param, Bucket(None, stacks.stack(objectStore={"tls": tls}))  # type: ignore[arg-type]
        server.shutdown()


REAL = bucket.NamedServer


def test_a_store_in_the_cluster_with_tls_is_asked_by_the_name_in_its_certificate(
    certified: tuple[str, Bucket],
) -> None:
    name, store = certified
    if name == NAME:
        assert store.published_version() == "a0b1"
        assert store.keys("dags/") == {"dags/current": 5}
    else:
        with pytest.raises(GaveUp, match=f"certificate is not valid for '{NAME}'"):
            store.published_version()


@pytest.mark.parametrize("certified", [NAME], indirect=True)
def test_a_store_that_hangs_up_once_is_asked_again(
    certified: tuple[str, Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "hangs_up", 1)
    assert certified[1].published_version() == "a0b1"
    assert Store.hangs_up == 0


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
