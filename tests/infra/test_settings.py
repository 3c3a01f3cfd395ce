from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pulumi
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import config as pulumi_config
from pydantic import BaseModel

from infra import settings_source
from infra.settings import PROJECT, Airflow, Namespaces, Settings
from infra.settings_stores import ExternalDatabase, S3Store
from pipelines.errors import InputError
from tests.infra import stacks

GOLDEN = Path(__file__).parent / "golden" / "settings"
CASES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))
KINDS: dict[str, Any] = {"string": str, "integer": int, "boolean": bool, "array": tuple, "object": BaseModel}


@pytest.mark.parametrize("case", CASES)
def test_bad_settings_are_refused_with_one_message(case: str) -> None:
    values = settings_source.read_stack_file(GOLDEN / f"{case}.yaml")
    with pytest.raises(InputError) as refusal:
        settings_source.parse(values, "Pulumi.dev.yaml")
    assert f"{refusal.value}\n" == (GOLDEN / f"{case}.txt").read_text()


def test_a_missing_stack_file_is_named() -> None:
    with pytest.raises(InputError, match=r"Pulumi\.nowhere\.yaml"):
        settings_source.load_file(stacks.ROOT / "Pulumi.nowhere.yaml")


@pytest.mark.parametrize("text", ["config: [1]", "- 1", "config: {", "\udcff", "config:\n  a: 1\n  a: 2", ""])
def test_what_is_no_stack_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(text, errors="surrogateescape")
    with pytest.raises(InputError, match=r"Pulumi\.dev\.yaml"):
        settings_source.load_file(tmp_path / "Pulumi.dev.yaml")


def test_a_stack_file_that_the_cli_has_written_again_says_the_same(tmp_path: Path) -> None:
    """``pulumi config set`` of anything writes the file's scalars as strings."""
    text = (stacks.ROOT / "Pulumi.dev.yaml").read_text()
    again = text.replace("protect: false", 'protect: "false"')
    assert again != text
    (tmp_path / "Pulumi.dev.yaml").write_text(again)
    known = settings_source.read_stack_file(stacks.ROOT / "Pulumi.dev.yaml")
    assert settings_source.read_stack_file(tmp_path / "Pulumi.dev.yaml") == known


def test_only_what_has_no_sound_default_is_asked_for() -> None:
    required = {str(field.alias) for field in Settings.model_fields.values() if field.is_required()}
    assert required == set(stacks.smallest())


def test_the_dev_stack_is_in_order() -> None:
    settings = stacks.dev()
    assert settings.airflow.executors == ("KubernetesExecutor", "LocalExecutor")
    assert settings.airflow.image == "apache/airflow:3.2.2-python3.13"
    assert settings.tasks_namespace == "airflow-tasks"


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_an_example_is_refused_as_it_is_and_is_in_order_once_filled_in(name: str) -> None:
    path = stacks.ROOT / f"Pulumi.{name}.yaml"
    values = settings_source.read_stack_file(path)
    open_ones = {problem.key for problem in settings_source.unfilled(values, path.name)}
    with pytest.raises(InputError) as refusal:
        settings_source.parse(values, path.name)
    assert open_ones <= {problem.key for problem in refusal.value.problems}
    filled = stacks.example(name)
    assert isinstance(filled.object_store, S3Store)
    assert isinstance(filled.database, ExternalDatabase)
    assert filled.protect
    assert filled.database.backup.enabled


