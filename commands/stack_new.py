"""``stacks new``: a stack file that is in order, made of what only its owner knows."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml

from commands.failure import told
from infra import kube_context, settings_source
from infra.settings import PROJECT
from infra.sizes import Size
from local.machine import STACK
from pipelines.dag_config import DAGS
from pipelines.dag_reading import read_configs
from pipelines.errors import InputError, Problem
from plan import stacks

GITHUB = "ghcr.io"
ORIGIN = re.compile(r"(?:https://|ssh://git@|git@)github\.com[:/]([^/]+)/.+")
#: Stands for what is set as a secret afterwards, while the rest is checked.
LATER = "set-later"
HEADER = """\
# {name}: written by python -m commands stacks new; infra/settings*.py has every key, docs/stacks.md the usual ones.
# Secrets go in by pulumi config set --secret, which encrypts them.
"""


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, - and _, such as staging.")],
    context: Annotated[str, typer.Option(help="Kube context of its cluster; the current one by default.")] = "",
    registry: Annotated[str, typer.Option(help="Server of the registry.")] = GITHUB,
    owner: Annotated[str, typer.Option(help="Owner on it; on ghcr.io, that of the git remote origin.")] = "",
    size: Annotated[Size, typer.Option(help="Replicas, resources and quotas: infra/sizes.py.")] = "small",
    object_store: Annotated[
        Literal["minio", "s3", "endpoint"],
        typer.Option(help="minio: in the cluster; s3: a bucket to make; endpoint: one that exists."),
    ] = "minio",
    bucket: Annotated[str, typer.Option(help="airflow, and on S3 <owner>-airflow-<NAME>, by default.")] = "",
    region: Annotated[str, typer.Option(help="Region of the bucket.")] = "us-east-1",
    oidc_provider: Annotated[str, typer.Option(help="On S3: ARN of the cluster's IAM OIDC provider.")] = "",
    endpoint: Annotated[str, typer.Option(help="Address of a store that exists.")] = "",
    database: Annotated[
        Literal["postgres", "external"], typer.Option(help="postgres: in the cluster; external: one that exists.")
    ] = "postgres",
    database_host: Annotated[str, typer.Option(help="Host of a database that exists.")] = "",
) -> None:
    """Write Pulumi.NAME.yaml, checked as pulumi up checks it.

    It asks, on a terminal, for what has no sound default and was not given, touches nothing that is there, and says
    what comes next:

        python -m commands stacks new staging --object-store s3 --database external
    """
    with told():
        path = Path(f"Pulumi.{name}.yaml")
        _refuse(name, path)
        on_s3, elsewhere = object_store == "s3", object_store == "endpoint"
        answers = _answers(
            {
                "--context": (context or kube_context.current(), "kube context of the cluster", True),
                "--owner": (owner or _origin(registry), f"owner on {registry}", True),
                "--oidc-provider": (oidc_provider, "ARN of the cluster's IAM OIDC provider", on_s3),
                "--endpoint": (endpoint, "address of the object store", elsewhere),
                "--database-host": (database_host, "host of the database", database == "external"),
            }
        )
        default_bucket = f"{answers['--owner']}-airflow-{name}".lower() if on_s3 else "airflow"
        store = {
            **({} if object_store == "minio" else {"kind": object_store}),
            "bucket": bucket or default_bucket,
            "region": region,
            **({"oidcProvider": answers["--oidc-provider"]} if on_s3 else {}),
            **({"url": answers["--endpoint"]} if elsewhere else {}),
        }
        values: dict[str, Any] = {
            **({"size": size} if size != "small" else {}),
            "kubernetes": {"context": answers["--context"]},
            "registry": {"server": registry, "owner": answers["--owner"]},
            "objectStore": store,
            **({"database": {"kind": database, "host": answers["--database-host"]}} if database == "external" else {}),
            **_pools(),
        }
        check(values, path.name)
        steps = next_steps(name, values)
        path.write_text(HEADER.format(name=name) + text(values, aws=on_s3), encoding="utf-8")
        typer.echo("\n".join((path.as_posix(), *steps)))


def check(values: Mapping[str, Any], file: str) -> None:
    """Raise InputError with every problem but secrets that are still to be set."""
    log_in = {"server": values["registry"]["server"], "username": LATER, "password": LATER}
    database = values.get("database", {})
    with_password = {"database": {**database, "password": LATER}} if database.get("host") else {}
    settings_source.parse({**values, **with_password, "registryCredentials": [log_in]}, file, environment={})


def text(values: Mapping[str, Any], *, aws: bool) -> str:
    """The stack file's YAML."""
    providers = ["aws", "kubernetes"] if aws else ["kubernetes"]
    config = {"pulumi:disable-default-providers": providers}
    config |= {f"{PROJECT}:{key}": value for key, value in values.items()}
    return yaml.safe_dump({"config": config}, sort_keys=False)


