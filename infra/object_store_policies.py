"""What each user of the bucket may do, as S3 policy documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from infra.names import DAGS_PREFIX, LOGS_PREFIX, SOURCES_PREFIX

_READ = ("s3:GetObject",)
_WRITE = ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject")
_DELETE = ("s3:DeleteObject",)


@dataclass(frozen=True)
class User:
    """A user of the bucket: actions by prefix, and the prefixes it may list."""

    name: str
    actions: Mapping[str, tuple[str, ...]]
    listed: tuple[str, ...]

    def policy(self, bucket: str) -> str:
        """The policy document, sorted, so that equal rights are equal text."""
        statements: list[dict[str, object]] = [
            {
                "Effect": "Allow",
                "Action": sorted(actions),
                "Resource": [f"arn:aws:s3:::{bucket}/{prefix}/*"],
            }
            for prefix, actions in sorted(self.actions.items())
        ]
        statements.append(
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{bucket}"],
                "Condition": {"StringLike": {"s3:prefix": [f"{prefix}/*" for prefix in sorted(self.listed)]}},
            }
        )
        return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=1, sort_keys=True)


AIRFLOW = User("airflow", {LOGS_PREFIX: _READ + _WRITE, DAGS_PREFIX: _READ}, (DAGS_PREFIX, LOGS_PREFIX))
PUBLISHER = User("publisher", {DAGS_PREFIX: _READ + _WRITE + _DELETE}, (DAGS_PREFIX,))
TASKS = User("tasks", {"data": _READ + _WRITE, SOURCES_PREFIX: _READ}, ("data",))
USERS = (AIRFLOW, PUBLISHER, TASKS)
