"""What the engines must not do to each other, and to the clone."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from local import pulumi_engine, services
from local.machine import PROJECT, STACK
from local.progress import Progress
from tests.bad_input.cluster import Version, changes, objects
from tests.conftest import Deployed
from tests.platform.commands import clone_of, run

pytestmark = pytest.mark.platform

OTHER = {"pulumi": "direct", "direct": "pulumi"}


def everything(deployed: Deployed) -> dict[str, Version]:
    return objects(deployed.client, (deployed.settings.name, deployed.settings.tasks_namespace))


def test_each_engine_refuses_what_the_other_made(deployed: Deployed) -> None:
    before = everything(deployed)
    done = run("local", "up", environment={"APPLY": OTHER[deployed.choice.engine]})
    assert done.status == 1
    assert f"{deployed.choice.engine}, which made what is there" in done.output
    assert "make purge" in done.output
    assert "Traceback" not in done.output
    assert changes(before, everything(deployed)) == set()


def test_the_other_chart_is_refused_too(deployed: Deployed) -> None:
    before = everything(deployed)
    done = run("local", "up", environment={"CHART": "official" if deployed.choice.chart == "stand-in" else "stand-in"})
    assert done.status == 1
    assert f"{deployed.choice.chart}, which made what is there" in done.output
    assert changes(before, everything(deployed)) == set()


def test_nothing_in_the_clone_changes(deployed: Deployed) -> None:
    def files() -> str:
        changed = ["git", "status", "--porcelain"]
        return subprocess.run(changed, cwd=deployed.root, capture_output=True, text=True, check=True).stdout

    before = files()
    assert run("local", "up").status == 0
    assert files() == before


@pytest.fixture
def plain_pulumi(deployed: Deployed, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A clone, and what somebody needs who works on this cluster with a CLI and a backend of his own."""
    if not pulumi_engine.available():
        pytest.skip("no Pulumi CLI on PATH")
    clone = clone_of(deployed.root, tmp_path / "elsewhere")
    for name in ("backend", "temporary"):
        (tmp_path / name).mkdir()
    engine = pulumi_engine.PulumiEngine(deployed.machine, "unused", Progress())
    own = {"PULUMI_BACKEND_URL": f"file://{tmp_path / 'backend'}", "PULUMI_HOME": str(tmp_path / "home")}
    # The Kubernetes provider leaves a kubeconfig there.
    own["TMPDIR"] = str(tmp_path / "temporary")
    environment = {**os.environ, **engine.environment(), **own, "PULUMI_CONFIG_PASSPHRASE": "for this test"}
    environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE")
    return clone, environment


def pulumi(clone: Path, environment: dict[str, str], *arguments: str, stdin: str = "") -> tuple[int, str]:
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never", "--stack", STACK]
    done = subprocess.run(
        command, cwd=clone, env=environment, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def configure(clone: Path, environment: dict[str, str], deployed: Deployed) -> None:
    """As README.md tells it."""
    login = json.loads(deployed.machine.registry_credentials.read_text())
    assert pulumi(clone, environment, "stack", "init")[0] == 0
    for key in ("server", "username"):
        path = f"{PROJECT}:registryCredentials[0].{key}"
        assert pulumi(clone, environment, "config", "set", "--path", path, login[key])[0] == 0
    path = f"{PROJECT}:registryCredentials[0].password"
    assert pulumi(clone, environment, "config", "set", "--secret", "--path", path, stdin=login["password"])[0] == 0
    for name, variables in services.task_secrets(deployed.machine).items():
        path = f"{PROJECT}:tasks.secrets.{name}"
        secret = json.dumps(variables)
        assert pulumi(clone, environment, "config", "set", "--secret", "--path", path, stdin=secret)[0] == 0
    values = {"name": deployed.settings.name, "chart.path": deployed.choice.chart_path}
    for key, value in values.items():
        if value:
            assert pulumi(clone, environment, "config", "set", "--path", f"{PROJECT}:{key}", value)[0] == 0


def test_plain_pulumi_up_stops_at_a_namespace_that_is_not_its_own(
    deployed: Deployed, plain_pulumi: tuple[Path, dict[str, str]]
) -> None:
    clone, environment = plain_pulumi
    configure(clone, environment, deployed)
    before = everything(deployed)
    status, output = pulumi(clone, environment, "up", "--yes", "--skip-preview")
    assert status != 0
    assert f'namespaces "{deployed.settings.name}" already exists' in output
    assert changes(before, everything(deployed)) == set()


def test_plain_pulumi_sees_no_change_in_what_make_up_made(
    deployed: Deployed, plain_pulumi: tuple[Path, dict[str, str]]
) -> None:
    if deployed.choice.engine != "pulumi":
        pytest.skip("direct apply keeps no state that Pulumi could compare with")
    clone, environment = plain_pulumi
    engine = pulumi_engine.PulumiEngine(deployed.machine, deployed.settings.name, Progress())
    environment = {**environment, **engine.environment()}
    environment.pop("PULUMI_CONFIG_PASSPHRASE")
    preview = ("preview", "--config-file", str(engine.config_file), "--expect-no-changes")
    status, output = pulumi(clone, environment, *preview)
    assert status == 0, output
