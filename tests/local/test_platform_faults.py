"""Interruptions, stopping and purging, on a second platform in a network of its own beside the one in use."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from local import certificates, kubeconfig, toolchain
from local.certificates import Identity
from local.machine import Machine

pytestmark = [pytest.mark.platform, pytest.mark.faults]

ROOT = Path(__file__).parents[2]
# A network namespace shows its interfaces in a /sys of its own, which must keep the control groups.
SETUP = """
mkdir "$1" && mount --rbind /sys/fs/cgroup "$1" && mount -t sysfs sysfs /sys && mount --rbind "$1" /sys/fs/cgroup
umount -l "$1" && rmdir "$1" && ip link set lo up && echo ready && exec sleep infinity
"""
COMMAND = "from local import platform; platform.{}(Machine.here(), Progress())"
IMPORTS = "from local.machine import Machine; from local.progress import Progress; "


class Isolated:
    """A second platform: own network and mounts, own state and cache, the toolchain of the first."""

    def __init__(self, folder: Path, pid: int) -> None:
        self.pid = pid
        places = {"XDG_STATE_HOME": str(folder / "s"), "XDG_CACHE_HOME": str(folder / "c")}
        # kubectl's cache goes with the rest.
        self.environment = {**os.environ, **places, "KUBECACHEDIR": str(folder / "k")}
        self.machine = Machine.here(self.environment)

    def command(self, *command: str) -> list[str]:
        return ["nsenter", f"--target={self.pid}", "--net", "--mount", f"--wd={ROOT}", "--", *command]

    def told(self, *command: str) -> str:
        done = subprocess.run(self.command(*command), env=self.environment, text=True, check=False, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def platform(self, verb: str) -> str:
        return self.told(sys.executable, "-c", IMPORTS + COMMAND.format(verb))

    def begin(self, verb: str) -> subprocess.Popen[bytes]:
        command = self.command(sys.executable, "-c", IMPORTS + COMMAND.format(verb))
        return subprocess.Popen(command, env=self.environment, start_new_session=True, stdout=subprocess.DEVNULL)

    def kubectl(self, *arguments: str) -> str:
        return self.told(str(self.machine.tool("kubectl")), f"--kubeconfig={self.machine.kubeconfig}", *arguments)

    def groups(self) -> list[Path]:
        return list(Path("/sys/fs/cgroup").glob(f"**/{self.machine.control_group}"))

    def leftovers(self) -> dict[str, object]:
        """All that a stopped platform must not leave on a machine."""
        here = str(self.machine.state)
        commands = {
            pid.name: (pid / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            for pid in Path("/proc").glob("[0-9]*")
            if (pid / "cmdline").exists()
        }
        links = [link["ifname"] for link in json.loads(self.told("ip", "-json", "link")) if link["ifname"] != "lo"]
        return {
            "processes": {pid: line for pid, line in commands.items() if here in line},
            "mounts": [line for line in self.told("cat", "/proc/mounts").splitlines() if here in line],
            # Kernels make some interfaces in every new network by themselves.
            "interfaces": [link for link in links if link.startswith(("veth", "de-airflow"))],
            "tables": self.told("nft", "list", "tables"),
            "routes": self.told("ip", "route"),
            "groups": self.groups(),
        }


#: The API server's own, whose endpoint goes when that ends in order.
SERVICE, SERVICES = "https://10.96.0.1", "10.96.0.0/16"
DAY = datetime.timedelta(days=1)
NOTHING = {"processes": {}, "mounts": [], "interfaces": [], "tables": "", "routes": "", "groups": []}


@pytest.fixture
def isolated(started: Machine) -> Iterator[Isolated]:
    # Unix sockets limit how deep the state folder may be.
    folder = Path(tempfile.mkdtemp(prefix="p-"))
    command = ["unshare", "--net", "--mount", "--propagation=private", "sh", "-ec", SETUP, "sh", str(folder / "g")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        made = Isolated(folder, holder.pid)
        try:
            for source in toolchain.folders(started.cache):
                target = made.machine.cache / "toolchain" / source.name
                shutil.copytree(source, target, copy_function=os.link)
            yield made
        finally:
            made.platform("stop")
            holder.kill()
    # A purge removes the folders above its own, too, where they are empty.
    shutil.rmtree(folder, ignore_errors=True)


def test_start_survives_being_killed_at_any_moment(isolated: Isolated) -> None:
    for seconds in (0.4, 0.6, 0.9, 1.3, 2.0, 3.0):
        process = isolated.begin("start")
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    isolated.platform("start")
    assert "Ready" in isolated.kubectl("get", "nodes")


def test_all_that_runs_may_be_killed(isolated: Isolated) -> None:
    isolated.platform("start")
    isolated.kubectl("create", "configmap", "kept")
    processes = {
        int(line) for group in isolated.groups() for file in group.rglob("cgroup.procs") for line in file.open()
    }
    assert len(processes) >= 13
    for process in processes:
        os.kill(process, signal.SIGKILL)
    isolated.platform("start")
    assert "kept" in isolated.kubectl("get", "configmaps")


@pytest.mark.parametrize("name", ["mounts", "containerd", "kubelet", "etcd"])
def test_one_daemon_may_be_killed(isolated: Isolated, name: str) -> None:
    isolated.platform("start")
    record = json.loads((isolated.machine.state / "run" / "daemons" / f"{name}.pid").read_text())
    os.kill(record["pid"], signal.SIGKILL)
    isolated.platform("start")
    assert "Ready" in isolated.kubectl("get", "nodes")


def test_services_are_reached_after_a_restart_of_api_server_and_proxy(isolated: Isolated) -> None:
    isolated.platform("start")
    for name, number in (("kube-apiserver", signal.SIGTERM), ("kube-proxy", signal.SIGKILL)):
        record = json.loads((isolated.machine.state / "run" / "daemons" / f"{name}.pid").read_text())
        os.kill(record["pid"], number)
        while Path(f"/proc/{record['pid']}/exe").exists():
            time.sleep(0.1)
    isolated.platform("start")
    # The network has no way out, where addresses of Services would begin.
    isolated.told("ip", "route", "add", SERVICES, "dev", "lo")
    reached = ("wait", "--for=condition=Ready", "nodes", "--all", f"--server={SERVICE}", "--timeout=20s")
    assert "condition met" in isolated.kubectl(*reached)


def test_certificates_of_another_time_are_issued_anew(isolated: Isolated, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made while the clock was ahead, or over meanwhile, seen after a stop or while all runs."""
    isolated.platform("start")
    isolated.kubectl("create", "configmap", "kept")
    isolated.platform("stop")
    date(isolated.machine, -DAY, 30 * DAY, monkeypatch)
    isolated.platform("start")
    assert "Ready" in isolated.kubectl("get", "nodes")
    assert "kept" in isolated.kubectl("get", "configmaps")
    date(isolated.machine, 30 * DAY, -DAY, monkeypatch)
    isolated.platform("start")
    assert "kept" in isolated.kubectl("get", "configmaps")
    # Daemons that only are clients have taken theirs, too.
    isolated.kubectl("create", "namespace", "after")
    isolated.kubectl("wait", "--namespace=after", "--for=create", "configmap/kube-root-ca.crt", "--timeout=30s")


