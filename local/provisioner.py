"""Gives every claim of storage class ``local`` a folder of this machine.

Run as a program, apart from the rest: it needs the standard library only.
A claim gets a PersistentVolume over a new folder; a volume that was released and is to be deleted goes with its folder.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import ssl
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STORAGE_CLASS = "local"
PROVISIONER = "de-airflow-pipeline/local"
# Reconciling again after this long catches what no event told of.
WATCH_SECONDS = 10
RETRY_SECONDS = 1
VOLUMES = "/api/v1/persistentvolumes"
CLAIMS = "/api/v1/persistentvolumeclaims"

Object = dict[str, Any]


class Client:
    """The few requests to the API server that this needs."""

    def __init__(self, kubeconfig: Path) -> None:
        content = json.loads(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self._server = urllib.parse.urlsplit(cluster["server"]).netloc
        self._context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        with tempfile.NamedTemporaryFile() as identity:
            identity.write(base64.b64decode(user["client-certificate-data"]))
            identity.flush()
            self._context.load_cert_chain(identity.name)

    def request(self, method: str, path: str, body: Object | None = None) -> Object:
        """The answer; an empty one for 404 and 409, which mean that somebody else was faster."""
        with self._open(method, path, body, 30) as response:
            data = response.read()
            if response.status in (404, 409):
                return {}
            if response.status >= 400:
                raise OSError(f"{method} {path}: {response.status} {data[:300]!r}")
            answer: Object = json.loads(data)
            return answer

    def events(self, path: str) -> Iterator[None]:
        """One item for each change, for ``WATCH_SECONDS``."""
        watch = f"{path}?watch=true&timeoutSeconds={WATCH_SECONDS}"
        with self._open("GET", watch, None, WATCH_SECONDS + 5) as response:
            if response.status != http.client.OK:
                raise OSError(f"watching {path}: {response.status} {response.read(300)!r}")
            while response.readline():
                yield

    def _open(self, method: str, path: str, body: Object | None, seconds: float) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(self._server, context=self._context, timeout=seconds)
        # One request a connection: the response then closes it when it is closed.
        headers = {"Content-Type": "application/json", "Connection": "close"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        return connection.getresponse()


def volume_for(claim: Object, folders: Path, node: str) -> Object:
    """The PersistentVolume for ``claim``, on a folder that is named after it."""
    metadata, spec = claim["metadata"], claim["spec"]
    folder = folders / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": f"local-{metadata['uid']}",
            "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
        },
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                **{key: metadata[key] for key in ("namespace", "name", "uid")},
            },
            # Not hostPath: only for this kind does the kubelet hand the folder to a pod's fsGroup.
            "local": {"path": str(folder)},
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
                    ]
                }
            },
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": STORAGE_CLASS,
        },
    }


def waits(claim: Object) -> bool:
    spec = claim["spec"]
    return (
        spec.get("storageClassName") == STORAGE_CLASS
        and not spec.get("volumeName")
        and not claim["metadata"].get("deletionTimestamp")
    )


def ended(volume: Object) -> bool:
    spec = volume["spec"]
    return (
        volume["metadata"].get("annotations", {}).get("pv.kubernetes.io/provisioned-by") == PROVISIONER
        and volume.get("status", {}).get("phase") in ("Released", "Failed")
        and spec.get("persistentVolumeReclaimPolicy") == "Delete"
    )


def reconcile(client: Client, folders: Path, node: str) -> None:
    existing = client.request("GET", VOLUMES).get("items", [])
    names = {volume["metadata"]["name"] for volume in existing}
    for claim in client.request("GET", CLAIMS).get("items", []):
        volume = volume_for(claim, folders, node)
        if waits(claim) and volume["metadata"]["name"] not in names:
            folder = Path(volume["spec"]["local"]["path"])
            folder.mkdir(parents=True, exist_ok=True)
            # Pods run as the user that their image names, not all with an fsGroup. The folder above is closed.
            folder.chmod(0o777)
            client.request("POST", VOLUMES, volume)
            print(f"{folder.name}: volume made", flush=True)
    for volume in filter(ended, existing):
        folder = Path(volume["spec"]["local"]["path"])
        if folder.parent == folders:
            shutil.rmtree(folder, ignore_errors=True)
        client.request("DELETE", f"{VOLUMES}/{volume['metadata']['name']}")
        print(f"{folder.name}: volume removed", flush=True)


def main() -> None:
    kubeconfig, folders, node = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    os.umask(0o022)
    client = Client(kubeconfig)
    while True:
        try:
            reconcile(client, folders, node)
            for _ in client.events(CLAIMS):
                reconcile(client, folders, node)
        except (OSError, http.client.HTTPException, ValueError) as error:
            print(f"trying again: {error}", flush=True)
            time.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    main()
