"""What a collection is shown: images that one thing alone needs, and one that nothing does."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lightkube import Client
from lightkube.resources.core_v1 import Pod

from local.machine import Machine
from pipelines.dag_tree import CATALOG
from registry.client import docker_credentials
from registry.contents import Contents
from tests.registry import pushed

#: A version that was published before, as its name has it.
OLD_VERSION = f"dags/versions/{'0' * 64}.tar.gz"
NOWHERE = {"kubernetes.io/hostname": "none"}


@dataclass(frozen=True)
class Litter:
    """Digests in one repository, by what needs them."""

    registry: Contents
    repository: str
    published: str
    running: str
    nothing: str

    @property
    def digests(self) -> frozenset[str]:
        return frozenset((self.published, self.running, self.nothing))

    def there(self) -> frozenset[str]:
        """Those that the registry still has."""
        return frozenset(one for one in self.digests if self.registry.raw(self.repository, one) is not None)


@contextmanager
def litter(
    machine: Machine, client: Client, repository: str, namespace: str, put: Callable[[str, bytes], None]
) -> Iterator[Litter]:
    """Three images: one that a published version names, which ``put`` writes to the bucket, one that a pod of the
    namespace names, and one beside them."""
    server = machine.registry
    with Contents(server, docker_credentials(machine.docker_config)[server]) as registry:
        tags = ("0-published", "0-running", "0-nothing")
        digests = [pushed.image(registry, repository, tag, (tag.encode(),))["digest"] for tag in tags]
        published, running = (f"{server}/{repository}:{tag}" for tag in tags[:2])
        put(OLD_VERSION, _version(published, digests[0]))
        metadata = {"name": "needs-an-image", "namespace": namespace}
        # It waits for a node for ever: named is needed.
        spec = {"nodeSelector": NOWHERE, "containers": [{"name": "base", "image": running}]}
        client.create(Pod.from_dict({"metadata": metadata, "spec": spec}))
        try:
            yield Litter(registry, repository, *digests)
        finally:
            client.delete(Pod, metadata["name"], namespace=namespace, grace_period=0)


def _version(reference: str, digest: str) -> bytes:
    content = json.dumps({"images": {"old": {"reference": reference, "digest": digest}}}).encode()
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        member = tarfile.TarInfo(CATALOG)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return written.getvalue()
