"""Who owns a stack of the committed examples, and brings it up with her own clone, backend and passphrase."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra import settings_source
from infra.object_store_policies import USERS
from infra.settings import PROJECT, Settings
from local import pulumi_engine, services
from local.machine import KUBE_CONTEXT, Machine
from tests.platform.given_services import Given

#: Stack -> whose images they are in the platform's registry: prod takes staging's into repositories of its own.
OWNERS = {"staging": "local", "prod": "production"}
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

    def types(self, *command: str, text: str = "") -> str:
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=self.clone, env=self.environment, input=text, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
        print(f"{' '.join(command[:3])}: {time.monotonic() - began:.0f} s")
        return done.stdout

    def commands(self, *words: str) -> str:
        return self.types(".venv/bin/python", "-m", "commands", *words)

    def up(self, stack: str, *options: str) -> str:
        return self.types("pulumi", "up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive", *options)

    def state(self, stack: str) -> list[dict[str, Any]]:
        said = self.types("pulumi", "stack", "export", "--stack", stack)
        found: list[dict[str, Any]] = json.loads(said)["deployment"]["resources"]
        return found

    def settings(self, stack: str) -> Settings:
        log_in = json.loads(self.machine.registry_credentials.read_text())
        path = self.clone / f"Pulumi.{stack}.yaml"
        return settings_source.load_file(path, {"registryCredentials": [log_in]})

    def trust_the_store(self) -> None:
        """Have the pods of a DAG take the store's certificate, which their image does not know."""
        file = self.clone / "dags/cost_of_living.yaml"
        volume = {"path": "/authority", "config_map": TRUSTED}
        trust = {"env": {"REQUESTS_CA_BUNDLE": "/authority/ca.pem"}, "volumes": [volume]}
        file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "defaults": trust}))

    def configure(self, stack: str, given: Given) -> None:
        """The committed file of the stack, with this machine's places filled in and its secrets set."""
        file = self.clone / f"Pulumi.{stack}.yaml"
        document = yaml.safe_load(file.read_text())
        document["config"] |= {
            f"{PROJECT}:{key}": value for key, value in self._places(stack, document["config"], given).items()
        }
        file.write_text(yaml.safe_dump(document))
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
            self.types(*command, "--secret", f"{PROJECT}:{path}", text=value)

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
        "AIRFLOW_CHART": str(Path(os.environ["AIRFLOW_CHART"]).absolute()),
        **pulumi_engine.plugins_at_hand(),
    }
    return Owner(machine, clone, environment)
