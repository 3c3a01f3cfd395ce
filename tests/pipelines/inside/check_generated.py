"""The generated files in the real Airflow: they load, and make the pods that they should."""

import json
import os
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.executors.executor_loader import ExecutorLoader
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.file import iter_airflow_imports
from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

FOLDER = Path(os.environ["GENERATED"])
IMAGES = json.loads((FOLDER / "images.json").read_text())["images"]


@pytest.fixture(scope="module")
def dags():
    bag = DagBag(FOLDER, include_examples=False)
    assert bag.import_errors == {}
    return bag.dags


def pod_tasks(dags):
    return [task for dag in dags.values() for task in dag.tasks if task.task_type == "KubernetesPodOperator"]


def python_tasks(dags):
    return [task for dag in dags.values() for task in dag.tasks if task.task_type != "KubernetesPodOperator"]


def pod(task):
    task.hook._is_in_cluster = True
    return ApiClient().sanitize_for_serialization(task.build_pod_request_obj())


def test_each_file_gives_its_dag(dags):
    files = {path.stem for path in FOLDER.glob("*.py")}
    assert set(dags) == files


def test_dags_survive_serialization(dags):
    for dag in dags.values():
        again = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
        assert set(again.task_dict) == set(dag.task_dict)
        for task in dag.tasks:
            assert again.task_dict[task.task_id].downstream_task_ids == task.downstream_task_ids


def test_executors_are_configured_ones(dags):
    tasks = [*pod_tasks(dags), *python_tasks(dags)]
    known = {name.alias for name in ExecutorLoader.get_executor_names(validate_teams=False)}
    assert {task.executor for task in tasks if task.executor} <= known


def test_pods_are_restricted_and_pinned(dags):
    known = {f"{one['reference']}@{one['digest']}" for one in IMAGES.values()}
    assert pod_tasks(dags)
    for task in pod_tasks(dags):
        made = pod(task)
        spec, labels = made["spec"], made["metadata"]["labels"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["imagePullSecrets"] == [{"name": "registry"}]
        assert spec["activeDeadlineSeconds"] > task.startup_timeout_seconds
        assert made["metadata"]["namespace"] == "airflow-tasks"
        assert len(made["metadata"]["name"]) <= 63
        assert all(len(value) <= 63 for value in labels.values())
        assert spec["containers"][0]["image"] in known
        for container in spec["containers"]:
            context = {**spec["securityContext"], **container["securityContext"]}
            assert context["runAsNonRoot"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}
            assert (
                container["resources"]["requests"].keys()
                == container["resources"]["limits"].keys()
                == {"cpu", "memory"}
            )
        assert task.deferrable
        assert task.on_finish_action == "delete_pod"
        assert task.log_events_on_failure


def test_a_sidecar_stands_beside_what_leaves_an_xcom(dags):
    with_sidecar = {task.task_id for task in pod_tasks(dags) if len(pod(task)["spec"]["containers"]) == 2}
    assert with_sidecar == {task.task_id for task in pod_tasks(dags) if task.do_xcom_push}


def test_overrides_merge_into_a_worker_pod(dags):
    template = k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(),
        spec=k8s.V1PodSpec(
            containers=[
                k8s.V1Container(name="base", image="stock", env=[k8s.V1EnvVar(name="A", value="1")], args=["x"])
            ],
            service_account_name="airflow-worker",
        ),
    )
    assert python_tasks(dags)
    for task in python_tasks(dags):
        merged = PodGenerator.reconcile_pods(template, PodGenerator.from_obj(task.executor_config))
        [container] = merged.spec.containers
        assert container.image in {f"{one['reference']}@{one['digest']}" for one in IMAGES.values()}
        assert (container.name, container.args, container.command) == ("base", ["x"], None)
        assert "A" in {variable.name for variable in container.env}
        assert container.env_from == [{"secretRef": {"name": "object-store-tasks"}}]
        assert merged.spec.service_account_name == "airflow-worker"


SAID_BY_THE_TASK = ("env", "command", "args", "resources", "volumeMounts")


def without_what_the_task_says(made):
    """What a task adds to its image's template: time limits, volumes, variables, resources and what it runs."""
    spec = {key: value for key, value in made["spec"].items() if key not in ("activeDeadlineSeconds", "volumes")}
    base = {key: value for key, value in spec["containers"][0].items() if key not in SAID_BY_THE_TASK}
    # Of the Secrets that variables come from the bucket's is the last.
    return {**spec, "containers": [{**base, "envFrom": base["envFrom"][-1:]}]}


