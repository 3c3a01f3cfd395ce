"""``images audit``: locks against the advisories that the package index knows."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import httpx
import typer
from uv import find_uv_bin

from commands.failure import FAILED, told
from commands.image_builds import TypesArgument
from commands.tables import show
from local.progress import Progress
from pipelines.advisories import ACCEPTED, Acceptance, Advisory, advisories, read_accepted, verdict
from pipelines.errors import InputError, Problem
from pipelines.image_folder import image_folders, unknown_problems
from pipelines.image_inventory import INVENTORY, read_inventory
from pipelines.image_lock import LOCK, parse_lock
from pipelines.images import IMAGES

AT_ONCE, SECONDS, TRIES = 8, 20.0, 3
ABSENT = f"status {httpx.codes.NOT_FOUND}"
#: A package at a version, and the image folders whose lock holds it.
Locked = dict[tuple[str, str], list[str]]


@dataclass(frozen=True)
class Report:
    """What the index said: advisories, and the packages about which it gave no answer, with the reason."""

    advisories: tuple[Advisory, ...]
    unanswered: tuple[tuple[str, str, str], ...]


def audit(
    types: TypesArgument = None,
    index: Annotated[
        str | None, typer.Option(help="Address of the package index; the one that uv is configured with if not given.")
    ] = None,
) -> None:
    """Ask the package index for known vulnerabilities of everything that the locks hold.

    fix       high, critical or unknown, and fixed in a later version:
              fails the audit
    wait      as grave, but nobody has fixed it yet
    watch     low or medium
    accepted  named in images/accepted-advisories.toml, with a reason,
              until a date:

        [\\[advisory]]
        id = "PYSEC-2026-1"
        package = "example"
        reason = "the parser that it is about is never called"
        until = 2027-01-31

    A package about which the index does not answer fails the audit too: nothing is taken for safe. What the release's
    own image ships (inventory.txt) is asked about when its folder is named: it changes with Airflow's version.

        python -m commands images audit
        python -m commands images audit lakehouse bases/worker
    """
    with told():
        locked, accepted = _locked(types), _accepted(IMAGES / ACCEPTED)
        address = index or configured_index()
        with Progress().step(f"ask about {len(locked)} packages"), _client(address) as client:
            report = ask(client, locked)
        today = datetime.now(UTC).date()
        failing = _told_to_fix(report, locked, accepted, today)
        for name, version, reason in report.unanswered:
            typer.echo(f"{name} {version}: no answer of the index: {reason}", err=True)
        if failing or report.unanswered:
            raise typer.Exit(FAILED)
        typer.echo(f"{len(locked)} packages, nothing to fix")


def configured_index() -> str:
    """The address that uv resolves from, so that what was locked is what is asked about."""
    with TemporaryDirectory() as folder:
        empty = Path(folder) / "none.in"
        empty.write_text("")
        command = [find_uv_bin(), "pip", "compile", str(empty), "--quiet", "--no-header", "--emit-index-url"]
        command += ["--python", sys.executable]
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    for line in output.splitlines():
        option, _, address = line.partition(" ")
        if option == "--index-url":
            return address
    raise InputError([Problem("uv", "index-url", "none", "the address of a package index", "give it with --index")])


def ask(client: httpx.Client, locked: Locked) -> Report:
    """Every package at its version, several at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda one: _ask(client, *one), sorted(locked))
        found = [*zip(sorted(locked), answers, strict=True)]
    unanswered = tuple((*one, answer) for one, answer in found if isinstance(answer, str))
    return Report(tuple(sorted(a for _, answer in found if not isinstance(answer, str) for a in answer)), unanswered)


def _ask(client: httpx.Client, name: str, version: str) -> tuple[Advisory, ...] | str:
    """The advisories, or why there is no answer."""
    document = _document(client, f"pypi/{name}/{version}/json")
    if document == ABSENT:
        # Some mirrors hold the newest release's document alone.
        newest = _document(client, f"pypi/{name}/json")
        if isinstance(newest, dict) and (told_of := newest.get("info", {}).get("version")):
            document = newest if told_of == version else f"it tells of the newest version alone, {told_of}"
    if isinstance(document, str):
        return document
    if "vulnerabilities" not in document:
        return "its document tells no vulnerabilities"
    try:
        return advisories(name, version, document)
    except InputError as error:
        return " ".join(str(error).split())


def _document(client: httpx.Client, path: str) -> dict[str, Any] | str:
    """JSON, or why there is none; a server that is busy is asked again."""
    reason = ""
    for _ in range(TRIES):
        try:
            answer = client.get(path)
        except httpx.HTTPError as error:
            reason = f"{type(error).__name__}: {error}"
            continue
        if answer.is_success:
            try:
                document = answer.json()
            except ValueError:
                return "no JSON"
            return document if isinstance(document, dict) else "no JSON object"
        reason = f"status {answer.status_code}"
        if (
            answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
            and answer.status_code != httpx.codes.TOO_MANY_REQUESTS
        ):
            return reason
    return reason


def _client(address: str) -> httpx.Client:
    base = address.rstrip("/").removesuffix("/simple")
    return httpx.Client(base_url=f"{base}/", timeout=SECONDS, follow_redirects=True)


def _locked(types: list[str] | None) -> Locked:
    known = [*image_folders(IMAGES)]
    if wrong := unknown_problems(types or (), known):
        raise InputError(wrong)
    found: Locked = {}
    for name in types or known:
        path = IMAGES / name / LOCK
        packages = parse_lock(path.read_text()).packages if path.is_file() else ()
        pins = {package.name: package.version for package in packages}
        if types and (IMAGES / name / INVENTORY).is_file():
            inventory, problems = read_inventory(IMAGES / name, f"{IMAGES}/{name}", name)
            if problems:
                raise InputError(problems)
            pins |= inventory.versions if inventory else {}
        for package, version in pins.items():
            found.setdefault((package, version), []).append(name)
    return found


def _accepted(path: Path) -> tuple[Acceptance, ...]:
    return read_accepted(path.read_text(), path.as_posix()) if path.is_file() else ()


def _told_to_fix(report: Report, locked: Locked, accepted: tuple[Acceptance, ...], today: date) -> bool:
    """Shows every advisory with its verdict; whether one of them is to be fixed."""
    rows = [
        (
            verdict(one, accepted, today),
            f"{one.package} {one.version}",
            one.severity,
            " ".join(one.names),
            ", ".join(one.fixed_in) or "none",
            ", ".join(locked[one.package, one.version]),
        )
        for one in report.advisories
    ]
    if rows:
        show(("verdict", "package", "severity", "advisory", "fixed in", "images"), sorted(rows))
    return any(row[0] == "fix" for row in rows)
