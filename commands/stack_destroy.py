"""``stacks destroy``: takes a stack away but for what it protects, says what that is, and asks before."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Annotated, Any

import typer

from commands.failure import told
from commands.stack_clusters import is_this_machine_s
from commands.stack_files import settings_of
from commands.tables import show
from local.destruction import Deployment, Resource, of_this_machine, resources_of
from local.machine import STACK, Machine
from local.progress import Progress
from pipelines.errors import InputError, Problem

#: Resource types that hold data, whether or not they are protected.
DATA = {
    "kubernetes:core/v1:Namespace": "its volumes, Secrets and all that is in it",
    "kubernetes:apps/v1:StatefulSet": "the server; its volume goes with the namespace",
    "aws:s3/bucket:Bucket": "DAG versions, logs, results, back-ups",
}


def destroy(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack to destroy.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Destroy a stack. What it protects stays, in the cluster, in the cloud and in the stack's state.

    To take that away as well: protect: false in the stack file, pulumi up, then this again.
    What make up has deployed goes by the engine that it recorded.
    """
    with told():
        here = _here(stack)
        resources = here.resources() if here else resources_of(_state(stack).get("deployment", {}))
        if not resources:
            typer.echo(f"the stack {stack} holds nothing")
            return
        for line in summary(resources):
            typer.echo(line)
        kept = [(one.type, one.name) for one in resources if one.protected]
        if kept:
            show(("type", "kept"), kept)
        _ask(stack, yes=yes)
        if here:
            here.destroy(but_protected=bool(kept))
        else:
            _destroy(stack, but_protected=bool(kept))
        if kept:
            typer.echo("kept, and still in the stack: " + ", ".join(name for _, name in kept))


def _here(stack: str) -> Deployment | None:
    """What ``make up`` has deployed, where the stack is this machine's own."""
    if stack != STACK or not is_this_machine_s(stack, settings := settings_of(stack)):
        return None
    return of_this_machine(Machine.here(), settings, Progress())


def _destroy(stack: str, *, but_protected: bool) -> None:
    command = ["pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview"]
    done = subprocess.run([*command, *(["--exclude-protected"] if but_protected else [])], check=False)
    if done.returncode:
        raise typer.Exit(done.returncode)


def summary(resources: list[Resource]) -> list[str]:
    """What goes and what stays, in a line each."""
    kept = sum(one.protected for one in resources)
    retained = sum(one.retained and not one.protected for one in resources)
    lost = [one for one in resources if one.type in DATA and not (one.protected or one.retained)]
    lines = [f"{len(resources) - kept - retained} resources go, {kept} are protected and stay"]
    if retained:
        lines.append(f"{retained} images leave the stack and stay in the registry: runs elsewhere may pull them")
    lines += [f"data that goes: {one.name}: {DATA[one.type]}" for one in lost]
    return lines


def _ask(stack: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        problem = Problem("standard input", "", "no terminal", "the stack's name, typed", "give --yes")
        raise InputError([problem])
    if typer.prompt(f"type {stack} to destroy it", default="", show_default=False) != stack:
        problem = Problem("standard input", "", "another name", stack, "type the stack's name, or leave it")
        raise InputError([problem])


def _state(stack: str) -> dict[str, Any]:
    try:
        command = ["pulumi", "stack", "export", "--stack", stack, "--non-interactive"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise InputError([Problem("environment", "PATH", "no pulumi", "the Pulumi CLI", "install it")]) from None
    if done.returncode:
        found = (done.stderr.strip() or done.stdout.strip()).removeprefix("error: ")
        raise InputError([Problem(f"stack {stack}", "", found, "a stack of this project", "pulumi stack ls")])
    state: dict[str, Any] = json.loads(done.stdout)
    return state
