"""``images test``: every image is built, looked through and tried as a restricted pod would run it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import typer

from commands.failure import FAILED, told
from commands.image_builds import CacheOption, TypesArgument, Workshop, workshop
from commands.stack_files import StackOption
from commands.tables import show
from local import image_run
from local.progress import Progress
from pipelines.build_plan import with_bases
from pipelines.image_trials import Check, Seen, checks, shown, smoke_check
from pipelines.images import Image


def try_images(types: TypesArgument = None, stack: StackOption = "dev", cache: CacheOption = False) -> None:
    """Build images and hold each to what a pod will ask of it.

    user        a number, not root, the base's
    entrypoint  the base's, where Airflow or the task runner needs it
    no secrets  known forms of keys and the log-ins of this machine, in
                layers that a Dockerfile here made, history, variables
    packages    installed is what the upstream image ships and the locks
                of the image and its bases, nothing less, more or other;
                Debian packages are the declared ones
    smoke       the command that pyproject.toml names, as the image's user,
                on a read-only root file system, without capabilities,
                and without a network unless smoke-network = true

        python -m commands images test                 all
        python -m commands images test cost-of-living  one and its bases

    On the one-machine platform containerd and runc run it, elsewhere Docker. Exit code 1 when anything fails.
    """
    with told():
        place = workshop(stack, Progress(), cache)
        names = types or [image.name for image in place.images]
        rows, failed = [], list[tuple[str, Check]]()
        known = known_secrets(place)
        for image in with_bases(place.images, names):
            for check in [*_checks(place, image, known), *_smoke(place, image)]:
                rows.append((image.name, check.name, "passed" if check.passed else "FAILED", check.detail))
                failed += [] if check.passed else [(image.name, check)]
        show(("type", "check", "result", "seen"), rows)
        for name, check in failed:
            typer.echo("\n".join([f"{name}: {check.name}", *(f"    {line}" for line in _lines(check))]), err=True)
        if failed:
            raise typer.Exit(FAILED)


def known_secrets(place: Workshop) -> Mapping[str, bytes]:
    """The log-ins of this machine that a build could have taken in: what -> value."""
    found: dict[str, bytes] = {}
    credentials = place.machine.registry_credentials
    if credentials.is_file():
        password = str(json.loads(credentials.read_text()).get("password", ""))
        found["the registry's password"] = password.encode()
    configuration = place.machine.docker_config / "config.json"
    if configuration.is_file():
        for server, entry in json.loads(configuration.read_text()).get("auths", {}).items():
            if token := entry.get("auth"):
                found[f"the log-in to {server}"] = token.encode()
                found[f"the password of {server}"] = base64.b64decode(token).partition(b":")[2]
    return found


def _checks(place: Workshop, image: Image, known: Mapping[str, bytes]) -> tuple[Check, ...]:
    built, upstream = place.build(image.name), place.upstream(image.name)
    below = place.build(image.base) if image.base else upstream
    with place.progress.step(f"look through {image.name}"):
        own = place.contents(place.own_layers(image.name), known)
        history = [str(step.get("created_by", "")) for step in built.configuration.get("history", ())]
        environment = [f"ENV {variable}" for variable in built.run.get("Env") or ()]
        seen = Seen(
            built.run,
            below.run,
            [*history, *environment],
            place.installed(built),
            place.installed(upstream),
            [finding for layer in own for finding in layer.findings],
        )
        return checks(image, seen, known)


def _smoke(place: Workshop, image: Image) -> list[Check]:
    if image.smoke is None:
        return []
    trial = image_run.Trial(image.name, image.smoke, image.smoke_network)
    with place.progress.step(f"try {image.name}"):
        engine = image_run.choose(place.machine)
        outcome = image_run.run(engine, place.machine, place.layout, place.build(image.name), trial)
    return [smoke_check(image, outcome.exit_code, outcome.output)]


def _lines(check: Check) -> list[str]:
    return [*check.problems] if check.name == "smoke" else shown(check.problems)