def next_steps(name: str, values: Mapping[str, Any]) -> list[str]:
    """What to type after it."""
    server, secret = values["registry"]["server"], f"pulumi config set --stack {name} --secret --path"
    steps = [
        f"pulumi stack init {name}    # a passphrase; or --secrets-provider awskms://alias/..., docs/stacks.md",
        f"pulumi config set --stack {name} --path 'registryCredentials[0].server' {server}",
        f"pulumi config set --stack {name} --path 'registryCredentials[0].username' <user>",
        f"{secret} 'registryCredentials[0].password'",
    ]
    if values.get("database"):
        steps.append(f"{secret} database.password")
    if values["objectStore"].get("kind") == "endpoint":
        steps += [
            f"{secret} 'objectStore.keys.{user}.{half}'"
            for user in ("airflow", "backup", "publisher", "tasks")
            for half in ("accessKey", "secretKey")
        ]
    steps += [f"{secret} 'tasks.secrets.{wanted}.<VARIABLE>'    # for {file}" for wanted, file in _secrets().items()]
    return ["next:", *(f"  {step}" for step in (*steps, f"pulumi up --stack {name}"))]


def _secrets() -> dict[str, str]:
    """Secret that a DAG names -> the file of the first that does."""
    found: dict[str, str] = {}
    for config in read_configs(DAGS)[0]:
        for secret in (secret for task in config.dag.tasks for secret in config.dag.secrets_of(task)):
            found.setdefault(secret, config.file)
    return found


def _refuse(name: str, path: Path) -> None:
    if not stacks.NAME.fullmatch(name):
        expected = "at most 80 letters, digits, - and _, none of these two first"
        raise InputError([Problem("NAME", "", repr(name), expected, "give another name")])
    if path.exists():
        raise InputError([Problem(path.name, "", "a file", "none yet", "edit it, or give another name")])


def _answers(wanted: Mapping[str, tuple[str, str, bool]]) -> dict[str, str]:
    """Option -> what was given, or what somebody at a terminal answers. Raises InputError where nobody is there."""
    missing = {option: words for option, (value, words, needed) in wanted.items() if needed and not value}
    if missing and not sys.stdin.isatty():
        raise InputError(Problem(option, "", "nothing", words, f"give {option}") for option, words in missing.items())
    asked = {option: str(typer.prompt(words)).strip() for option, words in missing.items()}
    return {option: asked.get(option, value) for option, (value, _, _) in wanted.items()}


def _origin(registry: str) -> str:
    """The owner of the git remote on GitHub, where images go to its registry; empty elsewhere."""
    if registry != GITHUB:
        return ""
    command = ["git", "remote", "get-url", "origin"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = ORIGIN.fullmatch(done.stdout.strip())
    return found[1].lower() if found else ""


def _pools() -> dict[str, Any]:
    """Those of the dev stack: this repository's DAGs name them."""
    try:
        airflow = settings_source.read_stack_file(Path(f"Pulumi.{STACK}.yaml")).get("airflow")
    except InputError:
        return {}
    pools = airflow.get("pools") if isinstance(airflow, dict) else None
    return {"airflow": {"pools": pools}} if pools else {}
