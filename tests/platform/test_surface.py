"""What DAG configs can say of a pod, run: the DAG ``surface`` of tests/fixtures, in a run of its own."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from lightkube import ApiError, Client
from lightkube.models.core_v1 import PersistentVolumeClaimSpec, VolumeResourceRequirements
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace, PersistentVolumeClaim, Secret, ServiceAccount
from lightkube.resources.rbac_authorization_v1 import Role, RoleBinding

from infra import names
from infra.namespaces import RESTRICTED
from local import stack
from local.provisioner import STORAGE_CLASS
from local.waiting import wait
from tests.conftest import ROOT, Deployed
from tests.platform.observed import Api, api_of, await_served, published, reference_of
from tests.platform.pod_records import PodRecords
from tests.platform.scratch import Scratch, settled

# What the pods hold is the same whoever applied Airflow.
pytestmark = [
    pytest.mark.platform,
    pytest.mark.parametrize("deployed", ["the engine that is there"], indirect=True, scope="session"),
]

DAG = SURFACE = "surface"
FIXTURE = ROOT / "tests/fixtures" / DAG
#: As the config names it: a namespace that the program knows nothing of.
ELSEWHERE = SURFACE
STACK = f"""
  de-airflow-pipeline:tasks:
    existing: {{claims: [{SURFACE}], configMaps: [{SURFACE}], secrets: [{SURFACE}]}}
"""
PLACE, TOKEN = "Lisbon", secrets.token_hex(16)
SECONDS = 150
ROLES = ("task-pod-launcher", "task-pod-follower")


@dataclass(frozen=True)
class Ran:
    """The run when it had ended: the last state of each task, all that it was in, and its pods."""

    api: Api
    run: str
    state: str
    states: dict[str, set[str]]
    pods: PodRecords
    tree: dict[str, bytes]

    def pod(self, task: str) -> Any:
        return self.pods.of(task)[-1]

    def result(self, task: str) -> Any:
        return self.api.result(DAG, self.run, task)


@pytest.fixture(scope="module")
def given(deployed: Deployed) -> Iterator[None]:
    """What the DAG names and the program does not make: a claim, a ConfigMap, a Secret, and another namespace with all
    that a pod of ours and its launcher need there."""
    client, tasks = deployed.client, deployed.settings.tasks_namespace
    here = ObjectMeta(name=SURFACE, namespace=tasks)
    room = VolumeResourceRequirements(requests={"storage": "1Mi"})
    spec = PersistentVolumeClaimSpec(accessModes=["ReadWriteOnce"], storageClassName=STORAGE_CLASS, resources=room)
    made: list[Any] = [
        ConfigMap(metadata=here, data={"place": PLACE}),
        Secret(metadata=here, stringData={"token": TOKEN}),
        PersistentVolumeClaim(metadata=here, spec=spec),
        Namespace(metadata=ObjectMeta(name=ELSEWHERE, labels=RESTRICTED)),
    ]
    remove(client, tasks)
    try:
        for one in (*made, *copies(client, tasks)):
            client.create(one)
        yield
    finally:
        remove(client, tasks)


def copies(client: Client, tasks: str) -> list[Any]:
    """Of the tasks' namespace, for the other one."""

    def there(one: Any) -> ObjectMeta:
        return ObjectMeta(name=one.metadata.name, namespace=ELSEWHERE)

    accounts = [ServiceAccount(metadata=ObjectMeta(name=names.TASK_ACCOUNT, namespace=ELSEWHERE))]
    kept = [client.get(Secret, name, namespace=tasks) for name in (names.REGISTRY_SECRET, names.STORE_TASKS_SECRET)]
    roles = [client.get(Role, name, namespace=tasks) for name in ROLES]
    bindings = [client.get(RoleBinding, name, namespace=tasks) for name in ROLES]
    return [
        *accounts,
        *(Secret(metadata=there(one), type=one.type, data=one.data) for one in kept),
        *(Role(metadata=there(one), rules=one.rules) for one in roles),
        *(RoleBinding(metadata=there(one), roleRef=one.roleRef, subjects=one.subjects) for one in bindings),
    ]


def remove(client: Client, tasks: str) -> None:
    kinds: tuple[Any, ...] = (ConfigMap, Secret, PersistentVolumeClaim)
    for kind in kinds:
        absent(lambda kind=kind: client.delete(kind, SURFACE, namespace=tasks))
    absent(lambda: client.delete(Namespace, ELSEWHERE))
    for kind, namespace in [*((kind, tasks) for kind in kinds), (Namespace, None)]:
        wait(f"{kind.__name__} {SURFACE} to go", lambda kind=kind, at=namespace: left(client, kind, at), 60)


def left(client: Client, kind: Any, namespace: str | None) -> str | None:
    return None if absent(lambda: client.get(kind, SURFACE, namespace=namespace)) else "it is there"


def absent(asked: Any) -> bool:
    try:
        asked()
    except ApiError as error:
        if error.status.code != 404:
            raise
        return True
    return False


