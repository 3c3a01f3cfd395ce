from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from infra import kube_context
from pipelines.errors import InputError


def kubeconfig(path: Path, current: str | None, *contexts: str) -> Path:
    document = {"contexts": [{"name": name, "context": {}} for name in contexts], "current-context": current}
    path.write_text(yaml.safe_dump(document))
    return path


def test_the_context_of_the_stack_is_let_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", "dev", "prod", "dev")))
    kube_context.check("dev", "Pulumi.dev.yaml")


def test_another_current_context_is_refused_naming_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kubeconfig(tmp_path / "config", "prod", "prod", "dev")
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(InputError) as refusal:
        kube_context.check("dev", "Pulumi.dev.yaml")
    assert str(refusal.value) == (
        "1 problem, nothing was changed:\n"
        f"{path}: current-context\n"
        "    found:    prod\n"
        "    expected: dev, the context of Pulumi.dev.yaml\n"
        "    fix:      kubectl config use-context dev, or correct kubernetes.context in Pulumi.dev.yaml"
    )


def test_an_unknown_context_is_refused_naming_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kubeconfig(tmp_path / "config", "prod", "prod", "staging")
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(InputError) as refusal:
        kube_context.check("dev", "Pulumi.dev.yaml")
    assert str(refusal.value) == (
        "1 problem, nothing was changed:\n"
        f"{path}: contexts\n"
        "    found:    prod is current; known: prod, staging\n"
        "    expected: the context dev of Pulumi.dev.yaml\n"
        "    fix:      point KUBECONFIG at the cluster of this stack, or correct kubernetes.context in Pulumi.dev.yaml"
    )


def test_the_first_file_that_sets_a_current_context_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kubeconfig(tmp_path / "first", None, "dev")
    second = kubeconfig(tmp_path / "second", "prod", "prod")
    third = kubeconfig(tmp_path / "third", "dev", "dev")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}:{third}")
    with pytest.raises(InputError, match="found:    prod"):
        kube_context.check("dev", "Pulumi.dev.yaml")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{third}:{second}")
    kube_context.check("dev", "Pulumi.dev.yaml")


@pytest.mark.parametrize(
    "content", ["", "a: [", "- 1", "contexts: dev", "contexts: [dev]", "contexts: [{context: {}}]", "\udcff"]
)
def test_what_is_no_kubeconfig_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    (tmp_path / "config").write_text(content, errors="surrogateescape")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(InputError, match=str(tmp_path / "config")):
        kube_context.check("dev", "Pulumi.dev.yaml")


def test_no_kubeconfig_at_all_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InputError, match="none is current; known: none"):
        kube_context.check("dev", "Pulumi.dev.yaml")
