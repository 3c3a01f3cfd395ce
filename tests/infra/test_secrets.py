from __future__ import annotations

import base64
import hashlib

import pulumi

from infra import secrets
from tests.infra.recording import record


def test_a_random_key_is_a_fernet_key() -> None:
    seen: list[str] = []
    recording = record(lambda: secrets.random_key("key", pulumi.ResourceOptions()).apply(seen.append))
    (key,) = seen
    assert base64.urlsafe_b64decode(key) == hashlib.sha256(recording.generated["key"].encode()).digest()
    assert not set(key) & set("+/")


def test_generated_values_are_secret() -> None:
    secret: list[bool] = []

    def program() -> None:
        opts = pulumi.ResourceOptions()
        for output in (secrets.password("password", opts), secrets.random_key("key", opts)):
            pulumi.Output.all(output.is_secret()).apply(secret.extend)

    record(program)
    assert secret == [True, True]


def test_a_fingerprint_tells_of_every_change_and_is_no_secret() -> None:
    seen: list[str] = []
    secret: list[bool] = []

    def program() -> None:
        def key(text: str) -> pulumi.Output[str]:
            return pulumi.Output.secret(text)

        prints = [
            secrets.fingerprint(key("k"), "a", "b"),
            secrets.fingerprint(key("k"), "a", "b"),
            secrets.fingerprint(key("k"), "ab", ""),
            secrets.fingerprint(key("k"), "a", "c"),
            secrets.fingerprint(key("other"), "a", "b"),
        ]
        pulumi.Output.all(*prints).apply(seen.extend)
        pulumi.Output.all(prints[0].is_secret()).apply(secret.extend)

    record(program)
    assert seen[0] == seen[1]
    assert len(set(seen)) == 4
    assert secret == [False]


def test_a_secret_holds_base64_of_its_text() -> None:
    recording = record(
        lambda: secrets.secret("resource", "airflow", "name", {"key": "välue"}, pulumi.ResourceOptions())
    )
    entry = recording.one(":Secret", "resource")
    assert base64.b64decode(entry.inputs["data"]["key"]).decode() == "välue"
    assert entry.secret_paths == {"data"}
