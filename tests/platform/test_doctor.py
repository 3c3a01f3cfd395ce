"""Faults injected into the platform, the doctor's word on each, and every command of docs/troubleshooting.md."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lightkube import Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Pod, Secret

from infra import names
from local.waiting import wait
from registry.reference import Reference
from tests.conftest import ROOT, Deployed
from tests.platform.commands import clone_of, run
from tests.platform.observed import published, reference_of

# What runs in the cluster, and what is searched there, is the same whoever applied it.
pytestmark = [
    pytest.mark.platform,
    pytest.mark.parametrize("deployed", ["the engine that is there"], indirect=True, scope="session"),
]

WRONG = "doctor-wrong"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOCUMENT = (ROOT / "docs/troubleshooting.md").read_text()


def body(name: str, image: str, account: str, command: list[str], secrets: tuple[str, ...]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": account,
            "automountServiceAccountToken": False,
            "imagePullSecrets": [{"name": secret} for secret in secrets],
            "securityContext": {"runAsNonRoot": True, "runAsUser": 50000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "base",
                    "image": image,
                    "command": command,
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"cpu": "500m", "memory": "64Mi"},
                    },
                }
            ],
        },
    }


def python(code: str) -> list[str]:
    return ["python", "-c", code]


@pytest.fixture(scope="module")
def faulty(deployed: Deployed) -> Iterator[dict[str, str]]:
    """Pods that fail, one for each fault: pod -> image."""
    real = reference_of(published(deployed), "cost-of-living")
    with injected(deployed.client, deployed.settings.tasks_namespace, real) as pods:
        yield pods


@contextmanager
def injected(client: Client, namespace: str, real: str) -> Iterator[dict[str, str]]:
    server = Reference.parse(real).server
    absent = f"{real.partition(':1')[0].partition('@')[0]}:never-built"
    log_in = base64.b64encode(b"puller:wrong").decode()
    held = {"auths": {server: {"username": "puller", "password": "wrong", "auth": log_in}}}
    secret = Secret(
        metadata=ObjectMeta(name=WRONG),
        type="kubernetes.io/dockerconfigjson",
        stringData={".dockerconfigjson": json.dumps(held)},
    )
    ours, nobody = names.TASK_ACCOUNT, "default"
    faults = {
        "doctor-absent": (absent, ours, python(""), (names.REGISTRY_SECRET,)),
        "doctor-no-secret": (absent, nobody, python(""), ()),
        "doctor-wrong-secret": (absent, nobody, python(""), (WRONG,)),
        "doctor-module": (real, ours, python("import a_module_that_nobody_has"), ()),
        "doctor-exit": (real, ours, python("raise SystemExit('no rows today')"), ()),
        "doctor-memory": (real, ours, python("b'x' * 400_000_000"), ()),
        "doctor-command": (real, ours, ["/no/such/program"], ()),
    }
    client.create(secret, namespace=namespace)
    try:
        for name, (image, account, command, secrets) in faults.items():
            client.create(Pod.from_dict(body(name, image, account, command, secrets)), namespace=namespace)
        for name in faults:
            wait(f"{name} to fail", lambda name=name: still_fine(client, namespace, name), 180)  # type: ignore[misc]
        yield {name: image for name, (image, *_) in faults.items()}
    finally:
        for name in faults:
            client.delete(Pod, name, namespace=namespace, grace_period=0)
        client.delete(Secret, WRONG, namespace=namespace)


def still_fine(client: Client, namespace: str, name: str) -> str | None:
    time.sleep(0.5)
    live: Any = client.get(Pod, name, namespace=namespace)
    for status in (live.status and live.status.containerStatuses) or ():
        if status.state.terminated or (status.state.waiting and "Pull" in status.state.waiting.reason):
            return None
    return f"it is {live.status and live.status.phase}"


@pytest.fixture(scope="module")
def said(faulty: dict[str, str]) -> dict[str, list[str]]:
    """Pod -> the cells of its row."""
    done = run("doctor", "--minutes", "10")
    assert done.status == 1, done.output
    return {row[1].rpartition("/")[2]: row for row in rows(done.output) if row[1].startswith("pod ")}


def rows(output: str) -> list[list[str]]:
    """The lines of the doctor's table: finding, where, cause, fix."""
    cells = [re.split(r" {2,}", line.strip()) for line in output.splitlines()]
    return [row for row in cells if len(row) == 4]


@pytest.mark.parametrize(
    ("pod", "finding", "cause"),
    [
        ("doctor-absent", "image not found", "{image} is not in the registry"),
        ("doctor-no-secret", "pull refused", "the registry refuses {image}: the pod names no Secret with a log-in"),
        ("doctor-wrong-secret", "pull refused", f"does not take the log-in in Secret {WRONG}"),
        ("doctor-module", "dependency conflict", "lacks the module a_module_that_nobody_has"),
        ("doctor-exit", "pod failure", "container base ended with exit code 1: no rows today"),
        ("doctor-memory", "pod failure", "used more than its memory limit of 64Mi"),
        ("doctor-command", "pod failure", "/no/such/program"),
    ],
)
def test_the_cause_is_named(
    said: dict[str, list[str]], faulty: dict[str, str], pod: str, finding: str, cause: str
) -> None:
    found, _, why, fix = said[pod]
    assert found == finding
    assert cause.format(image=faulty[pod]) in why
    assert fix


def test_no_password_is_shown(faulty: dict[str, str], deployed: Deployed) -> None:
    shown = run("doctor").output
    assert json.loads(deployed.machine.registry_credentials.read_text())["password"] not in shown


def test_pins_that_do_not_fit_together_are_told_apart_from_a_stale_lock(deployed: Deployed, tmp_path: Path) -> None:
    clone = clone_of(deployed.root, tmp_path / "clone")
    project = clone / "images/cost-of-living/pyproject.toml"
    before = project.read_text()
    project.write_text(re.sub(r'"pandas==[^"]+"', '"pandas==1.5.3", "numpy==1.0.1"', before))
    assert findings_on_image(clone) == {"dependency conflict"}
    project.write_text(before.replace('"pandas==', '"idna==3.10", "pandas=='))
    assert findings_on_image(clone) == {"bad input"}


def findings_on_image(clone: Path) -> set[str]:
    done = run("doctor", clone=clone)
    assert done.status == 1
    return {finding for finding, where, *_ in rows(done.output) if where.startswith("images/cost-of-living")}


@pytest.mark.parametrize("section", re.findall(r"^## (.+)$", DOCUMENT, re.MULTILINE))
def test_every_command_of_the_documentation_runs(deployed: Deployed, section: str, tmp_path: Path) -> None:
    clone = clone_of(deployed.root, tmp_path / "clone")
    start, *_ = DOCUMENT.split("\n## ")
    _, reach = BLOCK.findall(start)
    commands = "".join(BLOCK.findall(DOCUMENT.partition(f"## {section}\n")[2].partition("\n## ")[0]))
    assert commands
    own = deployed.settings
    script = (reach + commands).replace("airflow-tasks", own.tasks_namespace)
    script = re.sub(r"--namespace airflow\b(?!-)", f"--namespace {own.name}", script)
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=clone,
        env={name: value for name, value in os.environ.items() if name != "KUBECONFIG"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
