"""``images age``: when the images of others were built that ours stand on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from commands.failure import FAILED, told
from commands.stack_files import StackOption, settings_of
from commands.tables import show
from infra.stack_images import read_images
from local import registry_log_in
from local.machine import Machine
from local.progress import Progress
from pipelines.errors import InputError
from pipelines.images import in_use
from plan.base_age import OLDEST, Upstream, verdict
from plan.policies import BASE_AGE, read_waivers
from plan.stacks import stack_names
from registry.client import Registry
from registry.reference import Reference

#: Asks when the image behind a reference was built: None where nobody says.
Ask = Callable[[str], datetime | None]


def age(
    stack: StackOption = "dev",
    every: Annotated[bool, typer.Option("--every-stack", help="Each stack that has a file.")] = False,
) -> None:
    """Ask registries how old the images of others are that a stack's images stand on.

    fix       older than 90 days, and its tag names a newer one:
              fails; images pin --stack <stack> takes that
    wait      as old, but nobody has built a newer one
    fresh     younger
    waived    waivers.yaml names it: policy base-age, where the image
    not told  built reproducibly, with a fixed date

    What it says changes with the day, so it is no part of a plan.

        python -m commands images age --stack prod
    """
    with told():
        names = stack_names(Path()) if every else [stack]
        used, absent = _used(names)
        if absent and not every:
            raise absent[0]
        for error in absent:
            typer.echo(f"not asked: {error}", err=True)
        machine, now, waivers = Machine.here(), datetime.now(UTC), read_waivers(Path())
        with Progress().step(f"ask about {len({reference for _, reference in used})} images"):
            found = upstreams(used, lambda reference: _ask(machine, reference))
        judged = [(one, verdict(one, now, waivers)) for one in found]
        show(
            ("verdict", "stack", "image", "built", "days", "its tag now"),
            [_row(one, now, said) for one, said in judged],
        )
        if failing := [one for one, said in judged if said == "fix"]:
            for one in failing:
                typer.echo(f"{BASE_AGE.id}: {one.reference}: over {OLDEST.days} days; fix: {BASE_AGE.fix}", err=True)
            raise typer.Exit(FAILED)


def upstreams(used: list[tuple[str, str]], ask: Ask) -> list[Upstream]:
    """Of stacks and references, each reference asked once. Raises RegistryError."""
    wanted = {reference for _, used_there in used for reference in (used_there, used_there.partition("@")[0])}
    built = {reference: ask(reference) for reference in sorted(wanted)}
    return [
        Upstream(stack, reference, built[reference], built[reference.partition("@")[0]]) for stack, reference in used
    ]


def _used(names: list[str]) -> tuple[list[tuple[str, str]], list[InputError]]:
    """Stack and image of others; and why a stack has none to tell."""
    found: set[tuple[str, str]] = set()
    absent = []
    for name in names:
        try:
            images = in_use(read_images(settings_of(name), stage=False))
        except InputError as error:
            absent.append(error)
            continue
        found |= {(name, image.upstream) for image in images if image.upstream}
    return sorted(found), absent


def _row(one: Upstream, now: datetime, said: str) -> tuple[str, ...]:
    days = one.days(now)
    newer = one.newest if one.newest != one.built else None
    return (said, one.stack, one.reference, _day(one.built), "" if days is None else str(days), _day(newer))


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else ""


def _ask(machine: Machine, reference: str) -> datetime | None:
    server = Reference.parse(reference).server
    with Registry(server, registry_log_in.of_machine(machine, server).credentials()) as registry:
        return registry.created(reference)
