"""``plan``: what a stack would hold, and what a change makes of it; no engine, cluster, registry or secret."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.failure import FAILED, told
from local import files
from local.machine import STACK, Machine
from pipelines.errors import InputError, Problem
from plan.escaping import plain
from plan.stacks import stack_file, stack_names

# What a verb alone needs, it imports: `diff` waits for two plans, and for nothing that it does not use.
if TYPE_CHECKING:
    from plan.chart import AtHand

app = typer.Typer(
    help="What a stack would hold, and what a change makes of it: no engine, cluster, registry or secret.",
    no_args_is_help=True,
    add_completion=False,
)
BUILT = Path("build") / "plan"
COMMENT = "comment.md"
StackOption = Annotated[str, typer.Option("--stack", help="Pulumi.<stack>.yaml.")]


@app.callback()
def plan() -> None:
    """What a stack would hold, and what a change makes of it: no engine, cluster, registry or secret."""


@app.command()
def write(
    stack: StackOption = STACK,
    to: Annotated[Path | None, typer.Option(help="The folder to write; build/plan/<stack> when left out.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where a policy finds what no waiver names.")] = False,
) -> None:
    """Run the program on the committed settings and write what it would deploy: the same bytes everywhere.

    One YAML a resource, Helm values, the rendered chart where AIRFLOW_CHART names one and the toolchain has helm, the
    image table, the DAG files, the catalog, and plan.json (its schema: plan/schema.json).
    """
    with told():
        from plan.folders import write_folder
        from plan.stack_plan import plan_stack

        written = plan_stack(Path(), stack, declared(stack), chart_at_hand())
        folder = to or BUILT / stack
        write_folder(folder, written.files)
        of = written.plan
        chart = f"{len(of.rendered)} objects of its chart" if of.chart.at_hand else "no chart at hand"
        counts = f"{len(of.resources)} resources, {len(of.images)} images, {len(of.dags)} DAGs, {chart}"
        typer.echo(f"{folder.as_posix()}: {counts}")
        open_ones = [one for one in of.findings if not one.waiver]
        for one in open_ones:
            typer.echo(f"{plain(one.policy)}: {plain(one.where)}: {plain(one.found)}; fix: {one.fix}", err=True)
        if strict and open_ones:
            raise typer.Exit(FAILED)


def declared(stack: str) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """Names of connections and Secrets that a stack gets elsewhere than in its file: the one-machine platform's."""
    from local import services

    return services.secrets(Machine.here({"HOME": "/nonexistent"})) if stack == STACK else {}


def chart_at_hand() -> AtHand | None:
    """The chart that the environment names, if there is a helm to render it."""
    from plan.chart import VARIABLE, AtHand

    path = os.environ.get(VARIABLE)
    if not path or not Path(path).exists():
        return None
    toolchain = Machine.here().tool("helm")
    helm = str(toolchain) if toolchain.exists() else shutil.which("helm")
    return AtHand(Path(path), Path(helm)) if helm else None


@app.command()
def diff(
    base: Annotated[str, typer.Argument(metavar="BASE", help="The commit to compare with.")],
    stack: StackOption = STACK,
    every: Annotated[bool, typer.Option("--every-stack", help="Each stack that has a file.")] = False,
    head: Annotated[str | None, typer.Option(help="A commit; the folder as it stands when left out.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write <stack>/{base,head}.json and comment.md below it.")] = None,
    sizes: Annotated[
        bool, typer.Option("--sizes", help="Ask the registry how large images are, now and then.")
    ] = False,
) -> None:
    """Explain what a change does to a stack: images rebuilt and why, tasks that move, resources, settings, risks.

    Each of the two is planned by its own program under its own requirements, in a work tree of its own. Exits with 1
    where the change breaks the program.

        python -m commands plan diff origin/main
    """
    with told():
        from commands.tables import unlimited
        from plan import commits, exchange
        from plan.explanation import Broken, explain
        from plan.markdown import comment
        from plan.model import Plan
        from plan.terminal import show

        start, end = commits.commit_of(base), commits.commit_of(head) if head else None
        broken, at_hand = False, chart_at_hand()
        for name in stack_names(Path()) if every else (stack,):
            before, after = commits.both(start, end, name, BUILT / name, at_hand)
            if after is None:
                raise InputError([_no_stack(name)])
            known: dict[str, int] = {}
            if sizes and isinstance(before, Plan) and isinstance(after, Plan):
                from commands.plan_sizes import asked

                known, problems = asked(before, after)
                for problem in problems:
                    typer.echo(plain(problem, len(problem)), err=True)
            document = explain(name, before, after, known)
            show(document, unlimited())
            if to:
                exchange.write(to / name, before, after)
                (to / name / COMMENT).write_text(comment(document), encoding="utf-8")
            broken = broken or (isinstance(after, Broken) and after != before)
        if broken:
            raise typer.Exit(FAILED)


@app.command()
def kubeconfig() -> None:
    """Write CONTENT, a kubeconfig, to a file that only this user reads, for the steps after this of a job.

    Reads RUNNER_TEMP and GITHUB_ENV of GitHub Actions.
    """
    file = Path(os.environ["RUNNER_TEMP"]) / "kubeconfig"
    files.write(file, os.environ["CONTENT"], 0o600)
    with Path(os.environ["GITHUB_ENV"]).open("a", encoding="utf-8") as environment:
        environment.write(f"KUBECONFIG={file}\n")


@app.command()
def post(
    artifact: Annotated[Path, typer.Argument(help="What `plan diff --to` wrote, where a pull request's code ran.")],
) -> None:
    """Explain the plans of an artifact in one comment a stack on its pull request, in a workflow_run of GitHub Actions.

    The artifact is data: it is read by its schema and rendered here. Reads GITHUB_TOKEN, GITHUB_REPOSITORY and
    GITHUB_EVENT_PATH.
    """
    with told():
        from plan import exchange
        from plan.comments import Comments, Source
        from plan.explanation import explain
        from plan.markdown import comment

        found = exchange.read(artifact)
        event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        comments = Comments(os.environ["GITHUB_REPOSITORY"], os.environ["GITHUB_TOKEN"])
        number = comments.pull_request(Source.of(event))
        if number is None:
            typer.echo("no open pull request has this commit as its newest: nothing to comment on")
            return
        for stack, (before, after) in found.items():
            typer.echo(f"comment of {stack}: {comments.put(number, stack, comment(explain(stack, before, after)))}")


@app.command()
def drift(
    stack: Annotated[str, typer.Option("--stack", help="Pulumi.<stack>.yaml.")],
) -> None:
    """Ask the engine whether a stack is as the commit says, and keep one issue of it while it is not.

    Runs `pulumi preview --refresh --expect-no-changes`; exits with 1 on drift. Reads GITHUB_TOKEN and
    GITHUB_REPOSITORY.
    """
    with told():
        from plan.drift import Drift

        preview = ("preview", "--refresh", "--expect-no-changes", "--suppress-outputs")
        command = ["pulumi", *preview, "--non-interactive", "--color", "never", "--stack", stack]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        for line in done.stdout.splitlines():
            typer.echo(plain(line, len(line)))
        issues = Drift(os.environ["GITHUB_REPOSITORY"], os.environ["GITHUB_TOKEN"])
        typer.echo(f"issue of {stack}: {issues.report(stack, done.stdout if done.returncode else None)}")
        if done.returncode:
            raise typer.Exit(FAILED)


def _no_stack(name: str) -> Problem:
    return Problem(stack_file(name), "", "no such file", "a stack", f"name one of {', '.join(stack_names(Path()))}")
