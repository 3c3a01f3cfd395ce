"""The bucket on S3, and a role for each service account that reaches it: nobody holds a key.

Imports pulumi_aws, which only stacks with such a bucket have (requirements-aws.txt): import it where it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.object_store_policies import UNFINISHED_DAYS, User, document, expirations
from infra.service_accounts import IDENTITIES, Account, Identity
from infra.settings_stores import S3Store

#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
PROVIDER_ARN = re.compile(r"arn:(?P<partition>[^:]+):iam::(?P<account>[0-9]{12}):oidc-provider/(?P<issuer>.+)")
_READING, _WRITING = "s3:GetObject", "s3:PutObject"


@dataclass(frozen=True)
class S3BucketArguments:
    """The stack's name, its choices, and the names of its namespaces by place."""

    name: str
    settings: S3Store
    namespaces: Mapping[str, str]
    protect: bool


class S3Bucket(pulumi.ComponentResource):
    """A private, versioned, encrypted bucket for TLS only, and ``roles``: service account -> ARN of its role."""

    roles: Mapping[Account, pulumi.Output[str]]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: S3BucketArguments, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("de-airflow-pipeline:infra:S3Bucket", "s3-bucket", None, opts)
        self._settings, self._found = arguments.settings, _parsed(arguments.settings.oidc_provider)
        provider = aws.Provider(
            "aws",
            region=arguments.settings.region,
            # Credentials of another account are refused before anything is touched.
            allowed_account_ids=[self._found["account"]],
            default_tags={"tags": {"de-airflow-pipeline": arguments.name}},
            opts=pulumi.ResourceOptions(parent=self),
        )
        child = pulumi.ResourceOptions(parent=self, provider=provider)
        kept = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(protect=arguments.protect))
        bucket = aws.s3.Bucket("bucket", bucket=arguments.settings.bucket, force_destroy=False, opts=kept)
        rules = self._rules(bucket, kept)
        self.roles = {}
        policies = []
        for identity in IDENTITIES:
            role, policy = self._role(identity, arguments, child)
            policies.append(policy)
            self.roles |= {Account(identity.place, name): role.arn for name in identity.accounts}
        self.ready = (bucket, *rules, *policies)
        self.register_outputs({"bucket": bucket.bucket})

    def _rules(self, bucket: Any, opts: pulumi.ResourceOptions) -> tuple[pulumi.Resource, ...]:
        settings = self._settings
        closed = aws.s3.BucketPublicAccessBlock(
            "bucket-public-access",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=opts,
        )
        # One at a time: S3 answers concurrent changes of one bucket with 409.
        after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[closed]))
        owned = aws.s3.BucketOwnershipControls(
            "bucket-ownership",
            bucket=bucket.bucket,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=after,
        )
        policy = aws.s3.BucketPolicy(
            "bucket-policy",
            bucket=bucket.bucket,
            policy=tls_only(settings.bucket, self._found["partition"]),
            opts=after,
        )
        versioning = aws.s3.BucketVersioning(
            "bucket-versioning", bucket=bucket.bucket, versioning_configuration={"status": "Enabled"}, opts=opts
        )
        encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            "bucket-encryption", bucket=bucket.bucket, rules=[_encryption(settings.kms_key)], opts=opts
        )
        lifecycle = aws.s3.BucketLifecycleConfiguration(
            "bucket-lifecycle",
            bucket=bucket.bucket,
            rules=_lifecycle(settings),
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[versioning])),
        )
        return closed, owned, policy, versioning, encryption, lifecycle

    def _role(
        self, identity: Identity, arguments: S3BucketArguments, opts: pulumi.ResourceOptions
    ) -> tuple[Any, pulumi.Resource]:
        namespace = arguments.namespaces[identity.place]
        role = aws.iam.Role(
            f"role-{identity.name}",
            name_prefix=f"{arguments.name[:20]}-{identity.name}-",
            description=f"{', '.join(identity.accounts)} of namespace {namespace}",
            assume_role_policy=trust(
                arguments.settings.oidc_provider, [f"system:serviceaccount:{namespace}:{a}" for a in identity.accounts]
            ),
            permissions_boundary=arguments.settings.permissions_boundary,
            opts=opts,
        )
        policy = aws.iam.RolePolicy(
            f"role-{identity.name}",
            role=role.name,
            policy=rights(identity.users, arguments.settings, self._found["partition"]),
            opts=opts,
        )
        return role, policy


def tls_only(bucket: str, partition: str) -> str:
    """The bucket's policy: whoever comes without TLS, or with one older than 1.2, gets nothing."""
    arn = f"arn:{partition}:s3:::{bucket}"
    return document(
        [
            {
                "Sid": sid,
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": condition,
            }
            for sid, condition in (
                ("OnlyTls", {"Bool": {"aws:SecureTransport": "false"}}),
                ("NoOldTls", {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
            )
        ]
    )


def trust(oidc_provider: str, subjects: Sequence[str]) -> str:
    """Who may take a role: these service accounts, told by the cluster's own identity provider, and nobody else."""
    issuer = _parsed(oidc_provider)["issuer"]
    return document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Federated": oidc_provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": sorted(subjects)}
                },
            }
        ]
    )


def rights(users: Sequence[User], settings: S3Store, partition: str) -> str:
    """What a role may do: what its users may, and with the bucket's key only what that takes."""
    statements = [one for user in users for one in _head(user.statements(settings.bucket, partition))]
    if settings.kms_key:
        actions = {action for user in users for some in user.actions.values() for action in some}
        needed = [
            *(["kms:Decrypt"] if actions & {_READING, _WRITING} else []),
            *(["kms:GenerateDataKey"] if _WRITING in actions else []),
        ]
        via = {"StringEquals": {"kms:ViaService": f"s3.{settings.region}.amazonaws.com"}}
        statements.append({"Effect": "Allow", "Action": needed, "Resource": [settings.kms_key], "Condition": via})
    return document(statements)


def _head(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """S3 tells that an object is not there, instead of denying it, only to who may list the bucket; a HEAD names no
    prefix. Airflow writes no log whose predecessor it cannot look for. It costs that keys, not contents, are listed.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    renamed = {"StringLike": "StringLikeIfExists"}
    return [
        {**one, "Condition": {renamed[key]: value for key, value in one["Condition"].items()}}
        if "Condition" in one
        else one
        for one in statements
    ]


def _encryption(key: str | None) -> Any:
    default = {"sse_algorithm": "aws:kms", "kms_master_key_id": key} if key else {"sse_algorithm": "AES256"}
    # With a key of its own, one data key a bucket instead of one an object: a hundredth of the calls to KMS.
    return {"apply_server_side_encryption_by_default": default, "bucket_key_enabled": bool(key)}


def _lifecycle(settings: S3Store) -> Any:
    return [
        *(
            {
                "id": prefix.rstrip("/"),
                "status": "Enabled",
                "filter": {"prefix": prefix},
                "expiration": {"days": days},
            }
            for prefix, days in expirations(settings.log_days, settings.backup_days).items()
        ),
        {
            "id": "everything",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "expiration": {"expired_object_delete_marker": True},
            "noncurrent_version_expiration": {"noncurrent_days": settings.overwritten_days},
            "abort_incomplete_multipart_upload": {"days_after_initiation": UNFINISHED_DAYS},
        },
    ]


def _parsed(oidc_provider: str) -> dict[str, str]:
    found = PROVIDER_ARN.fullmatch(oidc_provider)
    assert found, "the settings have checked it"  # noqa: S101
    return found.groupdict()
