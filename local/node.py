"""What makes the machine a node: kubelet, kube-proxy, CoreDNS."""

from __future__ import annotations

import json
from pathlib import Path

from local import containers, files, kubeconfig, mounts, packages, probes
from local.certificates import Identity
from local.cluster import kubectl
from local.machine import POD_NETWORK, Machine
from local.network import CLUSTER_DOMAIN, NODE_ADDRESS, NODE_NAME
from local.processes import Daemon, Supervisor

RESOLVER = Path("/etc/resolv.conf")

#: CoreDNS reads what names stand for, and no more.
DNS_ROLE = [
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "de-airflow-pipeline:coredns"},
        "rules": [
            {"apiGroups": [""], "resources": ["namespaces", "services"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "de-airflow-pipeline:coredns"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "de-airflow-pipeline:coredns",
        },
        "subjects": [
            {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "User",
                "name": kubeconfig.CLIENTS["coredns"].name,
            }
        ],
    },
]


def prepare(machine: Machine) -> None:
    files.folder(machine.state / "kubelet", 0o750)
    files.folder(machine.state / "pod-logs", 0o750)


def kubelet(machine: Machine, supervisor: Supervisor) -> Daemon:
    path = machine.state / "run" / "kubelet.yaml"
    command = (
        str(machine.tool("kubelet")),
        f"--config={path}",
        f"--hostname-override={NODE_NAME}",
        f"--kubeconfig={kubeconfig.path(machine, 'kubelet')}",
        f"--node-ip={NODE_ADDRESS}",
        f"--root-dir={machine.state / 'kubelet'}",
    )
    health = f"http://127.0.0.1:{machine.port('kubelet health')}/healthz"
    return Daemon(
        "kubelet",
        mounts.inside(supervisor, *command),
        lambda: probes.http_answers(health),
        {"PATH": packages.SEARCH},
        {path: json.dumps(kubelet_configuration(machine), indent=2) + "\n"},
        f"https://{NODE_ADDRESS}:{machine.port('kubelet')}",
        reads=(kubeconfig.path(machine, "kubelet"), _identity(machine), kubeconfig.authority(machine).certificate),
    )


def kubelet_configuration(machine: Machine) -> dict[str, object]:
    """https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/"""
    issuer, identity = kubeconfig.authority(machine), str(_identity(machine))
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(issuer.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{machine.control_group}",
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": CLUSTER_DOMAIN,
        "containerRuntimeEndpoint": f"unix://{containers.address(machine)}",
        # A share of a laptop's disk says little; what a pod needs is bytes.
        "evictionHard": {"memory.available": "200Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": machine.port("kubelet health"),
        "imageGCHighThresholdPercent": 97,
        "imageGCLowThresholdPercent": 95,
        # The kubelet's iptables chains would outlive it; kube-proxy here uses nftables.
        "makeIPTablesUtilChains": False,
        "maxParallelImagePulls": 3,
        "podLogsDir": str(machine.state / "pod-logs"),
        "port": machine.port("kubelet"),
        "readOnlyPort": 0,
        "registryPullQPS": 0,
        "resolvConf": str(RESOLVER),
        "rotateCertificates": False,
        "serializeImagePulls": False,
        "tlsCertFile": identity,
        "tlsPrivateKeyFile": identity,
        "volumePluginDir": str(machine.state / "kubelet" / "volume-plugins"),
    }


def kube_proxy(machine: Machine) -> Daemon:
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "bindAddress": NODE_ADDRESS,
        "clientConnection": {"kubeconfig": str(kubeconfig.path(machine, "kube-proxy"))},
        "clusterCIDR": POD_NETWORK,
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
        "healthzBindAddress": f"127.0.0.1:{machine.port('kube-proxy health')}",
        "hostnameOverride": NODE_NAME,
        "metricsBindAddress": f"127.0.0.1:{machine.port('kube-proxy metrics')}",
    }
    path = machine.state / "run" / "kube-proxy.yaml"
    health = f"http://127.0.0.1:{machine.port('kube-proxy health')}/healthz"
    return Daemon(
        "kube-proxy",
        (str(machine.tool("kube-proxy")), f"--config={path}"),
        lambda: probes.http_answers(health),
        {"PATH": packages.SEARCH},
        {path: json.dumps(configuration, indent=2) + "\n"},
        health,
        reads=(kubeconfig.path(machine, "kube-proxy"),),
    )


def coredns(machine: Machine) -> Daemon:
    upstream = any(line.split()[:1] == ["nameserver"] for line in _resolver().splitlines())
    forward = f"    forward . {RESOLVER}\n" if upstream else ""
    zones = f"{CLUSTER_DOMAIN} in-addr.arpa ip6.arpa"
    configuration = (
        ".:53 {\n"
        f"    bind {NODE_ADDRESS}\n"
        "    errors\n"
        f"    ready 127.0.0.1:{machine.port('coredns health')}\n"
        f"    kubernetes {zones} {{\n"
        f"        kubeconfig {kubeconfig.path(machine, 'coredns')}\n"
        "        pods insecure\n"
        "        fallthrough in-addr.arpa ip6.arpa\n"
        "    }\n"
        f"{forward}"
        "    cache 30\n"
        "}\n"
    )
    path = machine.state / "run" / "Corefile"
    return Daemon(
        "coredns",
        (str(machine.tool("coredns")), "-conf", str(path)),
        lambda: probes.http_answers(f"http://127.0.0.1:{machine.port('coredns health')}/ready"),
        files={path: configuration},
        reads=(kubeconfig.path(machine, "coredns"),),
        address=f"udp://{NODE_ADDRESS}:53",
    )


def not_ready(machine: Machine) -> str | None:
    """What the node says of itself while it is not ready."""
    selector = f"--field-selector=metadata.name={NODE_NAME}"
    listed = json.loads(kubectl(machine, "get", "nodes", selector, "-o", "json"))
    if not listed["items"]:
        return "the kubelet has not registered the node"
    conditions = {entry["type"]: entry for entry in listed["items"][0]["status"]["conditions"]}
    ready = conditions.get("Ready", {"status": "Unknown", "message": "no condition yet"})
    return None if ready["status"] == "True" else f"node {NODE_NAME}: {ready['message']}"


def _identity(machine: Machine) -> Path:
    identity = Identity(NODE_NAME, names=(NODE_ADDRESS, NODE_NAME))
    return kubeconfig.authority(machine).issue("kubelet-server", identity)


def _resolver() -> str:
    try:
        return RESOLVER.read_text()
    except FileNotFoundError:
        return ""
