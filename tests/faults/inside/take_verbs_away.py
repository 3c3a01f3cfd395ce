"""Does what needs each verb of each Role with the provider's own code: once with the Role whole, once without the verb.

Run by the Python that has Airflow: ``take_verbs_away.py <order.json>``, with an administrator's KUBECONFIG. The order
holds ``core`` and ``tasks`` (namespaces made for this, with the product's Roles and service accounts), ``image`` (one
with a shell) and ``rows`` (``account``, ``place``, ``role``, ``resource``, ``verb``). Prints one line of JSON a row:
``with`` and ``without``, each null where the operation worked, else what it said.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from airflow.providers.cncf.kubernetes import kube_client
from airflow.providers.cncf.kubernetes.executors import kubernetes_executor_utils
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor import KubernetesExecutor
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.providers.cncf.kubernetes.kube_config import KubeConfig
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

SECONDS, OPERATION_SECONDS = 120, 20
TASK = {"dag_id": "rights", "task_id": "rights", "run_id": "rights", "try_number": 1}
EXECUTOR_JOB = 1
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESULT = "/airflow/xcom/return.json"


class Cluster:
    """The two namespaces, as administrator."""

    def __init__(self, order: dict[str, Any]) -> None:
        config.load_kube_config()
        self.places = {place: order[place] for place in ("core", "tasks")}
        self._image = order["image"]
        self.pods = client.CoreV1Api()
        self.roles = client.RbacAuthorizationV1Api()
        self._reviews = client.AuthorizationV1Api()

    def pod(self, place: str, name: str, *, runs: bool) -> client.V1Pod:
        """A pod as Airflow makes them: task pods in ``tasks``, executor's pods in ``core``. Without ``runs`` no node
        takes it."""
        task = TASK if runs else {**TASK, "try_number": 2}
        labels = {**{key: str(value) for key, value in task.items()}, "kubernetes_pod_operator": "True"}
        if place == "core":
            labels = PodGenerator.build_labels_for_k8s_executor_pod(**task, airflow_worker=EXECUTOR_JOB)
        scripts = {
            "base": "echo started; sleep 600",
            "airflow-xcom-sidecar": f"echo '[1]' > {RESULT}; sleep 600",
        }
        containers = [
            {
                "name": container,
                "image": self._image,
                "command": ["sh", "-c", script],
                "securityContext": RESTRICTED,
                "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "32Mi"}},
                "volumeMounts": [{"name": "xcom", "mountPath": "/airflow/xcom"}],
            }
            for container, script in scripts.items()
        ]
        spec = {
            "containers": containers,
            "volumes": [{"name": "xcom", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            **({} if runs else {"nodeSelector": {"no": "node"}}),
        }
        metadata = {"name": name, "namespace": self.places[place], "labels": labels}
        return PodGenerator.deserialize_model_dict({"metadata": metadata, "spec": spec})

    def start(self, place: str, name: str, *, runs: bool) -> client.V1Pod:
        return self.pods.create_namespaced_pod(self.places[place], self.pod(place, name, runs=runs))

    def await_running(self, place: str, name: str) -> None:
        end = time.monotonic() + SECONDS
        while self.pods.read_namespaced_pod(name, self.places[place]).status.phase != "Running":
            if time.monotonic() > end:
                raise SystemExit(f"pod {name} does not run: {self.pods.read_namespaced_pod(name, self.places[place])}")
            time.sleep(0.2)

    def set_rules(self, row: dict[str, str], rules: list[Any], *, allowed: bool) -> None:
        """Give the row's Role these rules, and wait until the API server goes by them."""
        namespace = self.places[row["place"]]
        role = self.roles.read_namespaced_role(row["role"], namespace)
        role.rules = rules
        self.roles.replace_namespaced_role(row["role"], namespace, role)
        resource, _, subresource = row["resource"].partition("/")
        asked = client.V1ResourceAttributes(
            namespace=namespace, resource=resource, subresource=subresource or None, verb=row["verb"]
        )
        user = f"system:serviceaccount:{self.places['core']}:{row['account']}"
        review = client.V1SubjectAccessReview(
            spec=client.V1SubjectAccessReviewSpec(user=user, resource_attributes=asked)
        )
        end = time.monotonic() + SECONDS
        while self._reviews.create_subject_access_review(review).status.allowed != allowed:
            if time.monotonic() > end:
                raise SystemExit(f"{row}: allowed does not become {allowed}")
            time.sleep(0.05)

    def kubeconfig(self, account: str, folder: Path) -> Path:
        """A file that logs in as the service account."""
        request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
        answer = self.pods.create_namespaced_service_account_token(account, self.places["core"], request)
        whole = yaml.safe_load(Path(config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION).read_text())
        whole["users"] = [{"name": user["name"], "user": {"token": answer.status.token}} for user in whole["users"]]
        file = folder / account
        file.write_text(yaml.safe_dump(whole))
        return file


