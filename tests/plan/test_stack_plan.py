from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
import yaml

from infra.settings_problems import SECRET_PATHS
from local.python_environment import kept, python_of
from pipelines.errors import InputError
from pipelines.json_schemas import schema_text
from plan import model
from plan.explanation import explain
from plan.folders import load, write_folder
from plan.markdown import comment
from plan.stack_plan import Written, plan_stack
from tests.plan import repository

ROOT = Path(__file__).parents[2]
CANARY = "canary-7f3a9"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    repository.write(folder, repository.small())
    return folder


@pytest.fixture(scope="module")
def written(root: Path) -> Written:
    return plan_stack(root, "dev")


@pytest.mark.slow
def test_the_plan_has_every_part(written: Written) -> None:
    assert {path.partition("/")[0] for path in written.files} == {
        *("plan.json", "images.csv", "catalog.json", "values.yaml", "dags", "resources"),
    }
    plan = written.plan
    assert list(plan.images) == ["alone", "bases/task", "etl", "report"]
    assert plan.images["etl"].packages == {"idna": "3.1", "polars": "1.2.0"}
    assert plan.dags["sum_up"].tasks["prepare"].image == plan.images["etl"].reference
    assert plan.hand_written == {}
    assert not plan.chart.at_hand
    assert "dags/load.py" in written.files
    assert plan.images["etl"].reference.encode() in written.files["dags/load.py"]
    assert b"@sha256:" not in written.files["dags/load.py"]


@pytest.mark.slow
def test_plan_json_is_of_the_documented_schema(written: Written, tmp_path: Path) -> None:
    schema = json.loads((ROOT / "plan" / "schema.json").read_text())
    assert (ROOT / "plan" / "schema.json").read_text() == schema_text(model.Plan, "Plan"), "run python -m plan.model"
    jsonschema.validate(json.loads(written.files["plan.json"]), schema)
    write_folder(tmp_path / "plan", written.files)
    assert load(tmp_path / "plan") == written.plan


@pytest.mark.slow
def test_what_no_build_has_made_yet_stands_open(written: Written) -> None:
    job = yaml.safe_load(written.files["resources/Job.publication.yaml"])
    [container] = job["inputs"]["spec"]["template"]["spec"]["containers"]
    version = {entry["name"]: entry.get("value") for entry in container["env"]}["PUBLICATION_VERSION"]
    assert version.startswith("open-until-built-")
    assert {image.digest for image in written.plan.images.values()} == {None}


def secrets_everywhere(value: Any) -> dict[str, dict[str, Any]]:
    """Stacks that together have a canary at every secret place, by name; ``value`` makes one of its form."""
    log_in = {"server": "registry.test", "username": "puller", "password": value(CANARY)}
    keys = {
        user: {"accessKey": user.upper(), "secretKey": value(f"{CANARY}-{user}")}
        for user in ("airflow", "backup", "publisher", "tasks")
    }
    oidc = {"issuer": "https://issuer.test", "clientId": "airflow", "clientSecret": value(CANARY)}
    return {
        "inside": {
            **repository.STACK,
            "registryCredentials": [log_in],
            "airflow": {
                "connections": {
                    "uri": value(f"postgres://me:{CANARY}@host/db"),
                    "keys": {"conn_type": "http", "password": value(CANARY)},
                    "text": value(json.dumps({"conn_type": "http", "password": CANARY})),
                },
                "variables": {"token": value(CANARY)},
            },
            "tasks": {"secrets": {"warehouse": {"PASSWORD": value(CANARY)}, "whole": value(json.dumps({"A": CANARY}))}},
        },
        "outside": {
            **repository.STACK,
            "registryCredentials": [log_in],
            "access": {"authManager": "fab", "oidc": oidc},
            "database": {"kind": "external", "host": "db.test", "password": value(CANARY), "pool": {"size": 5}},
            "objectStore": {"kind": "endpoint", "bucket": "flows", "url": "https://s3.test", "keys": keys},
        },
    }


def encrypted(secret: str) -> dict[str, str]:
    return {"secure": f"v1:abc:{secret[::-1]}"}


def forms(text: str) -> tuple[str, ...]:
    """How a secret may stand in a file: as it is, backwards (the ciphertext of these tests), encoded, quoted."""
    mirrored = text[::-1]
    plain = (text, mirrored, f"puller:{text}", f"airflow:{text}")
    return (*plain, *map(repository.base64_of, plain), *(quote(one, safe="") for one in plain))


