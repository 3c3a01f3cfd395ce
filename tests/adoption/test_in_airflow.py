"""The files of tests/fixtures/adoption, adopted, in a real Airflow: they load, and their pods are what they were.

The pods of the originals come from tests/adoption/original_pods.py, which reads them by itself; for those that
Airflow 3 can still load, from Airflow too. What differs must be among the fields that the report names.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adoption.adopt import adopt
from adoption.records import Adoption
from tests.adoption.original_pods import overrides_of, pods_of
from tests.adoption.trees import CHOICES, FILES, publish
from tests.airflow_environment import run

DUMP = Path(__file__).with_name("inside") / "dump_pods.py"
#: Airflow's own, in every pod that it makes.
OWN_LABELS = ("airflow_version", "airflow_kpo_in_cluster")
NAMES = [file.name for file in FILES]
#: Written for this platform already: adoption has nothing to say of it.
OURS = "airflow3_catalog.py"
#: Of a function in a pod, until Airflow knows the function.
PLACEHOLDER = ["placeholder-command"]


def dumped(folder: Path, home: Path) -> dict[str, Any]:
    done = run([str(DUMP), str(folder)], home)
    assert done.returncode == 0, done.stdout[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    return found


@pytest.fixture(scope="module")
def adopted() -> dict[str, Adoption]:
    return {file.name: adopt(file.read_bytes(), file.name, CHOICES) for file in FILES}


@pytest.fixture(scope="module")
def loaded(adopted: dict[str, Adoption], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("adopted")
    publish(home / "dags")
    for name, adoption in adopted.items():
        (home / "dags" / name).write_bytes(adoption.content)
    return dumped(home / "dags", home)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Those that Airflow 3 loads as they are."""
    home = tmp_path_factory.mktemp("originals")
    publish(home / "dags")
    for file in FILES:
        (home / "dags" / file.name).write_bytes(file.read_bytes())
    return {name: found for name, found in dumped(home / "dags", home).items() if not found["errors"]}


def test_there_are_thirty() -> None:
    assert len(FILES) == 30


@pytest.mark.airflow
@pytest.mark.parametrize("name", NAMES)
def test_it_loads_with_no_error_and_no_deprecation(loaded: dict[str, Any], name: str) -> None:
    assert (loaded[name]["errors"], loaded[name]["warnings"]) == ([], [])
    assert len(loaded[name]["dags"]) == 1


@pytest.mark.airflow
@pytest.mark.parametrize("name", sorted({*NAMES} - {OURS}))
def test_its_pods_differ_in_what_is_reported(loaded: dict[str, Any], adopted: dict[str, Adoption], name: str) -> None:
    file = next(one for one in FILES if one.name == name)
    # A group's name stands before those of its tasks.
    before, after = pods_of(file), {key.rpartition(".")[2]: pod for key, pod in loaded[name]["pods"].items()}
    reported = {field for finding in adopted[name].changed for field in finding.pod}
    assert before.keys() == after.keys()
    for task in before:
        told = differences(fields(before[task]), fields(after[task]))
        assert set(told) <= reported, {field: told[field] for field in set(told) - reported}
    assert [*overrides_of(file).values()] == [*loaded[name]["overrides"].values()]


@pytest.mark.slow
def test_what_was_written_here_is_left(adopted: dict[str, Adoption]) -> None:
    assert (adopted[OURS].changed, adopted[OURS].left) == ((), ())


@pytest.mark.airflow
def test_what_airflow_makes_of_the_originals_agrees_with_the_reading(originals: dict[str, Any]) -> None:
    compared = 0
    for file in FILES:
        if file.name in originals and file.name != OURS:
            read, made = pods_of(file), originals[file.name]["pods"]
            told = {task: differences(fields(read[task]), fields(made[task])) for task in read}
            assert {task: found for task, found in told.items() if found} == {}, file.name
            compared += len(told)
    assert compared >= 4


def fields(pod: dict[str, Any]) -> dict[str, Any]:
    """Field of a manifest -> value, without what Airflow puts into every pod and names that are drawn by lot."""
    metadata, spec = pod["metadata"], dict(pod["spec"])
    container = {**spec.pop("containers")[0]}
    for made in ("name", "terminationMessagePolicy"):
        container.pop(made, None)
    if container.get("command") == PLACEHOLDER:
        del container["command"]
    spec.pop("restartPolicy", None)
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in OWN_LABELS}
    found = {"metadata.namespace": metadata.get("namespace"), "metadata.labels": labels}
    found["metadata.annotations"] = metadata.get("annotations")
    found |= {f"spec.{key}": value for key, value in spec.items()}
    found |= {f"spec.containers.{key}": value for key, value in container.items()}
    return {key: normal(value) for key, value in found.items() if value not in (None, [], {}, False)}


def normal(value: Any) -> Any:
    if isinstance(value, dict):
        drawn = str(value.get("name", "")).startswith("secretvol")
        return {key: normal(one) for key, one in value.items() if not (key == "name" and drawn) and one is not None}
    return [normal(one) for one in value] if isinstance(value, list) else value


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    # Without a namespace of its own a pod is where the connection says.
    names = {name for name in (*before, *after) if before.get(name) != after.get(name)}
    assumed = {"metadata.namespace"} if "metadata.namespace" not in before else set()
    return {name: (before.get(name), after.get(name)) for name in sorted(names - assumed)}
