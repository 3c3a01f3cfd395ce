from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker_build as docker_build
import pulumi_kubernetes as kubernetes
import pulumi_random as random
import pytest

from local import apply, helm
from local.machine import PROJECT, Machine
from local.progress import Progress
from local.waiting import GaveUp
from pipelines.errors import InputError, Problem
from tests.local.fake_cluster import FakeCluster

pytestmark = pytest.mark.slow

NAMESPACE = "airflow"
SPACE = {"namespace": NAMESPACE}
Program = Callable[[], None]


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine.here({"HOME": str(tmp_path)})


@pytest.fixture
def run(cluster: FakeCluster, machine: Machine) -> Callable[[Program], apply.Counts]:
    def run(program: Program, **config: str) -> apply.Counts:
        values = {f"{PROJECT}:{key}": value for key, value in config.items()}
        return apply.Apply(cluster.client(), machine, NAMESPACE, Progress()).run(program, "dev", values)

    return run


def configuration(data: dict[str, str], name: str = "settings") -> kubernetes.core.v1.ConfigMap:
    return kubernetes.core.v1.ConfigMap(name, metadata={**SPACE, "name": name}, data=data)


def job(command: str, **metadata: str) -> kubernetes.batch.v1.Job:
    container = {"name": "one", "image": "busybox:1", "command": [command]}
    spec = {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}, "backoffLimit": 2}
    return kubernetes.batch.v1.Job("migrate", metadata={**SPACE, **metadata}, spec=spec)


def secret_of(cluster: FakeCluster, name: str) -> dict[str, str]:
    data = cluster.objects["secrets", NAMESPACE, name]["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def test_the_second_run_changes_nothing(cluster: FakeCluster, run: Callable[[Program], apply.Counts]) -> None:
    def program() -> None:
        configuration({"a": "1"})
        password = random.RandomPassword("password", length=20)
        kubernetes.core.v1.Secret("login", metadata={**SPACE, "name": "login"}, string_data={"p": password.result})
        job("one")

    assert run(program) == apply.Counts(created=3)
    before = copy.deepcopy(cluster.objects)
    assert run(program) == apply.Counts(unchanged=3)
    assert cluster.objects == before


def test_a_change_is_counted_and_kept(cluster: FakeCluster, run: Callable[[Program], apply.Counts]) -> None:
    run(lambda: configuration({"a": "1"}) and None)
    assert run(lambda: configuration({"a": "2"}) and None) == apply.Counts(changed=1)
    assert cluster.objects["configmaps", NAMESPACE, "settings"]["data"] == {"a": "2"}


def test_secrets_arrive_unwrapped_and_numbers_whole(
    cluster: FakeCluster, run: Callable[[Program], apply.Counts]
) -> None:
    def program() -> None:
        deep = pulumi.Output.secret({"user": "u", "password": "p"})
        document = pulumi.Output.json_dumps(deep)
        kubernetes.core.v1.Secret(
            "s", metadata={**SPACE, "name": "s"}, string_data={"document": document, "plain": "x"}
        )
        kubernetes.core.v1.Service("web", metadata={**SPACE, "name": "web"}, spec={"ports": [{"port": 80}]})

    run(program)
    assert json.loads(secret_of(cluster, "s")["document"]) == {"user": "u", "password": "p"}
    assert secret_of(cluster, "s")["plain"] == "x"
    assert "stringData" not in cluster.objects["secrets", NAMESPACE, "s"]
    assert repr(cluster.objects["services", NAMESPACE, "web"]["spec"]["ports"]) == "[{'port': 80}]"


def test_random_values_are_drawn_once_per_inputs(cluster: FakeCluster, run: Callable[[Program], apply.Counts]) -> None:
    def program(length: int) -> Program:
        def register() -> None:
            drawn = random.RandomPassword("password", length=length, special=False)
            kubernetes.core.v1.Secret("s", metadata={**SPACE, "name": "s"}, string_data={"p": drawn.result})

        return register

    run(program(24))
    first = secret_of(cluster, "s")["p"]
    assert first.isalnum()
    assert len(first) == 24
    run(program(24))
    assert secret_of(cluster, "s")["p"] == first
    run(program(32))
    assert len(secret_of(cluster, "s")["p"]) == 32
    assert len(secret_of(cluster, apply.STATE)) == 1, "what is no longer registered is forgotten"


def test_what_has_no_name_is_named_by_its_content(cluster: FakeCluster, run: Callable[[Program], apply.Counts]) -> None:
    def program(value: str) -> Program:
        def register() -> None:
            made = kubernetes.core.v1.ConfigMap("tree", metadata=SPACE, data={"a": value})
            configuration({"points-at": made.metadata["name"]})

        return register

    run(program("1"))
    (first,) = cluster.names("configmaps") - {"settings"}
    run(program("1"))
    assert cluster.names("configmaps") == {"settings", first}
    assert run(program("2")).deleted == 1
    (second,) = cluster.names("configmaps") - {"settings"}
    assert second.startswith("tree-")
    assert second != first
    assert cluster.objects["configmaps", NAMESPACE, "settings"]["data"] == {"points-at": second}


def test_what_is_no_longer_registered_goes_and_data_stays(
    cluster: FakeCluster, run: Callable[[Program], apply.Counts]
) -> None:
    def everything() -> None:
        configuration({}, "one")
        configuration({}, "two")
        kubernetes.core.v1.Namespace("space", metadata={"name": "space"})
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        kubernetes.core.v1.PersistentVolumeClaim("data", metadata={**SPACE, "name": "data"}, spec=claim)
        kubernetes.rbac.v1.ClusterRole("role", metadata={"name": "role"}, rules=[])

    run(everything)
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "foreign", "namespace": NAMESPACE}}
    cluster.objects["configmaps", NAMESPACE, "foreign"] = foreign
    counts = run(lambda: configuration({}, "one") and None)
    assert counts == apply.Counts(unchanged=1, deleted=2)
    assert cluster.names("configmaps") == {"one", "foreign"}
    assert cluster.names("clusterroles") == set()
    assert cluster.names("persistentvolumeclaims") == {"data"}
    assert cluster.names("namespaces") == {"space"}


