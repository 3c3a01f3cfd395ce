"""containerd: its configuration, the pause image, and an orderly end of everything it runs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path

from local import files, mounts, packages, probes
from local.image_registry import UPSTREAMS
from local.machine import Machine
from local.network import CNI_PLUGINS, cni_folder
from local.processes import Daemon, Supervisor
from local.waiting import GaveUp, wait

PAUSE_IMAGE = "de-airflow-pipeline.local/pause:1"
KUBERNETES_NAMESPACE = "k8s.io"
CAP_SYS_RESOURCE = 24
GRACE_SECONDS = 15
CTR_SECONDS = 60
# What it may need to reach an upstream registry from behind a proxy or an inspecting firewall.
PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE")


def address(machine: Machine) -> Path:
    return machine.state / "run" / "containerd.sock"


def environment() -> dict[str, str]:
    return {"PATH": packages.SEARCH, **{name: os.environ[name] for name in PASSED_ON if name in os.environ}}


def lacks_sys_resource() -> bool:
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    return not effective >> CAP_SYS_RESOURCE & 1


def runc() -> str:
    return shutil.which("runc", path=packages.SEARCH) or "runc"


def configuration(machine: Machine) -> str:
    run = machine.state / "run"
    # Without CAP_SYS_RESOURCE the kernel refuses a lower oom_score_adj, and with it every pod's sandbox.
    restrict = str(lacks_sys_resource()).lower()
    return f"""version = 3
root = '{machine.state / "containerd"}'
state = '{run / "containerd"}'
disabled_plugins = [
  'io.containerd.internal.v1.opt',
  'io.containerd.nri.v1.nri',
  'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.erofs',
  'io.containerd.snapshotter.v1.zfs',
]

[grpc]
address = '{address(machine)}'

[plugins.'io.containerd.cri.v1.images']
snapshotter = 'overlayfs'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{PAUSE_IMAGE}'
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = '{_hosts(machine)}'

[plugins.'io.containerd.cri.v1.runtime']
enable_cdi = false
netns_mounts_under_state_dir = true
restrict_oom_score_adj = {restrict}
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['{CNI_PLUGINS}']
conf_dir = '{cni_folder(machine)}'
use_internal_loopback = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
runtime_path = '{machine.tool("containerd-shim-runc-v2")}'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = '{runc()}'
Root = '{run / "runc"}'
SystemdCgroup = false
"""


def daemon(machine: Machine, supervisor: Supervisor) -> Daemon:
    path = machine.state / "run" / "containerd.toml"
    return Daemon(
        "containerd",
        mounts.inside(supervisor, str(machine.tool("containerd")), "--config", str(path)),
        lambda: probes.socket_answers(address(machine)) or _not_serving(machine),
        environment(),
        {path: configuration(machine)},
        f"unix://{address(machine)}",
    )


def prepare(machine: Machine) -> None:
    """Where to pull from: the mirror, then upstream; what users push, from its registry, with the pod's own secret."""
    plain = {machine.registry: machine.registry, machine.mirror: machine.mirror}
    for host, server in plain.items():
        _write_host(machine, host, f"server = 'http://{server}'\n\n[host.'http://{server}']\n")
    for upstream in UPSTREAMS:
        server = "https://registry-1.docker.io" if upstream == "docker.io" else f"https://{upstream}"
        mirror = f"http://{machine.mirror}/v2/{upstream}"
        table = f"[host.'{mirror}']\ncapabilities = ['pull', 'resolve']\noverride_path = true\n"
        _write_host(machine, upstream, f"server = '{server}'\n\n{table}")


def import_pause_image(machine: Machine) -> None:
    names = _ctr(machine, "images", "list", "--quiet").split()
    if PAUSE_IMAGE not in names:
        _ctr(machine, "images", "import", "-", data=pause_archive(machine.tool("pause").read_bytes()))


def forget_image(machine: Machine, name: str) -> None:
    """Have the next pod that names this image pull it again; ``name`` is whole, with its registry."""
    _ctr(machine, "images", "remove", name, check=False)


def stop_pods(machine: Machine) -> None:
    """Ask every container to end, then make it; the kubelet must have stopped, or it would start them again."""
    tasks = _tasks(machine)
    for task in tasks:
        _ctr(machine, "tasks", "kill", "--signal", "SIGTERM", task, check=False)
    _await_end(machine, GRACE_SECONDS)
    for task in _tasks(machine):
        _ctr(machine, "tasks", "kill", "--all", "--signal", "SIGKILL", task, check=False)
    _await_end(machine, 5)


def pause_archive(binary: bytes) -> bytes:
    """An OCI image layout as a tar: ``binary`` on nothing, the same bytes for the same binary."""
    layer = _tar({"pause": (binary, 0o755)})
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    blobs: dict[str, tuple[bytes, int]] = {}

    def blob(kind: str, content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = (content, 0o644)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("config.v1+json", json.dumps(config).encode()),
        "layers": [blob("layer.v1.tar", layer)],
    }
    entry = blob("manifest.v1+json", json.dumps(manifest).encode())
    entry["annotations"] = {"io.containerd.image.name": PAUSE_IMAGE}
    index = {"schemaVersion": 2, "manifests": [entry]}
    layout = {"imageLayoutVersion": "1.0.0"}
    return _tar(
        {
            "oci-layout": (json.dumps(layout).encode(), 0o644),
            "index.json": (json.dumps(index).encode(), 0o644),
            **blobs,
        }
    )


def _tar(members: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (content, mode) in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _hosts(machine: Machine) -> Path:
    return machine.state / "hosts"


def _write_host(machine: Machine, host: str, content: str) -> None:
    files.write(files.folder(_hosts(machine) / host) / "hosts.toml", content)


def _not_serving(machine: Machine) -> str | None:
    try:
        plugins = _ctr(machine, "plugins", "list")
    except GaveUp as error:
        return str(error)
    # The kubelet needs this one; it comes up last, and a mistake in its configuration only shows here.
    states = [line.split()[-1] for line in plugins.splitlines() if line.split()[1:2] == ["cri"]]
    return None if states and set(states) == {"ok"} else f"its CRI plugin is {', '.join(states) or 'absent'}"


def _tasks(machine: Machine) -> list[str]:
    listed = _ctr(machine, "tasks", "list", check=False).splitlines()[1:]
    return [line.split()[0] for line in listed if line.split()[-1:] == ["RUNNING"]]


def _await_end(machine: Machine, seconds: float) -> None:
    try:
        wait("the containers to end", lambda: "some still run" if _tasks(machine) else None, seconds)
    except GaveUp:
        return


def _ctr(machine: Machine, *arguments: str, data: bytes | None = None, check: bool = True) -> str:
    command = [str(machine.tool("ctr")), "--address", str(address(machine)), "--namespace", KUBERNETES_NAMESPACE]
    try:
        result = subprocess.run(
            [*command, *arguments], input=data, capture_output=True, timeout=CTR_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        if check:
            raise GaveUp(f"ctr {' '.join(arguments)} has not ended after {CTR_SECONDS} s") from None
        return ""
    if check and result.returncode != 0:
        raise GaveUp(f"ctr {' '.join(arguments)} failed: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout.decode()
