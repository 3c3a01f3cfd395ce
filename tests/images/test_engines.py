"""The images spark and tools as pods under the restricted standard, with a read-only root file system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lightkube.models.core_v1 import LocalObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Secret

from infra import sources
from local import stack
from local.kubernetes_client import connect
from local.machine import Machine
from local.up import UNDECIDED
from tests.conftest import ROOT
from tests.images import pods
from tests.images.pods import Outcome, Trial

pytestmark = pytest.mark.platform

PULL_SECRET = "registry"
# Refused: no store answers there. What matters is that it is asked, with the pod's own keys and path style.
STORE = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "not-to-be-printed",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_REGION": "us-east-1",
}
SCRIPTS = {
    "spark-smoke": ("spark", "id -u; python /opt/spark/smoke.py; ! touch /opt/spark/x 2> /dev/null", {}),
    "spark-store": ("spark", "timeout 20 hadoop-fs -D fs.s3a.attempts.maximum=1 -D fs.s3a.retry.limit=0 "
                             "-ls s3a://bucket/data/ 2>&1 || true", STORE),
    "spark-java": ("spark", "java -version 2>&1 || $JAVA_HOME/bin/java --list-modules; ls $SPARK_HOME/jars", {}),
    "tools-smoke": ("tools", "id -u; /opt/tools/smoke; ! touch /opt/tools/x 2> /dev/null", {}),
    "tools-left-over": ("tools", "for name in gcc javac mvn make; do ! command -v $name; done; "
                                 "ls /usr/share/man /usr/share/doc /var/lib/apt/lists | wc -l", {}),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(running: Machine) -> Iterator[dict[str, Outcome]]:
    client, settings = connect(running), stack.settings(running, UNDECIDED)
    references = {image.name: image.reference for image in sources.load(settings, ROOT).images}
    with pods.namespace(client) as namespace:
        known = client.get(Secret, PULL_SECRET, namespace=settings.tasks_namespace)
        copy = Secret(metadata=ObjectMeta(name=PULL_SECRET, namespace=namespace), data=known.data, type=known.type)
        client.apply(copy, field_manager="tests")
        for name, (image, script, environment) in SCRIPTS.items():
            pod = Trial(references[image], script, 10001, 10001, environment=environment).manifest(namespace, name)
            assert pod.spec is not None
            pod.spec.imagePullSecrets = [LocalObjectReference(PULL_SECRET)]
            client.create(pod)
        yield {name: pods.outcome(client, namespace, name) for name in SCRIPTS}


@pytest.mark.parametrize("name", ["spark", "tools"])
def test_each_engine_works_without_a_network_or_a_writable_root(name: str, outcomes: dict[str, Outcome]) -> None:
    found = outcomes[f"{name}-smoke"]
    assert found.exit_code == 0, found.log
    assert found.log.startswith("10001\n")
    assert "smoke: ok" in found.log


def test_the_file_system_shell_asks_the_store_that_the_pod_names(outcomes: dict[str, Outcome]) -> None:
    log = outcomes["spark-store"].log
    assert "127.0.0.1:9" in log, log
    assert "not-to-be-printed" not in log


def test_spark_holds_the_java_it_needs_and_no_more(outcomes: dict[str, Outcome]) -> None:
    log = outcomes["spark-java"].log
    assert "java.base@21" in log
    assert "hadoop-aws-3.4.2.jar" in log
    assert not {"jdk.compiler", "jdk.jlink", "rocksdbjni", "bundle-"} & set(log.replace("@", " ").split())


def test_no_compiler_or_manual_is_left(outcomes: dict[str, Outcome]) -> None:
    found = outcomes["tools-left-over"]
    assert found.exit_code == 0, found.log
