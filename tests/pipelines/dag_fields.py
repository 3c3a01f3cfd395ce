"""Every field of a DAG config: a config that says it, and what real Airflow must make of that.

``FIELDS`` maps one or more fields, ``Record.field``, to a case. What a case expects is told as (where, path, value):
``dag``, ``task`` (an operator's attribute), ``pod`` (the manifest of the pod that the operator or the executor would
create), ``rendered`` (the pod after Airflow rendered the operator's templates), ``base`` (its first container).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Expected = tuple[tuple[str, str, Any], ...]


@dataclass(frozen=True)
class Case:
    """``form`` is a whole config but for its dag_id; ``task`` is the one that is looked at."""

    form: dict[str, Any]
    expected: Expected
    task: str = "count"


def dag(*expected: tuple[str, str, Any], tasks: dict[str, Any] | None = None, **form: Any) -> Case:
    tasks = tasks or {"count": {"kind": "pod", "entry": "letters:count"}}
    common = {"start_date": "2026-01-01", "source": "letters", "image": "letters"}
    return Case({**common, **form, "tasks": tasks}, expected)


def pod(*expected: tuple[str, str, Any], **fields: Any) -> Case:
    return dag(*expected, tasks={"count": {"kind": "pod", "entry": "letters:count", **fields}})


def words(*expected: tuple[str, str, Any], **fields: Any) -> Case:
    return dag(*expected, tasks={"count": {"kind": "pod", **fields}})


def python(*expected: tuple[str, str, Any], **fields: Any) -> Case:
    return dag(*expected, tasks={"count": {"kind": "python", "entry": "letters:count", **fields}}, image="warehouse")


def bash(*expected: tuple[str, str, Any], **fields: Any) -> Case:
    return dag(*expected, tasks={"count": {"kind": "bash", "script": "true", **fields}}, image="warehouse")


def beside(**fields: Any) -> dict[str, Any]:
    return {"name": "beside", **fields}


def parameter(keyword: str, value: Any, default: Any, **others: Any) -> Case:
    form = {"limit": {keyword: value, "default": default, **others}}
    return dag(("dag", f"params.limit.schema.{keyword}", value), ("dag", "params.limit.value", default), params=form)


PREFERRED = [{"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}}]
AFFINITY = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": PREFERRED}}
GPU = "requests.nvidia.com/gpu"
MINIMUM = {"cpu": "250m", "memory": "256Mi"}
MOST = {"cpu": "1", "memory": "1Gi"}
VOLUME = {"path": "/data", "claim": "prices"}
CALLBACK = "partial(call_back, 'letters:alert')"
TWO = {
    "first": {"kind": "pod", "entry": "letters:count"},
    "count": {"kind": "pod", "entry": "letters:count", "depends_on": ["first"]},
}

OF_DAG: dict[str, Case] = {
    "Dag.dag_id": dag(("dag", "fileloc_is", "dag_id")),
    "Dag.dag_display_name": dag(("dag", "dag_display_name", "Prices; é"), dag_display_name="Prices; é"),
    "Dag.description": dag(("dag", "description", "of \"'{{ x }}"), description="of \"'{{ x }}"),
    "Dag.doc_md": dag(("dag", "doc_md", "/etc/motd.md\n"), doc_md="/etc/motd.md"),
    "Dag.schedule": dag(("dag", "timetable", "CronTriggerTimetable 0 6 * * *"), schedule="0 6 * * *"),
    "Dag.timezone": dag(("dag", "timezone", "Europe/Lisbon"), timezone="Europe/Lisbon"),
    "Dag.start_date": dag(("dag", "start_date", "2026-01-01T06:30:00+00:00"), start_date="2026-01-01T06:30:00"),
    "Dag.end_date": dag(("dag", "end_date", "2027-01-01T00:00:00+00:00"), end_date="2027-01-01"),
    "Dag.catchup": dag(("dag", "catchup", True), catchup=True),
    "Dag.max_active_runs": dag(("dag", "max_active_runs", 3), max_active_runs=3),
    "Dag.max_active_tasks": dag(("dag", "max_active_tasks", 4), max_active_tasks=4),
    "Dag.max_consecutive_failed_dag_runs": dag(
        ("dag", "max_consecutive_failed_dag_runs", 2), max_consecutive_failed_dag_runs=2
    ),
    "Dag.dagrun_timeout": dag(("dag", "dagrun_timeout", 5400), dagrun_timeout="1h30m"),
    "Dag.fail_fast": dag(("dag", "fail_fast", True), fail_fast=True),
    "Dag.is_paused_upon_creation": dag(("dag", "is_paused_upon_creation", True), is_paused_upon_creation=True),
    "Dag.params": dag(("dag", "params.limit.value", 5), params={"limit": {"default": 5}}),
    "Dag.on_success_callback": dag(("dag", "on_success_callback", CALLBACK), on_success_callback="letters:alert"),
    "Dag.on_failure_callback": dag(("dag", "on_failure_callback", CALLBACK), on_failure_callback="letters:alert"),
    "Dag.tags": dag(("dag", "tags", ["a", "b"]), tags=["b", "a"]),
    "Dag.owner": dag(("task", "owner", "data"), owner="data"),
    "Dag.image": dag(("base", "image", "{letters}"), image="letters"),
    "Dag.source": dag(("base", "env.0.name", "TASK_SOURCE"), source="letters"),
    "Dag.retries": dag(("task", "retries", 4), retries=4),
    "Dag.retry_delay": dag(("task", "retry_delay", 90), retry_delay="1m30s"),
    "Dag.env_from": dag(("base", "envFrom.0", {"secretRef": {"name": "crm"}}), env_from=[{"secret": "crm"}]),
    "Dag.pool": dag(("task", "pool", "small"), pool="small"),
    "Dag.defaults": dag(("pod", "metadata.labels.team", "data"), defaults={"labels": {"team": "data"}}),
    "Dag.groups Task.group Group.tooltip": dag(
        ("dag", "groups.day", {"tooltip": "one day", "prefix": False, "children": ["count"]}),
        groups={"day": {"tooltip": "one day"}},
        tasks={"count": {"kind": "pod", "entry": "letters:count", "group": "day"}},
    ),
    "Group.group": dag(
        ("dag", "groups.day.children", ["hour"]),
        groups={"day": {}, "hour": {"group": "day"}},
        tasks={"count": {"kind": "pod", "entry": "letters:count", "group": "hour"}},
    ),
    "Group.depends_on": dag(
        ("task", "upstream_task_ids", ["first"]),
        groups={"day": {"depends_on": ["first"]}},
        tasks={
            "first": {"kind": "pod", "entry": "letters:count"},
            "count": {"kind": "pod", "entry": "letters:count", "group": "day"},
        },
    ),
    "Dag.tasks Task.depends_on": dag(("task", "upstream_task_ids", ["first"]), tasks=TWO),
}

OF_SCHEDULE: dict[str, Case] = {
    "Timetable.cron": dag(("dag", "timetable", "CronDataIntervalTimetable 0 6 * * *"), schedule={"cron": "0 6 * * *"}),
    "Timetable.every": dag(("dag", "timetable", "DeltaDataIntervalTimetable 21600"), schedule={"every": "6h"}),
    "Timetable.data_interval": dag(
        ("dag", "timetable", "DeltaTriggerTimetable 21600"), schedule={"every": "6h", "data_interval": False}
    ),
    "AssetSchedule.all": dag(
        ("dag", "assets", {"AssetAll": ["data/a", "data/b"]}), schedule={"all": ["data/a", "data/b"]}
    ),
    "AssetSchedule.any": dag(
        ("dag", "assets", {"AssetAny": ["data/a", "data/b"]}), schedule={"any": ["data/a", "data/b"]}
    ),
    "AssetSchedule.inputs": dag(
        ("dag", "assets", {"AssetAny": ["data/a"]}),
        schedule={"inputs": "any"},
        tasks={
            "count": {
                "kind": "pod",
                "entry": "letters:count",
                "inputs": ["data/a", "data/own"],
                "outputs": ["data/own"],
            }
        },
    ),
    "AssetSchedule.or_cron": dag(
        ("dag", "timetable", "AssetOrTimeSchedule"),
        ("dag", "assets", {"AssetAll": ["data/a"]}),
        schedule={"all": ["data/a"], "or_cron": "@daily"},
    ),
    "Parameter.default": dag(("dag", "params.limit.value", [1, None]), params={"limit": {"default": [1, None]}}),
    "Parameter.type": parameter("type", ["integer", "null"], None),
    "Parameter.title": parameter("title", "Ti'tle", 1),
    "Parameter.description": dag(
        ("dag", "params.limit.description", 'De"scription'),
        params={"limit": {"default": 1, "description": 'De"scription'}},
    ),
    "Parameter.description_md": parameter("description_md", "*Mark*", 1),
    "Parameter.section": parameter("section", "Sec", 1),
    "Parameter.enum": parameter("enum", [1, 2], 2),
    "Parameter.const": parameter("const", 1, 1),
    "Parameter.format": parameter("format", "date", "2026-01-01", type="string"),
    "Parameter.minimum": parameter("minimum", 0.5, 1),
    "Parameter.maximum": parameter("maximum", 2, 1),
    "Parameter.exclusiveMinimum": parameter("exclusiveMinimum", 0, 1),
    "Parameter.exclusiveMaximum": parameter("exclusiveMaximum", 2, 1),
    "Parameter.multipleOf": parameter("multipleOf", 2, 4),
    "Parameter.minLength": parameter("minLength", 1, "a"),
    "Parameter.maxLength": parameter("maxLength", 2, "a"),
    "Parameter.pattern": parameter("pattern", "^[a-z]$", "a"),
    "Parameter.items": parameter("items", {"type": "integer"}, [1]),
    "Parameter.minItems": parameter("minItems", 1, [1]),
    "Parameter.maxItems": parameter("maxItems", 1, [1]),
    "Parameter.uniqueItems": parameter("uniqueItems", True, [1]),
    "Parameter.properties": parameter("properties", {"a": {"type": "integer"}}, {"a": 1}),
    "Parameter.required": parameter("required", ["a"], {"a": 1}),
    "Parameter.additionalProperties": parameter("additionalProperties", False, {}),
    "Parameter.examples": parameter("examples", ["x", "y"], "x"),
    "Parameter.values_display": parameter("values_display", {"x": "The x"}, "x", examples=["x"]),
}

OF_TASK: dict[str, Case] = {
    "Task.kind": python(("task", "task_type", "PythonOperator"), ("task", "executor", "KubernetesExecutor")),
    "Task.entry": pod(("base", "env.TASK_ENTRY", "letters:count")),
    "Task.source": pod(
        ("base", "env.TASK_SOURCE", f"dags/sources/{'1' * 64}.tar.gz"),
        ("base", "env.TASK_SOURCE_SHA256", "1" * 64),
        source=["letters", "shared"],
    ),
    "Task.script": bash(
        ("task", "bash_command", '{{ "echo \\x7b\\x7b ds \\x7d\\x7d .sh" }}'),
        ("rendered_task", "bash_command", "echo {{ ds }} .sh"),
        ("rendered_task", "cwd", "/bundle/sources/dag_id"),
        script="echo {{ ds }} .sh",
    ),
    "Task.command": words(("base", "command", ["echo", "$$(HOME)"]), command=["echo", "$(HOME)"]),
    "Task.arguments": pod(
        ("rendered", "spec.containers.0.env.TASK_ARGUMENTS", '{"day": "2026-01-01", "n": [1.5, null]}'),
        arguments={"day": "{{ ds }}", "n": [1.5, None]},
    ),
    "Task.expand": pod(
        ("task", "expand_input.value", [{}, {}]),
        ("rendered", "spec.containers.0.env.TASK_ARGUMENTS", '{"day": "b\\u0024{{ 1 }}"}'),
        arguments={"day": "{{ item }}"},
        expand=["a", "b${{ 1 }}"],
    ),
    "ResultOf.task": dag(
        ("task", "expand_input.value.kind", "MapXComArg of first"),
        ("rendered", "spec.containers.0.args", ["{{ 2 }}", "x"]),
        tasks={
            "first": {"kind": "pod", "entry": "letters:count", "xcom": True},
            "count": {"kind": "pod", "arguments": ["{{ item.name }}", "x"], "expand": {"task": "first"}},
        },
    ),
    "Task.xcom": pod(
        ("task", "do_xcom_push", True), ("pod", "spec.containers.1.name", "airflow-xcom-sidecar"), xcom=True
    ),
    "Task.inputs": pod(("task", "inlets", ["data/a.parquet"]), inputs=["data/a.parquet"]),
    "Task.outputs": pod(("task", "outlets", ["data/b.parquet"]), outputs=["data/b.parquet"]),
    "Task.doc_md": pod(("task", "doc_md", "# Ti'tle"), doc_md="# Ti'tle"),
}

OF_DEFAULTS: dict[str, Case] = {
    "TaskDefaults.image": pod(("base", "image", "{warehouse}"), image="warehouse"),
    "TaskDefaults.env": pod(("rendered", "spec.containers.0.env.A", "$$(B) {{ x }}"), env={"A": "$(B) {{ x }}"}),
    "TaskDefaults.env_from": python(
        ("base", "envFrom.0", {"configMapRef": {"name": "words"}}), env_from=[{"config_map": "words"}]
    ),
    "TaskDefaults.volumes": python(
        ("base", "volumeMounts.-1", {"mountPath": "/data", "name": "volume-0"}),
        ("pod", "spec.volumes.-1", {"name": "volume-0", "persistentVolumeClaim": {"claimName": "prices"}}),
        volumes=[VOLUME],
    ),
    "TaskDefaults.resources": python(
        ("base", "resources.requests.cpu", "100m"), resources={"requests": {"cpu": "100m", "memory": "1Mi"}}
    ),
    "TaskDefaults.labels": python(("pod", "metadata.labels.team", "data"), labels={"team": "data"}),
    "TaskDefaults.annotations": pod(
        ("rendered", "metadata.annotations", {"a.b/c": "{{ 1 }} '\""}), annotations={"a.b/c": "{{ 1 }} '\""}
    ),
    "TaskDefaults.node_selector": python(("pod", "spec.nodeSelector", {"disk": "ssd"}), node_selector={"disk": "ssd"}),
    "TaskDefaults.tolerations": python(
        ("pod", "spec.tolerations", [{"operator": "Exists"}]), tolerations=[{"operator": "Exists"}]
    ),
    "TaskDefaults.affinity": pod(("pod", "spec.affinity", AFFINITY), affinity=AFFINITY),
    "TaskDefaults.priority_class_name": pod(("pod", "spec.priorityClassName", "high"), priority_class_name="high"),
    "TaskDefaults.runtime_class_name": pod(("pod", "spec.runtimeClassName", "gvisor"), runtime_class_name="gvisor"),
    "TaskDefaults.service_account_name": pod(("pod", "spec.serviceAccountName", "own"), service_account_name="own"),
    "TaskDefaults.namespace": pod(("pod", "metadata.namespace", "other"), namespace="other"),
    "TaskDefaults.init_containers": pod(
        ("pod", "spec.initContainers.0.name", "beside"),
        ("pod", "spec.initContainers.0.securityContext.runAsNonRoot", True),
        init_containers=[beside()],
    ),
    "TaskDefaults.sidecars": python(
        ("pod", "spec.initContainers.0.restartPolicy", "Always"), sidecars=[beside(image="letters")]
    ),
    "TaskDefaults.security": python(
        ("pod", "spec.securityContext.runAsUser", 1000),
        ("base", "securityContext.allowPrivilegeEscalation", False),
        security={"run_as_user": 1000},
    ),
    "TaskDefaults.pod_template": pod(
        ("task", "pod_template_file", "/bundle/pod_templates/letters.yaml"),
        ("task", "image", None),
        pod_template="letters",
    ),
    "TaskDefaults.full_pod_spec": pod(
        ("pod", "spec.hostname", "here"),
        ("pod", "spec.containers.1.image", "{warehouse}"),
        ("base", "resources", {"limits": {"cpu": "2"}}),
        ("base", "image", "{letters}"),
        ("pod", "metadata.annotations", {"x": "{{ 1 }}"}),
        full_pod_spec={
            "metadata": {"annotations": {"x": "{{ 1 }}"}},
            "spec": {
                "hostname": "here",
                "containers": [
                    {"name": "base", "resources": {"limits": {"cpu": "2"}}},
                    {"name": "second", "image": "warehouse"},
                ],
            },
        },
    ),
    "TaskDefaults.termination_grace_period": pod(
        ("pod", "spec.terminationGracePeriodSeconds", 60), termination_grace_period="1m"
    ),
    "TaskDefaults.retries": pod(("task", "retries", 3), retries=3),
    "TaskDefaults.retry_delay": pod(("task", "retry_delay", 30), retry_delay="30s"),
    "TaskDefaults.retry_exponential_backoff": pod(
        ("task", "retry_exponential_backoff", 2.5), retry_exponential_backoff=2.5
    ),
    "TaskDefaults.max_retry_delay": pod(("task", "max_retry_delay", 600), max_retry_delay="10m"),
    "TaskDefaults.execution_timeout": pod(
        ("task", "execution_timeout", 720), ("pod", "spec.activeDeadlineSeconds", 720), execution_timeout="2m"
    ),
    "TaskDefaults.startup_timeout": pod(("task", "startup_timeout_seconds", 300), startup_timeout="5m"),
    "TaskDefaults.schedule_timeout": pod(
        ("task", "schedule_timeout_seconds", 900), ("pod", "spec.activeDeadlineSeconds", 5100), schedule_timeout="15m"
    ),
    "TaskDefaults.pool": pod(("task", "pool", "small"), pool="small"),
    "TaskDefaults.pool_slots": pod(("task", "pool_slots", 2), pool_slots=2),
    "TaskDefaults.priority_weight": pod(("task", "priority_weight", 7), priority_weight=7),
    "TaskDefaults.max_active_tis_per_dag": pod(("task", "max_active_tis_per_dag", 2), max_active_tis_per_dag=2),
    "TaskDefaults.trigger_rule": pod(("task", "trigger_rule", "all_done"), trigger_rule="all_done"),
    "TaskDefaults.depends_on_past": pod(("task", "depends_on_past", True), depends_on_past=True),
    "TaskDefaults.deferrable": pod(("task", "deferrable", False), deferrable=False),
    "TaskDefaults.poll_interval": pod(("task", "poll_interval", 5), poll_interval="5s"),
    "TaskDefaults.on_finish_action": pod(("task", "on_finish_action", "keep_pod"), on_finish_action="keep_pod"),
    "TaskDefaults.on_kill_action": pod(("task", "on_kill_action", "keep_pod"), on_kill_action="keep_pod"),
    "TaskDefaults.skip_on_exit_code": bash(("task", "skip_on_exit_code", [9]), skip_on_exit_code=9),
    "TaskDefaults.logs Logs.get_logs": pod(("task", "get_logs", False), logs={"get_logs": False}),
    "TaskDefaults.launch Launch.in_cluster": pod(("task", "in_cluster", False), launch={"in_cluster": False}),
    "TaskDefaults.on_execute_callback": pod(
        ("task", "on_execute_callback", [CALLBACK]), on_execute_callback="letters:alert"
    ),
    "TaskDefaults.on_success_callback": pod(
        ("task", "on_success_callback", ["partial(call_back, 'os.path.join')"]), on_success_callback="os.path.join"
    ),
    "TaskDefaults.on_failure_callback": python(
        ("task", "on_failure_callback", [CALLBACK]), on_failure_callback="letters:alert"
    ),
    "TaskDefaults.on_retry_callback": pod(("task", "on_retry_callback", [CALLBACK]), on_retry_callback="letters:alert"),
    "TaskDefaults.on_skipped_callback": bash(
        ("task", "on_skipped_callback", [CALLBACK]), on_skipped_callback="letters:alert"
    ),
}

OF_POD: dict[str, Case] = {
    "Amounts.cpu Amounts.memory Resources.requests Resources.limits": pod(
        ("base", "resources", {"requests": {"cpu": "2", "memory": "3Gi"}, "limits": {"cpu": "4", "memory": "5Gi"}}),
        resources={"requests": {"cpu": 2, "memory": "3Gi"}, "limits": {"cpu": 4, "memory": "5Gi"}},
    ),
    "Amounts.ephemeral_storage": pod(
        ("base", "resources.limits", {**MOST, "ephemeral-storage": "2Gi"}),
        resources={"limits": {**MOST, "ephemeral_storage": "2Gi"}},
    ),
    "Resources.gpu": pod(
        (
            "base",
            "resources",
            {"requests": {**MINIMUM, "nvidia.com/gpu": "1"}, "limits": {**MOST, "nvidia.com/gpu": "1"}},
        ),
        resources={"gpu": 1},
    ),
    "Resources.gpu_type": python(
        ("base", "resources.limits", {**MOST, "amd.com/gpu": "2"}), resources={"gpu": 2, "gpu_type": "amd.com/gpu"}
    ),
    "EnvironmentSource.secret": pod(
        ("base", "envFrom", [{"secretRef": {"name": "crm"}}, {"secretRef": {"name": "object-store-tasks"}}]),
        env_from=[{"secret": "crm"}],
    ),
    "EnvironmentSource.config_map": pod(
        ("base", "envFrom.0", {"configMapRef": {"name": "words"}}), env_from=[{"config_map": "words"}]
    ),
    "EnvironmentSource.prefix": pod(
        ("base", "envFrom.0", {"prefix": "W_", "secretRef": {"name": "crm"}}),
        env_from=[{"secret": "crm", "prefix": "W_"}],
    ),
    "EnvironmentValue.secret EnvironmentValue.key": pod(
        ("rendered", "spec.containers.0.env.TOKEN", {"secretKeyRef": {"name": "crm", "key": "token"}}),
        ("rendered", "spec.containers.0.env.PLAIN", "{{ 1 }}"),
        env={"TOKEN": {"secret": "crm", "key": "token"}, "PLAIN": "{{ 1 }}"},
    ),
    "EnvironmentValue.config_map": python(
        ("base", "env.WORD", {"configMapKeyRef": {"name": "words", "key": "one"}}),
        env={"WORD": {"config_map": "words", "key": "one"}},
    ),
    "EnvironmentValue.field": pod(
        ("base", "env.ADDRESS", {"fieldRef": {"fieldPath": "status.podIP"}}), env={"ADDRESS": {"field": "status.podIP"}}
    ),
    "EmptyDir.size EmptyDir.medium Volume.empty_dir": pod(
        ("pod", "spec.volumes.0.emptyDir", {"medium": "Memory", "sizeLimit": "1Gi"}),
        volumes=[{"path": "/scratch", "empty_dir": {"size": "1Gi", "medium": "Memory"}}],
    ),
    "Volume.path Volume.claim": pod(
        ("pod", "spec.volumes.0", {"name": "volume-0", "persistentVolumeClaim": {"claimName": "prices"}}),
        ("base", "volumeMounts.0", {"mountPath": "/data", "name": "volume-0"}),
        volumes=[VOLUME],
    ),
    "Volume.name": pod(("base", "volumeMounts.0.name", "own"), volumes=[{**VOLUME, "name": "own"}]),
    "Volume.secret Volume.items Volume.mode": pod(
        (
            "pod",
            "spec.volumes.0.secret",
            {"secretName": "crm", "items": [{"key": "token", "path": "a/token"}], "defaultMode": 0o440},
        ),
        ("base", "volumeMounts.0.readOnly", True),
        volumes=[{"path": "/run/crm", "secret": "crm", "items": {"token": "a/token"}, "mode": 0o440}],
    ),
    "Volume.config_map": pod(
        ("rendered", "spec.volumes.0.configMap", {"name": "words"}),
        volumes=[{"path": "/etc/words", "config_map": "words"}],
    ),
    "Volume.sub_path": pod(("base", "volumeMounts.0.subPath", "a/b"), volumes=[{**VOLUME, "sub_path": "a/b"}]),
    "Volume.read_only": pod(
        ("base", "volumeMounts.0.readOnly", True),
        ("pod", "spec.volumes.0.persistentVolumeClaim.readOnly", True),
        volumes=[{**VOLUME, "read_only": True}],
    ),
    "Container.name Container.image": pod(
        ("pod", "spec.initContainers.0.image", "{warehouse}"), init_containers=[beside(image="warehouse")]
    ),
    "Container.command Container.arguments": pod(
        ("pod", "spec.initContainers.0.command", ["cp"]),
        ("pod", "spec.initContainers.0.args", ["$$(A)", "{{ 1 }}"]),
        init_containers=[beside(command=["cp"], arguments=["$(A)", "{{ 1 }}"])],
    ),
    "Container.env": pod(
        ("pod", "spec.initContainers.0.env", [{"name": "A", "value": "$$1"}]), init_containers=[beside(env={"A": "$1"})]
    ),
    "Container.env_from": pod(
        ("pod", "spec.initContainers.0.envFrom", [{"secretRef": {"name": "crm"}}]),
        init_containers=[beside(env_from=[{"secret": "crm"}])],
    ),
    "Container.mounts Mount.volume Mount.path Mount.sub_path Mount.read_only": pod(
        (
            "pod",
            "spec.initContainers.0.volumeMounts",
            [{"mountPath": "/in", "name": "own", "readOnly": True, "subPath": "a"}],
        ),
        volumes=[{**VOLUME, "name": "own"}],
        init_containers=[beside(mounts=[{"volume": "own", "path": "/in", "sub_path": "a", "read_only": True}])],
    ),
    "Container.resources": pod(
        ("pod", "spec.initContainers.0.resources.limits", {"cpu": "2", "memory": "2Gi"}),
        init_containers=[beside(resources={"limits": {"cpu": 2, "memory": "2Gi"}})],
    ),
    "Toleration.key Toleration.operator Toleration.value Toleration.effect": pod(
        ("pod", "spec.tolerations", [{"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}]),
        tolerations=[{"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}],
    ),
    "Toleration.seconds": pod(
        ("pod", "spec.tolerations.0.tolerationSeconds", 30),
        tolerations=[{"operator": "Exists", "effect": "NoExecute", "seconds": 30}],
    ),
    "Security.run_as_user Security.run_as_group Security.fs_group Security.supplemental_groups": pod(
        (
            "pod",
            "spec.securityContext",
            {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "runAsGroup": 1001,
                "fsGroup": 1002,
                "supplementalGroups": [1003],
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        ),
        security={"run_as_user": 1000, "run_as_group": 1001, "fs_group": 1002, "supplemental_groups": [1003]},
    ),
    "Security.read_only_root_filesystem": pod(
        ("base", "securityContext.readOnlyRootFilesystem", True), security={"read_only_root_filesystem": True}
    ),
    "Security.privileged Security.allow_privilege_escalation": pod(
        ("base", "securityContext.allowPrivilegeEscalation", False),
        ("base", "securityContext.privileged", None),
        security={"privileged": False, "allow_privilege_escalation": False},
    ),
    "Launch.config_file Launch.cluster_context": pod(
        ("task", "config_file", "/etc/other"),
        ("task", "cluster_context", "other"),
        ("task", "in_cluster", False),
        launch={"config_file": "/etc/other", "cluster_context": "other"},
    ),
    "Launch.kubernetes_conn_id": pod(
        ("task", "kubernetes_conn_id", "other"), ("task", "in_cluster", None), launch={"kubernetes_conn_id": "other"}
    ),
    "Logs.containers": pod(
        ("task", "container_logs", ["base", "beside"]), sidecars=[beside()], logs={"containers": ["beside"]}
    ),
    "Logs.init_containers": pod(
        ("task", "init_container_logs", ["beside"]), init_containers=[beside()], logs={"init_containers": ["beside"]}
    ),
    "Logs.interval": pod(("task", "logging_interval", 20), logs={"interval": "20s"}),
    "Logs.events_on_failure": pod(("task", "log_events_on_failure", False), logs={"events_on_failure": False}),
    "Logs.pod_spec_on_failure": pod(("task", "log_pod_spec_on_failure", False), logs={"pod_spec_on_failure": False}),
    "Logs.container_name_prefix": pod(
        ("task", "container_name_log_prefix_enabled", False), logs={"container_name_prefix": False}
    ),
}

#: What is no field of its own: kinds in which a field is written another way.
MORE: dict[str, Case] = {
    "a group of python tasks alone": dag(
        ("dag", "groups.day.children", ["first", "count"]),
        image="warehouse",
        groups={"day": {}},
        tasks={
            "first": {"kind": "python", "entry": "letters:count", "group": "day"},
            "count": {"kind": "python", "entry": "letters:count", "group": "day", "depends_on": ["first"]},
        },
    ),
    "mapped python": dag(
        ("task", "expand_input.value", [{}, {}]),
        ("rendered_task", "op_args.-1", '{"day": {"a": "\\u0024 {{ 1 }}"}}'),
        image="warehouse",
        tasks={
            "count": {
                "kind": "python",
                "entry": "letters:count",
                "arguments": {"day": "{{ item }}"},
                "expand": [1, {"a": "$ {{ 1 }}"}],
            }
        },
    ),
    "python over the result of another": dag(
        ("task", "expand_input.value.kind", "MapXComArg of first"),
        image="warehouse",
        tasks={
            "first": {"kind": "python", "entry": "letters:count"},
            "count": {"kind": "python", "entry": "letters:count", "expand": {"task": "first"}},
        },
    ),
    "a pod that others are expanded over": dag(
        ("task", "deferrable", False),
        tasks={
            "count": {"kind": "pod", "entry": "letters:count", "xcom": True},
            "each": {"kind": "pod", "arguments": ["{{ item }}"], "expand": {"task": "count"}},
        },
    ),
    "bash with code of its own": bash(
        ("rendered_task", "cwd", "/bundle/sources/dag_id.count"),
        ("task", "on_failure_callback", [CALLBACK]),
        source="other",
        on_failure_callback="letters:alert",
    ),
    "mapped bash": dag(
        ("rendered_task", "env", {"DAY": "b {{ 2 }}", "N": "[2]", "SCRIPT": "x.sh"}),
        image="warehouse",
        tasks={
            "first": {"kind": "bash", "script": "true"},
            "count": {
                "kind": "bash",
                "script": "echo $DAY\n",
                "arguments": {"DAY": "b {{ item.name }}", "N": [2], "SCRIPT": "x.sh"},
                "expand": {"task": "first"},
            },
        },
    ),
    "python with a full pod spec": python(
        ("pod", "spec.hostname", "here"),
        ("base", "image", "{warehouse}"),
        ("base", "name", "base"),
        ("pod", "spec.containers.1.name", "second"),
        full_pod_spec={
            "spec": {"hostname": "here", "containers": [{"name": "base"}, {"name": "second", "image": "warehouse"}]}
        },
    ),
    "python with a pod template": python(
        ("task", "executor_config.pod_template_file", "/bundle/pod_templates/warehouse.yaml"),
        pod_template="warehouse",
        labels={"team": "data"},
    ),
    "bash": bash(
        ("task", "task_type", "BashOperator"),
        ("task", "bash_command", "set -e\necho \"$DAY\" > 'x'"),
        ("task", "append_env", True),
        ("rendered_task", "env", {"DAY": "2026-01-01"}),
        ("base", "image", "{warehouse}"),
        script="set -e\necho \"$DAY\" > 'x'\n",
        arguments={"DAY": "{{ ds }}"},
    ),
}

FIELDS: dict[str, Case] = {**OF_DAG, **OF_SCHEDULE, **OF_TASK, **OF_DEFAULTS, **OF_POD}
