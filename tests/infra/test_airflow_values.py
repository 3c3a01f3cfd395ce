from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra import airflow_access, runtime
from infra.airflow_access import PASSWORDS_FILE
from infra.airflow_values import ValuesArguments, values
from infra.settings import Executor
from infra.settings_access import Oidc
from tests.infra import stacks
from tests.infra.pods import cpu, violations, worker_pod

BOTH: tuple[Executor, ...] = ("KubernetesExecutor", "LocalExecutor")
COMPONENTS = ("apiServer", "scheduler", "dagProcessor", "triggerer")


def rendered(
    executors: tuple[Executor, ...] = BOTH, access: dict[str, Any] | None = None, **keys: Any
) -> dict[str, Any]:
    settings = stacks.stack(airflow={"executors": list(executors), **keys}, access=access or {})
    return values(
        ValuesArguments(
            namespace="airflow",
            tasks_namespace="airflow-tasks",
            airflow=settings.airflow,
            bucket="lake",
            refresh_seconds=settings.publication.refresh_seconds,
            xcom_sidecar_image=settings.tasks.xcom_sidecar_image,
            files=runtime.read(),
            fingerprint="fingerprint",
            admin_fingerprint="admin-fingerprint",
            access=settings.access,
        )
    )


def environment(container: dict[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def test_a_worker_knows_neither_the_database_nor_the_fernet_key() -> None:
    (container,) = worker_pod(rendered())["spec"]["containers"]
    names = environment(container)
    assert not {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW_CONN_AIRFLOW_DB"} & set(
        names
    )
    secrets = {value["secretKeyRef"]["name"] for value in names.values() if isinstance(value, dict)}
    assert secrets == {"object-store-airflow"}
    assert "envFrom" not in container


def test_a_worker_is_restricted_and_runs_what_the_executor_says() -> None:
    pod = worker_pod(rendered())["spec"]
    assert violations(pod) == []
    (container,) = pod["containers"]
    assert container["name"] == "base"
    assert not {"command", "args"} & set(container)
    assert pod["serviceAccountName"] == "airflow-worker"
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_a_worker_mounts_configuration_and_runtime() -> None:
    pod = worker_pod(rendered())["spec"]
    (container,) = pod["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts) == {"/opt/airflow/logs", "/opt/airflow/airflow.cfg", "/opt/airflow/runtime"}
    assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}
    assert environment(container)["PYTHONPATH"] == "/opt/airflow/runtime"


@pytest.mark.parametrize("executors", [BOTH, ("LocalExecutor", "KubernetesExecutor"), ("KubernetesExecutor",)])
def test_the_executors_reach_scheduler_and_workers_in_their_order(executors: tuple[Executor, ...]) -> None:
    found = rendered(executors)
    (container,) = worker_pod(found)["spec"]["containers"]
    setting = found["executor"]
    assert environment(container)["AIRFLOW__CORE__EXECUTOR"] == setting
    assert [name.rpartition(".")[2] for name in setting.split(",")] == list(executors)


def test_executors_are_airflow_s_own_with_what_is_mended_under_their_own_names() -> None:
    for setting in rendered()["executor"].split(","):
        module, _, name = setting.rpartition(".")
        assert f"class {name}(" in runtime.read().contents[f"{module}.py"]


def test_one_key_makes_it_the_kubernetes_executor_alone() -> None:
    both, alone = rendered(BOTH), rendered(("KubernetesExecutor",))
    assert {key for key in both if both[key] != alone[key]} == {"executor", "podTemplate"}


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_has_requests_and_limits(component: str) -> None:
    for kind in ("requests", "limits"):
        assert set(rendered()[component]["resources"][kind]) == {"cpu", "memory"}


def test_all_that_runs_at_once_fits_two_cores() -> None:
    settings = stacks.stack()
    parts = settings.airflow.components
    standing = [parts.api_server, parts.scheduler, parts.dag_processor, parts.triggerer]
    standing += [settings.object_store.resources, settings.database.resources]
    rolling_out = 2 * sum(cpu(part.requests.cpu) for part in standing[:4])
    assert rolling_out + sum(cpu(part.requests.cpu) for part in standing[4:]) + cpu(parts.worker.requests.cpu) < 1.2


@pytest.mark.parametrize("component", ["scheduler", "triggerer"])
def test_a_restart_reaches_no_child_process(component: str) -> None:
    found = rendered()[component]
    assert found["terminationGracePeriodSeconds"] == 120
    assert {"name": "DUMB_INIT_SETSID", "value": "0"} in found["env"]


def test_no_scheduler_is_taken_for_dead_while_it_ends() -> None:
    found = rendered()
    grace = found["scheduler"]["terminationGracePeriodSeconds"]
    assert int(found["config"]["scheduler"]["scheduler_health_check_threshold"]) > grace


def test_containers_that_nobody_sized_do_not_run() -> None:
    found = rendered()
    for component in ("scheduler", "triggerer", "dagProcessor"):
        assert found[component]["logGroomerSidecar"] == {"enabled": False}
    for part in ("statsd", "redis", "postgresql"):
        assert found[part] == {"enabled": False}
    for job in ("createUserJob", "migrateDatabaseJob"):
        assert found[job]["enabled"] is False
    assert found["triggerer"]["persistence"] == {"enabled": False}
    assert found["workers"]["celery"]["persistence"] == {"enabled": False}


def test_airflow_takes_its_secrets_by_name() -> None:
    found = rendered()
    assert found["fernetKeySecretName"] == "airflow-fernet-key"
    assert found["apiSecretKeySecretName"] == "airflow-api-secret-key"
    assert found["jwtSecretName"] == "airflow-jwt-secret"
    assert found["data"] == {"metadataSecretName": "airflow-metadata"}
    assert found["secret"] == [
        {
            "envName": "AIRFLOW_CONN_OBJECT_STORE",
            "secretName": "object-store-airflow",
            "secretKey": "AIRFLOW_CONN_OBJECT_STORE",
        }
    ]


def test_a_changed_secret_restarts_who_reads_it() -> None:
    found = rendered()
    assert found["airflowPodAnnotations"] == {"de-airflow-pipeline/secrets": "fingerprint"}
    assert found["apiServer"]["podAnnotations"] == {"de-airflow-pipeline/secrets-admin": "admin-fingerprint"}


def test_the_admin_password_is_copied_to_where_airflow_may_write() -> None:
    found = rendered()["apiServer"]
    (copy,) = found["extraInitContainers"]
    volumes = {volume["name"]: volume for volume in found["extraVolumes"]}
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in copy["volumeMounts"]}
    # A plain copy would keep the Secret's mode, which not even the owner may write.
    assert copy["command"][:2] == ["install", "--mode=0600"]
    source, target = copy["command"][-2:]
    assert mounts[source.rpartition("/")[0]]["secret"]["secretName"] == "airflow-admin"
    assert "emptyDir" in mounts[target.rpartition("/")[0]]
    assert target == PASSWORDS_FILE == rendered()["config"]["core"]["simple_auth_manager_passwords_file"]
    assert found["extraVolumeMounts"] == [mount for mount in copy["volumeMounts"] if not mount.get("readOnly")]


def test_every_pod_operator_has_a_connection_without_asking_for_one() -> None:
    found = rendered()
    (container,) = worker_pod(found)["spec"]["containers"]
    core = {entry["name"]: entry["value"] for entry in found["env"]}
    for names in (core, environment(container)):
        connection = json.loads(names["AIRFLOW_CONN_KUBERNETES_DEFAULT"])
        assert connection == {"conn_type": "kubernetes", "extra": {"in_cluster": True, "namespace": "airflow-tasks"}}


def test_the_published_bundle_is_the_only_one() -> None:
    (bundle,) = rendered()["dagProcessor"]["dagBundleConfigList"]
    assert bundle == {
        "name": "published",
        "classpath": "airflow_runtime.published_bundle.PublishedBundle",
        "kwargs": {"bucket": "lake", "prefix": "dags", "aws_conn_id": "object_store", "refresh_interval": 10},
    }


def test_logs_go_to_the_bucket() -> None:
    assert rendered()["config"]["logging"] == {
        "remote_logging": "True",
        "remote_base_log_folder": "s3://lake/logs",
        "remote_log_conn_id": "object_store",
    }


def test_the_chart_makes_no_role_of_its_own() -> None:
    found = rendered()
    assert found["rbac"] == {"create": False}
    assert found["dagProcessor"]["serviceAccount"] == {"automountServiceAccountToken": False}
    assert found["workers"]["kubernetes"]["serviceAccount"] == {"create": False, "name": "airflow-worker"}


def test_values_do_not_depend_on_any_dag_image() -> None:
    assert not re.search(r"localhost:5000|ghcr", json.dumps(rendered(), default=str))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def test_nothing_is_null() -> None:
    assert [path for path, value in leaves(rendered()) if value is None] == []


def test_braces_of_ours_mean_nothing_to_the_chart() -> None:
    found = [(path, value) for path, value in leaves(rendered()) if isinstance(value, str) and "{{" in value]
    assert found == []


def test_a_component_of_many_pods_is_spread_and_keeps_all_but_one() -> None:
    found = rendered(availability={"replicas": {"scheduler": 2, "apiServer": 3}})
    for component, label, count in (("scheduler", "scheduler", 2), ("apiServer", "api-server", 3)):
        values = found[component]
        assert values["replicas"] == count
        assert values["podDisruptionBudget"] == {"enabled": True}
        (spread,) = values["topologySpreadConstraints"]
        assert spread["labelSelector"]["matchLabels"]["component"] == label
        assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    for component in ("dagProcessor", "triggerer"):
        assert not {"replicas", "podDisruptionBudget", "topologySpreadConstraints", "hpa"} & found[component].keys()


def test_the_api_server_grows_with_its_load() -> None:
    found = rendered(availability={"replicas": {"apiServer": 2}, "apiServerScaling": {"most": 5, "cpuPercent": 150}})
    scaling = found["apiServer"]["hpa"]
    assert (scaling["enabled"], scaling["minReplicaCount"], scaling["maxReplicaCount"]) == (True, 2, 5)
    (metric,) = scaling["metrics"]
    assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": 150}


FAB = {"authManager": "fab"}
INGRESS = {
    "host": "airflow.example.org",
    "className": "nginx",
    "tlsSecret": "airflow-tls",
    "controllerNamespace": "ingress-nginx",
    "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
}
OIDC = {"issuer": "https://login.example.org", "clientId": "airflow", "clientSecret": "hush", "roles": {"data": "Op"}}


def oidc(**keys: Any) -> Oidc:
    found = stacks.stack(access={**FAB, "oidc": {**OIDC, **keys}}).access.oidc
    assert found is not None
    return found


def test_fab_needs_no_password_in_the_api_server() -> None:
    found = rendered(access=FAB)
    assert found["config"]["core"]["auth_manager"].endswith(".FabAuthManager")
    assert not {key for key in found["config"]["core"] if key.startswith("simple_auth_manager")}
    assert not {"extraInitContainers", "extraVolumes", "apiServerConfig", "args", "env"} & found["apiServer"].keys()


def test_an_ingress_has_tls_and_airflow_knows_its_address() -> None:
    found = rendered(access={**FAB, "ingress": INGRESS})
    page = found["ingress"]["apiServer"]
    assert page["hosts"] == [{"name": "airflow.example.org", "tls": {"enabled": True, "secretName": "airflow-tls"}}]
    assert page["ingressClassName"] == "nginx"
    assert page["annotations"] == INGRESS["annotations"]
    assert found["config"]["api"] == {"base_url": "https://airflow.example.org"}
    assert found["config"]["fab"] == {"cookie_secure": "True"}
    assert found["apiServer"]["args"][-1].endswith("airflow api-server --proxy-headers")
    assert "ingress" not in rendered(access=FAB)


def test_the_log_in_elsewhere_is_a_file_of_a_secret_and_no_value() -> None:
    found = rendered(access={**FAB, "oidc": OIDC})
    assert "hush" not in json.dumps(found, default=str)
    (volume,), (mount,) = found["apiServer"]["extraVolumes"], found["apiServer"]["extraVolumeMounts"]
    assert volume["secret"]["secretName"] == "airflow-oidc"
    assert f'"{mount["mountPath"]}"' in runtime.read().contents["airflow_runtime.log_in.py"]
    assert found["apiServer"]["apiServerConfig"] == "from airflow_runtime.log_in import *\n"


def test_whoever_is_in_several_groups_has_the_strongest_role() -> None:
    roles = {"staff": "Viewer", "data": "Op", "guests": "Public", "bosses": "Admin", "all": "Viewer"}
    documents = airflow_access.oidc_documents(oidc(roles=roles))
    found = [role for _, role in json.loads(documents["oidc.json"])["roles"]]
    assert found == ["Admin", "Op", "Viewer", "Viewer", "Public"]


def test_a_provider_s_own_authority_is_a_file_beside() -> None:
    documents = airflow_access.oidc_documents(oidc(authority=stacks.CERTIFICATE))
    assert documents["authority.pem"] == stacks.CERTIFICATE
    assert "authority" not in json.loads(documents["oidc.json"])
    assert "authority.pem" in runtime.read().contents["airflow_runtime.log_in.py"]
    assert airflow_access.oidc_documents(oidc()).keys() == {"oidc.json"}


def test_what_ended_pods_leave_is_removed_at_request() -> None:
    found = rendered(cleanup=True)["cleanup"]
    assert found["enabled"] is True
    assert set(found["resources"]["limits"]) == {"cpu", "memory"}
    assert "cleanup" not in rendered()


def test_metrics_are_restricted_and_pinned() -> None:
    found = rendered(metrics={})
    assert found["images"]["statsd"] == {"repository": "quay.io/prometheus/statsd-exporter", "tag": "v0.30.0"}
    assert found["statsd"]["securityContexts"]["pod"]["runAsNonRoot"] is True
    assert "enabled" not in found["statsd"]
    assert rendered()["statsd"] == {"enabled": False}
