"""Plans made by hand: a small one, and parts to change in it."""

from __future__ import annotations

from typing import Any

from plan.model import ChartPlan, DagPlan, Finding, ImagePlan, Plan, ResourcePlan, TaskPlan


def image(name: str, key: str = "a", **keys: Any) -> ImagePlan:
    known: dict[str, Any] = {
        "reference": f"registry.test/acme/{name}:1.0.0-{key}",
        "key": key,
        "version": "1.0.0",
        "profile": "task",
        "base": None,
        "upstream": "python:3.13-slim-trixie",
        "platforms": ("linux/amd64",),
        "build_arguments": {},
        "declared": {},
        "dag_types": (name,),
        "digest": None,
        "files": {},
        "packages": {},
    }
    return ImagePlan(**{**known, **keys})


def task(reference: str, sha256: str = "0") -> TaskPlan:
    return TaskPlan(kind="pod", type="etl", image=reference, sha256=sha256)


def dag(tasks: dict[str, TaskPlan], **keys: Any) -> DagPlan:
    known: dict[str, Any] = {"file": "dags/d.yaml", "schedule": "@daily", "sha256": "0", "source_sha256": "0"}
    return DagPlan(**{**known, "tasks": tasks, **keys})


def resource(type_: str, name: str, inputs: dict[str, Any], **keys: Any) -> ResourcePlan:
    known: dict[str, Any] = {
        "custom": True, "parent": None, "provider": None, "protect": False, "retain_on_delete": False,
        "dependencies": (),
    }  # fmt: skip
    return ResourcePlan(type=type_, name=name, inputs=inputs, **{**known, **keys})


def plan(*resources: ResourcePlan, findings: tuple[Finding, ...] = (), **keys: Any) -> Plan:
    known: dict[str, Any] = {
        "project": "de-airflow-pipeline",
        "stack": "dev",
        "chart": ChartPlan(source="airflow 1.22.0", at_hand=False),
        "settings": {},
        "images": {},
        "dags": {},
        "hand_written": {},
        "rendered": {},
    }
    entries = {f"{one.type}::{one.name}": one for one in resources}
    return Plan(**{**known, "resources": entries, "findings": findings, **keys})
