"""Whether what is imported is pinned."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = ("requirements.txt", "requirements-aws.txt", "requirements-dev.txt")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9]+([._-][A-Za-z0-9]+)*)(\[[a-z]+\])?==[0-9]\S*$")
#: These run in images, or in the Airflow environment of the test suite, and not in the one of these files.
ELSEWHERE = re.compile(
    r"^(dags|images|airflow_runtime|tests/fixtures)/|/inside/|^local/parse_in_airflow\.py$"
    r"|^tests/airflow_environment\.py$|^bench/parse_(run|fresh)\.py$"
)
#: Import -> the pinned package whose part it is.
PART_OF = {"botocore": "boto3", "markdown_it": "rich", "pydantic_core": "pydantic", "urllib3": "boto3"}


def pins(file: str) -> Iterator[str]:
    for line in (ROOT / file).read_text().splitlines():
        if line and not line.startswith(("#", "-r ")):
            yield line


def normal(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/"""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("file", FILES)
def test_every_requirement_is_pinned_to_one_version(file: str) -> None:
    assert [line for line in pins(file) if not PIN.match(line)] == []


@pytest.mark.slow
def test_every_import_is_listed() -> None:
    listed = {normal(match["name"]) for file in FILES for line in pins(file) if (match := PIN.match(line))}
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True)
    known = packages_distributions()
    missing = set()
    for name in tracked.stdout.splitlines():
        if ELSEWHERE.search(name) or not (ROOT / name).exists():
            continue
        for module in set(imported(ROOT / name)) - sys.stdlib_module_names:
            if (ROOT / module).is_dir():
                continue
            packages = {PART_OF.get(module, package) for package in known.get(module, [module])}
            if not listed & {normal(package) for package in packages}:
                missing.add(f"{name}: {module}")
    assert missing == set()
