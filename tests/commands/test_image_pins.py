"""Pins in a stack file: only they change, and what cannot be resolved is told together."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from commands.image_pins import digests, pinned, upstreams
from pipelines.errors import InputError
from registry.errors import RegistryError
from tests.pipelines.trees import FIXTURE

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
STACK = """\
# Production: ask before you change it.
config:
  de-airflow-pipeline:kubernetes:
    context: "production"   # quoted, and with a remark
  # where images go
  de-airflow-pipeline:registry: {server: ghcr.io, owner: acme}
  de-airflow-pipeline:airflow:
    executors:
      - KubernetesExecutor
      - LocalExecutor
"""
KEY = "de-airflow-pipeline:images"
references = st.from_regex(r"[a-z]{1,8}:[0-9]\.[0-9]", fullmatch=True)


def test_pins_are_added_and_nothing_else_changes() -> None:
    written = pinned(STACK, "Pulumi.prod.yaml", {"python:3.13-slim-trixie": ONE})
    assert written.startswith(STACK)
    assert yaml.safe_load(written)["config"][KEY] == {"baseDigests": {"python:3.13-slim-trixie": ONE}}


def test_other_keys_of_the_images_stay() -> None:
    text = f"{STACK}  {KEY}:\n    builder: big   # the large one\n"
    written = pinned(text, "f", {"a:1": ONE})
    assert written.startswith(text)
    assert yaml.safe_load(written)["config"][KEY] == {"builder": "big", "baseDigests": {"a:1": ONE}}


@given(st.dictionaries(references, st.sampled_from([ONE, TWO]), max_size=4))
def test_pins_are_what_was_found_and_a_second_time_changes_nothing(found: dict[str, str]) -> None:
    first = pinned(pinned(STACK, "f", {"gone:1": TWO}), "f", found)
    assert yaml.safe_load(first)["config"][KEY]["baseDigests"] == found
    assert pinned(first, "f", found) == first
    assert "# Production: ask before you change it." in first


def test_a_file_without_settings() -> None:
    with pytest.raises(InputError, match="a mapping of settings"):
        pinned("encryptionsalt: v1\n", "Pulumi.prod.yaml", {"a:1": ONE})


def test_every_upstream_is_asked_for_once() -> None:
    assert upstreams(FIXTURE / "images") == {
        "python:3.13-slim-trixie": "images/bases/slim/pyproject.toml",
        "apache/airflow:3.2.2-python3.13": "images/warehouse/pyproject.toml",
    }


def test_what_no_registry_has_is_told_together() -> None:
    def ask(reference: str) -> str | None:
        if reference == "b:1":
            raise RegistryError("registry docker.io cannot be reached for b:1")
        return ONE if reference == "c:1" else None

    with pytest.raises(InputError) as caught:
        digests({"a:1": "images/a/pyproject.toml", "b:1": "images/b/pyproject.toml", "c:1": "x"}, ask)
    assert [(problem.file, problem.found) for problem in caught.value.problems] == [
        ("images/a/pyproject.toml", "no image a:1"),
        ("images/b/pyproject.toml", "registry docker.io cannot be reached for b:1"),
    ]
    assert digests({"c:1": "x"}, ask) == {"c:1": ONE}
