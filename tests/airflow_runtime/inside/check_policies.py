"""The policies, through Airflow's own loading of them."""

import gc
import subprocess
import sys

import pytest
from airflow.exceptions import AirflowClusterPolicyViolation
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.xcom_sidecar import PodDefaults
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG
from airflow.settings import pod_mutation_hook, task_policy
from kubernetes.client import models as k8s

OVERRIDE = {"pod_override": k8s.V1Pod(spec=k8s.V1PodSpec(containers=[k8s.V1Container(name="base")]))}
TEMPLATE = """
apiVersion: v1
kind: Pod
metadata: {}
spec:
  containers:
    - {name: base, image: "warehouse:1", imagePullPolicy: IfNotPresent, env: [{name: A, value: "1"}]}
"""


FORKED = """
import airflow, gc, os
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
else:
    print(*gc.get_threshold(), gc.get_freeze_count(), flush=True)
os._exit(0)
"""


def told(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


def test_every_process_looks_for_garbage_seldom():
    assert gc.get_threshold() == (50_000, 20, 10)
    # At the very end, with all that was imported set apart.
    script = "import airflow, gc, os; gc.callbacks.append(lambda *_: os.write(1, b'%d ' % gc.get_freeze_count()))"
    assert min(told(script)) > 50_000


def test_what_tasks_and_dag_files_make_is_collected_as_python_does():
    *thresholds, apart = told(FORKED)
    assert thresholds == told("import gc; print(*gc.get_threshold())")
    assert apart > 50_000


@pytest.fixture
def executors(monkeypatch):
    return lambda text: monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", text)


@pytest.mark.parametrize(
    ("configured", "executor"),
    [
        ("KubernetesExecutor", None),
        ("KubernetesExecutor,LocalExecutor", None),
        ("LocalExecutor,KubernetesExecutor", "KubernetesExecutor"),
        ("LocalExecutor,pods:KubernetesExecutor", "pods"),
        ("airflow.providers.cncf.kubernetes.executors.kubernetes_executor.KubernetesExecutor", None),
    ],
)
def test_a_pod_of_its_own_under_the_kubernetes_executor_is_fine(executors, configured, executor):
    executors(configured)
    task_policy(EmptyOperator(task_id="t", executor=executor, executor_config=OVERRIDE))


@pytest.mark.parametrize(
    ("configured", "executor"),
    [
        ("LocalExecutor", None),
        ("LocalExecutor,KubernetesExecutor", None),
        ("KubernetesExecutor,LocalExecutor", "LocalExecutor"),
        ("pods:KubernetesExecutor,my.module.NotTheKubernetesExecutor", "my.module.NotTheKubernetesExecutor"),
    ],
)
@pytest.mark.parametrize("config", [OVERRIDE, {"pod_template_file": "/a.yaml"}])
def test_a_pod_of_its_own_elsewhere_is_refused(executors, configured, executor, config):
    executors(configured)
    with pytest.raises(AirflowClusterPolicyViolation, match="only the KubernetesExecutor heeds"):
        task_policy(EmptyOperator(task_id="t", executor=executor, executor_config=config))


def test_a_task_without_a_pod_of_its_own_may_run_anywhere(executors):
    executors("LocalExecutor")
    task_policy(EmptyOperator(task_id="t"))


@pytest.fixture
def published(tmp_path):
    """A tree with the template of one image type."""
    (tmp_path / "images.json").write_text("{}")
    (tmp_path / "pod_templates").mkdir()
    (tmp_path / "pod_templates/warehouse.yaml").write_text(TEMPLATE)
    return tmp_path / "pod_templates"


def test_a_published_template_becomes_the_override(executors, published):
    executors("KubernetesExecutor")
    config = {"pod_template_file": str(published / "warehouse.yaml")}
    task = EmptyOperator(task_id="t", executor_config=config)
    task_policy(task)
    [container] = task.executor_config["pod_override"].spec.containers
    assert (list(task.executor_config), container.image) == (["pod_override"], "warehouse:1")
    assert config == {"pod_template_file": str(published / "warehouse.yaml")}


def test_the_tasks_own_override_wins_over_a_published_template(executors, published):
    executors("KubernetesExecutor")
    own = k8s.V1Container(name="base", image="own:1", env=[k8s.V1EnvVar(name="B", value="2")])
    override = k8s.V1Pod(spec=k8s.V1PodSpec(containers=[own]))
    config = {"pod_template_file": str(published / "warehouse.yaml"), "pod_override": override}
    task = EmptyOperator(task_id="t", executor_config=config)
    task_policy(task)
    [container] = task.executor_config["pod_override"].spec.containers
    assert (container.image, container.image_pull_policy) == ("own:1", "IfNotPresent")
    assert [(one.name, one.value) for one in container.env] == [("A", "1"), ("B", "2")]


def test_a_mapped_task_has_its_template_too(executors, published):
    executors("KubernetesExecutor")
    config = {"pod_template_file": str(published / "warehouse.yaml")}
    with DAG("a_dag"):
        mapped = PythonOperator.partial(task_id="t", python_callable=print, executor_config=config).expand(
            op_args=[["a"], ["b"]]
        )
    task_policy(mapped)
    assert mapped.executor_config["pod_override"].spec.containers[0].image == "warehouse:1"


def test_a_template_that_was_not_published_is_refused(executors, published):
    executors("KubernetesExecutor")
    task = EmptyOperator(task_id="t", executor_config={"pod_template_file": str(published / "sales.yaml")})
    with pytest.raises(AirflowClusterPolicyViolation, match="no pod template 'sales': there are warehouse"):
        task_policy(task)


def test_a_template_from_elsewhere_is_left_to_the_executor(executors):
    executors("KubernetesExecutor")
    config = {"pod_template_file": "/opt/airflow/pod_templates/own.yaml"}
    task = EmptyOperator(task_id="t", executor_config=config)
    task_policy(task)
    assert task.executor_config == config


def pod_with_sidecar():
    with DAG("a_dag"):
        task = KubernetesPodOperator(
            task_id="t",
            name="t",
            namespace="tasks",
            image="x:1",
            do_xcom_push=True,
            kubernetes_conn_id=None,
            in_cluster=True,
        )
    # The hook stands in for a cluster, which is not here; what the operator builds is the provider's own work.
    task.__dict__["hook"] = type(
        "Hook",
        (),
        {
            "is_in_cluster": True,
            "get_xcom_sidecar_container_image": lambda self: None,
            "get_xcom_sidecar_container_resources": lambda self: None,
        },
    )()
    return task.build_pod_request_obj()


def test_the_xcom_sidecar_is_pinned_and_restricted(monkeypatch):
    monkeypatch.setenv("XCOM_SIDECAR_IMAGE", "busybox:1.37.0-musl")
    base, sidecar = pod_with_sidecar().spec.containers
    assert sidecar.image == "busybox:1.37.0-musl"
    assert sidecar.resources.limits == {"cpu": "100m", "memory": "32Mi"}
    security = sidecar.security_context
    assert (security.run_as_non_root, security.run_as_user, security.allow_privilege_escalation) == (True, 65534, False)
    assert (security.capabilities.drop, security.seccomp_profile.type) == (["ALL"], "RuntimeDefault")
    assert (base.image, base.security_context) == ("x:1", None)


def test_what_the_provider_stops_the_sidecar_with_names_its_first_process(monkeypatch, tmp_path):
    monkeypatch.setenv("XCOM_SIDECAR_IMAGE", "busybox:1.37.0-musl")
    pod = pod_with_sidecar()
    sidecar = pod.spec.containers[1]
    volumes = {volume.name: volume for volume in pod.spec.volumes}
    folder = {mount.name: mount.mount_path for mount in sidecar.volume_mounts}["sidecar-tools"]
    assert volumes["sidecar-tools"].empty_dir.medium == "Memory"
    assert {variable.name: variable.value for variable in sidecar.env}["PATH"].startswith(f"{folder}:")
    start = sidecar.command[2].partition("; trap ")[0].replace(folder, str(tmp_path))
    subprocess.run(["/bin/sh", "-c", start], check=True)
    found = subprocess.run(
        ["/bin/sh", "-c", "pgrep -u $(id -u) -f 'sh'"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
    )
    assert (found.stdout, found.stderr) == (b"1\n", b"")
    assert PodDefaults.XCOM_MOUNT_PATH in [mount.mount_path for mount in sidecar.volume_mounts]


def test_a_sidecar_that_nobody_pinned_is_refused(monkeypatch):
    monkeypatch.delenv("XCOM_SIDECAR_IMAGE", raising=False)
    with pytest.raises(RuntimeError, match="XCOM_SIDECAR_IMAGE is not set"):
        pod_with_sidecar()


def test_other_pods_are_left_alone():
    pod = k8s.V1Pod(spec=k8s.V1PodSpec(containers=[k8s.V1Container(name="base", image="x:1")]))
    before = pod.to_dict()
    pod_mutation_hook(pod)
    assert pod.to_dict() == before
