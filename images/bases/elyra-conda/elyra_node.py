#!/usr/bin/env python3
"""Runs one node of an Elyra pipeline: fetches its archive and inputs, runs its file, stores outputs and logs.

``elyra-node --pipeline-name=... --cos-directory=... --cos-dependencies-archive=... --file=... [--inputs=...]
[--outputs=...]`` as Elyra's bootstrapper takes them, which does all of it. ``--cos-endpoint`` and ``--cos-bucket`` are
AWS_ENDPOINT_URL_S3 and OBJECT_STORE_BUCKET where they are left out; the credentials are AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, or a web identity. Exit code 2 with one line for what is missing.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Elyra's own, in its package for pods; imported by nobody, since elyra/airflow needs the rest of Elyra.
BOOTSTRAPPER = "airflow/bootstrapper.py"
FROM_ENVIRONMENT = {"--cos-endpoint": "AWS_ENDPOINT_URL_S3", "--cos-bucket": "OBJECT_STORE_BUCKET"}
SHORT = {"--cos-endpoint": "-e", "--cos-bucket": "-b"}


def words(given: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The bootstrapper's arguments. Raises KeyError with the variable that is needed and not set."""
    added = []
    for option, variable in FROM_ENVIRONMENT.items():
        if not any(word.partition("=")[0] in (option, SHORT[option]) for word in given):
            if not environment.get(variable):
                raise KeyError(variable)
            added.append(f"{option}={environment[variable]}")
    return [*added, *given]


def bootstrapper() -> Path:
    """The file, found without importing it."""
    found = importlib.util.find_spec("elyra")
    folders = [Path(folder) for folder in (found.submodule_search_locations or ())] if found else []
    return next(file for folder in folders if (file := folder / BOOTSTRAPPER).is_file())


def name_region(region: str | None) -> None:
    """The store's client is made without a region; it would ask the bucket for it, which a task has no right to."""
    import minio

    if region:
        minio.Minio = functools.partial(minio.Minio, region=region)


def main(given: Sequence[str]) -> None:
    """Hand over to the bootstrapper, in an empty folder. The same file stands in both bases; a test compares them."""
    if not {"-h", "--help"} & {*given}:
        try:
            given = words(given, os.environ)
        except KeyError as missing:
            sys.exit(told(f"{missing.args[0]} is not set: it is in the Secret of the stack's bucket"))
        os.chdir(tempfile.mkdtemp(prefix="node-", dir=Path.cwd()))
        name_region(os.environ.get("AWS_REGION"))
    sys.argv = ["elyra-node", *given]
    runpy.run_path(str(bootstrapper()), run_name="__main__")


def told(message: str) -> int:
    print(f"elyra-node: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main(sys.argv[1:])
