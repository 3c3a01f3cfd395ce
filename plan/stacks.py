"""Which stacks there are: each is a file. Apart from what reads one, which is slow to import."""

from __future__ import annotations

import re
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


def stack_file(stack: str) -> str:
    return f"Pulumi.{stack}.yaml"


def stack_names(root: Path) -> list[str]:
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in root.glob(stack_file("?*")))