def test_a_changed_job_is_replaced(cluster: FakeCluster, run: Callable[[Program], apply.Counts]) -> None:
    run(lambda: job("one", name="migrate") and None)
    assert run(lambda: job("two", name="migrate") and None) == apply.Counts(changed=1)
    spec = cluster.objects["jobs", NAMESPACE, "migrate"]["spec"]
    assert spec["template"]["spec"]["containers"][0]["command"] == ["two"]


def test_a_failed_job_stops_with_its_reason_and_is_run_again_next_time(
    cluster: FakeCluster, run: Callable[[Program], apply.Counts]
) -> None:
    cluster.failing_jobs.add("migrate")
    with pytest.raises(GaveUp, match="Job airflow/migrate failed: BackoffLimitExceeded"):
        run(lambda: job("one", name="migrate") and None)
    cluster.failing_jobs.clear()
    run(lambda: job("one", name="migrate") and None)
    assert ("delete", ("jobs", NAMESPACE, "migrate")) in cluster.writes


def test_any_other_immutable_change_stops_with_advice(
    cluster: FakeCluster, run: Callable[[Program], apply.Counts]
) -> None:
    def program(name: str) -> Program:
        pods = {"metadata": {"labels": {"a": name}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
        spec = {"serviceName": name, "selector": {"matchLabels": {"a": name}}, "template": pods}

        def register() -> None:
            kubernetes.apps.v1.StatefulSet("db", metadata={**SPACE, "name": "db"}, spec=spec)

        return register

    run(program("one"))
    before = copy.deepcopy(cluster.objects)
    with pytest.raises(
        GaveUp, match=r"StatefulSet airflow/db cannot be changed in place[\s\S]*delete the object by hand"
    ):
        run(program("two"))
    assert cluster.objects == before


def test_an_unknown_type_is_refused_before_anything_is_touched(
    cluster: FakeCluster, run: Callable[[Program], apply.Counts]
) -> None:
    def program() -> None:
        made = configuration({})
        kubernetes.helm.v4.Chart("chart", chart="x", opts=pulumi.ResourceOptions(depends_on=[made]))
        random.RandomPet("pet")

    with pytest.raises(GaveUp, match=r"no handler for .*random:index/randomPet:RandomPet.*APPLY=pulumi"):
        run(program)
    assert cluster.writes == []


def test_bad_input_is_raised_as_it_is_before_anything_is_touched(
    cluster: FakeCluster, run: Callable[[Program], apply.Counts]
) -> None:
    def program() -> None:
        configuration({})
        raise InputError([Problem("dags/a.yaml", "image", "x", "y", "z")])

    with pytest.raises(InputError, match=r"dags/a\.yaml"):
        run(program)
    assert cluster.writes == []


def test_the_program_reads_its_configuration(cluster: FakeCluster, run: Callable[..., apply.Counts]) -> None:
    def program() -> None:
        configuration({"name": pulumi.Config(PROJECT).require("name"), "stack": pulumi.get_stack()})

    run(program, name="from-config")
    data = cluster.objects["configmaps", NAMESPACE, "settings"]["data"]
    assert data == {"name": "from-config", "stack": "dev"}


class Builds:
    """Stands in for BuildKit and the registry: what was built is there from then on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, present: set[str]) -> None:
        self.built: list[str] = []
        self.present = present
        monkeypatch.setattr(apply, "build", self.build)
        monkeypatch.setattr(apply, "Registry", lambda server, credentials: self)

    def __enter__(self) -> Builds:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def digest(self, reference: str) -> str | None:
        return "sha256:" + reference[-1] * 64 if reference in self.present else None

    def build(self, inputs: dict[str, Any], *_: object) -> None:
        self.present.add(inputs["tags"][0])
        self.built.append(inputs["tags"][0])


def test_only_what_the_registry_lacks_is_built(
    cluster: FakeCluster, run: Callable[[Program], apply.Counts], monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = Builds(monkeypatch, {"localhost:5000/x:a"})

    def program() -> None:
        digests = []
        for tag in ("a", "b"):
            image = docker_build.Image(
                tag, tags=[f"localhost:5000/x:{tag}"], context={"location": "build/contexts/x"}, push=False,
                exports=[{"raw": "type=image,push=true"}],
            )  # fmt: skip
            digests.append(image.digest)
        configuration({"digests": pulumi.Output.all(*digests).apply(",".join)})

    assert run(program).built == 1
    assert builds.built == ["localhost:5000/x:b"]
    assert run(program).built == 0
    data = cluster.objects["configmaps", NAMESPACE, "settings"]["data"]
    assert data["digests"] == f"sha256:{'a' * 64},sha256:{'b' * 64}"


def test_an_image_that_was_pushed_nowhere_is_told(
    run: Callable[[Program], apply.Counts], monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = Builds(monkeypatch, set())
    monkeypatch.setattr(apply, "build", lambda *_: None)

    def program() -> None:
        docker_build.Image("a", tags=["localhost:5000/x:a"], context={"location": "build/contexts/x"}, push=False)

    with pytest.raises(GaveUp, match="localhost:5000/x:a was built, but is not in the registry"):
        run(program)
    assert builds.built == []


def test_a_release_is_upgraded_when_chart_or_values_change_only(
    run: Callable[[Program], apply.Counts], cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[str] = []

    def upgrade(self: helm.Helm, chart: helm.Chart) -> None:
        calls.append("upgrade")
        revision = {"name": "sh.helm.release.v1.airflow.v1", "namespace": NAMESPACE, "resourceVersion": "1"}
        labels = {"owner": "helm", "name": "airflow", "version": "1", "status": "deployed"}
        live = {"apiVersion": "v1", "kind": "Secret", "metadata": {**revision, "labels": labels}}
        cluster.objects["secrets", NAMESPACE, revision["name"]] = live

    monkeypatch.setattr(helm.Helm, "upgrade", upgrade)
    monkeypatch.setattr(helm.Helm, "uninstall", lambda self, name, namespace: calls.append(f"uninstall {name}"))
    chart = tmp_path / "chart"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("name: airflow")

    def program(value: str) -> Program:
        def register() -> None:
            kubernetes.helm.v3.Release(
                "airflow", name="airflow", namespace=NAMESPACE, chart=str(chart), values={"v": value}
            )

        return register

    assert run(program("1")) == apply.Counts(created=1)
    assert run(program("1")) == apply.Counts(unchanged=1)
    assert run(program("2")) == apply.Counts(changed=1)
    (chart / "Chart.yaml").write_text("name: airflow # changed")
    assert run(program("2")) == apply.Counts(changed=1)
    assert calls == ["upgrade"] * 3
    assert run(lambda: None).deleted == 1
    assert calls[-1] == "uninstall airflow"


def test_one_failure_stops_what_waits(
    cluster: FakeCluster, run: Callable[[Program], apply.Counts], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_status", lambda key, body: {})

    def program() -> None:
        pods = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": pods}
        kubernetes.apps.v1.Deployment("never-ready", metadata={**SPACE, "name": "never-ready"}, spec=spec)
        random.RandomPassword("broken", length=pulumi.Output.from_input("not a number"))

    with pytest.raises(ValueError, match="not a number"):
        run(program)


def test_direct_apply_stays_on_its_leash() -> None:
    lines = Path(apply.__file__).read_text().splitlines()
    assert len(lines) <= 300
