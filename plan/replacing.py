"""Which fields no provider changes in place, so that the engine replaces the resource; and what goes with a deletion.

Sources, each of the version that requirements.txt pins:

- kubernetes: ``forceNew`` and ``metadataForceNewProperties`` of pulumi-kubernetes,
  https://github.com/pulumi/pulumi-kubernetes/blob/v4.32.0/provider/pkg/provider/diff.go; the provider's
  ``enableSecretMutable`` and ``enableConfigMapMutable`` take ``.data`` out, ``immutable: true`` puts it back:
  https://www.pulumi.com/registry/packages/kubernetes/api-docs/provider/
- release: https://www.pulumi.com/registry/packages/kubernetes/api-docs/helm/v3/release/ (name, namespace)
- random: every argument of RandomPassword, https://www.pulumi.com/registry/packages/random/api-docs/randompassword/
- docker-build: none, its Diff has updates only,
  https://github.com/pulumi/pulumi-docker-build/blob/v0.0.22/provider/internal/image.go
- provider: ``clusterIdentifier``, https://www.pulumi.com/registry/packages/kubernetes/api-docs/provider/
- aws: ``ForceNew`` and ``RequiresReplace`` of the schemas that the provider bridges,
  https://github.com/hashicorp/terraform-provider-aws/tree/main/internal/service: s3/bucket*.go (``bucket``),
  iam/role.go (``name``, ``name_prefix``, ``path``), iam/role_policy.go (``name``, ``role``)

What of it the small repository of the tests touches, the engine itself has confirmed: tests/plan/previews.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from plan.model import ResourcePlan

_METADATA = ("metadata.name", "metadata.namespace")
#: Type, without the API's version -> fields; a field below counts too.
IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "kubernetes:apps:StatefulSet": (
        *_METADATA,
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    "kubernetes:apps:Deployment": (*_METADATA, "spec.selector"),
    "kubernetes:batch:Job": (*_METADATA, "spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    "kubernetes:core:ConfigMap": (*_METADATA, "data", "binaryData"),
    "kubernetes:core:Secret": (*_METADATA, "type", "data", "stringData"),
    "kubernetes:core:PersistentVolumeClaim": (*_METADATA, "spec"),
    "kubernetes:core:ResourceQuota": (*_METADATA, "spec.scopes"),
    "kubernetes:core:Service": (*_METADATA, "spec.clusterIP"),
    "kubernetes:rbac.authorization.k8s.io:RoleBinding": (*_METADATA, "roleRef"),
    "kubernetes:rbac.authorization.k8s.io:ClusterRoleBinding": (*_METADATA, "roleRef"),
    "kubernetes:storage.k8s.io:StorageClass": (*_METADATA, "parameters", "provisioner"),
    "kubernetes:helm.sh:Release": ("name", "namespace"),
    "random:index/randomPassword:RandomPassword": ("",),
    "docker-build:index:Image": (),
    "pulumi:providers:kubernetes": ("clusterIdentifier",),
    "aws:s3/bucket:Bucket": ("bucket",),
    "aws:s3/bucketV2:BucketV2": ("bucket",),
    **{
        f"aws:s3/{part[0].lower()}{part[1:]}:{part}": ("bucket",)
        for part in (
            "BucketLifecycleConfiguration",
            "BucketOwnershipControls",
            "BucketPolicy",
            "BucketPublicAccessBlock",
            "BucketServerSideEncryptionConfiguration",
            "BucketVersioning",
        )
    },
    "aws:iam/role:Role": ("name", "namePrefix", "path"),
    "aws:iam/rolePolicy:RolePolicy": ("name", "role"),
}
#: The provider's switch -> kinds whose data it makes mutable.
MUTABLE = {"enableSecretMutable": "Secret", "enableConfigMapMutable": "ConfigMap"}
#: Kind -> what goes when it is deleted.
TAKES_WITH_IT: Mapping[str, str] = {
    "Namespace": "everything in it, volumes and their data too",
    "StatefulSet": "its pods; its volume claims and their data stay",
    "PersistentVolumeClaim": "its volume and the data on it, unless the storage class retains them",
    "Release": "every object of the chart; runs in flight lose their scheduler",
    "Bucket": "every object in it",
    "BucketV2": "every object in it",
    "Secret": "what reads it fails to start",
    "Job": "its pods and their logs",
    "RandomPassword": "the generated value: what it opened is closed",
    "Image": "what the engine knows of it; the registry keeps the image",
    "Role": "the rights that it grants",
    "RoleBinding": "the rights that it grants",
    "ServiceAccount": "pods that run as it do not start any more",
}
HOLDS_DATA = frozenset(("Namespace", "StatefulSet", "PersistentVolumeClaim", "PersistentVolume", "Bucket", "BucketV2"))
_VERSION = re.compile(r"/v[0-9][a-z0-9]*$")


def replacing(before: ResourcePlan, after: ResourcePlan, fields: tuple[str, ...], providers: Mapping[str, Any]) -> str:
    """The field for which the engine replaces the resource, empty where it updates in place.

    ``fields`` are the dotted places that changed, ``providers`` the inputs of the providers by their key.
    """
    immutable = IMMUTABLE.get(_kind(after.type), _METADATA if after.type.startswith("kubernetes:") else ())
    kind = after.type.rpartition(":")[2]
    switches = providers.get(after.provider or "", {})
    may_change = any(MUTABLE[switch] == kind and str(switches.get(switch)) == "true" for switch in MUTABLE)
    # What the object itself declares immutable, no switch of the provider can change.
    if may_change and before.inputs.get("immutable") is not True:
        immutable = tuple(field for field in immutable if field not in ("data", "stringData", "binaryData"))
    for field in fields:
        for rule in immutable:
            if not rule or field == rule or field.startswith((f"{rule}.", f"{rule}[")):
                return field
    return ""


def takes_with_it(kind: str) -> str:
    """What goes with a deleted resource, by its type; empty where that is only itself."""
    return TAKES_WITH_IT.get(kind.rpartition(":")[2], "")


def holds_data(type_: str) -> bool:
    """Whether data goes, or may go, with a resource of a type."""
    return type_.rpartition(":")[2] in HOLDS_DATA


def _kind(type_: str) -> str:
    package, _, rest = type_.partition(":")
    module, _, kind = rest.rpartition(":")
    return f"{package}:{_VERSION.sub('', module)}:{kind}" if module else type_
