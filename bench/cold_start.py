"""From creating a task's pod to its first line of Python, its image on no node: on its own image and on the fat one.

Real kubelet, containerd and registry of the one-machine platform. Before each round the image is removed from the
node's store, and it is checked that none of its layers is left. The registry is on the same machine, so what a network
would add, in proportion to the bytes, is not in it.
"""

from __future__ import annotations

import secrets
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from lightkube import ApiError, Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace, Pod, Secret

from bench.cold_images import ColdImage, Copier
from bench.pushed_images import FAT, push_all, registry_of
from bench.subject import Figures, Subject
from local import containers, image_registry
from local.cluster import kubectl
from local.kubernetes_client import connect
from local.machine import Machine
from local.progress import Progress
from local.waiting import wait

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMESPACE = "bench-images"
PULL_SECRET = "registry"  # noqa: S105 - its name
LIMIT = 0.6
SECONDS = 600
#: Type -> what its task imports before it does anything.
TASKS = {
    "api": "boto3, httpx, tenacity",
    "cost-of-living": "boto3, matplotlib.pyplot, pandas, statsmodels.api",
}
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def measure(runs: int = 5) -> Figures:
    """Rounds in pairs, which side first by turns."""
    machine, progress = Machine.here(), Progress()
    pushed = push_all(machine, progress)
    mark = f"cold-{secrets.token_hex(6)}"
    with registry_of(machine) as registry, progress.step("copies that share nothing"):
        copier = Copier(registry)
        images = {name: copier.copy(pushed.references[name], name, f"{mark}-{name}") for name in (*TASKS, FAT)}
    client = connect(machine)
    found: dict[str, dict[str, Any]] = {name: {"own": [], "fat": [], "bytes": images[name].size} for name in TASKS}
    with _namespace(client, machine):
        for number in range(runs):
            for name in TASKS:
                turns = [("own", images[name]), ("fat", images[FAT])]
                with progress.step(f"round {number + 1} of {name}"):
                    for side, image in turns if number % 2 else turns[::-1]:
                        found[name][side].append(_cold_start(machine, client, image, TASKS[name]))
        for image in images.values():
            forget(machine, image)
    return {"fat bytes": images[FAT].size, "tasks": found}


@contextmanager
def _namespace(client: Client, machine: Machine) -> Iterator[None]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    client.apply(Namespace(metadata=ObjectMeta(name=NAMESPACE, labels=labels)), field_manager="bench")
    try:
        secret = Secret(
            metadata=ObjectMeta(name=PULL_SECRET, namespace=NAMESPACE),
            type="kubernetes.io/dockerconfigjson",
            stringData={".dockerconfigjson": image_registry.docker_configuration(machine)},
        )
        client.apply(secret, field_manager="bench")
        yield
    finally:
        client.delete(Namespace, NAMESPACE)


def _cold_start(machine: Machine, client: Client, image: ColdImage, imports: str) -> dict[str, float]:
    """Seconds to the first line of Python, and to the end of the task's imports."""
    forget(machine, image)
    name = f"task-{secrets.token_hex(4)}"
    began = time.time()
    client.create(_pod(name, image.reference, imports))
    try:
        wait(f"pod {name}", lambda: _not_ended(client, name), SECONDS, lambda: _events(machine, name))
        line = next(one for one in client.log(name, namespace=NAMESPACE) if one.startswith("began "))
        started, imported = map(float, line.split()[1:])
    finally:
        client.delete(Pod, name, namespace=NAMESPACE, grace_period=0)
        wait(f"pod {name} to go", lambda: _still_there(client, name), 60)
    return {"start": started - began, "imported": imported - began}


def _pod(name: str, image: str, imports: str) -> Pod:
    script = f"import time; began = time.time(); import {imports}; print('began', began, time.time(), flush=True)"
    pod = Pod.from_dict(
        {
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "restartPolicy": "Never",
                "imagePullSecrets": [{"name": PULL_SECRET}],
                "terminationGracePeriodSeconds": 0,
                "containers": [
                    {
                        "name": "base",
                        "image": image,
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["python", "-c", script],
                        "env": [{"name": "MPLCONFIGDIR", "value": "/tmp/matplotlib"}],  # noqa: S108
                        "securityContext": RESTRICTED,
                        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
                    }
                ],
            },
        }
    )
    return cast(Pod, pod)


