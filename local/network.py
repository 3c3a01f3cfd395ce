"""Addresses of the cluster, and what they need of the host: an interface, an nftables table, a few kernel settings."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from local import files
from local.machine import POD_NETWORK, PROJECT, SERVICE_NETWORK, Machine
from local.waiting import GaveUp, wait

#: The node's one address: on an interface of our own, so that it outlives any change of the host's network.
#: It is also every pod's gateway, and where CoreDNS answers.
NODE_ADDRESS = "10.244.0.1"
INTERFACE = "de-airflow0"
NODE_NAME = PROJECT
CLUSTER_DOMAIN = "cluster.local"
CNI_PLUGINS = Path("/usr/lib/cni")
#: kube-proxy's tables have fixed names; a machine has room for one kube-proxy.
PROXY_TABLES = (("ip", "kube-proxy"), ("ip6", "kube-proxy"))
OWN_TABLE = ("ip", PROJECT)

#: What we or the kubelet set, or None for what the kubelet sets by itself; the values before are put back on stop.
KERNEL_SETTINGS: Mapping[str, str | None] = MappingProxyType(
    {
        "net/ipv4/ip_forward": "1",
        "kernel/keys/root_maxbytes": None,
        "kernel/keys/root_maxkeys": None,
        "kernel/panic": None,
        "kernel/panic_on_oops": None,
        "vm/overcommit_memory": None,
        "vm/panic_on_oom": None,
    }
)
SYSCTL = Path("/proc/sys")

# Pods reach the world under the host's address; what stays in the cluster keeps the pod's own.
RULES = f"""
table {OWN_TABLE[0]} {OWN_TABLE[1]}
delete table {OWN_TABLE[0]} {OWN_TABLE[1]}
table {OWN_TABLE[0]} {OWN_TABLE[1]} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {POD_NETWORK} ip daddr != {{ {POD_NETWORK}, {SERVICE_NETWORK} }} masquerade
  }}
}}
"""


def cni_folder(machine: Machine) -> Path:
    return machine.state / "cni"


def cni_configuration(machine: Machine) -> str:
    # Routed pairs rather than a bridge: traffic to a Service's address must pass through the host's
    # tables both ways, which on a bridge takes a kernel module (br_netfilter) that not every kernel has.
    addresses = {
        "type": "host-local",
        "dataDir": str(machine.state / "run" / "addresses"),
        "ranges": [[{"subnet": POD_NETWORK, "gateway": NODE_ADDRESS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugin = {"type": "ptp", "ipMasq": False, "ipam": addresses}
    return json.dumps({"cniVersion": "1.0.0", "name": PROJECT, "plugins": [plugin]}, indent=2) + "\n"


def running() -> bool:
    return interface_exists() and table_exists(*OWN_TABLE)


def ours(machine: Machine) -> bool:
    """Whether the cluster's network on this machine, if any, is that of this state folder."""
    return _record(machine).exists()


def interface_exists() -> bool:
    return (Path("/sys/class/net") / INTERFACE).exists()


def table_exists(family: str, name: str) -> bool:
    return subprocess.run(["nft", "list", "table", family, name], capture_output=True, check=False).returncode == 0


def start(machine: Machine) -> None:
    """Idempotent; GaveUp where the kernel refuses."""
    _remember_kernel_settings(machine)
    for name, value in KERNEL_SETTINGS.items():
        if value is not None:
            (SYSCTL / name).write_text(value)
    if not interface_exists():
        _run("ip", "link", "add", INTERFACE, "type", "bridge")
    _run("ip", "address", "replace", f"{NODE_ADDRESS}/32", "dev", INTERFACE)
    _run("ip", "link", "set", INTERFACE, "up")
    # Each pod has a route of its own. What is sent to one that is gone would leave the machine by the default route,
    # and somebody might answer there: until kube-proxy has heard of it, its Service leads to it.
    _run("ip", "route", "replace", "unreachable", POD_NETWORK)
    _run("nft", "-f", "-", text=RULES)
    files.folder(cni_folder(machine))
    files.write(cni_folder(machine) / "10-pods.conflist", cni_configuration(machine))


def forget_services() -> None:
    """Remove what kube-proxy, which must not run, has left.

    Over its own old chains it begins with empty ones for what has no endpoint at that moment, and leaves them so: after
    a restart of both, the API server's own Service refused every pod.
    """
    for family, name in PROXY_TABLES:
        if table_exists(family, name):
            _run("nft", "delete", "table", family, name)


def stop(machine: Machine) -> None:
    """Remove interface and tables, put the kernel's settings back."""
    if not ours(machine):
        return
    forget_services()
    if table_exists(*OWN_TABLE):
        _run("nft", "delete", "table", *OWN_TABLE)
    if interface_exists():
        _run("ip", "link", "delete", INTERFACE)
    # Unlike delete it succeeds where there is none.
    _run("ip", "route", "flush", "exact", POD_NETWORK, "type", "unreachable")
    # A pod's pair of interfaces goes with its network namespace, which the kernel takes apart in its own time: with
    # connections left in it that can be a minute.
    for name in _pod_interfaces():
        with contextlib.suppress(GaveUp):
            _run("ip", "link", "delete", name)
    wait("the pods' network interfaces to go", lambda: ", ".join(_pod_interfaces()) or None, 20)
    record = _record(machine)
    for name, value in json.loads(record.read_text()).items():
        with contextlib.suppress(OSError):
            (SYSCTL / name).write_text(value)
    record.unlink()


def _pod_interfaces() -> list[str]:
    listed = _run("ip", "-json", "address", "show", "type", "veth")
    return [
        link["ifname"]
        for link in json.loads(listed or "[]")
        if any(address.get("local") == NODE_ADDRESS for address in link.get("addr_info", ()))
    ]


def _record(machine: Machine) -> Path:
    return machine.state / "kernel-settings.json"


def _remember_kernel_settings(machine: Machine) -> None:
    record = _record(machine)
    if record.exists():
        return
    values = {}
    for name in KERNEL_SETTINGS:
        with contextlib.suppress(FileNotFoundError):
            values[name] = (SYSCTL / name).read_text().strip()
    files.write(record, json.dumps(values, indent=2) + "\n")


def _run(*command: str, text: str | None = None) -> str:
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise GaveUp(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
    return result.stdout
