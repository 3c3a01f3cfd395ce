"""The bucket that tasks read from and write to; address and keys come from the environment (Secret
object-store-tasks)."""

from __future__ import annotations

import functools
import os
from urllib.parse import quote

import boto3
from botocore.config import Config


def run_prefix(dag_id: str, run_id: str) -> str:
    """Where one run's results lie. A run that is repeated writes the same keys again."""
    return f"data/{dag_id}/runs/{quote(run_id, safe='')}"


def get(key: str) -> bytes:
    return _client().get_object(Bucket=os.environ["OBJECT_STORE_BUCKET"], Key=key)["Body"].read()


def put(key: str, content: bytes, content_type: str) -> None:
    """Write an object whole: nobody reads half of it, and writing it again replaces it."""
    _client().put_object(Bucket=os.environ["OBJECT_STORE_BUCKET"], Key=key, Body=content, ContentType=content_type)


@functools.cache
def _client():
    # Only S3 itself serves a bucket as a host name.
    style = "path" if os.environ.get("AWS_ENDPOINT_URL_S3") else "auto"
    config = Config(s3={"addressing_style": style}, retries={"mode": "standard", "total_max_attempts": 5})
    return boto3.client("s3", region_name=os.environ.get("AWS_REGION"), config=config)
