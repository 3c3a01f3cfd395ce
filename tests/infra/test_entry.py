from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pulumi
import pytest
import yaml
from pulumi.runtime import config as pulumi_config

from infra import entry, registry_log_in
from infra.settings import PROJECT
from registry.client import Credentials, Registry
from tests.infra import stacks
from tests.infra.recording import Recording, record


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contexts: list[dict[str, Any]] = [{"name": name, "context": {}} for name in ("test", "prod")]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"current-context": "test", "contexts": contexts}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))


def run(values: dict[str, Any], into: Recording) -> None:
    token = pulumi_config.CONFIG.set({f"{PROJECT}:{key}": json.dumps(value) for key, value in values.items()})
    secret = pulumi_config._SECRET_KEYS.set({f"{PROJECT}:registryCredentials"})
    try:
        record(entry.main, into=into)
    finally:
        pulumi_config.CONFIG.reset(token)
        pulumi_config._SECRET_KEYS.reset(secret)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kubernetes": {"context": "prod"}}, "expected: prod, the context of Pulumi.dev.yaml"),
        ({"kubernetes": {"context": "elsewhere"}}, "expected: the context elsewhere of Pulumi.dev.yaml"),
        ({"objectStor": {}}, "did you mean objectStore?"),
        ({"registryCredentials": []}, "Pulumi.dev.yaml: registryCredentials"),
    ],
    ids=["another context is current", "unknown context", "unknown key", "no log-in"],
)
@pytest.mark.usefixtures("cluster")
def test_bad_input_ends_in_one_message_before_anything_is_registered(change: dict[str, Any], message: str) -> None:
    seen = Recording()
    with pytest.raises(pulumi.RunError, match="nothing was changed") as refusal:
        run({**stacks.smallest(), **change}, seen)
    assert message in str(refusal.value)
    assert seen.registrations == []


@pytest.mark.usefixtures("cluster")
def test_the_outputs_are_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    class Told:
        def exports(self) -> dict[str, Any]:
            return {"bucket": "lake"}

    exported: dict[str, Any] = {}
    monkeypatch.setattr(registry_log_in, "failure", lambda *_: None)
    monkeypatch.setattr(entry, "deploy", lambda settings, root: Told())
    monkeypatch.setattr(pulumi, "export", exported.__setitem__)
    run(stacks.smallest(), Recording())
    assert exported == {"bucket": "lake"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Servers and users that a registry that refuses was asked with."""
    seen: list[tuple[str, str]] = []

    class Refusing(Registry):
        def __init__(
            self, server: str, credentials: Credentials | None = None, *, authority: Path | None = None
        ) -> None:
            seen.append((server, credentials.username if credentials else ""))
            super().__init__(server, credentials, transport=httpx.MockTransport(lambda _: httpx.Response(401)))

    monkeypatch.setattr(registry_log_in, "Registry", Refusing)
    return seen


@pytest.mark.usefixtures("cluster")
def test_a_registry_that_refuses_is_told_before_anything_is_registered(
    asked: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    values, seen = stacks.smallest(), Recording()
    [log_in] = values["registryCredentials"]
    with pytest.raises(pulumi.RunError, match="nothing was changed") as refusal:
        run(values, seen)
    assert seen.registrations == []
    assert asked == [(log_in["server"], ""), (log_in["server"], log_in["username"])]
    assert f"{tmp_path / 'config.json'}: auths.{log_in['server']}\n    found:    no log-in" in str(refusal.value)
    assert f"registryCredentials[0]\n    found:    user {log_in['username']}, refused" in str(refusal.value)
    assert log_in["password"] not in str(refusal.value)


@pytest.mark.usefixtures("cluster")
def test_a_preview_asks_no_registry(asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def deploy(*_: Any) -> None:
        raise LookupError("deployed")

    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    monkeypatch.setattr(entry, "deploy", deploy)
    with pytest.raises(LookupError, match="deployed"):
        run(stacks.smallest(), Recording())
    assert asked == []
