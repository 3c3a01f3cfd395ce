"""Which connections a set of registered NetworkPolicies lets pass, by the rules of Kubernetes.

A range of addresses is taken to hold pods too: whether it does is the network plugin's choice.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.network_policies import NAMESPACE_LABEL


@dataclass(frozen=True)
class Pod:
    namespace: str
    labels: Mapping[str, str]
    address: str = "10.244.0.7"


@dataclass(frozen=True)
class Address:
    """Something that is no pod."""

    address: str


End = Pod | Address


def is_allowed(policies: list[dict[str, Any]], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection passes on both sides."""
    return _passes(policies, "egress", source, target, port, protocol) and _passes(
        policies, "ingress", target, source, port, protocol
    )


def _passes(policies: list[dict[str, Any]], way: str, end: End, other: End, port: int, protocol: str) -> bool:
    if isinstance(end, Address):
        return True
    holding = [
        policy for policy in policies if _holds_for(policy, end) and way.title() in policy["spec"]["policyTypes"]
    ]
    rules = [rule for policy in holding for rule in policy["spec"].get(way) or ()]
    return not holding or any(_lets(rule, way, end.namespace, other, port, protocol) for rule in rules)


def _holds_for(policy: dict[str, Any], pod: Pod) -> bool:
    return policy["metadata"]["namespace"] == pod.namespace and _selects(policy["spec"]["podSelector"], pod.labels)


def _lets(rule: dict[str, Any], way: str, namespace: str, other: End, port: int, protocol: str) -> bool:
    peers, ports = rule.get("from" if way == "ingress" else "to"), rule.get("ports")
    return (not peers or any(_is(peer, namespace, other) for peer in peers)) and (
        not ports or any(_port_fits(entry, port, protocol) for entry in ports)
    )


def _is(peer: dict[str, Any], namespace: str, end: End) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        inside = _holds(block["cidr"], end.address)
        return inside and not any(_holds(hole, end.address) for hole in block.get("except") or ())
    if isinstance(end, Address):
        return False
    if "namespaceSelector" in peer:
        fits = _selects(peer["namespaceSelector"], {NAMESPACE_LABEL: end.namespace})
    else:
        fits = end.namespace == namespace
    return fits and ("podSelector" not in peer or _selects(peer["podSelector"], end.labels))


def _holds(cidr: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)


def _port_fits(entry: dict[str, Any], port: int, protocol: str) -> bool:
    return entry.get("protocol", "TCP") == protocol and entry.get("port", port) == port


def _selects(selector: dict[str, Any], labels: Mapping[str, str]) -> bool:
    unknown = selector.keys() - {"matchLabels"}
    assert not unknown, f"the evaluator does not know {unknown}"
    return all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())


def policies_of(registrations: Iterator[Any]) -> list[dict[str, Any]]:
    """The policies' manifests among registrations."""
    return [entry.inputs for entry in registrations if entry.type.endswith(":NetworkPolicy")]
