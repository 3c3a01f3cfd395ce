"""One stack's plan: the program run on a repository's files, and all that may be shown of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import sources
from infra.settings import PROJECT
from pipelines.dag_tree import PublishedTree
from pipelines.errors import InputError, Problem
from plan import chart, policies, resources, stack_settings
from plan import sources as planned_sources
from plan.model import FILE, ChartPlan, Finding, Plan
from plan.policy_checks import Judged
from plan.recording import Registration
from plan.run import run
from plan.stacks import stack_file
from plan.yaml_files import file_names, to_yaml

RELEASE = "kubernetes:helm.sh/v3:Release"


@dataclass(frozen=True)
class Written:
    """The plan, and the files of its folder by posix path."""

    plan: Plan
    files: Mapping[str, bytes]


def plan_stack(
    root: Path, stack: str, declared: stack_settings.Declared | None = None, at_hand: chart.AtHand | None = None
) -> Written:
    """Plan the repository at ``root``, which is the current folder of the process wherever images are read.

    Raises InputError with every problem of the stack's file, of images, of DAGs, or of the chart's values.
    """
    settings = stack_settings.load(root, stack, declared or {})
    found = sources.load(settings, root)
    done = run(settings, found, stack)
    open_tree = found.tree({found.catalog.images[type_].image: digest for type_, digest in done.digests.items()})
    # What the program computes of digests that nobody knows yet would look like a version that exists.
    replaced = {str(done.outputs["version"]): _open(open_tree.version)} if done.open_digests else {}
    inputs = {key: resources.shown(entry, replaced) for key, entry in done.registrations.items()}
    release = next((inputs[key] for key, entry in done.registrations.items() if entry.type == RELEASE), {})
    with ThreadPoolExecutor(1) as beside:
        rendering = beside.submit(_rendered, release, at_hand, stack)
        images = planned_sources.images(found, done.digests, root)
        dags = planned_sources.dags(found, done.digests)
        about, manifests = rendering.result()
    plan = Plan(
        project=PROJECT,
        stack=stack,
        chart=about,
        settings=stack_settings.flat(settings),
        images=images,
        dags=dags,
        hand_written=planned_sources.hand_written(found),
        resources={key: resources.resource(entry, inputs[key]) for key, entry in done.registrations.items()},
        rendered={name: resources.shortened(manifest) for name, manifest in manifests.items()},
    )
    plan = plan.model_copy(update={"findings": _judged(plan, inputs, manifests, open_tree, root)})
    files = {
        FILE: plan.to_json().encode(),
        "images.csv": _image_table(plan).encode(),
        "catalog.json": open_tree.files["images.json"],
        "values.yaml": to_yaml(release.get("values") or {}),
        **{f"dags/{path}": content for path, content in open_tree.files.items()},
        **{f"resources/{name}": to_yaml(_document(done.registrations[key], plan, key, inputs[key])) for key, name in
           file_names({key: (entry.type, entry.name) for key, entry in done.registrations.items()}).items()},
        **{f"chart/{name}": to_yaml(manifests[key]) for key, name in
           file_names({key: (key.partition("/")[0], key.partition("/")[2]) for key in manifests}).items()},
    }  # fmt: skip
    return Written(plan, dict(sorted(files.items())))


def _judged(
    plan: Plan,
    inputs: Mapping[str, Mapping[str, Any]],
    manifests: Mapping[str, Mapping[str, Any]],
    tree: PublishedTree,
    root: Path,
) -> tuple[Finding, ...]:
    return policies.judge(Judged(plan, inputs, manifests, tree.files, root))


def _open(version: str) -> str:
    return f"open-until-built-{version[:12]}"


def _rendered(
    release: Mapping[str, Any], at_hand: chart.AtHand | None, stack: str
) -> tuple[ChartPlan, dict[str, dict[str, Any]]]:
    about = chart.chart_plan(release, at_hand)
    try:
        return about, chart.rendered(release, at_hand) if at_hand else {}
    except chart.ChartError as error:
        fix = f"correct the settings, or the chart that {chart.VARIABLE} names"
        problem = Problem(stack_file(stack), "", str(error), "values that the chart takes", fix)
        raise InputError([problem]) from None


def _document(entry: Registration, plan: Plan, key: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    record = plan.resources[key].model_dump(mode="json", exclude={"inputs"})
    options = {name: value for name, value in record.items() if value or name in ("type", "name")}
    return {**options, "inputs": inputs}


def _image_table(plan: Plan) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("image", "types", "profile", "version", "reference", "digest", "base", "packages", "files"))
    for name, image in plan.images.items():
        stands_on = image.base or image.upstream or ""
        counts = (len(image.packages), len(image.files))
        about = (name, " ".join(image.dag_types), image.profile, image.version, image.reference, image.digest or "open")
        writer.writerow((*about, stands_on, *counts))
    return table.getvalue()
