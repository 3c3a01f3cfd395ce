"""What each user of the bucket may do, as S3 policy documents; and what becomes of objects with time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.names import BACKUPS_PREFIX, DAGS_PREFIX, LOGS_PREFIX, SOURCES_PREFIX

_READ = ("s3:GetObject",)
_WRITE = ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject")
_DELETE = ("s3:DeleteObject",)
#: Uploads that nobody has finished by then nobody will.
UNFINISHED_DAYS = 3


@dataclass(frozen=True)
class User:
    """A user of the bucket: actions by prefix, and the prefixes it may list."""

    name: str
    actions: Mapping[str, tuple[str, ...]]
    listed: tuple[str, ...]

    def statements(self, bucket: str, partition: str = "aws") -> list[dict[str, Any]]:
        """The statements of the user's policy."""
        arn = f"arn:{partition}:s3:::{bucket}"
        return [
            *(
                {"Effect": "Allow", "Action": sorted(actions), "Resource": [f"{arn}/{prefix}/*"]}
                for prefix, actions in sorted(self.actions.items())
            ),
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": [arn],
                "Condition": {"StringLike": {"s3:prefix": [f"{prefix}/*" for prefix in sorted(self.listed)]}},
            },
        ]

    def policy(self, bucket: str) -> str:
        """The policy document."""
        return document(self.statements(bucket))


def document(statements: Sequence[Mapping[str, Any]]) -> str:
    """A policy document, sorted, so that equal rights are equal text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=1, sort_keys=True)


def expirations(log_days: int, backup_days: int) -> dict[str, int]:
    """Prefix -> days that an object below it is kept. What DAGs write to ``data/`` is theirs."""
    return {f"{BACKUPS_PREFIX}/": backup_days, f"{LOGS_PREFIX}/": log_days}


AIRFLOW = User("airflow", {LOGS_PREFIX: _READ + _WRITE, DAGS_PREFIX: _READ}, (DAGS_PREFIX, LOGS_PREFIX))
BACKUP = User("backup", {BACKUPS_PREFIX: _READ + _WRITE}, (BACKUPS_PREFIX,))
PUBLISHER = User("publisher", {DAGS_PREFIX: _READ + _WRITE + _DELETE}, (DAGS_PREFIX,))
TASKS = User("tasks", {"data": _READ + _WRITE, SOURCES_PREFIX: _READ}, ("data",))
USERS = (AIRFLOW, BACKUP, PUBLISHER, TASKS)
