"""The object store in the cluster with a certificate of somebody's own authority: that part of a stack alone, and what
commands read from it."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
import yaml
from lightkube import Client
from lightkube.resources.core_v1 import Namespace, Secret
from typer.testing import CliRunner

from commands.stack_files import settings_of
from commands.stacks import app
from infra import names, secrets
from infra.object_store import ObjectStore, ObjectStoreArguments
from infra.settings import PROJECT, Components, Settings
from infra.settings_stores import MinioStore, Tls
from local.apply import Apply
from local.bucket import secret
from local.certificates import Authority, Identity
from local.cluster import kubectl
from local.kubernetes_client import connect
from local.machine import KUBE_CONTEXT, STACK, Machine
from local.mirror import ensure_mirror
from local.progress import Progress
from tests.conftest import ROOT
from tests.platform.garbage import litter
from tests.platform.given_services import remove
from tests.platform.history import Repository
from tests.platform.minio_server import halves

pytestmark = [pytest.mark.platform, pytest.mark.long]

NAME = "airflow-staging-tls"
HOST = f"object-store.{NAME}.svc"
CERTIFICATE = "store-certificate"


@pytest.fixture(scope="module")
def client(started: Machine) -> Client:
    return connect(started)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    found = Authority(tmp_path_factory.mktemp("authority"))
    found.ensure()
    return found


@pytest.fixture(scope="module")
def served(started: Machine, client: Client, issuer: Authority) -> Iterator[MinioStore]:
    """The store's settings, once server, bucket and users are there."""
    ensure_mirror(started, Progress())
    settings = MinioStore(tls=Tls(secret=CERTIFICATE, authority=issuer.certificate.read_text()))
    key, certificate = halves(issuer.issue("store", Identity("store", names=(HOST,))))
    metadata = {"name": CERTIFICATE, "namespace": NAME}
    remove(client, NAME)
    try:
        client.create(Namespace.from_dict({"metadata": {"name": NAME}}))
        content = {"tls.crt": certificate, "tls.key": key}
        client.create(Secret.from_dict({"metadata": metadata, "type": "kubernetes.io/tls", "stringData": content}))

        def program() -> None:
            opts = pulumi.ResourceOptions()
            here = pulumi.Output.from_input(NAME)
            drawn = secrets.password("fingerprint-key", opts)
            ObjectStore(ObjectStoreArguments(here, here, settings, Components().jobs, drawn), opts)

        Apply(client, started, NAME, Progress()).run(program, STACK, {})
        yield settings
    finally:
        remove(client, NAME)


class Shell:
    """``mc`` in the server's own pod, with the log-in that may read and write what is published."""

    def __init__(self, machine: Machine, client: Client, issuer: Authority) -> None:
        self._machine, self._authority = machine, issuer.certificate.read_text()
        self.log_in = secret(client, NAME, names.STORE_PUBLISHER_SECRET)

    def mc(self, scheme: str, command: str) -> str:
        """What it says, of an error too."""
        user = f"{self.log_in['AWS_ACCESS_KEY_ID']}:{self.log_in['AWS_SECRET_ACCESS_KEY']}"
        variables = f"SSL_CERT_FILE=/tmp/ca.pem MC_HOST_store={scheme}://{user}@{HOST}:9000"
        text = f"cat > /tmp/ca.pem <<'END'\n{self._authority}\nEND\n{variables} {command} 2>&1 || true\n"
        where = ("--namespace", NAME, "exec", "--stdin", "object-store-0", "--", "sh")
        return kubectl(self._machine, *where, text=text)

    def put(self, bucket: str, key: str, content: bytes) -> None:
        encoded = base64.b64encode(content).decode()
        said = self.mc("https", f"sh -c 'echo {encoded} | base64 -d | mc --quiet pipe store/{bucket}/{key}'")
        assert "ERROR" not in said, said


@pytest.fixture(scope="module")
def shell(started: Machine, client: Client, issuer: Authority, served: MinioStore) -> Shell:
    return Shell(started, client, issuer)


def test_airflow_s_log_in_reaches_the_bucket_by_tls_and_by_nothing_else(shell: Shell, served: MinioStore) -> None:
    assert shell.log_in["AWS_ENDPOINT_URL_S3"] == f"https://{HOST}:9000"
    assert "ERROR" not in shell.mc("https", f"mc ls store/{served.bucket}/dags/")
    assert "ERROR" in shell.mc("http", f"mc ls store/{served.bucket}/dags/")


@pytest.fixture
def stack(tmp_path: Path, started: Machine, served: MinioStore, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A stack of few images with this store; the working folder is its own, with a history."""
    root = tmp_path / "project"
    shutil.copytree(ROOT / "tests/fixtures/tree", root)
    config = {
        "name": NAME,
        "kubernetes": {"context": KUBE_CONTEXT},
        "registry": {"server": started.registry, "owner": "tls"},
        "objectStore": {"tls": served.model_dump(by_alias=True)["tls"]},
    }
    document = {"config": {f"{PROJECT}:{key}": value for key, value in config.items()}}
    (root / "Pulumi.qa.yaml").write_text(yaml.safe_dump(document))
    Repository.begun(root).commit("qa")
    monkeypatch.chdir(root)
    return settings_of("qa")


def test_images_are_collected_with_the_bucket_asked_by_tls(
    stack: Settings, shell: Shell, started: Machine, client: Client
) -> None:
    repository = f"{stack.registry.owner}/{stack.registry.prefix}-letters"

    def collected(*options: str) -> str:
        done = CliRunner().invoke(app, ["gc", "qa", *options])
        assert done.exit_code == 0, done.output
        return done.output

    def put(key: str, content: bytes) -> None:
        shell.put(stack.object_store.bucket, key, content)

    with litter(started, client, repository, NAME, put) as left:
        listed = collected()
        assert [one for one in left.digests if one[:19] in listed] == [left.nothing]
        assert left.there() == left.digests
        collected("--delete", "--yes")
        assert left.there() == left.digests - {left.nothing}
        assert "every image in the registry is needed" in collected()
