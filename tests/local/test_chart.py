"""The stand-in chart: what it renders from the program's values, and that it refuses every other value."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.chart import STAND_IN
from local.chart.compare import helm_binary
from local.chart.objects import KUBERNETES, RenderError, render
from local.chart.program_values import BOTH, ONE, program_values

pytestmark = pytest.mark.toolchain

BY_EXECUTORS = {",".join(executors): program_values(executors) for executors in (BOTH, ONE)}
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
# Mappings whose keys belong to Airflow, to a bundle or to whoever annotates: any name is right there.
OPEN = ("config", "airflowPodAnnotations", "apiServer.podAnnotations", "dagProcessor.dagBundleConfigList.0.kwargs")
NOT_IMPLEMENTED = (
    ("useStandardNaming", False),
    ("airflowVersion", "2.11.0"),
    ("executor", "CeleryExecutor"),
    ("airflowLocalSettings", "import os"),
    ("rbac.create", True),
    ("enableBuiltInSecretEnvVars.AIRFLOW_CONN_AIRFLOW_DB", True),
    ("securityContexts.pod.runAsNonRoot", False),
    ("securityContexts.pod.runAsUser", 0),
    ("securityContexts.pod.seccompProfile.type", "Unconfined"),
    ("securityContexts.containers.allowPrivilegeEscalation", True),
    ("securityContexts.containers.capabilities.drop", ["NET_RAW"]),
    ("apiServer.waitForMigrations.enabled", True),
    ("scheduler.logGroomerSidecar.enabled", True),
    ("triggerer.persistence.enabled", True),
    ("workers.celery.persistence.enabled", True),
    ("workers.kubernetes.serviceAccount.create", True),
    ("createUserJob.enabled", True),
    ("migrateDatabaseJob.serviceAccount.create", True),
    ("postgresql.enabled", True),
    ("redis.enabled", True),
    ("statsd.enabled", True),
)
REQUIRED = ("jwtSecretName", "podTemplate", "statsd", "scheduler.resources.limits", "config.core.auth_manager")


@pytest.fixture(scope="module")
def helm() -> Path:
    try:
        return helm_binary()
    except RenderError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=BY_EXECUTORS)
def rendered(request: pytest.FixtureRequest, helm: Path) -> dict[str, Any]:
    return render(helm, STAND_IN, BY_EXECUTORS[request.param])


def pods(objects: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, document in objects.items():
        if document["kind"] == "Deployment":
            yield name, document["spec"]["template"]["spec"]
    yield "pod template", objects["ConfigMap/airflow-config"]["data"]["pod_template_file.yaml"]["spec"]


def containers(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from pod["containers"].values()
    yield from pod.get("initContainers", {}).values()


def changed(path: str, value: Any) -> dict[str, Any]:
    values = copy.deepcopy(BY_EXECUTORS[",".join(BOTH)])
    section, key = target(values, path)
    section[key] = value
    return values


def target(values: Any, path: str) -> tuple[Any, str]:
    *parents, key = path.split(".")
    for parent in parents:
        values = values[int(parent) if isinstance(values, list) else parent]
    return values, key


def closed_mappings(value: Any, path: str = "") -> Iterator[str]:
    if path in OPEN:
        return
    if isinstance(value, dict):
        yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from closed_mappings(item, f"{path}.{key}".lstrip("."))


def test_lints_without_a_warning(helm: Path) -> None:
    values = json.dumps(BY_EXECUTORS[",".join(BOTH)])
    command = [str(helm), "lint", "--strict", str(STAND_IN), "--kube-version", KUBERNETES, "--values", "-"]
    done = subprocess.run(command, input=values, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


def test_renders_the_official_chart_s_objects(rendered: dict[str, Any]) -> None:
    local = "LocalExecutor" in rendered["ConfigMap/airflow-config"]["data"]["airflow.cfg"]["core"]["executor"]
    services = {"api-server", "triggerer", *(["scheduler"] if local else [])}
    assert set(rendered) == {
        "ConfigMap/airflow-config",
        *(f"{kind}/airflow-{name}" for kind in ("Deployment", "ServiceAccount") for name in COMPONENTS),
        *(f"Service/airflow-{name}" for name in services),
    }


def test_settings_are_the_program_s(rendered: dict[str, Any]) -> None:
    settings = rendered["ConfigMap/airflow-config"]["data"]["airflow.cfg"]
    (values,) = (found for found in BY_EXECUTORS.values() if found["executor"] == settings["core"]["executor"])
    for section, keys in values["config"].items():
        assert {key: str(value) for key, value in keys.items()}.items() <= settings[section].items()
    assert (
        json.loads(settings["dag_processor"]["dag_bundle_config_list"]) == values["dagProcessor"]["dagBundleConfigList"]
    )


def test_every_pod_is_restricted(rendered: dict[str, Any]) -> None:
    for name, pod in pods(rendered):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        assert all(set(volume) & {"configMap", "emptyDir", "secret"} or set(volume) == {"name"}
                   for volume in pod["volumes"].values()), name  # fmt: skip
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
            assert set(container["resources"]["requests"]) == set(container["resources"]["limits"]) == {"cpu", "memory"}
            assert not any("hostPort" in port for port in container.get("ports", {}).values()), name


def test_which_secret_reaches_which_component(rendered: dict[str, Any]) -> None:
    read = {
        name: {
            variable["valueFrom"]["secretKeyRef"]["name"]
            for container in containers(pod)
            for variable in container["env"].values()
            if "valueFrom" in variable
        }
        for name, pod in pods(rendered)
        if name != "Deployment/airflow-api-server"
    }
    connections = {"airflow-connections", "object-store-airflow"}
    shared = {"airflow-fernet-key", "airflow-metadata", "airflow-api-secret-key", *connections}
    assert read == {
        "Deployment/airflow-scheduler": {*shared, "airflow-jwt-secret"},
        "Deployment/airflow-dag-processor": shared,
        "Deployment/airflow-triggerer": shared,
        "pod template": connections,
    }
    server = rendered["Deployment/airflow-api-server"]["spec"]["template"]["spec"]["containers"]["api-server"]
    assert server["env"]["AIRFLOW__API_AUTH__JWT_SECRET"]["valueFrom"]["secretKeyRef"]["key"] == "jwt-secret"


def test_worker_pods_know_neither_database_nor_fernet_key(rendered: dict[str, Any]) -> None:
    template = yaml.safe_dump(rendered["ConfigMap/airflow-config"]["data"]["pod_template_file.yaml"])
    for word in ("SQL_ALCHEMY_CONN", "FERNET", "airflow-metadata", "fernet-key", "JWT_SECRET", "SECRET_KEY"):
        assert word not in template


def test_changed_settings_restart_every_component(helm: Path) -> None:
    def hashes(values: dict[str, Any]) -> set[str]:
        objects = render(helm, STAND_IN, values)
        deployments = (objects[f"Deployment/airflow-{name}"] for name in COMPONENTS)
        return {item["spec"]["template"]["metadata"]["annotations"]["checksum/airflow-config"] for item in deployments}

    before, after = hashes(BY_EXECUTORS[",".join(BOTH)]), hashes(changed("config.core.parallelism", 7))
    assert len(before) == len(after) == 1
    assert before != after


def test_braces_in_settings_are_the_program_s_to_escape(helm: Path) -> None:
    objects = render(helm, STAND_IN, changed("config.logging.log_filename_template", '{{ "{{ ti.dag_id }}" }}.log'))
    settings = objects["ConfigMap/airflow-config"]["data"]["airflow.cfg"]
    assert settings["logging"]["log_filename_template"] == "{{ ti.dag_id }}.log"


@pytest.mark.parametrize(("path", "value"), NOT_IMPLEMENTED)
def test_refuses_what_it_does_not_implement(helm: Path, path: str, value: Any) -> None:
    with pytest.raises(RenderError, match=f"'/{path.replace('.', '/')}"):
        render(helm, STAND_IN, changed(path, value))


@pytest.mark.parametrize("path", tuple(closed_mappings(BY_EXECUTORS[",".join(BOTH)])))
def test_refuses_an_unknown_key_at_every_level_and_names_it(helm: Path, path: str) -> None:
    place = f"/{path.replace('.', '/')}" if path else ""
    with pytest.raises(RenderError, match=f"'{place}': additional properties 'nobodyKnows' not allowed"):
        render(helm, STAND_IN, changed(f"{path}.nobodyKnows".lstrip("."), {}))


@pytest.mark.parametrize("path", REQUIRED)
def test_refuses_to_guess_a_missing_value(helm: Path, path: str) -> None:
    values = changed(path, None)
    section, key = target(values, path)
    del section[key]
    with pytest.raises(RenderError, match=f"missing property '{key}'"):
        render(helm, STAND_IN, values)


def test_refuses_a_mount_of_no_volume(helm: Path) -> None:
    mounts = [{"name": "nowhere", "mountPath": "/nowhere"}]
    with pytest.raises(RenderError, match='volumeMounts of apiServer: no volume is called "nowhere"'):
        render(helm, STAND_IN, changed("volumeMounts", mounts))


def test_refuses_another_release_name(helm: Path) -> None:
    command = [str(helm), "template", "other", str(STAND_IN), "--kube-version", KUBERNETES, "--values", "-"]
    values = json.dumps(BY_EXECUTORS[",".join(BOTH)])
    done = subprocess.run(command, input=values, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert 'release name "other"' in done.stderr
