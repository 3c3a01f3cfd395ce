"""Each right of each user of the bucket, taken away in turn on a live MinIO: then what needs it is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from airflow_runtime.object_store import ObjectStore, StoreError
from infra.object_store_policies import USERS, User
from local.machine import Machine
from tests.platform.minio_server import Minio, minio_server

pytestmark = [pytest.mark.platform, pytest.mark.faults]

BUCKET, THERE = "lake", "there"
DENIED = re.compile("access ?denied", re.IGNORECASE)


@dataclass(frozen=True)
class Right:
    """One action below one prefix; ``listed`` prefixes have no other."""

    user: User
    prefix: str
    action: str

    def __str__(self) -> str:
        return f"{self.user.name}: {self.action.removeprefix('s3:')} of {self.prefix}"

    @property
    def remaining(self) -> User:
        """The user without this right."""
        if self.action == "s3:ListBucket":
            return replace(self.user, listed=tuple(one for one in self.user.listed if one != self.prefix))
        left = tuple(one for one in self.user.actions[self.prefix] if one != self.action)
        return replace(self.user, actions={**self.user.actions, self.prefix: left})


RIGHTS = tuple(
    Right(user, prefix, action)
    for user in USERS
    for prefix, action in (
        *((prefix, action) for prefix, actions in sorted(user.actions.items()) for action in actions),
        *((prefix, "s3:ListBucket") for prefix in user.listed),
    )
)


@pytest.fixture(scope="module")
def minio(started: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """With an object below each prefix."""
    with minio_server(started, tmp_path_factory.mktemp("minio"), BUCKET) as found:
        for prefix in sorted({right.prefix for right in RIGHTS}):
            found.client("root").put_object(Bucket=BUCKET, Key=f"{prefix}/{THERE}", Body=b"content")
        found.add_users()
        yield found


def get(minio: Minio, right: Right) -> None:
    assert _store(minio, right).get(THERE) == b"content"


def put(minio: Minio, right: Right) -> None:
    _store(minio, right).put("new", b"content")


def delete(minio: Minio, right: Right) -> None:
    _store(minio, right).delete("new")


def listing(minio: Minio, right: Right) -> None:
    assert THERE in _store(minio, right).listing("")


def list_parts(minio: Minio, right: Right) -> None:
    minio.client(right.user.name).list_parts(**_upload(minio, right))


def abort(minio: Minio, right: Right) -> None:
    minio.client(right.user.name).abort_multipart_upload(**_upload(minio, right))


def _store(minio: Minio, right: Right) -> ObjectStore:
    return ObjectStore(BUCKET, right.prefix, minio.settings(right.user.name), 1)


def _upload(minio: Minio, right: Right) -> dict[str, str]:
    """An upload of many parts that somebody has begun."""
    place = {"Bucket": BUCKET, "Key": f"{right.prefix}/large"}
    return {**place, "UploadId": minio.client("root").create_multipart_upload(**place)["UploadId"]}


#: Action -> what needs it.
NEEDS: dict[str, Callable[[Minio, Right], None]] = {
    "s3:GetObject": get,
    "s3:PutObject": put,
    "s3:DeleteObject": delete,
    "s3:ListBucket": listing,
    "s3:ListMultipartUploadParts": list_parts,
    "s3:AbortMultipartUpload": abort,
}


@pytest.mark.parametrize("right", RIGHTS, ids=str)
def test_without_its_right_an_operation_is_refused(minio: Minio, right: Right) -> None:
    NEEDS[right.action](minio, right)
    minio.allow(right.remaining)
    try:
        with pytest.raises((StoreError, ClientError), match=DENIED):
            NEEDS[right.action](minio, right)
    finally:
        minio.allow(right.user)


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_no_user_reaches_what_is_another_s(minio: Minio, user: User) -> None:
    mine = {(prefix, action) for prefix, actions in user.actions.items() for action in actions}
    mine |= {(prefix, "s3:ListBucket") for prefix in user.listed}
    for other in RIGHTS:
        within = any(other.prefix == prefix or other.prefix.startswith(f"{prefix}/") for prefix, _ in mine)
        if within or other.user == user:
            continue
        with pytest.raises((StoreError, ClientError), match=DENIED):
            NEEDS[other.action](minio, replace(other, user=user))


def test_a_stranger_gets_nothing(minio: Minio) -> None:
    anonymous = boto3.session.Session().client(
        "s3",
        endpoint_url=minio.address,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}, proxies={}),
    )
    for prefix in {right.prefix for right in RIGHTS}:
        with pytest.raises(ClientError, match=DENIED):
            anonymous.get_object(Bucket=BUCKET, Key=f"{prefix}/{THERE}")
