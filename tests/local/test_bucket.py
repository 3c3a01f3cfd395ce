"""The bucket is the stack's, whatever the caller's own AWS configuration says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from local import bucket
from local.bucket import Bucket


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_of_the_caller_is_left_alone(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "no-such-profile")
    monkeypatch.setattr(bucket, "secret", lambda *_: {"user": "root", "password": "given"})
    monkeypatch.setattr(bucket, "service_address", lambda *_: "http://10.96.0.9:9000")
    settings: Any = SimpleNamespace(name="airflow", object_store=SimpleNamespace(bucket="b", region="us-east-1"))
    store = Bucket(None, settings)._store  # type: ignore[arg-type]
    assert store.meta.endpoint_url == "http://10.96.0.9:9000"
    assert store._request_signer._credentials.access_key == "root"
