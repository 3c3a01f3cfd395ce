"""Publication: the DAG tree as one immutable ConfigMap, and a Job that puts it into the bucket and switches to it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from infra import jobs, names, runtime
from infra.restricted import AIRFLOW
from infra.settings_record import Resources


@dataclass(frozen=True)
class PublicationArguments:
    """``archive`` and ``version`` are outputs: digests of the images are part of them."""

    namespace: pulumi.Output[str]
    archive: pulumi.Output[bytes]
    version: pulumi.Output[str]
    image: str
    resources: Resources
    files: runtime.RuntimeFiles
    after: Sequence[pulumi.Resource]
    database_secret: str = names.METADATA_SECRET


class Publication(pulumi.ComponentResource):
    """The ConfigMap and the Job, both auto-named, so that a roll-back runs again."""

    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: PublicationArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:Publication", "publication", None, opts)
        tree = k8s.core.v1.ConfigMap(
            "publication",
            metadata=k8s.meta.v1.ObjectMetaArgs(namespace=arguments.namespace, labels=names.CORE_PART_OF),
            immutable=True,
            binary_data={"tree.tar.gz": arguments.archive.apply(_encoded)},
            opts=pulumi.ResourceOptions(parent=self),
        )
        job = jobs.run(
            "publication",
            jobs.JobArguments(
                namespace=arguments.namespace,
                account=names.PUBLISHER_ACCOUNT,
                image=arguments.image,
                identity=AIRFLOW,
                resources=arguments.resources,
                arguments=["python", "-m", "airflow_runtime.publish"],
                environment=[
                    *jobs.plain({"PUBLICATION_VERSION": arguments.version, "PYTHONPATH": names.RUNTIME_PATH}),
                    *jobs.plain({"PUBLICATION_PREFIX": names.DAGS_PREFIX, "CONNECTION_CHECK_MAX_COUNT": "0"}),
                    jobs.from_secret("AIRFLOW_METADATA_CONNECTION", arguments.database_secret, "connection"),
                ],
                environment_secrets=[names.STORE_PUBLISHER_SECRET],
                mounts=[
                    jobs.config_map("publication", "/publication", tree.metadata.name),
                    jobs.Mount(names.RUNTIME_PATH, arguments.files.volume_arguments()),
                    jobs.scratch("tmp", "/tmp"),  # noqa: S108 - an emptyDir
                ],
                deadline_seconds=300,
                read_only_root=False,
            ),
            pulumi.ResourceOptions(parent=self, depends_on=list(arguments.after)),
        )
        self.ready = (job,)
        self.register_outputs({"version": arguments.version})


def _encoded(archive: bytes) -> str:
    return base64.b64encode(archive).decode()
