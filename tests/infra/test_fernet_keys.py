"""What a rotation of the Fernet key makes of the program: both keys, a Job that re-encrypts, the new key alone."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from infra import program, sources
from infra.settings import Settings
from pipelines.errors import InputError
from tests.infra import stacks
from tests.infra.recording import Recording, record

pytestmark = pytest.mark.slow

ROTATION = "airflow-fernet-rotation"


def run(*keys: int) -> Recording:
    settings = stacks.dev()
    given = settings.model_copy(update={"airflow": settings.airflow.model_copy(update={"fernet_keys": keys})})
    found = sources.load(given, stacks.ROOT)
    return record(lambda: program.register(given, found))


def held(recording: Recording) -> list[str]:
    """The names of the generated keys that Airflow gets, in their order."""
    data = recording.one(":Secret", "airflow-fernet-key").inputs["data"]["fernet-key"]
    known = {derived(value): name for name, value in recording.generated.items()}
    return [known[key] for key in base64.b64decode(data).decode().split(",")]


def derived(generated: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(generated.encode()).digest()).decode()


def annotations(recording: Recording) -> Any:
    return recording.one(":Release", "airflow").inputs["values"]["airflowPodAnnotations"]


@pytest.fixture(scope="module")
def steps() -> list[Recording]:
    return [run(1), run(2, 1), run(2)]


def test_the_new_key_goes_before_the_old_one_and_then_alone(steps: list[Recording]) -> None:
    assert [held(step) for step in steps] == [["fernet-key"], ["fernet-key-2", "fernet-key"], ["fernet-key-2"]]


def test_what_was_drawn_stays_drawn(steps: list[Recording]) -> None:
    """A key that left the program would be deleted, which protection refuses; and dumps need it."""
    for step in steps[1:]:
        assert {"fernet-key", "fernet-key-2"} <= step.generated.keys()


def test_while_there_are_two_keys_a_job_re_encrypts_once_all_of_airflow_has_both(steps: list[Recording]) -> None:
    before, both, after = steps
    job = both.one(":Job", ROTATION)
    (container,) = job.inputs["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["python", "-m", "airflow_runtime.fernet_rotation"]
    [path] = [one["mountPath"] for one in container["volumeMounts"] if "runtime" in one["name"]]
    assert {"name": "PYTHONPATH", "value": path} in container["env"]
    key = next(one for one in container["env"] if one["name"] == "AIRFLOW__CORE__FERNET_KEY")
    assert key["valueFrom"]["secretKeyRef"] == {"name": "airflow-fernet-key", "key": "fernet-key"}
    assert any(dependency.endswith("::airflow") and "Release" in dependency for dependency in job.dependencies)
    for other in (before, after):
        assert ROTATION not in {entry.name for entry in other.registrations}


def test_every_step_restarts_what_reads_the_key(steps: list[Recording]) -> None:
    assert len({str(annotations(step)) for step in steps}) == len(steps)


@pytest.mark.parametrize("keys", [[], [1, 1], [0]])
def test_other_numbers_are_refused(keys: list[int]) -> None:
    with pytest.raises(InputError, match="fernetKeys"):
        stacks.stack(airflow={"fernetKeys": keys})


def test_a_stack_begins_with_one() -> None:
    settings: Settings = stacks.stack()
    assert settings.airflow.fernet_keys == (1,)
