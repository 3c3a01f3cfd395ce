"""The object store in the cluster with a certificate of somebody's own authority: that part of a stack alone."""

from __future__ import annotations

from collections.abc import Iterator

import pulumi
import pytest
from lightkube import Client
from lightkube.resources.core_v1 import Namespace, Secret

from infra import names, secrets
from infra.object_store import ObjectStore, ObjectStoreArguments
from infra.settings import Components
from infra.settings_stores import MinioStore, Tls
from local.apply import Apply
from local.bucket import secret
from local.certificates import Authority, Identity
from local.cluster import kubectl
from local.kubernetes_client import connect
from local.machine import STACK, Machine
from local.mirror import ensure_mirror
from local.progress import Progress
from tests.platform.given_services import remove
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


def test_airflow_s_log_in_reaches_the_bucket_by_tls_and_by_nothing_else(
    started: Machine, client: Client, served: MinioStore, issuer: Authority
) -> None:
    log_in = secret(client, NAME, names.STORE_PUBLISHER_SECRET)
    assert log_in["AWS_ENDPOINT_URL_S3"] == f"https://{HOST}:9000"

    def mc(scheme: str, path: str) -> str:
        """What the server's own pod says of a folder, with the log-in that may read it."""
        user = f"{log_in['AWS_ACCESS_KEY_ID']}:{log_in['AWS_SECRET_ACCESS_KEY']}"
        script = (
            f"SSL_CERT_FILE=/tmp/ca.pem MC_HOST_store={scheme}://{user}@{HOST}:9000 mc ls store/{path} 2>&1 || true"
        )
        text = f"cat > /tmp/ca.pem <<'END'\n{issuer.certificate.read_text()}\nEND\n{script}\n"
        where = ("--namespace", NAME, "exec", "--stdin", "object-store-0", "--", "sh")
        return kubectl(started, *where, text=text)

    assert "ERROR" not in mc("https", f"{served.bucket}/dags/")
    assert "ERROR" in mc("http", f"{served.bucket}/dags/")
