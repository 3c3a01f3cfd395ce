"""An audit on recorded answers of an index: what fails it, and that silence is no safety."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from commands import image_audit
from commands.__main__ import app
from tests.pipelines.trees import copy_tree

ADVISORY = {
    "id": "PYSEC-2026-7",
    "aliases": ["CVE-2026-1"],
    "details": "It never ends.",
    "fixed_in": ["9.9"],
    "withdrawn": None,
}
CLEAN = {"info": {}, "vulnerabilities": []}


def client(answers: dict[str, object]) -> httpx.Client:
    """By path; what is not there is 404, a number is a status, an exception is raised."""

    def answer(request: httpx.Request) -> httpx.Response:
        found = answers.get(request.url.path, 404)
        if isinstance(found, Exception):
            raise found
        return httpx.Response(found) if isinstance(found, int) else httpx.Response(200, json=found)

    return httpx.Client(base_url="https://index.test/", transport=httpx.MockTransport(answer))


def reason(answers: dict[str, object]) -> str:
    [(name, version, told)] = image_audit.ask(client(answers), {("six", "1.0"): ["letters"]}).unanswered
    assert (name, version) == ("six", "1.0")
    return told


def test_an_advisory_is_found() -> None:
    report = image_audit.ask(
        client({"/pypi/six/1.0/json": {"vulnerabilities": [ADVISORY]}, "/pypi/up/2/json": CLEAN}),
        {("six", "1.0"): ["letters"], ("up", "2"): ["letters"]},
    )
    assert [(one.package, one.names, one.fixed_in) for one in report.advisories] == [
        ("six", ("PYSEC-2026-7", "CVE-2026-1"), ("9.9",))
    ]
    assert report.unanswered == ()


def test_silence_is_no_safety() -> None:
    assert reason({}) == "status 404"
    assert reason({"/pypi/six/1.0/json": 503}) == "status 503"
    assert reason({"/pypi/six/1.0/json": {"info": {}}}) == "its document tells no vulnerabilities"
    assert "refused" in reason({"/pypi/six/1.0/json": httpx.ConnectError("refused")})
    assert "vulnerabilities.0.id" in reason({"/pypi/six/1.0/json": {"vulnerabilities": [{}]}})


def test_the_newest_release_stands_in_only_for_itself() -> None:
    newest = {"info": {"version": "1.0"}, "vulnerabilities": [ADVISORY]}
    report = image_audit.ask(client({"/pypi/six/json": newest}), {("six", "1.0"): ["letters"]})
    assert len(report.advisories) == 1
    assert "the newest version alone, 2.0" in reason({"/pypi/six/json": {**newest, "info": {"version": "2.0"}}})


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = copy_tree(tmp_path / "tree")
    monkeypatch.chdir(root)
    return root


def audited(answers: dict[str, object], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    locked = image_audit._locked(None)
    clean = {f"/pypi/{name}/{version}/json": CLEAN for name, version in locked}
    monkeypatch.setattr(image_audit, "_client", lambda address: client({**clean, **answers}))
    done = CliRunner().invoke(app, ["images", "audit", "--index", "https://index.test/simple", *arguments])
    return done.exit_code, done.output


def test_nothing_to_fix(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = audited({}, monkeypatch)
    assert (code, output.splitlines()[-1]) == (0, f"{len(image_audit._locked(None))} packages, nothing to fix")


def test_what_can_be_fixed_fails(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = audited({"/pypi/inflect/7.5.0/json": {"vulnerabilities": [ADVISORY]}}, monkeypatch)
    assert code == 1
    assert ["fix", "inflect", "7.5.0", "unknown"] in [line.split()[:4] for line in output.splitlines()]


def test_what_was_accepted_passes(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = 'id = "CVE-2026-1"\npackage = "inflect"\nreason = "it is never called"\nuntil = 2999-01-01\n'
    (tree / "images" / "accepted-advisories.toml").write_text(f"[[advisory]]\n{lines}")
    code, output = audited({"/pypi/inflect/7.5.0/json": {"vulnerabilities": [ADVISORY]}}, monkeypatch)
    assert (code, "accepted" in output) == (0, True)


def test_an_image_that_is_not_there(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = audited({}, monkeypatch, "lettres")
    assert (code, "did you mean 'letters'?" in output) == (1, True)
