"""The rules for ``DAG(...)``, ``@dag(...)``, operators of any kind and default arguments: tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import libcst as cst

from adoption.arguments import Item, Items
from adoption.draft import Draft
from adoption.elyra import stable_id
from adoption.pod_rules import is_namespace_setting
from adoption.records import Edit
from pipelines.python_source import literal

Rule = Callable[[Draft, Items, Item], None]
#: A key such as "volume_mounts", of models and not of manifests.
SNAKE = re.compile(r"""["'][a-z]+_[a-z_]+["']\s*:\s*[\[{]""")
DAGS = ("airflow.DAG", "airflow.sdk.DAG", "airflow.sdk.dag", "airflow.models.DAG")


def _renamed(name: str, why: str = "") -> Rule:
    def rule(draft: Draft, items: Items, item: Item) -> None:
        told = why or f"Airflow 3 calls it {name}"
        draft.change(item.node, f"{name}={draft.source.shown(item.value)}", told, [items.renamed(item, name)])

    return rule


def _removed(why: str) -> Rule:
    def rule(draft: Draft, items: Items, item: Item) -> None:
        if isinstance(item.value, cst.Call | cst.Await | cst.NamedExpr):
            draft.leave(item.node, why)
        else:
            draft.remove(items, [item], why)

    return rule


def _value(table: Mapping[str, str], why: str) -> Rule:
    def rule(draft: Draft, items: Items, item: Item) -> None:
        found = draft.source.value(item.value)
        if isinstance(found, str) and found in table:
            becomes = literal(table[found])
            draft.change(item.node, becomes, why, [items.revalued(item, becomes)])

    return rule


def _dag_id(draft: Draft, items: Items, item: Item) -> None:
    found = draft.source.value(draft.source.resolved(item.value))
    stable = stable_id(found) if isinstance(found, str) else None
    if stable:
        why = "Elyra puts the time of the submission into it: every submission would be another DAG, with no history"
        draft.change(item.node, literal(stable), why, [items.revalued(item, literal(stable))])


def _email(draft: Draft, items: Items, item: Item) -> None:
    flags = [items.get(name) for name in ("email_on_failure", "email_on_retry")]
    why = "mail is sent by a notifier in Airflow 3 (on_failure_callback=SmtpNotifier(...))"
    if all(flag and draft.source.value(flag.value) is False for flag in flags):
        draft.remove(items, [item, *(flag for flag in flags if flag)], f"{why}; none was sent here")
    else:
        draft.leave(item.node, why)


def _executor_config(draft: Draft, items: Items, item: Item) -> None:
    config = draft.source.resolved(item.value)
    parts = Items(draft.source, config) if isinstance(config, cst.Dict) else None
    legacy, override = (parts.get(name) if parts else None for name in ("KubernetesExecutor", "pod_override"))
    if legacy and draft.source.value(legacy.value) != {}:
        draft.leave(legacy.node, 'Airflow 3 takes {"pod_override": k8s.V1Pod(...)}')
    value = draft.source.resolved(override.value) if override else None
    if override and isinstance(value, cst.Dict):
        if SNAKE.search(draft.source.text_of(value)):
            draft.leave(override.node, "keys that are no manifest's: Airflow 3 takes a k8s.V1Pod")
            return
        text = f"{draft.pod_generator()}.deserialize_model_dict({draft.source.text_of(override.value)})"
        why = "Airflow 3 takes a V1Pod, and no dictionary"
        draft.change(override.node, text, why, [parts.revalued(override, text)] if parts else [])


OF_A_DAG: Mapping[str, Rule] = {
    "dag_id": _dag_id,
    "schedule_interval": _renamed("schedule"),
    "timetable": _renamed("schedule"),
    "concurrency": _renamed("max_active_tasks"),
    "fail_stop": _renamed("fail_fast"),
    "default_view": _removed("Airflow 3's interface has no such setting"),
    "orientation": _removed("Airflow 3's interface has no such setting"),
    "full_filepath": _removed("Airflow 3 knows where a file is"),
    "sla_miss_callback": _removed("Airflow 3 has no SLAs, but deadline alerts"),
}
OF_AN_OPERATOR: Mapping[str, Rule] = {
    "provide_context": _removed("Airflow passes the context that a function asks for"),
    "sla": _removed("Airflow 3 has no SLAs, but deadline alerts"),
    "task_concurrency": _renamed("max_active_tis_per_dag"),
    "trigger_rule": _value(
        {"none_failed_or_skipped": "none_failed_min_one_success", "dummy": "always"}, "Airflow 3 calls it otherwise"
    ),
    "email": _email,
    "execution_date": _renamed("logical_date"),
    "executor_config": _executor_config,
}


def apply(draft: Draft) -> None:
    """All rules to all calls of the file that they are for."""
    for call in draft.source.all(cst.Call):
        called = draft.source.called(call)
        if called in DAGS:
            _of_a_dag(draft, call)
        elif called.startswith("airflow.") and called.removesuffix(".partial").endswith(("Operator", "Sensor")):
            _each(draft, Items(draft.source, call), OF_AN_OPERATOR)
        elif is_namespace_setting(draft, call):
            becomes = f"{draft.catalog('namespace')}()"
            draft.replace(call)
            why = "Airflow 3 has no such setting; the catalog knows the tasks' namespace"
            draft.change(call, becomes, why, [Edit(*draft.source.span(call), becomes)])


def default_arguments(draft: Draft) -> list[Items]:
    """The default arguments of the file's DAGs, each dictionary once, as far as they are written out."""
    found: dict[int, Items] = {}
    for call in draft.source.all(cst.Call):
        given = Items(draft.source, call).get("default_args") if draft.source.called(call) in DAGS else None
        value = draft.source.resolved(given.value) if given else None
        if isinstance(value, cst.Dict) or (isinstance(value, cst.Call) and draft.source.text_of(value.func) == "dict"):
            found[id(value)] = Items(draft.source, value)
    return list(found.values())


def _of_a_dag(draft: Draft, call: cst.Call) -> None:
    items = Items(draft.source, call)
    first = items.all[0] if items.all else None
    if first and not first.name and isinstance(first.node, cst.Arg) and not first.node.star:
        _dag_id(draft, items, first)
    _each(draft, items, OF_A_DAG)


def _each(draft: Draft, items: Items, rules: Mapping[str, Rule]) -> None:
    for item in items.all:
        if item.name in rules:
            rules[item.name](draft, items, item)


def apply_defaults(draft: Draft, items: Items) -> None:
    _each(draft, items, OF_AN_OPERATOR)
