"""Mistakes that ``pulumi up`` must refuse, with the real CLI: the same message, no traceback, nothing registered."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.machine import Machine
from tests import pulumi_home
from tests.bad_input.mistakes import STACK, unknown_key, wrong_type
from tests.bad_input.test_messages import refusing_registry
from tests.bad_input.trees import Tree, kubeconfig
from tests.platform.commands import clone_of

pytestmark = pytest.mark.cli

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
SECONDS = 120
PASSWORD = "correct-horse-battery-staple"


@dataclass(frozen=True)
class Project:
    """A clone with a stack of its own: a backend of files, a passphrase, a log-in, a cluster that does not answer."""

    tree: Tree
    home: Path

    @property
    def kubeconfig(self) -> Path:
        return self.home / "kubeconfig"

    def pulumi(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        own = pulumi_home.environment(self.home, os.environ["PATH"])
        return subprocess.run(
            ["pulumi", *arguments, "--stack", "dev", "--non-interactive", "--color", "never"],
            cwd=self.tree.folder,
            env={**os.environ, **own, "DOCKER_CONFIG": str(self.home / "docker")},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def log_in(self, *how: str) -> None:
        """Set the registry's log-in, by options of ``pulumi config set``."""
        for part, value in (("server", "localhost:5000"), ("username", "puller"), ("password", PASSWORD)):
            path = f"registryCredentials[0].{part}"
            done = self.pulumi("config", "set", *how, "--path", path, stdin=value)
            assert done.returncode == 0, done.stderr

    def resources(self) -> set[str]:
        """Types of what the backend says is deployed."""
        state = json.loads(self.pulumi("stack", "export").stdout)
        return {resource["type"] for resource in state["deployment"].get("resources", ())}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Project:
    home = tmp_path_factory.mktemp("pulumi")
    (home / "backend").mkdir()
    project = Project(Tree(clone_of(ROOT, home / "clone"), Machine.here({"HOME": str(home)})), home)
    done = project.pulumi("stack", "init")
    assert done.returncode == 0, done.stderr
    shutil.copy(project.tree.folder / STACK, home / "without-log-in.yaml")
    project.log_in("--secret")
    shutil.copy(project.tree.folder / STACK, home / "whole.yaml")
    return project


@dataclass(frozen=True)
class Refused:
    """``golden`` is the message's file; ``context`` is the current one of the kubeconfig."""

    golden: str
    edit: Callable[[Project], None] = lambda project: None
    context: str = "de-airflow-pipeline-local"
    log_in: bool = True


def in_clear_text(project: Project) -> None:
    project.log_in("--plaintext")


REFUSED: Mapping[str, Refused] = {
    "unknown key": Refused("unknown-stack-key", lambda project: unknown_key(project.tree)),
    "wrong type": Refused("wrong-type", lambda project: wrong_type(project.tree)),
    "missing secret": Refused("pulumi-missing-secret", log_in=False),
    "secret in clear text": Refused("pulumi-secret-in-clear-text", in_clear_text, log_in=False),
    "wrong kube context": Refused("pulumi-wrong-kube-context", context="production"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_message_and_nothing_deployed(name: str, begun: Project) -> None:
    case = REFUSED[name]
    shutil.copy(begun.home / ("whole.yaml" if case.log_in else "without-log-in.yaml"), begun.tree.folder / STACK)
    begun.kubeconfig.write_text(kubeconfig(case.context))
    case.edit(begun)
    files = begun.tree.content()
    done = begun.pulumi("up", "--yes", "--skip-preview")
    output = done.stdout + done.stderr
    assert told(output).replace(str(begun.home), "/home/ada") == (GOLDEN / f"{case.golden}.txt").read_text()
    assert done.returncode != 0
    assert "Traceback" not in output
    assert PASSWORD not in output
    assert begun.resources() <= {"pulumi:pulumi:Stack"}
    assert begun.tree.content() == files


def test_a_registry_that_refuses_is_told_before_anything_is_deployed(begun: Project) -> None:
    shutil.copy(begun.home / "whole.yaml", begun.tree.folder / STACK)
    begun.kubeconfig.write_text(kubeconfig("de-airflow-pipeline-local"))
    stack_file = begun.tree.folder / STACK
    with refusing_registry() as port:
        server = f"localhost:{port}"
        stack_file.write_text(stack_file.read_text().replace("localhost:5000", server))
        # As README.md has it: only the password is a secret, which the engine would blot out of the message.
        for part, value in (("server", server), ("username", "puller")):
            path = f"registryCredentials[0].{part}"
            assert begun.pulumi("config", "set", "--path", path, value).returncode == 0
        done = begun.pulumi("up", "--yes", "--skip-preview")
    message = told(done.stdout + done.stderr).replace(str(begun.home), "/home/ada").replace(server, "localhost:5000")
    assert message == (GOLDEN / "pulumi-registry-refuses.txt").read_text()
    assert done.returncode != 0
    assert begun.resources() <= {"pulumi:pulumi:Stack"}


def told(output: str) -> str:
    """The program's message among the engine's diagnostics."""
    diagnostics = output.partition("\nDiagnostics:\n")[2]
    _, found, rest = diagnostics.partition("    error: \n")
    assert found, output
    message, found, _ = rest.partition("    error: an unhandled error occurred: program exited with non-zero exit code")
    assert found, output
    return textwrap.dedent(message)
