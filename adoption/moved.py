"""Where Airflow 3 has what earlier versions had elsewhere: one table, tried name by name in a real Airflow by a test.

Source: https://airflow.apache.org/docs/apache-airflow/3.2.2/installation/upgrading_to_airflow3.html, and change logs of
the providers named in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

SDK = "airflow.sdk"
STANDARD = "airflow.providers.standard"
KUBERNETES = "airflow.providers.cncf.kubernetes"
OPERATOR = f"{KUBERNETES}.operators.pod.KubernetesPodOperator"
SECRET = f"{KUBERNETES}.secret.Secret"
K8S = "kubernetes.client.models"

#: Module of today -> modules of before -> names; ``Old=New`` where the name changed too.
_TABLE: Mapping[str, Mapping[str, str]] = {
    SDK: {
        "airflow": "Dataset=Asset",
        "airflow.models": "DAG BaseOperator Connection Param Variable",
        "airflow.models.dag": "DAG",
        "airflow.models.baseoperator": "BaseOperator chain cross_downstream",
        "airflow.models.connection": "Connection",
        "airflow.models.param": "Param",
        "airflow.models.variable": "Variable",
        "airflow.models.xcom_arg": "XComArg",
        "airflow.datasets": "Dataset=Asset",
        "airflow.decorators": "dag setup task task_group teardown",
        "airflow.hooks.base": "BaseHook",
        "airflow.hooks.base_hook": "BaseHook",
        "airflow.operators.python": "get_current_context",
        "airflow.sensors.base": "BaseSensorOperator",
        "airflow.sensors.base_sensor_operator": "BaseSensorOperator",
        "airflow.utils.edgemodifier": "Label",
        "airflow.utils.helpers": "chain cross_downstream",
        "airflow.utils.task_group": "TaskGroup",
        "airflow.utils.trigger_rule": "TriggerRule",
    },
    f"{SDK}.exceptions": {"airflow.exceptions": "AirflowFailException AirflowSkipException"},
    f"{SDK}.timezone": {"airflow.utils.timezone": "datetime utcnow"},
    f"{STANDARD}.operators.bash": {
        "airflow.operators.bash": "BashOperator",
        "airflow.operators.bash_operator": "BashOperator",
    },
    f"{STANDARD}.operators.branch": {
        "airflow.operators.branch": "BaseBranchOperator",
        "airflow.operators.branch_operator": "BaseBranchOperator",
    },
    f"{STANDARD}.operators.datetime": {"airflow.operators.datetime": "BranchDateTimeOperator"},
    f"{STANDARD}.operators.empty": {
        "airflow.operators.dummy": "DummyOperator=EmptyOperator",
        "airflow.operators.dummy_operator": "DummyOperator=EmptyOperator",
        "airflow.operators.empty": "EmptyOperator",
    },
    f"{STANDARD}.operators.latest_only": {
        "airflow.operators.latest_only": "LatestOnlyOperator",
        "airflow.operators.latest_only_operator": "LatestOnlyOperator",
    },
    f"{STANDARD}.operators.python": {
        "airflow.operators.python": "BranchPythonOperator PythonOperator PythonVirtualenvOperator ShortCircuitOperator",
        "airflow.operators.python_operator": (
            "BranchPythonOperator PythonOperator PythonVirtualenvOperator ShortCircuitOperator"
        ),
    },
    f"{STANDARD}.operators.trigger_dagrun": {
        "airflow.operators.dagrun_operator": "TriggerDagRunOperator",
        "airflow.operators.trigger_dagrun": "TriggerDagRunOperator",
    },
    f"{STANDARD}.operators.weekday": {"airflow.operators.weekday": "BranchDayOfWeekOperator"},
    f"{STANDARD}.sensors.bash": {
        "airflow.contrib.sensors.bash_sensor": "BashSensor",
        "airflow.sensors.bash": "BashSensor",
    },
    f"{STANDARD}.sensors.date_time": {
        "airflow.sensors.date_time": "DateTimeSensor",
        "airflow.sensors.date_time_sensor": "DateTimeSensor",
    },
    f"{STANDARD}.sensors.external_task": {
        "airflow.sensors.external_task": "ExternalTaskMarker ExternalTaskSensor",
        "airflow.sensors.external_task_sensor": "ExternalTaskMarker ExternalTaskSensor",
    },
    f"{STANDARD}.sensors.filesystem": {
        "airflow.contrib.sensors.file_sensor": "FileSensor",
        "airflow.sensors.filesystem": "FileSensor",
    },
    f"{STANDARD}.sensors.python": {
        "airflow.contrib.sensors.python_sensor": "PythonSensor",
        "airflow.sensors.python": "PythonSensor",
    },
    f"{STANDARD}.sensors.time": {"airflow.sensors.time_sensor": "TimeSensor"},
    f"{STANDARD}.sensors.time_delta": {
        "airflow.sensors.time_delta": "TimeDeltaSensor",
        "airflow.sensors.time_delta_sensor": "TimeDeltaSensor",
    },
    f"{STANDARD}.sensors.weekday": {
        "airflow.contrib.sensors.weekday_sensor": "DayOfWeekSensor",
        "airflow.sensors.weekday": "DayOfWeekSensor",
    },
    f"{STANDARD}.utils.weekday": {"airflow.utils.weekday": "WeekDay"},
    f"{KUBERNETES}.operators.pod": {
        "airflow.contrib.operators.kubernetes_pod_operator": "KubernetesPodOperator",
        f"{KUBERNETES}.operators.kubernetes_pod": "KubernetesPodOperator",
        # An operator of Elyra 2's own, written out by adoption.elyra.
        "airflow_notebook.pipeline": "NotebookOp=KubernetesPodOperator",
    },
    f"{KUBERNETES}.secret": {"airflow.contrib.kubernetes.secret": "Secret", "airflow.kubernetes.secret": "Secret"},
    f"{KUBERNETES}.pod_generator": {"airflow.kubernetes.pod_generator": "PodGenerator"},
}
#: What is no more, and what stands in its place; adoption.models and adoption.dates write the calls anew.
GONE: Mapping[str, str] = {
    "airflow.contrib.kubernetes.pod.Port": f"{K8S}.V1ContainerPort",
    "airflow.contrib.kubernetes.pod_runtime_info_env.PodRuntimeInfoEnv": f"{K8S}.V1EnvVar",
    "airflow.contrib.kubernetes.volume.Volume": f"{K8S}.V1Volume",
    "airflow.contrib.kubernetes.volume_mount.VolumeMount": f"{K8S}.V1VolumeMount",
    "airflow.kubernetes.pod.Port": f"{K8S}.V1ContainerPort",
    "airflow.kubernetes.pod.Resources": f"{K8S}.V1ResourceRequirements",
    "airflow.kubernetes.pod_runtime_info_env.PodRuntimeInfoEnv": f"{K8S}.V1EnvVar",
    "airflow.kubernetes.volume.Volume": f"{K8S}.V1Volume",
    "airflow.kubernetes.volume_mount.VolumeMount": f"{K8S}.V1VolumeMount",
    "airflow.utils.dates.days_ago": "pendulum.today",
}
#: Modules of which nothing else is left, so that any name of them fails on import.
_REMOVED = (
    *("airflow.contrib.", "airflow.kubernetes.", "airflow.operators.", "airflow.sensors.", "airflow.hooks."),
    *("airflow.utils.dates", "airflow.utils.task_group", "airflow.utils.timezone", "airflow.utils.weekday"),
    *("airflow.datasets", "airflow.models.baseoperator", "airflow.models.param", "airflow_notebook"),
)


def _rows() -> Iterator[tuple[str, str]]:
    for module, befores in _TABLE.items():
        for before, names in befores.items():
            for name in names.split():
                old, _, new = name.partition("=")
                yield f"{before}.{old}", f"{module}.{new or old}"


#: Full name of before -> full name of today.
MOVED: Mapping[str, str] = dict(_rows())


def now(full: str) -> str:
    """A full name as today's Airflow has it; attributes of a moved name move with it. Others stay as they are."""
    head, rest = full, ""
    while head:
        if head in MOVED:
            return MOVED[head] + rest
        head, dot, last = head.rpartition(".")
        rest = f"{dot}{last}{rest}"
    return full


def removed(full: str) -> bool:
    """Whether nothing of this name is in Airflow 3, nor anything that the tables put in its place."""
    return full not in MOVED and full not in GONE and f"{full}.".startswith(_REMOVED)