@pytest.mark.parametrize("path", sorted(stacks.ROOT.glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_no_stack_registers_with_a_provider_that_was_not_made_for_it(path: Path) -> None:
    config = yaml.safe_load(path.read_text())["config"]
    s3 = config.get(f"{PROJECT}:objectStore", {}).get("kind") == "s3"
    assert set(config["pulumi:disable-default-providers"]) == {"kubernetes", *(["aws"] if s3 else [])}


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_a_size_gives_what_a_stack_does_not_say_itself_key_by_key(size: str) -> None:
    plain = stacks.stack(size=size)
    own = stacks.stack(size=size, airflow={"components": {"scheduler": {"requests": {"memory": "5Gi"}}}})
    asked, given = own.airflow.components.scheduler, plain.airflow.components.scheduler
    assert asked.requests.memory == "5Gi"
    assert (asked.requests.cpu, asked.limits) == (given.requests.cpu, given.limits)
    assert own.namespaces == plain.namespaces


def test_the_smallest_size_is_what_the_records_say() -> None:
    small = stacks.stack(size="small")
    assert (small.namespaces, small.airflow) == (Namespaces(), Airflow())
    assert small == stacks.stack()


def test_each_size_is_larger_than_the_one_before() -> None:
    every = [stacks.stack(size=size) for size in ("small", "medium", "large")]
    for before, after in itertools.pairwise(every):
        assert before.airflow.parallelism < after.airflow.parallelism
        assert before.namespaces.tasks_quota.pods < after.namespaces.tasks_quota.pods
        assert before.airflow.availability.replicas.scheduler < after.airflow.availability.replicas.scheduler


def test_the_engine_and_a_plain_mapping_give_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    values: dict[str, Any] = {
        **stacks.smallest(),
        "name": "airflow-b",
        "airflow": {"executors": ["KubernetesExecutor"], "python": "3.13"},
    }
    texts = {
        f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }
    texts["pulumi:disable-default-providers"] = '["kubernetes"]'
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    monkeypatch.setattr(pulumi_config, "is_config_secret", lambda key: key == f"{PROJECT}:registryCredentials")
    token = pulumi_config.CONFIG.set(texts)
    try:
        assert settings_source.load() == settings_source.parse(values, "Pulumi.test.yaml")
    finally:
        pulumi_config.CONFIG.reset(token)


def test_text_that_is_no_json_reaches_the_check_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    token = pulumi_config.CONFIG.set({f"{PROJECT}:kubernetes": "{context"})
    try:
        with pytest.raises(InputError, match=r"'\{context'"):
            settings_source.load()
    finally:
        pulumi_config.CONFIG.reset(token)


def test_a_password_in_clear_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    values = {**stacks.smallest(), "chart": {"timeout": 1}}
    token = pulumi_config.CONFIG.set({f"{PROJECT}:{key}": json.dumps(value) for key, value in values.items()})
    try:
        with pytest.raises(InputError) as refusal:
            settings_source.load()
    finally:
        pulumi_config.CONFIG.reset(token)
    assert [(problem.key, problem.found) for problem in refusal.value.problems] == [
        ("chart.timeout", "a key that does not exist"),
        ("registryCredentials", "clear text"),
    ]
    assert stacks.PASSWORD not in str(refusal.value)


def test_the_environment_names_another_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CHART", "/charts/airflow")
    values = {**stacks.smallest(), "chart": {"timeoutSeconds": 60}}
    assert settings_source.parse(values, "Pulumi.test.yaml").chart.path == "/charts/airflow"
    monkeypatch.delenv("AIRFLOW_CHART")
    assert settings_source.parse(values, "Pulumi.test.yaml").chart.path is None


def test_the_project_file_declares_every_key_with_its_type() -> None:
    declared = yaml.safe_load((stacks.ROOT / "Pulumi.yaml").read_text())["config"]
    assert set(declared) == {f"{PROJECT}:{field.alias}" for field in Settings.model_fields.values()}
    for field in Settings.model_fields.values():
        entry = declared[f"{PROJECT}:{field.alias}"]
        for kind in kinds(field.annotation):
            assert issubclass(kind, KINDS[entry["type"]])
        assert "default" in entry, "the CLI would refuse in its own words what is not set"


def kinds(annotation: Any) -> Iterator[type]:
    """The types of values that an annotation stands for."""
    if get_origin(annotation) is Literal:
        yield from {type(value) for value in get_args(annotation)}
    elif get_origin(annotation) is tuple:
        yield tuple
    elif isinstance(annotation, type):
        yield annotation
    else:
        for part in get_args(annotation):
            yield from kinds(part)


@given(st.text(min_size=6, alphabet=st.characters(codec="ascii", categories=["L", "N"])), st.sampled_from("spw"))
def test_no_message_shows_a_secret(secret: str, place: str) -> None:
    secret = f"Zq{secret}9"
    broken: dict[str, dict[str, Any]] = {
        "s": {"server": "localhost:5000", "username": "puller", "password": secret, "unknown": secret},
        "p": {"server": "localhost:5000", "username": "puller", "password": [secret]},
        "w": {"server": "localhost:5000", "username": "", "password": secret, "email": secret},
    }
    with pytest.raises(InputError) as refusal:
        stacks.stack(registryCredentials=[broken[place]])
    assert secret not in str(refusal.value)


def test_settings_print_no_secret() -> None:
    settings = stacks.stack()
    assert stacks.PASSWORD not in repr(settings) + str(settings) + settings.model_dump_json()