def test_a_pod_from_the_template_is_that_of_a_generated_task(dags):
    by_image = {f"{one['reference']}@{one['digest']}": one["type"] for one in IMAGES.values()}
    assert pod_tasks(dags)
    for task in pod_tasks(dags):
        template = FOLDER / f"pod_templates/{by_image[task.image]}.yaml"
        alone = KubernetesPodOperator(task_id="t", pod_template_file=str(template), in_cluster=True)
        made, generated = pod(alone), pod(task)
        assert without_what_the_task_says(made) == without_what_the_task_says(generated)
        assert made["metadata"]["namespace"] == generated["metadata"]["namespace"]
        assert made["spec"]["containers"][0]["resources"] == {
            "requests": {"cpu": "250m", "memory": "256Mi"},
            "limits": {"cpu": "1", "memory": "1Gi"},
        }


def test_the_template_of_a_worker_changes_the_stacks_own_pod(dags):
    workers = {
        one["type"]: f"{one['reference']}@{one['digest']}" for one in IMAGES.values() if one["profile"] == "worker"
    }
    assert workers
    for type_, image in workers.items():
        template = PodGenerator.deserialize_model_file(str(FOLDER / f"pod_templates/{type_}.yaml"))
        assert template.spec.containers[0].image == image
        assert template.spec.service_account_name is None
        assert [one.command or one.args for one in template.spec.containers] == [None]


class Result(dict):
    """What a task left: whatever key is asked for."""

    def __missing__(self, key):
        return key


class Instance:
    """What a template sees as ti."""

    def xcom_pull(self, task_ids):
        return Result({"key": f'of {task_ids} "}}}} $(HOME) $$ {{{{ 1 }}}}'})


def as_run(task):
    """A copy, as Airflow makes one for each try: rendering changes a task."""
    return task.prepare_for_execution()


def is_called(task):
    """Whether a pod task calls an entry; the others run a command."""
    return any(one["name"] == "TASK_ENTRY" for one in task.env_vars)


def test_arguments_render_to_json(dags):
    if "letters" not in dags:
        pytest.skip("the context is that of the fixture")
    context = {"run_id": "manual__2026-01-01T00:00:00+00:00", "ds": "2026-01-01", "ti": Instance()}
    texts = []
    for task in map(as_run, pod_tasks(dags)):
        task.render_template_fields(context)
        texts += [one["value"] for one in task.env_vars if one["name"] == "TASK_ARGUMENTS"]
    for task in map(as_run, python_tasks(dags)):
        task.render_template_fields(context)
        texts.append(task.op_args[-1])
    assert len(texts) == sum(map(is_called, pod_tasks(dags))) + len(python_tasks(dags))
    for text in texts:
        assert "$" not in text
        assert isinstance(json.loads(text), dict)


def test_commands_render_to_words_that_kubernetes_does_not_expand(dags):
    if "letters" not in dags:
        pytest.skip("the context is that of the fixture")
    context = {"ds": "2026-01-01", "ti": Instance()}
    containers = {}
    for task in map(as_run, pod_tasks(dags)):
        if not is_called(task):
            task.render_template_fields(context)
            containers[task.task_id] = pod(task)["spec"]["containers"][0]
    assert containers["say"]["command"] == ["echo", "$$(HOME) costs $$5"]
    [first, second] = containers["say"]["args"]
    assert first == """on 2026-01-01: {'key': 'of count "}} $$(HOME) $$$$ {{ 1 }}'}"""
    assert second == "$$(HOME)"
    assert (containers["sort"].get("command") or [], containers["sort"]["args"]) == (
        [],
        ["sort", "--reverse", "alphabet.txt"],
    )
    for container in containers.values():
        assert {"TASK_SOURCE", "TASK_SOURCE_SHA256"} == {
            one["name"] for one in container["env"] if one["name"].startswith("TASK_")
        }


def test_the_kubernetes_models_load_with_a_module_of_airflow():
    """Airflow's DAG processor imports those once, before it forks for each file."""
    for file in FOLDER.glob("*.py"):
        if "kubernetes.client" in file.read_text():
            assert any(
                module.startswith("airflow.providers.cncf.kubernetes.") for module in iter_airflow_imports(str(file))
            )
