from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from commands.__main__ import app
from infra import settings_source
from infra.settings import PROJECT
from infra.settings_stores import ExternalDatabase, S3Store
from tests.infra import stacks

S3 = ("--object-store", "s3", "--oidc-provider", stacks.OIDC_PROVIDER)
EXTERNAL = ("--database", "external", "--database-host", "db.example.org")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(stacks.ROOT / "Pulumi.dev.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    kubeconfig = {"current-context": "kind-team", "contexts": [{"name": "kind-team", "context": {}}]}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv("AIRFLOW_CHART", raising=False)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["stacks", "new", *words])


def written(folder: Path, name: str = "qa") -> dict[str, object]:
    return settings_source.read_stack_file(folder / f"Pulumi.{name}.yaml")


def test_what_has_a_sound_default_is_not_asked_for(folder: Path) -> None:
    done = run("qa", "--owner", "acme")
    assert done.exit_code == 0, done.output
    values = written(folder)
    assert values["kubernetes"] == {"context": "kind-team"}
    assert values["registry"] == {"server": "ghcr.io", "owner": "acme"}
    assert values["objectStore"] == {"bucket": "airflow", "region": "us-east-1"}
    assert "size" not in values
    assert "database" not in values
    config = yaml.safe_load((folder / "Pulumi.qa.yaml").read_text())["config"]
    assert config["pulumi:disable-default-providers"] == ["kubernetes"]


def test_the_owner_is_that_of_the_remote(folder: Path) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "remote", "add", "origin", "git@github.com:Acme/pipelines.git"], check=True)
    assert run("qa").exit_code == 0
    assert written(folder)["registry"] == {"server": "ghcr.io", "owner": "acme"}


def test_the_file_is_what_the_engine_takes(folder: Path) -> None:
    assert run("qa", "--owner", "acme", "--size", "medium", *S3, *EXTERNAL).exit_code == 0
    values = {**written(folder)}
    values["database"] = {**dict(values["database"]), "password": stacks.PASSWORD}  # type: ignore[call-overload]
    credentials = [{"server": "ghcr.io", "username": "ada", "password": stacks.PASSWORD}]
    settings = settings_source.parse({**values, "registryCredentials": credentials}, "", environment={})
    assert isinstance(settings.object_store, S3Store)
    assert settings.object_store.bucket == "acme-airflow-qa"
    assert isinstance(settings.database, ExternalDatabase)
    assert (settings.size, settings.protect) == ("medium", True)
    # The DAGs of the repository name them.
    assert set(settings.airflow.pools) == {"orders_api", "salesforce"}
    config = yaml.safe_load((folder / "Pulumi.qa.yaml").read_text())["config"]
    assert config["pulumi:disable-default-providers"] == ["aws", "kubernetes"]
    assert not any(stacks.PASSWORD in str(value) or "set-later" in str(value) for value in config.values())


def test_it_says_which_secrets_come_next(folder: Path) -> None:
    (folder / "dags").mkdir()
    task = "{load: {kind: pod, command: [load], env_from: [{secret: warehouse}]}}"
    dag = f"dag_id: orders\nstart_date: 2026-01-01\nimage: api\nsource: orders\ntasks: {task}\n"
    (folder / "dags" / "orders.yaml").write_text(f"{dag}env_from: [{{secret: orders-api}}]\n")
    done = run("qa", "--owner", "acme", "--object-store", "endpoint", "--endpoint", "https://s3.example.org", *EXTERNAL)
    assert done.exit_code == 0, done.output
    for key in ("'registryCredentials[0].password'", "database.password", "'objectStore.keys.backup.secretKey'"):
        assert f"pulumi config set --stack qa --secret --path {key}" in done.output
    for secret in ("orders-api", "warehouse"):
        assert f"--secret --path 'tasks.secrets.{secret}.<VARIABLE>'    # for dags/orders.yaml" in done.output
    assert PROJECT in (folder / "Pulumi.qa.yaml").read_text()


def test_what_it_cannot_read_of_the_dags_stops_nothing(folder: Path) -> None:
    (folder / "dags").mkdir()
    (folder / "dags" / "orders.yaml").symlink_to("nowhere.yaml")
    done = run("qa", "--owner", "acme")
    assert done.exit_code == 0, done.output


def refused(*words: str) -> str:
    done = run(*words)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    return done.stderr


def test_without_a_terminal_all_that_is_missing_is_told_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(folder / "nowhere"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    said = refused("qa", "--object-store", "s3", "--database", "external")
    for option in ("--context", "--owner", "--oidc-provider", "--database-host"):
        assert f"fix:      give {option}\n" in said
    assert not (folder / "Pulumi.qa.yaml").exists()


def test_what_the_engine_would_refuse_is_not_written(folder: Path) -> None:
    said = refused("qa", "--owner", "Acme Inc", "--bucket", "A", "--region", "Frankfurt")
    assert "3 problems, nothing was changed" in said
    for key in ("registry.owner", "objectStore.bucket", "objectStore.region"):
        assert f"Pulumi.qa.yaml: {key}\n" in said
    assert not (folder / "Pulumi.qa.yaml").exists()


def test_a_file_that_is_there_stays(folder: Path) -> None:
    before = (folder / "Pulumi.dev.yaml").read_text()
    assert "Pulumi.dev.yaml" in refused("dev", "--owner", "acme")
    assert (folder / "Pulumi.dev.yaml").read_text() == before


@pytest.mark.parametrize("name", ["../other", "a b", ""])
def test_a_name_that_no_stack_can_have_is_refused(folder: Path, name: str) -> None:
    assert "give another name" in refused(name, "--owner", "acme")
    assert [path.name for path in folder.iterdir() if path.name.startswith("Pulumi")] == ["Pulumi.dev.yaml"]
