"""``doctor``: what is wrong with a deployed stack, and the way out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import httpx2
import typer
from lightkube import ApiError, Client, KubeConfig
from lightkube.core.exceptions import ConfigError

from commands import image_locks
from commands.failure import FAILED, told
from commands.stack_files import StackOption, settings_of
from commands.tables import show
from diagnosis import cluster
from diagnosis.records import Answer, Fault, Observed, Pod, PublishedImage, PullSecret
from diagnosis.rules import diagnose
from infra import names, sources
from infra.settings import Settings
from local import engine, kubernetes_client, registry_log_in, stack
from local.machine import KUBE_CONTEXT, Machine
from local.progress import Progress
from pipelines.errors import InputError, Problem, problems_in
from pipelines.image_lock import LOCK
from pipelines.images import IMAGES
from registry.client import Credentials, Registry
from registry.errors import RegistryError, RegistryRefusedError

app = typer.Typer(add_completion=False)
#: A server's answer in seconds; a cluster that takes longer is as good as away.
TIMEOUT = httpx2.Timeout(10)
#: What the cluster refuses to whoever may not read.
FORBIDDEN = frozenset({401, 403})


@app.command()
def doctor(
    stack_name: StackOption = "dev",
    minutes: Annotated[int, typer.Option("--minutes", help="How far back failures that are over count.")] = 60,
) -> None:
    """Look for what is wrong with a stack and name the cause: images, locks, log-ins, pods.

    It reads the checkout, the stack's registry, and the two namespaces in the cluster of the stack's kube context; it
    changes nothing. One row for each finding; the exit code is 1 when there is one.
    """
    with told():
        machine, progress = Machine.here(), Progress()
        settings = _settings(machine, stack_name)
        with progress.step("checkout"):
            faults = [*checkout(settings)]
        with progress.step("cluster and registry"):
            observed = observe(machine, settings, faults, cluster.minutes_ago(minutes))
        if not (findings := diagnose(observed)):
            typer.echo(f"nothing found: {settings.name}, {settings.tasks_namespace}, {settings.registry.server}")
            return
        rows = [(one.finding, one.where, one.cause, one.fix) for one in findings]
        show(("finding", "where", "cause", "fix"), rows)
        raise typer.Exit(FAILED)


def checkout(settings: Settings) -> Iterator[Fault]:
    """What the checkout would be refused for; where a lock does not fit its pins, whether these fit together at all."""
    for problem in problems_in(lambda: sources.load(settings)):
        conflict = _conflict(problem) if LOCK in problem.file else None
        where = f"{problem.file}: {problem.key}" if problem.key else problem.file
        yield conflict or Fault("input", where, f"found {problem.found}; expected {problem.expected}; {problem.fix}")


def _conflict(problem: Problem) -> Fault | None:
    name = str(Path(problem.file.partition(LOCK)[0]).relative_to(IMAGES.name))
    with TemporaryDirectory() as folder:
        # Resolving writes the lock: into a copy.
        copy = Path(shutil.copytree(IMAGES, Path(folder) / IMAGES.name))
        for refused in problems_in(lambda: image_locks.lock(copy, [name])):
            if refused.key == "project.dependencies":
                return Fault("conflict", f"{IMAGES}/{name}/pyproject.toml", refused.found)
    return None


def observe(machine: Machine, settings: Settings, faults: list[Fault], since: datetime) -> Observed:
    """Read cluster and registry; what cannot be read is a fault beside the others."""
    namespaces = (settings.name, settings.tasks_namespace)
    pods: list[Pod] = []
    secrets: list[PullSecret] = []
    references: dict[str, str] = {}
    context = settings.kubernetes.context
    try:
        client = connect(machine, context)
        faults += (absent := [*cluster.missing_namespaces(client, namespaces)])
        if not absent:
            pods = [pod for name in namespaces for pod in cluster.troubled_pods(client, name, since)]
            wanted = {(name, names.REGISTRY_SECRET) for name in namespaces} | cluster.pull_secrets_of(pods)
            secrets = [cluster.pull_secret(client, *one, _answer_to_log_in) for one in sorted(wanted)]
            references = cluster.published_references(client, settings.name)
    except InputError as error:
        faults += [Fault("context", one.file, f"found {one.found}; expected {one.expected}") for one in error.problems]
    except httpx2.TransportError as error:
        faults.append(Fault("cluster", f"cluster {context}", str(error) or type(error).__name__))
    except ApiError as error:
        kind = "forbidden" if error.status.code in FORBIDDEN else "cluster"
        faults.append(Fault(kind, f"cluster {context}", f"{error.request.url.path}: {error}"))
    images = published(machine, settings.registry.server, references, faults)
    return Observed(settings.registry.server, namespaces, tuple(faults), tuple(pods), tuple(secrets), images)


def connect(machine: Machine, context: str) -> Client:
    """A client for the stack's context: this machine's own, or the first file of ``KUBECONFIG`` that holds it.

    Raises InputError when there is none.
    """
    if context == KUBE_CONTEXT:
        return kubernetes_client.connect(machine)
    listed = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    for path in filter(None, listed.split(os.pathsep)):
        try:
            config = KubeConfig.from_file(path).get(context)
        except (ConfigError, KeyError, TypeError, AttributeError):
            continue
        return Client(config, timeout=TIMEOUT)
    expected, fix = f"the context {context}", "point KUBECONFIG at the stack's cluster"
    raise InputError([Problem(listed, "contexts", "no such context", expected, fix)])


def published(
    machine: Machine, server: str, references: Mapping[str, str], faults: list[Fault]
) -> tuple[PublishedImage, ...]:
    """Whether the registry holds each published image; a log-in that cannot be read is a fault."""
    try:
        credentials = registry_log_in.of_machine(machine, server).credentials()
    except InputError as error:
        faults += [Fault("input", one.file, f"found {one.found}; {one.fix}") for one in error.problems]
        return ()
    with Registry(server, credentials) as registry:
        return tuple(
            PublishedImage(name, reference, _answer(lambda reference=reference: registry.exists(reference)))  # type: ignore[misc]
            for name, reference in references.items()
            if reference.startswith(f"{server}/")
        )


def _answer_to_log_in(server: str, entry: Mapping[str, str]) -> Answer:
    with Registry(server, Credentials(entry["username"], entry["password"])) as registry:

        def accepts() -> bool:
            registry.check()
            return True

        return _answer(accepts)


def _answer(ask: Callable[[], bool]) -> Answer:
    try:
        return "yes" if ask() else "no"
    except RegistryRefusedError:
        return "refused"
    except RegistryError:
        return "unreachable"


def _settings(machine: Machine, stack_name: str) -> Settings:
    settings = settings_of(stack_name)
    if settings.kubernetes.context != KUBE_CONTEXT:
        return settings
    # What only this machine knows: another namespace, moved ports.
    return stack.settings(machine, engine.Choice("direct", "stand-in", engine.STAND_IN))
