"""``local``: the one-machine platform."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from commands.failure import told
from commands.tables import show
from infra import sources
from local import engine, platform, smoke, stack
from local.bucket import Bucket
from local.kubernetes_client import connect, namespace_annotations
from local.machine import Machine
from local.progress import Progress
from local.pulumi_recovery import end_orphans
from local.up import Summary, decide, prove
from local.up import up as bring_up
from local.workloads import phase, pods
from pipelines.errors import InputError, Problem

app = typer.Typer(
    help="The one-machine platform: a real cluster, registry and builder on this machine. Needs root on Linux.",
    no_args_is_help=True,
    add_completion=False,
)
STAND_IN_CHART = "the chart is the stand-in of local/chart, not Airflow's own"


@app.command()
def up(
    smoke_test: Annotated[bool, typer.Option("--smoke/--no-smoke", help="Run two DAGs at the end.")] = True,
) -> None:
    """Bring everything up and run two DAGs: toolchain, cluster, registry, images, Airflow, publication, smoke test.

    Repeat it after every change: it does only what is missing. APPLY=pulumi|direct and CHART=official|stand-in (or
    AIRFLOW_CHART=<folder or archive>) choose the engine and the chart, at the first time only.
    """
    with told():
        began = time.monotonic()
        machine = Machine.here()
        summary = bring_up(machine, os.environ, Progress(), with_smoke=smoke_test)
        _summarise(summary, machine, time.monotonic() - began)


@app.command()
def down() -> None:
    """Stop the platform. Data, images and the toolchain stay; the next `up` goes on with them."""
    with told():
        machine = Machine.here()
        end_orphans(machine.state / "pulumi")
        platform.stop(machine, Progress())


@app.command()
def purge() -> None:
    """Stop the platform and remove all that it keeps outside the clone, data included."""
    with told():
        machine = Machine.here()
        end_orphans(machine.state / "pulumi")
        platform.purge(machine, Progress())


@app.command()
def status() -> None:
    """Show what runs: the platform's daemons, Airflow's pods, engine and chart, the published version, the UI."""
    with told():
        machine = Machine.here()
        daemons = platform.status(machine)
        rows = [
            (one.name, "runs" if one.running else "stopped", one.pid or "", one.address, f"{one.memory / 1e6:.0f} MB")
            for one in daemons
        ]
        show(("daemon", "state", "pid", "address", "memory"), rows)
        if all(one.running for one in daemons):
            _airflow_status(machine)
        else:
            typer.echo("the platform does not run: make up starts it")


@app.command("smoke")
def run_smoke(
    dags: Annotated[list[str] | None, typer.Argument(help="DAGs to run; all when none is named.")] = None,
) -> None:
    """Run DAGs through Airflow's REST API and prove what they did; what a DAG reads from runs before it.

    Each task's pod must have run the digest that the registry holds for its image, the results in the bucket must hold
    the numbers of an independent computation, and the logs must lie in the bucket.
    """
    with told():
        machine = Machine.here()
        if stopped := [one.name for one in platform.status(machine) if not one.running]:
            found = f"stopped: {', '.join(stopped)}"
            raise InputError([Problem("this machine", "platform", found, "all of its daemons running", "make up")])
        client = connect(machine)
        settings, choice = decide(client, machine, os.environ)
        _show_report(prove(client, machine, settings, sources.load(settings), Progress(), dags or ()))
        _say_stand_in(choice)


def _summarise(summary: Summary, machine: Machine, seconds: float) -> None:
    if summary.report:
        _show_report(summary.report)
    elif summary.passed:
        typer.echo(f"version {summary.version[:12]} has passed the smoke test before: make smoke repeats it")
    else:
        typer.echo(f"version {summary.version[:12]} is published; make smoke runs it")
    counts = summary.counts
    typer.echo(
        f"{counts.built} images built; objects: {counts.created} created, {counts.changed} changed, "
        f"{counts.deleted} deleted, {counts.unchanged} unchanged"
    )
    typer.echo(f"{seconds:.0f} s, by {summary.choice}")
    _say_stand_in(summary.choice)
    typer.echo(f"Airflow:  {summary.address}")
    typer.echo(f"user:     {summary.admin}")
    cluster = f"--kubeconfig {machine.kubeconfig} --cache-dir {machine.environment()['KUBECACHEDIR']}"
    kubectl = f"{machine.tool('kubectl')} {cluster} --namespace {summary.namespace}"
    show_password = f"get secret {summary.password_secret} --output jsonpath='{{.data.password}}' | base64 --decode"
    typer.echo(f"password: {kubectl} {show_password}")


def _show_report(report: smoke.Report) -> None:
    rows = [
        (row.dag, row.task, row.state, row.image, row.digest[:19], f"{row.seconds:.0f}", row.objects)
        for row in report.rows
    ]
    show(("DAG", "task", "state", "image", "digest", "seconds", "objects"), rows, f"version {report.version[:12]}")
    if report.unchecked:
        typer.echo(f"results not checked, for there is no local/results/<DAG>.py: {', '.join(report.unchecked)}")


def _airflow_status(machine: Machine) -> None:
    client = connect(machine)
    settings = stack.settings(machine, engine.Choice("direct", "stand-in", engine.STAND_IN))
    choice = engine.recorded(client, settings.name)
    if choice is None:
        typer.echo("Airflow is not deployed: make up deploys it")
        return
    found = [pod for name in (settings.name, settings.tasks_namespace) for pod in pods(client, name, {})]
    show(("namespace", "pod", "state"), [(one.metadata.namespace, one.metadata.name, phase(one)) for one in found])
    version = Bucket(client, settings).published_version()
    passed = (namespace_annotations(client, settings.name) or {}).get(engine.PASSED_ANNOTATION) == version
    typer.echo(f"applied by {choice}; version {version[:12]}, smoke test {'passed' if passed else 'not passed yet'}")
    _say_stand_in(choice)
    typer.echo(f"Airflow: {smoke.airflow(client, settings).address}")


def _say_stand_in(choice: engine.Choice) -> None:
    if choice.chart == "stand-in":
        typer.echo(STAND_IN_CHART)