class Account:
    """The provider's own objects, logged in as one service account."""

    def __init__(self, cluster: Cluster, name: str, folder: Path) -> None:
        self.cluster, self._file = cluster, str(cluster.kubeconfig(name, folder))
        self._made = 0

    @cached_property
    def api(self) -> client.CoreV1Api:
        return client.CoreV1Api(config.new_client_from_config(self._file))

    @property
    def operator(self) -> KubernetesPodOperator:
        return KubernetesPodOperator(
            task_id="rights", config_file=self._file, in_cluster=False, kubernetes_conn_id=None
        )

    @property
    def hook(self) -> AsyncKubernetesHook:
        whole = yaml.safe_load(Path(self._file).read_text())
        return AsyncKubernetesHook(config_dict=whole, conn_id=None, in_cluster=False)

    @property
    def executor(self) -> KubernetesExecutor:
        executor = KubernetesExecutor()
        executor.kube_client = self.api
        executor.kube_config.kube_namespace = self.cluster.places["core"]
        return executor

    @property
    def launcher(self) -> kubernetes_executor_utils.AirflowKubernetesScheduler:
        """The executor's part that handles pods, without the processes that its constructor starts."""
        launcher = object.__new__(kubernetes_executor_utils.AirflowKubernetesScheduler)
        launcher.kube_client, launcher.kube_config = self.api, KubeConfig()
        return launcher

    def spare(self, place: str, *, made: bool) -> client.V1Pod:
        """A pod for one operation; ``made`` already, or only described."""
        self._made += 1
        name = f"spare-{id(self)}-{self._made}"
        return self.cluster.start(place, name, runs=False) if made else self.cluster.pod(place, name, runs=False)

    def running(self, place: str) -> client.V1Pod:
        return self.cluster.pods.read_namespaced_pod("running", self.cluster.places[place])


def find_pod(account: Account) -> None:
    instance = SimpleNamespace(**TASK, map_index=-1)
    context = {"ti": instance, "run_id": TASK["run_id"], "dag": None}
    # Spare pods bear the same labels: whichever is found will do.
    operator = account.operator
    operator.reattach_on_restart = False
    operator.process_duplicate_label_pods = lambda found: found[0]
    assert operator.find_pod(account.cluster.places["tasks"], context)


def get_pod(account: Account) -> None:
    pod = account.running("tasks")
    assert account.operator.hook.get_pod(pod.metadata.name, pod.metadata.namespace)


def read_log(account: Account) -> None:
    manager = account.operator.pod_manager
    assert b"started" in b"".join(manager.read_pod_logs(account.running("tasks"), "base", follow=False))


def post_exec(account: Account) -> None:
    pod = account.running("tasks")
    try:
        # Before 1.35 nothing of Airflow needs this verb: the bare request stands for the later server's question.
        account.api.connect_post_namespaced_pod_exec(
            pod.metadata.name, pod.metadata.namespace, container="base", command="true"
        )
    except ApiException as error:
        if "pgrade" not in str(error.body):  # allowed, and told to ask for a stream
            raise


def read_events(account: Account) -> None:
    assert account.operator.pod_manager.read_pod_events(account.running("tasks")).items


def follow_log(account: Account) -> None:
    pod = account.running("tasks")
    lines = asyncio.run(account.hook.read_logs(pod.metadata.name, pod.metadata.namespace, "base"))
    assert any("started" in line for line in lines), lines


def follow_pod(account: Account) -> None:
    pod = account.running("tasks")
    assert asyncio.run(account.hook.get_pod(pod.metadata.name, pod.metadata.namespace)).status.phase == "Running"


def cancel_pod(account: Account) -> None:
    pod = account.spare("tasks", made=True)
    asyncio.run(account.hook.delete_pod(pod.metadata.name, pod.metadata.namespace, 0))


def list_events(account: Account) -> None:
    pod = account.running("tasks")
    assert asyncio.run(account.hook.get_pod_events(pod.metadata.name, pod.metadata.namespace)).items


def watch_events(account: Account) -> None:
    async def first() -> Any:
        async for event in hook.watch_pod_events(pod.metadata.name, pod.metadata.namespace, timeout_seconds=5):
            return event
        raise AssertionError("no event")

    pod, hook = account.running("tasks"), account.hook
    asyncio.run(first())
    # Without the verb the hook goes on by asking again every half minute.
    assert not hook._event_polling_fallback, "the hook fell back to polling"