def date(
    machine: Machine, backdate: datetime.timedelta, lifetime: datetime.timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have all certificates be of another time: from so long ago, for so long from now."""
    with monkeypatch.context() as then:
        then.setattr(certificates, "BACKDATE", backdate)
        then.setattr(certificates, "LIFETIME", lifetime)
        authority = kubeconfig.authority(machine)
        issued = {
            file: identity_of(file) for file in authority.directory.glob("*.pem") if file != authority.certificate
        }
        assert len(issued) > 10
        authority.certificate.unlink()
        authority.ensure()
        for file, identity in issued.items():
            file.unlink()
            authority.issue(file.stem, identity)
        kubeconfig.prepare(machine)


def identity_of(file: Path) -> Identity:
    found = x509.load_pem_x509_certificate(file.read_bytes())
    name, organization = (
        "".join(str(one.value) for one in found.subject.get_attributes_for_oid(kind))
        for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    )
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Identity(name, organization)
    return Identity(name, organization, tuple(str(one.value) for one in names))


def test_stop_leaves_nothing_but_data_even_after_being_killed(isolated: Isolated) -> None:
    isolated.platform("start")
    isolated.kubectl("create", "configmap", "kept")
    process = isolated.begin("stop")
    time.sleep(0.8)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    isolated.platform("stop")
    assert isolated.leftovers() == NOTHING
    isolated.platform("start")
    assert "kept" in isolated.kubectl("get", "configmaps")


def test_purge_leaves_nothing(isolated: Isolated) -> None:
    hosts = Path("/etc/hosts").read_bytes()
    forwarding = isolated.told("cat", "/proc/sys/net/ipv4/ip_forward")
    isolated.platform("start")
    isolated.platform("purge")
    assert isolated.leftovers() == NOTHING
    assert not isolated.machine.state.parent.exists()
    assert not isolated.machine.cache.parent.exists()
    assert Path("/etc/hosts").read_bytes() == hosts
    assert isolated.told("cat", "/proc/sys/net/ipv4/ip_forward") == forwarding


def test_a_port_in_use_is_refused_and_nothing_is_changed(isolated: Isolated) -> None:
    listener = subprocess.Popen(isolated.command(sys.executable, "-m", "http.server", "--bind=127.0.0.1", "5000"))
    try:
        time.sleep(1)
        code = IMPORTS + COMMAND.format("start")
        done = subprocess.run(
            isolated.command(sys.executable, "-c", code), env=isolated.environment, capture_output=True, check=False
        )
        assert done.returncode == 1
        assert b"listens on 127.0.0.1:5000" in done.stderr
        assert not isolated.machine.state.exists()
        assert isolated.leftovers() == NOTHING
    finally:
        listener.kill()
        listener.wait()
