"""Where a publication lies in the bucket: what generated DAG files, the bucket's policies and the Job agree on."""

from __future__ import annotations

PREFIX = "dags"
SOURCES = "sources"
SOURCES_PREFIX = f"{PREFIX}/{SOURCES}"
