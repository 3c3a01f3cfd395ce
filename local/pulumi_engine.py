"""``pulumi up`` of the dev stack on this machine: file backend, passphrase, and nothing written into the clone."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from lightkube import Client

from local import build_log, files, services, stack
from local import pulumi_recovery as recovery
from local.apply import Counts
from local.engine import Choice
from local.machine import PROJECT, STACK, Machine
from local.progress import Progress
from local.pulumi_drift import vanished
from local.waiting import GaveUp

KEPT_LINES = 20
PLUGINS = ("kubernetes", "docker-build", "random")
#: A line of the CLI on one resource: what it does to which, and perhaps what it waits for. Its lines on plugins and
#: on the program itself, and its dots, are none of a user's business.
STEP = re.compile(r"^ *[-+~]+ +(?!pulumi:)[a-z][a-z0-9./-]*:\S+ (?P<step>.*)$")
SECONDS = re.compile(r" \([0-9.]+m?s\)")
COLOUR = re.compile(r"<\{%[^%]*%\}>")
RELEASE = "kubernetes:helm.sh/v3:Release"
IMAGE = "docker-build:index:Image"
#: The engine's operation -> what is counted.
OUTCOMES = {
    "create": "created",
    "update": "changed",
    "replace": "changed",
    "same": "unchanged",
    "delete": "deleted",
}


def available() -> bool:
    """Whether a Pulumi CLI with its Python host is on PATH."""
    return all(shutil.which(name) for name in ("pulumi", "pulumi-language-python"))


def plugins_at_hand() -> dict[str, str]:
    """For the CLI's environment: where every plugin is on PATH, it is to fetch none."""
    found = all(shutil.which(f"pulumi-resource-{name}") for name in PLUGINS)
    return {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"} if found else {}


class PulumiEngine:
    """The CLI with this machine's backend; everything it keeps lies under ``state/pulumi/<namespace>``."""

    def __init__(self, machine: Machine, namespace: str, progress: Progress) -> None:
        self._machine, self._progress = machine, progress
        self._home = machine.state / "pulumi" / namespace
        self._backend = self._home / "backend"
        self._checkpoint = self._backend / ".pulumi" / "stacks" / PROJECT / f"{STACK}.json"
        self._temporary = self._home / "tmp"
        self._choice, self._unfinished = self._home / "choice.json", self._home / "unfinished"
        self._salt, self._source = self._home / "salt", self._home / "config-source"
        self.config_file = self._home / "project" / stack.STACK_FILE.name

    @property
    def begun(self) -> Choice | None:
        """What the last ``up`` began with; kept until ``make purge``."""
        return Choice(**json.loads(self._choice.read_text())) if self._choice.exists() else None

    @property
    def unfinished(self) -> bool:
        """Whether the last ``up`` did not come to its end: there may be objects that its state does not know."""
        return self._unfinished.exists()

    @property
    def resources(self) -> list[dict[str, Any]]:
        """What the stack's state holds, as the CLI wrote it."""
        return self._latest().get("resources") or []

    def knows(self, kind: str) -> bool:
        """Whether the stack's state holds a resource of a type."""
        return any(resource["type"] == kind for resource in self.resources)

    def up(self, choice: Choice, client: Client) -> Counts:
        """Deploy the stack, with what was deleted from the cluster. Raises GaveUp with the engine's own messages."""
        self._go_on(choice)
        self._forget(vanished(client, self.resources))
        files.write(self._choice, json.dumps(asdict(choice)))
        files.remove(self._temporary)
        unfinished = self.unfinished
        self._unfinished.touch()
        events = self._home / "events.json"
        events.unlink(missing_ok=True)
        arguments = ("--yes", "--skip-preview", "--suppress-outputs", "--event-log", str(events))
        adopt = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"} if unfinished else {}
        status, last = self._follow(adopt, "up", "--config-file", str(self.config_file), *arguments)
        files.remove(self._temporary)
        seen = list(_events(events))
        if status:
            raise GaveUp(failure(list(errors(seen)) or last))
        self._unfinished.unlink()
        return counts(seen)

    def destroy(self, choice: Choice, *, but_protected: bool) -> None:
        """Take away what the state holds, and with all of it the state. Raises GaveUp with the engine's last words."""
        self._go_on(choice)
        where = ("--config-file", str(self.config_file))
        kept = ("--exclude-protected",) if but_protected else ()
        status, last = self._follow({}, "destroy", *where, "--yes", "--skip-preview", "--suppress-outputs", *kept)
        files.remove(self._temporary)
        if status:
            raise GaveUp("\n".join(("pulumi destroy failed:", *last)))
        if not but_protected:
            files.remove(self._home)

    def prepare(self, choice: Choice) -> None:
        """Make backend, passphrase and stack where they are missing, and generate the stack's configuration.

        Raises GaveUp where the state holds resources and nothing that its secrets could be read with.
        """
        for folder in (self._backend, self._home / "home", self.config_file.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        passphrase = self._home / "passphrase"
        if not passphrase.exists():
            files.write(passphrase, secrets.token_urlsafe(32), 0o600)
        project = self.config_file.with_name("Pulumi.yaml")
        # The CLI writes a new stack's salt beside the project file: beside this one, not into the clone.
        project.write_text(yaml.safe_dump({"name": PROJECT, "runtime": "python"}))
        recovery.mend(self._checkpoint, self._progress.say)
        self._configure(choice, self._kept_salt() or self._new_stack())

    def _go_on(self, choice: Choice) -> None:
        """From whatever a CLI that was killed has left."""
        recovery.end_orphans(self._home)
        recovery.unlock(self._backend / ".pulumi" / "locks", self._progress.say)
        self.prepare(choice)

    def environment(self) -> dict[str, str]:
        """What the CLI needs on top of the caller's environment to work on this machine's stack."""
        platform = self._machine.environment()
        python = Path(sys.executable).parent
        return {
            **platform,
            "PATH": os.pathsep.join((str(python), platform["PATH"])),
            "PULUMI_BACKEND_URL": f"file://{self._backend}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self._home / "passphrase"),
            "PULUMI_HOME": str(self._home / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",
            **plugins_at_hand(),
        }

    def _forget(self, gone: Sequence[str]) -> None:
        """Have the state not hold what the cluster does not."""
        if not gone:
            return
        self._progress.say(f"deleted from the cluster: {', '.join(urn.rpartition('::')[2] for urn in gone)}")
        targets = [f"--target={urn}" for urn in gone]
        where = ("--config-file", str(self.config_file))
        status, last = self._follow({}, "refresh", *where, "--yes", "--skip-preview", "--suppress-outputs", *targets)
        if status:
            raise GaveUp("\n".join(("pulumi refresh failed:", *last)))

    def _latest(self) -> dict[str, Any]:
        state = json.loads(self._checkpoint.read_text()) if recovery.is_whole(self._checkpoint) else {}
        return state.get("checkpoint", {}).get("latest") or {}

    def _kept_salt(self) -> str | None:
        """The salt of the stack's secrets; None where there is no stack, or none that can go on."""
        if self._salt.exists() and self._checkpoint.exists():
            return self._salt.read_text()
        # The CLI keeps it in the configuration, which it does not write whole or not at all: that is no source.
        latest = self._latest()
        salt: str | None = latest.get("secrets_providers", {}).get("state", {}).get("salt")
        if salt is None and latest.get("resources"):
            raise GaveUp(f"{self._checkpoint} holds resources and no salt of their secrets: make purge, then make up")
        return salt

    def _new_stack(self) -> str:
        # Also of a stack whose making was interrupted: it holds nothing yet.
        for left in (self.config_file, self._salt, self._source, self._checkpoint):
            left.unlink(missing_ok=True)
        self._run("stack", "init", "--secrets-provider", "passphrase", where=self.config_file.parent)
        salt = str(yaml.safe_load(self.config_file.read_text())["encryptionsalt"])
        files.write(self._salt, salt, 0o600)
        return salt

    def _configure(self, choice: Choice, salt: str) -> None:
        committed = yaml.safe_load(stack.STACK_FILE.read_text())["config"]
        others = {key: value for key, value in committed.items() if not key.startswith(f"{PROJECT}:")}
        ours = {f"{PROJECT}:{key}": value for key, value in stack.values(self._machine, choice).items()}
        values = {**others, **ours}
        credentials = stack.credentials(self._machine)
        more = services.secrets(self._machine)
        # Encrypting anew would change nothing but the ciphertext, and costs a second for each value.
        every = [values, credentials, [[*place, entries] for place, entries in more.items()]]
        fingerprint = hashlib.sha256(json.dumps(every, sort_keys=True).encode()).hexdigest()
        if self.config_file.exists() and self._source.exists() and self._source.read_text() == fingerprint:
            return
        key = f"{PROJECT}:registryCredentials"
        values[key] = [{**one, "password": None} for one in credentials]
        self._source.unlink(missing_ok=True)  # until all is written, it is of no known source
        content = yaml.safe_dump({"encryptionsalt": salt, "config": values})
        files.write(self.config_file, content, 0o600)
        hidden = {f"{key}[{index}].password": one["password"] for index, one in enumerate(credentials)}
        for place, entries in more.items():
            path = f"{PROJECT}:{'.'.join(place)}"
            hidden |= {f"{path}.{name}": json.dumps(value, sort_keys=True) for name, value in entries.items()}
        for path, text in hidden.items():
            # By stdin: a command line shows in the process list.
            self._run("config", "set", "--secret", "--path", path, where=self.config_file.parent, stdin=text)
        files.write(self._source, fingerprint)

    def _variables(self, more: Mapping[str, str]) -> dict[str, str]:
        # The Kubernetes provider leaves the administrator's kubeconfig among the temporary files.
        temporary = {"TMPDIR": str(files.folder(self._temporary, 0o700))}
        known = {**os.environ, **self.environment(), **temporary, **more}
        # The choice of the chart is in the configuration; the variable would override it.
        return {key: value for key, value in known.items() if key != "AIRFLOW_CHART"}

    def _command(self, *arguments: str) -> list[str]:
        return ["pulumi", *arguments, "--non-interactive", "--color", "never", "--stack", STACK]

    def _follow(self, variables: Mapping[str, str], *arguments: str) -> tuple[int, list[str]]:
        """Run the CLI in the clone and show what it does; returns its exit code and its last lines."""
        last: deque[str] = deque(maxlen=KEPT_LINES)
        told: set[str] = set()
        with subprocess.Popen(
            self._command(*arguments), env=self._variables(variables), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as process:  # fmt: skip
            for line in process.stdout or ():
                if line.strip():
                    last.append(line.strip())
                if (found := STEP.match(line)) and (step := SECONDS.sub("", found["step"]).strip()) not in told:
                    told.add(step)
                    self._progress.doing(step)
        return process.returncode, list(last)

    def _run(self, *arguments: str, where: Path, stdin: str = "") -> None:
        done = subprocess.run(
            self._command(*arguments), env=self._variables({}), cwd=where, input=stdin, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise GaveUp(f"pulumi {' '.join(arguments[:2])} failed: {(done.stderr or done.stdout).strip()}")


def _events(log: Path) -> Iterator[dict[str, Any]]:
    if log.exists():
        yield from (json.loads(line) for line in log.read_text().splitlines() if line.strip())


def errors(events: list[dict[str, Any]]) -> Iterator[str]:
    """``resource: message`` of each error in an event log, once."""
    told = set()
    for event in events:
        diagnostic = event.get("diagnosticEvent", {})
        text = COLOUR.sub("", diagnostic.get("message", "")).strip()
        if diagnostic.get("severity") == "error" and text not in told:
            told.add(text)
            yield f"{diagnostic.get('urn', '').rpartition('::')[2]}: {text}".removeprefix(": ")


def failure(told: Sequence[str]) -> str:
    """What to tell of an ``up`` that said this, with what to do where that is known."""
    fix = build_log.way_out(" ".join(told))
    return "\n".join(("pulumi up failed:", *told, *([f"  fix     {fix}"] if fix else [])))


def counts(events: list[dict[str, Any]]) -> Counts:
    """What an event log says was done, counted as direct apply counts it."""
    found: Counter[str] = Counter()
    for event in events:
        metadata = event.get("resOutputsEvent", {}).get("metadata", {})
        operation, kind = metadata.get("op"), metadata.get("type", "")
        if kind == IMAGE and operation in ("create", "update", "replace"):
            found["built"] += 1
        elif kind.startswith("kubernetes:") and operation in OUTCOMES:
            found[OUTCOMES[operation]] += 1
    return Counts(**found)