def _not_ended(client: Client, name: str) -> str | None:
    status = client.get(Pod, name, namespace=NAMESPACE).status
    phase = status.phase if status else None
    if phase == "Failed":
        raise RuntimeError("\n".join(client.log(name, namespace=NAMESPACE)))
    return None if phase == "Succeeded" else f"it is {phase}"


def _events(machine: Machine, name: str) -> str:
    return kubectl(machine, "--namespace", NAMESPACE, "describe", "pod", name)


def _still_there(client: Client, name: str) -> str | None:
    with suppress(ApiError):
        client.get(Pod, name, namespace=NAMESPACE)
        return "it is there"
    return None


def forget(machine: Machine, image: ColdImage) -> None:
    """Remove the image from the node's store. Raises GaveUp where a layer of it stays, packed or unpacked."""

    def left() -> str | None:
        there = {*_ctr(machine, "content", "ls", "--quiet").split()} & {*image.layers}
        if image.bottom in _ctr(machine, "snapshots", "ls"):
            there.add(image.bottom)
        return f"{len(there)} layers are there" if there else None

    # The kubelet collects what is left of deleted pods each minute only.
    for line in _ctr(machine, "containers", "ls").splitlines():
        if image.reference in line.split():
            _ctr(machine, "containers", "delete", line.split()[0])
    _ctr(machine, "images", "remove", "--sync", *image.names)
    wait(f"{image.reference} to leave the node", left, 60)
    # The kubelet asks containerd's CRI plugin, which hears of it by an event.
    time.sleep(1)


def _ctr(machine: Machine, *arguments: str) -> str:
    command = [str(machine.tool("ctr")), "--address", str(containers.address(machine))]
    done = subprocess.run(
        [*command, "--namespace", containers.KUBERNETES_NAMESPACE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout


def medians(one: Mapping[str, Any], what: str = "start") -> tuple[float, float]:
    """Of the own image and of the fat one."""
    own, fat = (statistics.median(round_[what] for round_ in one[side]) for side in ("own", "fat"))
    return own, fat


def table(figures: Figures) -> list[str]:
    lines = ["## Pull and start of a task's pod, no image on the node", ""]
    lines += ["| task | image | start, s | on the fat image, s | ratio | slowest pair | at most | with imports |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for name, one in figures["tasks"].items():
        own, fat = medians(one)
        worst = max(a["start"] / b["start"] for a, b in zip(one["own"], one["fat"], strict=True))
        whole = [f"{seconds:.1f}" for seconds in medians(one, "imported")]
        cells = [f"{one['bytes'] / 1e6:.0f} MB", f"{own:.1f}", f"{fat:.1f}", f"{own / fat:.2f}", f"{worst:.2f}"]
        lines.append(f"| {name} | {' | '.join(cells)} | {LIMIT} | {' against '.join(whole)} s |")
    rounds = len(next(iter(figures["tasks"].values()))["own"])
    return [*lines, "", f"Medians of {rounds} rounds in pairs; the fat image has {figures['fat bytes'] / 1e6:.0f} MB."]


def draw(axes: Axes, figures: Figures) -> None:
    for row, one in enumerate(figures["tasks"].values()):
        own, fat = medians(one)
        axes.barh(row - 0.2, own, height=0.4, color="tab:blue", label="its own image" if not row else None)
        axes.barh(row + 0.2, fat, height=0.4, color="tab:gray", label="the fat image" if not row else None)
        for offset, side in ((-0.2, "own"), (0.2, "fat")):
            axes.scatter([r["start"] for r in one[side]], [row + offset] * len(one[side]), color="black", s=8, zorder=3)
        limit = "at most" if not row else None
        axes.plot([LIMIT * fat] * 2, [row - 0.4, row], color="tab:red", linestyle="--", label=limit)
    axes.set_yticks(range(len(figures["tasks"])), list(figures["tasks"]))
    axes.set(title="Pull and start, nothing on the node", xlabel="seconds")
    axes.legend()


SUBJECT = Subject(
    "start",
    "cold start",
    "pods that pull their image, against the fat image",
    measure,
    table,
    draw,
    needs="the running platform, and a minute for each round",
)
