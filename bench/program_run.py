"""The program alone: ``infra.program.deploy`` under the SDK's mocks, no engine, on the folder given."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks

SETTINGS = {
    "kubernetes": {"context": "bench"},
    "registry": {"server": "registry.test", "owner": "bench"},
    "registryCredentials": [{"server": "registry.test", "username": "bench", "password": "bench"}],
}


class Echo(mocks.Mocks):
    """Each resource's outputs are its inputs, and what a provider alone would know."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        known = {"digest": f"sha256:{'0' * 64}", "result": "secret", "base64": "c2VjcmV0" * 4}
        return f"{args.name}-id", {**known, **args.inputs}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        return {}, None


@pulumi.runtime.test  # type: ignore[untyped-decorator]
def run(root: Path) -> None:
    from infra.program import deploy
    from infra.settings_source import parse

    deploy(parse(SETTINGS, "Pulumi.bench.yaml"), root)


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    mocks.set_mocks(Echo(), project="de-airflow-pipeline", stack="bench", preview=False)
    run(Path())
