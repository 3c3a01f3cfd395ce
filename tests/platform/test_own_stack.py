"""Somebody's own ``pulumi up``, step by step as README.md has it: another home, backend, context, clone, namespace.

The tests go on from one another's state.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from lightkube import ApiError
from lightkube.resources.core_v1 import Namespace

from infra import names, settings_source, sources
from infra.settings import Settings
from local import pulumi_engine, smoke
from local.bucket import secret
from local.engine import STAND_IN, Choice
from local.kubernetes_client import connect, namespace_annotations
from local.machine import KUBE_CONTEXT, PROJECT, Machine
from local.progress import Progress
from local.waiting import wait
from registry.client import Registry, docker_credentials
from tests.conftest import ROOT, Deployed
from tests.platform.commands import clone_of
from tests.platform.observed import of_no_namespace
from tests.platform.passwords import Passwords, files
from tests.platform.processes import Listing

pytestmark = [pytest.mark.platform, pytest.mark.cli, pytest.mark.long]

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = "team"
#: What README.md calls it -> what it is called here.
HERE = {"images.builder default": "images.builder local", ".username' ada": ".username' pipeline"}
#: A step that needs what this machine has not -> what stands in its place.
IN_PLACE = {"docker login": "there is no Docker CLI: the home has the configuration that it writes"}
#: Of the caller's environment, what would lead away from the new home.
LEADING = re.compile(r"(APPLY|CHART|VIRTUAL_ENV|KUBECONFIG|DOCKER_CONFIG|(BUILD|PULUMI|XDG|DE_AIRFLOW|KUBE|HELM)\w*)")
PLANS = ("--json", "--diff")
OTHER = b"another-Password-0123456789"
GONE_SECONDS = 120


def steps(marker: str) -> list[str]:
    """The commands of README's block that holds the marker, comments left out."""
    (block,) = [block for block in BLOCK.findall((ROOT / "README.md").read_text()) if marker in block]
    return [re.sub(r"\s+#.*", "", line) for line in block.splitlines()]


@dataclass
class Person:
    """Who works in a clone with a home of her own; ``said`` is what each command has printed."""

    machine: Machine
    clone: Path
    home: Path
    environment: dict[str, str]
    said: list[str] = field(default_factory=list)

    def types(self, command: str, *, answer: str = "") -> str:
        done = self.tries(command, answer=answer)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    def tries(self, command: str, *, answer: str = "") -> subprocess.CompletedProcess[str]:
        # Left alone, the CLI asks the system whose home it is, not the environment.
        backend = {"pulumi login --local": f"pulumi login file://{self.home}"}
        for there, here in {**HERE, **backend, "ghcr.io": self.machine.registry}.items():
            command = command.replace(there, here)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=self.clone, env=self.environment, input=answer, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        self.said.append(done.stdout)
        return done

    @property
    def log_in(self) -> Mapping[str, str]:
        held: dict[str, str] = json.loads(self.machine.registry_credentials.read_text())
        return held

    @property
    def settings(self) -> Settings:
        """The stack's, as its file and the log-in say."""
        stack_file = self.clone / f"Pulumi.{NAME}.yaml"
        return settings_source.load_file(stack_file, {"registryCredentials": [self.log_in]})


