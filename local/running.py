"""What a stack's cluster runs now: Airflow, its chart, the schema of its database, the images that its DAGs name."""

from __future__ import annotations

import io
import json
import re
import tarfile
from typing import Any

from lightkube import Client
from lightkube.resources.apps_v1 import Deployment, StatefulSet

from infra import names
from infra.settings import Settings
from local.backups import Backups
from local.bucket import Bucket
from local.waiting import GaveUp
from pipelines.dag_tree import CATALOG
from pipelines.image_checks import AIRFLOW_TAG
from pipelines.upgrades import Running

#: The chart's label on all that it makes: airflow-1.22.0.
CHART = re.compile(r"-(\d+\.\d+\.\d+)$")


def running(client: Client, settings: Settings, backups: Backups) -> Running:
    """Raises GaveUp where Airflow runs and database or bucket do not answer."""
    found = _scheduler(client, settings.name)
    if found is None:
        return Running(None, None, None, None, {})
    version = AIRFLOW_TAG.search(found.spec.template.spec.containers[0].image)
    chart = CHART.search((found.metadata.labels or {}).get("chart", ""))
    return Running(
        airflow=version["airflow"] if version else None,
        python=version["python"] if version else None,
        chart=chart[1] if chart else None,
        revision=backups.revision(),
        images=catalog(Bucket(client, settings)),
    )


def catalog(bucket: Bucket) -> dict[str, str]:
    """The references that the published DAG files name, by DAG type; none where nothing was published."""
    if f"{names.DAGS_PREFIX}/current" not in bucket.keys(f"{names.DAGS_PREFIX}/current"):
        return {}
    archive = bucket.get(f"{names.DAGS_PREFIX}/versions/{bucket.published_version()}.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:*") as tar:
        member = tar.extractfile(CATALOG)
        if member is None:
            raise GaveUp(f"the published version holds no {CATALOG}")
        document: dict[str, Any] = json.load(member)
    return {type_: image["reference"] for type_, image in document["images"].items()}


def _scheduler(client: Client, namespace: str) -> Any:
    # Kinds are data here, which the client's overloads cannot follow.
    api: Any = client
    for kind in (Deployment, StatefulSet):
        for one in api.list(kind, namespace=namespace, labels={"component": "scheduler"}):
            return one
    return None
