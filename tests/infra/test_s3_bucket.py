"""The bucket on S3: one assertion for each of its properties, on what the program registers."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

import pytest

from infra import provider_packages
from infra.service_accounts import Account
from infra.settings_stores import S3Store
from tests.infra import stacks
from tests.infra.recording import Recording, Registration, record

if not provider_packages.importable("pulumi_aws"):
    pytest.skip("pulumi-aws is not installed: make venv", allow_module_level=True)

from infra.s3_bucket import S3Bucket, S3BucketArguments, rights, tls_only, trust

#: The package warns of every older name of its own while it is imported.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws")]
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
READ, WRITE, DELETE, LIST = "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"
ACCOUNTS = {
    "airflow": ("core", ["airflow-api-server", "airflow-dag-processor", "airflow-scheduler", "airflow-triggerer"]),
    "backup": ("core", ["airflow-backup"]),
    "publisher": ("core", ["airflow-publisher"]),
    "task": ("tasks", ["airflow-task"]),
    "worker": ("core", ["airflow-worker"]),
}


def settings(**keys: Any) -> S3Store:
    found = stacks.stack(
        objectStore={
            "kind": "s3",
            "bucket": "lake",
            "region": "eu-central-1",
            "oidcProvider": stacks.OIDC_PROVIDER,
            **keys,
        }
    ).object_store
    assert isinstance(found, S3Store)
    return found


def recorded(*, preview: bool = False, protect: bool = True, **keys: Any) -> Recording:
    made: list[S3Bucket] = []
    places = {"core": "airflow", "tasks": "airflow-tasks"}
    found = record(
        lambda: made.append(S3Bucket(S3BucketArguments("airflow", settings(**keys), places, protect))), preview=preview
    )
    assert set(made[0].roles) == {Account(place, name) for place, names in ACCOUNTS.values() for name in names}
    return found


@pytest.fixture(scope="module", params=[False, True], ids=["up", "preview"])
def recording(request: pytest.FixtureRequest) -> Recording:
    return recorded(preview=request.param, kmsKey=KEY)


def one(recording: Recording, kind: str) -> Registration:
    (found,) = recording.of(kind)
    return found


def test_the_bucket_is_never_emptied_to_be_deleted(recording: Recording) -> None:
    assert one(recording, ":Bucket").inputs == {"bucket": "lake", "forceDestroy": False}


def test_nothing_of_it_is_public(recording: Recording) -> None:
    inputs = one(recording, ":BucketPublicAccessBlock").inputs
    assert {key for key, value in inputs.items() if value is True} == {
        "blockPublicAcls",
        "blockPublicPolicy",
        "ignorePublicAcls",
        "restrictPublicBuckets",
    }


def test_every_object_is_the_bucket_owner_s(recording: Recording) -> None:
    assert one(recording, ":BucketOwnershipControls").inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_it_is_versioned(recording: Recording) -> None:
    assert one(recording, ":BucketVersioning").inputs["versioningConfiguration"] == {"status": "Enabled"}


def test_it_is_encrypted_with_the_stack_s_key(recording: Recording) -> None:
    (rule,) = one(recording, ":BucketServerSideEncryptionConfiguration").inputs["rules"]
    assert rule == {
        "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY},
        "bucketKeyEnabled": True,
    }


def test_without_a_key_s3_encrypts_with_its_own() -> None:
    (rule,) = one(recorded(), ":BucketServerSideEncryptionConfiguration").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}


def test_the_policy_refuses_whoever_comes_without_tls(recording: Recording) -> None:
    policy = json.loads(one(recording, ":BucketPolicy").inputs["policy"])
    assert policy == json.loads(tls_only("lake", "aws"))
    refused = {json.dumps(statement["Condition"]) for statement in policy["Statement"]}
    assert refused == {'{"Bool": {"aws:SecureTransport": "false"}}', '{"NumericLessThan": {"s3:TlsVersion": "1.2"}}'}
    for statement in policy["Statement"]:
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Resource"] == ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"]


def test_what_is_old_goes() -> None:
    found = recorded(logDays=7, backupDays=8, overwrittenDays=9)
    rules = {rule["filter"]["prefix"]: rule for rule in one(found, ":BucketLifecycleConfiguration").inputs["rules"]}
    assert rules["logs/"]["expiration"] == {"days": 7}
    assert rules["backups/"]["expiration"] == {"days": 8}
    assert rules[""]["noncurrentVersionExpiration"] == {"noncurrentDays": 9}
    assert rules[""]["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 3}
    assert set(rules) == {"logs/", "backups/", ""}, "what DAGs have written stays"


def test_it_goes_through_a_provider_for_the_cluster_s_account_only(recording: Recording) -> None:
    provider = recording.one("pulumi:providers:aws", "aws")
    assert provider.inputs["region"] == "eu-central-1"
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["123456789012"]
    resources = [entry for entry in recording.registrations if entry.type.startswith("aws:")]
    assert {entry.provider.split("::")[-2] for entry in resources} == {"aws"}


@pytest.mark.parametrize("protect", [True, False])
def test_the_bucket_and_its_rules_are_protected_and_the_roles_are_not(protect: bool) -> None:
    found = recorded(protect=protect)
    protected = {entry.name for entry in found.registrations if entry.protect}
    assert protected == ({entry.name for entry in found.registrations if ":s3/" in entry.type} if protect else set())


def test_nobody_gets_a_key(recording: Recording) -> None:
    kinds = {entry.type for entry in recording.registrations if entry.type.startswith("aws:iam")}
    assert kinds == {"aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"}


@pytest.mark.parametrize("role", ACCOUNTS)
def test_a_role_is_for_its_service_accounts_of_this_cluster_only(recording: Recording, role: str) -> None:
    place, accounts = ACCOUNTS[role]
    namespace = {"core": "airflow", "tasks": "airflow-tasks"}[place]
    (statement,) = json.loads(recording.one(":Role", f"role-{role}").inputs["assumeRolePolicy"])["Statement"]
    issuer = "oidc.eks.eu-central-1.amazonaws.com/id/ABC"
    assert statement == {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": stacks.OIDC_PROVIDER},
        "Condition": {
            "StringEquals": {
                f"{issuer}:aud": "sts.amazonaws.com",
                f"{issuer}:sub": [f"system:serviceaccount:{namespace}:{account}" for account in accounts],
            }
        },
    }


def test_a_boundary_holds_every_role() -> None:
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    roles = recorded(permissionsBoundary=boundary).of(":Role")
    assert {role.inputs["permissionsBoundary"] for role in roles} == {boundary}


def allowed(policy: str, action: str, key: str, prefix: str | None = None) -> bool:
    """Whether one of the statements allows an action on a key, or listing with a prefix (None: a request without)."""
    arn = "arn:aws:s3:::lake" if action == LIST else f"arn:aws:s3:::lake/{key}"
    for statement in json.loads(policy)["Statement"]:
        if action not in statement["Action"] or not any(fnmatch.fnmatch(arn, one) for one in statement["Resource"]):
            continue
        for operator, wanted in statement.get("Condition", {}).items():
            patterns = wanted.get("s3:prefix", [])
            fits = (
                any(fnmatch.fnmatch(prefix, one) for one in patterns)
                if prefix is not None
                else operator.endswith("IfExists")
            )
            if not fits:
                break
        else:
            return True
    return False


@pytest.mark.parametrize(
    ("role", "action", "key", "expected"),
    [
        ("airflow", READ, "dags/current", True),
        ("airflow", WRITE, "logs/a.log", True),
        ("airflow", WRITE, "dags/current", False),
        ("airflow", DELETE, "logs/a.log", False),
        ("airflow", READ, "data/x", False),
        ("worker", WRITE, "logs/a.log", True),
        ("worker", WRITE, "data/x", True),
        ("worker", READ, "dags/sources/a.tar.gz", True),
        ("worker", WRITE, "dags/current", False),
        ("worker", READ, "backups/a.dump", False),
        ("publisher", WRITE, "dags/current", True),
        ("publisher", DELETE, "dags/versions/a.tar.gz", True),
        ("publisher", READ, "data/x", False),
        ("backup", WRITE, "backups/a.dump", True),
        ("backup", DELETE, "backups/a.dump", False),
        ("backup", READ, "dags/current", False),
        ("task", READ, "dags/sources/a.tar.gz", True),
        ("task", WRITE, "data/x", True),
        ("task", READ, "dags/current", False),
        ("task", READ, "logs/a.log", False),
        ("task", READ, "backups/a.dump", False),
    ],
)
def test_a_role_may_do_what_it_needs_and_no_more(
    recording: Recording, role: str, action: str, key: str, expected: bool
) -> None:
    assert allowed(recording.one(":RolePolicy", f"role-{role}").inputs["policy"], action, key) is expected


def test_listing_is_limited_to_prefixes_and_a_missing_object_is_told(recording: Recording) -> None:
    policy = recording.one(":RolePolicy", "role-task").inputs["policy"]
    assert allowed(policy, LIST, "", "data/x")
    assert not allowed(policy, LIST, "", "logs/")
    # A HEAD names no prefix.
    assert allowed(policy, LIST, "", None)


def test_no_policy_reaches_another_bucket_or_every_action(recording: Recording) -> None:
    for entry in recording.of(":RolePolicy"):
        for statement in json.loads(entry.inputs["policy"])["Statement"]:
            assert not any("*" in action for action in statement["Action"])
            assert all(one == KEY or one.partition("/")[0] == "arn:aws:s3:::lake" for one in statement["Resource"])


def test_the_key_is_for_this_bucket_s_objects_only(recording: Recording) -> None:
    for entry in recording.of(":RolePolicy"):
        (statement,) = [one for one in json.loads(entry.inputs["policy"])["Statement"] if KEY in one["Resource"]]
        assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
        assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}


def test_other_partitions_have_arns_of_their_own() -> None:
    provider = stacks.OIDC_PROVIDER.replace("arn:aws:", "arn:aws-us-gov:")
    government = settings(oidcProvider=provider)
    assert "arn:aws:" not in tls_only("lake", "aws-us-gov") + rights((), government, "aws-us-gov")
    assert provider in trust(provider, ["system:serviceaccount:a:b"])
    policies = [entry.inputs["policy"] for entry in recorded(oidcProvider=provider).of("Policy")]
    assert not any("arn:aws:" in policy for policy in policies)
