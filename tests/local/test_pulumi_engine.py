from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import pulumi_engine, pulumi_recovery, stack
from local.apply import Counts
from local.engine import STAND_IN, Choice
from local.machine import Machine
from local.progress import Progress
from local.waiting import GaveUp
from tests.local.fake_cluster import FakeCluster

CHOICE = Choice("pulumi", "stand-in", STAND_IN)
PASSWORD = "registry-password-that-nobody-may-see"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine.here({"HOME": str(tmp_path)})
    machine.state.mkdir(parents=True)
    login = {"server": machine.registry, "username": "user", "password": PASSWORD}
    machine.registry_credentials.write_text(json.dumps(login))
    return machine


def output(operation: str, kind: str) -> dict[str, Any]:
    return {"resOutputsEvent": {"metadata": {"op": operation, "type": kind}}}


def test_what_pulumi_did_is_counted_as_direct_apply_counts() -> None:
    events = [
        output("create", "kubernetes:core/v1:Secret"),
        output("update", "kubernetes:helm.sh/v3:Release"),
        output("replace", "kubernetes:batch/v1:Job"),
        output("create-replacement", "kubernetes:batch/v1:Job"),
        output("delete", "kubernetes:core/v1:ConfigMap"),
        output("same", "kubernetes:core/v1:Namespace"),
        output("same", "docker-build:index:Image"),
        output("update", "docker-build:index:Image"),
        output("create", "random:index/randomPassword:RandomPassword"),
        output("create", "pulumi:pulumi:Stack"),
        {"summaryEvent": {}},
    ]
    assert pulumi_engine.counts(events) == Counts(created=1, changed=2, unchanged=1, deleted=1, built=1)


def test_errors_are_told_once_without_colours() -> None:
    urn = "urn:pulumi:dev::p::kubernetes:batch/v1:Job::migration"
    failed = {"diagnosticEvent": {"severity": "error", "urn": urn, "message": "<{%fg 1%}>Job failed<{%reset%}>\n"}}
    warned = {"diagnosticEvent": {"severity": "warning", "urn": urn, "message": "slow"}}
    general = {"diagnosticEvent": {"severity": "error", "message": "update failed"}}
    assert list(pulumi_engine.errors([failed, warned, failed, general])) == ["migration: Job failed", "update failed"]


def test_a_failure_is_told_with_its_way_out() -> None:
    known = "cost-of-living: failed to push localhost:5000/a:1: failed to do request: dial tcp: connection refused"
    assert "the registry does not answer" in pulumi_engine.failure([known]).splitlines()[-1]
    assert pulumi_engine.failure(["another"]) == "pulumi up failed:\nanother"


