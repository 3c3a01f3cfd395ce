"""The running platform, as its users need it."""

from __future__ import annotations

import io
import ipaddress
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import image_registry, platform, preflight, toolchain
from local.cluster import kubectl
from local.machine import NETWORKS, Machine
from local.progress import Progress
from local.waiting import wait

pytestmark = pytest.mark.platform

NAMESPACE = "platform-test"
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
FEW = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
ROOT = Path(__file__).parents[2]


def pids(machine: Machine) -> dict[str, int]:
    return {one.name: one.pid for one in platform.status(machine)}


def test_every_part_runs(running: Machine) -> None:
    components = platform.status(running)
    assert [one.name for one in components if not one.running] == []
    assert all(one.memory > 0 for one in components)


def test_starting_again_changes_nothing_and_takes_no_time(running: Machine) -> None:
    before, seconds = pids(running), []
    for _ in range(3):
        began = time.monotonic()
        platform.start(running, Progress(io.StringIO()))
        seconds.append(time.monotonic() - began)
    # The best of three: other tests may keep the machine busy.
    assert min(seconds) < 2
    assert pids(running) == before


def test_another_clone_under_another_umask_uses_the_same_platform(running: Machine, tmp_path: Path) -> None:
    for package in ("local", "pipelines"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "from local import platform; from local.machine import Machine; from local.progress import Progress\n"
        "progress = Progress(); platform.start(Machine.here(), progress); assert progress.stages == []"
    )
    before = pids(running)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, umask=0o077, check=True, capture_output=True)
    assert pids(running) == before


def test_nothing_listens_beyond_this_machine(running: Machine) -> None:
    ours = {f"(process {pid})" for pid in pids(running).values()}
    allowed = [ipaddress.ip_network(network) for network in (*NETWORKS, "127.0.0.0/8", "::1/128")]
    exposed = {
        f"{process} on {address}:{port}"
        for (address, port), process in preflight.listeners().items()
        if any(process.endswith(pid) for pid in ours)
        and not any(ipaddress.ip_address(address) in network for network in allowed)
    }
    assert exposed == set()


def test_the_host_sees_no_mount_of_it(running: Machine) -> None:
    assert str(running.state) not in Path("/proc/self/mounts").read_text()


def test_no_secret_is_in_a_process_list_or_a_log(running: Machine) -> None:
    password = image_registry.credentials(running)["password"]
    shown = [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids(running).values()]
    shown += [Path(f"/proc/{pid}/environ").read_text() for pid in pids(running).values()]
    shown += [log.read_text(errors="replace") for log in (running.state / "logs").iterdir()]
    assert not [text for text in shown if password in text]


def apply(machine: Machine, *objects: dict[str, Any]) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    kubectl(machine, "apply", "--server-side", "-f", "-", text=json.dumps(items))


def pod(name: str, image: str, *arguments: str, volume: bool = False) -> dict[str, Any]:
    mounts = [{"name": "data", "mountPath": "/data"}] if volume else []
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}] if volume else []
    container = {
        "name": "pod",
        "image": image,
        "args": list(arguments),
        "imagePullPolicy": "Always",
        "resources": FEW,
        "securityContext": RESTRICTED,
        "volumeMounts": mounts,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [container],
            "imagePullSecrets": [{"name": "pull"}],
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumes": volumes,
        },
    }


@pytest.fixture(scope="module")
def image(running: Machine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program on nothing, built by the platform's builder and pushed with the password."""
    context = tmp_path_factory.mktemp("pod")
    shutil.copytree(Path(__file__).parent / "pod", context, dirs_exist_ok=True)
    command = ["go", "build", *toolchain.BUILD_FLAGS, "-o", "pod", "."]
    subprocess.run(command, cwd=context, env=toolchain.go_environment(running.cache), check=True)
    reference = f"{running.registry}/platform-test/pod:{time.time_ns()}"
    command = [
        *(
            "buildctl",
            "build",
            "--frontend=dockerfile.v0",
            f"--local=context={context}",
            f"--local=dockerfile={context}",
        ),
        f"--output=type=image,name={reference},push=true",
    ]
    subprocess.run(command, env={**os.environ, **running.environment()}, check=True, capture_output=True)
    return reference


@pytest.fixture(scope="module")
def namespace(running: Machine) -> Iterator[Machine]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    apply(running, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    wait(
        "the namespace's service account",
        lambda: None if "default" in kubectl(running, "-n", NAMESPACE, "get", "serviceaccounts") else "absent",
        30,
    )
    yield running
    kubectl(running, "delete", "namespace", NAMESPACE, "--wait=false")


def waiting_reason(machine: Machine, name: str) -> tuple[str, str]:
    told = json.loads(kubectl(machine, "-n", NAMESPACE, "get", "pod", name, "-o", "json"))
    states = [status["state"] for status in told["status"].get("containerStatuses", [])]
    waiting = next((state["waiting"] for state in states if "waiting" in state), {})
    return waiting.get("reason", ""), waiting.get("message", "")


def test_without_the_pull_secret_the_registry_refuses(namespace: Machine, image: str) -> None:
    apply(namespace, pod("refused", image, "serve"))
    expected = ("ErrImagePull", "ImagePullBackOff")
    wait("a refusal", lambda: None if waiting_reason(namespace, "refused")[0] in expected else "none yet", 60)
    assert "no basic auth credentials" in waiting_reason(namespace, "refused")[1]
    kubectl(namespace, "-n", NAMESPACE, "delete", "pod", "refused", "--wait=false", "--grace-period=0", "--force")


def test_pods_run_restricted_find_each_other_and_write_to_volumes(namespace: Machine, image: str) -> None:
    known = (namespace.docker_config / "config.json").read_text()
    apply(
        namespace,
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": "pull", "namespace": NAMESPACE},
            "stringData": {".dockerconfigjson": known},
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": NAMESPACE},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "serve", "namespace": NAMESPACE},
            "spec": {"selector": {"app": "serve"}, "ports": [{"port": 8080}]},
        },
        pod("serve", image, "serve"),
        pod("check", image, "check", f"serve.{NAMESPACE}.svc.cluster.local", volume=True),
    )

    def missing() -> str | None:
        told = json.loads(kubectl(namespace, "-n", NAMESPACE, "get", "pod", "check", "-o", "json"))
        phase = str(told["status"]["phase"])
        return None if phase in ("Succeeded", "Failed") else phase

    wait("the pod", missing, 90, lambda: kubectl(namespace, "-n", NAMESPACE, "get", "events"))
    log = kubectl(namespace, "-n", NAMESPACE, "logs", "check")
    assert log.splitlines() == ["answer: hello", "written by: 1000"]
    (folder,) = (namespace.state / "volumes").glob(f"{NAMESPACE}_data_*")
    assert (folder / "file").read_text() == "written"
    kubectl(namespace, "-n", NAMESPACE, "delete", "pod", "check", "--wait=true")
    kubectl(namespace, "-n", NAMESPACE, "delete", "persistentvolumeclaim", "data", "--wait=true")
    wait("the folder to go", lambda: str(folder) if folder.exists() else None, 30)


def test_the_outside_needs_the_password_and_the_mirror_none(running: Machine) -> None:
    def listed(server: str) -> str | None:
        from local.probes import http_answers

        return http_answers(f"http://{server}/v2/_catalog")

    assert "401" in str(listed(running.registry))
    assert listed(running.mirror) is None
