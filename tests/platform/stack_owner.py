"""Who owns a stack of the committed examples, and brings it up with her own clone, backend and passphrase."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra import settings_source
from infra.object_store_policies import USERS
from infra.settings import PROJECT, Chart, Settings
from local import pulumi_engine, services
from local.cluster import kubectl
from local.machine import KUBE_CONTEXT, Machine
from local.up import answers
from tests.platform.commands import Finished, ended
from tests.platform.given_services import Given

#: Stack -> whose images they are in the platform's registry: no other stack's, so that none keeps them from collection.
OWNERS = {"staging": "staging", "prod": "production"}
#: The ConfigMap of the tasks' namespace by which task pods trust the store.
TRUSTED = "store-authority"
#: What prod's replicas ask for together is more than this machine has; how many there are stays as it is.
ROOM = {"cpu": "50m", "memory": "256Mi"}
COMPONENTS = ("apiServer", "scheduler", "dagProcessor", "triggerer", "jobs")


@dataclass(frozen=True)
class Owner:
    """``folder`` holds her clone."""

    machine: Machine
    clone: Path
    environment: dict[str, str]

    def tries(self, *command: str, text: str = "") -> Finished:
        return ended(command, self.clone, self.environment, text)

    def types(self, *command: str, text: str = "") -> str:
        done = self.tries(*command, text=text)
        assert done.status == 0, f"{' '.join(command)}\n{done.output}"
        print(f"{' '.join(command[:3])}: {done.seconds:.0f} s")
        return done.output

    def commands(self, *words: str) -> str:
        return self.types(sys.executable, "-m", "commands", *words)

    def up(self, stack: str, *options: str) -> str:
        return self.types(*self.up_command(stack), *options)

    @staticmethod
    def up_command(stack: str) -> tuple[str, ...]:
        return ("pulumi", "up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive")

    def state(self, stack: str) -> list[dict[str, Any]]:
        said = self.types("pulumi", "stack", "export", "--stack", stack)
        found: list[dict[str, Any]] = json.loads(said)["deployment"]["resources"]
        return found

    def settings(self, stack: str) -> Settings:
        log_in = json.loads(self.machine.registry_credentials.read_text())
        path = self.clone / f"Pulumi.{stack}.yaml"
        return settings_source.load_file(path, {"registryCredentials": [log_in]})

    def trust_the_store(self, *dags: str) -> None:
        """Have the task pods of these DAGs take the store's certificate, which their images do not know."""
        for dag in dags:
            file = self.clone / f"dags/{dag}.yaml"
            document = yaml.safe_load(file.read_text())
            # Not in the DAG's defaults: a worker pod trusts it anyway, and is in another namespace.
            for task in document["tasks"].values():
                if task["kind"] == "pod":
                    task["env"] = {"REQUESTS_CA_BUNDLE": "/authority/ca.pem"}
                    task["volumes"] = [{"path": "/authority", "config_map": TRUSTED}]
            file.write_text(yaml.safe_dump(document, sort_keys=False))

    def have_pods_trust(self, stack: str, given: Given) -> None:
        """Put there what those pods mount."""
        where = ("--namespace", self.settings(stack).tasks_namespace)
        kubectl(self.machine, *where, "create", "configmap", TRUSTED, f"--from-literal=ca.pem={given.authority}")

    def configure(self, stack: str, given: Given) -> None:
        """The committed file of the stack, with this machine's places filled in and its secrets set."""
        config = yaml.safe_load((self.clone / f"Pulumi.{stack}.yaml").read_text())["config"]
        self.writes(stack, self._places(stack, config, given))
        self.types("pulumi", "stack", "init", stack)
        log_in = json.loads(self.machine.registry_credentials.read_text())
        hidden = {"database.password": given.database.password, "registryCredentials[0].password": log_in["password"]}
        hidden |= {f"objectStore.keys.{user.name}.secretKey": given.store.password for user in USERS}
        for (part, key), entries in services.secrets(self.machine).items():
            hidden |= {f"{part}.{key}.{name}": json.dumps(value) for name, value in entries.items()}
        clear = {f"objectStore.keys.{user.name}.accessKey": user.name for user in USERS}
        clear |= {f"registryCredentials[0].{key}": log_in[key] for key in ("server", "username")}
        command = ("pulumi", "config", "set", "--stack", stack, "--path")
        for path, value in clear.items():
            self.types(*command, f"{PROJECT}:{path}", value)
        for path, value in hidden.items():
            self.hides(stack, path, value)

    def writes(self, stack: str, values: Mapping[str, Any]) -> None:
        """Have the stack's file these keys in the place of its own."""
        file = self.clone / f"Pulumi.{stack}.yaml"
        document = yaml.safe_load(file.read_text())
        document["config"] |= {f"{PROJECT}:{key}": value for key, value in values.items()}
        file.write_text(yaml.safe_dump(document))

    def hides(self, stack: str, path: str, value: str) -> None:
        """Set a secret."""
        command = ("pulumi", "config", "set", "--stack", stack, "--path", "--secret", f"{PROJECT}:{path}")
        self.types(*command, text=value)

    def _places(self, stack: str, config: dict[str, Any], given: Given) -> dict[str, Any]:
        store = {key: value for key, value in config[f"{PROJECT}:objectStore"].items() if key.endswith("Days")}
        airflow = config[f"{PROJECT}:airflow"]
        if f"{PROJECT}:size" in config:
            airflow = {**airflow, "components": {name: {"requests": dict(ROOM)} for name in COMPONENTS}}
        return {
            "name": f"airflow-{stack}",
            "kubernetes": {"context": KUBE_CONTEXT},
            "registry": {"server": self.machine.registry, "owner": OWNERS[stack]},
            "objectStore": {
                **store,
                "kind": "endpoint",
                "bucket": given.store.bucket,
                "url": given.store.address,
                "authority": given.authority,
            },
            "database": {**config[f"{PROJECT}:database"], "host": given.database.host},
            "airflow": airflow,
            "tasks": {"existing": {"configMaps": [TRUSTED]}},
        }


def owner_of(machine: Machine, clone: Path, folder: Path) -> Owner:
    """Whose backend and home lie in the folder."""
    (folder / "backend").mkdir()
    environment = {
        **os.environ,
        **machine.environment(),
        "PATH": os.pathsep.join((machine.environment()["PATH"], os.environ["PATH"])),
        "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "for this test",
        "PULUMI_HOME": str(folder / ".pulumi"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **({"AIRFLOW_CHART": str(Path(chart).absolute())} if (chart := os.environ.get("AIRFLOW_CHART")) else {}),
        **pulumi_engine.plugins_at_hand(),
    }
    return Owner(machine, clone, environment)


def chart_missing() -> str | None:
    """Why these stacks cannot be brought up here; None where they can."""
    if os.environ.get("AIRFLOW_CHART") or answers(Chart().repository):
        return None
    return "AIRFLOW_CHART names no chart, its repository does not answer, and the stand-in has no part of these stacks"