@pytest.mark.cli
def test_the_configuration_is_generated_outside_the_clone_with_its_secrets_encrypted(
    machine: Machine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    committed = stack.STACK_FILE.read_bytes()
    engine = pulumi_engine.PulumiEngine(machine, "airflow", Progress())
    engine.prepare(CHOICE)
    config = yaml.safe_load(engine.config_file.read_text())["config"]
    assert config["de-airflow-pipeline:chart"]["path"] == STAND_IN
    assert config["pulumi:disable-default-providers"] == ["kubernetes"]
    (login,) = config["de-airflow-pipeline:registryCredentials"]
    assert login["username"] == "user"
    assert login["password"].keys() == {"secure"}
    for file in machine.state.rglob("*"):
        if file.is_file() and file != machine.registry_credentials:
            assert PASSWORD.encode() not in file.read_bytes(), file
            assert not file.is_relative_to(root)
    assert stack.STACK_FILE.read_bytes() == committed
    before = engine.config_file.read_bytes()
    engine.prepare(CHOICE)
    assert engine.config_file.read_bytes() == before


@pytest.mark.cli
@pytest.mark.parametrize("configuration", [None, "", "encryptionsalt: v1:half", "config: {"])
@pytest.mark.parametrize("kept", [True, False])
def test_a_kill_while_the_stack_is_made_or_configured_is_gone_on_from(
    machine: Machine, root: Path, monkeypatch: pytest.MonkeyPatch, configuration: str | None, kept: bool
) -> None:
    monkeypatch.chdir(root)
    engine = pulumi_engine.PulumiEngine(machine, "airflow", Progress())
    engine.prepare(CHOICE)
    home = engine.config_file.parents[1]
    (home / "config-source").unlink()
    engine.config_file.unlink()
    if configuration is not None:
        engine.config_file.write_text(configuration)
    if not kept:
        (home / "salt").unlink()
    engine.prepare(CHOICE)
    [login] = yaml.safe_load(engine.config_file.read_text())["config"]["de-airflow-pipeline:registryCredentials"]
    assert login["password"].keys() == {"secure"}


#: Like Pulumi's, it refuses to make a stack that is there, and writes the salt last.
CLI = """#!/bin/sh
stack=${PULUMI_BACKEND_URL#file://}/.pulumi/stacks/de-airflow-pipeline/dev.json
case "$*" in refresh*|up*|destroy*) echo "$*" >>"$PULUMI_HOME/followed" ;; esac
case "$*" in
    "stack init"*)
        if [ -e "$stack" ]; then echo "stack already exists" >&2; exit 1; fi
        mkdir -p "$(dirname "$stack")"
        echo '{"checkpoint": {"latest": null}}' >"$stack"
        echo "encryptionsalt: new" >Pulumi.dev.yaml ;;
    up*|destroy*) touch "$TMPDIR/kubeconfig$$"; ls -d "$TMPDIR"/* > "$PULUMI_HOME/temporary" ;;
esac
"""


@pytest.fixture
def engine(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pulumi_engine.PulumiEngine:
    """An engine with a CLI in Pulumi's place."""
    cli = tmp_path / "bin" / "pulumi"
    cli.parent.mkdir()
    cli.write_text(CLI)
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", f"{cli.parent}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    return pulumi_engine.PulumiEngine(machine, "airflow", Progress())


def kept(engine: pulumi_engine.PulumiEngine, latest: dict[str, Any] | None) -> None:
    """A state without a salt of its own, and with a configuration that ends where the CLI was killed."""
    home = engine.config_file.parents[1]
    stacks = home / "backend" / ".pulumi" / "stacks" / "de-airflow-pipeline"
    stacks.mkdir(parents=True)
    (stacks / "dev.json").write_text(json.dumps({"checkpoint": {"latest": latest}}))
    engine.config_file.parent.mkdir()
    engine.config_file.write_text("encryptionsalt: ha")


PROVIDER = {"type": "passphrase", "state": {"salt": "of the state"}}
RESOURCES = [{"type": "kubernetes:core/v1:Namespace"}]


@pytest.mark.parametrize(
    ("latest", "salt"),
    [(None, "new"), ({}, "new"), ({"resources": RESOURCES, "secrets_providers": PROVIDER}, "of the state")],
)
def test_without_a_salt_an_empty_stack_is_made_anew_and_another_keeps_its_own(
    engine: pulumi_engine.PulumiEngine, latest: dict[str, Any] | None, salt: str
) -> None:
    kept(engine, latest)
    for _ in range(2):
        engine.prepare(CHOICE)
        assert yaml.safe_load(engine.config_file.read_text())["encryptionsalt"] == salt
    engine.config_file.unlink()
    engine.prepare(CHOICE)
    assert yaml.safe_load(engine.config_file.read_text())["encryptionsalt"] == salt


def test_resources_without_a_salt_are_not_thrown_away(engine: pulumi_engine.PulumiEngine) -> None:
    kept(engine, {"resources": RESOURCES})
    with pytest.raises(GaveUp, match=r"no salt .* make purge"):
        engine.prepare(CHOICE)
    assert engine.knows("kubernetes:core/v1:Namespace")


def test_temporary_files_stay_with_the_platform_and_go(machine: Machine, engine: pulumi_engine.PulumiEngine) -> None:
    """The Kubernetes provider writes the administrator's kubeconfig among them, and leaves it."""
    home = machine.state / "pulumi" / "airflow"
    for _ in range(2):
        engine.up(CHOICE, FakeCluster().client())
        [left] = (home / "home" / "temporary").read_text().split()
        assert Path(left).parent == home / "tmp"
        assert not list(machine.state.rglob("kubeconfig?*"))


def test_what_is_destroyed_leaves_no_state_but_what_is_protected(
    machine: Machine, engine: pulumi_engine.PulumiEngine
) -> None:
    kept(engine, {"resources": RESOURCES, "secrets_providers": PROVIDER})
    home = machine.state / "pulumi" / "airflow"
    engine.destroy(CHOICE, but_protected=True)
    [command] = (home / "home/followed").read_text().splitlines()
    assert command.startswith(f"destroy --config-file {engine.config_file} --yes --skip-preview")
    assert "--exclude-protected" in command
    assert engine.resources == RESOURCES
    assert not list(machine.state.rglob("kubeconfig?*"))
    engine.destroy(CHOICE, but_protected=False)
    assert not home.exists()


def test_what_cannot_be_destroyed_is_told_and_kept(
    machine: Machine, engine: pulumi_engine.PulumiEngine, tmp_path: Path
) -> None:
    kept(engine, {"resources": RESOURCES, "secrets_providers": PROVIDER})
    with (tmp_path / "bin" / "pulumi").open("a") as cli:
        cli.write('case "$*" in destroy*) echo "error: it is in use"; exit 255 ;; esac\n')
    with pytest.raises(GaveUp, match="pulumi destroy failed:\nerror: it is in use"):
        engine.destroy(CHOICE, but_protected=False)
    assert engine.resources == RESOURCES


def test_what_the_cluster_does_not_hold_is_forgotten_before_the_update(
    machine: Machine, engine: pulumi_engine.PulumiEngine
) -> None:
    secret = {"urn": "urn:of::the-secret", "type": "kubernetes:core/v1:Secret", "id": "home/registry"}
    kept(engine, {"resources": [secret], "secrets_providers": PROVIDER})
    engine.up(CHOICE, FakeCluster().client())
    refresh, update = (machine.state / "pulumi/airflow/home/followed").read_text().splitlines()
    assert refresh.startswith("refresh ")
    assert "--target=urn:of::the-secret" in refresh.split()
    assert update.startswith("up ")


def checkpoint(folder: Path, content: str, before: str | None = None) -> Path:
    file = folder / "dev.json"
    file.write_text(content)
    if before is not None:
        file.with_name("dev.json.bak").write_text(before)
    return file


@pytest.mark.parametrize(
    ("content", "before", "after"),
    [
        ('{"a": 1}', '{"a": 0}', '{"a": 1}'),
        ('{"a": ', '{"a": 0}', '{"a": 0}'),
        ("", '{"a": 0}', '{"a": 0}'),
        ('{"a": ', '{"a"', None),
        ('{"a": ', None, None),
    ],
)
def test_a_half_written_state_gives_way_to_the_one_before(
    tmp_path: Path, content: str, before: str | None, after: str | None
) -> None:
    file = checkpoint(tmp_path, content, before)
    attributes = tmp_path / "dev.json.attrs"
    attributes.write_text("")
    pulumi_recovery.mend(file, lambda text: None)
    assert (file.read_text() if file.exists() else None) == after
    assert not attributes.exists()


def test_the_lock_of_a_dead_update_goes(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    lock = tmp_path / "organization" / "lock.json"
    lock.parent.mkdir()
    lock.write_text(json.dumps({"pid": ended.pid}))
    pulumi_recovery.unlock(tmp_path, lambda text: None)
    assert not lock.exists()


def test_the_lock_of_a_living_update_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi_recovery, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(pulumi_recovery, "_name", lambda pid: "pulumi")
    lock, told = tmp_path / "lock.json", []
    lock.write_text(json.dumps({"pid": os.getpid()}))

    def say(text: str) -> None:
        told.append(text)
        lock.unlink()

    pulumi_recovery.unlock(tmp_path, say)
    assert told == [f"waiting for the update of process {os.getpid()}"]


PLUGIN = (
    "import ctypes, time; ctypes.CDLL(None).prctl(15, {name!r}.encode()); print('ready', flush=True); time.sleep(60)"
)


def plugin(home: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PLUGIN.format(name=name)]
    environment = {**os.environ, "PULUMI_HOME": str(home / "airflow" / "home")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def test_plugins_of_a_killed_cli_are_ended_and_no_other(tmp_path: Path) -> None:
    ours, elsewhere = plugin(tmp_path / "one", "pulumi-resource"), plugin(tmp_path / "two", "pulumi-resource")
    another = plugin(tmp_path / "one", "python")
    try:
        assert pulumi_recovery.end_orphans(tmp_path / "one") == [ours.pid]
        assert ours.wait(5) == -signal.SIGKILL
        time.sleep(0.1)
        assert elsewhere.poll() is None
        assert another.poll() is None
    finally:
        for process in (ours, elsewhere, another):
            process.kill()
            process.wait()
            assert process.stdout
            process.stdout.close()
