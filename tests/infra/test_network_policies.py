from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from infra.network_flows import COMPONENTS, DNS, FLOWS, Component, Flow
from infra.network_policies import NetworkPolicies, NetworkPoliciesArguments
from infra.settings_network import Network, Outside
from tests.infra.network import Address, End, Pod, is_allowed, policies_of
from tests.infra.recording import record
from tests.infra.stacks import ROOT

SPACES = {"core": "airflow", "tasks": "airflow-tasks"}
CLUSTER = Address("10.0.0.1")
SOURCE = Address("192.0.2.7")
SERVICE = Address("198.51.100.7")
NETWORK = Network(
    kubernetesApi=Outside(ranges=("10.0.0.1/32",), ports=(6443,)),
    sources=Outside(ranges=("192.0.2.0/24",), ports=(443, 5432)),
    services=Outside(ranges=("198.51.100.0/24",), ports=(443,)),
)
BEYOND: dict[str, tuple[End, tuple[int, ...]]] = {
    "kubernetes-api": (CLUSTER, NETWORK.kubernetes_api.ports),
    "sources": (SOURCE, NETWORK.sources.ports),
    "services": (SERVICE, NETWORK.services.ports),
}
INGRESS = Pod("ingress", {"app": "nginx"})
PROMETHEUS = Pod("monitoring", {"app": "prometheus"})
STRANGERS = {"ingress": INGRESS, "metrics": PROMETHEUS}
PORTS = sorted({(flow.port, flow.protocol) for flow in FLOWS if flow.port} | {(443, "TCP"), (22, "TCP"), (9000, "UDP")})


def registered(network: Network = NETWORK, ingress: str | None = "ingress") -> list[dict[str, Any]]:
    arguments = NetworkPoliciesArguments(SPACES, network, ingress)
    return policies_of(iter(record(lambda: NetworkPolicies(arguments, pulumi.ResourceOptions())).registrations))


@pytest.fixture(scope="module")
def policies() -> list[dict[str, Any]]:
    return registered()


def pod(component: Component) -> Pod:
    return Pod(SPACES[component.place], dict(component.labels) or {"dag_id": "any"})


@pytest.mark.parametrize("source", COMPONENTS, ids=lambda entry: entry.name)
def test_a_pair_of_components_may_talk_only_where_the_table_says_so(
    policies: list[dict[str, Any]], source: Component
) -> None:
    for target, (port, protocol) in itertools.product(COMPONENTS, PORTS):
        if source == target:
            continue
        expected = Flow(source.name, target.name, port, protocol) in FLOWS
        found = is_allowed(policies, pod(source), pod(target), port, protocol)
        assert found is expected, f"{source.name} -> {target.name}:{port}/{protocol}"


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda entry: entry.name)
def test_a_component_reaches_no_other_pod_of_its_kind(policies: list[dict[str, Any]], component: Component) -> None:
    assert not any(is_allowed(policies, pod(component), pod(component), *port) for port in PORTS)


@pytest.mark.parametrize("source", COMPONENTS, ids=lambda entry: entry.name)
def test_what_lies_outside_is_reached_only_where_the_table_says_so(
    policies: list[dict[str, Any]], source: Component
) -> None:
    for name, (address, ports) in BEYOND.items():
        expected = Flow(source.name, name) in FLOWS
        for port in (22, 443, 5432, 6443):
            assert is_allowed(policies, pod(source), address, port) is (expected and port in ports), f"{name}:{port}"
    assert not is_allowed(policies, pod(source), Address("203.0.113.7"), 443)


@pytest.mark.parametrize("target", COMPONENTS, ids=lambda entry: entry.name)
def test_strangers_in_the_cluster_reach_what_is_meant_for_them(
    policies: list[dict[str, Any]], target: Component
) -> None:
    for name, stranger in STRANGERS.items():
        for port, protocol in PORTS:
            rows = [Flow(name, target.name, port, protocol), Flow("metrics", target.name, port, protocol)]
            expected = any(row in FLOWS for row in rows)
            assert is_allowed(policies, stranger, pod(target), port, protocol) is expected, f"{name}:{port}"
    assert not any(is_allowed(policies, Address("203.0.113.7"), pod(target), *port) for port in PORTS)


def test_without_an_ingress_no_namespace_reaches_the_api_server() -> None:
    api = next(entry for entry in COMPONENTS if entry.name == "api-server")
    assert not is_allowed(registered(ingress=None), INGRESS, pod(api), 8080)


@pytest.mark.parametrize("source", COMPONENTS, ids=lambda entry: entry.name)
def test_every_pod_finds_names(policies: list[dict[str, Any]], source: Component) -> None:
    for port, protocol in DNS:
        assert is_allowed(policies, pod(source), Pod("kube-system", {"k8s-app": "kube-dns"}), port, protocol)
        assert not is_allowed(policies, pod(source), Pod("kube-system", {"k8s-app": "other"}), port, protocol)


def test_a_pod_that_no_row_names_talks_to_nobody(policies: list[dict[str, Any]]) -> None:
    unknown = Pod("airflow", {"app": "new"})
    for component in COMPONENTS:
        assert not any(is_allowed(policies, unknown, pod(component), *port) for port in PORTS)
    assert not any(is_allowed(policies, unknown, address, 443) for address, _ in BEYOND.values())


def test_rows_name_components_and_what_is_known_beyond() -> None:
    known = {entry.name for entry in COMPONENTS} | set(BEYOND) | set(STRANGERS)
    assert {name for flow in FLOWS for name in (flow.source, flow.target)} <= known
    assert len(FLOWS) == len(set(FLOWS))
    assert {entry.name for entry in COMPONENTS} <= {name for flow in FLOWS for name in (flow.source, flow.target)}


def test_the_documentation_has_the_table() -> None:
    text = (ROOT / "docs" / "network-policies.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [row(target, flows) for target, flows in itertools.groupby(FLOWS, key=lambda flow: flow.target)]


def row(target: str, flows: Iterator[Flow]) -> str:
    found = list(flows)
    ports = ", ".join(dict.fromkeys(f"{flow.port} {flow.protocol}" if flow.port else "as set" for flow in found))
    return f"| `{target}` | {ports} | {', '.join(flow.source for flow in found)} |"
