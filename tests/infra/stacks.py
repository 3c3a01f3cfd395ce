"""Stacks for tests: the dev stack's settings with log-ins, and any key replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from infra.settings_source import CHART_PATH_VARIABLE, parse, read_stack_file, unfilled, with_entries
from local import services
from local.machine import Machine

ROOT = Path(__file__).parent.parent.parent
PASSWORD = "correct-horse-battery-staple"
# Nothing has been drawn there: the names are those of the platform, the passwords are not.
NO_MACHINE = Machine.here({"HOME": "/nowhere"})
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
OIDC_PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
CREDENTIALS = [{"server": "localhost:5000", "username": "puller", "password": PASSWORD, "email": "team@example.org"}]


def dev() -> Settings:
    """The committed dev stack, whatever chart the environment names."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(CHART_PATH_VARIABLE, raising=False)
        values = with_entries(read_stack_file(ROOT / "Pulumi.dev.yaml"), services.secrets(NO_MACHINE))
        return parse({**values, "registryCredentials": CREDENTIALS}, "Pulumi.dev.yaml")


#: Place -> what somebody might fill in.
FILLED = {
    "kubernetes.context": "eks-example",
    "registry.owner": "acme",
    "objectStore.bucket": "acme-airflow",
    "objectStore.oidcProvider": OIDC_PROVIDER,
    "objectStore.kmsKey": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "database.host": "airflow.abc.eu-central-1.rds.amazonaws.com",
}


def example(name: str, **keys: Any) -> Settings:
    """A committed example, filled in, with its secrets set."""
    values: dict[str, Any] = {"database": {}, **read_stack_file(ROOT / f"Pulumi.{name}.yaml")}
    for problem in unfilled(values, ""):
        part, _, key = problem.key.partition(".")
        values[part] = {**values[part], key: FILLED[problem.key]}
    values["database"] = {**values["database"], "password": PASSWORD}
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(CHART_PATH_VARIABLE, raising=False)
        credentials = [{**CREDENTIALS[0], "server": values["registry"]["server"]}]
        return parse({**values, "registryCredentials": credentials, **keys}, f"Pulumi.{name}.yaml")


def stack(**keys: Any) -> Settings:
    """The smallest stack, with these top-level keys, whatever chart the environment names."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(CHART_PATH_VARIABLE, raising=False)
        return parse({**smallest(), **keys}, "Pulumi.test.yaml")


def smallest() -> dict[str, Any]:
    """Only the keys that have no default."""
    return {
        "kubernetes": {"context": "test"},
        "registry": {"server": "localhost:5000", "owner": "local"},
        "registryCredentials": CREDENTIALS,
    }
