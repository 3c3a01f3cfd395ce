"""Pools that the stack declares: a Job writes them to Airflow's database. One that leaves the settings stays there."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from infra import names
from infra.jobs import Mount, config_map
from infra.settings import Pool

FILE = "pools.json"
FOLDER = "/pools"
ARGUMENTS = ("pools", "import", f"{FOLDER}/{FILE}")


def document(pools: Mapping[str, Pool]) -> str:
    """The file that ``airflow pools import`` reads."""
    return json.dumps({name: pool.model_dump() for name, pool in sorted(pools.items())}, indent=1)


def mounted(pools: Mapping[str, Pool], namespace: pulumi.Input[str], opts: pulumi.ResourceOptions) -> Mount:
    """The file in a ConfigMap of a name of its own for each content: a change makes the Job run again."""
    held = k8s.core.v1.ConfigMap(
        "pools",
        metadata=k8s.meta.v1.ObjectMetaArgs(namespace=namespace, labels=names.CORE_PART_OF),
        immutable=True,
        data={FILE: document(pools)},
        opts=opts,
    )
    return config_map("pools", FOLDER, held.metadata.name)
