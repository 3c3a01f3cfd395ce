"""``make up``: from nothing, or from whatever is there, to two DAGs run on the platform."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from lightkube import Client
from lightkube.resources.core_v1 import Namespace
from lightkube.types import PatchType

from infra import names, sources
from infra.mirrored_images import of_others
from infra.program import deploy
from infra.settings import Settings
from infra.sources import Sources
from local import engine, platform, pulumi_engine, registry_log_in, services, smoke, stack
from local.apply import Apply, Counts
from local.backups import Backups
from local.bucket import Bucket
from local.engine import Choice
from local.helm import Helm
from local.kubernetes_client import connect, namespace_annotations
from local.machine import STACK, Machine
from local.mirror import ensure_mirror
from local.progress import Progress
from local.services import bring_up
from local.waiting import wait
from pipelines.errors import InputError, problems_in

CHART_SECONDS = 5.0
HEALTHY_SECONDS = 300
# Serves to check the input while nothing has been decided.
UNDECIDED = Choice("direct", "stand-in", engine.STAND_IN)


@dataclass(frozen=True)
class Summary:
    """What an up did; ``report`` is None when the published version had passed before."""

    choice: Choice
    counts: Counts
    version: str
    passed: bool
    address: str
    admin: str
    namespace: str
    password_secret: str
    report: smoke.Report | None


def up(machine: Machine, environment: Mapping[str, str], progress: Progress, *, with_smoke: bool = True) -> Summary:
    """Bring everything up. Raises InputError before anything is changed, GaveUp with the reason when a part fails.

    One at a time, and none while the platform is taken down: two at once would each draw the passwords that the other
    has not stored yet.
    """
    with progress.step("check"):
        found = (
            *problems_in(lambda: engine.check(environment)),
            *problems_in(lambda: sources.load(stack.settings(machine, UNDECIDED))),
            *problems_in(lambda: platform.check(machine)),
        )
        if found:
            raise InputError(found)
    with platform.deploying(machine, progress):
        platform.start(machine, progress)
        return _deploy(machine, environment, progress, with_smoke=with_smoke)


def _deploy(machine: Machine, environment: Mapping[str, str], progress: Progress, *, with_smoke: bool) -> Summary:
    client = connect(machine)
    services.keep(machine)
    settings, choice = decide(client, machine, environment)
    registry_log_in.of_machine(machine, settings.registry.server).check()
    with progress.step("stand-in images"):
        ensure_mirror(machine, progress, of_others(settings))
    bring_up.apply(client, machine)
    with progress.step(f"apply with {choice}"):
        counts = _apply(client, machine, settings, choice, progress)
        Backups(client, settings, progress).start()
    api = smoke.airflow(client, settings)
    with progress.step("Airflow"):
        wait("Airflow", smoke.told(progress, "waiting", api.unhealthy), HEALTHY_SECONDS)
        bring_up.wait_ready(client, progress)
    version = Bucket(client, settings).published_version()
    passed = (namespace_annotations(client, settings.name) or {}).get(engine.PASSED_ANNOTATION) == version
    report = None
    if with_smoke and not passed:
        report = prove(client, machine, settings, sources.load(settings), progress, smoke.BRIEF)
    admin = settings.airflow.admin_user
    return Summary(
        choice,
        counts,
        version,
        passed or report is not None,
        api.address,
        admin,
        settings.name,
        names.ADMIN_SECRET,
        report,
    )


def decide(client: Client, machine: Machine, environment: Mapping[str, str]) -> tuple[Settings, Choice]:
    """Engine and chart, and the settings that go with them. Raises InputError when they cannot be had."""
    settings = stack.settings(machine, UNDECIDED)
    begun = pulumi_engine.PulumiEngine(machine, settings.name, Progress()).begun
    kept = engine.recorded(client, settings.name, begun)
    choice = engine.choose(environment, kept, pulumi_engine.available, lambda: answers(settings.chart.repository))
    # The choice holds the chart; the variable would override it again.
    os.environ.pop("AIRFLOW_CHART", None)
    return stack.settings(machine, choice), choice


def prove(
    client: Client, machine: Machine, settings: Settings, found: Sources, progress: Progress, dags: Sequence[str]
) -> smoke.Report:
    """Run the DAGs; where ``BRIEF`` is among them, record on the namespace that this version has passed.

    Raises InputError for a DAG that has no config.
    """
    chosen = smoke.chosen(dags, found)
    with progress.step("smoke"):
        report = smoke.run(client, machine, settings, found, progress, chosen)
    if not report.dags.issuperset(smoke.BRIEF):
        return report
    body = {"metadata": {"annotations": {engine.PASSED_ANNOTATION: report.version}}}
    client.patch(Namespace, settings.name, body, patch_type=PatchType.MERGE)
    return report


def _apply(client: Client, machine: Machine, settings: Settings, choice: Choice, progress: Progress) -> Counts:
    if choice.engine == "pulumi":
        pulumi = pulumi_engine.PulumiEngine(machine, settings.name, progress)
        helm = Helm(client, machine, progress.doing)
        if pulumi.unfinished:
            helm.forget(names.RELEASE, settings.name, "pending-" if pulumi.knows(pulumi_engine.RELEASE) else "")
        else:
            # Another has left it so: Pulumi's state knows nothing of it, and sees no work.
            helm.undo_interrupted(names.RELEASE, settings.name)
        # Pulumi makes the namespace itself, and remembers until then what it began with.
        counts = pulumi.up(choice, client)
        engine.record(client, settings.name, choice)
        return counts
    engine.record(client, settings.name, choice)
    return Apply(client, machine, settings.name, progress).run(lambda: deploy(settings, Path()), STACK, {})


def answers(repository: str) -> bool:
    """Whether a chart repository does."""
    try:
        return httpx.get(f"{repository}/index.yaml", timeout=CHART_SECONDS, follow_redirects=True).is_success
    except httpx.HTTPError:
        return False
