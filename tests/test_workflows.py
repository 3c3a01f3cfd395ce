"""The workflows: nothing that is not pinned, no right that is not needed, no push."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")


READING = {"contents": "read"}
#: Of jobs that need more than to read the repository.
RIGHTS = {
    "comment": {**READING, "actions": "read", "pull-requests": "write"},
    "preview": {**READING, "id-token": "write"},
    "deploy": {**READING, "id-token": "write"},
    "deploy.every-stack-has-a-job": {},
    "drift": {**READING, "id-token": "write", "issues": "write"},
}
OWN_ACTION = "./.github/actions/stack"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_rights_are_least(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    assert document["permissions"] == {}
    for name, job in document["jobs"].items():
        assert job["permissions"] == RIGHTS.get(f"{path.stem}.{name}", RIGHTS.get(path.stem, READING))
        assert job["timeout-minutes"] <= 120
        used = [step["uses"] for step in job["steps"] if "uses" in step and step["uses"] != OWN_ACTION]
        assert [name for name in used if not PINNED.match(name)] == []


def test_our_own_action_uses_what_is_pinned_and_the_cli_of_the_sdk() -> None:
    steps = yaml.safe_load((ROOT / ".github/actions/stack/action.yml").read_text())["runs"]["steps"]
    assert [step["uses"] for step in steps if "uses" in step and not PINNED.match(step["uses"])] == []
    [cli] = [step for step in steps if str(step.get("uses")).startswith("pulumi/actions@")]
    assert f"pulumi=={cli['with']['pulumi-version']}" in (ROOT / "requirements.txt").read_text().splitlines()


def test_what_writes_runs_no_code_of_a_pull_request() -> None:
    """Neither checked out, nor installed, nor expanded into a shell: the artifact is data."""
    text = (ROOT / ".github/workflows/comment.yml").read_text()
    job = yaml.safe_load(text)["jobs"]["comment"]
    assert yaml.safe_load(text)[True] == {"workflow_run": {"workflows": ["check"], "types": ["completed"]}}
    [checkout] = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert checkout["with"] == {"ref": "${{ github.event.repository.default_branch }}", "persist-credentials": False}
    assert [step["run"] for step in job["steps"] if "run" in step] == [
        "make venv",
        '.venv/bin/python -m commands plan post "$RUNNER_TEMP/plans"',
    ]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_shell_holds_an_expression(path: Path) -> None:
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    assert [step["run"] for job in jobs for step in job["steps"] if "${{" in step.get("run", "")] == []


def test_a_fork_s_code_gets_no_secret_and_no_identity() -> None:
    for path in WORKFLOWS:
        document = yaml.safe_load(path.read_text())
        # YAML 1.1 reads the key `on` as true.
        if "pull_request" not in document[True]:
            continue
        for job in document["jobs"].values():
            of_ours = "github.event.pull_request.head.repo.full_name == github.repository" in job.get("if", "")
            assert of_ours or ("id-token" not in job["permissions"] and "secrets." not in yaml.safe_dump(job))


def deployments() -> tuple[dict[str, Any], dict[str, Any]]:
    """Stack -> its job, and the job that looks whether each has one."""
    jobs = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"]
    watch = jobs.pop("every-stack-has-a-job")
    return jobs, watch


def test_one_update_of_a_stack_at_a_time_and_each_after_the_one_before() -> None:
    jobs, _ = deployments()
    assert [*jobs][:3] == ["dev", "staging", "prod"]
    assert [job.get("needs") for job in jobs.values()] == [None, *jobs][:-1]
    for name, job in jobs.items():
        assert job["environment"] == name
        assert job["concurrency"] == {"group": f"stack-{name}", "cancel-in-progress": False}


def test_jobs_of_stacks_are_copies_of_one_another() -> None:
    """As docs/plan.md says: another stack is a copy with another name, after another."""
    jobs, _ = deployments()
    texts = {json.dumps({**job, "needs": ""}, sort_keys=True).replace(name, "STACK") for name, job in jobs.items()}
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("stacks", "missing"),
    [
        (["dev"], []),
        (["prod", "staging", "dev"], []),
        (["staging", "qa", "a\nb"], ["'a\\nb'", "'qa'"]),
        ([["dev"]], ["\"['dev']\""]),
    ],
)
def test_a_deployed_stack_without_a_job_fails_the_workflow(stacks: list[object], missing: list[str]) -> None:
    jobs, watch = deployments()
    [step] = watch["steps"]
    assert step["env"] == {"STACKS": "${{ vars.DEPLOYED_STACKS }}", "JOBS": " ".join(jobs)}
    environment = {**os.environ, **step["env"], "STACKS": json.dumps(stacks)}
    done = subprocess.run(["bash", "-c", step["run"]], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (bool(missing), "")
    assert re.findall(r"^::error file=\S+::(\S+) of", done.stdout, re.MULTILINE) == missing


def test_what_is_no_list_of_stacks_fails_the_workflow() -> None:
    [step] = deployments()[1]["steps"]
    environment = {**os.environ, **step["env"], "STACKS": '"dev"'}
    done = subprocess.run(["bash", "-c", step["run"]], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "::error::DEPLOYED_STACKS is no list of names\n")


@pytest.mark.slow
def test_actionlint_finds_nothing() -> None:
    # From the folder of the module: the workflows are found by the repository's root, the tool by its module.
    module = ROOT / ".github" / "actionlint" / "go.mod"
    done = subprocess.run(
        ["go", "tool", f"-modfile={module}", "actionlint", "-no-color", *WORKFLOWS],
        cwd=module.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    zizmor = Path(sysconfig.get_path("scripts")) / "zizmor"
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", ROOT / ".github"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_grave_advisory_that_has_a_fix_fails_the_image() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/images.yml").read_text())["jobs"]
    [scan] = [step for step in jobs["build"]["steps"] if step.get("uses", "").startswith("anchore/scan-action@")]
    assert (scan["with"]["severity-cutoff"], scan["with"]["only-fixed"]) == ("high", True)
    assert scan["with"]["sbom"].startswith("build/attestations/")
    assert "fail-build" not in scan["with"]


def test_images_are_built_from_the_matrix_and_not_pushed() -> None:
    text = (ROOT / ".github/workflows/images.yml").read_text()
    build = yaml.safe_load(text)["jobs"]["build"]
    assert build["strategy"]["matrix"] == "${{ fromJSON(needs.matrix.outputs.matrix) }}"
    assert build["if"] == "needs.matrix.outputs.any == 'true'"
    assert not re.search(r"--push|docker push|login-action|packages: write", text)
