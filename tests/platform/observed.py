"""What there is: Airflow's components, the published tree, what Airflow serves, what the registry holds."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

from lightkube.resources.core_v1 import Pod

from infra import names
from local.airflow_api import AirflowApi
from local.bucket import secret, service_address
from local.cluster import kubectl
from local.waiting import wait
from registry.client import Registry, docker_credentials
from tests.conftest import Deployed

SERVED_SECONDS, RUN_SECONDS = 90, 300
LASTING = ("ReplicaSet", "StatefulSet")


class Api(AirflowApi):
    """What tests ask of Airflow beyond what the product does."""

    def dags(self) -> dict[str, dict[str, Any]]:
        """The DAGs that Airflow serves, by name; those that are gone from the files are not among them."""
        return {dag["dag_id"]: dag for dag in self._send("GET", "/api/v2/dags", params={"limit": 100})["dags"]}

    def pool(self, name: str) -> Any:
        return self._send("GET", f"/api/v2/pools/{name}")

    def set_variable(self, key: str, value: str) -> None:
        self._send("POST", "/api/v2/variables", json={"key": key, "value": value})

    def result(self, dag: str, run: str, task: str) -> Any:
        """What the task returned."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/return_value"
        return self._send("GET", path)["value"]


def api_of(deployed: Deployed) -> Api:
    """Airflow's API, logged in as its administrator."""
    client, namespace = deployed.client, deployed.settings.name
    login = secret(client, namespace, names.ADMIN_SECRET)
    api = Api(
        service_address(client, namespace, names.API_SERVER, names.API_SERVER_PORT),
        login["username"],
        login["password"],
    )
    api.log_in()
    return api


def components(deployed: Deployed) -> dict[str, tuple[str, int]]:
    """Every long-running pod of Airflow and its stores: its identity, and how often it was restarted."""
    found: Any = deployed.client.list(Pod, namespace=deployed.settings.name)
    return {
        pod.metadata.name: (pod.metadata.uid, sum(one.restartCount for one in pod.status.containerStatuses or ()))
        for pod in found
        if pod.metadata.ownerReferences and pod.metadata.ownerReferences[0].kind in LASTING
    }


def published(deployed: Deployed) -> dict[str, bytes]:
    """The published tree: path -> content."""
    version = deployed.bucket.published_version()
    return unpacked(deployed.bucket.get(f"dags/versions/{version}.tar.gz"))


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The files of a gzipped tar."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tree:
        files = ((one.name, tree.extractfile(one)) for one in tree.getmembers())
        return {name: file.read() for name, file in files if file}


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    """Paths that were added, removed or changed."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def of_no_namespace(deployed: Deployed) -> list[str]:
    """Names of the objects outside all namespaces that belong to a deployment, its namespaces themselves among them."""
    machine, settings = deployed.machine, deployed.settings
    kinds = kubectl(machine, "api-resources", "--verbs=list", "--namespaced=false", "--output=name").split()
    listed = json.loads(kubectl(machine, "get", ",".join(kinds), "--output=json"))["items"]
    ours = (f'"{settings.name}"', f'"{settings.tasks_namespace}"')
    return [one["metadata"]["name"] for one in listed if any(name in json.dumps(one) for name in ours)]


def digest_of(deployed: Deployed, reference: str) -> str | None:
    """The digest that the registry holds under a reference."""
    server = reference.partition("/")[0]
    with Registry(server, docker_credentials(deployed.machine.docker_config).get(server)) as registry:
        return registry.digest(reference)


def reference_of(tree: dict[str, bytes], image: str) -> str:
    """The reference of an image type in a published tree."""
    return str(json.loads(tree["images.json"])["images"][image]["reference"])


def await_served(deployed: Deployed, dag: str) -> None:
    """Return when Airflow serves the published version of the DAG."""
    api, version = api_of(deployed), deployed.bucket.published_version()

    def missing() -> str | None:
        live = api.dags().get(dag, {}).get("bundle_version")
        return None if live == version else f"serves {live}, published is {version}; {api.import_errors()}"

    wait(f"Airflow to serve {dag}", missing, SERVED_SECONDS)


def succeeds(deployed: Deployed, dag: str, run: str) -> None:
    """Run the published version of a DAG to its good end."""
    await_served(deployed, dag)
    api, ends = api_of(deployed), ("success", "failed")
    api.unpause(dag)
    api.trigger(dag, run)
    wait("the run", lambda: None if (state := api.run_state(dag, run)) in ends else str(state), RUN_SECONDS)
    assert api.run_state(dag, run) == "success", [api.log(dag, run, task) for task in api.tasks(dag, run)]
