from __future__ import annotations

import base64
import json

import pulumi

from infra.pull_secret import PullSecret, PullSecretArguments, docker_config
from tests.infra import stacks
from tests.infra.recording import record

TWO = [
    {"server": "localhost:5000", "username": "puller", "password": "one"},
    {"server": "ghcr.io", "username": "bot", "password": "two", "email": "team@example.org"},
]


def test_the_document_is_docker_s_own() -> None:
    auths = json.loads(docker_config(stacks.stack(registryCredentials=TWO).registry_credentials))["auths"]
    assert auths == {
        "localhost:5000": {"username": "puller", "password": "one", "auth": base64.b64encode(b"puller:one").decode()},
        "ghcr.io": {
            "username": "bot",
            "password": "two",
            "email": "team@example.org",
            "auth": base64.b64encode(b"bot:two").decode(),
        },
    }


def test_the_order_of_log_ins_changes_nothing() -> None:
    forward = docker_config(stacks.stack(registryCredentials=TWO).registry_credentials)
    assert forward == docker_config(stacks.stack(registryCredentials=TWO[::-1]).registry_credentials)


def test_the_secret_stands_in_both_namespaces_and_is_secret() -> None:
    def program() -> None:
        namespaces = {"core": pulumi.Output.from_input("airflow"), "tasks": pulumi.Output.from_input("airflow-tasks")}
        credentials = stacks.stack(registryCredentials=TWO).registry_credentials
        PullSecret(PullSecretArguments(namespaces, credentials), pulumi.ResourceOptions())

    found = record(program).of(":Secret")
    assert {entry.inputs["metadata"]["namespace"] for entry in found} == {"airflow", "airflow-tasks"}
    for entry in found:
        assert entry.inputs["metadata"]["name"] == "registry"
        assert entry.inputs["type"] == "kubernetes.io/dockerconfigjson"
        assert set(json.loads(base64.b64decode(entry.inputs["data"][".dockerconfigjson"]))["auths"]) == {
            "localhost:5000",
            "ghcr.io",
        }
        assert entry.secret_paths
