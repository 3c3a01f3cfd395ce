"""How clients reach the bucket, whatever keeps it: what every kind of object store comes down to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi

#: Where every pod of Airflow's finds the authority that signed the store's certificate, among the runtime's files.
AUTHORITY_FILE = "object-store-authority.pem"


@dataclass(frozen=True)
class Keys:
    """One log-in; the second half is secret."""

    access_key: pulumi.Input[str]
    secret_key: pulumi.Input[str]


@dataclass(frozen=True)
class Access:
    """A bucket and the way to it.

    ``endpoint`` is None for S3 itself. ``keys`` are by user; a user without keys has the identity of its pods' service
    account. ``authority`` is the path of a certificate in Airflow's pods. ``given``: others put the clients' Secrets.
    """

    bucket: str
    region: str
    endpoint: pulumi.Output[str] | None
    keys: Mapping[str, Keys] = field(default_factory=dict)
    addressing: Literal["path", "virtual"] = "path"
    authority: str | None = None
    given: bool = False
    ready: tuple[pulumi.Resource, ...] = ()

    @property
    def address(self) -> pulumi.Output[str]:
        """The endpoint, that of S3 too."""
        return self.endpoint or pulumi.Output.from_input(f"https://s3.{self.region}.amazonaws.com")

    def environment(self, user: str) -> dict[str, pulumi.Input[str]]:
        """What boto3 reads, and the bucket's name."""
        variables: dict[str, pulumi.Input[str]] = {"AWS_REGION": self.region, "OBJECT_STORE_BUCKET": self.bucket}
        if self.endpoint is not None:
            variables["AWS_ENDPOINT_URL_S3"] = self.endpoint
        if keys := self.keys.get(user):
            variables |= {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
        return variables

    def connection(self, user: str) -> pulumi.Output[str]:
        """Airflow's JSON form of an AWS connection."""
        keys = self.keys.get(user)
        found = (self.endpoint, keys and keys.access_key, keys and keys.secret_key)
        return pulumi.Output.all(*found).apply(lambda parts: self._connection(*parts))

    def _connection(self, endpoint: str | None, access_key: str | None, secret_key: str | None) -> str:
        extra: dict[str, object] = {"region_name": self.region}
        if endpoint:
            extra |= {"endpoint_url": endpoint, "config_kwargs": {"s3": {"addressing_style": self.addressing}}}
        if self.authority:
            extra["verify"] = self.authority
        log_in = {"login": access_key, "password": secret_key} if access_key else {}
        return json.dumps({"conn_type": "aws", **log_in, "extra": extra}, sort_keys=True)