@pytest.mark.slow
@pytest.mark.parametrize("form", [encrypted, str], ids=["encrypted", "in clear text"])
@pytest.mark.parametrize("stack", ["inside", "outside"])
def test_no_secret_is_in_any_output(
    stack: str, form: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "repository"
    shutil.copytree(root, folder)
    repository.write(folder, {"Pulumi.dev.yaml": repository.stack_file(secrets_everywhere(form)[stack])})
    for name in ("PULUMI_CONFIG", "PULUMI_CONFIG_PASSPHRASE", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, json.dumps({"de-airflow-pipeline:name": CANARY}))
    written = plan_stack(folder, "dev")
    shown = {**written.files, "comment": comment(explain("dev", plan_stack(root, "dev").plan, written.plan)).encode()}
    for path, content in shown.items():
        assert [one for one in forms(CANARY) if one.encode() in content] == [], path
    hidden = [place for place, value in written.plan.settings.items() if str(value).startswith(f"{KINDS[form]} (")]
    assert len(hidden) >= 4


#: Form -> what is shown in its place.
KINDS: dict[Any, str] = {encrypted: "encrypted", str: "hidden"}


def test_every_secret_setting_has_a_canary() -> None:
    planted = {place for values in secrets_everywhere(str).values() for place in places(values)}
    missing = [secret for secret in SECRET_PATHS if not any(place[: len(secret)] == secret for place in planted)]
    assert missing == []


def places(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a canary stands."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*place, str(key)))
    elif isinstance(value, list):
        for item in value:
            yield from places(item, place)
    elif CANARY in str(value):
        yield place


@pytest.mark.slow
def test_another_ciphertext_changes_its_hash_and_what_reads_it(root: Path, tmp_path: Path) -> None:
    plans = []
    for number, ciphertext in enumerate(("v1:one", "v1:two")):
        folder = tmp_path / str(number)
        shutil.copytree(root, folder)
        values = {**repository.STACK, "airflow": {"connections": {"db": {"secure": ciphertext}}}}
        repository.write(folder, {"Pulumi.dev.yaml": repository.stack_file(values)})
        plans.append(plan_stack(folder, "dev").plan)
    one, two = plans
    assert {key for key in one.resources if one.resources[key] != two.resources[key]} == {
        "kubernetes:core/v1:Secret::airflow-connections",
        "kubernetes:helm.sh/v3:Release::airflow",
    }
    assert one.settings["airflow.connections.db"] != two.settings["airflow.connections.db"]


@pytest.mark.slow
def test_every_problem_is_told(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    shutil.copytree(root, folder)
    repository.write(folder, {"dags/bad.yaml": "dag_id: bad\nimage: nowhere\n"})
    with pytest.raises(InputError, match=r"dags/bad\.yaml"):
        plan_stack(folder, "dev")


PLAN = [sys.executable, "-m", "commands", "plan", "write", "--to"]
#: Runs before anything else of the process: a clock that is more than a year ahead.
LATER = "import time\nnow = time.time\ntime.time = lambda: now() + 4e7\n"


@pytest.mark.slow
def test_the_bytes_are_the_same_elsewhere_and_later_and_without_a_network(tmp_path: Path) -> None:
    """This repository's own dev stack: on another path, in another locale and time zone, on another day; the other
    run in a network namespace that holds nothing."""
    other = tmp_path / "another path"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in tracked.split("\0"):
        if name and (ROOT / name).is_file() and not name.startswith((".git", "local/toolchain/")):
            (other / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, other / name)
            (other / name).chmod(0o755 if os.access(ROOT / name, os.X_OK) else 0o600)
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "sitecustomize.py").write_text(LATER)
    elsewhere = {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "7", "HOME": str(tmp_path)}
    here = {key: value for key, value in os.environ.items() if key != "AIRFLOW_CHART"}
    empty = ["unshare", "--net", "--map-root-user"]
    probe = [*empty, sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 1), 1)"]
    assert b"unreachable" in subprocess.run(probe, capture_output=True, check=False).stderr
    subprocess.run([*empty, *PLAN, str(tmp_path / "one")], cwd=ROOT, env=here, check=True)
    subprocess.run(
        [*PLAN, str(tmp_path / "two")], cwd=other, check=True, umask=0o077,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "later"), **elsewhere},
    )  # fmt: skip
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


#: Where the workflow runs 3.12, this machine may have others.
OTHER_PYTHONS = ("3.12", "3.13")


@pytest.mark.slow
@pytest.mark.parametrize("version", OTHER_PYTHONS)
def test_the_bytes_are_the_same_under_another_python(version: str, tmp_path: Path) -> None:
    interpreter = python_of(version)
    if interpreter is None:
        pytest.skip(f"no Python {version} on this machine")
    wanted = [(ROOT / name).read_text() for name in ("requirements.txt", "requirements-dev.txt")]
    install = ["--requirement", str(ROOT / "requirements-dev.txt")]
    other = kept(f"plan-python-{version}", wanted, [install], f"Python {version}", interpreter)
    environment = {key: value for key, value in os.environ.items() if key not in ("AIRFLOW_CHART", "PYTHONPATH")}
    for name, python in (("this", sys.executable), ("other", str(other))):
        subprocess.run([python, *PLAN[1:], str(tmp_path / name)], cwd=ROOT, env=environment, check=True)
    assert tree(tmp_path / "this") == tree(tmp_path / "other")


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
