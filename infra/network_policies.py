"""Network policies: nothing passes in either namespace, but for the rows of ``infra/network_flows.py``.

They work where the cluster's network plugin enforces them; elsewhere they are objects without effect.
https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from infra.network_flows import COMPONENTS, DNS, DNS_CACHE, DNS_LABELS, FLOWS, Component, Flow, component
from infra.roles import Place
from infra.settings_network import Network, Outside

networking = k8s.networking.v1
NAMESPACE_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class NetworkPoliciesArguments:
    """Names of the two namespaces, what lies outside, and where the ingress controller runs, if anywhere."""

    namespaces: Mapping[Place, pulumi.Input[str]]
    network: Network
    ingress_namespace: str | None = None


class NetworkPolicies(pulumi.ComponentResource):
    """``default-deny`` in each namespace, and one policy a component."""

    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: NetworkPoliciesArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:NetworkPolicies", "network-policies", None, opts)
        self._arguments = arguments
        child = pulumi.ResourceOptions(parent=self)
        self.ready = (
            *(self._deny(place, child) for place in arguments.namespaces),
            *(self._allow(entry, child) for entry in COMPONENTS),
        )
        self.register_outputs({})

    def _deny(self, place: Place, opts: pulumi.ResourceOptions) -> networking.NetworkPolicy:
        return networking.NetworkPolicy(
            f"default-deny-{place}",
            metadata=k8s.meta.v1.ObjectMetaArgs(name="default-deny", namespace=self._arguments.namespaces[place]),
            spec=networking.NetworkPolicySpecArgs(
                pod_selector=k8s.meta.v1.LabelSelectorArgs(), policy_types=["Ingress", "Egress"]
            ),
            opts=opts,
        )

    def _allow(self, entry: Component, opts: pulumi.ResourceOptions) -> networking.NetworkPolicy:
        return networking.NetworkPolicy(
            f"network-{entry.name}",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=entry.name, namespace=self._arguments.namespaces[entry.place]),
            spec=networking.NetworkPolicySpecArgs(
                pod_selector=_labels(entry),
                policy_types=["Ingress", "Egress"],
                ingress=list(self._ingress(entry)) or None,
                egress=[_dns(), *self._egress(entry)],
            ),
            opts=opts,
        )

    def _ingress(self, entry: Component) -> Iterator[networking.NetworkPolicyIngressRuleArgs]:
        for flow in FLOWS:
            if flow.target == entry.name and (peers := self._sources(flow)):
                yield networking.NetworkPolicyIngressRuleArgs(from_=peers, ports=[_port(flow)])

    def _egress(self, entry: Component) -> Iterator[networking.NetworkPolicyEgressRuleArgs]:
        for flow in FLOWS:
            if flow.source != entry.name:
                continue
            if target := component(flow.target):
                yield networking.NetworkPolicyEgressRuleArgs(to=[self._pods(target)], ports=[_port(flow)])
            else:
                yield _outside(self._beyond(flow.target))

    def _sources(self, flow: Flow) -> list[networking.NetworkPolicyPeerArgs]:
        if source := component(flow.source):
            return [self._pods(source)]
        if flow.source == "metrics":
            return [networking.NetworkPolicyPeerArgs(namespace_selector=k8s.meta.v1.LabelSelectorArgs())]
        return [_namespace(self._arguments.ingress_namespace)] if self._arguments.ingress_namespace else []

    def _pods(self, entry: Component) -> networking.NetworkPolicyPeerArgs:
        return networking.NetworkPolicyPeerArgs(
            namespace_selector=k8s.meta.v1.LabelSelectorArgs(
                match_labels={NAMESPACE_LABEL: self._arguments.namespaces[entry.place]}
            ),
            pod_selector=_labels(entry),
        )

    def _beyond(self, target: str) -> Outside:
        network = self._arguments.network
        return {"kubernetes-api": network.kubernetes_api, "sources": network.sources, "services": network.services}[
            target
        ]


def _labels(entry: Component) -> k8s.meta.v1.LabelSelectorArgs:
    return k8s.meta.v1.LabelSelectorArgs(match_labels=dict(entry.labels) or None)


def _port(flow: Flow) -> networking.NetworkPolicyPortArgs:
    return networking.NetworkPolicyPortArgs(port=flow.port, protocol=flow.protocol)


def _namespace(name: str) -> networking.NetworkPolicyPeerArgs:
    return networking.NetworkPolicyPeerArgs(
        namespace_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={NAMESPACE_LABEL: name})
    )


def _dns() -> networking.NetworkPolicyEgressRuleArgs:
    return networking.NetworkPolicyEgressRuleArgs(
        to=[
            networking.NetworkPolicyPeerArgs(
                namespace_selector=k8s.meta.v1.LabelSelectorArgs(),
                pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=dict(DNS_LABELS)),
            ),
            networking.NetworkPolicyPeerArgs(ip_block=networking.IPBlockArgs(cidr=DNS_CACHE)),
        ],
        ports=[networking.NetworkPolicyPortArgs(port=port, protocol=protocol) for port, protocol in DNS],
    )


def _outside(outside: Outside) -> networking.NetworkPolicyEgressRuleArgs:
    return networking.NetworkPolicyEgressRuleArgs(
        to=[networking.NetworkPolicyPeerArgs(ip_block=networking.IPBlockArgs(cidr=cidr)) for cidr in outside.ranges],
        ports=[networking.NetworkPolicyPortArgs(port=port, protocol="TCP") for port in outside.ports],
    )
