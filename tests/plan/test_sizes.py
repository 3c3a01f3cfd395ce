"""By how much images grow: of what was recorded in the repository, and of what a registry tells."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import httpx
import pytest

from commands import plan_sizes
from pipelines.errors import InputError
from plan.document import Document
from plan.explanation import explain
from plan.markdown import comment
from plan.model import Plan, RecordedBuild
from registry.client import Registry
from tests.plan import plans


def built(name: str, key: str, to_pull: int, of: str | None = None) -> Plan:
    """A plan of one image whose last recorded build was of the key ``of``."""
    return plans.plan(images={name: plans.image(name, key=key, recorded=RecordedBuild(key=of or key, to_pull=to_pull))})


def text(document: Document) -> str:
    return comment(document)


def test_growth_is_told_where_both_contents_were_recorded() -> None:
    one, two = built("etl", "a", 120_000_000), built("etl", "b", 135_500_000)
    assert "to pull: 120.0 MB → 135.5 MB (+15.5 MB)" in text(explain("dev", one, two))
    assert "to pull: 135.5 MB → 120.0 MB (-15.5 MB)" in text(explain("dev", two, one))
    not_built_since = built("etl", "b", 120_000_000, of="a")
    assert "to pull" not in text(explain("dev", one, not_built_since))
    assert "`etl`: new" in text(explain("dev", plans.plan(), one))
    assert "120.0 MB to pull" in text(explain("dev", plans.plan(), one))


def manifest(size: int) -> dict[str, object]:
    part = {"digest": f"sha256:{'0' * 64}", "size": size}
    return {"schemaVersion": 2, "config": part, "layers": [part]}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Paths that were asked; what is tagged ``1.0.0-a`` and ``1.0.0-b`` is there."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        for tag, size in (("1.0.0-a", 10_000_000), ("1.0.0-b", 11_000_000)):
            if request.url.path.endswith(f"/manifests/{tag}"):
                return httpx.Response(200, json=manifest(size))
        return httpx.Response(404)

    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr(plan_sizes, "Registry", partial(Registry, transport=httpx.MockTransport(answer)))
    return asked


def test_a_registry_that_holds_both_tells(registry: list[str]) -> None:
    one, two = (plans.plan(images={"etl": plans.image("etl", key=key)}) for key in "ab")
    sizes, problems = plan_sizes.asked(one, two)
    assert problems == ()
    assert "to pull: 20.0 MB → 22.0 MB (+2.0 MB)" in text(explain("dev", one, two, sizes))
    assert sorted(registry) == [f"/v2/acme/etl/manifests/1.0.0-{key}" for key in "ab"]


def test_what_is_not_built_yet_has_no_size_and_what_is_the_same_is_not_asked(registry: list[str]) -> None:
    one, two = (plans.plan(images={"etl": plans.image("etl", key=key), "x": plans.image("x")}) for key in "ac")
    sizes, problems = plan_sizes.asked(one, two)
    assert (sizes, problems) == ({plans.image("etl").reference: 20_000_000}, ())
    assert "to pull" not in text(explain("dev", one, two, sizes))
    assert not [path for path in registry if "/x/" in path]


def test_a_registry_without_an_answer_is_told_and_nothing_else_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(server: str, references: object) -> dict[str, int]:
        raise InputError([])

    monkeypatch.setattr(plan_sizes, "_of", silent)
    one, two = (plans.plan(images={"etl": plans.image("etl", key=key)}) for key in "ab")
    sizes, problems = plan_sizes.asked(one, two)
    assert sizes == {}
    assert len(problems) == 1
