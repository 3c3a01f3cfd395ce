from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.settings_source import parse
from plan import resources, stack_settings
from plan.recording import Registration
from plan.yaml_files import file_names, to_yaml
from tests.plan import repository


def registration(inputs: dict[str, Any], secret_paths: frozenset[str], generated: frozenset[str]) -> Registration:
    return Registration(
        "t:m:Kind", "name", inputs, secret_paths, True, "", "", (), generated, protect=False, retain_on_delete=False,
        order=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "generated", "shown"),
    [
        ("encrypted://0123", False, "encrypted (0123)"),
        ("prefix encrypted://0123", False, "encrypted ("),
        ("elsewhere://registryCredentials", False, "set elsewhere"),
        ("drawn", True, "generated ("),
        ("user", False, "hidden ("),
    ],
)
def test_a_secret_is_shown_by_where_it_comes_from(value: str, generated: bool, shown: str) -> None:
    for text in (value, base64.b64encode(value.encode()).decode()):
        entry = registration({"data": {"key": text}}, frozenset({"data"}), frozenset({"data"} if generated else ()))
        [(key, found)] = resources.shown(entry, {})["data"].items()
        assert key == "key"
        assert found.startswith(shown)
        assert value not in found or "://" not in value


@given(st.text(min_size=12), st.booleans())
def test_no_secret_is_shown_whatever_it_is(secret: str, generated: bool) -> None:
    entry = registration({"data": {"key": secret}}, frozenset({"data"}), frozenset({"data"} if generated else ()))
    assert secret not in str(resources.shown(entry, {}))


def test_a_setting_that_is_left_out_shows_its_default_and_no_secret_its_value() -> None:
    values = {
        **repository.STACK,
        "registryCredentials": [{"server": "registry.test", "username": "puller", "password": "canary-1"}],
        "airflow": {"connections": {"db": "postgres://me:canary-2@host"}, "variables": {"token": "canary-3"}},
        "tasks": {"secrets": {"warehouse": {"PASSWORD": "canary-4"}}},
    }
    flat = stack_settings.flat(parse(values, "Pulumi.test.yaml", environment={}))
    assert flat["airflow.version"] == "3.2.2"
    assert flat["registryCredentials.0.username"] == "puller"
    assert "canary" not in str(flat)


@given(st.dictionaries(st.text(), st.tuples(st.text(), st.text()), max_size=8))
def test_file_names_are_plain_and_different(of: dict[str, tuple[str, str]]) -> None:
    names = file_names(of)
    assert names.keys() == of.keys()
    assert len({name.lower() for name in names.values()}) == len(of)
    assert all(
        name.isascii() and "/" not in name and not name.startswith(".") and len(name) < 255 for name in names.values()
    )


@settings(deadline=None)
@given(st.dictionaries(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"])), st.text()))
def test_yaml_reads_back(value: dict[str, str]) -> None:
    assert yaml.safe_load(to_yaml(value)) == value
