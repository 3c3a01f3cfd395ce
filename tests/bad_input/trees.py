"""A copy of the repository to make a mistake in, and what it can say of itself."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from local.machine import KUBE_CONTEXT, Machine

ROOT = Path(__file__).parents[2]
#: What a command reads of the repository, code apart.
READ = ("Pulumi.yaml", "Pulumi.dev.yaml", "images", "dags")
#: Nobody listens there.
NOWHERE = "localhost:1"
PROCESS = re.compile(r"\(process \d+\)")


@dataclass(frozen=True)
class Tree:
    """A copy of the repository, and the machine that its commands see."""

    folder: Path
    machine: Machine

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace what stands in a file once."""
        path = self.folder / name
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new))

    def put(self, file: str, content: str) -> Path:
        """Write one of the machine's own files."""
        path = machine_file(self.machine, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def configure(self, text: str) -> None:
        """Add keys to the stack file."""
        self.edit("Pulumi.dev.yaml", "config:\n", f"config:\n{text}")

    def content(self) -> dict[str, str]:
        """Path -> hash of every file but those that commands generate."""
        return {
            path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not {"build", "__pycache__", ".venv"} & set(path.relative_to(self.folder).parts)
        }

    def plain(self, text: str) -> str:
        """A message as the golden file has it: one home, one registry, no process numbers."""
        for real, shown in (
            (str(self.machine.state), "/home/ada/.local/state/de-airflow-pipeline"),
            (str(self.machine.cache), "/home/ada/.cache/de-airflow-pipeline"),
            (str(self.folder), "/home/ada/clone"),
            (self.machine.registry, "localhost:5000"),
        ):
            text = text.replace(real, shown)
        return PROCESS.sub("(process N)", text)


def machine_file(machine: Machine, name: str) -> Path:
    """By the name of a field of Machine."""
    path: Path = getattr(machine, name)
    return path / "config.json" if name == "docker_config" else path


#: Image types, and DAGs, that the copies keep.
KEPT = ("bases", "schema", "cost-of-living", "lakehouse", "lakehouse-summary", "shared")


def small_copy(target: Path) -> Path:
    """As much of the repository as commands read when their code is loaded already."""
    target.mkdir()
    for name in READ:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)
    keep_few(target)
    return target


def keep_few(copy: Path) -> None:
    """Messages that list what there is stay the same when a type is added."""
    for entry in (*(copy / "images").iterdir(), *(copy / "dags").iterdir()):
        if entry.stem.replace("_", "-") not in KEPT:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def kubeconfig(context: str = KUBE_CONTEXT) -> str:
    """Of a cluster that does not answer."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "one", "cluster": {"server": f"https://{NOWHERE}"}}],
        "users": [{"name": "one", "user": {"token": "none"}}],
        "contexts": [{"name": context, "context": {"cluster": "one", "user": "one"}}],
        "current-context": context,
    }
    return json.dumps(content)


def docker_configuration(server: str) -> str:
    """With a wrong password for a registry."""
    return json.dumps({"auths": {server: {"auth": base64.b64encode(b"pipeline:wrong").decode()}}})
