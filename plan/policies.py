"""What must hold for every stack, whatever a change does: each rule with its reason and the way out.

A finding that is wanted is waived in ``waivers.yaml`` of the repository: a list of mappings with ``policy``, ``where``
(as the finding has it; ``*`` stands for any text), ``reason``, and perhaps ``stack``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipelines.errors import InputError, Problem
from plan import pods
from plan import policy_checks as checks
from plan.model import Finding
from plan.policy_checks import Found, Judged

WAIVERS = "waivers.yaml"


@dataclass(frozen=True)
class Rule:
    """What must hold, why, and the way out."""

    id: str
    reason: str
    fix: str


@dataclass(frozen=True)
class Policy(Rule):
    """One that a plan alone tells of."""

    check: Callable[[Judged], Found]


class Waiver(BaseModel):
    """One entry of ``waivers.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str
    where: str
    reason: str = Field(min_length=10)
    stack: str | None = None


def judge(judged: Judged) -> tuple[Finding, ...]:
    """Every finding, sorted; raises InputError where the waivers cannot be read."""
    waivers = read_waivers(judged.root)
    found = {(policy.id, where, what, policy.fix) for policy in POLICIES for where, what in policy.check(judged)}
    return tuple(
        Finding(policy=id_, where=where, found=what, fix=fix, waiver=reason_of(waivers, judged.plan.stack, id_, where))
        for id_, where, what, fix in sorted(found)
    )


def read_waivers(root: Path) -> tuple[Waiver, ...]:
    """None where there is no file. Raises InputError."""
    path = root / WAIVERS
    if not path.exists():
        return ()
    try:
        read = TypeAdapter(tuple[Waiver, ...]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")) or ())
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        found, expected = " ".join(str(error).split()), "a list of mappings with policy, where and reason"
        raise InputError([Problem(WAIVERS, "", found, expected, "correct it")]) from None
    known = {rule.id for rule in (*POLICIES, BASE_AGE)}
    problems = [
        Problem(WAIVERS, "policy", waiver.policy, f"one of {', '.join(sorted(known))}", "correct it, or remove it")
        for waiver in read
        if waiver.policy not in known
    ]
    if problems:
        raise InputError(problems)
    return read


def reason_of(waivers: Iterable[Waiver], stack: str, policy: str, where: str) -> str | None:
    """Of the first waiver for a finding, None where there is none."""
    for waiver in waivers:
        if waiver.policy == policy and waiver.stack in (None, stack) and fnmatchcase(where, waiver.where):
            return waiver.reason
    return None


#: Judged beside the plan, by ``plan.base_age``: it needs the clock and a registry.
BASE_AGE = Rule(
    "base-age",
    "what was repaired in an image of others since it was built is missing in all that stand on it",
    "python -m commands images pin --stack <stack>",
)
POLICIES = (
    Policy(
        "image-in-catalog",
        "a pod whose image this commit does not build runs something else than was reviewed",
        "name an image type of this repository, at the reference of this commit",
        checks.image_in_catalog,
    ),
    Policy(
        "image-pinned",
        "latest, or a pull at each start, runs another image than was tested",
        "name a tag other than latest, or a digest, with imagePullPolicy IfNotPresent",
        checks.of_pods(pods.image_violations),
    ),
    Policy(
        "base-pinned",
        "the same tag of a base is another image tomorrow; only the one-machine stack may follow it",
        "set images.baseDigests of the stack: python -m commands images pin",
        checks.base_pinned,
    ),
    Policy(
        "pod-restricted",
        "a pod outside the restricted standard can take over its node",
        "set the security contexts as infra/restricted.py does",
        checks.of_pods(pods.restricted_violations),
    ),
    Policy(
        "pod-resources",
        "a pod without requests and limits starves others, and a quota refuses it",
        "give every container requests and limits of cpu and memory",
        checks.of_pods(pods.resource_violations),
    ),
    Policy(
        "secret-in-clear",
        "what is committed is known to all who read the repository, for ever",
        "make another secret, and set it with pulumi config set --secret",
        checks.secret_in_clear,
    ),
    Policy(
        "store-protected",
        "outside the one-machine stack a deleted store is data lost",
        "set protect: true in the stack file",
        checks.stores_protected,
    ),
    Policy(
        "no-escalation",
        "who may change rights has all of them",
        "name the verbs and resources that are needed, none of roles and bindings",
        checks.no_escalation,
    ),
    Policy(
        "parse-budget",
        "every DAG file is parsed again and again, for all DAGs to wait for",
        "split the DAG, or move data out of its config",
        checks.parse_budget,
    ),
    Policy(
        "image-size",
        "a node pulls the whole image before the first of its tasks starts",
        "leave out what no task needs, or give the heavy part an image of its own",
        checks.image_size,
    ),
    Policy(
        "licence",
        "whoever runs the image is bound by the terms of every package in it",
        "take another package, or accept the licence in images/licences.toml",
        checks.licence,
    ),
    Policy(
        "quota",
        "what runs all the time does not fit into its namespace: pods will not start",
        "raise the quota in namespaces, or lower the components' resources",
        checks.quota,
    ),
)