@pytest.fixture(scope="module")
def person(running: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    folder = tmp_path_factory.mktemp("own")
    home, clone = folder / "home", clone_of(ROOT, folder / "clone")
    (clone / ".venv").unlink()
    prepare(home, running)
    person = Person(running, clone, home, environment(running, home))
    try:
        yield person
    finally:
        client = connect(running)
        for name in (NAME, f"{NAME}-tasks"):
            with contextlib.suppress(ApiError):
                client.delete(Namespace, name)


def prepare(home: Path, machine: Machine) -> None:
    """What somebody has who works with Kubernetes and Docker: contexts, another one current; builder, log-in."""
    configuration = machine.kubeconfig.read_text().replace(KUBE_CONTEXT, "kind-team")
    document = json.loads(configuration)
    document["contexts"].append({**document["contexts"][0], "name": "production"})
    document["current-context"] = "production"
    (home / ".kube").mkdir(parents=True, mode=0o700)
    (home / ".kube" / "config").write_text(json.dumps(document))
    shutil.copytree(machine.docker_config, home / ".docker")


def environment(machine: Machine, home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not LEADING.fullmatch(key)}
    tools = str(machine.tool("kubectl").parent)
    temporary = home / "tmp"
    temporary.mkdir()
    return {
        **kept,
        **{key: value for key, value in machine.environment().items() if key.lower() == "no_proxy"},
        **pulumi_engine.plugins_at_hand(),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PATH": os.pathsep.join((tools, os.environ["PATH"])),
        # Halves the time that an installation takes.
        "PIP_NO_COMPILE": "1",
        "PULUMI_CONFIG_PASSPHRASE": "for this test",
        "PULUMI_HOME": str(home / ".pulumi"),
        "PULUMI_SKIP_CONFIRMATIONS": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Where the chart's repository answers, nobody needs it.
        "AIRFLOW_CHART": os.environ.get("AIRFLOW_CHART") or str(ROOT / STAND_IN),
    }


@pytest.fixture(scope="module")
def listing() -> Iterator[Listing]:
    with Listing() as listing:
        yield listing


@pytest.fixture(scope="module")
def deployed(person: Person, listing: Listing) -> Deployed:
    """What the steps have made of the cluster."""
    typed = [step for step in steps("pulumi stack init") if not step.startswith(tuple(IN_PLACE))]
    for step in typed[:-1]:
        person.types(step, answer=person.log_in["password"] if ".password'" in step else "of-a-warehouse")
    # Of a stack that is still to be made, too; the last step shows its plan by itself.
    for how in PLANS:
        person.types(f"pulumi preview {how}")
    person.types(typed[-1])
    choice = Choice("pulumi", "official", person.environment["AIRFLOW_CHART"])
    return Deployed(person.machine, connect(person.machine), choice, person.settings, person.clone)


@pytest.fixture(scope="module")
def passwords(deployed: Deployed) -> Passwords:
    return Passwords.of(deployed)


def test_the_last_step_deploys(deployed: Deployed) -> None:
    assert steps("pulumi stack init")[-1] == "pulumi up"
    assert namespace_annotations(deployed.client, NAME) is not None


def test_dags_run(deployed: Deployed) -> None:
    found = sources.load(deployed.settings, deployed.root)
    report = smoke.run(deployed.client, deployed.machine, deployed.settings, found, Progress(), smoke.BRIEF)
    assert {row.state for row in report.rows} == {"success"}


def test_airflow_is_reached_as_the_readme_tells(person: Person, deployed: Deployed) -> None:
    password, forward = steps("port-forward")
    said = person.types(password)
    person.said.pop()
    assert said == secret(deployed.client, NAME, names.ADMIN_SECRET)["password"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = forward.replace("8080", f"{port}:8080").split()
    with subprocess.Popen(command, env=person.environment, stdout=subprocess.DEVNULL) as forwarding:
        try:
            wait("Airflow", lambda: unhealthy(f"http://localhost:{port}"), 30)
        finally:
            forwarding.terminate()


def test_nothing_is_left_to_do(person: Person, deployed: Deployed) -> None:
    person.types("pulumi preview --expect-no-changes")
    person.types("pulumi refresh")
    person.types("pulumi preview --expect-no-changes")


def test_a_plan_of_another_log_in_shows_none(person: Person, deployed: Deployed, passwords: Passwords) -> None:
    (step,) = [step for step in steps("pulumi stack init") if ".password'" in step]
    person.types(step, answer=OTHER.decode())
    searched = passwords.with_value(OTHER, "another log-in")
    for how in PLANS:
        planned = person.types(f"pulumi preview {how}")
        assert "registry" in planned
        assert not re.search(r'"op": "[a-z-]*replac|to replace', planned)
        assert searched.leaks([("the plan", planned.encode())]) == []


def test_no_password_was_shown_or_kept(
    person: Person, deployed: Deployed, passwords: Passwords, listing: Listing
) -> None:
    told = [
        *(("what pulumi said", said.encode()) for said in person.said),
        *(("a command line", line) for line in listing.seen),
        *files(person.home / ".pulumi"),
        *((where, content) for where, content in files(person.clone) if "/.venv/" not in where),
    ]
    assert {"pulumi-language-python", "pulumi-resource-kubernetes"} <= listing.programs
    assert any(where.endswith(f"{PROJECT}/{NAME}.json") for where, _ in told)
    assert passwords.leaks(told) == []


def test_destroy_leaves_images_and_nothing_else(person: Person, deployed: Deployed) -> None:
    references = list(sources.load(deployed.settings, deployed.root).catalog.images.values())
    for step in steps("pulumi destroy"):
        person.types(step)
    for name in (NAME, f"{NAME}-tasks"):
        assert namespace_annotations(deployed.client, name) is None
    wait("volumes to go", lambda: " ".join(of_no_namespace(deployed)) or None, GONE_SECONDS)
    assert not (person.clone / f"Pulumi.{NAME}.yaml").exists()
    assert not list((person.home / ".pulumi").rglob(f"{NAME}.json"))
    server = deployed.machine.registry
    with Registry(server, docker_credentials(deployed.machine.docker_config)[server]) as registry:
        assert all(registry.digest(image.reference) for image in references)


def unhealthy(address: str) -> str | None:
    try:
        answer = httpx.get(f"{address}/api/v2/monitor/health", timeout=5)
    except httpx.HTTPError as error:
        return str(error)
    return None if answer.is_success else f"it answers {answer.status_code}"
