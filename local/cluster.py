"""The control plane: etcd, API server, controller manager, scheduler."""

from __future__ import annotations

import ipaddress
import subprocess
from pathlib import Path

from local import files, kubeconfig, probes
from local.certificates import Identity
from local.machine import POD_NETWORK, SERVICE_NETWORK, Machine
from local.network import CLUSTER_DOMAIN, NODE_ADDRESS
from local.processes import Daemon
from local.waiting import GaveUp

ISSUER = f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}"
MEMBER = "one"


def prepare(machine: Machine) -> None:
    kubeconfig.authority(machine).ensure()
    files.folder(machine.state / "etcd", 0o700)
    kubeconfig.prepare(machine)


def daemons(machine: Machine) -> tuple[Daemon, ...]:
    """In the order in which they are started."""
    return (_etcd(machine), _api_server(machine), _controller_manager(machine), _scheduler(machine))


def kubectl(machine: Machine, *arguments: str, text: str | None = None) -> str:
    """Run kubectl as administrator; GaveUp with its own words where it fails."""
    command = [str(machine.tool("kubectl")), "--kubeconfig", str(machine.kubeconfig), "--request-timeout=20s"]
    environment = {"KUBECACHEDIR": machine.environment()["KUBECACHEDIR"], "HOME": str(machine.state)}
    result = subprocess.run(
        [*command, *arguments], input=text, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise GaveUp(f"kubectl {' '.join(arguments)} failed: {result.stderr.strip()}")
    return result.stdout


def _etcd(machine: Machine) -> Daemon:
    issuer = kubeconfig.authority(machine)
    identity = str(issuer.issue("etcd", Identity("etcd", names=("127.0.0.1", "localhost"))))
    client = f"https://127.0.0.1:{machine.port('etcd')}"
    peers = f"https://127.0.0.1:{machine.port('etcd peers')}"
    trusted = str(issuer.certificate)
    return Daemon(
        "etcd",
        (
            str(machine.tool("etcd")),
            f"--name={MEMBER}",
            f"--data-dir={machine.state / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster={MEMBER}={peers}",
            *_flags("", cert=identity, key=identity, trusted=trusted),
            *_flags("peer-", cert=identity, key=identity, trusted=trusted),
            "--log-level=warn",
        ),
        lambda: probes.http_answers(f"{client}/health", issuer.certificate, Path(identity)),
        reads=(Path(identity), issuer.certificate),
        address=client,
    )


def _flags(prefix: str, cert: str, key: str, trusted: str) -> tuple[str, ...]:
    return (
        f"--{prefix}cert-file={cert}",
        f"--{prefix}key-file={key}",
        f"--{prefix}trusted-ca-file={trusted}",
        f"--{prefix}client-cert-auth=true",
    )


def _api_server(machine: Machine) -> Daemon:
    issuer = kubeconfig.authority(machine)
    trusted = str(issuer.certificate)
    service = str(next(ipaddress.ip_network(SERVICE_NETWORK).hosts()))
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", ISSUER.removeprefix("https://"))
    identity = str(issuer.issue("kube-apiserver", Identity("kube-apiserver", names=(*names, NODE_ADDRESS, service))))
    etcd = str(issuer.issue("etcd-client", Identity("kube-apiserver")))
    # The group that Kubernetes' own bootstrap binds to nothing but the kubelet's API.
    kubelet = str(issuer.issue("kubelet-client", Identity("kube-apiserver-kubelet-client", "system:masters")))
    front = str(issuer.issue("front-proxy", Identity("front-proxy-client")))
    tokens = str(issuer.signing_key("service-accounts"))
    administrator = issuer.issue("probe", kubeconfig.ADMINISTRATOR)
    flags = {
        "advertise-address": NODE_ADDRESS,
        "allow-privileged": "false",
        "anonymous-auth": "false",
        "authorization-mode": "Node,RBAC",
        "bind-address": NODE_ADDRESS,
        "client-ca-file": trusted,
        "enable-admission-plugins": "NodeRestriction",
        "etcd-cafile": trusted,
        "etcd-certfile": etcd,
        "etcd-keyfile": etcd,
        "etcd-servers": f"https://127.0.0.1:{machine.port('etcd')}",
        "kubelet-certificate-authority": trusted,
        "kubelet-client-certificate": kubelet,
        "kubelet-client-key": kubelet,
        # The node's name is in no name server.
        "kubelet-preferred-address-types": "InternalIP",
        "profiling": "false",
        "proxy-client-cert-file": front,
        "proxy-client-key-file": front,
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-client-ca-file": trusted,
        "secure-port": str(machine.port("kube-apiserver")),
        "service-account-issuer": ISSUER,
        "service-account-key-file": tokens,
        "service-account-signing-key-file": tokens,
        "service-cluster-ip-range": SERVICE_NETWORK,
        "tls-cert-file": identity,
        "tls-private-key-file": identity,
    }
    return _component(
        machine,
        "kube-apiserver",
        flags,
        lambda: probes.http_answers(f"{kubeconfig.server(machine)}/readyz", issuer.certificate, administrator),
        kubeconfig.server(machine),
        (issuer.certificate, *map(Path, (identity, etcd, kubelet, front))),
    )


def _controller_manager(machine: Machine) -> Daemon:
    issuer = kubeconfig.authority(machine)
    client = str(kubeconfig.path(machine, "kube-controller-manager"))
    flags = {
        "bind-address": "127.0.0.1",
        "cluster-cidr": POD_NETWORK,
        "kubeconfig": client,
        "leader-elect": "false",
        "profiling": "false",
        "root-ca-file": str(issuer.certificate),
        "secure-port": str(machine.port("kube-controller-manager")),
        "service-account-private-key-file": str(issuer.signing_key("service-accounts")),
        "use-service-account-credentials": "true",
    }
    return _loopback(machine, "kube-controller-manager", flags, (issuer.certificate, Path(client)))


def _scheduler(machine: Machine) -> Daemon:
    client = kubeconfig.path(machine, "kube-scheduler")
    flags = {
        "bind-address": "127.0.0.1",
        "kubeconfig": str(client),
        "leader-elect": "false",
        "profiling": "false",
        "secure-port": str(machine.port("kube-scheduler")),
    }
    return _loopback(machine, "kube-scheduler", flags, (client,))


def _loopback(machine: Machine, name: str, flags: dict[str, str], reads: tuple[Path, ...]) -> Daemon:
    address = f"https://127.0.0.1:{machine.port(name)}"
    return _component(machine, name, flags, lambda: probes.http_answers(f"{address}/healthz"), address, reads)


def _component(
    machine: Machine, name: str, flags: dict[str, str], missing: probes.Probe, address: str, reads: tuple[Path, ...]
) -> Daemon:
    command = (str(machine.tool(name)), *(f"--{flag}={value}" for flag, value in sorted(flags.items())))
    return Daemon(name, command, missing, reads=reads, address=address)
