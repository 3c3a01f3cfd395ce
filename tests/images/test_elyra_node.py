"""The command of the Elyra bases: what it takes from the environment, and what it says when that is missing."""

from __future__ import annotations

import runpy
import subprocess
import sys

import pytest

from tests.conftest import ROOT

FILE = ROOT / "images/bases/elyra/elyra_node.py"
words = runpy.run_path(str(FILE))["words"]
STACK = {"AWS_ENDPOINT_URL_S3": "http://store:9000", "OBJECT_STORE_BUCKET": "lake"}


def test_endpoint_and_bucket_come_from_the_environment() -> None:
    assert words(["--file=a.ipynb"], STACK) == [
        "--cos-endpoint=http://store:9000",
        "--cos-bucket=lake",
        "--file=a.ipynb",
    ]


@pytest.mark.parametrize("given", [["--cos-endpoint=http://x", "--cos-bucket=y"], ["-e", "http://x", "-b", "y"]])
def test_those_that_are_given_win(given: list[str]) -> None:
    assert words(given, STACK) == given


def test_a_missing_variable_is_one_line() -> None:
    done = subprocess.run([sys.executable, str(FILE), "--file=a"], env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "elyra-node: AWS_ENDPOINT_URL_S3 is not set: it is in the Secret of the stack's bucket\n"


def test_both_bases_have_the_same_command() -> None:
    assert FILE.read_bytes() == (ROOT / "images/bases/elyra-conda/elyra_node.py").read_bytes()
