"""The changes of the small repository, previewed by the real engine on a stack that it has deployed.

``python -m tests.plan.engine [CHANGE ...]`` records anew what it says, in ``previews.yaml``; as root, with the Pulumi
CLI and the toolchain. The cluster is real but for its node: local/nodeless.py.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from infra.settings import PROJECT
from local import files, nodeless, pulumi_engine
from local.engine import STAND_IN
from local.image_registry import credentials, mirrored
from local.machine import KUBE_CONTEXT, Machine
from plan.resources import key_of
from tests import pulumi_home
from tests.plan import changes, repository
from tests.platform.commands import clone_of

ROOT = Path(__file__).parents[2]
RECORDED = Path(__file__).with_name("previews.yaml")
STACK = "dev"
#: Of a clone, what the small repository has in its place.
REPLACED = ("images", "dags", "promotions")
#: Steps that say nothing by themselves: each stands beside a ``replace`` of the same resource.
PARTS = frozenset(("create-replacement", "delete-replaced", "discard-replaced"))
#: What is asked of the engine: each kind of change once or more. Others differ in what a reader is told alone.
ASKED = (
    "nothing",
    "an image's file edited",
    "a package upgraded",
    "a base's file edited",
    "a base pinned",
    "a new image and a DAG on it",
    "an image and its DAG removed",
    "another owner of the registry",
    "a task's arguments",
    "a DAG removed",
    "a pool",
    "another Airflow",
    "a component's resources",
    "a connection added",
    "a task's Secret added",
    "a secret set anew",
    "a secret removed",
    "a bucket's lifetime of logs",
    "another bucket",
    "the store's volume",
    "a quota",
    "the name, and so the namespaces",
    "another cluster",
    "one executor",
)
#: Changes that replace what holds data; where it is protected, the engine refuses them.
PROTECTED = ("the store's volume", "the name, and so the namespaces", "another cluster")
REFUSED = re.compile(r'unable to (?:replace|delete) resource \\"(urn:[^"\\]+)')
#: A key -> operation.
Operations = dict[str, str]


def lacks() -> str | None:
    """What this machine has not got, None where all is there."""
    return nodeless.lacks() or (None if pulumi_engine.available() else "the Pulumi CLI")


class EngineError(Exception):
    """The CLI has failed; ``str()`` is all that it said."""


@dataclass
class Engine:
    """A clone of this repository with the small one's images, DAGs and stack, and the CLI that works on it."""

    machine: Machine
    home: Path
    _secrets: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        return self.home / "project"

    @property
    def config(self) -> Path:
        return self.home / "config.yaml"

    def make(self) -> None:
        """The repository with a branch a change, the base image, and a stack of nothing."""
        clone_of(ROOT, self.project)
        for name in REPLACED:
            files.remove(self.project / name)
        for file in self.project.glob("Pulumi.?*.yaml"):
            file.unlink()
        changes.make(self.project, ignored=("build/", ".venv", "__pycache__/"))
        self._push_base()
        (self.home / "backend").mkdir()
        project = self.home / "stack"
        project.mkdir()
        (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": PROJECT, "runtime": "python"}))
        self.pulumi("stack", "init", "--secrets-provider", "passphrase", where=project)
        self._salt = yaml.safe_load((project / "Pulumi.dev.yaml").read_text())["encryptionsalt"]

    def up(self, *, protect: bool = False) -> None:
        self.configure("base", protect=protect)
        self.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs", "--config-file", str(self.config))

    def preview(self, branch: str) -> Operations:
        """What the engine would do for a branch, by ``<type>::<name>``; components left out."""
        self.configure(branch)
        said = self.pulumi("preview", "--json", "--config-file", str(self.config))
        return operations(json.loads(said)["steps"])

    def refused(self, branch: str) -> list[str]:
        """The resources for whose protection the engine stops the preview of a branch."""
        self.configure(branch, protect=True)
        try:
            self.pulumi("preview", "--json", "--config-file", str(self.config))
        except EngineError as error:
            return sorted({str(key_of(urn)) for urn in REFUSED.findall(str(error))})
        return []

    def pulumi(self, *arguments: str, where: Path | None = None, stdin: str = "") -> str:
        done = subprocess.run(
            ["pulumi", *arguments, "--stack", STACK, "--non-interactive", "--color", "never"],
            cwd=where or self.project, env={**os.environ, **self.environment()}, input=stdin, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise EngineError(f"pulumi {arguments[0]} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def environment(self) -> dict[str, str]:
        known = self.machine.environment()
        return {**known, **pulumi_home.environment(self.home, known["PATH"])}

    def _push_base(self) -> None:
        context = self.home / "base"
        context.mkdir()
        (context / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
        name = mirrored(self.machine, repository.UPSTREAM)
        folders = [f"--local={kind}={context}" for kind in ("context", "dockerfile")]
        command = [
            "buildctl",
            "build",
            "--frontend=dockerfile.v0",
            *folders,
            f"--output=type=image,name={name},push=true",
        ]
        subprocess.run(command, env={**os.environ, **self.machine.environment()}, check=True, capture_output=True)

    def configure(self, branch: str, *, protect: bool | None = None) -> None:
        """Check the branch out; its stack file as this machine's, and a kubeconfig with the context that it names."""
        changes.git(self.project, "checkout", "--quiet", branch)
        document = yaml.safe_load((self.project / "Pulumi.dev.yaml").read_text())["config"]
        own = {key.removeprefix(f"{PROJECT}:"): value for key, value in document.items()}
        known = credentials(self.machine)
        values = {
            **own,
            "protect": own["protect"] if protect is None else protect,
            "registry": {**own["registry"], "server": self.machine.registry},
            "chart": {**own.get("chart", {}), "path": STAND_IN},
            "registryCredentials": [{**known, "password": {"secure": known["password"]}}],
        }
        values = {f"{PROJECT}:{key}": self._encrypted(value, key) for key, value in values.items()}
        values["pulumi:disable-default-providers"] = ["kubernetes"]
        self.config.write_text(yaml.safe_dump({"encryptionsalt": self._salt, "config": values}))
        text = self.machine.kubeconfig.read_text()
        (self.home / "kubeconfig").write_text(text.replace(KUBE_CONTEXT, own["kubernetes"]["context"]))

    def _encrypted(self, value: Any, place: str) -> Any:
        """With real ciphertext of its own for whatever stands as ``secure``."""
        if isinstance(value, list):
            return [self._encrypted(item, place) for item in value]
        if not isinstance(value, Mapping):
            return value
        if set(value) != {"secure"}:
            return {key: self._encrypted(item, f"{place}.{key}") for key, item in value.items()}
        text = f"https://me:{value['secure']}@host" if place.startswith("airflow.connections.") else value["secure"]
        if text not in self._secrets:
            file, key = self.home / "scratch.yaml", f"{PROJECT}:scratch"
            file.write_text(yaml.safe_dump({"encryptionsalt": self._salt}))
            where = self.home / "stack"
            self.pulumi("config", "set", "--secret", key, "--config-file", str(file), where=where, stdin=text)
            self._secrets[text] = yaml.safe_load(file.read_text())["config"][key]["secure"]
        return {"secure": self._secrets[text]}


def operations(steps: Sequence[Mapping[str, Any]]) -> Operations:
    """Of the steps of ``pulumi preview --json``, what happens to each resource that a provider keeps."""
    found = {}
    for step in steps:
        key = key_of(step["urn"])
        state = step.get("newState") or step.get("oldState") or {}
        if key and step["op"] not in PARTS | {"same", "read"} and state.get("custom"):
            found[key] = step["op"]
    return dict(sorted(found.items()))


@contextmanager
def deployed() -> Iterator[Engine]:
    """An engine that has deployed the base; only behind nodeless.ALONE."""
    with tempfile.TemporaryDirectory(prefix="engine-", dir="/var/tmp") as name:
        home = Path(name)
        with nodeless.running(home / "state") as machine:
            engine = Engine(machine, home)
            engine.make()
            engine.up()
            yield engine


def record(names: Sequence[str], to: Path) -> None:
    """Writes what the engine says of these changes, of ASKED where none is named; others keep what the file says."""
    said: dict[str, dict[str, Any]] = {"operations": {}, "refused": {}}
    said |= yaml.safe_load(to.read_text()) if to.exists() else {}
    asked = tuple(names) or ASKED

    def keep(part: str, name: str, found: Sequence[str] | Operations) -> None:
        # At once: a recording takes minutes.
        said[part] = {one: {**said[part], name: found}[one] for one in ASKED if one in {*said[part], name}}
        to.write_text(yaml.safe_dump(said, sort_keys=False, width=120))
        sys.stdout.write(f"{name}: {part} {len(found)}\n")
        sys.stdout.flush()

    with deployed() as engine:
        for name in asked:
            keep("operations", name, engine.preview(changes.branch_of(name)))
        if protected := [name for name in PROTECTED if name in asked]:
            engine.up(protect=True)
        for name in protected:
            keep("refused", name, engine.refused(changes.branch_of(name)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("changes", nargs="*", metavar="CHANGE")
    parser.add_argument("--to", type=Path, default=RECORDED)
    asked = parser.parse_args()
    if what := lacks():
        sys.exit(f"cannot be recorded here: there is no {what}")
    if os.environ.get(INSIDE):
        record(asked.changes, asked.to)
        return
    command = [*nodeless.ALONE, sys.executable, "-m", "tests.plan.engine", *sys.argv[1:]]
    sys.exit(subprocess.run(command, env={**os.environ, INSIDE: "yes"}, cwd=ROOT, check=False).returncode)


#: Tells the recording that it runs behind nodeless.ALONE.
INSIDE = "PREVIEWS_RECORDED_ALONE"

if __name__ == "__main__":
    main()