def mark_done(account: Account) -> None:
    pod = account.spare("core", made=True)
    account.launcher.patch_pod_executor_done(pod_name=pod.metadata.name, namespace=pod.metadata.namespace)
    labels = account.cluster.pods.read_namespaced_pod(pod.metadata.name, pod.metadata.namespace).metadata.labels
    assert labels.get(kubernetes_executor_utils.POD_EXECUTOR_DONE_KEY) == "True", "the pod is not marked as done"


def watch_pods(account: Account) -> None:
    watcher = SimpleNamespace(namespace=account.cluster.places["core"])
    query = {"label_selector": f"airflow-worker={EXECUTOR_JOB}", "timeout_seconds": 5}
    follow = kubernetes_executor_utils.KubernetesJobWatcher._pod_events
    assert next(iter(follow(watcher, account.api, query)))["object"].metadata.name


def show_log(account: Account) -> None:
    kube_client.get_kube_client = lambda: account.api
    namespace = account.cluster.places["core"]
    override = SimpleNamespace(metadata=SimpleNamespace(namespace=namespace))
    instance = SimpleNamespace(
        **TASK, map_index=-1, queued_by_job_id=EXECUTOR_JOB, hostname="", executor_config={"pod_override": override}
    )
    messages, (log,) = account.executor.get_task_log(instance, TASK["try_number"])
    assert "started" in log, messages


def remove_worker(account: Account) -> None:
    pod = account.spare("core", made=True)
    account.launcher.delete_pod(pod.metadata.name, pod.metadata.namespace)


Operations = dict[str, Callable[[Account], object]]
LAUNCH: Operations = {
    "pods create": lambda account: account.operator.pod_manager.create_pod(account.spare("tasks", made=False)),
    "pods list": find_pod,
    "pods get": get_pod,
    "pods patch": lambda account: account.operator.patch_already_checked(account.spare("tasks", made=True)),
    "pods delete": lambda account: account.operator.pod_manager.delete_pod(account.spare("tasks", made=True)),
    "pods/log get": read_log,
    "pods/exec get": lambda account: account.operator.pod_manager.extract_xcom_json(account.running("tasks")),
    "pods/exec create": post_exec,
    "events list": read_events,
}
OPERATIONS: dict[str, Operations] = {
    "task-pod-launcher": LAUNCH,
    "task-pod-follower": {
        "pods get": follow_pod,
        "pods delete": cancel_pod,
        "pods/log get": follow_log,
        "events list": list_events,
        "events watch": watch_events,
    },
    "worker-pod-executor": {
        "pods create": lambda account: account.launcher.run_pod_async(account.spare("core", made=False)),
        "pods delete": remove_worker,
        "pods list": lambda account: account.executor._list_pods({}),
        "pods patch": mark_done,
        "pods watch": watch_pods,
    },
    "worker-log-reader": {"pods list": show_log, "pods/log get": show_log},
}


def outcome(operation: Callable[[Account], object], account: Account) -> str | None:
    signal.alarm(OPERATION_SECONDS)
    try:
        operation(account)
    except Exception as error:  # whatever the provider makes of a refusal
        return f"{type(error).__name__}: {error}"[:400]
    finally:
        signal.alarm(0)
    return None


def too_long(*_: object) -> None:
    raise TimeoutError


def without(rules: list[client.V1PolicyRule], resource: str, verb: str) -> list[client.V1PolicyRule]:
    """The rules, less one verb; each has one resource."""
    kept = [
        client.V1PolicyRule(
            api_groups=rule.api_groups,
            resources=rule.resources,
            verbs=[each for each in rule.verbs if (rule.resources, each) != ([resource], verb)],
        )
        for rule in rules
    ]
    return [rule for rule in kept if rule.verbs]


def main(order: dict[str, Any], folder: Path) -> None:
    cluster = Cluster(order)
    for place in cluster.places:
        cluster.start(place, "running", runs=True)
    for place in cluster.places:
        cluster.await_running(place, "running")
    accounts = {name: Account(cluster, name, folder) for name in sorted({row["account"] for row in order["rows"]})}
    for row in order["rows"]:
        operation = OPERATIONS[row["role"]][f"{row['resource']} {row['verb']}"]
        whole = cluster.roles.read_namespaced_role(row["role"], cluster.places[row["place"]]).rules
        told = {"with": outcome(operation, accounts[row["account"]])}
        cluster.set_rules(row, without(whole, row["resource"], row["verb"]), allowed=False)
        told["without"] = outcome(operation, accounts[row["account"]])
        cluster.set_rules(row, whole, allowed=True)
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, too_long)
    with tempfile.TemporaryDirectory() as temporary:
        main(json.loads(Path(sys.argv[1]).read_text()), Path(temporary))
