"""Connections and variables: whatever text they hold reaches Airflow as it is, and nobody else."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from infra.connections import Connections, ConnectionsArguments
from infra.task_secrets import TaskSecrets, TaskSecretsArguments
from pipelines.errors import InputError, problems_in
from tests.infra import stacks
from tests.infra.recording import Recording, record, strings

URI = "postgresql://loader:p%40ss%2Fword@warehouse.services:5432/warehouse?sslmode=disable"
texts = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


def declare(connections: Mapping[str, object] | None = None, variables: Mapping[str, str] | None = None) -> Recording:
    stack = stacks.stack(airflow={"connections": dict(connections or {}), "variables": dict(variables or {})})

    def program() -> None:
        arguments = ConnectionsArguments(
            namespace=pulumi.Output.from_input("airflow"),
            connections=stack.airflow.connections,
            variables=stack.airflow.variables,
            fingerprint_key=pulumi.Output.from_input("key"),
        )
        Connections(arguments, pulumi.ResourceOptions())

    return record(program)


def held(recording: Recording, name: str) -> dict[str, str]:
    data = recording.one(":Secret", name).inputs["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def test_each_becomes_a_variable_of_a_secret() -> None:
    recording = declare({"warehouse": URI, "crm": {"conn_type": "salesforce", "extra": {"a": 1}}}, {"region": "eu"})
    assert held(recording, "airflow-connections") == {
        "AIRFLOW_CONN_WAREHOUSE": URI,
        "AIRFLOW_CONN_CRM": '{"conn_type": "salesforce", "extra": {"a": 1}}',
    }
    assert held(recording, "airflow-variables") == {"AIRFLOW_VAR_REGION": "eu"}
    for one in recording.of(":Secret"):
        assert {f"data.{key}" for key in one.inputs["data"]} <= one.secret_paths or "data" in one.secret_paths


def test_nothing_declared_makes_nothing() -> None:
    assert declare().of(":Secret") == []


def test_a_mapping_and_its_json_text_are_the_same() -> None:
    keys = {"conn_type": "http", "host": "x", "port": 80}
    one, other = (stacks.stack(airflow={"connections": {"a": form}}) for form in (keys, json.dumps(keys)))
    assert one == other
    secrets = {"crm": {"TOKEN": "t"}}
    assert stacks.stack(tasks={"secrets": secrets}) == stacks.stack(tasks={"secrets": {"crm": '{"TOKEN": "t"}'}})


@settings(deadline=None, max_examples=60)
@given(
    st.fixed_dictionaries({"login": texts, "password": texts, "host": texts}), st.dictionaries(texts, texts, max_size=3)
)
def test_any_text_survives(parts: dict[str, str], extra: dict[str, str]) -> None:
    keys = {"conn_type": "generic", **parts, "extra": extra}
    found = stacks.stack(airflow={"connections": {"any": keys}}).airflow.connections["any"]
    assert json.loads(found.get_secret_value()) == keys


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=12))
def test_only_names_that_can_be_variables_pass(name: str) -> None:
    found = list(problems_in(lambda: stacks.stack(airflow={"connections": {name: URI}})))
    assert URI not in str(found)
    variable = f"AIRFLOW_CONN_{name.upper()}"
    assert found or (variable.isascii() and variable.isidentifier())


@pytest.mark.parametrize(
    "wrong",
    ["", "no-scheme", "postgresql:loader", "postgresql://h:not-a-port/x", '{"host": "x"}', "{",
     '{"conn_type": "a", "user": "b"}', {"conn_type": "a", "port": "80"}, {"conn_type": "a", "host": "x\0"}, 7, ["a"]],
)  # fmt: skip
def test_what_airflow_would_not_read_is_refused_and_not_shown(wrong: Any) -> None:
    with pytest.raises(InputError) as refusal:
        stacks.stack(airflow={"connections": {"warehouse": wrong}})
    (problem,) = refusal.value.problems
    assert problem.key == "airflow.connections.warehouse"
    if isinstance(wrong, str) and len(wrong) > 1:
        assert wrong not in str(refusal.value)


@pytest.mark.parametrize("name", ["object_store", "kubernetes_default", "Warehouse", "a-b", ""])
def test_a_name_that_is_taken_or_impossible_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="lower-case letters, digits and _"):
        stacks.stack(airflow={"connections": {name: URI}})


def test_secrets_of_task_pods() -> None:
    stack = stacks.stack(tasks={"secrets": {"crm": {"TOKEN": "t:/@"}}})

    def program() -> None:
        TaskSecrets(
            TaskSecretsArguments(pulumi.Output.from_input("airflow-tasks"), stack.tasks.secrets),
            pulumi.ResourceOptions(),
        )

    recording = record(program)
    registered = recording.one(":Secret", "task-secret-crm")
    assert registered.inputs["metadata"] == {"name": "crm", "namespace": "airflow-tasks"}
    assert held(recording, "task-secret-crm") == {"TOKEN": "t:/@"}
    assert "t:/@" not in list(strings({**registered.inputs, "data": {}}))


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ({"registry": {"A": "b"}}, "the program has a Secret registry of its own"),
        ({"crm": {"AWS_SECRET": "b"}}, "no name that starts with"),
        ({"crm": {"1A": "b"}}, "letters, digits and underscores"),
        ({"crm": {}}, "at least 1 item"),
        ({"crm": "text"}, "a mapping, or a JSON object"),
        ({"Crm": {"A": "b"}}, "lower-case letters, digits and hyphens"),
    ],
)
def test_a_wrong_secret_of_task_pods_is_refused(secrets: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        stacks.stack(tasks={"secrets": secrets})


def test_settings_print_none_of_it() -> None:
    stack = stacks.stack(airflow={"connections": {"warehouse": URI}}, tasks={"secrets": {"crm": {"TOKEN": "tttt"}}})
    shown = repr(stack) + str(stack) + stack.model_dump_json()
    assert "p%40ss" not in shown
    assert "tttt" not in shown
    assert isinstance(stack.airflow.connections["warehouse"], SecretStr)