@pytest.fixture(scope="module")
def ran(deployed: Deployed, given: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    scratch = Scratch(tmp_path_factory.mktemp("surface") / "elsewhere")
    shutil.copytree(FIXTURE, scratch.folder / "dags", dirs_exist_ok=True)
    scratch.append(str(stack.STACK_FILE), STACK)
    try:
        scratch.up()
        await_served(deployed, DAG)
        yield follow(deployed)
    finally:
        settled(ROOT)


def follow(deployed: Deployed) -> Ran:
    api, run = api_of(deployed), f"surface-{secrets.token_hex(4)}"
    settings = deployed.settings
    namespaces = (settings.name, settings.tasks_namespace, ELSEWHERE)
    states: dict[str, set[str]] = {}

    def missing() -> str | None:
        for one in api.tasks(DAG, run):
            states.setdefault(one.task, set()).add(one.state)
        state = api.run_state(DAG, run)
        return None if state in ("success", "failed") else f"{state}: {api.tasks(DAG, run)}"

    with PodRecords(deployed.client, namespaces, run) as pods:
        api.unpause(DAG)
        api.trigger(DAG, run)
        wait(f"run {run} to end", missing, SECONDS)
        return Ran(api, run, api.run_state(DAG, run), states, pods, published(deployed))


def test_all_but_the_one_that_no_node_can_run_succeed(ran: Ran) -> None:
    last = {(one.task, one.state) for one in ran.api.tasks(DAG, ran.run)}
    told = {
        one.task: ran.api.log(DAG, ran.run, one)[-12:] for one in ran.api.tasks(DAG, ran.run) if one.state == "failed"
    }
    assert {task for task, state in last if state != "success"} == {"on_a_device"}, told
    assert ran.state == "failed"


def test_an_injected_failure_is_tried_again_in_another_pod(ran: Ran) -> None:
    [listed] = [one for one in ran.api.tasks(DAG, ran.run) if one.task == "list_words"]
    assert listed.tries == 2
    assert [pod.metadata.labels["try_number"] for pod in ran.pods.of("list_words")] == ["1", "2"]


def test_a_task_waits_for_its_pod_in_the_triggerer(ran: Ran) -> None:
    assert "deferred" in ran.states["write"]


def test_each_item_of_a_result_has_a_pod_and_all_results_reach_a_worker_pod(ran: Ran) -> None:
    assert sorted(pod.metadata.labels["map_index"] for pod in ran.pods.of("spell")) == ["0", "1"]
    assert ran.result("gather") == ["one", 'two "quoted" {{ braces }} $(HOME)' * 2]


def test_secret_config_map_claim_and_init_container_reach_the_code(ran: Ran) -> None:
    token = hashlib.sha256(TOKEN.encode()).hexdigest()
    told = ran.result("write")
    assert (told["token"], told["token file"]) == (token, token)
    assert {told["place"], told["place by prefix"], told["place in a file"]} == {PLACE}
    assert told["init container"] == "prepared"
    assert told["address"] == told["own address"] == ran.pod("write").status.podIP


def test_no_secret_is_in_the_pod_or_the_published_files(ran: Ran) -> None:
    shown = [str(ran.pod("write").to_dict()), *(content.decode(errors="replace") for content in ran.tree.values())]
    assert not [text for text in shown if TOKEN in text]


def test_the_running_pod_has_the_resources_and_labels_of_its_task(ran: Ran) -> None:
    pod = ran.pod("write")
    assert {"team": SURFACE, "part": "volumes", "dag_id": DAG}.items() <= pod.metadata.labels.items()
    [base] = [one for one in pod.spec.containers if one.name == "base"]
    assert base.resources.requests == {"cpu": "30m", "memory": "96Mi", "ephemeral-storage": "10Mi"}
    assert base.resources.limits == {"cpu": "900m", "memory": "384Mi", "ephemeral-storage": "100Mi"}
    other = ran.pod("list_words")
    assert other.metadata.labels["team"] == SURFACE
    assert other.spec.containers[0].resources.requests == {"cpu": "20m", "memory": "64Mi"}


def test_a_full_pod_spec_is_merged_with_the_fields(ran: Ran) -> None:
    assert ran.result("read") == {"written": "by another pod", "address": "192.0.2.7"}
    pod = ran.pod("read")
    assert pod.metadata.annotations["surface/said-by"] == "a manifest"
    assert pod.metadata.labels["team"] == SURFACE
    assert pod.spec.securityContext.fsGroup == 10001


def test_a_pod_template_gives_what_the_task_leaves_out(ran: Ran) -> None:
    pod = ran.pod("from_template")
    assert ran.result("from_template") == pod.metadata.name
    image = reference_of(ran.tree, "cost-of-living")
    assert pod.spec.containers[0].image.partition("@")[0] == image
    assert pod.spec.serviceAccountName == names.TASK_ACCOUNT


def test_images_of_three_types_run_in_one_dag(ran: Ran) -> None:
    tasks = {"write": "cost-of-living", "gather": "lakehouse", "elsewhere": "tools"}
    seen = {task: ran.pod(task).spec.containers[0].image.partition("@")[0] for task in tasks}
    assert seen == {task: reference_of(ran.tree, image) for task, image in tasks.items()}


def test_a_task_runs_in_another_namespace(ran: Ran) -> None:
    assert ran.result("elsewhere") == "elsewhere"
    assert {pod.metadata.namespace for pod in ran.pods.of("elsewhere")} == {ELSEWHERE}


def test_a_device_that_no_node_has_leaves_the_pod_pending_and_the_log_says_why(ran: Ran) -> None:
    pod = ran.pod("on_a_device")
    assert pod.status.phase == "Pending"
    assert pod.spec.containers[0].resources.limits["nvidia.com/gpu"] == "1"
    [task] = [one for one in ran.api.tasks(DAG, ran.run) if one.task == "on_a_device"]
    assert task.state == "failed"
    log = "\n".join(ran.api.log(DAG, ran.run, task))
    assert "Insufficient nvidia.com/gpu" in log, log
